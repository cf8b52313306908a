"""PERMANENT. The fold of operations into history hashes, as the contract computes it.

With || for concatenation by Solidity's abi.encode, and each h keeping the high 27 bytes:

    h(0) = keccak256(keccak256("credanchor.history.issuer.1") || chain id || registry || issuerId)
    h(n) = keccak256(h(n-1) || n || kind || timestamp || actor || fields...)

`fields` are the event's other arguments in their declared order, root included and issuerId not.
The history of registrations starts from "credanchor.history.registrations.1" without issuerId and
folds g || registration || timestamp || actor || issuerId || salt || didHash || profileURI.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.formats import abi
from registry.formats.events import folded_members
from registry.keccak import keccak256
from registry.values import Address, Bytes32, DidHash, FixedBytes, IssuerId

if TYPE_CHECKING:
    from registry.formats.events import Event, IssuerRegistered
    from registry.values import ChainId

ISSUER_TAG = Bytes32(keccak256(b"credanchor.history.issuer.1"))
REGISTRATIONS_TAG = Bytes32(keccak256(b"credanchor.history.registrations.1"))


class HistoryHash(FixedBytes):
    """The high 216 bits of a keccak-256: what fits beside a 40-bit count in one slot."""

    __slots__ = ()
    LENGTH = 27


_BYTES32 = abi.bytes32(Bytes32)
_HISTORY = abi.bytes27(HistoryHash)
_HOME = (_BYTES32, abi.uint(256), abi.address(Address))
_REGISTRATION = (
    _HISTORY,
    abi.uint(40),
    abi.uint(40),
    abi.address(Address),
    abi.bytes32(IssuerId),
    _BYTES32,
    abi.bytes32(DidHash),
    abi.TEXT,
)


def issuer_start(chain: ChainId, registry: Address, issuer_id: IssuerId) -> HistoryHash:
    """An issuer's history before its registration, which is operation 1."""
    values = (ISSUER_TAG, chain.number, registry, issuer_id)
    return _hash(abi.encode((*_HOME, _BYTES32), values))


def registrations_start(chain: ChainId, registry: Address) -> HistoryHash:
    """The history of registrations before the first; the contract stores zero until then."""
    return _hash(abi.encode(_HOME, (REGISTRATIONS_TAG, chain.number, registry)))


def fold(history: HistoryHash, event: Event) -> HistoryHash:
    """The issuer's history after `event`, given that before it."""
    members, values = folded_members(event)
    return _hash(abi.encode((_HISTORY, *members), (history, *values)))


def fold_registration(history: HistoryHash, event: IssuerRegistered) -> HistoryHash:
    """The history of registrations after `event`, given that before it."""
    values = (
        history,
        event.registration,
        event.timestamp,
        event.actor,
        event.issuer_id,
        event.salt,
        event.did_hash,
        event.profile_uri,
    )
    return _hash(abi.encode(_REGISTRATION, values))


def issuer_id_of(chain: ChainId, registry: Address, registrant: Address, salt: Bytes32) -> IssuerId:
    """keccak256(abi.encode(chain id, registry, registrant, salt))."""
    members = (abi.uint(256), abi.address(Address), abi.address(Address), _BYTES32)
    return IssuerId(keccak256(abi.encode(members, (chain.number, registry, registrant, salt))))


def _hash(data: bytes) -> HistoryHash:
    return HistoryHash(keccak256(data)[: HistoryHash.LENGTH])
