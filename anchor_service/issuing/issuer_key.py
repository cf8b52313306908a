"""The Ed25519 key with which an issuer signs credentials, and its file.

The file is a PKCS#8 PEM, encrypted under a password, which OpenSSL and every other tool can read.
It has nothing to do with the keys that sign on a chain.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from typing import TYPE_CHECKING, NoReturn, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from anchor_service.errors import IssuerKeyError
from anchor_service.issuing.pkcs8 import encrypt
from registry.documents.multikey import PublicKey, did_key

if TYPE_CHECKING:
    from pathlib import Path

_OWNER_ONLY = 0o600


class IssuerKey:
    """Holds the private key; neither repr nor pickle nor any error gives it away."""

    __slots__ = ("_private", "public")

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = PublicKey(private.public_key().public_bytes_raw())

    @classmethod
    def generate(cls) -> Self:
        return cls(Ed25519PrivateKey.generate())

    @property
    def did(self) -> str:
        return did_key(self.public)

    def sign(self, data: bytes) -> bytes:
        """The 64 bytes of the Ed25519 signature."""
        return self._private.sign(data)

    def create_file(self, path: Path, password: str) -> None:
        """Write the encrypted key, for its owner alone; durable when this returns.

        A crash leaves either no file or a whole one. Raises IssuerKeyError for an empty password,
        where the file exists (a key is never written over) and where it cannot be written.
        """
        if not password:
            raise IssuerKeyError("the credential key needs a password")
        private = self._private.private_bytes(
            serialization.Encoding.DER,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        pem = encrypt(private, password.encode(), secrets.token_bytes(16), secrets.token_bytes(16))
        try:
            _write_once(path, pem)
        except FileExistsError:
            raise IssuerKeyError(f"{path} exists; a credential key is never written over") from None
        except OSError as error:
            raise IssuerKeyError(f"{path} cannot be written: {error.strerror}") from None

    @classmethod
    def load_file(cls, path: Path, password: str) -> Self:
        """Read a key file. Raises IssuerKeyError, which tells a wrong password from a wrong file.

        `from None` throughout: a library's own error may quote what it was given.
        """
        try:
            pem = path.read_bytes()
        except OSError as error:
            raise IssuerKeyError(f"{path} cannot be read: {error.strerror}") from None
        if b"-----BEGIN ENCRYPTED PRIVATE KEY-----" not in pem:
            raise IssuerKeyError(f"{path} is no encrypted key (PKCS#8 PEM)")
        try:
            private = serialization.load_pem_private_key(pem, password.encode())
        except (ValueError, TypeError):
            raise IssuerKeyError(f"{path} does not open: wrong password or damaged") from None
        except UnsupportedAlgorithm:
            raise IssuerKeyError(f"{path} holds a kind of key that is not known here") from None
        if not isinstance(private, Ed25519PrivateKey):
            raise IssuerKeyError(f"{path} holds another kind of key than Ed25519")
        return cls(private)

    def __repr__(self) -> str:
        return f"IssuerKey({self.did})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a credential key is not pickled")


def _write_once(path: Path, data: bytes) -> None:
    """Create `path` with all of `data` or not at all. Raises FileExistsError, OSError."""
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    file = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    try:
        with os.fdopen(file, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.link(unfinished, path)
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink()
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # or a power cut may lose the name
    finally:
        os.close(folder)
