"""Keys as text. Base58 literals are those of the Internet-Draft draft-msporny-base58."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.documents.multikey import (
    PublicKey,
    decode_base58btc,
    decode_multibase,
    decode_multikey,
    did_key,
    encode_base58btc,
    encode_multibase,
    encode_multikey,
    key_of_did,
    key_of_verification_method,
    verification_method,
)
from registry.errors import MalformedValue

# RFC 8032 §7.1, test 1
KEY = PublicKey(bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"))
KEY_TEXT = "z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw"


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"\0", "1"),
        (b"Hello World!", "2NEpo7TZRRrLZSi2U"),
        (
            b"The quick brown fox jumps over the lazy dog.",
            "USm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z",
        ),
        (bytes.fromhex("0000287fb4cd"), "11233QC4"),
    ],
)
def test_base58_has_the_texts_of_its_draft(data: bytes, text: str) -> None:
    assert encode_base58btc(data) == text
    assert decode_base58btc(text) == data


@given(st.binary(max_size=180))
def test_every_byte_string_comes_back_from_base58(data: bytes) -> None:
    assert decode_base58btc(encode_base58btc(data)) == data


@given(st.text("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", max_size=200))
def test_every_base58_text_comes_back_from_bytes(text: str) -> None:
    assert encode_base58btc(decode_base58btc(text)) == text


@pytest.mark.parametrize("text", ["0", "O", "I", "l", "a b", "é", "1" * 257])
def test_what_is_not_base58_is_refused(text: str) -> None:
    with pytest.raises(MalformedValue, match="base58btc"):
        decode_base58btc(text)


def test_a_known_key_has_its_known_texts() -> None:
    assert encode_multikey(KEY) == KEY_TEXT
    assert did_key(KEY) == f"did:key:{KEY_TEXT}"
    assert verification_method(KEY) == f"did:key:{KEY_TEXT}#{KEY_TEXT}"


@given(st.binary(min_size=32, max_size=32).map(PublicKey))
def test_every_key_comes_back_from_each_of_its_texts(key: PublicKey) -> None:
    assert decode_multikey(encode_multikey(key)) == key
    assert key_of_did(did_key(key)) == key
    assert key_of_verification_method(verification_method(key)) == key


@pytest.mark.parametrize(
    "text",
    [
        KEY_TEXT[1:],
        "u" + KEY_TEXT[1:],
        KEY_TEXT + "1",
        "z1" + KEY_TEXT[1:],
        KEY_TEXT[:-1],
        encode_multibase(b"\xed\x01" + bytes(31)),
        encode_multibase(b"\xed\x01" + bytes(33)),
        encode_multibase(b"\xec\x01" + bytes(32)),
        encode_multibase(bytes(32)),
        "",
    ],
)
def test_what_is_no_ed25519_multikey_is_refused(text: str) -> None:
    with pytest.raises(MalformedValue):
        decode_multikey(text)


@pytest.mark.parametrize(
    "url",
    [
        did_key(KEY),
        f"{did_key(KEY)}#",
        f"{did_key(KEY)}#{encode_multikey(PublicKey(bytes(32)))}",
        f"{did_key(KEY)}#{KEY_TEXT}#",
        "https://vc.example/keys/1",
        f"did:web:vc.example#{KEY_TEXT}",
    ],
)
def test_only_the_one_url_of_a_key_is_read(url: str) -> None:
    with pytest.raises(MalformedValue):
        key_of_verification_method(url)


def test_multibase_is_base58btc_alone() -> None:
    assert decode_multibase("z2NEpo7TZRRrLZSi2U") == b"Hello World!"
    with pytest.raises(MalformedValue, match="begin with z"):
        decode_multibase("2NEpo7TZRRrLZSi2U")
