"""Chain keys: encrypted, never overwritten, never shown; published ones only where they belong."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from eth_account import Account

from anchor_service.engine import keys
from anchor_service.engine.fees import Fees
from anchor_service.engine.keys import ChainKey
from anchor_service.errors import KeyUnusable
from registry.values import Address, ChainId

if TYPE_CHECKING:
    from pathlib import Path

DEVELOPMENT = ChainId(31337)
MAINNET = ChainId(1)
MNEMONIC = "test test test test test test test test test test test junk"


@pytest.fixture(scope="module")
def keystore(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Address]:
    path = tmp_path_factory.mktemp("keys") / "account.json"
    return path, keys.create(path, "open sesame")


def test_a_new_key_opens_with_its_password(keystore: tuple[Path, Address]) -> None:
    path, address = keystore
    assert keys.load(path, "open sesame", MAINNET).address == address
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text("utf-8"))["version"] == 3


def test_a_thief_of_the_file_pays_half_a_second_a_try(keystore: tuple[Path, Address]) -> None:
    assert json.loads(keystore[0].read_text("utf-8"))["crypto"]["kdfparams"]["n"] == keys.SCRYPT_N
    program = "from anchor_service.engine import keys; print(keys.SCRYPT_N)"
    shipped = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
    assert int(shipped.stdout) == 2**18


def test_a_wrong_password_says_so_and_nothing_else(keystore: tuple[Path, Address]) -> None:
    with pytest.raises(KeyUnusable, match="wrong password") as caught:
        keys.load(keystore[0], "hunter2", MAINNET)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_key_is_never_overwritten(keystore: tuple[Path, Address]) -> None:
    before = keystore[0].read_bytes()
    with pytest.raises(KeyUnusable, match="never overwritten"):
        keys.create(keystore[0], "another")
    assert keystore[0].read_bytes() == before


@pytest.mark.parametrize("content", ["", "{}", "[]", "not JSON", '{"version": 3}'])
def test_what_is_no_keystore_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "account.json"
    path.write_text(content, "utf-8")
    with pytest.raises(KeyUnusable):
        keys.load(path, "x", MAINNET)


def test_a_missing_keystore_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyUnusable, match="nowhere"):
        keys.load(tmp_path / "nowhere.json", "x", MAINNET)


@pytest.mark.parametrize("number", range(10))
def test_published_keys_sign_for_development_chains_alone(number: int) -> None:
    Account.enable_unaudited_hdwallet_features()
    account = Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{number}")
    ChainKey(account, DEVELOPMENT)
    with pytest.raises(KeyUnusable, match="published"):
        ChainKey(account, MAINNET)


def test_no_representation_shows_the_key() -> None:
    account = Account.create()
    shown = repr(ChainKey(account, MAINNET))
    assert account.key.hex() not in shown
    assert account.address.lower() in shown


def test_a_signed_transaction_is_its_accounts_and_its_chains() -> None:
    account = Account.create()
    raw, tx_hash = ChainKey(account, MAINNET).sign(
        MAINNET, 7, Address(b"\1" * 20), b"data", 21_000, Fees(100, 1)
    )
    assert raw[0] == 2
    assert Account.recover_transaction(raw) == account.address
    from registry.keccak import keccak256

    assert keccak256(raw) == tx_hash


def test_the_environment_comes_before_the_file(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("from the file\n", "utf-8")
    assert keys.read_password("from the environment", file) == "from the environment"
    assert keys.read_password(None, file) == "from the file"


def test_without_any_password_the_error_says_where_to_put_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    with pytest.raises(KeyUnusable, match=keys.PASSWORD_VARIABLE):
        keys.read_password(None, tmp_path / "none")


def test_a_made_password_is_long_and_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "password"
    password = keys.create_password(path)
    assert len(password) >= 43
    assert keys.read_password(None, path) == password
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
