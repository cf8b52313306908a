"""The issuer's DID document as a file of the workspace, its hash on the chain, its keys in turn."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from anchor_service.engine import keys
from anchor_service.engine.did_errand import SetDid
from anchor_service.engine.submitter import Outcome
from anchor_service.errors import DidDocumentError, StillPending
from anchor_service.issuing.did_documents import describe, method_of, retire
from anchor_service.issuing.issuer_key import IssuerKey
from anchor_service.operating.config_edit import set_values
from anchor_service.operating.files import write_whole
from anchor_service.operating.opening import issuer_of, registry_of
from registry.documents.did_document import MAX_DID_DOCUMENT_BYTES, DidDocument, Home
from registry.errors import MalformedDocument, MalformedJson, NotFetched, WorkspaceError
from registry.verifying.did_web import METHOD, fetch_document
from registry.workspaces.issuer_settings import MAIN

if TYPE_CHECKING:
    from pathlib import Path

    from anchor_service.operating.opening import Desk
    from registry.formats.strict_json import JsonObject
    from registry.verifying.guarded_https import Guard
    from registry.workspaces.workspace import Workspace

DID_DOCUMENT = "did.json"


@dataclass(frozen=True, slots=True)
class Rotated:
    """retired: the old key's DID URL, with its time in the document from now on."""

    document: DidDocument
    key_file: Path
    retired: str


def did_file(workspace: Workspace) -> Path:
    """Where the DID document of this workspace's issuer is kept."""
    name = DID_DOCUMENT if workspace.handle == MAIN else f"did-{workspace.handle}.json"
    return workspace.folder / name


def read_published(workspace: Workspace) -> JsonObject | None:
    """The DID document as it is kept here; None where there is none. Raises DidDocumentError."""
    return _present(did_file(workspace))


def did_of(workspace: Workspace) -> str:
    if workspace.issuer.did is None:
        raise WorkspaceError(f"{workspace.file}: [issuer] did is missing")
    return workspace.issuer.did


def home_of(workspace: Workspace) -> Home:
    """Raises WorkspaceError before `issuer register`."""
    return Home(workspace.chain.id, registry_of(workspace), issuer_of(workspace))


def write(workspace: Workspace, home: Home) -> DidDocument:
    """Bring the workspace's document up to date: its present key and its home are in it.

    Raises DidDocumentError, KeyUnusable, IssuerKeyError, WorkspaceError.
    """
    file = did_file(workspace)
    before = _present(file)
    document = describe(did_of(workspace), _key(workspace), home, before, datetime.now(UTC))
    if document != before:
        _store(file, document)
    return DidDocument.from_json(document)


def read(workspace: Workspace) -> DidDocument:
    """The workspace's document. Raises DidDocumentError where there is none, or no good one."""
    file = did_file(workspace)
    present = _present(file)
    if present is None:
        raise DidDocumentError(f"there is no {file}; run `credanchor did write`")
    document = DidDocument.from_json(present)
    if document.did != did_of(workspace):
        raise DidDocumentError(f"{file} is the document of {document.did}, not of [issuer] did")
    return document


def publish(workspace: Workspace, desk: Desk, document: DidDocument) -> bool:
    """Record the document's hash in the registry; False where it stands there already.

    A crash leaves it done or not: say it again. Raises Blocked, StillPending, ChainError.
    """
    uri = workspace.issuer.url or ""
    errand = SetDid(registry_of(workspace), issuer_of(workspace), document.hash, uri)
    if errand.is_done(desk.chain):
        return False
    if desk.submitter.carry_out(errand) is Outcome.SPENT or not errand.is_done(desk.chain):
        raise StillPending("the document's hash did not take; run `credanchor did publish` again")
    return True


def check_published(document: DidDocument, guard: Guard) -> None:
    """Raises DidDocumentError unless a did:web's own place shows this very document."""
    if not document.did.startswith(METHOD):
        return
    try:
        found = fetch_document(document.did, guard)
    except NotFetched as fault:
        raise DidDocumentError(f"{document.did} is not to be read yet: {fault}") from None
    if found.hash != document.hash:
        raise DidDocumentError(
            f"another document stands at the place of {document.did}: upload yours first"
        )


def rotate(workspace: Workspace, at: datetime) -> Rotated:
    """Retire the present key as of `at`, make another, and sign with that from now on.

    The document comes before the settings: after a crash between the two, the next call finds the
    key that the document already has, and takes it. Raises DidDocumentError, WorkspaceError,
    KeyUnusable, IssuerKeyError.
    """
    did, file = did_of(workspace), did_file(workspace)
    if not did.startswith(METHOD):
        raise DidDocumentError(
            f"{did} is the name of its one key, so another key has another DID; "
            "keys that change need a did:web (`init --did`)"
        )
    document, key = read(workspace), _key(workspace)
    held = next((one for one in document.keys if one.key == key.public), None)
    if held is None:
        raise DidDocumentError(f"{file} does not have the present key; run `credanchor did write`")
    path = workspace.issuer.key.with_name(f"issuer-{len(document.keys) + 1}.pem")
    if held.retired_at is None:
        fresh = IssuerKey.generate()
        fresh.create_file(path, _password(workspace))
        ended = retire(document.document, did, key.public, at)
        document = DidDocument.from_json(describe(did, fresh, home_of(workspace), ended, at))
        _store(file, document.document)
    else:
        path = path.with_name(f"issuer-{len(document.keys)}.pem")
        after = IssuerKey.load_file(path, _password(workspace))
        if not any(one.url == method_of(did, after.public) for one in document.keys):
            raise DidDocumentError(f"{path} is not the key that {file} has in the old one's place")
    name = str(path.relative_to(workspace.folder))
    set_values(workspace.file, {(workspace.section("issuer"), "key"): name})
    return Rotated(document, path, held.url)


def _present(file: Path) -> JsonObject | None:
    if not file.exists():
        return None
    with file.open("rb") as stream:
        raw = stream.read(MAX_DID_DOCUMENT_BYTES + 1)
    try:
        return DidDocument.parse(raw).document
    except (MalformedJson, MalformedDocument) as fault:
        raise DidDocumentError(f"{file}: {fault}") from None


def _store(file: Path, document: JsonObject) -> None:
    write_whole(file, json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def _key(workspace: Workspace) -> IssuerKey:
    return IssuerKey.load_file(workspace.issuer.key, _password(workspace))


def _password(workspace: Workspace) -> str:
    return keys.read_password(workspace.account.password, workspace.account.password_file)
