"""Where handlers find what they work with."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.requests import Request

    from anchor_service.api.services import Running


def running_of(request: Request) -> Running:
    running: Running = request.app.state.running
    return running
