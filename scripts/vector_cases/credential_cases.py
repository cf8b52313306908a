"""Credential digest, and the receipt embedded as a proof."""

from __future__ import annotations

import copy
import json
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Any

from vector_cases import oracles
from vector_cases.receipt_cases import RECEIPT

if TYPE_CHECKING:
    from collections.abc import Callable

    from vector_cases.oracles import Json

CREDENTIAL: Json = {
    "@context": [
        "https://www.w3.org/ns/credentials/v2",
        "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
    ],
    "id": "urn:uuid:6ba7b810-9dad-41d1-80b4-00c04fd430c8",
    "type": ["VerifiableCredential", "OpenBadgeCredential"],
    "name": "Données ouvertes",
    "issuer": {"id": "did:example:school", "type": ["Profile"], "name": "École d'Exemple"},
    "validFrom": "2026-01-15T09:00:00Z",
    "credentialSubject": {"type": ["AchievementSubject"], "creditsEarned": 7.5},
}
SIGNATURE: Json = {
    "type": "DataIntegrityProof",
    "cryptosuite": "eddsa-jcs-2022",
    "proofPurpose": "assertionMethod",
    "verificationMethod": "did:example:school#key-1",
    "proofValue": "z58DAdFfa9SkqZMVPxAQpic7ndSayn1PzZs6ZjWp1CktyGesjuTSwRdo",
}
NAMED: Json = {**SIGNATURE, "id": "urn:uuid:6ba7b811-9dad-41d1-80b4-00c04fd430c8"}
SECOND: Json = {**SIGNATURE, "id": "urn:uuid:6ba7b812-9dad-41d1-80b4-00c04fd430c8"}
FUTURE: Json = {"type": "DataIntegrityProof", "cryptosuite": "credanchor-future-2031", "x": 1}


def with_proof(proof: Any) -> Json:
    return {**CREDENTIAL, "proof": proof}


def compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def digest() -> Json:
    ours = oracles.anchor_proof(CREDENTIAL, RECEIPT)
    odd = {
        "type is a list": {**ours, "type": ["DataIntegrityProof"]},
        "another type": {**ours, "type": "DataIntegrityProof2"},
        "no suite": {"type": "DataIntegrityProof"},
        "suite is a list": {**ours, "cryptosuite": ["credanchor-merkle-jcs-2026"]},
        "suite in capitals": {**ours, "cryptosuite": "CREDANCHOR-merkle-jcs-2026"},
        "suite with the prefix inside": {**ours, "cryptosuite": "x-credanchor-merkle"},
    }
    # Groups share a digest: what is set aside, and the three ways to write what is left.
    groups: list[list[tuple[str, Json]]] = [
        [
            ("no proof", CREDENTIAL),
            ("an empty list of proofs", with_proof([])),
            ("an anchor alone", with_proof(ours)),
            ("an anchor alone, in a list", with_proof([ours])),
            ("an anchor of a future suite", with_proof(FUTURE)),
            ("anchors of two suites", with_proof([FUTURE, ours])),
            (
                "a suite that is the prefix alone",
                with_proof({**ours, "cryptosuite": "credanchor-"}),
            ),
        ],
        [
            ("one signature", with_proof(SIGNATURE)),
            ("one signature, in a list", with_proof([SIGNATURE])),
            ("signature, then anchor", with_proof([SIGNATURE, ours])),
            ("anchor, then signature", with_proof([ours, SIGNATURE])),
            ("future anchor, signature, anchor", with_proof([FUTURE, SIGNATURE, ours])),
        ],
        [
            ("two signatures", with_proof([NAMED, SECOND])),
            ("two signatures around an anchor", with_proof([NAMED, ours, SECOND])),
        ],
        [("two signatures, the other way round", with_proof([SECOND, NAMED]))],
        [("an anchor in a nested credential stays", {**CREDENTIAL, "inner": with_proof(ours)})],
        [("an integral double", {**CREDENTIAL, "credits": 3.0, "tiny": 1e-6})],
        [("keys beyond the surrogates", {**CREDENTIAL, "\uffff": 1, "\U00010000": 2})],
        *[[(f"not an anchor: {name}", with_proof(proof))] for name, proof in odd.items()],
    ]
    return {
        "groups": [
            {
                "digest": oracles.hex0x(oracles.digest(group[0][1])),
                "canonical": oracles.canonical(oracles.covered(group[0][1])).decode(),
                "documents": [{"name": name, "text": compact(doc)} for name, doc in group],
            }
            for group in groups
        ],
        "refused": [
            {"name": name, "text": compact(with_proof(proof)), "pointer": pointer}
            for name, proof, pointer in [
                ("proof is null", None, "/proof"),
                ("proof is a string", "signed", "/proof"),
                ("proof is a number", 1, "/proof"),
                ("a string among the proofs", [SIGNATURE, "x"], "/proof/1"),
                ("null among the proofs", [None], "/proof/0"),
                ("a list among the proofs", [[SIGNATURE]], "/proof/0"),
            ]
        ],
    }


def anchor_proof() -> Json:
    hosts = {
        "no proof": CREDENTIAL,
        "one signature without an id": with_proof(SIGNATURE),
        "one signature with an id": with_proof(NAMED),
        "a signature in a list": with_proof([NAMED]),
        "two signatures with ids": with_proof([NAMED, SECOND]),
        "two signatures, one with an id": with_proof([SIGNATURE, SECOND]),
        "beside an anchor of a future suite": with_proof([NAMED, FUTURE]),
    }
    return {
        "receipt": RECEIPT,
        "embedded": [
            {"name": name, "document": compact(host), "anchored": compact(_anchored(host))}
            for name, host in hosts.items()
        ],
        "refused": [{"name": name, "text": compact(document)} for name, document in _bent()],
    }


def _anchored(host: Json) -> Json:
    proofs = host.get("proof", [])
    kept = proofs if isinstance(proofs, list) else [proofs]
    proof = oracles.anchor_proof(host, RECEIPT)
    return {**host, "proof": [*kept, proof] if kept else proof}


def _bent() -> list[tuple[str, Json]]:
    """An anchored document with one thing changed in its anchor proof, or around it."""
    value = oracles.proof_value(RECEIPT)
    raw = oracles.canonical(RECEIPT)
    tail = value[:-1] + chr(ord(value[-1]) + 1)  # same bytes, other unused bits
    edits: list[tuple[str, Callable[[Json], object]]] = [
        ("created added", lambda p: p.update(created="2026-01-15T09:00:00Z")),
        ("id added", lambda p: p.update(id="urn:x")),
        ("null member added", lambda p: p.update(expires=None)),
        ("no proofPurpose", lambda p: p.pop("proofPurpose")),
        ("another proofPurpose", lambda p: p.update(proofPurpose="authentication")),
        ("no verificationMethod", lambda p: p.pop("verificationMethod")),
        ("method of another issuer", lambda p: p.update(
            verificationMethod=p["verificationMethod"][:-1] + "f")),
        ("method of another chain", lambda p: p.update(
            verificationMethod=p["verificationMethod"].replace("31337", "1"))),
        ("no previousProof", lambda p: p.pop("previousProof")),
        ("previousProof of another", lambda p: p.update(previousProof=SECOND["id"])),
        ("previousProof in a list", lambda p: p.update(previousProof=[NAMED["id"]])),
        ("no proofValue", lambda p: p.pop("proofValue")),
        ("proofValue is a list", lambda p: p.update(proofValue=[value])),
        ("proofValue in base58", lambda p: p.update(proofValue="z" + value[1:])),
        ("proofValue in upper multibase", lambda p: p.update(proofValue="U" + value[1:])),
        ("proofValue with padding", lambda p: p.update(
            proofValue=value + "=" * (-(len(value) - 1) % 4 or 4))),
        ("proofValue with unused bits set", lambda p: p.update(proofValue=tail)),
        ("proofValue with a line break", lambda p: p.update(
            proofValue=value[:40] + "\n" + value[40:])),
        ("proofValue in plain base64", lambda p: p.update(proofValue=value[:-1] + "+")),
        ("proofValue cut short", lambda p: p.update(proofValue=value[:-4])),
        ("proofValue empty", lambda p: p.update(proofValue="u")),
        ("receipt with white space", lambda p: p.update(proofValue=_u(raw + b"\n"))),
        ("receipt not sorted", lambda p: p.update(proofValue=_u(compact(RECEIPT).encode()))),
        ("receipt with index 2.0", lambda p: p.update(
            proofValue=_u(raw.replace(b'"index":2', b'"index":2.0')))),
        ("receipt of another place", lambda p: p.update(
            proofValue=oracles.proof_value({**RECEIPT, "chain": "eip155:1"}))),
        ("receipt with a member more", lambda p: p.update(
            proofValue=oracles.proof_value({**RECEIPT, "time": 1}))),
        ("receipt is not JSON", lambda p: p.update(proofValue=_u(b"\xa1\x01"))),
    ]  # fmt: skip
    bent = []
    for name, edit in edits:
        document = copy.deepcopy(_anchored(with_proof(NAMED)))
        edit(document["proof"][1])
        bent.append((name, document))
    anchored = _anchored(with_proof(NAMED))
    signature, ours = anchored["proof"]
    bent.append(("two anchors of our suite", {**anchored, "proof": [signature, ours, ours]}))
    bent.append(("two of a future suite", {**anchored, "proof": [signature, ours, FUTURE, FUTURE]}))
    bent.append(("signature replaced", {**anchored, "proof": [SECOND, ours]}))
    bent.append(("signature's id removed", {**anchored, "proof": [SIGNATURE, ours]}))
    bent.append(("signature added", {**anchored, "proof": [signature, SECOND, ours]}))
    return bent


def _u(raw: bytes) -> str:
    return "u" + urlsafe_b64encode(raw).decode().rstrip("=")
