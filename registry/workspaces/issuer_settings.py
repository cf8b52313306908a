"""What a workspace says of one issuer: chain, record, account, schedule and approval.

The workspace's own tables are the issuer `main`. Another, `[issuers.<handle>]`, has tables of the
same names; what they leave out is as in the main ones, but for [issuer] id, which is each issuer's
own, and for [chain] where it names another chain: nothing of a chain holds on another.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from registry.errors import MalformedDocument
from registry.values import Address, ChainId, IssuerId
from registry.workspaces.approval_settings import ApprovalSettings, read_approval
from registry.workspaces.settings import Table, refuse_unknown, twin

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

MAIN = "main"
TABLES = frozenset({"chain", "issuer", "account", "schedule", "approval"})

_HANDLE = re.compile(r"[a-z][a-z0-9-]{0,30}")
_NIGHTLY = "0 2 * * *"
_NEVER = "never"
_WARN_NIGHTS = 30
_FEE_CAP_GWEI = 200.0


@dataclass(frozen=True, slots=True)
class ChainSettings:
    """embedded: the workspace's own development chain; else rpc names nodes of the chain `id`.

    URLs may hold a provider's key, so no repr shows them. fee_cap_gwei: the most that is ever
    offered per gas; day_cap_ether: the most that is committed in a day (UTC), None for no limit.
    confirmations: blocks to finality for chains whose `finalized` tag is not to be relied on; None
    to rely on it.
    """

    id: ChainId
    embedded: bool
    rpc: tuple[str, ...] = field(repr=False)
    registry: Address | None
    fee_cap_gwei: float
    day_cap_ether: float | None
    confirmations: int | None


@dataclass(frozen=True, slots=True)
class IssuerSettings:
    """did is that of the key that signs credentials; id is the registry's."""

    id: IssuerId | None
    did: str | None
    name: str
    url: str | None
    key: Path


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """Where the account's key is: exactly one of keystore, key_env and signer.

    password, if the environment gives one, else what the file holds; both unlock the keystore and
    the issuer's key. key_env: the variable that holds the key. signer: URL of a remote signer, no
    repr shows it, and the address that it signs for. warn_nights: warn when the balance pays for
    fewer nights at the fee cap.
    """

    keystore: Path | None
    key_env: str | None
    signer: str | None = field(repr=False)
    address: Address | None
    password_file: Path | None
    password: str | None = field(repr=False)
    warn_nights: int


@dataclass(frozen=True, slots=True)
class ScheduleSettings:
    """When batches are sealed and gathered status changes sent.

    cron: five fields, in the time zone `zone`; None for never by the clock. max_size: credentials
    at which a batch is sealed at once. status_cron: None to send with the batches.
    status_delay_s: at the latest so long after the first was asked for; None for no such limit.
    """

    cron: str | None
    zone: str
    max_size: int | None
    status_cron: str | None
    status_delay_s: int | None


@dataclass(frozen=True, slots=True)
class IssuerTables:
    """own_chain: its chain table stands alone, and what is found out about the chain goes there."""

    chain: ChainSettings
    issuer: IssuerSettings
    account: AccountSettings
    schedule: ScheduleSettings
    approval: ApprovalSettings
    own_chain: bool = True


def check_handle(text: str) -> str:
    """Raises MalformedDocument; a handle is part of variables' names and of files'."""
    if not _HANDLE.fullmatch(text):
        raise MalformedDocument(
            "a handle is at most 31 of a-z, 0-9 and -, and begins with a letter", f"issuers.{text}"
        )
    return text


def read_main(
    folder: Path, document: Mapping[str, Any], environment: Mapping[str, str]
) -> IssuerTables:
    """Raises MalformedDocument with table and key."""
    tables = {name: Table(name, document, environment) for name in TABLES}
    return _read(folder, tables, environment, own_chain=True)


def read_other(
    folder: Path, handle: str, document: Mapping[str, Any], environment: Mapping[str, str]
) -> IssuerTables:
    """The issuer `handle` of the whole document; raises as `read_main`."""
    check_handle(handle)
    if handle == MAIN:
        raise MalformedDocument("main is the issuer of the workspace's own tables", "issuers.main")
    own = document["issuers"][handle]
    if not isinstance(own, dict):
        raise MalformedDocument("not a table", f"issuers.{handle}")
    refuse_unknown(own, set(TABLES), "table")
    tables = {
        name: Table(
            name,
            own,
            environment,
            path=f"issuers.{handle}.",
            base=Table(name, document, environment),
        )
        for name in TABLES
    }
    own_chain = tables["chain"].has("id")
    if own_chain:
        tables["chain"] = tables["chain"].alone()
    if any(tables["account"].has(key) for key in ("keystore", "key_env", "signer")):
        tables["account"].keep("keystore", "key_env", "signer", "address")
    tables["issuer"].keep("id")
    return _read(folder, tables, environment, own_chain=own_chain)


def _read(
    folder: Path, tables: Mapping[str, Table], environment: Mapping[str, str], *, own_chain: bool
) -> IssuerTables:
    found = IssuerTables(
        _chain(tables["chain"]),
        _issuer(folder, tables["issuer"]),
        _account(folder, tables["account"], environment),
        _schedule(tables["schedule"]),
        read_approval(tables["approval"]),
        own_chain,
    )
    for table in tables.values():
        table.refuse_others()
    return found


def _chain(table: Table) -> ChainSettings:
    chain = ChainSettings(
        id=table.required("id", ChainId.parse),
        embedded=table.flag("embedded"),
        rpc=table.texts("rpc"),
        registry=table.optional("registry", Address.from_hex),
        fee_cap_gwei=table.number("fee_cap_gwei", _fee) or _FEE_CAP_GWEI,
        day_cap_ether=table.number("day_cap_ether", _ether),
        confirmations=table.number("confirmations", _count),
    )
    if chain.embedded and not chain.id.is_development:
        raise MalformedDocument(
            f"the embedded chain is eip155:{ChainId.DEVELOPMENT}", f"{table.place} id"
        )
    if chain.embedded == bool(chain.rpc):
        raise MalformedDocument(
            "either embedded = true, or at least one URL in rpc, and not both", table.place
        )
    return chain


def _issuer(folder: Path, table: Table) -> IssuerSettings:
    return IssuerSettings(
        id=table.optional("id", IssuerId.from_hex),
        did=table.optional("did", str),
        name=table.required("name", str),
        url=table.optional("url", str),
        key=folder / table.required("key", str),
    )


def _account(folder: Path, table: Table, environment: Mapping[str, str]) -> AccountSettings:
    keystore = table.optional("keystore", str)
    password_file = table.optional("password_file", str)
    account = AccountSettings(
        keystore=None if keystore is None else folder / keystore,
        key_env=table.optional("key_env", str),
        signer=table.optional("signer", str),
        address=table.optional("address", Address.from_hex),
        password_file=None if password_file is None else folder / password_file,
        password=_password(table, environment),
        warn_nights=table.number("warn_nights", _count) or _WARN_NIGHTS,
    )
    ways = (account.keystore, account.key_env, account.signer)
    if sum(way is not None for way in ways) != 1:
        raise MalformedDocument("name exactly one of keystore, key_env and signer", table.place)
    if (account.signer is None) != (account.address is None):
        raise MalformedDocument("signer and address belong together", table.place)
    return account


def _password(table: Table, environment: Mapping[str, str]) -> str | None:
    own = environment.get(twin(table.name, "password"))
    return own or environment.get(twin("account", "password")) or None


def _schedule(table: Table) -> ScheduleSettings:
    return ScheduleSettings(
        cron=_clocked(table.optional("cron", _cron) or _NIGHTLY),
        zone=table.optional("zone", _zone) or "UTC",
        max_size=table.number("max_size", _count_of_credentials),
        status_cron=_clocked(table.optional("status_cron", _cron)),
        status_delay_s=table.number("status_delay_s", _seconds),
    )


def _clocked(cron: str | None) -> str | None:
    return None if cron == _NEVER else cron


def _cron(text: str) -> str:
    """Its fields are read by what runs on them; here only that it can be a schedule."""
    if text != _NEVER and len(text.split()) != 5:
        raise ValueError('five fields as cron has them expected, or "never"')
    return text


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"{text!r} is no time zone, as Europe/Vienna is one") from None
    return text


def _fee(text: str) -> float:
    value = float(text)
    if not 0 < value < 1e9:
        raise ValueError("gwei above 0 and below 10^9 expected")
    return value


def _ether(text: str) -> float:
    value = float(text)
    if not 0 < value < 1e6:
        raise ValueError("ether above 0 and below 10^6 expected")
    return value


def _count(text: str) -> int:
    return _whole(text, 100_000)


def _count_of_credentials(text: str) -> int:
    return _whole(text, 2**31)


def _seconds(text: str) -> int:
    return _whole(text, 31 * 86400)


def _whole(text: str, most: int) -> int:
    value = int(text) if text.isdecimal() else 0
    if not 1 <= value <= most:
        raise ValueError(f"a whole number from 1 to {most} expected")
    return value
