"""Keys that sign on the chain: the one module that holds them.

A key lives encrypted in a keystore file (Web3 Secret Storage, version 3) or in a variable of the
environment and, while a command runs, inside one ChainKey; or it stays with a remote signer. It is
never in the database, a log or an error.
"""

from __future__ import annotations

import json
import os
import secrets
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from anchor_service.engine.published_keys import PUBLISHED
from anchor_service.errors import Blocked, KeyUnusable
from anchor_service.store.lifecycle import Reason
from registry.errors import ChainError, NodeInconsistent
from registry.formats.typed_data import signing_digest, wallet_request
from registry.keccak import keccak256
from registry.rpc_hex import data as hex_data
from registry.values import Address, ChainId, TxHash

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from eth_account.signers.local import LocalAccount

    from anchor_service.engine.fees import Fees
    from registry.formats.strict_json import JsonObject, JsonValue
    from registry.formats.typed_data import Message, SigningDigest
    from registry.nodes.rpc import Node

SCRYPT_N = 2**18
"""What a keystore's password costs: one try takes half a second and 256 MiB, ours and a thief's."""

PASSWORD_VARIABLE = "CREDANCHOR_ACCOUNT_PASSWORD"  # noqa: S105 - a variable's name


class Signer(Protocol):
    """An account that things can be signed for, wherever its key is."""

    @property
    def address(self) -> Address: ...
    def sign(
        self, chain: ChainId, nonce: int, to: Address, data: bytes, gas: int, fees: Fees
    ) -> tuple[bytes, TxHash]:
        """The raw EIP-1559 transaction of no value, and its hash. Raises Blocked(SIGNER)."""

    def sign_operation(self, message: Message, chain: ChainId, registry: Address) -> bytes:
        """The 65 bytes r, s, v over an EIP-712 operation. Raises Blocked(SIGNER)."""


class ChainKey:
    """One account that can sign."""

    __slots__ = ("_account", "address")

    def __init__(self, account: LocalAccount, chain: ChainId) -> None:
        self.address = Address.from_hex(account.address)
        _refuse_published(self.address, chain)
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

    def sign_operation(self, message: Message, chain: ChainId, registry: Address) -> bytes:
        """As `Signer.sign_operation`."""
        from eth_typing import Hash32

        digest = Hash32(bytes(signing_digest(message, chain, registry)))
        return bytes(self._account.unsafe_sign_hash(digest).signature)


class RemoteSigner:
    """A signer that speaks JSON-RPC, as web3signer and clef do: the key stays with it.

    Nothing of it is believed: what it signed is compared field by field, and by whom, computed.
    """

    def __init__(self, node: Node, address: Address, chain: ChainId) -> None:
        _refuse_published(address, chain)
        self.address = address
        self._node = node

    def __repr__(self) -> str:
        return f"RemoteSigner({self.address} at {self._node.name})"

    def sign(
        self, chain: ChainId, nonce: int, to: Address, data: bytes, gas: int, fees: Fees
    ) -> tuple[bytes, TxHash]:
        """As `Signer.sign`."""
        wanted = _Fields(chain.number, nonce, to, data, gas, fees.max_fee, fees.tip)
        answer = self._ask("eth_signTransaction", [wanted.request(self.address)])
        # clef wraps the bytes; web3signer and anvil return them bare.
        raw = self._bytes(answer.get("raw") if isinstance(answer, dict) else answer)
        found, sender = _take_apart(raw)
        if found is None or sender is None:
            raise self._blocked("what it returned is no EIP-1559 transaction")
        differing = [n for n in wanted.__slots__ if getattr(found, n) != getattr(wanted, n)]
        if differing:
            raise self._blocked(f"it changed {', '.join(differing)}; its answer was thrown away")
        if sender != self.address:
            raise self._blocked(f"it signed as {sender}, not as {self.address}")
        return raw, TxHash(keccak256(raw))

    def sign_operation(self, message: Message, chain: ChainId, registry: Address) -> bytes:
        """As `Signer.sign_operation`."""
        request = wallet_request(message, chain, registry)
        signature = self._bytes(self._ask("eth_signTypedData_v4", [self.address.to_hex(), request]))
        if _signer_of(signing_digest(message, chain, registry), signature) != self.address:
            raise self._blocked(f"its signature is not {self.address}'s over what was asked")
        return signature

    def _ask(self, method: str, params: Sequence[JsonValue]) -> JsonValue:
        try:
            return self._node.call(method, params)
        except ChainError as error:
            raise self._blocked(str(error)) from error

    def _bytes(self, value: JsonValue) -> bytes:
        try:
            return hex_data(value, "signature")
        except NodeInconsistent as error:
            raise self._blocked(str(error)) from error

    def _blocked(self, why: str) -> Blocked:
        return Blocked(Reason.SIGNER, f"the remote signer {self._node.name}: {why}")


@dataclass(frozen=True, slots=True)
class _Fields:
    """All that a transaction of ours says; one of value or with an access list is none of ours."""

    chain: int
    nonce: int
    to: Address
    data: bytes
    gas: int
    max_fee: int
    tip: int

    def request(self, sender: Address) -> JsonObject:
        return {
            "from": sender.to_hex(),
            "to": self.to.to_hex(),
            "type": "0x2",
            "chainId": hex(self.chain),
            "nonce": hex(self.nonce),
            "value": "0x0",
            "data": "0x" + self.data.hex(),
            "gas": hex(self.gas),
            "maxFeePerGas": hex(self.max_fee),
            "maxPriorityFeePerGas": hex(self.tip),
        }


def _take_apart(raw: bytes) -> tuple[_Fields | None, Address | None]:
    """What a signed transaction says, and who signed it; None where it can't be read."""
    from eth_account import Account
    from eth_account.typed_transactions.typed_transaction import TypedTransaction
    from hexbytes import HexBytes

    try:
        said = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
        sender = Address.from_hex(Account.recover_transaction(raw).lower())
        if said["type"] != 2 or said["value"] or said["accessList"]:
            return None, None
        return _Fields(
            int(said["chainId"]),
            int(said["nonce"]),
            Address(bytes(said["to"])),
            bytes(said["data"]),
            int(said["gas"]),
            int(said["maxFeePerGas"]),
            int(said["maxPriorityFeePerGas"]),
        ), sender
    except Exception:  # noqa: BLE001 - whatever a decoder says of foreign bytes: they are not ours
        return None, None


def _signer_of(digest: SigningDigest, signature: bytes) -> Address | None:
    from eth_account import Account

    try:
        found = Account._recover_hash(bytes(digest), signature=signature)
    except Exception:  # noqa: BLE001 - as above
        return None
    return Address.from_hex(str(found).lower())


def _refuse_published(address: Address, chain: ChainId) -> None:
    if address in PUBLISHED and not chain.is_development:
        raise KeyUnusable(
            f"account {address}: its private key is published with the development "
            f"tools; make another one before writing to {chain}"
        )


def create(path: Path, password: str) -> Address:
    """Make a new account and write its keystore, readable by its owner alone.

    Raises KeyUnusable where the file exists: a key is never overwritten.
    """
    from eth_account import Account

    account = Account.create(secrets.token_hex(32))
    keystore = account.encrypt(password, kdf="scrypt", iterations=SCRYPT_N)
    _write_secret(path, json.dumps(keystore, indent=2) + "\n")
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


def from_environment(name: str, chain: ChainId, environment: Mapping[str, str]) -> ChainKey:
    """The key that a variable holds as 32 bytes in hex. Raises KeyUnusable, without the value."""
    from eth_account import Account

    text = environment.get(name, "").strip().removeprefix("0x")
    if not text:
        raise KeyUnusable(f"the environment has no {name}, where [account] key_env expects the key")
    try:
        account = Account.from_key(bytes.fromhex(text))
    except Exception:  # noqa: BLE001 - its own text may carry the key
        raise KeyUnusable(f"{name}: not a private key of 32 bytes in hex") from None
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
