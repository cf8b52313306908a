"""For those who run it: is it alive, can it work, what has it done."""

from __future__ import annotations

from fastapi import APIRouter, Request
from sqlalchemy import text
from starlette.responses import Response

from anchor_service.api import manual
from anchor_service.api.answers import Answer, json_answer
from anchor_service.api.errors import Unavailable
from anchor_service.api.metrics import MEDIA_TYPE
from anchor_service.api.models import Health
from anchor_service.api.running import running_of
from anchor_service.errors import DatabaseError

router = APIRouter(tags=["operations"])


@router.get(
    "/healthz",
    summary="The process is alive",
    responses={
        200: manual.told(Health, {"status": "ok"}, "It answers."),
        **manual.refusals(),
    },
)
async def healthz() -> Response:
    return json_answer({"status": "ok"}).response()


@router.get(
    "/readyz",
    summary="The process can work",
    responses={
        200: manual.told(Health, {"status": "ok"}, "The database answers."),
        **manual.refusals(),
    },
)
def readyz(request: Request) -> Response:
    try:
        with running_of(request).database.read() as connection:
            connection.execute(text("SELECT count(*) FROM api_key WHERE id = ''"))
    except DatabaseError:
        raise Unavailable("The database does not answer, or its tables are missing.") from None
    return json_answer({"status": "ok"}).response()


@router.get(
    "/metrics",
    summary="Figures for Prometheus",
    responses={
        200: manual.document_told(
            MEDIA_TYPE,
            {"type": "string"},
            "Text exposition format.",
            "credanchor_credentials_taken_total 1200.0\n",
        ),
        **manual.refusals(),
    },
)
def metrics(request: Request) -> Response:
    """Keep it from the outside: it tells how much is issued and what the account holds."""
    return Answer(200, running_of(request).metrics.text(), media_type=MEDIA_TYPE).response()
