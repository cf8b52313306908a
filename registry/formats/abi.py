"""PERMANENT. Solidity's ABI, as far as the registry's events and histories need it.

Flat tuples of whole words, texts and lanes, as `abi.encode` writes them: a head of one word a
member, in which a dynamic member has its offset, then the dynamic members' content in order.
Reading is strict: only the one form that `abi.encode` gives is taken, so that reading and writing
again gives the same bytes. Source: Solidity documentation, "Contract ABI Specification".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from registry.errors import MalformedValue

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from registry.values import FixedBytes

WORD = 32


class Lanes(NamedTuple):
    """Credentials of one status word: bit 2i of `mask` for the one at 128 * `word` + i."""

    word: int
    mask: int


@dataclass(frozen=True, slots=True)
class Member:
    """One member of a tuple. name: its type, as in signatures.

    write and read take and give one word; for a dynamic member, its content: whole words. read
    raises MalformedValue.
    """

    name: str
    dynamic: bool
    write: Callable[[Any], bytes]
    read: Callable[[bytes], Any]


def encode(members: Sequence[Member], values: Sequence[object]) -> bytes:
    """Write one value for each member. The values' ranges are the caller's to keep."""
    head: list[bytes] = []
    tail: list[bytes] = []
    offset = WORD * len(members)
    for member, value in zip(members, values, strict=True):
        content = member.write(value)
        if member.dynamic:
            head.append(offset.to_bytes(WORD, "big"))
            tail.append(content)
            offset += len(content)
        else:
            head.append(content)
    return b"".join(head + tail)


def decode(members: Sequence[Member], data: bytes) -> list[Any]:
    """Read one value for each member. Raises MalformedValue unless `data` is what encode gives."""
    end = WORD * len(members)
    if len(data) < end:
        raise MalformedValue("event data", f"{len(data)} bytes where {end} at least belong")
    values: list[Any] = []
    for place, member in enumerate(members):
        word = data[WORD * place : WORD * (place + 1)]
        if member.dynamic:
            if int.from_bytes(word, "big") != end:
                raise MalformedValue("event data", f"member {place} is not at offset {end}")
            content = _content(member, data, end)
            end += len(content)
            values.append(member.read(content))
        else:
            values.append(member.read(word))
    if len(data) != end:
        raise MalformedValue("event data", f"{len(data)} bytes where {end} belong")
    return values


def uint(bits: int) -> Member:
    def read(word: bytes) -> int:
        value = int.from_bytes(word, "big")
        if value >> bits:
            raise MalformedValue(f"uint{bits}", f"0x{word.hex()} does not fit")
        return value

    return Member(f"uint{bits}", False, lambda value: value.to_bytes(WORD, "big"), read)


def bytes32(kind: type[FixedBytes]) -> Member:
    return Member("bytes32", False, bytes, kind)


def bytes27(kind: type[FixedBytes]) -> Member:
    """On the left of its word; unlike numbers and addresses, which are on the right."""

    def read(word: bytes) -> FixedBytes:
        if any(word[27:]):
            raise MalformedValue("bytes27", f"0x{word.hex()} does not fit")
        return kind(word[:27])

    return Member("bytes27", False, lambda value: bytes(value).ljust(WORD, b"\0"), read)


def address(kind: type[FixedBytes]) -> Member:
    def read(word: bytes) -> FixedBytes:
        if any(word[:12]):
            raise MalformedValue("address", f"0x{word.hex()} does not fit")
        return kind(word[12:])

    return Member("address", False, lambda value: bytes(value).rjust(WORD, b"\0"), read)


def _write_text(value: bytes) -> bytes:
    return len(value).to_bytes(WORD, "big") + value + bytes(-len(value) % WORD)


def _read_text(content: bytes) -> bytes:
    length = int.from_bytes(content[:WORD], "big")
    if any(content[WORD + length :]):
        raise MalformedValue("string", "its filling is not zero")
    return content[WORD : WORD + length]


def _write_lanes(value: Sequence[Lanes]) -> bytes:
    numbers = [len(value), *(number for lanes in value for number in lanes)]
    return b"".join(number.to_bytes(WORD, "big") for number in numbers)


def _read_lanes(content: bytes) -> tuple[Lanes, ...]:
    numbers = [
        int.from_bytes(content[at : at + WORD], "big") for at in range(WORD, len(content), WORD)
    ]
    return tuple(map(Lanes, numbers[::2], numbers[1::2]))


TEXT = Member("string", True, _write_text, _read_text)
"""As bytes: no contract checks that a string is UTF-8."""

LANES = Member("(uint256,uint256)[]", True, _write_lanes, _read_lanes)

_UNIT_BYTES = {TEXT.name: 1, LANES.name: 2 * WORD}


def _content(member: Member, data: bytes, start: int) -> bytes:
    """The length and the content that follows it, in whole words."""
    length = int.from_bytes(data[start : start + WORD], "big")
    size = WORD + -(-length * _UNIT_BYTES[member.name] // WORD) * WORD
    # Checked first: a lying length may be any number of 256 bits.
    if start + size > len(data):
        raise MalformedValue(member.name, f"a length of {length} goes beyond the data")
    return data[start : start + size]
