"""Rows to the JSON that callers get. Times are RFC 3339 in UTC; hashes lower-case hex with 0x."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from registry.formats.events import StatusChange
from registry.moments import stamp

if TYPE_CHECKING:
    from typing import Any

    from registry.formats.strict_json import JsonObject, JsonValue


def moment(seconds: int | None) -> str | None:
    return None if seconds is None else stamp(datetime.fromtimestamp(seconds, UTC))


def hexed(value: bytes | None) -> str | None:
    return None if value is None else "0x" + bytes(value).hex()


def href(digest: bytes) -> str:
    return f"/v1/credentials/{hexed(digest)}"


def credential(row: Any) -> JsonObject:
    """A row of queries.credentials."""
    return {
        "id": row.credential_id,
        "digest": hexed(row.digest),
        "label": row.label,
        "created": moment(row.created),
        "state": row.state,
        "batch": row.batch,
        "index": row.leaf_index,
        "erased": bool(row.erased),
        "href": href(row.digest),
    }


def batch(row: Any, count: int) -> JsonObject:
    """A row of queries.batches; count: credentials in it."""
    anchor: JsonValue = None
    if row.tx_hash is not None:
        anchor = {
            "transaction": hexed(row.tx_hash),
            "block": row.block_number,
            "anchoredAt": moment(row.block_time),
        }
    return {
        "batch": row.id,
        "state": row.state,
        "reason": row.reason,
        "credentials": count,
        "created": moment(row.created),
        "sealed": moment(row.sealed),
        "chain": None if row.chain is None else f"eip155:{row.chain}",
        "registry": hexed(row.registry),
        "issuerId": hexed(row.issuer_id),
        "root": hexed(row.root),
        "treeSize": row.size,
        "metaHash": hexed(row.meta_hash),
        "anchor": anchor,
        "href": f"/v1/batches/{row.id}",
    }


def change(row: Any) -> JsonObject:
    """A row of queries.changes."""
    return {
        "change": StatusChange(row.change).name.lower(),
        "number": row.id,
        "credential": hexed(row.digest),
        "id": row.credential_id,
        "state": row.state,
        "dropped": row.reason,
        "urgent": bool(row.urgent),
        "reasonCode": row.reason_code,
        "note": row.note,
        "askedBy": row.asked_by,
        "created": moment(row.created),
        "href": f"/v1/status-changes/{row.id}",
    }


def safe_name(text: str) -> str:
    """For a header: nothing but what may stand in a URL."""
    return quote(text, safe="")
