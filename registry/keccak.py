"""keccak-256 as Ethereum uses it: the padding of 2011, not that of FIPS 202's SHA3-256."""

from __future__ import annotations

import sha3


def keccak256(data: bytes) -> bytes:
    """Return the 32 bytes of keccak-256 over `data`."""
    digest: bytes = sha3.keccak_256(data).digest()
    return digest
