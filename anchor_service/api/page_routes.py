"""The verifier's page for whoever comes by: the very bytes that the package ships."""

from __future__ import annotations

from functools import cache
from hashlib import sha256

from fastapi import APIRouter, Request
from starlette.responses import Response

from anchor_service.api import manual
from anchor_service.api.access import address_of
from anchor_service.api.running import running_of
from registry.cli.verifier_page import content_security_policy, shipped_page

router = APIRouter(tags=["verification"])

_MEDIA_TYPE = "text/html; charset=utf-8"
_HEADERS = {
    "ETag": {"schema": {"type": "string"}, "description": "of these bytes"},
    "Content-Security-Policy": {
        "schema": {"type": "string"},
        "description": "the page's own, and that no frame may hold it",
    },
}
_RESPONSES = {
    200: {
        "description": "One HTML file with everything in it.",
        "headers": {**manual.REQUEST_ID, **_HEADERS},
        "content": {"text/html": {"schema": {"type": "string"}, "example": "<!doctype html>"}},
    },
    304: {"description": "As the ETag in `If-None-Match` has it.", "headers": manual.REQUEST_ID},
    **manual.refusals(),
}


@cache
def _page() -> tuple[bytes, dict[str, str]]:
    """The page and what is said beside it. It runs nothing but its own script, in no frame."""
    page = shipped_page()
    policy = f"{content_security_policy(page)}; frame-ancestors 'none'"
    return page, {
        "ETag": f'"{sha256(page).hexdigest()[:32]}"',
        # Kept, and asked after each time: a page that verifies must not be an old one.
        "Cache-Control": "public, no-cache",
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
    }


@router.head("/verify", summary="The verifier's page: headers", responses=_RESPONSES)
@router.get("/verify", summary="The verifier's page", responses=_RESPONSES)
def page(request: Request) -> Response:
    """It judges in the browser and asks nothing more of this installation; it works from disk."""
    running_of(request).address_buckets.take(address_of(request))
    content, headers = _page()
    if _names(request.headers.get("if-none-match", ""), headers["ETag"]):
        return Response(None, 304, headers)
    return Response(content, 200, headers, _MEDIA_TYPE)


def _names(condition: str, tag: str) -> bool:
    """RFC 9110 §13.1.2, by weak comparison: a proxy that packs the page weakens its tag."""
    tags = [one.strip().removeprefix("W/") for one in condition.split(",")]
    return tag in tags or tags == ["*"]
