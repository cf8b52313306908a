"""Public keys as text: base58btc, multibase, Multikey and did:key; Ed25519, and P-256 to read.

Reading is the strict inverse of writing: every key has one text, and every other text is refused.
Source: Multibase and Multicodec as in W3C Controlled Identifiers 1.0 §2.2.2 and §2.4, and the
did:key method.
"""

from __future__ import annotations

from functools import lru_cache

from registry.errors import MalformedValue
from registry.values import Bytes32, FixedBytes

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_DIGITS = {character: digit for digit, character in enumerate(_ALPHABET)}
_KEPT = 1024
"""Keys whose text is kept: a batch of credentials names few, and base58 is slow."""
# Conversion takes quadratic time; a signature has 88 characters and nothing here is longer.
_MAX_CHARACTERS = 256
_MULTIBASE_BASE58BTC = "z"
_ED25519_MULTICODEC = b"\xed\x01"
_P256_MULTICODEC = b"\x80\x24"
_DID_KEY = "did:key:"


class PublicKey(Bytes32):
    """An Ed25519 public key, as RFC 8032 encodes it."""

    __slots__ = ()


class P256PublicKey(FixedBytes):
    """A P-256 public key, compressed as SEC 1 §2.3.3 has it, whether or not on the curve."""

    __slots__ = ()
    LENGTH = 33


AnyPublicKey = PublicKey | P256PublicKey


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


@lru_cache(maxsize=_KEPT)
def encode_multikey(key: AnyPublicKey) -> str:
    """The key's Multikey text; it begins with z6Mk for Ed25519 and with zDn for P-256."""
    is_p256 = isinstance(key, P256PublicKey)
    return encode_multibase((_P256_MULTICODEC if is_p256 else _ED25519_MULTICODEC) + key)


def decode_multikey(text: str) -> PublicKey:
    """Raises MalformedValue for any other kind of key than Ed25519 and for a wrong length."""
    key = decode_any_multikey(text)
    if not isinstance(key, PublicKey):
        raise MalformedValue("Multikey", "not an Ed25519 public key")
    return key


@lru_cache(maxsize=_KEPT)
def decode_any_multikey(text: str) -> AnyPublicKey:
    """Raises MalformedValue for a kind of key that is not known here and for a wrong length."""
    data = decode_multibase(text)
    if data.startswith(_ED25519_MULTICODEC):
        return PublicKey(data[len(_ED25519_MULTICODEC) :])
    if data.startswith(_P256_MULTICODEC):
        return P256PublicKey(data[len(_P256_MULTICODEC) :])
    raise MalformedValue("Multikey", "not an Ed25519 or P-256 public key")


def did_key(key: AnyPublicKey) -> str:
    return _DID_KEY + encode_multikey(key)


def key_of_did(did: str) -> AnyPublicKey:
    """The key that a did:key names. Raises MalformedValue for any other DID."""
    if not did.startswith(_DID_KEY):
        raise MalformedValue("did:key", "does not begin with did:key:")
    return decode_any_multikey(did.removeprefix(_DID_KEY))


def verification_method(key: AnyPublicKey) -> str:
    """The DID URL of the one key in a did:key's document."""
    return f"{did_key(key)}#{encode_multikey(key)}"


def key_of_verification_method(url: str) -> AnyPublicKey:
    """The inverse of verification_method. Raises MalformedValue."""
    key = key_of_did(url.partition("#")[0])
    if url != verification_method(key):
        raise MalformedValue("verificationMethod", "its fragment does not repeat the key")
    return key
