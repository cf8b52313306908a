"""A private key encrypted under a password, as PKCS#8 PEM with a slow key derivation.

PBES2 with PBKDF2-HMAC-SHA256 and AES-256-CBC (RFC 5958 §3, RFC 8018 §6.2 and §A). `cryptography`
writes the same with 2,048 iterations, which a stolen file does not withstand for long; it reads any
number, and so does OpenSSL, which is why only writing is here.
"""

from __future__ import annotations

import base64
import textwrap

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.padding import PKCS7

ITERATIONS = 600_000
_SALT_BYTES = 16
_BLOCK_BYTES = 16
_KEY_BYTES = 32

_INTEGER = 0x02
_OCTET_STRING = 0x04
_NULL = 0x05
_OBJECT_ID = 0x06
_SEQUENCE = 0x30
_PBES2 = bytes.fromhex("2a864886f70d01050d")
_PBKDF2 = bytes.fromhex("2a864886f70d01050c")
_HMAC_SHA256 = bytes.fromhex("2a864886f70d0209")
_AES_256_CBC = bytes.fromhex("60864801650304012a")


def encrypt(private_key: bytes, password: bytes, salt: bytes, iv: bytes) -> bytes:
    """Return the PEM of EncryptedPrivateKeyInfo.

    private_key: unencrypted PKCS#8 DER. salt and iv: 16 fresh random bytes each.
    """
    if len(salt) != _SALT_BYTES or len(iv) != _BLOCK_BYTES:
        raise ValueError("salt and iv have 16 bytes each")
    key = PBKDF2HMAC(hashes.SHA256(), _KEY_BYTES, salt, ITERATIONS).derive(password)
    padder = PKCS7(8 * _BLOCK_BYTES).padder()
    encryptor = Cipher(AES(key), CBC(iv)).encryptor()
    padded = padder.update(private_key) + padder.finalize()
    encrypted = encryptor.update(padded) + encryptor.finalize()
    return _pem(_der(_SEQUENCE, _algorithm(salt, iv), _der(_OCTET_STRING, encrypted)))


def _algorithm(salt: bytes, iv: bytes) -> bytes:
    iterations = ITERATIONS.to_bytes(ITERATIONS.bit_length() // 8 + 1, "big")
    derivation = _identified(
        _PBKDF2,
        _der(
            _SEQUENCE,
            _der(_OCTET_STRING, salt),
            _der(_INTEGER, iterations),
            _identified(_HMAC_SHA256, _der(_NULL)),
        ),
    )
    cipher = _identified(_AES_256_CBC, _der(_OCTET_STRING, iv))
    return _identified(_PBES2, _der(_SEQUENCE, derivation, cipher))


def _identified(object_id: bytes, parameters: bytes) -> bytes:
    return _der(_SEQUENCE, _der(_OBJECT_ID, object_id), parameters)


def _der(tag: int, *parts: bytes) -> bytes:
    """Tag, length and content (X.690 §8.1, definite form)."""
    content = b"".join(parts)
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(size)]) + size + content


def _pem(der: bytes) -> bytes:
    lines = textwrap.wrap(base64.b64encode(der).decode(), 64)
    label = "ENCRYPTED PRIVATE KEY"
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""]).encode()
