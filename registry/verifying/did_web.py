"""did:web: where a DID's document is, and fetching it (did:web Method Specification)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from registry.documents.did_document import MAX_DID_DOCUMENT_BYTES, DidDocument
from registry.errors import MalformedDocument, MalformedJson, MalformedValue, NotFetched
from registry.report import printable
from registry.verifying.guarded_https import fetch

if TYPE_CHECKING:
    from registry.verifying.guarded_https import Guard

METHOD = "did:web:"
_SEGMENT = re.compile(r"(?:[A-Za-z0-9._~-]|%[0-9A-Fa-f]{2})+")
_PLACE = re.compile(r"([A-Za-z0-9.-]+)(?:%3[Aa]([1-9][0-9]{0,4}))?")


def document_url(did: str) -> str:
    """did:web:example.com%3A8443:a:b is at https://example.com:8443/a/b/did.json.

    Without a path it is at /.well-known/did.json. Raises MalformedValue for what is no did:web.
    """
    if not did.startswith(METHOD):
        raise MalformedValue("did:web", "does not begin with did:web:")
    place, *path = did.removeprefix(METHOD).split(":")
    match = _PLACE.fullmatch(place)
    if match is None or int(match[2] or 0) > 65535:
        raise MalformedValue("did:web", "its place is no host name with %3A and a port, if any")
    for segment in path:
        if not _SEGMENT.fullmatch(segment) or segment.replace("%2e", ".").replace("%2E", ".") in (
            ".",
            "..",
        ):
            raise MalformedValue("did:web", "a part of its path is not of the method's form")
    host = match[1] + (f":{match[2]}" if match[2] else "")
    return f"https://{host}/{'/'.join(path or ['.well-known'])}/did.json"


def fetch_document(did: str, guard: Guard) -> DidDocument:
    """The document from the DID's own place. Raises NotFetched with one plain sentence."""
    try:
        url = document_url(did)
    except MalformedValue as fault:
        raise NotFetched(str(fault)) from None
    raw = fetch(url, MAX_DID_DOCUMENT_BYTES, guard)
    try:
        document = DidDocument.parse(raw)
    except (MalformedJson, MalformedDocument) as fault:
        raise NotFetched(f"what is at {url} is no DID document: {printable(str(fault))}") from None
    if document.did != did:
        named = printable(document.did)
        raise NotFetched(f"the document at {url} is that of another DID: {named}")
    return document
