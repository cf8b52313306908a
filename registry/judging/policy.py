"""Whom a verifier trusts: registries by code, issuers by id or by DID, and for whom each may speak.

Anyone can register as an issuer and anyone can write a famous name into a credential, so nothing
is trusted unless it is listed. In TOML, as `[trust]` of a workspace or in a file of its own:

    [trust]
    max_age_s = 604800                      # optional: how old a status may be, in seconds

    [[trust.registries]]
    chain = "eip155:31337"
    address = "0x…"                         # of the CredentialRegistry
    code_hash = "0x…"                       # keccak256 of its deployed code

    [[trust.issuers]]
    chain = "eip155:31337"
    registry = "0x…"                        # one of the registries above
    issuer_id = "0x…"
    speaks_for = ["did:key:z6Mk…"]          # exact `issuer.id` values of its credentials
    name = "Example University"             # shown in the report

    [[trust.dids]]
    did = "did:web:uni.example"             # its own document then names the issuer id
    name = "Example University"

An issuer without `speaks_for` speaks for whatever DID names it in its own document, and is named by
its document's hash in the registry. Each entry may have `purposes = ["hiring", …]`: then it counts
only where the verifier has one of them in mind. An entry without holds for all.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self, TypeVar

from registry.errors import MalformedPolicy, MalformedValue
from registry.values import Address, ChainId, CodeHash, FixedBytes, IssuerId

DEFAULT_MAX_AGE_S = 7 * 86400

_Fixed = TypeVar("_Fixed", bound=FixedBytes)


@dataclass(frozen=True, slots=True)
class TrustedRegistry:
    """A contract is known by place and code: the place binds what a constructor wrote."""

    chain: ChainId
    address: Address
    code_hash: CodeHash
    purposes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TrustedIssuer:
    """speaks_for: every `issuer.id` that its credentials may carry, compared exactly.

    Empty: those DIDs whose own documents name it.
    """

    chain: ChainId
    registry: Address
    issuer_id: IssuerId
    speaks_for: tuple[str, ...]
    name: str
    purposes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TrustedDid:
    """A DID whose own document is believed on who anchors for it; compared exactly."""

    did: str
    name: str
    purposes: tuple[str, ...] = ()


_Trusted = TypeVar("_Trusted", TrustedRegistry, TrustedIssuer, TrustedDid)


@dataclass(frozen=True, slots=True)
class TrustPolicy:
    """max_age_s: seconds after which what the chain said is too old to rest a verdict on.

    purpose: what the verdict is wanted for; None where that was not said, and then only entries
    that hold for all purposes count.
    """

    registries: tuple[TrustedRegistry, ...] = ()
    issuers: tuple[TrustedIssuer, ...] = ()
    max_age_s: int = DEFAULT_MAX_AGE_S
    dids: tuple[TrustedDid, ...] = ()
    purpose: str | None = None

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read a TOML file whose `[trust]` table is the policy.

        Raises MalformedPolicy with the place; a file without that table is refused.
        """
        try:
            document = tomllib.loads(raw.decode())
        except UnicodeDecodeError:
            raise MalformedPolicy("the trust policy is not UTF-8 text") from None
        except tomllib.TOMLDecodeError as error:
            raise MalformedPolicy(f"the trust policy is not TOML: {error}") from None
        if not isinstance(document.get("trust"), dict):
            raise MalformedPolicy("a trust policy has a table [trust]", "/trust")
        return cls.from_toml(document["trust"])

    @classmethod
    def from_toml(cls, trust: Mapping[str, object]) -> Self:
        """Read the `trust` table as a TOML reader gives it. Raises MalformedPolicy."""
        table = _Table(trust, "/trust")
        table.refuse_others({"registries", "issuers", "dids", "max_age_s"})
        policy = cls(
            registries=tuple(_registry(entry) for entry in table.tables("registries")),
            issuers=tuple(_issuer(entry) for entry in table.tables("issuers")),
            max_age_s=table.seconds("max_age_s", DEFAULT_MAX_AGE_S),
            dids=tuple(_did(entry) for entry in table.tables("dids")),
        )
        policy._refuse_contradictions()
        return policy

    @property
    def purposes(self) -> frozenset[str]:
        """Every purpose that an entry is limited to."""
        entries: list[TrustedRegistry | TrustedIssuer | TrustedDid] = [
            *self.registries,
            *self.issuers,
            *self.dids,
        ]
        return frozenset(purpose for entry in entries for purpose in entry.purposes)

    def registry_at(self, chain: ChainId, address: Address) -> TrustedRegistry | None:
        return self._holding(self.listed_registry(chain, address))

    def listed_registry(self, chain: ChainId, address: Address) -> TrustedRegistry | None:
        """As `registry_at`, whatever its purposes."""
        for entry in self.registries:
            if (entry.chain, entry.address) == (chain, address):
                return entry
        return None

    def issuer(
        self, chain: ChainId, registry: Address, issuer_id: IssuerId
    ) -> TrustedIssuer | None:
        return self._holding(self.listed_issuer(chain, registry, issuer_id))

    def listed_issuer(
        self, chain: ChainId, registry: Address, issuer_id: IssuerId
    ) -> TrustedIssuer | None:
        """As `issuer`, whatever its purposes."""
        for entry in self.issuers:
            if (entry.chain, entry.registry, entry.issuer_id) == (chain, registry, issuer_id):
                return entry
        return None

    def did(self, did: str) -> TrustedDid | None:
        return self._holding(self.listed_did(did))

    def listed_did(self, did: str) -> TrustedDid | None:
        """As `did`, whatever its purposes."""
        return next((entry for entry in self.dids if entry.did == did), None)

    def _holding(self, entry: _Trusted | None) -> _Trusted | None:
        """The entry if it counts for the purpose at hand."""
        if entry is None or (entry.purposes and self.purpose not in entry.purposes):
            return None
        return entry

    def _refuse_contradictions(self) -> None:
        places: set[tuple[ChainId, Address]] = set()
        for number, registry in enumerate(self.registries):
            place = (registry.chain, registry.address)
            if place in places:
                reason = "this registry is listed twice"
                raise MalformedPolicy(reason, f"/trust/registries/{number}")
            places.add(place)
        ids: set[tuple[ChainId, Address, IssuerId]] = set()
        for number, issuer in enumerate(self.issuers):
            where = f"/trust/issuers/{number}"
            if (issuer.chain, issuer.registry) not in places:
                raise MalformedPolicy("its registry is not among trust.registries", where)
            if (key := (issuer.chain, issuer.registry, issuer.issuer_id)) in ids:
                raise MalformedPolicy("this issuer is listed twice", where)
            ids.add(key)
        dids: set[str] = set()
        for number, trusted in enumerate(self.dids):
            if trusted.did in dids:
                raise MalformedPolicy("this DID is listed twice", f"/trust/dids/{number}")
            dids.add(trusted.did)


def _registry(table: _Table) -> TrustedRegistry:
    table.refuse_others({"chain", "address", "code_hash", "purposes"})
    return TrustedRegistry(
        chain=table.chain("chain"),
        address=table.fixed("address", Address),
        code_hash=table.fixed("code_hash", CodeHash),
        purposes=table.some_texts("purposes"),
    )


def _issuer(table: _Table) -> TrustedIssuer:
    table.refuse_others({"chain", "registry", "issuer_id", "speaks_for", "name", "purposes"})
    return TrustedIssuer(
        chain=table.chain("chain"),
        registry=table.fixed("registry", Address),
        issuer_id=table.fixed("issuer_id", IssuerId),
        speaks_for=table.some_texts("speaks_for"),
        name=table.text("name"),
        purposes=table.some_texts("purposes"),
    )


def _did(table: _Table) -> TrustedDid:
    table.refuse_others({"did", "name", "purposes"})
    did = table.text("did")
    if not did.startswith("did:") or "#" in did:
        raise MalformedPolicy("not a DID", f"{table.place}/did")
    return TrustedDid(did=did, name=table.text("name"), purposes=table.some_texts("purposes"))


@dataclass(frozen=True, slots=True)
class _Table:
    """A TOML table and its place, so that every refusal names the member at fault."""

    members: Mapping[str, object]
    place: str

    def refuse_others(self, known: set[str]) -> None:
        """A misspelt member must not silently widen or narrow what is trusted."""
        for member in self.members:
            if member not in known:
                reason = f"unknown member; known are {', '.join(sorted(known))}"
                raise self._fault(member, reason)

    def tables(self, member: str) -> list[_Table]:
        entries = self.members.get(member, [])
        if not isinstance(entries, list) or not all(isinstance(e, Mapping) for e in entries):
            raise self._fault(member, f"an array of tables belongs here: [[trust.{member}]]")
        return [_Table(entry, f"{self.place}/{member}/{n}") for n, entry in enumerate(entries)]

    def text(self, member: str) -> str:
        value = self._get(member)
        if not isinstance(value, str) or not value:
            raise self._fault(member, "a text belongs here")
        return value

    def texts(self, member: str) -> tuple[str, ...]:
        values = self._get(member)
        if not isinstance(values, list) or not all(isinstance(v, str) and v for v in values):
            raise self._fault(member, "an array of texts belongs here")
        return tuple(values)

    def some_texts(self, member: str) -> tuple[str, ...]:
        """Empty where the member is left out; an empty list could mean all or nothing."""
        if member not in self.members:
            return ()
        values = self.texts(member)
        if not values:
            raise self._fault(member, "name one at least, or leave the member out")
        return values

    def seconds(self, member: str, default: int) -> int:
        value = self.members.get(member, default)
        if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
            raise self._fault(member, "a whole number of seconds above 0 belongs here")
        return value

    def chain(self, member: str) -> ChainId:
        try:
            return ChainId.parse(self.text(member))
        except MalformedValue as error:
            raise self._fault(member, error.reason) from None

    def fixed(self, member: str, kind: type[_Fixed]) -> _Fixed:
        try:
            return kind.from_hex(self.text(member))
        except MalformedValue as error:
            raise self._fault(member, error.reason) from None

    def _get(self, member: str) -> object:
        if member not in self.members:
            raise self._fault(member, "missing")
        return self.members[member]

    def _fault(self, member: str, reason: str) -> MalformedPolicy:
        return MalformedPolicy(reason, f"{self.place}/{member}")
