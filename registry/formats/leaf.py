"""PERMANENT. The salted leaf: one credential's place in one batch of one issuer.

    SHA-256(0x00 || 0x01 || issuerId[32] || index[8, big-endian] || salt[32] || digest[32])

0x00 is RFC 9162's leaf prefix, 0x01 our format version. The index binds the credential to its
status lane; the issuer id binds it to one chain and one registry; the salt hides the digest from
whoever does not hold it.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from registry.errors import MalformedValue
from registry.values import LeafHash

if TYPE_CHECKING:
    from registry.values import CredentialDigest, IssuerId, Salt

_PREFIX = b"\x00\x01"


def leaf_hash(issuer_id: IssuerId, index: int, salt: Salt, digest: CredentialDigest) -> LeafHash:
    """Return the leaf of the credential at `index`. Raises MalformedValue unless 0 <= index < 2^64.

    Whether `index` lies in the batch is judged where its size is known: `tree.root_from_path`.
    """
    if not 0 <= index < 2**64:
        raise MalformedValue("leaf index", f"{index} does not fit into 8 bytes")
    return LeafHash(sha256(_PREFIX + issuer_id + index.to_bytes(8) + salt + digest).digest())
