"""Ed25519 public keys as text: base58btc, multibase, Multikey and did:key.

Reading is the strict inverse of writing: every key has one text, and every other text is refused.
Source: Multibase and Multicodec as in W3C Controlled Identifiers 1.0 §2.2.2 and §2.4, and the
did:key method.
"""

from __future__ import annotations

from registry.errors import MalformedValue
from registry.values import Bytes32

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_DIGITS = {character: digit for digit, character in enumerate(_ALPHABET)}
# Conversion takes quadratic time; a signature has 88 characters and nothing here is longer.
_MAX_CHARACTERS = 256
_MULTIBASE_BASE58BTC = "z"
_ED25519_MULTICODEC = b"\xed\x01"
_DID_KEY = "did:key:"


class PublicKey(Bytes32):
    """An Ed25519 public key, as RFC 8032 encodes it."""

    __slots__ = ()


def encode_base58btc(data: bytes) -> str:
    """Bitcoin's base 58; each leading zero byte becomes a leading `1`."""
    number = int.from_bytes(data, "big")
    digits = []
    while number:
        number, digit = divmod(number, 58)
        digits.append(_ALPHABET[digit])
    zeros = len(data) - len(data.lstrip(b"\0"))
    return "1" * zeros + "".join(reversed(digits))


def decode_base58btc(text: str) -> bytes:
    """The inverse. Raises MalformedValue for a foreign character or over 256 characters."""
    if len(text) > _MAX_CHARACTERS:
        raise MalformedValue("base58btc", f"over {_MAX_CHARACTERS} characters")
    number = 0
    for character in text:
        digit = _DIGITS.get(character)
        if digit is None:
            raise MalformedValue("base58btc", f"{character!r} is not in its alphabet")
        number = number * 58 + digit
    zeros = len(text) - len(text.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def encode_multibase(data: bytes) -> str:
    return _MULTIBASE_BASE58BTC + encode_base58btc(data)


def decode_multibase(text: str) -> bytes:
    """Only base58btc (`z`) is read. Raises MalformedValue."""
    if not text.startswith(_MULTIBASE_BASE58BTC):
        raise MalformedValue("multibase", "does not begin with z (base58btc)")
    return decode_base58btc(text[1:])


def encode_multikey(key: PublicKey) -> str:
    """The key's Multikey text; it begins with z6Mk."""
    return encode_multibase(_ED25519_MULTICODEC + key)


def decode_multikey(text: str) -> PublicKey:
    """Raises MalformedValue for any other kind of key and for a wrong length."""
    data = decode_multibase(text)
    if not data.startswith(_ED25519_MULTICODEC):
        raise MalformedValue("Multikey", "not an Ed25519 public key")
    return PublicKey(data[len(_ED25519_MULTICODEC) :])


def did_key(key: PublicKey) -> str:
    return _DID_KEY + encode_multikey(key)


def key_of_did(did: str) -> PublicKey:
    """The key that a did:key names. Raises MalformedValue for any other DID."""
    if not did.startswith(_DID_KEY):
        raise MalformedValue("did:key", "does not begin with did:key:")
    return decode_multikey(did.removeprefix(_DID_KEY))


def verification_method(key: PublicKey) -> str:
    """The DID URL of the one key in a did:key's document."""
    return f"{did_key(key)}#{encode_multikey(key)}"


def key_of_verification_method(url: str) -> PublicKey:
    """The inverse of verification_method. Raises MalformedValue."""
    key = key_of_did(url.partition("#")[0])
    if url != verification_method(key):
        raise MalformedValue("verificationMethod", "its fragment does not repeat the key")
    return key
