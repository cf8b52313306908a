"""Paths from stored parts are those of the whole tree."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anchor_service.store import tree_parts
from anchor_service.store.database import Database
from anchor_service.store.schema import batch, metadata
from anchor_service.store.tree_parts import PART_LEAVES, TOP, Paths
from registry.formats.tree import HASH_BYTES, MerkleTree

if TYPE_CHECKING:
    from collections.abc import Iterator


def leaf_file(size: int) -> bytes:
    return b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(size))


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    opened = Database(f"sqlite:///{tmp_path_factory.mktemp('parts')}/parts.db")
    metadata.create_all(opened.engine)
    yield opened
    opened.close()


def stored(database: Database, leaves: bytes) -> int:
    with database.write() as connection:
        made = connection.execute(
            # An issuer has one open batch.
            batch.insert().values(state="OPEN", created=0, issuer=uuid4().hex, changed=0, tries=0)
        )
        assert made.inserted_primary_key is not None
        number = int(made.inserted_primary_key[0])
        tree_parts.store_parts(connection, number, leaves)
    return number


@given(size=st.integers(1, 5 * PART_LEAVES), data=st.data())
def test_a_path_from_parts_is_that_of_the_whole_tree(
    database: Database, size: int, data: st.DataObject
) -> None:
    leaves = leaf_file(size)
    number = stored(database, leaves)
    tree = MerkleTree(leaves)
    index = data.draw(st.integers(0, size - 1))
    with database.read() as connection:
        assert Paths().path(connection, number, index) == tree.path(index)


def test_every_path_of_a_ragged_tree(database: Database) -> None:
    leaves = leaf_file(2 * PART_LEAVES + 3)
    number = stored(database, leaves)
    tree, paths = MerkleTree(leaves), Paths()
    with database.read() as connection:
        found = [paths.path(connection, number, index) for index in range(tree.size)]
    assert found == list(tree.paths())


def test_the_tops_of_few_batches_are_kept(database: Database) -> None:
    numbers = [stored(database, leaf_file(PART_LEAVES * 4)) for _ in range(3)]
    paths = Paths(kept_bytes=8 * HASH_BYTES)
    with database.read() as connection:
        for number in numbers:
            paths.path(connection, number, 0)
    assert list(paths._tops) == numbers[1:]


def test_parts_cover_all_leaves_once() -> None:
    leaves = leaf_file(300)
    parts = dict(tree_parts.cut(leaves))
    top = parts.pop(TOP)
    assert b"".join(parts[number] for number in sorted(parts)) == leaves
    assert MerkleTree(top).root == MerkleTree(leaves).root
