"""A sealed, signed Open Badge and facts that make it VALID, for tests to spoil one by one."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from registry.documents.data_integrity import sign
from registry.documents.issuer_word import NO_WORD
from registry.documents.multikey import PublicKey, did_key
from registry.formats.credential import credential_digest
from registry.formats.leaf import leaf_hash
from registry.formats.receipt import Receipt, embed
from registry.formats.storage import BatchRecord, IssuerRecord
from registry.formats.tree import MerkleTree
from registry.judging.policy import TrustedIssuer, TrustedRegistry, TrustPolicy
from registry.judging.verifier import verify
from registry.proofs.evidence import Block, Evidence, NoEvidence, OneNode, Snapshot, Subject
from registry.values import (
    Address,
    BlockHash,
    ChainId,
    CodeHash,
    DidHash,
    IssuerId,
    LeafHash,
    Salt,
)

if TYPE_CHECKING:
    from registry.documents.issuer_word import IssuerWord
    from registry.formats.strict_json import JsonObject
    from registry.report import Report

KEY = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
DID = did_key(PublicKey(KEY.public_key().public_bytes_raw()))
CHAIN = ChainId(31337)
REGISTRY = Address(b"\xaa" * 20)
CODE = CodeHash(b"\xcc" * 32)
ISSUER = IssuerId(b"\x11" * 32)
INDEX, SIZE = 133, 256  # word 1, lane 5
LANE_BIT = 10
NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
NOW_S = int(NOW.timestamp())
ANCHORED_S = NOW_S - 3600
SOURCE = OneNode("http://127.0.0.1:8545")

POLICY = TrustPolicy(
    (TrustedRegistry(CHAIN, REGISTRY, CODE),),
    (TrustedIssuer(CHAIN, REGISTRY, ISSUER, (DID,), "Example University"),),
)


def unsigned(**changed: Any) -> JsonObject:
    document: JsonObject = {
        "@context": [
            "https://www.w3.org/ns/credentials/v2",
            "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
        ],
        "id": "urn:uuid:6a5e5a53-2b3c-4f0e-9f5e-0d1b7a3c8e11",
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "issuer": {"id": DID, "type": ["Profile"], "name": "Example University"},
        "validFrom": "2026-01-01T00:00:00Z",
        "name": "Soil Science",
        "credentialSubject": {
            "id": "did:example:learner",
            "type": ["AchievementSubject"],
            "achievement": {
                "id": "https://example.edu/soil",
                "type": ["Achievement"],
                "name": "Soil Science",
                "description": "Soils of the world.",
                "criteria": {"narrative": "Passed the examination."},
            },
        },
    }
    document.update(changed)
    return {name: value for name, value in document.items() if value is not None}


def signed(document: JsonObject) -> JsonObject:
    key = PublicKey(KEY.public_key().public_bytes_raw())
    return sign(document, key, KEY.sign, proof_id="urn:uuid:1", created=NOW)


def seal(document: JsonObject, issuer: IssuerId = ISSUER, chain: ChainId = CHAIN) -> Receipt:
    salt = Salt(b"\x55" * 32)
    leaves = [LeafHash(bytes([n]) * 32) for n in range(SIZE)]
    leaves[INDEX] = leaf_hash(issuer, INDEX, salt, credential_digest(document))
    tree = MerkleTree(b"".join(leaves))
    return Receipt(chain, REGISTRY, issuer, INDEX, SIZE, salt, tree.path(INDEX), tree.root)


def snapshot(number: int, timestamp: int, **changed: Any) -> Snapshot:
    facts: dict[str, Any] = {
        "block": Block(number, BlockHash(bytes([number]) * 32), timestamp),
        "source": SOURCE,
        "issuer": IssuerRecord(Address(b"\x99" * 20), False, False, 0, 0),
        "did_hash": DidHash(bytes(32)),
        "batch": BatchRecord(ANCHORED_S, 2, SIZE, False),
        "word": 0,
    }
    return Snapshot(**(facts | changed))


def evidence_for(receipt: Receipt) -> Evidence:
    return Evidence(
        chain=receipt.chain,
        registry=receipt.registry,
        code_hash=CODE,
        subject=Subject(receipt.issuer_id, receipt.root, receipt.index // 128),
        head=snapshot(9, NOW_S - 60),
        finalized=snapshot(8, NOW_S - 600),
    )


@dataclass(frozen=True)
class Case:
    """Everything that one verdict rests on; `but` replaces parts of it."""

    raw: bytes
    sidecar: bytes | None
    evidence: Evidence | NoEvidence
    policy: TrustPolicy = POLICY
    now: datetime = NOW

    def but(self, **changed: Any) -> Case:
        return replace(self, **changed)

    def facts(self, **changed: Any) -> Case:
        assert isinstance(self.evidence, Evidence)
        return replace(self, evidence=replace(self.evidence, **changed))

    def head(self, **changed: Any) -> Case:
        assert isinstance(self.evidence, Evidence)
        return self.facts(head=replace(self.evidence.head, **changed))

    def final(self, **changed: Any) -> Case:
        assert isinstance(self.evidence, Evidence)
        return self.facts(finalized=replace(self.evidence.finalized, **changed))

    def both(self, **changed: Any) -> Case:
        return self.head(**changed).final(**changed)

    def verify(self, at: datetime | None = None, word: IssuerWord = NO_WORD) -> Report:
        return verify(self.raw, self.sidecar, self.evidence, self.policy, self.now, at, word)

    def verify_with(self, word: IssuerWord) -> Report:
        return self.verify(word=word)


def case_of(document: JsonObject, issuer: IssuerId = ISSUER, *, sidecar: bool = False) -> Case:
    receipt = seal(document, issuer)
    if sidecar:
        return Case(dump(document), receipt.serialize(), evidence_for(receipt))
    return Case(dump(embed(document, receipt)), None, evidence_for(receipt))


def dump(document: JsonObject) -> bytes:
    return json.dumps(document).encode()


def good_case() -> Case:
    return case_of(signed(unsigned()))
