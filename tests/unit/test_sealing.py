"""Sealing: random places, full words, and leaves that lead to the root."""

from __future__ import annotations

from hashlib import shake_256

import pytest

from anchor_service.store.sealing import SealedBatch, seal
from registry.errors import RegistryError
from registry.formats.leaf import leaf_hash
from registry.formats.manifest import manifest_hash
from registry.formats.tree import MerkleTree, root_from_path
from registry.values import CredentialDigest, IssuerId

ISSUER = IssuerId(b"\x11" * 32)


class Randomness:
    """Deterministic bytes that differ from call to call."""

    def __init__(self, seed: bytes = b"seed") -> None:
        self._seed = seed
        self._calls = 0

    def __call__(self, count: int) -> bytes:
        self._calls += 1
        return shake_256(self._seed + self._calls.to_bytes(4, "big")).digest(count)


def digests(count: int) -> list[CredentialDigest]:
    return [CredentialDigest(number.to_bytes(32, "big")) for number in range(count)]


def sealed(count: int, seed: bytes = b"seed") -> SealedBatch:
    return seal(ISSUER, digests(count), Randomness(seed))


@pytest.mark.parametrize(
    ("count", "size"), [(1, 128), (127, 128), (128, 128), (129, 256), (1000, 1024)]
)
def test_the_size_tells_only_whole_words(count: int, size: int) -> None:
    batch = sealed(count)
    assert batch.size == size
    assert len(batch.leaves) == 32 * size


def test_every_credential_has_a_leaf_of_its_own_that_leads_to_the_root() -> None:
    batch = sealed(300)
    assert len(set(batch.indexes)) == 300
    assert len(set(batch.salts)) == 300
    tree = MerkleTree(batch.leaves)
    for digest, index, salt in zip(digests(300), batch.indexes, batch.salts, strict=True):
        leaf = leaf_hash(ISSUER, index, salt, digest)
        assert batch.leaves[32 * index : 32 * index + 32] == leaf
        assert root_from_path(leaf, index, batch.size, tree.path(index)) == batch.root


def test_places_are_not_the_order_of_the_roster() -> None:
    batch = sealed(300)
    assert list(batch.indexes) != sorted(batch.indexes)
    assert sealed(300, b"other").indexes != batch.indexes


def test_fillers_stand_everywhere_and_are_all_different() -> None:
    places = {index for seed in range(200) for index in sealed(1, bytes([seed])).indexes}
    # 200 draws of one place in 128: about 101 different ones; 60 would be beyond all chance.
    assert len(places) > 60
    leaves = sealed(1).leaves
    assert len({leaves[at : at + 32] for at in range(0, len(leaves), 32)}) == 128


def test_the_manifest_commits_to_the_leaves() -> None:
    batch = sealed(5)
    assert batch.meta_hash == manifest_hash(ISSUER, batch.root, batch.leaves)


def test_the_same_randomness_gives_the_same_seal() -> None:
    assert sealed(200) == sealed(200)


def test_an_empty_batch_is_refused() -> None:
    with pytest.raises(RegistryError, match="at least one credential"):
        seal(ISSUER, [], Randomness())
