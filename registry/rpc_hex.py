"""JSON-RPC's numbers and bytes in hex, as nodes answer them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from registry.errors import NodeInconsistent

if TYPE_CHECKING:
    from registry.formats.strict_json import JsonValue

_HEX = re.compile(r"0x[0-9a-fA-F]*")


def quantity(value: JsonValue, what: str) -> int:
    """A JSON-RPC quantity: 0x and hex, no more than 32 bytes. Raises NodeInconsistent."""
    if isinstance(value, str) and _HEX.fullmatch(value) and 3 <= len(value) <= 66:
        return int(value, 16)
    raise NodeInconsistent(f"{what}: not a quantity")


def data(value: JsonValue, what: str, length: int | None = None) -> bytes:
    """JSON-RPC data: 0x and an even number of hex digits. Raises NodeInconsistent.

    length: how many bytes there must be.
    """
    if isinstance(value, str) and _HEX.fullmatch(value) and len(value) % 2 == 0:
        read = bytes.fromhex(value[2:])
        if length is None or len(read) == length:
            return read
    raise NodeInconsistent(f"{what}: not {'data' if length is None else f'{length} bytes'} in hex")
