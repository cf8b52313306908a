"""Ethereum's hash: Keccak-256 with the original padding, not the later SHA3-256."""

from __future__ import annotations

import sha3


def keccak256(data: bytes) -> bytes:
    """Return the 32-byte Keccak-256 hash of `data` (Ethereum Yellow Paper, appendix A)."""
    digest: bytes = sha3.keccak_256(data).digest()
    return digest
