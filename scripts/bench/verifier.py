"""How fast bundles are verified offline, against a peer in the same run.

    python scripts/bench/verifier.py [--json]

The peer does the same work with stock packages: json and rfc8785 for the digest, jsonschema_rs for
the schema, cryptography for the signature, hashlib for the path, rlp and trie for the storage
proofs; it judges nothing and says nothing. Two depths are taken: tries of some hundred accounts,
and tries as deep as mainnet's (26 nodes for an account and four slots, all made up here).
Contenders take turns on one core, and medians are compared. "Hashing alone" is keccak-256 of the
header and of each node: below it no verifier of these proofs can go.

Then, all of them counted in this run: RPC calls for a large batch; files made to be expensive, the
worst of them by time and by memory; and what comes of changed bundles (of every byte with --every,
else of a sample).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import rfc8785
import rlp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from eth_utils.crypto import keccak
from formats import Figure, interleaved, show
from trie.hexary import HexaryTrie

from registry.judging.policy import TrustedIssuer, TrustedRegistry, TrustPolicy
from registry.judging.verifier import verify_bundle
from registry.keccak import keccak256
from registry.proofs.evidence import GivenBlock
from registry.proofs.proven_evidence import TrustedBlock
from registry.report import Verdict
from registry.values import Address, ChainId, CodeHash, IssuerId

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "scripts"))
from vector_cases import bundle_cases  # noqa: E402 - beside this folder, not in a package
from vector_cases.bundle_cases import Block  # noqa: E402
from vector_cases.contract_cases import REGISTRY  # noqa: E402

NOW = datetime.fromisoformat(bundle_cases.NOW).astimezone(UTC)
SCHEMA = ROOT / "registry/data/openbadges/schema/ob_v3p0_achievementcredential_schema.json"
A_SECOND = 500


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--json", action="store_true", help="for programs")
    options.add_argument("--every", action="store_true", help="every byte changed: ten minutes")
    chosen = options.parse_args()
    small = Block(bundle_cases.WORDS, bundle_cases.RECEIPT, others=300)
    figures = [
        *measure("bundle offline", Subject.of(small), A_SECOND),
        *measure("bundle offline, mainnet's depth", Subject.of(Deep.of_mainnet())),
        calls_for_ten_thousand(),
        *hostile_inputs(),
        *mutations("8" if chosen.every else "0.1"),
    ]
    if chosen.json:
        print(json.dumps([asdict(figure) for figure in figures], indent=2))
    else:
        show(figures)
    return 0 if all(figure.met is not False for figure in figures) else 1


def told_by(script: str, *arguments: str) -> list[Any]:
    """What a script of the tests prints, which measures in processes of its own."""
    command = [sys.executable, str(ROOT / "tests" / "unit" / script), *arguments]
    run = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return [json.loads(line) for line in run.stdout.splitlines()]


def calls_for_ten_thousand() -> Figure:
    """As the test counts them in proxies before three nodes of a real chain."""
    test = "tests/integration/test_nodes_to_ask.py"
    command = [sys.executable, "-m", "pytest", "-s", "-k", "ten_thousand", test]
    run = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    calls = int(run.stdout.partition("of one batch: ")[2].split()[0])
    return Figure(
        "10,000 credentials of one batch, judged by three nodes",
        f"{calls} RPC calls in all",
        "under 100",
        calls < 100,
    )


def hostile_inputs() -> list[Figure]:
    inputs = told_by("hostile_inputs.py")
    refused = sum(one["verdict"] != "VALID" for one in inputs)
    slowest = max(inputs, key=lambda one: one["busy"])
    largest = max(inputs, key=lambda one: one["megabytes"])
    seconds, megabytes = slowest["busy"], largest["megabytes"]
    rows = [
        Figure(
            f"  {one['name']}, {one['bytes']:,} bytes",
            f"{one['verdict']}, {one['busy']:.2f} s, {one['megabytes']:.0f} MB",
            "",
            None,
        )
        for one in inputs
    ]
    return [
        Figure(f"{len(inputs)} hostile inputs", f"{refused} of them not valid", "", None),
        Figure(
            f"  slowest: {slowest['name']}", f"{seconds:.2f} s of a core", "under 1 s", seconds < 1
        ),
        Figure(
            f"  largest: {largest['name']}", f"{megabytes:.0f} MB", "under 200 MB", megabytes < 200
        ),
        *rows,
    ]


def mutations(values: str) -> list[Figure]:
    """values: what every byte becomes; below 1 a share of all changes."""
    (told,) = told_by("mutants.py", values)
    counts, harmless = told["counts"], told["harmless"]
    tried = sum(one["tried"] for one in counts.values())
    crashed = sum(one.get("crashed", 0) for one in counts.values())
    lied = len(told["lies"]) - crashed
    rows = [
        Figure(
            f"  {kind}, {of['tried']:,}",
            ", ".join(f"{name} {count:,}" for name, count in sorted(of.items()) if name != "tried"),
            "",
            None,
        )
        for kind, of in counts.items()
    ]
    return [
        Figure(f"{tried:,} changed bundles", f"{lied} accepted with other facts", "0", lied == 0),
        Figure("  crashes", str(crashed), "0", crashed == 0),
        *rows,
        Figure(
            "  accepted, and no verdict rests on it",
            ", ".join(f"{kind} {count:,}" for kind, count in harmless.items()),
            "",
            None,
        ),
    ]


class Deep(Block):
    """A block whose tries are as deep as mainnet's, without its two hundred million accounts.

    Walks share their first nodes, as on mainnet: an account eight nodes down, and each of four
    slots a little further than where their walks part.
    """

    def __init__(self) -> None:
        super().__init__(bundle_cases.WORDS, bundle_cases.RECEIPT)

    @classmethod
    def of_mainnet(cls) -> Deep:
        block = cls()
        names = list(block._slots)[:4]
        block._grow(block._accounts, keccak(block.address), 7)
        for name, depth in zip(names, (4, 4, 4, 5), strict=True):
            block._grow(block._storage, keccak(block._slots[name]), depth)
        account = [1, 0, block._storage.root_hash, block.code_hash]
        block._accounts[keccak(block.address)] = rlp.encode(account)
        block.header = block._header()
        return block

    @staticmethod
    def _grow(trie: Any, key: bytes, depth: int) -> None:
        """Fifteen siblings at each nibble of `key` down to `depth`: full branches, as up there."""
        text = key.hex()
        for at in range(depth):
            for digit in "0123456789abcdef":
                if digit != text[at]:
                    tail = keccak(f"{text[:at]}{digit}".encode()).hex()
                    other = (text[:at] + digit + tail)[:64]
                    trie[bytes.fromhex(other)] = rlp.encode([1, 0, tail.encode(), b"\5" * 32])


@dataclass(frozen=True, slots=True)
class Subject:
    raw: bytes
    trusted: str
    nodes: int

    @classmethod
    def of(cls, block: Block) -> Subject:
        bundle = bundle_cases.bundle(bundle_cases.SOUND, block)
        raw = json.dumps(bundle, ensure_ascii=False).encode()
        return cls(raw, block.trusted, len(bundle["evidence"]["nodes"]))


def policy() -> TrustPolicy:
    trust = bundle_cases.policy()
    place = ChainId.parse(trust["chain"]), Address.from_hex(trust["registry"])
    registry = TrustedRegistry(*place, CodeHash.from_hex(trust["codeHash"]))
    issuer_id = IssuerId.from_hex(trust["issuerId"])
    issuer = TrustedIssuer(*place, issuer_id, tuple(trust["speaksFor"]), trust["name"])
    return TrustPolicy((registry,), (issuer,))


def measure(name: str, subject: Subject, wanted: int | None = None) -> list[Figure]:
    trusted = {TrustedBlock.parse(subject.trusted): GivenBlock()}
    ask = partial(verify_bundle, subject.raw, trusted, policy(), NOW)
    assert ask().verdict is Verdict.VALID
    header, nodes = hexes(subject.raw)
    peer = Peer(subject.trusted)
    assert peer.accepts(subject.raw)
    contenders: list[Callable[[], object]] = [
        ask,
        partial(peer.accepts, subject.raw),
        partial(hash_alone, [header, *nodes]),
    ]
    ours, theirs, floor = interleaved(*contenders, turns=40)
    size = f"{len(subject.raw):,} bytes, {subject.nodes} nodes"
    return [
        Figure(
            f"{name}, {size}",
            f"{1 / ours:.0f} a second ({ours * 1e3:.2f} ms)",
            f"{wanted} a second" if wanted else "",
            1 / ours >= wanted if wanted else None,
        ),
        Figure(
            "  beside json + rfc8785 + schema + Ed25519 + trie",
            f"{theirs / ours:.1f} x as fast ({theirs * 1e3:.2f} ms)",
            "1 x",
            theirs >= ours,
        ),
        Figure(
            "  beside hashing alone",
            f"{ours / floor:.0f} x its time ({floor * 1e6:.0f} µs)",
            "",
            None,
        ),
    ]


def hexes(raw: bytes) -> tuple[bytes, list[bytes]]:
    evidence = json.loads(raw)["evidence"]
    return unhex(evidence["header"]), [unhex(node) for node in evidence["nodes"]]


def unhex(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def hash_alone(parts: list[bytes]) -> None:
    for part in parts:
        keccak256(part)


class Peer:
    """The same facts by stock packages: true or false, no ladder, no reasons, no limits."""

    def __init__(self, trusted: str) -> None:
        self._block = unhex(trusted.rpartition(":")[2])
        self._schema = jsonschema_rs.Draft201909Validator(json.loads(SCHEMA.read_bytes()))
        self._key = bundle_cases.KEY.public_key().public_bytes_raw()
        reader: Any = HexaryTrie  # its methods have no types
        self._prove = reader.get_from_proof

    def accepts(self, raw: bytes) -> bool:
        bundle = json.loads(raw)
        document, receipt = bundle["credential"], bundle["receipt"]
        return (
            self._schema.is_valid(document)
            and self._is_signed(document)
            and self._is_included(document, receipt)
            and self._is_proven(bundle)
        )

    def _is_signed(self, document: dict[str, Any]) -> bool:
        proof = document["proof"]
        unsigned = {name: value for name, value in document.items() if name != "proof"}
        options = {name: value for name, value in proof.items() if name != "proofValue"}
        hashed = [sha256(rfc8785.dumps(part)).digest() for part in (options, unsigned)]
        signature = base58(proof["proofValue"][1:])
        Ed25519PublicKey.from_public_bytes(self._key).verify(signature, b"".join(hashed))
        return True

    def _is_included(self, document: dict[str, Any], receipt: dict[str, Any]) -> bool:
        digest = sha256(rfc8785.dumps(document)).digest()
        index, last = receipt["index"], receipt["treeSize"] - 1
        place = unhex(receipt["issuerId"]) + index.to_bytes(8)
        node = sha256(b"\0\1" + place + unhex(receipt["salt"]) + digest).digest()
        for sibling in map(unhex, receipt["path"]):
            pair = sibling + node if index & 1 or index == last else node + sibling
            node, index, last = sha256(b"\1" + pair).digest(), index >> 1, last >> 1
        return node == unhex(receipt["root"])

    def _is_proven(self, bundle: dict[str, Any]) -> bool:
        header = unhex(bundle["evidence"]["header"])
        nodes = [rlp.decode(unhex(node)) for node in bundle["evidence"]["nodes"]]
        if keccak(header) != self._block:
            return False
        state_root = rlp.decode(header)[3]
        account = rlp.decode(self._prove(state_root, keccak(REGISTRY), nodes))
        slots = list(bundle_cases.slots(bundle["receipt"]).values())[:4]
        found = [self._prove(account[2], keccak(slot), nodes) for slot in slots]
        word = int.from_bytes(rlp.decode(found[3]))
        return bool(found[0] and found[2]) and not word >> bundle_cases.LANE & 3


def base58(text: str) -> bytes:
    digits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    number = 0
    for character in text:
        number = number * 58 + digits.index(character)
    return number.to_bytes(64)


if __name__ == "__main__":
    sys.exit(main())
