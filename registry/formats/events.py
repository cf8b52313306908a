"""PERMANENT. What the registry's logs say, as values: one class an event of the contract.

A log is taken only in the one form that the contract writes, so an event gives back the very bytes
it was read from. Whether its number and content can follow what came before is judged in `replay`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar

from registry.errors import MalformedValue
from registry.formats import abi
from registry.formats.abi import Lanes, Member
from registry.keccak import keccak256
from registry.values import Address, BatchRoot, Bytes32, DidHash, IssuerId, MetaHash

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Kind(IntEnum):
    """What happened, as folded into histories."""

    ISSUER_REGISTERED = 1
    DID_CHANGED = 2
    OWNERSHIP_OFFERED = 3
    OWNERSHIP_TRANSFERRED = 4
    DELEGATE_SET = 5
    EPOCH_BUMPED = 6
    PAUSED = 7
    UNPAUSED = 8
    DISTRUSTED = 9
    RETIRED = 10
    NONCES_CANCELLED = 11
    ANCHORED = 12
    STATUS_CHANGED = 13
    BATCH_REVOKED = 14


class StatusChange(IntEnum):
    """What a status operation does to the lanes in its masks; numbers as in the contract."""

    SUSPEND = 0
    REINSTATE = 1
    REVOKE = 2


ROLE_ANCHOR = 1
ROLE_STATUS = 2


class RegistrantSalt(Bytes32):
    """What a registrant chose to tell its issuers apart. Public, unlike a credential's salt."""

    __slots__ = ()


def _read_change(word: bytes) -> StatusChange:
    number = int.from_bytes(word, "big")
    if number not in _CHANGES:
        raise MalformedValue("StatusChange", f"0x{word.hex()} is none")
    return _CHANGES[number]


_CHANGES = {int(change): change for change in StatusChange}
_UINT8, _UINT32, _UINT40, _UINT256 = (abi.uint(bits) for bits in (8, 32, 40, 256))
_ADDRESS = abi.address(Address)
_ISSUER_ID, _ROOT = abi.bytes32(IssuerId), abi.bytes32(BatchRoot)
_DID_HASH, _META_HASH = abi.bytes32(DidHash), abi.bytes32(MetaHash)
_SALT = abi.bytes32(RegistrantSalt)
_CHANGE = Member("uint8", False, lambda change: int(change).to_bytes(32, "big"), _read_change)

_ALWAYS = (_UINT40, _UINT40, _ADDRESS)
"""operation, timestamp, actor: they begin every event's data."""


@dataclass(frozen=True, slots=True)
class Event:
    """One operation of one issuer.

    operation: its number in the issuer's history, from 1; timestamp: its block's, Unix seconds;
    actor: whose authority was used. MEMBERS are the types of what follows; the root, where there
    is one, is the first and a topic of its own.
    """

    KIND: ClassVar[Kind]
    MEMBERS: ClassVar[tuple[Member, ...]]

    issuer_id: IssuerId
    operation: int
    timestamp: int
    actor: Address


@dataclass(frozen=True, slots=True)
class IssuerRegistered(Event):
    """registration: number among all issuers, from 1. profile_uri: as sent, perhaps no UTF-8."""

    KIND = Kind.ISSUER_REGISTERED
    MEMBERS = (_UINT40, _SALT, _DID_HASH, abi.TEXT)

    registration: int
    salt: RegistrantSalt
    did_hash: DidHash
    profile_uri: bytes


@dataclass(frozen=True, slots=True)
class DidChanged(Event):
    KIND = Kind.DID_CHANGED
    MEMBERS = (_DID_HASH, abi.TEXT)

    did_hash: DidHash
    profile_uri: bytes


@dataclass(frozen=True, slots=True)
class OwnershipOffered(Event):
    """pending_owner: zero where an offer is withdrawn."""

    KIND = Kind.OWNERSHIP_OFFERED
    MEMBERS = (_ADDRESS,)

    pending_owner: Address


@dataclass(frozen=True, slots=True)
class OwnershipTransferred(Event):
    """The actor is the new owner; epoch is the one that begins."""

    KIND = Kind.OWNERSHIP_TRANSFERRED
    MEMBERS = (_ADDRESS, _UINT32)

    previous_owner: Address
    epoch: int


@dataclass(frozen=True, slots=True)
class DelegateSet(Event):
    """roles: 1 anchor, 2 status, 0 ends the grant; expiry: first second without authority."""

    KIND = Kind.DELEGATE_SET
    MEMBERS = (_ADDRESS, _UINT8, _UINT40, _UINT32)

    delegate: Address
    roles: int
    expiry: int
    epoch: int


@dataclass(frozen=True, slots=True)
class EpochBumped(Event):
    KIND = Kind.EPOCH_BUMPED
    MEMBERS = (_UINT32,)

    epoch: int


@dataclass(frozen=True, slots=True)
class Paused(Event):
    KIND = Kind.PAUSED
    MEMBERS = ()


@dataclass(frozen=True, slots=True)
class Unpaused(Event):
    KIND = Kind.UNPAUSED
    MEMBERS = ()


@dataclass(frozen=True, slots=True)
class Distrusted(Event):
    """distrust_after: Unix seconds; anchors at or after it are distrusted."""

    KIND = Kind.DISTRUSTED
    MEMBERS = (_UINT40,)

    distrust_after: int


@dataclass(frozen=True, slots=True)
class Retired(Event):
    KIND = Kind.RETIRED
    MEMBERS = ()


@dataclass(frozen=True, slots=True)
class NoncesCancelled(Event):
    """Bit i of mask for nonce 256 * word + i."""

    KIND = Kind.NONCES_CANCELLED
    MEMBERS = (_ADDRESS, _UINT256, _UINT256)

    signer: Address
    word: int
    mask: int


@dataclass(frozen=True, slots=True)
class Anchored(Event):
    KIND = Kind.ANCHORED
    MEMBERS = (_ROOT, _UINT32, _META_HASH)

    root: BatchRoot
    size: int
    meta_hash: MetaHash


@dataclass(frozen=True, slots=True)
class StatusChanged(Event):
    """nonce: that of a signed operation; zero if the actor sent it directly."""

    KIND = Kind.STATUS_CHANGED
    MEMBERS = (_ROOT, _CHANGE, _UINT256, abi.LANES)

    root: BatchRoot
    change: StatusChange
    nonce: int
    lanes: tuple[Lanes, ...]


@dataclass(frozen=True, slots=True)
class BatchRevoked(Event):
    KIND = Kind.BATCH_REVOKED
    MEMBERS = (_ROOT,)

    root: BatchRoot


EVENTS: tuple[type[Event], ...] = (
    IssuerRegistered,
    DidChanged,
    OwnershipOffered,
    OwnershipTransferred,
    DelegateSet,
    EpochBumped,
    Paused,
    Unpaused,
    Distrusted,
    Retired,
    NoncesCancelled,
    Anchored,
    StatusChanged,
    BatchRevoked,
)


@dataclass(frozen=True, slots=True)
class _Form:
    """How one kind of event is written: what is worked out once for all logs of a run."""

    kind: type[Event]
    has_root: bool
    data: tuple[Member, ...]
    folded: tuple[Member, ...]
    values: Callable[[Event], tuple[Any, ...]]


def signature(kind: type[Event]) -> str:
    """The event's name and types, as hashed into its first topic."""
    root, rest = _split(kind)
    members = (_ISSUER_ID, *root, *_ALWAYS, *rest)
    return f"{kind.__name__}({','.join(member.name for member in members)})"


def topic(kind: type[Event]) -> bytes:
    """keccak256 of the signature: the first topic of such a log."""
    return keccak256(signature(kind).encode())


def data_members(kind: type[Event]) -> tuple[Member, ...]:
    """The types of the words of such a log's data, in order."""
    return (*_ALWAYS, *_split(kind)[1])


def read_log(topics: Sequence[bytes], data: bytes) -> Event:
    """Read a log of the registry. Raises MalformedValue for one it cannot have written."""
    form = _FORMS.get(topics[0]) if topics else None
    if form is None:
        raise MalformedValue("log", "its first topic names no event of the registry")
    if len(topics) != 2 + form.has_root:
        raise MalformedValue(form.kind.__name__, f"{len(topics)} topics")
    values = abi.decode(form.data, data)
    roots = [BatchRoot(topics[2])] if form.has_root else []
    return form.kind(IssuerId(topics[1]), *values[:3], *roots, *values[3:])


def write_log(event: Event) -> tuple[list[bytes], bytes]:
    """Topics and data, as the contract emits them: the inverse of `read_log`."""
    form = _FORM_OF[type(event)]
    values = form.values(event)
    roots, rest = values[: form.has_root], values[form.has_root :]
    data = abi.encode(form.data, (event.operation, event.timestamp, event.actor, *rest))
    return [topic(type(event)), bytes(event.issuer_id), *map(bytes, roots)], data


def folded_members(event: Event) -> tuple[tuple[Member, ...], tuple[Any, ...]]:
    """Types and values of what a history folds of an event after its history so far.

    number, kind, timestamp, actor, then every other argument but the issuer id.
    """
    form = _FORM_OF[type(event)]
    always = (event.operation, event.KIND, event.timestamp, event.actor)
    return form.folded, (*always, *form.values(event))


def _split(kind: type[Event]) -> tuple[tuple[Member, ...], tuple[Member, ...]]:
    has_root = kind.MEMBERS[:1] == (_ROOT,)
    return kind.MEMBERS[:has_root], kind.MEMBERS[has_root:]


def _form(kind: type[Event]) -> _Form:
    root, _ = _split(kind)
    return _Form(
        kind=kind,
        has_root=bool(root),
        data=data_members(kind),
        folded=(_UINT40, _UINT8, _UINT40, _ADDRESS, *kind.MEMBERS),
        values=_getter([field.name for field in fields(kind)[4:]]),
    )


def _getter(names: list[str]) -> Callable[[Event], tuple[Any, ...]]:
    """Give a tuple where attrgetter gives a bare value for one name, and takes no empty list."""
    if not names:
        return lambda _: ()
    get = attrgetter(*names)
    return get if len(names) > 1 else lambda event: (get(event),)


_FORM_OF = {kind: _form(kind) for kind in EVENTS}
_FORMS = {topic(kind): form for kind, form in _FORM_OF.items()}
