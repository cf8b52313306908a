"""Walks in hexary Merkle-Patricia tries, from a root that is believed to a key's value or absence.

Source: Ethereum Yellow Paper, appendices C and D. Every node that a walk uses is found by its
keccak-256, so what the nodes' giver says can be incomplete but never false.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.errors import BrokenProof
from registry.keccak import keccak256
from registry.proofs import rlp
from registry.values import Bytes32

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from registry.proofs.rlp import Item

MAX_NODE_BYTES = 1024
"""A branch of sixteen hashes has 532 bytes, an account's leaf at most 150."""

EMPTY_TRIE = Bytes32.from_hex("0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421")
"""keccak256(RLP of nothing): the root where there are no keys."""

_HASH_BYTES = 32
_BRANCH, _SHORT = 17, 2
"""Items of a branch, and of a leaf or an extension."""
_FULL_BYTES, _FULL_PREFIX, _HASH_PREFIXES = 532, b"\xf9\x02\x11", b"\xa0" * 16
_ODD, _LEAF = 1, 2
"""Hex-prefix flags, in the high half of a path's first byte."""


class Witness:
    """A set of nodes that walks may use, from any number of tries."""

    def __init__(self, nodes: Iterable[bytes]) -> None:
        self._raw = {keccak256(node): node for node in nodes}
        self._decoded: dict[bytes, list[Item]] = {}

    def value(self, root: Bytes32, key: bytes) -> bytes | None:
        """The value at `key` under `root`; None where the trie is proven to have none.

        Raises BrokenProof where the nodes do not lead to an answer, and MalformedRlp.
        """
        if root == EMPTY_TRIE:
            return None
        path = key.hex()
        reference: Item = root
        while True:
            node = self._node(reference)
            if len(node) == _BRANCH:
                if not path:
                    return _value(node[16])
                reference, path = node[int(path[0], 16)], path[1:]
            else:
                is_leaf, piece = _path(node[0])
                if is_leaf:
                    return _leaf_value(node[1]) if piece == path else None
                if not path.startswith(piece):
                    return None
                reference, path = node[1], path[len(piece) :]
                if reference == b"":
                    raise BrokenProof("an extension that leads nowhere")
            if reference == b"":
                return None

    @property
    def used(self) -> list[bytes]:
        """The nodes that walks have used so far, each once, in order of first use."""
        return [self._raw[digest] for digest in self._decoded]

    def require_exactly(self, nodes: Sequence[bytes]) -> None:
        """Raise BrokenProof unless `nodes` are those used, each once, in order of first use."""
        used = self.used
        if used == list(nodes):
            return
        if len(set(nodes)) < len(nodes):
            raise BrokenProof("a trie node is listed twice")
        if len(used) < len(nodes):
            raise BrokenProof(f"{len(nodes) - len(used)} trie nodes that no proof needs")
        raise BrokenProof("the trie nodes are not in order of first use")

    def _node(self, reference: Item) -> list[Item]:
        if not isinstance(reference, bytes):
            return _embedded(reference)
        if len(reference) != _HASH_BYTES:
            raise BrokenProof(f"a reference to a trie node has {len(reference)} bytes, not 32")
        known = self._decoded.get(reference)
        if known is not None:
            return known
        raw = self._raw.get(reference)
        if raw is None:
            raise BrokenProof(f"the trie node 0x{reference.hex()} is not among those given")
        if len(raw) < _HASH_BYTES and not isinstance(reference, Bytes32):
            raise BrokenProof("a trie node below 32 bytes stands apart from its parent")
        node = _full_branch(raw) or _checked(rlp.decode_list(raw, max_bytes=MAX_NODE_BYTES))
        self._decoded[reference] = node
        return node


def _full_branch(raw: bytes) -> list[Item] | None:
    """A branch of sixteen hashes and no value, which most nodes of a large trie are; else None.

    It has one encoding and one length, so this is what RLP says of it, at a tenth of the time.
    """
    if (
        len(raw) == _FULL_BYTES
        and raw.startswith(_FULL_PREFIX)
        and raw[3::33] == _HASH_PREFIXES + b"\x80"
    ):
        return [*(raw[at : at + 32] for at in range(4, _FULL_BYTES, 33)), b""]
    return None


def _checked(node: list[Item]) -> list[Item]:
    if len(node) not in (_BRANCH, _SHORT):
        raise BrokenProof(f"a trie node of {len(node)} items")
    return node


def _embedded(node: list[Item]) -> list[Item]:
    """A node that lies in its parent, since it is shorter than its hash would be."""
    if len(rlp.encode(node)) >= _HASH_BYTES:
        raise BrokenProof("a trie node of 32 bytes or more lies in its parent")
    return _checked(node)


def _path(item: Item) -> tuple[bool, str]:
    """Read hex-prefix: whether it is a leaf's, and the nibbles."""
    if not isinstance(item, bytes) or not 1 <= len(item) <= _HASH_BYTES + 1:
        raise BrokenProof("a trie node's path is none")
    flags, text = item[0] >> 4, item.hex()
    if flags > _LEAF | _ODD or not (flags & _ODD or text[1] == "0"):
        raise BrokenProof("a trie node's path is no hex-prefix")
    piece = text[1:] if flags & _ODD else text[2:]
    if not piece and not flags & _LEAF:
        raise BrokenProof("an extension without a path")
    return bool(flags & _LEAF), piece


def _value(item: Item) -> bytes | None:
    if not isinstance(item, bytes):
        raise BrokenProof("a value that is a list")
    return item or None


def _leaf_value(item: Item) -> bytes:
    value = _value(item)
    if value is None:
        raise BrokenProof("a leaf without a value")
    return value
