"""`reissue`: a mended credential in the place of another."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from anchor_service.commands.output import answer, load_workspace, say
from anchor_service.errors import ReissueRefused
from anchor_service.issuing import new_credentials, reissuing
from anchor_service.issuing.credential_key import open_issuing
from anchor_service.operating import preview
from anchor_service.operating.opening import open_database
from anchor_service.store import store
from registry.documents.open_badges import faults
from registry.formats.strict_json import read_object

if TYPE_CHECKING:
    import argparse

    from anchor_service.store.store import Stored
    from registry.formats.strict_json import JsonObject
    from registry.workspaces.workspace import Workspace


def run(args: argparse.Namespace) -> int:
    workspace = load_workspace(args)
    mended = dict(args.set)
    with open_database(workspace) as database:
        with database.read() as connection:
            old = store.find(connection, args.id, workspace.handle)
            raw = store.document_of(connection, old.row)
        document = _document(workspace, old, raw)
        unsigned = reissuing.mend(document, old.digest, mended, os.urandom)
        _refuse_faults(document, unsigned)
        if args.dry_run:
            say(args, f"would replace {old.name}: {preview.in_words(document)}")
            say(args, f"by            {preview.in_words(unsigned)}")
            answer(args, {"old": old.name, "document": unsigned})
            return 0
        label = mended.get("name") or mended.get("email") or old.label
        new = new_credentials.sign(open_issuing(workspace), unsigned, label, datetime.now(UTC))
        with database.write() as connection:
            done = reissuing.replace(
                connection, workspace.handle, old, new, int(time.time()), args.name
            )
    say(args, f"{done.new} replaces {done.old}")
    if done.revokes:
        say(args, "the old one is revoked as soon as the new one is final; `anchor` is next")
    else:
        say(args, "the old one was not sealed yet and is taken out; `anchor` is next")
    answer(args, {"old": done.old, "new": done.new, "revokes": done.revokes})
    return 0


def _document(workspace: Workspace, old: Stored, raw: bytes | None) -> JsonObject:
    if raw is None:
        raise ReissueRefused(f"{old.name} is erased; there is nothing left to mend")
    document = read_object(raw)
    issuer = document.get("issuer")
    named = issuer.get("id") if isinstance(issuer, dict) else issuer
    if named != workspace.issuer.did:
        raise ReissueRefused(
            f"{old.name} was issued by {named}, whose key is not here; have it mended there"
        )
    return document


def _refuse_faults(before: JsonObject, after: JsonObject) -> None:
    """What the official schema takes must be taken still."""
    found = faults(after)
    if found and not faults(before):
        pointer, reason = found[0]
        raise ReissueRefused(f"{pointer or '/'}: {reason}")
