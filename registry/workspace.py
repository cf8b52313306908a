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
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from registry.errors import MalformedDocument, MalformedValue, WorkspaceError
from registry.settings import Table, refuse_unknown, twin
from registry.values import Address, ChainId, IssuerId

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = "credanchor.toml"


@dataclass(frozen=True, slots=True)
class ChainSettings:
    """embedded: the workspace's own development chain; else rpc names nodes of the chain `id`.

    URLs may hold a provider's key, so no repr shows them. fee_cap_gwei: the most that is ever
    offered per gas. confirmations: blocks to finality for chains whose `finalized` tag is not to
    be relied on; None to rely on it.
    """

    id: ChainId
    embedded: bool
    rpc: tuple[str, ...] = field(repr=False)
    registry: Address | None
    fee_cap_gwei: float
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
    """password, if the environment gives one, else what the file holds; both unlock both keys."""

    keystore: Path
    password_file: Path | None
    password: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Workspace:
    """database_url may hold a password: no repr shows it. trust is the raw table of the policy."""

    folder: Path
    chain: ChainSettings
    issuer: IssuerSettings
    account: AccountSettings
    database_url: str = field(repr=False)
    trust: Mapping[str, object]

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
        refuse_unknown(document, {"chain", "issuer", "account", "database", "trust"}, "table")
        chain = Table("chain", document, environment)
        issuer = Table("issuer", document, environment)
        account = Table("account", document, environment)
        database = Table("database", document, environment)
        folder = folder.absolute()
        password_file = account.optional("password_file", str)
        loaded = cls(
            folder=folder,
            chain=ChainSettings(
                id=chain.required("id", ChainId.parse),
                embedded=chain.flag("embedded"),
                rpc=chain.texts("rpc"),
                registry=chain.optional("registry", Address.from_hex),
                fee_cap_gwei=chain.number("fee_cap_gwei", _fee) or 200.0,
                confirmations=chain.number("confirmations", _count),
            ),
            issuer=IssuerSettings(
                id=issuer.optional("id", IssuerId.from_hex),
                did=issuer.optional("did", str),
                name=issuer.required("name", str),
                url=issuer.optional("url", str),
                key=folder / issuer.required("key", str),
            ),
            account=AccountSettings(
                keystore=folder / account.required("keystore", str),
                password_file=None if password_file is None else folder / password_file,
                password=environment.get(twin("account", "password")) or None,
            ),
            database_url=_database_url(folder, database.required("url", str)),
            trust=_trust(document.get("trust", {}), environment),
        )
        for table in (chain, issuer, account, database):
            table.refuse_others()
        _check_chain(loaded.chain)
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
# confirmations = 65             # where the chain's own `finalized` can't be relied on

[issuer]
name = {_quoted(name)}
{profile}did = {_quoted(did)}
key = "keys/issuer.pem"          # signs credentials; encrypted
# id = "0x…"                     # in the registry, from `credanchor issuer register`

[account]
keystore = "keys/account.json"   # pays for transactions and signs them; encrypted
password_file = "keys/password"  # unlocks both keys; CREDANCHOR_ACCOUNT_PASSWORD overrules it

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
    for key in ("max_age_s", "registries", "issuers"):
        text = environment.get(twin("trust", key))
        if text:
            try:
                merged[key] = tomllib.loads(f"value = {text}")["value"]
            except tomllib.TOMLDecodeError:
                raise MalformedDocument("not a TOML value", twin("trust", key)) from None
    return merged


def _fee(text: str) -> float:
    value = float(text)
    if not 0 < value < 1e9:
        raise ValueError("gwei above 0 and below 10^9 expected")
    return value


def _count(text: str) -> int:
    value = int(text) if text.isdecimal() else 0
    if not 1 <= value <= 100_000:
        raise ValueError("a whole number from 1 to 100000 expected")
    return value


def _check_chain(chain: ChainSettings) -> None:
    if chain.embedded and not chain.id.is_development:
        raise MalformedDocument(f"the embedded chain is eip155:{ChainId.DEVELOPMENT}", "[chain] id")
    if chain.embedded == bool(chain.rpc):
        raise MalformedDocument(
            "either embedded = true, or at least one URL in rpc, and not both", "[chain]"
        )


def _database_url(folder: Path, url: str) -> str:
    """A relative SQLite path is relative to the workspace, not to wherever a command runs."""
    scheme, separator, path = url.partition(":///")
    if scheme.startswith("sqlite") and separator and path and not path.startswith("/"):
        return f"{scheme}:///{(folder / path).resolve()}"
    return url
