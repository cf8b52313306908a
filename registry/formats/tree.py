"""PERMANENT. The Merkle tree of RFC 9162 §2.1 over SHA-256, with the leaf hashes given.

An inner node is SHA-256(0x01 || left || right). The RFC splits at the largest power of two below
the size; level by level that is the same as pairing from the left and letting an odd last node
rise unchanged, which is how it is built here.
"""

from __future__ import annotations

from hashlib import sha256
from struct import iter_unpack
from typing import TYPE_CHECKING

from registry.errors import MalformedProof, MalformedValue
from registry.values import BatchRoot, NodeHash

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from registry.values import LeafHash

HASH_BYTES = 32
MAX_PATH = 32
MAX_SIZE = 2**32 - 1
"""Of a tree, in leaves: the contract keeps it in 32 bits."""

_NODE = b"\x01"
_SHARING_HEIGHT = 6  # 64 neighbours share one tuple from here up, which makes a path cheap
_PAIR_BYTES = 2 * HASH_BYTES
_RUN_BYTES = 1024 * _PAIR_BYTES  # hashed at a time: its nodes stay in the processor's cache


class MerkleTree:
    """All levels of one tree, each a run of bytes: 64 bytes a leaf and next to no objects."""

    __slots__ = ("_levels", "_lower", "_upper")

    def __init__(self, leaves: bytes) -> None:
        """Build from the leaf hashes, one after the other in index order (the leaf file).

        Raises MalformedValue unless there are 1 to MAX_SIZE of 32 bytes each.
        """
        size, odd = divmod(len(leaves), HASH_BYTES)
        if odd or not 1 <= size <= MAX_SIZE:
            raise MalformedValue("leaves", f"{len(leaves)} bytes are not 1 to 2^32-1 hashes")
        self._levels = [bytes(leaves)]
        while len(self._levels[-1]) > HASH_BYTES:
            self._levels.append(_level_above(self._levels[-1]))
        shared = min(_SHARING_HEIGHT, len(self._levels) - 1)
        self._lower = self._levels[:shared]
        self._upper = list(self._paths_from(shared))

    @property
    def size(self) -> int:
        return len(self._levels[0]) // HASH_BYTES

    @property
    def root(self) -> BatchRoot:
        return BatchRoot(self._levels[-1])

    def path(self, index: int) -> tuple[NodeHash, ...]:
        """Return the siblings on the way from leaf `index` to the root, leaf end first.

        Raises MalformedValue for an index outside the tree.
        """
        if not 0 <= index < self.size:
            raise MalformedValue("leaf index", f"{index} in a tree of {self.size}")
        siblings = []
        for level in self._lower:
            start = (index ^ 1) * HASH_BYTES
            if start < len(level):  # else this node is the odd one, and rises
                # Exactly 32 bytes by construction, so the check of NodeHash is left out.
                siblings.append(bytes.__new__(NodeHash, level[start : start + HASH_BYTES]))
            index >>= 1
        return (*siblings, *self._upper[index])

    def paths(self) -> Iterator[tuple[NodeHash, ...]]:
        """Yield the path of every leaf in index order, far faster than one by one.

        Neighbours share the nodes of their paths, so that all of them fit into memory, too.
        """
        return self._paths_from(0)

    def _paths_from(self, height: int) -> Iterator[tuple[NodeHash, ...]]:
        if height == len(self._levels) - 1:
            yield ()
            return
        nodes = (
            bytes.__new__(NodeHash, node) for (node,) in iter_unpack("32s", self._levels[height])
        )
        for above in self._paths_from(height + 1):
            left, right = next(nodes), next(nodes, None)
            if right is None:
                yield above
            else:
                yield (right, *above)
                yield (left, *above)


def path_length(index: int, size: int) -> int:
    """Return how many siblings RFC 9162 §2.1.3 gives leaf `index` of a tree of `size` leaves.

    Raises MalformedProof unless 0 <= index < size <= MAX_SIZE.
    """
    if not 0 <= index < size <= MAX_SIZE:
        raise MalformedProof(f"index {index} in a tree of {size}")
    last = size - 1
    length = 0
    while last:
        if index != last or index & 1:  # else this node is the odd one, and rises
            length += 1
        index >>= 1
        last >>= 1
    return length


def root_from_path(leaf: LeafHash, index: int, size: int, path: Sequence[bytes]) -> BatchRoot:
    """Climb from `leaf` to the root that `path` leads to (RFC 9162 §2.1.3.2).

    It compares nothing: the caller judges the root. Raises MalformedProof for an index outside
    the tree, and for a path that is longer or shorter than index and size demand.
    """
    expected = path_length(index, size)
    if len(path) != expected:
        raise MalformedProof(f"{len(path)} hashes, where {expected} belong", "/path")
    if any(len(sibling) != HASH_BYTES for sibling in path):
        raise MalformedProof("a hash that has not 32 bytes", "/path")
    node: bytes = leaf
    last = size - 1
    for sibling in path:
        while index == last and not index & 1:  # the odd one rises
            index >>= 1
            last >>= 1
        pair = sibling + node if index & 1 else node + sibling
        node = sha256(_NODE + pair).digest()
        index >>= 1
        last >>= 1
    return BatchRoot(node)


def _level_above(level: bytes) -> bytes:
    paired = len(level) // _PAIR_BYTES * _PAIR_BYTES
    view = memoryview(level)
    runs = [
        _hash_pairs(view[start : min(start + _RUN_BYTES, paired)])
        for start in range(0, paired, _RUN_BYTES)
    ]
    runs.append(level[paired:])  # the odd last node rises as it is
    return b"".join(runs)


def _hash_pairs(pairs: memoryview) -> bytes:
    return b"".join([sha256(_NODE + pair).digest() for (pair,) in iter_unpack("64s", pairs)])
