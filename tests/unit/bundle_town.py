"""One block in which much is anchored, so that parts of one true bundle can be put into another.

Two registries, two issuers and two batches of one issuer lie in it, and its hash is trusted for two
chains: whatever is replayed finds itself proven somewhere.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from bundle_cases import BundleCase, header, pack
from tries import Trie, account_leaf, storage_trie
from vector_files import load
from verifier_cases import (
    ANCHORED_S,
    CHAIN,
    CODE,
    DID,
    INDEX,
    ISSUER,
    NOW_S,
    POLICY,
    REGISTRY,
    SIZE,
    signed,
    unsigned,
)

from registry.formats.credential import credential_digest
from registry.formats.leaf import leaf_hash
from registry.formats.receipt import Receipt
from registry.formats.storage import issuer_slots
from registry.formats.tree import MerkleTree
from registry.judging.policy import TrustedIssuer, TrustedRegistry, TrustPolicy
from registry.judging.verifier import verify_bundle
from registry.keccak import keccak256
from registry.moments import read_moment
from registry.proofs.bundle import Bundle
from registry.proofs.evidence import GivenBlock, Subject
from registry.proofs.proven_evidence import TrustedBlock
from registry.values import (
    Address,
    BlockHash,
    ChainId,
    CodeHash,
    IssuerId,
    LeafHash,
    Salt,
)

if TYPE_CHECKING:
    from datetime import datetime

    from registry.formats.strict_json import JsonObject
    from registry.report import Report
    from registry.values import Slot

OTHER_REGISTRY, OTHER_CHAIN = Address(b"\xab" * 20), ChainId(1)
OTHER_ISSUER, FOREIGN_ISSUER = IssuerId(b"\x22" * 32), IssuerId(b"\x33" * 32)
LANES = {INDEX: 0b00, 140: 0b10}
"""Two places of one batch; the other one is revoked."""


@dataclass(frozen=True)
class Question:
    """A bundle, and all that is asked with it. at: a past moment."""

    case: BundleCase
    at: datetime | None = None

    def answer(self, raw: bytes) -> Report:
        case = self.case
        return verify_bundle(raw, case.trusted, case.policy, case.now, self.at)


def batch_of(
    documents: dict[int, JsonObject], issuer: IssuerId, label: str, registry: Address = REGISTRY
) -> dict[int, Receipt]:
    """One batch with a document at each index."""
    salts = {at: Salt(sha256(f"{label} {at}".encode()).digest()) for at in documents}
    leaves = [LeafHash(sha256(f"{label} leaf {at}".encode()).digest()) for at in range(SIZE)]
    for at, document in documents.items():
        leaves[at] = leaf_hash(issuer, at, salts[at], credential_digest(document))
    tree = MerkleTree(b"".join(leaves))
    return {
        at: Receipt(CHAIN, registry, issuer, at, SIZE, salts[at], tree.path(at), tree.root)
        for at in documents
    }


def storage_of(receipts: list[Receipt]) -> dict[Slot, bytes]:
    slots: dict[Slot, bytes] = {}
    for receipt in receipts:
        record, did_hash, batch, word = Subject.of(receipt).slots
        lanes = pack(*((state, 2 * (at - 128)) for at, state in LANES.items()))
        slots |= {record: pack((0x99, 0)), did_hash: b"\x0d" * 32, word: lanes}
        slots[batch] = pack((ANCHORED_S, 0), (2, 40), (SIZE, 80))
        slots[issuer_slots(receipt.issuer_id).history] = pack((3, 0), (7, 40))
    return slots


def town() -> dict[str, Question]:
    """True bundles by what they are of; `ours` is VALID."""
    ours, other = signed(unsigned()), signed(unsigned(name="Rocks", id="urn:uuid:2"))
    batches = {
        "batch": batch_of({INDEX: ours, 140: other}, ISSUER, "one"),
        "another batch": batch_of({INDEX: other, 140: other}, ISSUER, "two"),
        "another issuer": batch_of({INDEX: ours}, OTHER_ISSUER, "three"),
        "another registry": batch_of({INDEX: ours}, FOREIGN_ISSUER, "four", OTHER_REGISTRY),
    }
    here = [one for name in list(batches)[:3] for one in batches[name].values()]
    storages = {
        REGISTRY: storage_trie(storage_of(here)),
        OTHER_REGISTRY: storage_trie(storage_of([*batches["another registry"].values()])),
    }
    accounts = Trie(
        {keccak256(place): account_leaf(trie.root, CODE) for place, trie in storages.items()}
        | {keccak256(bytes([n, 1])): account_leaf(b"\1" * 32, CODE) for n in range(10)}
    )
    head = header(accounts.root, 70_000, NOW_S - 600)
    hash_ = BlockHash(keccak256(head))
    trusted = {TrustedBlock(chain, hash_): GivenBlock() for chain in (CHAIN, OTHER_CHAIN)}

    def question(document: JsonObject, receipt: Receipt) -> Question:
        walks = [accounts.proof(keccak256(receipt.registry))]
        storage = storages[receipt.registry]
        walks += [storage.proof(keccak256(slot)) for slot in Subject.of(receipt).slots]
        nodes = tuple(dict.fromkeys(node for walk in walks for node in walk))
        raw = Bundle(document, receipt, head, nodes).serialize()
        return Question(BundleCase(raw, trusted, policy()))

    return {
        "ours": question(ours, batches["batch"][INDEX]),
        "another leaf, revoked": question(other, batches["batch"][140]),
        "another batch": question(other, batches["another batch"][INDEX]),
        "another issuer": question(ours, batches["another issuer"][INDEX]),
        "another registry": question(ours, batches["another registry"][INDEX]),
    }


def policy() -> TrustPolicy:
    """Every registry on every chain, and every issuer for somebody, but one alone for this DID."""
    places = [(c, r) for c in (CHAIN, OTHER_CHAIN) for r in (REGISTRY, OTHER_REGISTRY)]
    others = [
        TrustedIssuer(CHAIN, REGISTRY, OTHER_ISSUER, ("did:example:other",), "Other"),
        TrustedIssuer(CHAIN, OTHER_REGISTRY, FOREIGN_ISSUER, ("did:example:other",), "Other"),
    ]
    registries = tuple(TrustedRegistry(*place, CODE) for place in places)
    assert POLICY.issuers[0].speaks_for == (DID,)
    return TrustPolicy(registries, (*POLICY.issuers, *others))


def past() -> Question:
    """The released bundle that answers about a past moment by its history."""
    vectors = load("bundle-v1")
    (entry,) = (one for one in vectors["cases"] if one["name"].endswith("before it was revoked"))
    trust = vectors["policy"]
    place = ChainId.parse(trust["chain"]), Address.from_hex(trust["registry"])
    issuer = IssuerId.from_hex(trust["issuerId"])
    believed = TrustPolicy(
        (TrustedRegistry(*place, CodeHash.from_hex(trust["codeHash"])),),
        (TrustedIssuer(*place, issuer, tuple(trust["speaksFor"]), trust["name"]),),
    )
    trusted = {TrustedBlock.parse(text): GivenBlock() for text in entry["trusted"]}
    case = BundleCase(entry["text"].encode(), trusted, believed, read_moment(vectors["now"]))
    return Question(case, read_moment(entry["at"]))


def facts(report: Report) -> str:
    """What an answer is about: another one of these from a changed file would be a lie."""
    told: Any = report.to_json()
    evidence = told.get("evidence") or {}
    rests_on = {
        "verdict": told["verdict"],
        "digest": (told.get("credential") or {}).get("digest"),
        "receipt": told.get("receipt"),
        "record": told.get("record"),
        "block": evidence.get("finalized"),
        "at": told.get("at"),
        "outcomes": [one["outcome"] for one in told["checks"]],
    }
    return json.dumps(rests_on, sort_keys=True)
