"""PERMANENT. EIP-712 messages by which an issuer's owner or delegate signs what others send.

    Anchor(bytes32 issuerId,address signer,uint32 epoch,bytes32 root,uint32 size,bytes32 metaHash,
           uint256 deadline)
    Status(bytes32 issuerId,address signer,uint32 epoch,bytes32 root,uint8 change,Lanes[] lanes,
           uint256 nonce,uint256 deadline)
    Lanes(uint256 word,uint256 mask)

The domain is CredAnchor, version 1, chain id and the registry's address. A signature counts only
in the epoch that it names, and until its deadline.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from registry.errors import MalformedValue
from registry.keccak import keccak256
from registry.values import Bytes32

if TYPE_CHECKING:
    from registry.formats.abi import Lanes
    from registry.formats.events import StatusChange
    from registry.formats.strict_json import JsonObject, JsonValue
    from registry.values import Address, BatchRoot, ChainId, IssuerId, MetaHash

DOMAIN_NAME = "CredAnchor"
DOMAIN_VERSION = "1"

_Members: TypeAlias = tuple[tuple[str, str], ...]

_DOMAIN: _Members = (
    ("name", "string"),
    ("version", "string"),
    ("chainId", "uint256"),
    ("verifyingContract", "address"),
)
_ANCHOR: _Members = (
    ("issuerId", "bytes32"),
    ("signer", "address"),
    ("epoch", "uint32"),
    ("root", "bytes32"),
    ("size", "uint32"),
    ("metaHash", "bytes32"),
    ("deadline", "uint256"),
)
_STATUS: _Members = (
    ("issuerId", "bytes32"),
    ("signer", "address"),
    ("epoch", "uint32"),
    ("root", "bytes32"),
    ("change", "uint8"),
    ("lanes", "Lanes[]"),
    ("nonce", "uint256"),
    ("deadline", "uint256"),
)
_LANES: _Members = (("word", "uint256"), ("mask", "uint256"))


class SigningDigest(Bytes32):
    """What a wallet signs: keccak256(0x1901 || domain separator || message hash)."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class AnchorMessage:
    """Numbers are as in the contract's call; deadline: Unix seconds, inclusive."""

    issuer_id: IssuerId
    signer: Address
    epoch: int
    root: BatchRoot
    size: int
    meta_hash: MetaHash
    deadline: int

    def __post_init__(self) -> None:
        _check(epoch=(self.epoch, 32), size=(self.size, 32), deadline=(self.deadline, 256))


@dataclass(frozen=True, slots=True)
class StatusMessage:
    """nonce: any number but zero, in no order; deadline: Unix seconds, inclusive."""

    issuer_id: IssuerId
    signer: Address
    epoch: int
    root: BatchRoot
    change: StatusChange
    lanes: tuple[Lanes, ...]
    nonce: int
    deadline: int

    def __post_init__(self) -> None:
        _check(epoch=(self.epoch, 32), nonce=(self.nonce, 256), deadline=(self.deadline, 256))
        for one in self.lanes:
            _check(word=(one.word, 256), mask=(one.mask, 256))


Message: TypeAlias = AnchorMessage | StatusMessage


def domain_separator(chain: ChainId, registry: Address) -> Bytes32:
    return Bytes32(
        keccak256(
            _type_hash("EIP712Domain", _DOMAIN)
            + keccak256(DOMAIN_NAME.encode())
            + keccak256(DOMAIN_VERSION.encode())
            + _uint(chain.number)
            + _address(registry)
        )
    )


def signing_digest(message: Message, chain: ChainId, registry: Address) -> SigningDigest:
    """The 32 bytes to sign for this chain and registry, and no other."""
    separator = domain_separator(chain, registry)
    return SigningDigest(keccak256(b"\x19\x01" + separator + message_hash(message)))


def message_hash(message: Message) -> Bytes32:
    """EIP-712's hashStruct of the message: the same on every chain."""
    begin = message.issuer_id + _address(message.signer) + _uint(message.epoch) + message.root
    if isinstance(message, AnchorMessage):
        kind = _type_hash("Anchor", _ANCHOR)
        middle = _uint(message.size) + message.meta_hash
    else:
        kind = keccak256(_encode_type("Status", _STATUS) + _encode_type("Lanes", _LANES))
        middle = _uint(message.change) + _hash_lanes(message.lanes) + _uint(message.nonce)
    return Bytes32(keccak256(kind + begin + middle + _uint(message.deadline)))


def wallet_request(message: Message, chain: ChainId, registry: Address) -> JsonObject:
    """The typed data that eth_signTypedData_v4 takes. Numbers of 256 bits are decimal texts."""
    types: dict[str, _Members] = {"EIP712Domain": _DOMAIN}
    content: JsonObject = {
        "issuerId": message.issuer_id.to_hex(),
        "signer": message.signer.to_hex(),
        "epoch": message.epoch,
        "root": message.root.to_hex(),
    }
    if isinstance(message, AnchorMessage):
        primary = "Anchor"
        types["Anchor"] = _ANCHOR
        content |= {"size": message.size, "metaHash": message.meta_hash.to_hex()}
    else:
        primary = "Status"
        types |= {"Status": _STATUS, "Lanes": _LANES}
        lanes: list[JsonValue] = [
            {"word": str(one.word), "mask": str(one.mask)} for one in message.lanes
        ]
        content |= {"change": int(message.change), "lanes": lanes, "nonce": str(message.nonce)}
    return {
        "types": {name: _listed(members) for name, members in types.items()},
        "primaryType": primary,
        "domain": {
            "name": DOMAIN_NAME,
            "version": DOMAIN_VERSION,
            "chainId": chain.number,
            "verifyingContract": registry.to_hex(),
        },
        "message": content | {"deadline": str(message.deadline)},
    }


def _hash_lanes(lanes: tuple[Lanes, ...]) -> bytes:
    kind = _type_hash("Lanes", _LANES)
    hashes = (keccak256(kind + _uint(one.word) + _uint(one.mask)) for one in lanes)
    return keccak256(b"".join(hashes))


def _encode_type(name: str, members: _Members) -> bytes:
    return f"{name}({','.join(f'{kind} {member}' for member, kind in members)})".encode()


def _type_hash(name: str, members: _Members) -> bytes:
    return keccak256(_encode_type(name, members))


def _listed(members: _Members) -> list[JsonValue]:
    return [{"name": name, "type": kind} for name, kind in members]


def _uint(number: int) -> bytes:
    return number.to_bytes(32, "big")


def _address(account: Address) -> bytes:
    return account.rjust(32, b"\0")


def _check(**numbers: tuple[int, int]) -> None:
    for name, (number, bits) in numbers.items():
        if number < 0 or number >> bits:
            raise MalformedValue(name, f"{number} does not fit into {bits} bits")
