"""Walks against the `trie` package: random tries, and proofs spoilt in every way."""

from __future__ import annotations

import random
from contextlib import suppress

import pytest
import rlp as peer_rlp
from hypothesis import given
from hypothesis import strategies as st
from tries import Trie, peer_value

from registry.errors import BrokenProof, MalformedRlp, UnsoundEvidence
from registry.keccak import keccak256
from registry.proofs import rlp
from registry.proofs.trie_proof import EMPTY_TRIE, Witness, _full_branch
from registry.values import Bytes32

KEYS = st.one_of(
    st.binary(min_size=32, max_size=32),
    # Keys that share long beginnings make extensions, and deep tries.
    st.builds(
        lambda n, tail: (b"\x11" * n + tail)[:32].ljust(32, b"\x22"),
        st.integers(0, 31),
        st.binary(min_size=1, max_size=4),
    ),
    # Short ones make branches with values, and nodes that are embedded.
    st.binary(min_size=2, max_size=3),
)
VALUES = st.binary(min_size=1, max_size=40)


@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=40), st.lists(KEYS, max_size=10))
def test_both_read_the_same_from_random_tries(
    entries: dict[bytes, bytes], others: list[bytes]
) -> None:
    trie = Trie(entries)
    for key in [*entries, *others]:
        nodes = trie.proof(key)
        expected = entries.get(key)
        assert peer_value(trie.root, key, nodes) == (expected or b"")
        witness = Witness(nodes)
        assert witness.value(trie.root, key) == expected
        witness.require_exactly(nodes)


@given(st.dictionaries(KEYS, VALUES, min_size=2, max_size=30))
def test_one_set_of_nodes_answers_for_all_keys(entries: dict[bytes, bytes]) -> None:
    trie = Trie(entries)
    everything = {node for key in entries for node in trie.proof(key)}
    witness = Witness(everything)
    for key, value in entries.items():
        assert witness.value(trie.root, key) == value
    assert set(witness.used) == everything
    again = Witness(witness.used)
    for key in entries:
        again.value(trie.root, key)
    again.require_exactly(witness.used)


def sample(size: int = 300) -> tuple[Trie, list[bytes]]:
    entries = {
        keccak256(bytes([n % 256, n // 256])): bytes([1 + n % 255]) * 33 for n in range(size)
    }
    return Trie(entries), list(entries)


def test_no_flipped_byte_gives_another_answer() -> None:
    trie, keys = sample()
    for key in (keys[0], keccak256(b"absent")):
        nodes = trie.proof(key)
        truth = trie.entries.get(key)
        for place, node in enumerate(nodes):
            for at in range(len(node)):
                for mask in (0x01, 0x80, 0xFF):
                    changed = bytearray(node)
                    changed[at] ^= mask
                    spoilt = [*nodes[:place], bytes(changed), *nodes[place + 1 :]]
                    with pytest.raises(UnsoundEvidence):
                        Witness(spoilt).value(trie.root, key)
        assert Witness(nodes).value(trie.root, key) == truth


def test_no_missing_or_cut_node_gives_an_answer() -> None:
    trie, keys = sample()
    nodes = trie.proof(keys[7])
    for place, node in enumerate(nodes):
        for kept in ([*nodes[:place], *nodes[place + 1 :]], [*nodes[:place], node[:-1]]):
            with pytest.raises(BrokenProof, match="not among those given"):
                Witness(kept).value(trie.root, keys[7])


def test_nodes_are_those_used_each_once_in_order() -> None:
    trie, keys = sample()
    nodes = trie.proof(keys[7])
    foreign = next(n for n in trie.proof(keys[8]) if n not in nodes)
    for listed, reason in (
        ([*nodes, nodes[0]], "twice"),
        ([*nodes, foreign], "1 trie nodes that no proof needs"),
        (nodes[::-1], "order of first use"),
    ):
        witness = Witness(listed)
        witness.value(trie.root, keys[7])
        with pytest.raises(BrokenProof, match=reason):
            witness.require_exactly(listed)


def test_an_empty_trie_needs_no_node() -> None:
    assert Trie({}).root == EMPTY_TRIE
    assert Witness([]).value(EMPTY_TRIE, keccak256(b"any")) is None


def hand_made(node: object, key: bytes = bytes(32)) -> bytes | None:
    """Walk from a root that the test wrote, as a chain with another idea of tries might."""
    raw = peer_rlp.encode(node)
    return Witness([raw]).value(Bytes32(keccak256(raw)), key)


def prefixed(nibbles: str, *, leaf: bool) -> bytes:
    odd = len(nibbles) % 2
    return bytes.fromhex(f"{2 * leaf + odd:x}" + ("" if odd else "0") + nibbles)


def test_a_hand_made_leaf_is_read() -> None:
    assert hand_made([prefixed("0" * 64, leaf=True), b"v"]) == b"v"
    assert hand_made([prefixed("0" * 63 + "1", leaf=True), b"v"]) is None
    branch: list[object] = [b""] * 17
    branch[0] = [prefixed("1" * 40, leaf=True), b"v"]
    assert hand_made(branch, bytes.fromhex("0" + "1" * 40 + "0")[:21]) is None


@pytest.mark.parametrize(
    ("node", "reason"),
    [
        ([b"\x20" + bytes(32)], "1 items"),
        ([b"a", b"b", b"c"], "3 items"),
        ([b"", b"v"], "path is none"),
        ([b"\x20" + bytes(33), b"v"], "path is none"),
        ([[b"\x20"], b"v"], "path is none"),
        ([b"\x40" + bytes(32), b"v"], "no hex-prefix"),
        ([b"\x21" + bytes(32), b"v"], "no hex-prefix"),
        ([b"\x2f" + bytes(32), b"v"], "no hex-prefix"),
        ([b"\x0f" + bytes(1), b"v" * 32], "no hex-prefix"),
        ([b"\x00", b"v" * 32], "extension without a path"),
        ([b"\x00\x00", b""], "leads nowhere"),
        ([b"\x00\x00", b"v"], "1 bytes, not 32"),
        ([b"\x00\x00", b"v" * 32], "not among those given"),
        ([b"\x20" + bytes(32), b""], "leaf without a value"),
        ([b"\x20" + bytes(32), [b"v"]], "value that is a list"),
        ([[b""], *[b""] * 16], "1 items"),
        ([[], *[b""] * 16], "0 items"),
        ([b"v" * 31, *[b""] * 16], "31 bytes, not 32"),
        ([[prefixed("0" * 63, leaf=True), b"v"], *[b""] * 16], "32 bytes or more lies"),
    ],
)
def test_what_is_no_trie_node_is_refused(node: object, reason: str) -> None:
    with pytest.raises(BrokenProof, match=reason):
        hand_made(node)


def test_a_short_node_may_only_lie_in_its_parent() -> None:
    leaf = peer_rlp.encode([prefixed("0" * 3, leaf=True), b"v"])
    branch = peer_rlp.encode([keccak256(leaf), *[b""] * 16])
    root, key = Bytes32(keccak256(branch)), bytes(2)
    with pytest.raises(BrokenProof, match="stands apart"):
        Witness([leaf, branch]).value(root, key)
    inside = peer_rlp.encode([[prefixed("0" * 3, leaf=True), b"v"], *[b""] * 16])
    assert Witness([inside]).value(Bytes32(keccak256(inside)), key) == b"v"


def test_a_node_that_is_no_rlp_or_too_large_is_refused() -> None:
    for raw in (b"\xc1", b"abc", b"\xb9\x04\x00" + bytes(1024), bytes(2000)):
        with pytest.raises(MalformedRlp):
            Witness([raw]).value(Bytes32(keccak256(raw)), bytes(32))


def test_a_full_branch_is_read_as_rlp_says() -> None:
    full: list[bytes] = [bytes([n]) * 32 for n in range(16)] + [b""]
    raw = peer_rlp.encode(full)
    assert _full_branch(raw) == rlp.decode(raw, max_bytes=1024) == full
    for at in range(len(raw)):
        changed = bytearray(raw)
        changed[at] ^= 0xFF
        read = _full_branch(bytes(changed))
        assert read is None or read == rlp.decode(bytes(changed), max_bytes=1024)
    for other in ([*full[:15], b"", b""], [*full[:16], b"v" * 32], [*full[:16], b"v"]):
        assert _full_branch(peer_rlp.encode(other)) is None


@pytest.mark.long
@pytest.mark.parametrize("seed", range(20))
def test_campaign_of_large_tries_and_spoilt_proofs(seed: int) -> None:
    """Answers equal the peer's; of spoilt proofs none gives another answer, none another error."""
    random_ = random.Random(seed)
    keys = [random_.randbytes(32) for _ in range(3000)]
    trie = Trie({key: random_.randbytes(random_.randint(1, 70)) for key in keys})
    for key in [*random_.sample(keys, 200), *(random_.randbytes(32) for _ in range(200))]:
        nodes = trie.proof(key)
        truth = trie.entries.get(key)
        assert peer_value(trie.root, key, nodes) == (truth or b"")
        assert Witness(nodes).value(trie.root, key) == truth
        for _ in range(50):
            spoilt = [bytearray(node) for node in nodes]
            node = random_.choice(spoilt)
            if random_.random() < 0.3:
                del node[random_.randrange(len(node)) :]
            else:
                node[random_.randrange(len(node))] ^= random_.randint(1, 255)
            with suppress(UnsoundEvidence):
                assert Witness(map(bytes, spoilt)).value(trie.root, key) == truth
