"""PERMANENT. The receipt: what joins one credential to its anchor, as a file and as a proof.

One JSON object with a closed set of members, each of them bound by what it leads to: no hints, no
times. Beside the credential it is a file of its own; inside, it is the `proofValue` of one proof
whose every other member follows from the receipt and the credential.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import Self, TypeVar

from registry.errors import MalformedJson, MalformedProof, MalformedReceipt, MalformedValue
from registry.formats.canonical import canonicalize
from registry.formats.credential import anchor_proofs, issuer_proofs, proofs_of, with_proofs
from registry.formats.exact_json import pointer
from registry.formats.strict_json import JsonObject, JsonValue, read
from registry.formats.tree import MAX_SIZE, path_length
from registry.values import Address, BatchRoot, ChainId, FixedBytes, IssuerId, NodeHash, Salt

ANCHOR_SUITE = "credanchor-merkle-jcs-2026"
RECEIPT_VERSION = 1
MAX_RECEIPT_BYTES = 64 * 1024

_Kind = TypeVar("_Kind", bound=FixedBytes)
_MEMBERS = frozenset(
    ("version", "chain", "registry", "issuerId", "index", "treeSize", "salt", "path", "root")
)


@dataclass(frozen=True, slots=True)
class Receipt:
    """Shape is checked here; whether path and leaf lead to the root is the verifier's to judge."""

    chain: ChainId
    registry: Address
    issuer_id: IssuerId
    index: int
    tree_size: int
    salt: Salt
    path: tuple[NodeHash, ...]
    root: BatchRoot

    def __post_init__(self) -> None:
        """Raises MalformedReceipt unless 0 <= index < tree_size < 2^32 and `path` fits them."""
        if not 1 <= self.tree_size <= MAX_SIZE:
            raise MalformedReceipt("not between 1 and 2^32-1", "/treeSize")
        if not 0 <= self.index < self.tree_size:
            raise MalformedReceipt("not below treeSize", "/index")
        expected = path_length(self.index, self.tree_size)
        if len(self.path) != expected:
            reason = f"{len(self.path)} hashes, where index and treeSize demand {expected}"
            raise MalformedReceipt(reason, "/path")

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read a receipt file. Raises MalformedJson and MalformedReceipt."""
        return cls.from_json(read(raw, max_bytes=MAX_RECEIPT_BYTES))

    @classmethod
    def from_json(cls, value: JsonValue) -> Self:
        """Raises MalformedReceipt, with the member at fault, for any other shape than to_json's."""
        if not isinstance(value, dict):
            raise MalformedReceipt("a receipt is a JSON object")
        if missing := sorted(_MEMBERS - value.keys()):
            raise MalformedReceipt("missing", f"/{missing[0]}")
        if unknown := sorted(value.keys() - _MEMBERS):
            raise MalformedReceipt("unknown member", pointer(unknown[:1]))
        if _integer(value, "version") != RECEIPT_VERSION:
            raise MalformedReceipt("unknown version: a newer program may read it", "/version")
        return cls(
            chain=_chain(value["chain"]),
            registry=_hex(Address, value["registry"], "/registry"),
            issuer_id=_hex(IssuerId, value["issuerId"], "/issuerId"),
            index=_integer(value, "index"),
            tree_size=_integer(value, "treeSize"),
            salt=_hex(Salt, value["salt"], "/salt"),
            path=_path(value["path"]),
            root=_hex(BatchRoot, value["root"], "/root"),
        )

    def to_json(self) -> JsonObject:
        return {
            "version": RECEIPT_VERSION,
            "chain": str(self.chain),
            "registry": self.registry.to_hex(),
            "issuerId": self.issuer_id.to_hex(),
            "index": self.index,
            "treeSize": self.tree_size,
            "salt": self.salt.to_hex(),
            "path": [sibling.to_hex() for sibling in self.path],
            "root": self.root.to_hex(),
        }

    def serialize(self) -> bytes:
        """Return the RFC 8785 form: what goes into a proof and into a file."""
        return canonicalize(self.to_json())


def embed(document: JsonObject, receipt: Receipt) -> JsonObject:
    """Return `document` with the anchor proof after its other proofs; the digest stays the same.

    Raises MalformedDocument where `proof` has a wrong shape, MalformedProof where an anchor proof
    of this suite is there already.
    """
    if _of_suite(document):
        raise MalformedProof("the document carries an anchor already", "/proof")
    return with_proofs(document, [*proofs_of(document), _anchor_proof(document, receipt)])


def extract(document: JsonObject) -> Receipt | None:
    """Return the embedded receipt; None if the document carries no anchor proof of this suite.

    Raises MalformedDocument where `proof` has a wrong shape, MalformedProof where the anchor proof
    differs in anything from what `embed` writes, or where a suite has two.
    """
    suites = [proof["cryptosuite"] for proof in anchor_proofs(document)]
    if len(suites) != len(set(map(str, suites))):
        raise MalformedProof("two anchor proofs of one suite", "/proof")
    proof = _of_suite(document)
    if proof is None:
        return None
    receipt = _decode(proof.get("proofValue"))
    expected = _anchor_proof(document, receipt)
    for member in sorted(proof.keys() | expected.keys()):
        if proof.get(member) != expected.get(member) or member not in expected:
            reason = f"{pointer((member,))} of the anchor proof is not what its receipt demands"
            raise MalformedProof(reason, "/proof")
    return receipt


def unknown_suites(document: JsonObject) -> tuple[str, ...]:
    """Return the credanchor suites of `document` that this version can't read, in order."""
    suites = [str(proof["cryptosuite"]) for proof in anchor_proofs(document)]
    return tuple(suite for suite in suites if suite != ANCHOR_SUITE)


def _of_suite(document: JsonObject) -> JsonObject | None:
    proofs = anchor_proofs(document)
    return next((proof for proof in proofs if proof["cryptosuite"] == ANCHOR_SUITE), None)


def _anchor_proof(document: JsonObject, receipt: Receipt) -> JsonObject:
    account = f"did:pkh:{receipt.chain}:{receipt.registry.to_hex()}"
    proof: JsonObject = {
        "type": "DataIntegrityProof",
        "cryptosuite": ANCHOR_SUITE,
        "proofPurpose": "assertionMethod",
        "verificationMethod": f"{account}#{receipt.issuer_id.to_hex()}",
        "proofValue": "u" + urlsafe_b64encode(receipt.serialize()).decode().rstrip("="),
    }
    ids = [proof.get("id") for proof in issuer_proofs(document)]
    previous: list[JsonValue] = [name for name in ids if isinstance(name, str)]
    if previous:
        proof["previousProof"] = previous if len(previous) > 1 else previous[0]
    return proof


def _decode(proof_value: JsonValue) -> Receipt:
    """Read what `proof_value` may hold; `extract` compares it with the one text there is for it."""
    text = proof_value[1:] if isinstance(proof_value, str) else ""
    try:
        return Receipt.parse(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, MalformedJson, MalformedReceipt) as fault:
        raise MalformedProof(f"proofValue holds no receipt: {fault}", "/proof") from None


def _integer(value: JsonObject, member: str) -> int:
    number = value[member]
    if type(number) is not int:  # a bool is an int to Python, and 1.0 equals 1
        raise MalformedReceipt("not an integer", f"/{member}")
    return number


def _chain(text: JsonValue) -> ChainId:
    try:
        return ChainId.parse(text if isinstance(text, str) else "")
    except MalformedValue as fault:
        raise MalformedReceipt(fault.reason, "/chain") from None


def _hex(kind: type[_Kind], text: JsonValue, place: str) -> _Kind:
    try:
        value = kind.from_hex(text if isinstance(text, str) else "")
    except MalformedValue as fault:
        raise MalformedReceipt(fault.reason, place) from None
    if value.to_hex() != text:  # Address takes any case, a receipt one
        raise MalformedReceipt("not lower-case hex with 0x in front", place)
    return value


def _path(value: JsonValue) -> tuple[NodeHash, ...]:
    if not isinstance(value, list):
        raise MalformedReceipt("not an array", "/path")
    return tuple(_hex(NodeHash, text, f"/path/{place}") for place, text in enumerate(value))
