"""The credential key's file: opened by its password alone, never written over, silent."""

from __future__ import annotations

import base64
import pickle
import stat
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from anchor_service.errors import IssuerKeyError
from anchor_service.issuing import pkcs8
from anchor_service.issuing.issuer_key import IssuerKey

if TYPE_CHECKING:
    from pathlib import Path

PASSWORD = "correct horse"
SEED = bytes(range(32))
# Read before the first test: in tests a password costs nothing (`conftest.weak_keystores`).
AS_SHIPPED = pkcs8.ITERATIONS


@pytest.fixture(scope="module")
def key() -> IssuerKey:
    return IssuerKey(Ed25519PrivateKey.from_private_bytes(SEED))


@pytest.fixture(scope="module")
def file(key: IssuerKey, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "credential-key.pem"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pkcs8, "ITERATIONS", AS_SHIPPED)
        key.create_file(path, PASSWORD)
    return path


def test_a_key_comes_back_from_its_file(key: IssuerKey, file: Path) -> None:
    found = IssuerKey.load_file(file, PASSWORD)
    assert (found.did, found.public) == (key.did, key.public)
    Ed25519PublicKey.from_public_bytes(key.public).verify(found.sign(b"data"), b"data")


def test_the_file_is_its_owners_alone_and_the_only_one_left(file: Path) -> None:
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [entry.name for entry in file.parent.iterdir()] == [file.name]


def test_the_file_is_standard_and_its_password_slow_to_guess(file: Path) -> None:
    pem = file.read_bytes()
    found = serialization.load_pem_private_key(pem, PASSWORD.encode())
    assert isinstance(found, Ed25519PrivateKey)
    assert found.private_bytes_raw() == SEED
    der = b"".join(pem.splitlines()[1:-1])
    # PBKDF2's iterations as a DER integer: 600,000
    assert bytes.fromhex("0203" + "0927c0") in base64.b64decode(der)
    assert SEED not in base64.b64decode(der)


@pytest.mark.parametrize("password", ["", "Correct horse", "correct horse ", "ß"])
def test_a_wrong_password_opens_nothing_and_is_not_repeated(file: Path, password: str) -> None:
    with pytest.raises(IssuerKeyError, match="wrong password or damaged") as caught:
        IssuerKey.load_file(file, password)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert not password or password not in str(caught.value)


def test_a_damaged_file_is_told(file: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.pem"
    damaged.write_bytes(file.read_bytes().replace(b"MI", b"MJ", 1))
    with pytest.raises(IssuerKeyError, match="damaged"):
        IssuerKey.load_file(damaged, PASSWORD)


@pytest.mark.parametrize("content", [b"", b"not a key"])
def test_what_is_no_key_file_is_told(tmp_path: Path, content: bytes) -> None:
    other = tmp_path / "other.pem"
    other.write_bytes(content)
    with pytest.raises(IssuerKeyError, match="no encrypted key"):
        IssuerKey.load_file(other, PASSWORD)


def test_an_unencrypted_key_is_not_taken(tmp_path: Path) -> None:
    other = tmp_path / "plain.pem"
    plain = Ed25519PrivateKey.from_private_bytes(SEED).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    other.write_bytes(plain)
    with pytest.raises(IssuerKeyError, match="no encrypted key"):
        IssuerKey.load_file(other, PASSWORD)


def test_another_kind_of_key_is_told(tmp_path: Path) -> None:
    other = tmp_path / "p256.pem"
    pem = generate_private_key(SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(PASSWORD.encode()),
    )
    other.write_bytes(pem)
    with pytest.raises(IssuerKeyError, match="another kind of key"):
        IssuerKey.load_file(other, PASSWORD)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(IssuerKeyError, match=r"none\.pem cannot be read: No such file"):
        IssuerKey.load_file(tmp_path / "none.pem", PASSWORD)


def test_a_key_is_never_written_over(key: IssuerKey, file: Path) -> None:
    before = file.read_bytes()
    with pytest.raises(IssuerKeyError, match="never written over"):
        key.create_file(file, PASSWORD)
    assert file.read_bytes() == before
    assert [entry.name for entry in file.parent.iterdir()] == [file.name]


def test_a_folder_that_is_not_there_is_told(key: IssuerKey, tmp_path: Path) -> None:
    with pytest.raises(IssuerKeyError, match="cannot be written"):
        key.create_file(tmp_path / "none" / "key.pem", PASSWORD)


def test_a_password_is_needed(key: IssuerKey, tmp_path: Path) -> None:
    with pytest.raises(IssuerKeyError, match="needs a password"):
        key.create_file(tmp_path / "key.pem", "")


def test_nothing_gives_the_key_away(key: IssuerKey) -> None:
    assert repr(key) == str(key) == f"IssuerKey({key.did})"
    assert SEED.hex() not in repr(vars(IssuerKey))
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(key)


def test_generated_keys_differ() -> None:
    assert IssuerKey.generate().did != IssuerKey.generate().did


def test_salt_and_vector_of_a_wrong_length_are_a_fault_of_the_caller() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        pkcs8.encrypt(b"", b"x", bytes(8), bytes(16))
