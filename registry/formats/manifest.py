"""PERMANENT. The manifest of a batch: what an anchor's `metaHash` commits to.

It binds the leaf file, the leaf hashes one after the other in index order. An issuer may publish
that file, for it says nothing of a person; an auditor rebuilds tree and manifest from it.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from registry.errors import MalformedValue
from registry.formats.canonical import canonicalize
from registry.formats.tree import HASH_BYTES, MAX_SIZE
from registry.values import MetaHash

if TYPE_CHECKING:
    from registry.values import BatchRoot, IssuerId

MANIFEST_VERSION = 1


def manifest_hash(issuer_id: IssuerId, root: BatchRoot, leaves: bytes) -> MetaHash:
    """SHA-256 of the RFC 8785 form of {version, issuerId, treeSize, root, leaves}.

    `leaves` is the leaf file; that `root` is its root is the caller's to know. Raises
    MalformedValue unless it holds 1 to 2^32-1 hashes.
    """
    size, odd = divmod(len(leaves), HASH_BYTES)
    if odd or not 1 <= size <= MAX_SIZE:
        raise MalformedValue("leaves", f"{len(leaves)} bytes are not 1 to 2^32-1 hashes")
    manifest = canonicalize(
        {
            "version": MANIFEST_VERSION,
            "issuerId": issuer_id.to_hex(),
            "treeSize": size,
            "root": root.to_hex(),
            "leaves": "0x" + sha256(leaves).hexdigest(),
        }
    )
    return MetaHash(sha256(manifest).digest())
