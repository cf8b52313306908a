"""Batches: how far they are, and a wish that what is open be sealed now."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from anchor_service.api import manual, problems, queries, samples, shapes
from anchor_service.api.access import Allowed, Caller
from anchor_service.api.answers import Answer, json_answer
from anchor_service.api.models import BatchPage, BatchSeen, SealAsked
from anchor_service.api.once import once, ticket_of
from anchor_service.api.paging import MAX_PAGE, USUAL_PAGE, page, read_cursor
from anchor_service.api.parameters import IdempotencyKey, NumberInPath
from anchor_service.api.running import running_of
from anchor_service.store import batch_store
from anchor_service.store.api_keys import Scope
from anchor_service.store.lifecycle import BatchState

router = APIRouter(tags=["batches"])
_KIND = "batches"

Reader = Annotated[Caller, Depends(Allowed(Scope.CREDENTIALS_READ))]
Sealer = Annotated[Caller, Depends(Allowed(Scope.BATCHES_SEAL))]


@router.get(
    "/v1/batches",
    summary="List batches, the oldest first",
    responses={
        200: manual.told(BatchPage, {_KIND: [samples.BATCH], "next": None}, "One page."),
        **manual.refusals(*manual.WITH_KEY, problems.MALFORMED_REQUEST),
    },
)
def list_batches(
    request: Request,
    caller: Reader,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = USUAL_PAGE,
    state: BatchState | None = None,
) -> Response:
    """`next` is the cursor of the next page; null on the last one."""
    after = read_cursor(cursor, _KIND)
    with running_of(request).database.read() as connection:
        rows = queries.batches(connection, caller.issuer, state, after, limit + 1)
        counts = queries.count_credentials(connection, [row.id for row in rows])
    listed = page(_KIND, rows, limit, lambda row: shapes.batch(row, counts.get(row.id, 0)))
    return json_answer(listed).response()


@router.get(
    "/v1/batches/{batch}",
    summary="One batch",
    responses={
        200: manual.told(BatchSeen, samples.BATCH, "Its state, and its anchor once there is one."),
        **manual.refusals(*manual.WITH_KEY, problems.NOT_FOUND),
    },
)
def get_batch(request: Request, caller: Reader, batch: NumberInPath) -> Response:
    with running_of(request).database.read() as connection:
        row = queries.find_batch(connection, caller.issuer, batch)
        count = queries.count_credentials(connection, [row.id]).get(row.id, 0)
    return json_answer(shapes.batch(row, count)).response()


@router.post(
    "/v1/batches/seal",
    status_code=202,
    summary="Ask that what is open be sealed and anchored now",
    responses={
        202: manual.told(SealAsked, {"batches": [7]}, "Written down; the worker goes on with it."),
        **manual.refusals(
            *manual.WITH_KEY,
            problems.MALFORMED_REQUEST,
            problems.KEY_REUSED,
        ),
    },
)
async def seal(request: Request, caller: Sealer, key: IdempotencyKey = None) -> Response:
    """Takes no body. What comes in until the worker seals is sealed with it."""
    del key  # documented here, read by ticket_of
    running = running_of(request)
    ticket = ticket_of(request, caller, b"")

    def ask() -> Answer:
        with running.database.write() as connection:
            return once(
                connection,
                ticket,
                running.now(),
                lambda: json_answer(
                    {"batches": [*batch_store.ask_seal(connection, caller.issuer, running.now())]},
                    202,
                ),
            )

    return (await run_in_threadpool(ask)).response()
