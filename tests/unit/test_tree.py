from __future__ import annotations

import random
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import merkletools
import pytest
from vector_files import load, unhex

from registry.errors import MalformedProof, MalformedValue
from registry.formats.tree import MAX_PATH, MAX_SIZE, MerkleTree, path_length, root_from_path
from registry.values import LeafHash

if TYPE_CHECKING:
    from collections.abc import Iterator

VECTORS = load("tree-v1")


def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


class DefinitionOfTheRfc:
    """MTH and PATH of RFC 9162 §2.1, word for word, over leaf hashes."""

    def __init__(self, leaves: list[bytes]) -> None:
        self.leaves = leaves
        self.root = lru_cache(maxsize=None)(self._root)

    def _root(self, start: int, end: int) -> bytes:
        if end - start == 1:
            return self.leaves[start]
        middle = start + self.split(end - start)
        return node(self.root(start, middle), self.root(middle, end))

    def path(self, index: int, start: int, end: int) -> list[bytes]:
        if end - start == 1:
            return []
        middle = start + self.split(end - start)
        if index < middle:
            return [*self.path(index, start, middle), self.root(middle, end)]
        return [*self.path(index, middle, end), self.root(start, middle)]

    @staticmethod
    def split(size: int) -> int:
        largest = 1
        while largest * 2 < size:
            largest *= 2
        return largest


def merkletools_over(leaves: list[bytes]) -> Any:
    oracle = merkletools.MerkleTools()
    oracle.hash_function = lambda pair: sha256(b"\x01" + pair)
    oracle.leaves = [bytearray(leaf) for leaf in leaves]
    oracle.make_tree()
    return oracle


def siblings(proof: list[dict[str, str]]) -> list[bytes]:
    return [unhex(sibling) for step in proof for sibling in step.values()]


def check(rfc: DefinitionOfTheRfc, size: int, indexes: list[int]) -> None:
    leaves = rfc.leaves[:size]
    tree = MerkleTree(b"".join(leaves))
    oracle = merkletools_over(leaves)
    assert tree.size == size
    assert tree.root == rfc.root(0, size) == unhex(oracle.get_merkle_root())
    if len(indexes) == size:
        assert list(tree.paths()) == [tree.path(index) for index in indexes]
    for index in indexes:
        path = tree.path(index)
        assert list(path) == rfc.path(index, 0, size) == siblings(oracle.get_proof(index))
        assert len(path) == path_length(index, size) <= MAX_PATH
        assert root_from_path(LeafHash(leaves[index]), index, size, path) == tree.root


@pytest.fixture(scope="module")
def rfc() -> DefinitionOfTheRfc:
    return DefinitionOfTheRfc([random.Random(9162).randbytes(32) for _ in range(1100)])


def test_every_path_of_trees_of_1_to_130_leaves(rfc: DefinitionOfTheRfc) -> None:
    for size in range(1, 131):
        check(rfc, size, list(range(size)))


def test_roots_and_some_paths_of_trees_of_131_to_1100_leaves(rfc: DefinitionOfTheRfc) -> None:
    dice = random.Random(6962)
    for size in range(131, 1101):
        check(rfc, size, [0, size - 1, dice.randrange(size), dice.randrange(size)])


@pytest.mark.long
def test_every_path_of_trees_of_131_to_1100_leaves(rfc: DefinitionOfTheRfc) -> None:
    for size in range(131, 1101):
        check(rfc, size, list(range(size)))


@pytest.mark.parametrize("power", [12, 13, 14])
def test_larger_trees_about_a_power_of_two_and_at_random(power: int) -> None:
    dice = random.Random(power)
    sizes = [2**power - 1, 2**power, 2**power + 1, dice.randrange(2**power, 2 ** (power + 1))]
    rfc = DefinitionOfTheRfc([dice.randbytes(32) for _ in range(max(sizes))])
    for size in sizes:
        check(rfc, size, [0, size - 1, *(dice.randrange(size) for _ in range(20))])
    tree = MerkleTree(b"".join(rfc.leaves))
    for index, path in enumerate(tree.paths()):
        assert path == tree.path(index)
    assert index == tree.size - 1


@pytest.mark.long
def test_large_trees_at_random() -> None:
    dice = random.Random(random.randrange(2**32))
    for _ in range(4):
        size = dice.randrange(100_000, 1_000_000)
        rfc = DefinitionOfTheRfc([dice.randbytes(32) for _ in range(size)])
        check(rfc, size, [0, size - 1, *(dice.randrange(size) for _ in range(500))])


def rows(table: dict[str, Any]) -> Iterator[tuple[LeafHash, int, int, list[bytes], bytes, str]]:
    start = 0
    reasons = table.get("reasons", [""] * len(table["leaves"]))
    for place, reason in enumerate(reasons):
        end = start + table["pathLengths"][place]
        yield (
            LeafHash(unhex(table["leaves"][place])),
            table["indexes"][place],
            table["sizes"][place],
            [unhex(sibling) for sibling in table["pathHashes"][start:end]],
            unhex(table["roots"][place]),
            reason,
        )
        start = end


def test_roots_of_the_vectors() -> None:
    leaves = b"".join(map(unhex, VECTORS["leaves"]))
    for size, root in zip(VECTORS["sizes"], VECTORS["roots"], strict=True):
        assert MerkleTree(leaves[: size * 32]).root == unhex(root)


def test_paths_of_the_vectors() -> None:
    leaves = b"".join(map(unhex, VECTORS["leaves"]))
    seen = 0
    for leaf, index, size, path, root, _ in rows(VECTORS["paths"]):
        assert list(MerkleTree(leaves[: size * 32]).path(index)) == path
        assert root_from_path(leaf, index, size, path) == root
        seen += 1
    assert seen > 200


def test_paths_of_a_wrong_shape_are_refused() -> None:
    for leaf, index, size, path, _, why in rows(VECTORS["refused"]):
        with pytest.raises(MalformedProof):
            print(why, root_from_path(leaf, index, size, path))


def test_misleading_paths_lead_elsewhere() -> None:
    for leaf, index, size, path, root, why in rows(VECTORS["misleading"]):
        assert root_from_path(leaf, index, size, path) != root, why


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 100])
def test_no_flipped_bit_and_no_other_place_reaches_the_root(size: int) -> None:
    dice = random.Random(size)
    leaves = [dice.randbytes(32) for _ in range(size)]
    tree = MerkleTree(b"".join(leaves))
    index = dice.randrange(size)
    leaf, path = LeafHash(leaves[index]), list(tree.path(index))
    for bit in range(256):
        flip = (1 << bit).to_bytes(32)
        bent = LeafHash(bytes(a ^ b for a, b in zip(leaf, flip, strict=True)))
        assert root_from_path(bent, index, size, path) != tree.root
        for place, sibling in enumerate(path):
            other = bytes(a ^ b for a, b in zip(sibling, flip, strict=True))
            bent_path = [*path[:place], other, *path[place + 1 :]]
            assert root_from_path(leaf, index, size, bent_path) != tree.root
    for other_index in set(range(size)) - {index}:
        if path_length(other_index, size) == len(path):
            assert root_from_path(leaf, other_index, size, path) != tree.root
        else:
            with pytest.raises(MalformedProof):
                root_from_path(leaf, other_index, size, path)


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_siblings_have_32_bytes(length: int) -> None:
    with pytest.raises(MalformedProof, match="32 bytes"):
        root_from_path(LeafHash(bytes(32)), 0, 2, [bytes(length)])


@pytest.mark.parametrize(
    ("index", "size"),
    [(0, 0), (1, 1), (-1, 1), (2**32 - 1, 2**32 - 1), (0, 2**32), (0, -1), (-1, 0)],
)
def test_a_place_outside_the_tree_has_no_path(index: int, size: int) -> None:
    with pytest.raises(MalformedProof, match="in a tree of"):
        path_length(index, size)


def test_the_largest_tree_has_paths_of_32() -> None:
    assert path_length(0, MAX_SIZE) == path_length(MAX_SIZE - 2, MAX_SIZE) == 32 == MAX_PATH
    assert path_length(MAX_SIZE - 1, MAX_SIZE) == 31


@pytest.mark.parametrize("length", VECTORS["refusedLeafBytes"])
def test_leaves_come_in_whole_hashes_and_at_least_one(length: int) -> None:
    with pytest.raises(MalformedValue, match=f"{length} bytes"):
        MerkleTree(bytes(length))


@pytest.mark.parametrize("index", [-1, 3, 2**40])
def test_a_tree_has_no_path_for_an_index_outside_it(index: int) -> None:
    with pytest.raises(MalformedValue, match="in a tree of 3"):
        MerkleTree(bytes(96)).path(index)
