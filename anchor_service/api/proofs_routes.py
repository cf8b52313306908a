"""What proves a sealed credential: its receipt, the document with the anchor inside, its bundle."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from sqlalchemy import Connection
from starlette.responses import Response

from anchor_service.api import manual, problems, queries, samples
from anchor_service.api.access import Allowed, Caller
from anchor_service.api.answers import Answer
from anchor_service.api.direct import read_name, served_by
from anchor_service.api.errors import Unavailable, WrongState
from anchor_service.api.models import ReceiptSeen
from anchor_service.api.parameters import CredentialName
from anchor_service.api.running import running_of
from anchor_service.api.services import Running
from anchor_service.operating.exporting import with_receipt
from anchor_service.store.api_keys import Scope
from anchor_service.store.lifecycle import BatchState
from anchor_service.store.store import Placed
from registry.formats.receipt import Receipt
from registry.values import Address, BatchRoot, ChainId, CredentialDigest, IssuerId, Salt

router = APIRouter(tags=["credentials"])

_MAY_READ = Allowed(Scope.CREDENTIALS_READ)
Reader = Annotated[Caller, Depends(_MAY_READ)]
_DOCUMENT = {"type": "object"}
_SEALED = (
    *manual.WITH_KEY,
    problems.NOT_FOUND,
    problems.WRONG_STATE,
    problems.ERASED,
)


@router.get(
    "/v1/credentials/{credential}/anchored",
    summary="The document with its anchor inside, to hand to the learner",
    responses={
        200: manual.document_told(
            "application/json", _DOCUMENT, "With the anchor proof.", samples.CREDENTIAL
        ),
        **manual.refusals(*_SEALED),
    },
)
def get_anchored(request: Request, caller: Reader, credential: CredentialName) -> Response:
    """Once its batch is sealed. Whether the anchor is on the chain yet, the state says."""
    running = running_of(request)
    with running.database.read() as connection:
        row = queries.find_sealed(connection, caller.issuer, credential)
        document = queries.document(connection, row.id)
        receipt = _receipt(running, connection, row)
    return Answer(200, with_receipt(document, CredentialDigest(row.digest), receipt)).response()


async def _get_receipt(request: Request) -> Answer:
    caller = await _MAY_READ.of(request)
    running, name = running_of(request), read_name(request)

    def read(connection: Connection) -> Answer:
        row = queries.find_sealed(connection, caller.issuer, name)
        return Answer(200, _receipt(running, connection, row).serialize())

    return await running.reads.ask(read)


@router.get(
    "/v1/credentials/{credential}/receipt",
    summary="The receipt, which joins the document to its anchor",
    responses={
        200: manual.told(ReceiptSeen, samples.RECEIPT, "In RFC 8785 form."),
        **manual.refusals(*_SEALED),
    },
)
@served_by(_get_receipt)
def get_receipt(request: Request, caller: Reader, credential: CredentialName) -> Response:
    """Once its batch is sealed; it never changes."""
    raise AssertionError((request, caller, credential))


@router.get(
    "/v1/credentials/{credential}/bundle",
    summary="Credential, receipt and proofs in one file, to verify without a network",
    responses={
        200: manual.document_told(
            "application/json", _DOCUMENT, "Proven as of now's final block.", samples.BUNDLE
        ),
        **manual.refusals(*_SEALED),
    },
)
def get_bundle(
    request: Request,
    caller: Reader,
    credential: CredentialName,
    history: Annotated[bool, Query(description="for questions about the past")] = False,
) -> Response:
    """Once its batch is FINAL. A node of the chain is asked for the proofs, so it takes a while."""
    running = running_of(request)
    with running.database.read() as connection:
        row = queries.find_sealed(connection, caller.issuer, credential)
        if row.state != BatchState.FINAL:
            raise WrongState("Its batch is not FINAL yet.")
        document = queries.document(connection, row.id)
        receipt = _receipt(running, connection, row)
    prove = running.services.prove
    if prove is None:
        raise Unavailable("This installation asks no chain.", wait=None)
    placed = Placed(
        None, None, CredentialDigest(row.digest), document, row.leaf_index, Salt(row.salt)
    )
    return Answer(200, prove(caller.issuer, placed, receipt, history=history)).response()


def _receipt(running: Running, connection: Connection, row: queries.Sealed) -> Receipt:
    return Receipt(
        chain=ChainId(row.chain),
        registry=Address(row.registry),
        issuer_id=IssuerId(row.issuer_id),
        index=row.leaf_index,
        tree_size=row.size,
        salt=Salt(row.salt),
        path=running.paths.path(connection, row.batch, row.leaf_index),
        root=BatchRoot(row.root),
    )
