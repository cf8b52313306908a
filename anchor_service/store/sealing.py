"""Digests and randomness to a sealed batch: one tree, one root, never changed afterwards.

Credentials take random places and the batch is filled up with random leaves to a multiple of the
lanes in a status word, so that neither index nor size tells of the roster.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from registry.errors import RegistryError
from registry.formats.leaf import leaf_hash
from registry.formats.manifest import manifest_hash
from registry.formats.storage import LANES_PER_WORD
from registry.formats.tree import MerkleTree
from registry.values import BatchRoot, CredentialDigest, IssuerId, MetaHash, Salt

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# The contract keeps the size in 32 bits.
MAX_SIZE = 2**32 - LANES_PER_WORD
_KEY_BYTES = 16


@dataclass(frozen=True, slots=True)
class SealedBatch:
    """indexes and salts stand in the order in which the digests were given.

    leaves: `size` leaf hashes of 32 bytes in index order, the fillers among them (the leaf file).
    """

    issuer_id: IssuerId
    root: BatchRoot
    size: int
    meta_hash: MetaHash
    leaves: bytes
    indexes: tuple[int, ...]
    salts: tuple[Salt, ...]


def seal(
    issuer_id: IssuerId,
    digests: Sequence[CredentialDigest],
    randomness: Callable[[int], bytes],
) -> SealedBatch:
    """Seal a batch. `randomness(n)` gives n unpredictable bytes: places, salts and fillers.

    Raises RegistryError for an empty batch or one beyond MAX_SIZE.
    """
    if not digests:
        raise RegistryError("a batch needs at least one credential")
    size = -(-len(digests) // LANES_PER_WORD) * LANES_PER_WORD
    if size > MAX_SIZE:
        raise RegistryError(f"{len(digests)} credentials are more than one batch can hold")
    places = _shuffled(size, randomness)
    indexes = places[: len(digests)]
    pool = randomness(Salt.LENGTH * len(digests))
    salts = tuple(Salt(pool[at : at + Salt.LENGTH]) for at in range(0, len(pool), Salt.LENGTH))
    # Random from end to end; what a credential's leaf does not overwrite is a filler.
    leaves = bytearray(randomness(32 * size))
    for digest, index, salt in zip(digests, indexes, salts, strict=True):
        leaves[32 * index : 32 * index + 32] = leaf_hash(issuer_id, index, salt, digest)
    frozen = bytes(leaves)
    root = MerkleTree(frozen).root
    return SealedBatch(
        issuer_id, root, size, manifest_hash(issuer_id, root, frozen), frozen, indexes, salts
    )


def _shuffled(size: int, randomness: Callable[[int], bytes]) -> tuple[int, ...]:
    """A uniform permutation: sort by 128 random bits (two equal keys: under 2^-64 at 2^32)."""
    keys = randomness(_KEY_BYTES * size)
    return tuple(sorted(range(size), key=lambda at: keys[_KEY_BYTES * at : _KEY_BYTES * (at + 1)]))
