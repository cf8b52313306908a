"""Status changes: suspend, reinstate, revoke; written down here, brought to the chain later."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from anchor_service.api import manual, problems, queries, samples, shapes
from anchor_service.api.access import Allowed, Caller
from anchor_service.api.answers import Answer, json_answer
from anchor_service.api.body import parse, read_body
from anchor_service.api.errors import NotFound, WrongState
from anchor_service.api.models import ChangePage, ChangesAsked, ChangeSeen, StatusChanges
from anchor_service.api.once import once, ticket_of
from anchor_service.api.paging import MAX_PAGE, USUAL_PAGE, page, read_cursor
from anchor_service.api.parameters import IdempotencyKey, NumberInPath, no_nul
from anchor_service.api.running import running_of
from anchor_service.store import changes
from anchor_service.store.api_keys import Scope
from anchor_service.store.lifecycle import BatchState, ChangeState
from registry.formats.events import StatusChange

router = APIRouter(tags=["status changes"])
_KIND = "changes"

Reader = Annotated[Caller, Depends(Allowed(Scope.CREDENTIALS_READ))]
Writer = Annotated[Caller, Depends(Allowed(Scope.STATUS_WRITE))]


@router.post(
    "/v1/status-changes",
    status_code=202,
    summary="Suspend, reinstate or revoke credentials",
    responses={
        202: manual.told(
            ChangesAsked, {_KIND: [samples.CHANGE]}, "Written down, all of them or none."
        ),
        **manual.refusals(
            *manual.WITH_KEY,
            *manual.WITH_BODY,
            problems.NOT_FOUND,
            problems.WRONG_STATE,
            problems.KEY_REUSED,
        ),
    },
    openapi_extra=manual.model_body(StatusChanges, {"revoke": samples.CHANGES}),
)
async def post_changes(request: Request, caller: Writer, key: IdempotencyKey = None) -> Response:
    """Gathered and sent in bulk, or at once if urgent. Reason and note never reach the chain."""
    del key  # documented here, read by ticket_of
    running = running_of(request)
    raw = await read_body(request)
    wanted = parse(StatusChanges, raw, running.services.settings.max_body)
    ticket = ticket_of(request, caller, raw)

    def write() -> Answer:
        with running.database.write() as connection:
            return once(
                connection,
                ticket,
                running.now(),
                lambda: _want(connection, caller, wanted, running.now()),
            )

    return (await run_in_threadpool(write)).response()


def _want(connection: Any, caller: Caller, wanted: StatusChanges, now: int) -> Answer:
    """Raises NotFound, WrongState; the caller's transaction then ends without a trace."""
    rows: dict[int, None] = {}
    for place, name in enumerate(wanted.credentials):
        try:
            rows[_row(connection, caller, name)] = None
        except (NotFound, WrongState) as error:
            raise error.at(f"/credentials/{place}") from None
    numbers = changes.want(
        connection,
        StatusChange[wanted.change.upper()],
        list(rows),
        now,
        urgent=wanted.urgent,
        reason_code=wanted.reasonCode.value,
        note=wanted.note,
        asked_by=caller.name,
    )
    shown = [
        shapes.change(row)
        for start in range(0, len(numbers), MAX_PAGE)
        for row in queries.changes_by_number(
            connection, caller.issuer, numbers[start : start + MAX_PAGE]
        )
    ]
    return json_answer({_KIND: [*shown]}, 202)


def _row(connection: Any, caller: Caller, name: str) -> int:
    found = queries.find_credential(connection, caller.issuer, name)
    if found.state == BatchState.OPEN:
        raise WrongState("A credential that waits for its seal has no status yet.")
    if found.leaf_index is None:
        raise WrongState("A credential that was erased has no place on the chain any more.")
    return int(found.id)


@router.get(
    "/v1/status-changes",
    summary="List status changes in the order in which they were asked for",
    responses={
        200: manual.told(ChangePage, {_KIND: [samples.CHANGE], "next": None}, "One page."),
        **manual.refusals(
            *manual.WITH_KEY,
            problems.MALFORMED_REQUEST,
            problems.NOT_FOUND,
            problems.WRONG_STATE,
        ),
    },
)
def list_changes(
    request: Request,
    caller: Reader,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = USUAL_PAGE,
    state: ChangeState | None = None,
    change: Literal["suspend", "reinstate", "revoke"] | None = None,
    credential: Annotated[str | None, Query(max_length=2000)] = None,
) -> Response:
    """`next` is the cursor of the next page; null on the last one."""
    after = read_cursor(cursor, _KIND)
    kind = StatusChange[change.upper()] if change else None
    with running_of(request).database.read() as connection:
        row = None
        if no_nul(credential) is not None:
            assert credential is not None
            row = queries.find_credential(connection, caller.issuer, credential).id
        wanted = queries.ChangeFilter(state, kind, row)
        rows = queries.changes(connection, caller.issuer, wanted, after, limit + 1)
    return json_answer(page(_KIND, rows, limit, shapes.change)).response()


@router.get(
    "/v1/status-changes/{number}",
    summary="One status change",
    responses={
        200: manual.told(ChangeSeen, samples.CHANGE, "How far it has come."),
        **manual.refusals(*manual.WITH_KEY, problems.NOT_FOUND),
    },
)
def get_change(request: Request, caller: Reader, number: NumberInPath) -> Response:
    with running_of(request).database.read() as connection:
        row = queries.find_change(connection, caller.issuer, number)
    return json_answer(shapes.change(row)).response()
