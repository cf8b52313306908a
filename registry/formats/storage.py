"""PERMANENT: where CredentialRegistry keeps each fact, and how a stored word reads.

The contract is immutable, so these slots hold for as long as it stands. Everything that a light
client needs can be read, or proven (EIP-1186), from the plain slots below, with no call into the
contract's code. Layout rules: Solidity documentation, "Layout of State Variables in Storage".

Of one issuer, counted from `base = keccak256(issuerId ‖ uint256(0))`; bit 0 is the lowest:

    +0  owner 0..159 | flags 160..167 (1 paused, 2 retired) | epoch 168..199
        | distrustAfter 200..239
    +1  operations 0..39 | history 40..255
    +2  didHash
    +3  pendingOwner
    +4  delegates: address -> roles 0..7 (1 anchor, 2 status) | epoch 8..39 | expiry 40..79
    +5  batches: root -> +0 anchoredAt 0..39 | operation 40..79 | size 80..111
                            | flags 112..119 (1 whole batch revoked)
                         +1 words: index / 128 -> 128 lanes of 2 bits
    +6  used nonces: signer -> word -> bits

A lane is two bits of its word: the lower suspended, the higher revoked.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import TYPE_CHECKING

from registry.errors import MalformedValue
from registry.keccak import keccak256
from registry.values import Address, BatchRoot, IssuerId, Slot

if TYPE_CHECKING:
    from collections.abc import Iterable

LANES_PER_WORD = 128
MAX_BATCH_SIZE = 2**32 - 1
HISTORY_BYTES = 27

_KEPT = 1024
"""Issuers and batches whose slots are remembered: many credentials share them."""
_UINT256 = 2**256 - 1
_ISSUERS = 0
_PAUSED, _RETIRED = 1, 2
_BATCH_REVOKED = 1

REGISTRATIONS_SLOT = Slot((1).to_bytes(32, "big"))
"""Registrations: count in the low 40 bits, global history above; `decode_history` reads it."""


class Status(IntEnum):
    """State of one credential; numbers are those of the contract's views."""

    UNANCHORED = 0
    ACTIVE = 1
    SUSPENDED = 2
    REVOKED = 3


@dataclass(frozen=True, slots=True)
class IssuerSlots:
    record: Slot
    history: Slot
    did_hash: Slot
    pending_owner: Slot


@dataclass(frozen=True, slots=True)
class IssuerRecord:
    """distrust_after: Unix seconds; 0 means that nothing is distrusted."""

    owner: Address
    paused: bool
    retired: bool
    epoch: int
    distrust_after: int


@dataclass(frozen=True, slots=True)
class BatchRecord:
    """anchored_at: Unix seconds; operation: its number in the issuer's history, from 1."""

    anchored_at: int
    operation: int
    size: int
    revoked: bool


@dataclass(frozen=True, slots=True)
class HistoryRecord:
    """count: operations folded so far; history: the high 27 bytes of their hash."""

    count: int
    history: bytes


@lru_cache(maxsize=_KEPT)
def issuer_slots(issuer_id: IssuerId) -> IssuerSlots:
    return IssuerSlots(*(_issuer_member(issuer_id, offset) for offset in range(4)))


def delegate_slot(issuer_id: IssuerId, delegate: Address) -> Slot:
    return _entry(delegate, _issuer_member(issuer_id, 4))


@lru_cache(maxsize=_KEPT)
def batch_slot(issuer_id: IssuerId, root: BatchRoot) -> Slot:
    return _entry(root, _issuer_member(issuer_id, 5))


def word_slot(issuer_id: IssuerId, root: BatchRoot, word: int) -> Slot:
    """Slot of the 128 lanes numbered from `word` * 128."""
    return _entry(_uint256(word), _offset(batch_slot(issuer_id, root), 1))


def nonce_slot(issuer_id: IssuerId, signer: Address, word: int) -> Slot:
    """Slot of the 256 nonces numbered from `word` * 256; a set bit is a used nonce."""
    return _entry(_uint256(word), _entry(signer, _issuer_member(issuer_id, 6)))


def decode_issuer(value: bytes) -> IssuerRecord | None:
    """Read an issuer's first slot; None where nobody is registered.

    Raises MalformedValue for a word that the contract cannot have written.
    """
    word = _word(value)
    if word == 0:
        return None
    owner, flags = word & (2**160 - 1), word >> 160 & 0xFF
    if owner == 0 or flags & ~(_PAUSED | _RETIRED) or word >> 240:
        raise MalformedValue("IssuerRecord", f"{_hex(value)} is no issuer's record")
    return IssuerRecord(
        owner=Address(owner.to_bytes(Address.LENGTH, "big")),
        paused=bool(flags & _PAUSED),
        retired=bool(flags & _RETIRED),
        epoch=word >> 168 & 0xFFFF_FFFF,
        distrust_after=word >> 200 & 0xFF_FFFF_FFFF,
    )


def decode_batch(value: bytes) -> BatchRecord | None:
    """Read a batch's first slot; None where the issuer has anchored no such root.

    Raises MalformedValue for a word that the contract cannot have written.
    """
    word = _word(value)
    if word == 0:
        return None
    record = BatchRecord(
        anchored_at=word & 0xFF_FFFF_FFFF,
        operation=word >> 40 & 0xFF_FFFF_FFFF,
        size=word >> 80 & 0xFFFF_FFFF,
        revoked=bool(word >> 112 & _BATCH_REVOKED),
    )
    if not (record.anchored_at and record.operation and record.size) or word >> 113:
        raise MalformedValue("BatchRecord", f"{_hex(value)} is no batch's record")
    return record


def decode_history(value: bytes) -> HistoryRecord:
    """Read a count and history: an issuer's second slot, or REGISTRATIONS_SLOT."""
    word = _word(value)
    return HistoryRecord(word & 0xFF_FFFF_FFFF, (word >> 40).to_bytes(HISTORY_BYTES, "big"))


def decode_word(value: bytes) -> int:
    """Read a word of 128 lanes, for `lane_status`."""
    return _word(value)


def word_and_lane(index: int) -> tuple[int, int]:
    """Return where the credential at `index` of its batch has its status: (word, lane)."""
    if not 0 <= index < MAX_BATCH_SIZE:
        raise MalformedValue("index", f"{index} is outside any batch")
    return divmod(index, LANES_PER_WORD)


def lane_status(word: int, lane: int) -> Status:
    """Return the state that a word's value gives to one lane of an anchored batch.

    Revoked stays revoked whatever the suspended bit says. Whether the batch is anchored, or
    revoked as a whole, is in its own record.
    """
    if not 0 <= lane < LANES_PER_WORD:
        raise MalformedValue("lane", f"{lane} is outside a word of {LANES_PER_WORD} lanes")
    bits = word >> 2 * lane & 0b11
    if bits & 0b10:
        return Status.REVOKED
    return Status.SUSPENDED if bits else Status.ACTIVE


def masks(indexes: Iterable[int]) -> dict[int, int]:
    """Return word number -> mask for a status change of these credentials of one batch.

    A mask marks a lane by its even bit, whichever change is asked for. Words come in ascending
    order.
    """
    found: dict[int, int] = {}
    for index in indexes:
        word, lane = word_and_lane(index)
        found[word] = found.get(word, 0) | 1 << 2 * lane
    return dict(sorted(found.items()))


def _issuer_member(issuer_id: IssuerId, offset: int) -> Slot:
    return _offset(_entry(issuer_id, Slot(_uint256(_ISSUERS))), offset)


def _entry(key: bytes, mapping: Slot) -> Slot:
    """Slot of a mapping's value. Every key type here pads on the left, bytes32 not at all."""
    return Slot(keccak256(key.rjust(32, b"\0") + mapping))


def _offset(slot: Slot, offset: int) -> Slot:
    return Slot(_uint256(int.from_bytes(slot, "big") + offset & _UINT256))


def _uint256(number: int) -> bytes:
    return number.to_bytes(32, "big")


def _word(value: bytes) -> int:
    if len(value) != 32:
        raise MalformedValue("stored word", f"{len(value)} bytes where 32 belong")
    return int.from_bytes(value, "big")


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
