"""Settings from file and environment: read, refused with their place, written, kept secret."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from anchor_service.operating.config_edit import put_trusted, set_values
from registry.errors import WorkspaceError
from registry.judging.policy import TrustPolicy
from registry.values import Address, ChainId, IssuerId
from registry.workspaces.approval_settings import ApprovalSettings
from registry.workspaces.issuer_settings import ScheduleSettings
from registry.workspaces.workspace import FILE, Workspace, find, new_config_text

if TYPE_CHECKING:
    from collections.abc import Mapping

REGISTRY = "0x" + "ab" * 20
ISSUER = "0x" + "01" * 32
FRESH = new_config_text(
    chain=ChainId(31337), embedded=True, rpc=(), did="did:key:z6Mk", name="A", url=None
)
REMOTE = new_config_text(
    chain=ChainId(1),
    embedded=False,
    rpc=("https://user:hunter2@one.example/key", "https://two.example"),
    did="did:key:z6Mk",
    name="A",
    url="https://a.example",
)


def _load(folder: Path, text: str, environment: Mapping[str, str] | None = None) -> Workspace:
    (folder / FILE).write_text(text, "utf-8")
    return Workspace.load(folder, environment or {})


def test_a_fresh_workspace_has_its_own_chain_and_paths_of_its_own(tmp_path: Path) -> None:
    loaded = _load(tmp_path, FRESH)
    assert loaded.chain.embedded
    assert loaded.chain.id == ChainId(31337)
    assert (loaded.chain.rpc, loaded.chain.registry, loaded.issuer.id) == ((), None, None)
    assert loaded.issuer.key == tmp_path / "keys/issuer.pem"
    assert loaded.account.keystore == tmp_path / "keys/account.json"
    assert loaded.account.password_file == tmp_path / "keys/password"
    assert loaded.database_url == f"sqlite:///{tmp_path}/credanchor.db"
    assert TrustPolicy.from_toml(loaded.trust) == TrustPolicy()


def test_paths_stay_when_the_current_folder_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / FILE).write_text(FRESH)
    monkeypatch.chdir(tmp_path)
    loaded = Workspace.load(Path(), {})
    assert loaded.issuer.key == tmp_path / "keys/issuer.pem"


@pytest.mark.parametrize("name", ['Wörter "und" \\ mehr', "a\nb\tc\x7f", "名 🎓"])
def test_any_name_survives_the_file(tmp_path: Path, name: str) -> None:
    text = new_config_text(
        chain=ChainId(1), embedded=False, rpc=("http://x",), did="d", name=name, url=name
    )
    loaded = _load(tmp_path, text)
    assert (loaded.issuer.name, loaded.issuer.url) == (name, name)


# One value for each setting, other than that of any file here.
TWINS = {
    "CREDANCHOR_CHAIN_ID": "eip155:5",
    "CREDANCHOR_CHAIN_EMBEDDED": "false",
    "CREDANCHOR_CHAIN_RPC": "http://three.example  http://four.example",
    "CREDANCHOR_CHAIN_REGISTRY": REGISTRY,
    "CREDANCHOR_CHAIN_FEE_CAP_GWEI": "1.5",
    "CREDANCHOR_CHAIN_DAY_CAP_ETHER": "0.25",
    "CREDANCHOR_CHAIN_CONFIRMATIONS": "65",
    "CREDANCHOR_ISSUER_ID": ISSUER,
    "CREDANCHOR_ISSUER_DID": "did:key:zOther",
    "CREDANCHOR_ISSUER_NAME": "B",
    "CREDANCHOR_ISSUER_URL": "https://b.example",
    "CREDANCHOR_ISSUER_KEY": "/keys/k.pem",
    "CREDANCHOR_ACCOUNT_KEYSTORE": "/keys/a.json",
    "CREDANCHOR_ACCOUNT_PASSWORD_FILE": "/keys/p",
    "CREDANCHOR_ACCOUNT_PASSWORD": "hunter2",
    "CREDANCHOR_ACCOUNT_WARN_NIGHTS": "7",
    "CREDANCHOR_SCHEDULE_CRON": "30 1 * * 1-5",
    "CREDANCHOR_SCHEDULE_ZONE": "Europe/Vienna",
    "CREDANCHOR_SCHEDULE_MAX_SIZE": "500",
    "CREDANCHOR_SCHEDULE_STATUS_CRON": "0 * * * *",
    "CREDANCHOR_SCHEDULE_STATUS_DELAY_S": "900",
    "CREDANCHOR_APPROVAL_SEAL": "true",
    "CREDANCHOR_APPROVAL_MASS_REVOCATION": "50",
    "CREDANCHOR_APPROVAL_PEOPLE": "Ana Bo",
    "CREDANCHOR_DATABASE_URL": "postgresql+psycopg://u:hunter2@db/x",
    "CREDANCHOR_TRUST_MAX_AGE_S": "60",
    "CREDANCHOR_TRUST_REGISTRIES": "[]",
    "CREDANCHOR_TRUST_ISSUERS": "[]",
}


def test_every_setting_has_a_twin_in_the_environment_that_overrules_it(tmp_path: Path) -> None:
    loaded = _load(tmp_path, FRESH, TWINS)
    chain, issuer, account = loaded.chain, loaded.issuer, loaded.account
    assert (chain.id, chain.embedded) == (ChainId(5), False)
    assert chain.rpc == ("http://three.example", "http://four.example")
    assert chain.registry == Address.from_hex(REGISTRY)
    assert (chain.fee_cap_gwei, chain.confirmations, chain.day_cap_ether) == (1.5, 65, 0.25)
    assert issuer.id == IssuerId.from_hex(ISSUER)
    assert (issuer.did, issuer.name) == ("did:key:zOther", "B")
    assert (issuer.url, issuer.key) == ("https://b.example", Path("/keys/k.pem"))
    assert (account.keystore, account.password_file) == (Path("/keys/a.json"), Path("/keys/p"))
    assert (account.password, account.warn_nights) == ("hunter2", 7)
    assert loaded.schedule == ScheduleSettings(
        cron="30 1 * * 1-5",
        zone="Europe/Vienna",
        max_size=500,
        status_cron="0 * * * *",
        status_delay_s=900,
    )
    assert loaded.approval == ApprovalSettings(seal=True, mass_revocation=50, people=("Ana", "Bo"))
    assert loaded.database_url == "postgresql+psycopg://u:hunter2@db/x"
    assert loaded.trust == {"max_age_s": 60, "registries": [], "issuers": []}


def test_the_list_of_twins_above_is_whole() -> None:
    """Each key that a new file shows, in use or in a comment."""
    shown = tomllib.loads(re.sub(r"(?m)^# (?=[a-z_]+ = )", "", FRESH))
    for table, values in shown.items():
        for key in values:
            assert f"CREDANCHOR_{table}_{key}".upper() in TWINS


def test_an_empty_variable_is_none(tmp_path: Path) -> None:
    assert _load(tmp_path, FRESH, dict.fromkeys(TWINS, "")) == _load(tmp_path, FRESH)


FAULTS = {
    "misspelt key": (
        "[chain]\n",
        "[chain]\nregistri = 1\n",
        "registri: unknown .*did you mean reg",
    ),
    "strange key": (
        "[chain]\n",
        "[chain]\nzzz = 1\n",
        "zzz: unknown .*known are confirmations, day_cap_ether, emb",
    ),
    "unknown table": ("[chain]\n", "[wallet]\n[chain]\n", "wallet: unknown table"),
    "no name": ('name = "A"\n', "", r"\[issuer\] name: missing"),
    "number as text": ('name = "A"', "name = 5", r"\[issuer\] name: text expected"),
    "text as number": ("[chain]\n", '[chain]\nfee_cap_gwei = "9"\n', "fee_cap_gwei: a number exp"),
    "flag as number": ("[chain]\n", "[chain]\nconfirmations = true\n", "confirmations: a number"),
    "no fee": ("[chain]\n", "[chain]\nfee_cap_gwei = nan\n", "fee_cap_gwei: gwei above 0"),
    "no depth": (
        "[chain]\n",
        "[chain]\nconfirmations = 0\n",
        "confirmations: a whole number from 1",
    ),
    "half a block": (
        "[chain]\n",
        "[chain]\nconfirmations = 1.5\n",
        "confirmations: a whole number",
    ),
    "text as flag": ("embedded = true", 'embedded = "true"', "embedded: true or false"),
    "number as flag": ("embedded = true", "embedded = 1", "embedded: true or false"),
    "text as list": ("embedded = true", 'rpc = "http://x"', r"\[chain\] rpc: a list of texts"),
    "chain by number": ('"eip155:31337"', "31337", r"\[chain\] id: text expected"),
    "not CAIP-2": ('"eip155:31337"', '"31337"', r"\[chain\] id: ChainId: not eip155:"),
    "embedded mainnet": ('"eip155:31337"', '"eip155:1"', "the embedded chain is eip155:31337"),
    "both": ("embedded = true", 'embedded = true\nrpc = ["http://x"]', "not both"),
    "neither": ("embedded = true", "", "at least one URL"),
    "short address": ("[chain]\n", '[chain]\nregistry = "0xab"\n', "registry: Address: 1 bytes"),
    "two keys": ("[account]\n", '[account]\nkey_env = "KEY"\n', "exactly one of keystore, key_env"),
    "no key": ('keystore = "keys/account.json"', "", "exactly one of keystore, key_env"),
    "signer for nobody": (
        'keystore = "keys/account.json"',
        'signer = "http://x"',
        "signer and address belong together",
    ),
    "no zone": ('zone = "UTC"', 'zone = "Europe/Wien"', "zone: 'Europe/Wien' is no time zone"),
    "no cron": ('cron = "0 2 * * *"', 'cron = "02:00"', "cron: five fields"),
    "no size": ("[schedule]\n", "[schedule]\nmax_size = 0\n", "max_size: a whole number"),
    "no handle": ("[chain]\n", "[issuers.Law]\n[chain]\n", "a handle is at most 31"),
    "main twice": ("[chain]\n", "[issuers.main]\n[chain]\n", "main is the issuer of"),
    "strange table": ("[chain]\n", "[issuers.law.trust]\n[chain]\n", "trust: unknown table"),
    "strange key of another": (
        "[chain]\n",
        "[issuers.law.issuer]\nnam = 1\n[chain]\n",
        r"unknown \[issuers.law.issuer\] key; did you mean name",
    ),
    "not TOML": ("[chain]\n", "[chain\n", "line 4"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_refused_with_file_and_key(tmp_path: Path, name: str) -> None:
    old, new, expected = FAULTS[name]
    assert old in FRESH
    with pytest.raises(WorkspaceError, match=f"{FILE}: .*{expected}"):
        _load(tmp_path, FRESH.replace(old, new, 1))


def test_a_table_may_be_absent_where_nothing_in_it_is_needed(tmp_path: Path) -> None:
    assert _load(tmp_path, FRESH[: FRESH.index("[trust]")]).trust == {}


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("CREDANCHOR_CHAIN_REGISTRY", "0xab"),
        ("CREDANCHOR_CHAIN_EMBEDDED", "maybe"),
        ("CREDANCHOR_CHAIN_CONFIRMATIONS", "many"),
        ("CREDANCHOR_TRUST_ISSUERS", "[{"),
    ],
)
def test_a_fault_of_the_environment_names_the_variable(
    tmp_path: Path, variable: str, text: str
) -> None:
    with pytest.raises(WorkspaceError, match=variable):
        _load(tmp_path, FRESH, {variable: text})


def test_no_workspace_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match=r"run `credanchor init .*or name one with -w"):
        Workspace.load(tmp_path, {})


def test_the_folder_is_as_named_else_of_the_environment_else_the_current_one() -> None:
    variable = {"CREDANCHOR_WORKSPACE": "there"}
    assert find("here", variable) == Path("here")
    assert find(None, variable) == Path("there")
    assert find(None, {}) == Path()


def test_no_secret_shows_in_a_repr(tmp_path: Path) -> None:
    shown = repr(_load(tmp_path, REMOTE, {**TWINS, "CREDANCHOR_CHAIN_RPC": ""}))
    assert "hunter2" not in shown
    assert "one.example" not in shown


def test_values_are_set_in_their_table_with_comments_kept(tmp_path: Path) -> None:
    file = tmp_path / FILE
    file.write_text(FRESH)
    set_values(file, {("chain", "registry"): REGISTRY, ("issuer", "id"): ISSUER})
    loaded = Workspace.load(tmp_path, {})
    assert loaded.chain.registry == Address.from_hex(REGISTRY)
    assert loaded.issuer.id == IssuerId.from_hex(ISSUER)
    # Every other line is still there, in its order, and what was said of the two.
    text = file.read_text()
    rest = iter(text.splitlines())
    kept = [line for line in FRESH.splitlines() if not line.startswith(("# registry", "# id"))]
    assert all(line in rest for line in kept)
    assert "  # of the CredentialRegistry, from `credanchor deploy`" in text
    assert "  # in the registry, from `credanchor issuer register`" in text
    assert text.index("[chain]") < text.index(REGISTRY) < text.index("[issuer]")
    assert text.index("[issuer]") < text.index(ISSUER) < text.index("[account]")
    set_values(file, {("chain", "registry"): "0x" + "cd" * 20})
    assert REGISTRY not in file.read_text()


def test_trust_is_added_once_and_replaced_where_it_speaks_of_the_same(tmp_path: Path) -> None:
    file = tmp_path / FILE
    file.write_text(FRESH)
    entry = {"chain": "eip155:31337", "address": REGISTRY, "code_hash": "0x" + "11" * 32}
    put_trusted(file, "registries", entry, same=("chain", "address"))
    put_trusted(file, "registries", entry, same=("chain", "address"))
    other = entry | {"address": "0x" + "cd" * 20}
    put_trusted(file, "registries", other, same=("chain", "address"))
    changed = entry | {"code_hash": "0x" + "22" * 32}
    put_trusted(file, "registries", changed, same=("chain", "address"))
    trust = Workspace.load(tmp_path, {}).trust
    assert trust["registries"] == [changed, other]
    assert len(TrustPolicy.from_toml(trust).registries) == 2


def test_an_edited_file_stays_as_private_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / FILE
    file.write_text(FRESH)
    file.chmod(0o600)
    set_values(file, {("issuer", "name"): "B"})
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


LAW = """
[issuers.law.issuer]
name = "Law"
key = "keys/law.pem"
did = "did:key:zLaw"

[issuers.law.schedule]
cron = "never"

[issuers.med.chain]
id = "eip155:1"
rpc = ["http://one.example"]

[issuers.med.account]
signer = "http://signer.example"
address = "0xabababababababababababababababababababab"
"""


def test_another_issuer_takes_what_it_leaves_out_from_the_main_tables(tmp_path: Path) -> None:
    loaded = _load(tmp_path, FRESH.replace("[issuer]\n", f'[issuer]\nid = "{ISSUER}"\n') + LAW)
    assert loaded.handles == ("main", "law", "med")
    law = loaded.of("law")
    assert (law.handle, law.issuer.name, law.issuer.key) == (
        "law",
        "Law",
        tmp_path / "keys/law.pem",
    )
    assert (law.chain, law.account) == (loaded.chain, loaded.account)
    assert (law.schedule.cron, loaded.schedule.cron) == (None, "0 2 * * *")
    # An id is one issuer's alone.
    assert (str(loaded.issuer.id), law.issuer.id) == (ISSUER, None)
    assert law.of("main") == loaded
    with pytest.raises(WorkspaceError, match="no issuer 'lore'; there are main, law, med"):
        loaded.of("lore")


def test_an_issuer_on_another_chain_takes_nothing_of_the_main_chain(tmp_path: Path) -> None:
    text = FRESH.replace("[chain]\n", f'[chain]\nregistry = "{REGISTRY}"\nconfirmations = 9\n')
    med = _load(tmp_path, text + LAW).of("med")
    assert (med.chain.id, med.chain.embedded) == (ChainId(1), False)
    assert (med.chain.registry, med.chain.confirmations) == (None, None)
    assert (med.account.keystore, med.account.signer) == (None, "http://signer.example")
    assert "signer.example" not in repr(med)


def test_an_issuer_has_twins_of_its_own(tmp_path: Path) -> None:
    twins = {
        "CREDANCHOR_ISSUERS_LAW_ISSUER_NAME": "Recht",
        "CREDANCHOR_ISSUERS_LAW_ACCOUNT_PASSWORD": "of law",
        "CREDANCHOR_ACCOUNT_PASSWORD": "of all",
        "CREDANCHOR_CHAIN_FEE_CAP_GWEI": "3",
    }
    loaded = _load(tmp_path, FRESH + LAW, twins)
    law = loaded.of("law")
    assert (law.issuer.name, law.account.password, law.chain.fee_cap_gwei) == ("Recht", "of law", 3)
    assert (loaded.account.password, loaded.of("med").account.password) == ("of all", "of all")


def test_what_commands_find_out_about_an_issuer_goes_to_its_own_table(tmp_path: Path) -> None:
    file = tmp_path / FILE
    loaded = _load(tmp_path, FRESH + LAW)
    for handle in loaded.handles:
        one = loaded.of(handle)
        set_values(file, {(one.section("chain"), "registry"): REGISTRY})
        set_values(file, {(one.section("issuer"), "id"): ISSUER[:-1] + str(len(handle))})
    again = Workspace.load(tmp_path, {})
    assert [str(again.of(one).issuer.id)[-1] for one in again.handles] == ["4", "3", "3"]
    assert again.of("law").chain == again.chain
    tables = tomllib.loads(file.read_text())
    assert "chain" not in tables["issuers"]["law"]
    assert tables["issuers"]["med"]["chain"]["registry"] == REGISTRY
    assert tables["issuers"]["med"]["issuer"] == {"id": ISSUER[:-1] + "3"}
