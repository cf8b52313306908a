from __future__ import annotations

import json
from typing import Any

import pytest
from vector_files import load, unhex

from registry.errors import MalformedValue
from registry.formats.canonical import canonicalize
from registry.formats.manifest import manifest_hash
from registry.formats.tree import MerkleTree
from registry.values import BatchRoot, IssuerId

VECTORS = load("manifest-v1")


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: f"{len(case['leafFile'])}")
def test_hashes_of_the_vectors(case: dict[str, Any]) -> None:
    issuer, root = IssuerId.from_hex(case["issuerId"]), BatchRoot.from_hex(case["root"])
    leaves = unhex(case["leafFile"])
    assert manifest_hash(issuer, root, leaves).to_hex() == case["metaHash"]
    assert MerkleTree(leaves).root == root
    assert canonicalize(json.loads(case["manifest"])).decode() == case["manifest"]


def test_every_part_is_bound() -> None:
    issuer, root, leaves = IssuerId(bytes(32)), BatchRoot(bytes(32)), bytes(64)
    hashes = {
        manifest_hash(issuer, root, leaves),
        manifest_hash(IssuerId(b"\x01" * 32), root, leaves),
        manifest_hash(issuer, BatchRoot(b"\x01" * 32), leaves),
        manifest_hash(issuer, root, leaves[:32]),
        manifest_hash(issuer, root, b"\x01" + leaves[1:]),
    }
    assert len(hashes) == 5


@pytest.mark.parametrize("length", VECTORS["refusedLeafBytes"])
def test_the_leaf_file_holds_whole_hashes_and_at_least_one(length: int) -> None:
    with pytest.raises(MalformedValue, match=f"{length} bytes"):
        manifest_hash(IssuerId(bytes(32)), BatchRoot(bytes(32)), bytes(length))
