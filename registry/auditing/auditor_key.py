"""The Ed25519 key with which an auditor signs statements, and its file.

A PKCS#8 PEM that its owner alone can read, in clear, so that a timer can sign. It has nothing to do
with issuers' keys, nor with those that sign on a chain.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from registry.errors import WorkspaceError

if TYPE_CHECKING:
    from pathlib import Path

_OWNER_ONLY = 0o600


def load_or_create(path: Path) -> tuple[Ed25519PrivateKey, bool]:
    """The key in the file, and whether it was made just now.

    Raises WorkspaceError for a file that others can read or that holds no such key; OSError.
    """
    made = False
    if not path.exists():
        with contextlib.suppress(FileExistsError):  # another process was first: its key counts
            _write_once(path)
            made = True
    if path.stat().st_mode & 0o077:
        raise WorkspaceError(f"{path} can be read by others: chmod 600 it, or take a new key")
    try:
        private = serialization.load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # `from None`: a library's own error may quote what it was given.
        raise WorkspaceError(f"{path} holds no key in clear (PKCS#8 PEM)") from None
    if not isinstance(private, Ed25519PrivateKey):
        raise WorkspaceError(f"{path} holds another kind of key than Ed25519")
    return private, made


def _write_once(path: Path) -> None:
    """Create it whole or not at all. Raises FileExistsError, OSError."""
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    file = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    try:
        with os.fdopen(file, "wb") as stream:
            stream.write(pem)
            stream.flush()
            os.fsync(stream.fileno())
        os.link(unfinished, path)
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink()
