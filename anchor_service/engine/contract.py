"""Calls to CredentialRegistry as bytes, and its answers and refusals as values. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from registry.formats.events import (
    Anchored,
    DidChanged,
    IssuerRegistered,
    RegistrantSalt,
    StatusChange,
    StatusChanged,
    topic,
)
from registry.keccak import keccak256
from registry.values import BatchRoot, DidHash, IssuerId, MetaHash

if TYPE_CHECKING:
    from collections.abc import Sequence

_REGISTER = "register(bytes32,bytes32,string)"
_ANCHOR = "anchor(bytes32,bytes32,uint32,bytes32)"
_CHANGE_STATUSES = "changeStatuses(bytes32,uint8,(bytes32,(uint256,uint256)[])[])"
_SET_DID = "setDid(bytes32,bytes32,string)"
SIGNATURES = (_REGISTER, _SET_DID, _ANCHOR, _CHANGE_STATUSES)

ISSUER_REGISTERED = topic(IssuerRegistered)
DID_CHANGED = topic(DidChanged)
ANCHORED = topic(Anchored)
STATUS_CHANGED = topic(StatusChanged)


@dataclass(frozen=True, slots=True)
class BatchMasks:
    """masks: word number -> even bit of each lane meant."""

    root: BatchRoot
    masks: dict[int, int]


@dataclass(frozen=True, slots=True)
class Refusal:
    """One of the contract's custom errors, or a reverted string or panic under that name."""

    name: str
    arguments: tuple[Any, ...]

    def __str__(self) -> str:
        shown = ", ".join(
            "0x" + one.hex() if isinstance(one, bytes) else str(one) for one in self.arguments
        )
        return f"{self.name}({shown})"


def register(salt: bytes, did_hash: DidHash, profile_uri: str) -> bytes:
    return _encode(_REGISTER, (salt, bytes(did_hash), profile_uri))


def set_did(issuer_id: IssuerId, did_hash: DidHash, profile_uri: str) -> bytes:
    return _encode(_SET_DID, (bytes(issuer_id), bytes(did_hash), profile_uri))


def anchor(issuer_id: IssuerId, root: BatchRoot, size: int, meta_hash: MetaHash) -> bytes:
    return _encode(_ANCHOR, (bytes(issuer_id), bytes(root), size, bytes(meta_hash)))


def change_statuses(
    issuer_id: IssuerId, change: StatusChange, batches: Sequence[BatchMasks]
) -> bytes:
    listed = [(bytes(one.root), list(one.masks.items())) for one in batches]
    return _encode(_CHANGE_STATUSES, (bytes(issuer_id), int(change), listed))


def read_register(data: bytes) -> tuple[RegistrantSalt, DidHash, str]:
    """The inverse of `register`: salt, DID hash, profile's place."""
    salt, did_hash, profile_uri = _decode(_REGISTER, data)
    return RegistrantSalt(salt), DidHash(did_hash), profile_uri


def read_set_did(data: bytes) -> tuple[IssuerId, DidHash, str]:
    """The inverse of `set_did`."""
    issuer_id, did_hash, profile_uri = _decode(_SET_DID, data)
    return IssuerId(issuer_id), DidHash(did_hash), profile_uri


def read_change_statuses(data: bytes) -> tuple[IssuerId, StatusChange, tuple[BatchMasks, ...]]:
    """The inverse of `change_statuses`."""
    issuer_id, change, listed = _decode(_CHANGE_STATUSES, data)
    batches = tuple(BatchMasks(BatchRoot(root), dict(lanes)) for root, lanes in listed)
    return IssuerId(issuer_id), StatusChange(change), batches


def size_and_meta_hash(data: bytes) -> tuple[int, MetaHash]:
    """From an Anchored event's data: operation, timestamp, actor, size, metaHash.

    Raises ValueError where the data has another length.
    """
    if len(data) != 160:
        raise ValueError(f"{len(data)} bytes where an Anchored event has 160")
    return int.from_bytes(data[96:128], "big"), MetaHash(data[128:160])


def refusal(data: bytes) -> Refusal | None:
    """Decode what a reverted call returned; None where it is none of the known errors."""
    from eth_abi.abi import decode
    from eth_abi.exceptions import DecodingError

    found = _errors().get(data[:4])
    if found is None:
        return None
    name, types = found
    try:
        return Refusal(name, decode(types, data[4:]))
    except DecodingError:
        return Refusal(name, ())


@cache
def _errors() -> dict[bytes, tuple[str, tuple[str, ...]]]:
    """Selector -> name and types: the contract's own errors, Solidity's Error and Panic."""
    from registry.workspaces import artifact

    listed = [("Error", ("string",)), ("Panic", ("uint256",))]
    listed += [
        (entry["name"], tuple(one["type"] for one in entry["inputs"]))
        for entry in artifact.load().abi
        if entry["type"] == "error"
    ]
    return {
        keccak256(f"{name}({','.join(types)})".encode())[:4]: (name, types)
        for name, types in listed
    }


def _encode(signature: str, arguments: Sequence[Any]) -> bytes:
    from eth_abi.abi import encode

    return _selector(signature) + encode(_types(signature), arguments)


def _decode(signature: str, data: bytes) -> tuple[Any, ...]:
    """Only for calldata of our own making."""
    from eth_abi.abi import decode

    assert data[:4] == _selector(signature)
    return decode(_types(signature), data[4:])


def _selector(signature: str) -> bytes:
    return keccak256(signature.encode())[:4]


def _types(signature: str) -> list[str]:
    from eth_abi.grammar import TupleType, parse

    inputs = parse(signature[signature.index("(") :])
    assert isinstance(inputs, TupleType)
    return [one.to_type_str() for one in inputs.components]
