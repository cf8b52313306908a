"""A bundle whose chain is made of tries by the `trie` package, for tests to spoil."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import rlp as peer
from tries import Trie, account_leaf, storage_trie
from verifier_cases import (
    ANCHORED_S,
    CODE,
    ISSUER,
    NOW,
    NOW_S,
    POLICY,
    REGISTRY,
    SIZE,
    seal,
    signed,
    unsigned,
)

from registry.formats.storage import issuer_slots
from registry.judging.verifier import verify_bundle
from registry.keccak import keccak256
from registry.proofs.bundle import Bundle
from registry.proofs.evidence import GivenBlock, Subject
from registry.proofs.proven_evidence import TrustedBlock
from registry.report import Verdict
from registry.values import BlockHash, CodeHash, Slot

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from registry.formats.receipt import Receipt
    from registry.formats.strict_json import JsonObject
    from registry.judging.policy import TrustPolicy
    from registry.proofs.proven_evidence import TrustedBlocks
    from registry.report import Report

NUMBER = 70_000


def pack(*fields: tuple[int, int]) -> bytes:
    """32 bytes of (value, lowest bit) fields."""
    return sum(value << bit for value, bit in fields).to_bytes(32, "big")


def registry_storage(receipt: Receipt, **changed: bytes) -> dict[Slot, bytes]:
    """The slots of a sound anchor: record, did_hash, batch, word, history."""
    record, did_hash, batch, word = Subject.of(receipt).slots
    values = {
        record: pack((0x99, 0)),
        did_hash: b"\x0d" * 32,
        batch: pack((ANCHORED_S, 0), (2, 40), (receipt.tree_size, 80)),
        word: bytes(32),
        issuer_slots(receipt.issuer_id).history: pack((2, 0), (7, 40)),
    }
    names = dict(zip(("record", "did_hash", "batch", "word"), values, strict=False))
    return values | {names[name]: value for name, value in changed.items()}


@dataclass
class World:
    """One block of a chain: some accounts, and the registry's storage."""

    slots: dict[Slot, bytes]
    code_hash: CodeHash = CODE
    timestamp: int = NOW_S - 600
    number: int = NUMBER
    address: bytes = REGISTRY
    strangers: int = 40
    header: bytes = field(init=False)
    hash: BlockHash = field(init=False)

    def __post_init__(self) -> None:
        others = {Slot(keccak256(bytes([n]))): b"\5" * 32 for n in range(self.strangers)}
        self.storage = storage_trie({**others, **self.slots})
        accounts = {keccak256(bytes([n, 1])): account_leaf(b"\1" * 32, CODE) for n in range(40)}
        accounts[keccak256(self.address)] = account_leaf(self.storage.root, self.code_hash)
        self.accounts = Trie(accounts)
        self.header = header(self.accounts.root, self.number, self.timestamp)
        self.hash = BlockHash(keccak256(self.header))

    def nodes(self, registry: bytes, slots: list[Slot]) -> tuple[bytes, ...]:
        walks = [self.accounts.proof(keccak256(registry))]
        if registry == self.address:
            walks += [self.storage.proof(keccak256(slot)) for slot in slots]
        return tuple(dict.fromkeys(node for walk in walks for node in walk))

    def bundle(self, document: JsonObject, receipt: Receipt, **more: Any) -> Bundle:
        slots = list(Subject.of(receipt).slots)
        if more.get("history") is not None:
            slots.append(issuer_slots(receipt.issuer_id).history)
        return Bundle(document, receipt, self.header, self.nodes(receipt.registry, slots), **more)

    def trusted(self, receipt: Receipt) -> TrustedBlocks:
        return {TrustedBlock(receipt.chain, self.hash): GivenBlock()}


def header(state_root: bytes, number: int, timestamp: int) -> bytes:
    """As of Prague, 21 fields."""
    hashes = [bytes([n]) * 32 for n in range(8)]
    raw: bytes = peer.encode(
        [
            *(hashes[1], hashes[2], b"\3" * 20, state_root, hashes[4], hashes[5], bytes(256)),
            *(0, number, 30_000_000, 21_000, timestamp, b"made for tests", hashes[6], bytes(8)),
            *(7, hashes[7], 0, 0, hashes[1], hashes[2]),
        ]
    )
    return raw


@dataclass(frozen=True)
class BundleCase:
    raw: bytes
    trusted: TrustedBlocks
    policy: TrustPolicy = POLICY
    now: datetime = NOW

    def verify(self) -> Report:
        return verify_bundle(self.raw, self.trusted, self.policy, self.now)


def bundle_case(document: JsonObject, **changed: bytes) -> BundleCase:
    """A sound bundle; changed: slots by name, as 32 bytes."""
    receipt = seal(document)
    world = World(registry_storage(receipt, **changed))
    return BundleCase(world.bundle(document, receipt).serialize(), world.trusted(receipt))


def in_block(number: int, timestamp: int) -> BundleCase:
    """A sound bundle as of another block."""
    document = signed(unsigned())
    receipt = seal(document)
    world = World(registry_storage(receipt), number=number, timestamp=timestamp)
    return BundleCase(world.bundle(document, receipt).serialize(), world.trusted(receipt))


def stored(**changed: tuple[tuple[int, int], ...]) -> BundleCase:
    """A sound credential, and slots of such fields."""
    slots = {name: pack(*fields) for name, fields in changed.items()}
    return bundle_case(signed(unsigned()), **slots)


_MOST = 2**40 - 1
_LAST = 2**53 - 1
_OWNER, _SIZED = (0x99, 0), (SIZE, 80)
_ANCHORED = (ANCHORED_S, 0), (2, 40), _SIZED
EXTREMES: dict[str, tuple[Callable[[], BundleCase], Verdict]] = {
    "block 0 in 1970": (partial(in_block, 0, 0), Verdict.CANNOT_CHECK),
    "the last block": (partial(in_block, _LAST, NOW_S - 600), Verdict.VALID),
    "a block beyond": (partial(in_block, _LAST + 1, NOW_S - 600), Verdict.CANNOT_CHECK),
    "a time beyond": (partial(in_block, 5, _LAST + 1), Verdict.CANNOT_CHECK),
    "anchored in 36812": (
        partial(stored, batch=((_MOST, 0), (_MOST, 40), _SIZED)),
        Verdict.CANNOT_CHECK,
    ),
    "anchored by no operation": (
        partial(stored, batch=((1, 0), _SIZED)),
        Verdict.CANNOT_CHECK,
    ),
    "anchored in 1970": (partial(stored, batch=((2, 40), _SIZED)), Verdict.CANNOT_CHECK),
    "a flag of batches that is none": (
        partial(stored, batch=(*_ANCHORED, (2, 112))),
        Verdict.CANNOT_CHECK,
    ),
    "more than a batch's fields": (
        partial(stored, batch=(*_ANCHORED, (1, 120))),
        Verdict.CANNOT_CHECK,
    ),
    "a batch of no leaves": (
        partial(stored, batch=((ANCHORED_S, 0), (2, 40))),
        Verdict.CANNOT_CHECK,
    ),
    "distrusted from 36812 on": (partial(stored, record=(_OWNER, (_MOST, 200))), Verdict.VALID),
    "more than an issuer's fields": (
        partial(stored, record=(_OWNER, (1, 240))),
        Verdict.CANNOT_CHECK,
    ),
    "a paused issuer without owner": (partial(stored, record=((1, 160),)), Verdict.CANNOT_CHECK),
    "a flag of issuers that is none": (
        partial(stored, record=(_OWNER, (4, 160))),
        Verdict.CANNOT_CHECK,
    ),
    "the last epoch": (partial(stored, record=(_OWNER, (2**32 - 1, 168))), Verdict.VALID),
    "every lane revoked": (partial(stored, word=((2**256 - 1, 0),)), Verdict.REVOKED),
    "no DID": (partial(stored, did_hash=()), Verdict.VALID),
    "nothing at all": (partial(stored, record=(), batch=()), Verdict.NOT_ANCHORED),
}
"""What headers and slots can hold, with what comes of it."""


__all__ = [
    "EXTREMES",
    "ISSUER",
    "SIZE",
    "BundleCase",
    "World",
    "bundle_case",
    "pack",
    "registry_storage",
]
