"""`did write`, `did publish`, `did rotate`: the issuer's DID document."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from anchor_service.commands.output import answer, load_workspace, say
from anchor_service.errors import DidDocumentError
from anchor_service.issuing import did_changes
from anchor_service.operating.files import write_whole
from anchor_service.operating.opening import open_chain, open_database, open_desk
from anchor_service.store import batch_store
from registry.plurals import count
from registry.verifying import guarded_https
from registry.verifying.did_web import METHOD, document_url

if TYPE_CHECKING:
    import argparse

    from anchor_service.store.lifecycle import Moment
    from registry.documents.did_document import DidDocument
    from registry.workspaces.workspace import Workspace


def write(args: argparse.Namespace) -> int:
    workspace = load_workspace(args)
    document = did_changes.write(workspace, did_changes.home_of(workspace))
    file = did_changes.did_file(workspace)
    if args.out is not None:
        write_whole(args.out, file.read_text("utf-8"))
    _tell(args, document, str(args.out or file))
    return 0


def publish(args: argparse.Namespace) -> int:
    workspace = load_workspace(args)
    document = did_changes.read(workspace)
    if not args.unchecked:
        did_changes.check_published(document, guarded_https.Guard())
    with open_desk(workspace, _unwatched) as desk:
        sent = did_changes.publish(workspace, desk, document)
    said = "recorded in the registry" if sent else "in the registry already"
    say(args, f"hash        {document.hash}, {said}")
    answer(args, {"did": document.did, "hash": document.hash.to_hex(), "sent": sent})
    return 0


def rotate(args: argparse.Namespace) -> int:
    workspace = load_workspace(args)
    if not args.leaked:
        _refuse_unanchored(workspace)
    rotated = did_changes.rotate(workspace, _not_before_any_anchor(workspace))
    say(args, f"retired     {rotated.retired}")
    say(args, f"new key     {rotated.key_file}; what runs (`serve`) must be started again")
    _tell(args, rotated.document, str(did_changes.did_file(workspace)), more=rotated.retired)
    return 0


def _refuse_unanchored(workspace: Workspace) -> None:
    """A retired key is judged at the anchor, so what is anchored later would be signed in vain."""
    with open_database(workspace) as database, database.read() as connection:
        waiting = batch_store.count_unanchored(connection, workspace.handle)
    if waiting:
        raise DidDocumentError(
            f"{count(waiting, 'credential')} signed with the present key and not anchored yet; run "
            "`credanchor anchor` first (or --leaked, and issue them again)"
        )


def _not_before_any_anchor(workspace: Workspace) -> datetime:
    """Now, or a second after the newest block where that chain's clock is ahead of ours."""
    with open_chain(workspace) as chain:
        newest = chain.head().timestamp
    return datetime.fromtimestamp(max(int(time.time()), newest + 1), UTC)


def _tell(
    args: argparse.Namespace, document: DidDocument, file: str, more: str | None = None
) -> None:
    place = document_url(document.did) if document.did.startswith(METHOD) else None
    say(args, f"document    {file}, hash {document.hash}")
    if place:
        say(args, f"next        upload it to {place}, then: credanchor did publish")
    else:
        say(args, "next        credanchor did publish")
    answer(
        args,
        {
            "did": document.did,
            "file": file,
            "hash": document.hash.to_hex(),
            "place": place,
            "keys": [
                {"id": one.url, "retired": one.retired_at is not None} for one in document.keys
            ],
            "retired": more,
        },
    )


def _unwatched(_: Moment) -> None:
    pass
