"""Tries built by the `trie` package: the tests' independent maker and judge of proofs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import rlp
from trie.hexary import HexaryTrie

from registry.keccak import keccak256
from registry.values import Bytes32

if TYPE_CHECKING:
    from collections.abc import Mapping

    from registry.values import Slot


class Trie:
    """A trie of these keys and values, as they are: hash keys before for a secure trie."""

    def __init__(self, entries: Mapping[bytes, bytes]) -> None:
        self.entries = dict(entries)
        maker: Any = HexaryTrie  # its methods have no types
        self._trie = maker(db={})
        for key, value in entries.items():
            self._trie.set(key, value)

    @property
    def root(self) -> Bytes32:
        return Bytes32(self._trie.root_hash)

    def proof(self, key: bytes) -> list[bytes]:
        """The nodes of a walk, root first; those embedded in others are in them."""
        nodes = [rlp.encode(node) for node in self._trie.get_proof(key)]
        return [node for place, node in enumerate(nodes) if place == 0 or len(node) >= 32]


def peer_value(root: bytes, key: bytes, nodes: list[bytes]) -> bytes:
    """What the `trie` package reads from a proof; raises BadTrieProof."""
    decoded = [rlp.decode(node) for node in nodes]
    reader: Any = HexaryTrie
    value: bytes = reader.get_from_proof(root, key, decoded)
    return value


def account_leaf(storage_root: bytes, code_hash: bytes, nonce: int = 1, balance: int = 0) -> bytes:
    leaf: bytes = rlp.encode([nonce, balance, storage_root, code_hash])
    return leaf


def storage_trie(values: Mapping[Slot, bytes]) -> Trie:
    """Of slots and their 32 bytes; what is zero is not there."""
    return Trie(
        {
            keccak256(slot): rlp.encode(value.lstrip(b"\0"))
            for slot, value in values.items()
            if any(value)
        }
    )
