"""The formats once more, straight from their definitions: slow, plain, and independent."""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from hashlib import sha256
from typing import Any

import rfc8785

Json = dict[str, Any]


def hex0x(data: bytes) -> str:
    return "0x" + data.hex()


def raw_entry(raw: bytes) -> Json:
    """Bytes for a vector file: as text where that is exact and readable, else in base64."""
    try:
        return {"text": raw.decode("utf-8")}
    except UnicodeDecodeError:
        return {"base64": b64encode(raw).decode()}


def filler(label: str) -> bytes:
    """32 bytes that mean nothing."""
    return sha256(f"credanchor vectors: {label}".encode()).digest()


def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def split(size: int) -> int:
    """RFC 9162 §2.1.1: the largest power of two smaller than `size`."""
    return 1 << (size - 1).bit_length() - 1


def root(leaves: list[bytes]) -> bytes:
    """MTH of RFC 9162 §2.1.1, over leaf hashes."""
    if len(leaves) == 1:
        return leaves[0]
    k = split(len(leaves))
    return node(root(leaves[:k]), root(leaves[k:]))


def path(index: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of RFC 9162 §2.1.3.1."""
    if len(leaves) == 1:
        return []
    k = split(len(leaves))
    if index < k:
        return [*path(index, leaves[:k]), root(leaves[k:])]
    return [*path(index - k, leaves[k:]), root(leaves[:k])]


def leaf(issuer_id: bytes, index: int, salt: bytes, digest: bytes) -> bytes:
    return sha256(b"\x00\x01" + issuer_id + index.to_bytes(8, "big") + salt + digest).digest()


def canonical(value: Any) -> bytes:
    return rfc8785.dumps(value)


def is_anchor(proof: Json) -> bool:
    return proof.get("type") == "DataIntegrityProof" and str(
        proof.get("cryptosuite", "")
    ).startswith("credanchor-")


def covered(document: Json) -> Json:
    """What the credential digest covers."""
    rest = {key: value for key, value in document.items() if key != "proof"}
    proofs = document.get("proof", [])
    kept = [p for p in (proofs if isinstance(proofs, list) else [proofs]) if not is_anchor(p)]
    if kept:
        rest["proof"] = kept if len(kept) > 1 else kept[0]
    return rest


def digest(document: Json) -> bytes:
    return sha256(canonical(covered(document))).digest()


def proof_value(receipt: Json) -> str:
    return "u" + urlsafe_b64encode(canonical(receipt)).decode().rstrip("=")


def anchor_proof(document: Json, receipt: Json) -> Json:
    account = f"did:pkh:{receipt['chain']}:{receipt['registry']}"
    proof: Json = {
        "type": "DataIntegrityProof",
        "cryptosuite": "credanchor-merkle-jcs-2026",
        "proofPurpose": "assertionMethod",
        "verificationMethod": f"{account}#{receipt['issuerId']}",
        "proofValue": proof_value(receipt),
    }
    others = covered(document).get("proof", [])
    ids = [p["id"] for p in (others if isinstance(others, list) else [others]) if "id" in p]
    if ids:
        proof["previousProof"] = ids if len(ids) > 1 else ids[0]
    return proof
