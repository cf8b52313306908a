"""Keys that sign on the chain: the one module that holds them.

A key lives encrypted in a keystore file (Web3 Secret Storage, version 3) and, while a command
runs, inside one ChainKey. It is never in the database, a log or an error.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from typing import TYPE_CHECKING, Protocol

from anchor_service.errors import KeyUnusable
from registry.values import Address, ChainId, TxHash

if TYPE_CHECKING:
    from pathlib import Path

    from eth_account.signers.local import LocalAccount

    from anchor_service.fees import Fees

PASSWORD_VARIABLE = "CREDANCHOR_ACCOUNT_PASSWORD"  # noqa: S105 - a variable's name

# anvil and hardhat print these accounts' keys: whoever holds value under them loses it.
_PUBLISHED = frozenset(
    Address.from_hex(text)
    for text in (
        "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266",
        "0x70997970c51812dc3a010c7d01b50e0d17dc79c8",
        "0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc",
        "0x90f79bf6eb2c4f870365e785982e1f101e93b906",
        "0x15d34aaf54267db7d7c367839aaf71a00a2c6a65",
        "0x9965507d1a55bcc2695c58ba16fb37d819b0a4dc",
        "0x976ea74026e726554db657fa54763abd0c3a0aa9",
        "0x14dc79964da2c08b23698b3d3cc7ca32193d9955",
        "0x23618e81e3f5cdf7f54c3d65f7fbc0abf5b21e8f",
        "0xa0ee7a142d267c1f36714e4a8f75612f20a79720",
    )
)


class Signer(Protocol):
    """An account that transactions can be signed for, wherever its key is."""

    @property
    def address(self) -> Address: ...
    def sign(
        self, chain: ChainId, nonce: int, to: Address, data: bytes, gas: int, fees: Fees
    ) -> tuple[bytes, TxHash]:
        """The raw EIP-1559 transaction of no value, and its hash. Raises Blocked(SIGNER)."""


class ChainKey:
    """One account that can sign."""

    __slots__ = ("_account", "address")

    def __init__(self, account: LocalAccount, chain: ChainId) -> None:
        self.address = Address.from_hex(account.address)
        if self.address in _PUBLISHED and not chain.is_development:
            raise KeyUnusable(
                f"account {self.address}: its private key is published with the development "
                f"tools; make another one before writing to {chain}"
            )
        self._account = account

    def __repr__(self) -> str:
        return f"ChainKey({self.address})"

    def sign(
        self, chain: ChainId, nonce: int, to: Address, data: bytes, gas: int, fees: Fees
    ) -> tuple[bytes, TxHash]:
        """The raw EIP-1559 transaction of no value, and its hash."""
        from eth_utils.address import to_checksum_address

        signed = self._account.sign_transaction(
            {
                "type": 2,
                "chainId": chain.number,
                "nonce": nonce,
                "to": to_checksum_address(bytes(to)),
                "value": 0,
                "data": data,
                "gas": gas,
                "maxFeePerGas": fees.max_fee,
                "maxPriorityFeePerGas": fees.tip,
            }
        )
        return bytes(signed.raw_transaction), TxHash(bytes(signed.hash))


def create(path: Path, password: str) -> Address:
    """Make a new account and write its keystore, readable by its owner alone.

    Raises KeyUnusable where the file exists: a key is never overwritten.
    """
    from eth_account import Account

    account = Account.create(secrets.token_hex(32))
    _write_secret(path, json.dumps(account.encrypt(password), indent=2) + "\n")
    return Address.from_hex(account.address)


def load(path: Path, password: str, chain: ChainId) -> ChainKey:
    """Raises KeyUnusable: no such file, not a keystore, wrong password, a published key."""
    from eth_account import Account

    try:
        keystore = path.read_bytes()
    except OSError as error:
        raise KeyUnusable(f"{path}: can't be read: {error.strerror}") from error
    try:
        account = Account.from_key(Account.decrypt(dict(json.loads(keystore)), password))
    except (ValueError, TypeError, KeyError, NotImplementedError):
        # Not chained: the library's own error may carry pieces of the keystore.
        raise KeyUnusable(f"{path}: wrong password, or not an encrypted keystore") from None
    return ChainKey(account, chain)


def create_password(path: Path) -> str:
    """A random password in a file that its owner alone can read."""
    password = secrets.token_urlsafe(32)
    _write_secret(path, password + "\n")
    return password


def read_password(given: str | None, file: Path | None) -> str:
    """As given by the environment, else from the file, else from a person at a terminal.

    Raises KeyUnusable where there is none of them.
    """
    if given is not None:
        return given
    if file is not None and file.exists():
        try:
            return file.read_text("utf-8").rstrip("\r\n")
        except OSError as error:
            raise KeyUnusable(f"{file}: can't be read: {error.strerror}") from error
    if sys.stdin.isatty():
        from getpass import getpass

        return getpass("Password of the workspace's keys: ")
    raise KeyUnusable(
        f"no password for the keys: set {PASSWORD_VARIABLE} or [account] password_file"
    )


def _write_secret(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise KeyUnusable(f"{path} exists already; secrets are never overwritten") from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
