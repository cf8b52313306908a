"""A bundle whose chain is made of tries by the `trie` package, for tests to spoil."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import rlp as peer
from tries import Trie, account_leaf, storage_trie
from verifier_cases import ANCHORED_S, CODE, ISSUER, NOW, NOW_S, POLICY, REGISTRY, SIZE, seal

from registry.bundle import Bundle
from registry.evidence import GivenBlock, Subject
from registry.keccak import keccak256
from registry.proven_evidence import TrustedBlock
from registry.storage import issuer_slots
from registry.values import BlockHash, CodeHash, Slot
from registry.verifier import verify_bundle

if TYPE_CHECKING:
    from datetime import datetime

    from registry.policy import TrustPolicy
    from registry.proven_evidence import TrustedBlocks
    from registry.receipt import Receipt
    from registry.report import Report
    from registry.strict_json import JsonObject

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


__all__ = ["ISSUER", "SIZE", "BundleCase", "World", "bundle_case", "pack", "registry_storage"]
