"""What the registry holds, as rebuilt from its events, and the storage slots that say the same.

Plain records without rules: `replay` changes them, `auditor` compares them. Numbers and times are
as in the contract: times in Unix seconds, words of 128 lanes, zero for what is not set.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from registry.formats import storage
from registry.formats.history import HistoryHash, registrations_start
from registry.formats.storage import BatchRecord, IssuerRecord, Status
from registry.values import Address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry.values import BatchRoot, ChainId, DidHash, IssuerId, MetaHash, Slot

NOBODY = Address(bytes(20))


class Grant(NamedTuple):
    """A delegate's roles (1 anchor, 2 status), the epoch they hold in, the second they end."""

    roles: int
    epoch: int
    expiry: int


@dataclass(slots=True)
class Batch:
    """words: number of a status word -> its 128 lanes, where any was ever touched."""

    anchored_at: int
    operation: int
    size: int
    meta_hash: MetaHash
    revoked: bool = False
    words: dict[int, int] = field(default_factory=dict)

    @property
    def record(self) -> BatchRecord:
        return BatchRecord(self.anchored_at, self.operation, self.size, self.revoked)

    def count(self, status: Status) -> int:
        """How many leaves of the batch, random filling included, have that status."""
        if self.revoked:
            return self.size if status is Status.REVOKED else 0
        lanes = [
            storage.lane_status(word, lane)
            for word in self.words.values()
            if word
            for lane in range(storage.LANES_PER_WORD)
        ]
        if status is Status.ACTIVE:
            return self.size - sum(lane is not Status.ACTIVE for lane in lanes)
        return sum(lane is status for lane in lanes)


@dataclass(slots=True)
class Issuer:
    """operations: how many so far; history: their fold. used_nonces: (signer, word) -> bits."""

    owner: Address
    did_hash: DidHash
    profile_uri: bytes
    operations: int
    history: HistoryHash
    pending_owner: Address = NOBODY
    paused: bool = False
    retired: bool = False
    epoch: int = 0
    distrust_after: int = 0
    delegates: dict[Address, Grant] = field(default_factory=dict)
    batches: dict[BatchRoot, Batch] = field(default_factory=dict)
    used_nonces: dict[tuple[Address, int], int] = field(default_factory=dict)

    @property
    def record(self) -> IssuerRecord:
        return IssuerRecord(self.owner, self.paused, self.retired, self.epoch, self.distrust_after)


@dataclass(slots=True)
class State:
    """The whole registry. last_timestamp: that of the newest event, for the next to be no older."""

    chain: ChainId
    registry: Address
    issuers: dict[IssuerId, Issuer]
    registrations: int
    registrations_history: HistoryHash
    last_timestamp: int

    @classmethod
    def empty(cls, chain: ChainId, registry: Address) -> State:
        return cls(chain, registry, {}, 0, registrations_start(chain, registry), 0)

    def registrations_slot(self) -> bytes:
        """The contract's slot 1. Until the first registration it is zero, history and all."""
        if self.registrations == 0:
            return bytes(32)
        return _history_slot(self.registrations, self.registrations_history)

    def storage(self) -> Iterator[tuple[Slot, bytes]]:
        """Every slot that was ever written, with its 32 bytes; some have become zero again."""
        yield storage.REGISTRATIONS_SLOT, self.registrations_slot()
        for issuer_id, issuer in self.issuers.items():
            yield from _issuer_storage(issuer_id, issuer)


def history_slot(issuer: Issuer) -> bytes:
    """The issuer's second slot: count and history in one word."""
    return _history_slot(issuer.operations, issuer.history)


def _history_slot(count: int, history: HistoryHash) -> bytes:
    return history + count.to_bytes(5, "big")


def _issuer_storage(issuer_id: IssuerId, issuer: Issuer) -> Iterator[tuple[Slot, bytes]]:
    slots = storage.issuer_slots(issuer_id)
    yield slots.record, issuer_value(issuer)
    yield slots.history, history_slot(issuer)
    yield slots.did_hash, bytes(issuer.did_hash)
    yield slots.pending_owner, _pack((issuer.pending_owner, 0))
    for account, grant in issuer.delegates.items():
        fields = (grant.roles, 0), (grant.epoch, 8), (grant.expiry, 40)
        yield storage.delegate_slot(issuer_id, account), _pack(*fields)
    for root, batch in issuer.batches.items():
        yield storage.batch_slot(issuer_id, root), batch_value(batch)
        for number, word in batch.words.items():
            yield storage.word_slot(issuer_id, root, number), _pack((word, 0))
    for (signer, number), bits in issuer.used_nonces.items():
        yield storage.nonce_slot(issuer_id, signer, number), _pack((bits, 0))


def issuer_value(issuer: Issuer) -> bytes:
    """The issuer's first slot, as the contract packs it."""
    flags = issuer.paused | issuer.retired << 1
    record = (issuer.owner, 0), (flags, 160), (issuer.epoch, 168), (issuer.distrust_after, 200)
    return _pack(*record)


def batch_value(batch: Batch) -> bytes:
    """The batch's first slot, as the contract packs it."""
    return _pack(
        (batch.anchored_at, 0), (batch.operation, 40), (batch.size, 80), (batch.revoked, 112)
    )


def _pack(*fields: tuple[int | Address, int]) -> bytes:
    """Each field with the bit that it begins at, counted from the lowest."""
    word = 0
    for value, shift in fields:
        number = int.from_bytes(value, "big") if isinstance(value, Address) else value
        word |= number << shift
    return word.to_bytes(32, "big")
