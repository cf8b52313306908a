"""The workspace: a folder with `credanchor.toml`, and the environment's twin of each setting.

A setting `key` in table `[section]` is overruled by the variable CREDANCHOR_SECTION_KEY, unless
that is empty: text as it stands, lists of text separated by white space, the lists of [trust] in
TOML. Paths are relative to the folder. Unknown tables and keys are refused: a typing error is no
setting.
"""

from __future__ import annotations

import json
import os
import tomllib
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from registry.errors import MalformedDocument, MalformedValue, WorkspaceError
from registry.workspaces.issuer_settings import MAIN, TABLES, IssuerTables, read_main, read_other
from registry.workspaces.settings import Table, refuse_unknown, twin

if TYPE_CHECKING:
    from collections.abc import Mapping

    from registry.values import ChainId
    from registry.workspaces.approval_settings import ApprovalSettings
    from registry.workspaces.issuer_settings import (
        AccountSettings,
        ChainSettings,
        IssuerSettings,
        ScheduleSettings,
    )

FILE = "credanchor.toml"


@dataclass(frozen=True, slots=True)
class Workspace:
    """The workspace as one of its issuers sees it: `of` gives another's view.

    database_url may hold a password: no repr shows it. trust is the raw table of the policy.
    others: what the file says of the issuers besides `main`. api and webhooks: the raw tables of
    the HTTP service, which reads and checks them.
    """

    folder: Path
    handle: str
    tables: IssuerTables
    database_url: str = field(repr=False)
    trust: Mapping[str, object]
    main: IssuerTables
    others: Mapping[str, IssuerTables]
    api: object
    webhooks: object

    @property
    def chain(self) -> ChainSettings:
        return self.tables.chain

    @property
    def issuer(self) -> IssuerSettings:
        return self.tables.issuer

    @property
    def account(self) -> AccountSettings:
        return self.tables.account

    @property
    def schedule(self) -> ScheduleSettings:
        return self.tables.schedule

    @property
    def approval(self) -> ApprovalSettings:
        return self.tables.approval

    @property
    def handles(self) -> tuple[str, ...]:
        """Every issuer, `main` first."""
        return (MAIN, *sorted(self.others))

    def of(self, handle: str) -> Workspace:
        """The same workspace for another issuer; raises WorkspaceError where there is none such."""
        found = self.main if handle == MAIN else self.others.get(handle)
        if found is None:
            raise WorkspaceError(
                f"{self.file}: no issuer {handle!r}; there are {', '.join(self.handles)}"
            )
        return replace(self, handle=handle, tables=found)

    def section(self, name: str) -> str:
        """The table where a value of this issuer, found out by a command, belongs."""
        if self.handle == MAIN or (name == "chain" and not self.tables.own_chain):
            return name
        return f"issuers.{self.handle}.{name}"

    @property
    def file(self) -> Path:
        return self.folder / FILE

    @classmethod
    def load(cls, folder: Path, environment: Mapping[str, str] = os.environ) -> Self:
        """Raises WorkspaceError with file and key."""
        file = folder / FILE
        try:
            document = tomllib.loads(file.read_text("utf-8"))
        except FileNotFoundError:
            raise WorkspaceError(
                f"no workspace in {folder}: run `credanchor init {folder}`, or name one with -w"
            ) from None
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise WorkspaceError(f"{file}: {error}") from None
        try:
            return cls._from(folder, document, environment)
        except (MalformedDocument, MalformedValue) as error:
            raise WorkspaceError(f"{file}: {error}") from None

    @classmethod
    def _from(
        cls, folder: Path, document: Mapping[str, Any], environment: Mapping[str, str]
    ) -> Self:
        refuse_unknown(
            document, {*TABLES, "issuers", "database", "trust", "api", "webhooks"}, "table"
        )
        database = Table("database", document, environment)
        others = document.get("issuers", {})
        if not isinstance(others, dict):
            raise MalformedDocument("not a table", "issuers")
        folder = folder.absolute()
        main = read_main(folder, document, environment)
        loaded = cls(
            folder=folder,
            handle=MAIN,
            tables=main,
            database_url=_database_url(folder, database.required("url", str)),
            trust=_trust(document.get("trust", {}), environment),
            main=main,
            others={one: read_other(folder, one, document, environment) for one in others},
            api=document.get("api", {}),
            webhooks=document.get("webhooks", []),
        )
        database.refuse_others()
        return loaded


def find(named: str | None, environment: Mapping[str, str] = os.environ) -> Path:
    """The folder: as named by -w, else by CREDANCHOR_WORKSPACE, else the current one."""
    return Path(named or environment.get("CREDANCHOR_WORKSPACE") or ".")


def new_config_text(
    *, chain: ChainId, embedded: bool, rpc: tuple[str, ...], did: str, name: str, url: str | None
) -> str:
    """The `credanchor.toml` of a fresh workspace, for people to read and edit."""
    where = (
        "embedded = true                  # this workspace's own chain, in ./chain"
        if embedded
        else f"rpc = [{', '.join(_quoted(one) for one in rpc)}]"
    )
    profile = f"url = {_quoted(url)}\n" if url else ""
    return f"""\
# A CredAnchor workspace. Each setting has a twin in the environment, which overrules it:
# [chain] registry is CREDANCHOR_CHAIN_REGISTRY, and so on. Paths are relative to this folder.

[chain]
id = {_quoted(str(chain))}
{where}
# registry = "0x…"               # of the CredentialRegistry, from `credanchor deploy`
# fee_cap_gwei = 200             # never offer more per gas than this
# day_cap_ether = 0.1            # never commit more in a day (UTC) than this
# confirmations = 65             # where the chain's own `finalized` can't be relied on

[issuer]
name = {_quoted(name)}
{profile}did = {_quoted(did)}
key = "keys/issuer.pem"          # signs credentials; encrypted
# id = "0x…"                     # in the registry, from `credanchor issuer register`

[account]
keystore = "keys/account.json"   # pays for transactions and signs them; encrypted
password_file = "keys/password"  # unlocks both keys; CREDANCHOR_ACCOUNT_PASSWORD overrules it
# warn_nights = 30               # warn when the balance pays for fewer nights at the cap

# When a running service (`credanchor worker`) seals and sends; commands do it at once.
[schedule]
cron = "0 2 * * *"               # batches: minute, hour, day, month, weekday; or "never"
zone = "UTC"
# max_size = 100000              # seal at once at so many credentials
# status_cron = "0 * * * *"      # gathered status changes, if not with the batches
# status_delay_s = 3600          # and no later than so long after the first was asked for

# What two people must approve first: `credanchor approve list`.
[approval]
# seal = true                    # each batch, before it is sealed
# mass_revocation = 100          # so many revocations in a day, or more
# people = ["Ana Sousa", "Bo Lindqvist", "Chidi Okafor"]

# More issuers in one service: [issuers.law.issuer], [issuers.law.account] and so on, with the keys
# above; what they leave out is as above. `credanchor issuer add law` writes them.

[database]
url = "sqlite:///credanchor.db"  # or postgresql+psycopg://user@host/name

# Whom `credanchor verify` trusts here. `deploy` and `issuer register` add your own.
[trust]
max_age_s = 604800               # a status older than this proves nothing
"""


def _quoted(text: str) -> str:
    """A TOML basic string: JSON's escapes are TOML's too, but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")


def _trust(table: object, environment: Mapping[str, str]) -> Mapping[str, object]:
    """The raw table; `TrustPolicy` reads and checks it."""
    if not isinstance(table, dict):
        raise MalformedDocument("not a table", "trust")
    merged = dict(table)
    for key in ("max_age_s", "registries", "issuers", "dids"):
        text = environment.get(twin("trust", key))
        if text:
            try:
                merged[key] = tomllib.loads(f"value = {text}")["value"]
            except tomllib.TOMLDecodeError:
                raise MalformedDocument("not a TOML value", twin("trust", key)) from None
    return merged


def _database_url(folder: Path, url: str) -> str:
    """A relative SQLite path is relative to the workspace, not to wherever a command runs."""
    scheme, separator, path = url.partition(":///")
    if scheme.startswith("sqlite") and separator and path and not path.startswith("/"):
        return f"{scheme}:///{(folder / path).resolve()}"
    return url
