"""What a file is that holds no JSON, in words for whoever was sent the wrong one."""

from __future__ import annotations

import re

_BEGINNINGS = (
    (b"%PDF-", "it is a PDF"),
    (b"\x89PNG\r\n", "it is a picture (PNG); a badge baked into one is not read here"),
    (b"\xff\xd8\xff", "it is a picture (JPEG)"),
    (b"GIF8", "it is a picture (GIF)"),
    (b"PK\x03\x04", "it is a ZIP archive, or a document of an office program"),
    (b"\x1f\x8b", "it is packed (gzip)"),
    (b"\xff\xfe", "it is text in UTF-16, and JSON is UTF-8"),
    (b"\xfe\xff", "it is text in UTF-16, and JSON is UTF-8"),
)
_MARKUP = re.compile(rb"\s*<[!?A-Za-z]")
_COMPACT_JWT = re.compile(rb"\s*eyJ[\w-]*\.[\w-]+\.[\w-]*\s*")


def told_kind(raw: bytes) -> str | None:
    """Return what the first bytes say it is, to complete "cannot be read: "; None if nothing.

    A guess for a sentence, on which no verdict rests.
    """
    if not raw.strip():
        return "the file is empty"
    for beginning, told in _BEGINNINGS:
        if raw.startswith(beginning):
            return told
    if _MARKUP.match(raw):
        return "it is a web page, or other markup"
    if raw[:16].lstrip().startswith(b"eyJ") and _COMPACT_JWT.fullmatch(raw):
        return "it is a JWT, a form of credential that is not read here"
    return None
