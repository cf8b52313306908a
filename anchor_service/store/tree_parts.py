"""Paths out of large trees without the trees: each batch's leaves in parts of 128, and their roots.

A part is a whole subtree of the RFC 9162 tree, or its ragged end, so a path is the way through one
part and then through the tree of the parts' roots. A receipt out of a million takes 4 KB and, the
first time, 256 KB from the database, in place of 32 MB and a second of hashing.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from sqlalchemy import bindparam, select

from anchor_service.store.database import bulk_insert
from anchor_service.store.prepared import Prepared
from anchor_service.store.schema import tree_part
from registry.formats.tree import HASH_BYTES, MerkleTree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from registry.values import NodeHash

PART_LEAVES = 128
_PART_BYTES = PART_LEAVES * HASH_BYTES
# The row that holds the parts' roots, one after the other.
TOP = -1
_CHUNK = 1000
_HASHES = Prepared(
    select(tree_part.c.hashes).where(
        tree_part.c.batch == bindparam("of_batch"), tree_part.c.number == bindparam("place")
    )
)
# Bytes of parts' roots whose trees a process keeps; a tree takes three times that.
_KEPT_BYTES = 16 * 2**20


def store_parts(connection: Connection, batch_id: int, leaves: bytes) -> None:
    """leaves: the leaf file of a batch just sealed."""
    rows = [(batch_id, number, hashes) for number, hashes in cut(leaves)]
    for start in range(0, len(rows), _CHUNK):
        columns = ("batch", "number", "hashes")
        bulk_insert(connection, tree_part, columns, rows[start : start + _CHUNK])


def cut(leaves: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (number, leaf hashes) of each part, and at last (TOP, the parts' roots)."""
    roots = []
    for number, start in enumerate(range(0, len(leaves), _PART_BYTES)):
        part = leaves[start : start + _PART_BYTES]
        roots.append(bytes(MerkleTree(part).root))
        yield number, part
    yield TOP, b"".join(roots)


class Paths:
    """Paths by batch and index. Keeps the trees of the last batches asked for; thread-safe."""

    def __init__(self, kept_bytes: int = _KEPT_BYTES) -> None:
        self._kept_bytes = kept_bytes
        self._held = 0
        self._tops: OrderedDict[int, MerkleTree] = OrderedDict()
        self._lock = threading.Lock()

    def path(self, connection: Connection, batch_id: int, index: int) -> tuple[NodeHash, ...]:
        """Siblings from leaf `index` of a sealed batch to its root, leaf end first."""
        number, place = divmod(index, PART_LEAVES)
        part = MerkleTree(_hashes(connection, batch_id, number))
        return (*part.path(place), *self._top(connection, batch_id).path(number))

    def _top(self, connection: Connection, batch_id: int) -> MerkleTree:
        with self._lock:
            found = self._tops.get(batch_id)
            if found is not None:
                self._tops.move_to_end(batch_id)
                return found
        tree = MerkleTree(_hashes(connection, batch_id, TOP))
        with self._lock:
            if batch_id not in self._tops:
                self._tops[batch_id] = tree
                self._held += tree.size * HASH_BYTES
            while self._held > self._kept_bytes and len(self._tops) > 1:
                _, gone = self._tops.popitem(last=False)
                self._held -= gone.size * HASH_BYTES
        return tree


def _hashes(connection: Connection, batch_id: int, number: int) -> bytes:
    ((hashes,),) = _HASHES.rows(connection, of_batch=batch_id, place=number)
    return bytes(hashes)
