from __future__ import annotations

import pytest
from vector_files import load, unhex

from registry.errors import MalformedValue
from registry.formats.leaf import leaf_hash
from registry.values import CredentialDigest, IssuerId, LeafHash, Salt

VECTORS = load("leaf-v1")
CASES = list(
    zip(
        *(VECTORS[column] for column in ("issuerIds", "indexes", "salts", "digests", "leaves")),
        strict=True,
    )
)


def leaf_of(case: tuple[str, str, str, str, str]) -> LeafHash:
    issuer, index, salt, digest, _ = case
    return leaf_hash(
        IssuerId.from_hex(issuer),
        int(index),
        Salt.from_hex(salt),
        CredentialDigest.from_hex(digest),
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"index {case[1]}")
def test_leaves_of_the_vectors(case: tuple[str, str, str, str, str]) -> None:
    assert leaf_of(case).to_hex() == case[4]


def test_every_part_is_bound() -> None:
    assert len(set(VECTORS["leaves"])) == len(CASES)


@pytest.mark.parametrize(
    ("wrong", "why"), list(zip(VECTORS["notLeaves"], VECTORS["notLeafReasons"], strict=True))
)
def test_no_other_layout_gives_the_leaf(wrong: str, why: str) -> None:
    assert leaf_of(CASES[VECTORS["notLeavesOfCase"]]) != unhex(wrong), why


@pytest.mark.parametrize("index", VECTORS["refusedIndexes"])
def test_an_index_must_fit_into_8_bytes(index: str) -> None:
    with pytest.raises(MalformedValue, match="leaf index"):
        leaf_hash(IssuerId(bytes(32)), int(index), Salt(bytes(32)), CredentialDigest(bytes(32)))
