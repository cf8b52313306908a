"""Whom a verifier trusts: registries by code, issuers by id, and for whom each may speak.

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
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self, TypeVar

from registry.errors import MalformedDocument, MalformedValue
from registry.values import Address, ChainId, CodeHash, FixedBytes, IssuerId

DEFAULT_MAX_AGE_S = 7 * 86400

_Fixed = TypeVar("_Fixed", bound=FixedBytes)


@dataclass(frozen=True, slots=True)
class TrustedRegistry:
    """A contract is known by place and code: the place binds what a constructor wrote."""

    chain: ChainId
    address: Address
    code_hash: CodeHash


@dataclass(frozen=True, slots=True)
class TrustedIssuer:
    """speaks_for: every `issuer.id` that its credentials may carry, compared exactly."""

    chain: ChainId
    registry: Address
    issuer_id: IssuerId
    speaks_for: tuple[str, ...]
    name: str


@dataclass(frozen=True, slots=True)
class TrustPolicy:
    """max_age_s: seconds after which what the chain said is too old to rest a verdict on."""

    registries: tuple[TrustedRegistry, ...] = ()
    issuers: tuple[TrustedIssuer, ...] = ()
    max_age_s: int = DEFAULT_MAX_AGE_S

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read a TOML file whose `[trust]` table is the policy.

        Raises MalformedDocument with the place; a file without that table is refused.
        """
        try:
            document = tomllib.loads(raw.decode())
        except UnicodeDecodeError:
            raise MalformedDocument("the trust policy is not UTF-8 text") from None
        except tomllib.TOMLDecodeError as error:
            raise MalformedDocument(f"the trust policy is not TOML: {error}") from None
        if not isinstance(document.get("trust"), dict):
            raise MalformedDocument("a trust policy has a table [trust]", "/trust")
        return cls.from_toml(document["trust"])

    @classmethod
    def from_toml(cls, trust: Mapping[str, object]) -> Self:
        """Read the `trust` table as a TOML reader gives it. Raises MalformedDocument."""
        table = _Table(trust, "/trust")
        table.refuse_others({"registries", "issuers", "max_age_s"})
        policy = cls(
            registries=tuple(_registry(entry) for entry in table.tables("registries")),
            issuers=tuple(_issuer(entry) for entry in table.tables("issuers")),
            max_age_s=table.seconds("max_age_s", DEFAULT_MAX_AGE_S),
        )
        policy._refuse_contradictions()
        return policy

    def registry_at(self, chain: ChainId, address: Address) -> TrustedRegistry | None:
        for entry in self.registries:
            if (entry.chain, entry.address) == (chain, address):
                return entry
        return None

    def issuer(
        self, chain: ChainId, registry: Address, issuer_id: IssuerId
    ) -> TrustedIssuer | None:
        for entry in self.issuers:
            if (entry.chain, entry.registry, entry.issuer_id) == (chain, registry, issuer_id):
                return entry
        return None

    def _refuse_contradictions(self) -> None:
        places: set[tuple[ChainId, Address]] = set()
        for number, registry in enumerate(self.registries):
            place = (registry.chain, registry.address)
            if place in places:
                reason = "this registry is listed twice"
                raise MalformedDocument(reason, f"/trust/registries/{number}")
            places.add(place)
        ids: set[tuple[ChainId, Address, IssuerId]] = set()
        for number, issuer in enumerate(self.issuers):
            where = f"/trust/issuers/{number}"
            if (issuer.chain, issuer.registry) not in places:
                raise MalformedDocument("its registry is not among trust.registries", where)
            if (key := (issuer.chain, issuer.registry, issuer.issuer_id)) in ids:
                raise MalformedDocument("this issuer is listed twice", where)
            ids.add(key)


def _registry(table: _Table) -> TrustedRegistry:
    table.refuse_others({"chain", "address", "code_hash"})
    return TrustedRegistry(
        chain=table.chain("chain"),
        address=table.fixed("address", Address),
        code_hash=table.fixed("code_hash", CodeHash),
    )


def _issuer(table: _Table) -> TrustedIssuer:
    table.refuse_others({"chain", "registry", "issuer_id", "speaks_for", "name"})
    return TrustedIssuer(
        chain=table.chain("chain"),
        registry=table.fixed("registry", Address),
        issuer_id=table.fixed("issuer_id", IssuerId),
        speaks_for=table.texts("speaks_for"),
        name=table.text("name"),
    )


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

    def _fault(self, member: str, reason: str) -> MalformedDocument:
        return MalformedDocument(reason, f"{self.place}/{member}")
