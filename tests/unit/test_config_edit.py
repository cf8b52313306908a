"""What commands write into a workspace's file, and what of it they leave alone."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING

import pytest

from anchor_service.operating.config_edit import put_trusted, set_values
from registry.errors import WorkspaceError
from registry.judging.policy import TrustPolicy
from registry.values import ChainId
from registry.workspaces.workspace import FILE, Workspace, new_config_text

if TYPE_CHECKING:
    from pathlib import Path

REGISTRY = "0x" + "ab" * 20
ISSUER = "0x" + "cd" * 32


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / FILE


def _fresh() -> str:
    return new_config_text(
        chain=ChainId(31337), embedded=True, rpc=(), did="did:key:z6Mk", name="École", url=None
    )


def test_a_setting_takes_the_place_of_its_commented_line(file: Path) -> None:
    file.write_text(_fresh())
    set_values(file, {("chain", "registry"): REGISTRY, ("issuer", "id"): ISSUER})
    before, after = _fresh().splitlines(), file.read_text().splitlines()
    changed = [new for old, new in zip(before, after, strict=True) if old != new]
    assert [line.split("  #")[0].rstrip() for line in changed] == [
        f'registry = "{REGISTRY}"',
        f'id = "{ISSUER}"',
    ]
    workspace = Workspace.load(file.parent, {})
    assert workspace.chain.registry is not None
    assert workspace.chain.registry.to_hex() == REGISTRY
    assert workspace.issuer.id is not None
    assert workspace.issuer.id.to_hex() == ISSUER


def test_the_comment_behind_a_setting_stays(file: Path) -> None:
    file.write_text('[chain]\n# registry = "0x…"  # of the contract\nid = "x" # mine\n')
    set_values(file, {("chain", "registry"): REGISTRY})
    assert file.read_text() == (
        f'[chain]\nregistry = "{REGISTRY}"  # of the contract\nid = "x" # mine\n'
    )


def test_a_setting_that_is_there_is_changed_in_place(file: Path) -> None:
    file.write_text('[chain]\n# registry = "0x…"\nregistry = "old" # why\n\n[issuer]\nid = "i"\n')
    set_values(file, {("chain", "registry"): "new"})
    assert file.read_text() == (
        '[chain]\n# registry = "0x…"\nregistry = "new" # why\n\n[issuer]\nid = "i"\n'
    )


def test_setting_the_same_again_changes_nothing(file: Path) -> None:
    file.write_text(_fresh())
    set_values(file, {("chain", "registry"): REGISTRY})
    once = file.read_text()
    set_values(file, {("chain", "registry"): REGISTRY})
    assert file.read_text() == once


def test_only_the_named_table_is_touched(file: Path) -> None:
    text = '[a]\n# id = "here"\nx = 1\n\n[b]\n# id = "there"\n'
    file.write_text(text)
    set_values(file, {("b", "id"): "new"})
    assert file.read_text() == text.replace('# id = "there"', 'id = "new"')


def test_a_table_that_is_not_there_is_made(file: Path) -> None:
    file.write_text('[chain]\nid = "x"\n')
    set_values(file, {("issuer", "id"): ISSUER, ("chain", "registry"): REGISTRY})
    assert tomllib.loads(file.read_text()) == {
        "chain": {"id": "x", "registry": REGISTRY},
        "issuer": {"id": ISSUER},
    }


def test_what_looks_like_a_comment_inside_a_string_stays(file: Path) -> None:
    name = 'First\n# id = "x"\nlast'
    file.write_text(f'[issuer]\nname = """{name}"""\n')
    set_values(file, {("issuer", "id"): ISSUER})
    assert tomllib.loads(file.read_text()) == {"issuer": {"name": name, "id": ISSUER}}


def test_an_inline_table_keeps_its_other_values(file: Path) -> None:
    file.write_text('chain = {id = "x"}\n')
    set_values(file, {("chain", "registry"): REGISTRY})
    assert tomllib.loads(file.read_text()) == {"chain": {"id": "x", "registry": REGISTRY}}


def test_windows_line_ends_stay(file: Path) -> None:
    file.write_bytes(b'[chain]\r\n# registry = ""\r\nid = "x"\r\n')
    set_values(file, {("chain", "registry"): "0x"})
    assert file.read_bytes() == b'[chain]\r\nregistry = "0x"\r\nid = "x"\r\n'


def test_text_that_toml_would_misread_is_escaped(file: Path) -> None:
    file.write_text("[issuer]\n# name = 1\n")
    hostile = 'a"\n[trust]\n\\u0041\x7f…'
    set_values(file, {("issuer", "name"): hostile})
    assert tomllib.loads(file.read_text()) == {"issuer": {"name": hostile}}


def test_trusted_entries_are_added_and_replaced_by_what_names_them(file: Path) -> None:
    file.write_text(_fresh())
    same = ("chain", "address")
    first = {"chain": "eip155:1", "address": REGISTRY, "code_hash": "0x" + "00" * 32}
    second = {**first, "chain": "eip155:2"}
    corrected = {**first, "code_hash": "0x" + "11" * 32}
    for entry in (first, second, corrected):
        put_trusted(file, "registries", entry, same=same)
    trust = tomllib.loads(file.read_text())["trust"]
    assert trust["registries"] == [corrected, second]
    assert file.read_text().startswith(_fresh().rstrip("\n"))
    assert len(TrustPolicy.from_toml(trust).registries) == 2
    assert file.read_text().count("\n\n[[trust.registries]]\n") == 2


def test_a_replaced_entry_keeps_its_comments_and_no_key_of_old(file: Path) -> None:
    file.write_text(
        "[[trust.issuers]]\n# ours\nname = 'A'\nurl = 'u' # old\nid = 'i' # its id\n\n[x]\n"
    )
    put_trusted(file, "issuers", {"id": "i", "name": "B"}, same=("id",))
    assert file.read_text() == ('[[trust.issuers]]\n# ours\nname = "B"\nid = "i" # its id\n\n[x]\n')


def test_trust_that_is_written_in_several_places_loses_nothing(file: Path) -> None:
    file.write_text(
        "[trust]\nmax_age_s = 5\n\n[database]\nurl = 'd'\n\n[[trust.issuers]]\nname = 'A'\n"
    )
    put_trusted(file, "registries", {"chain": "c"}, same=("chain",))
    put_trusted(file, "issuers", {"name": "B"}, same=("name",))
    assert tomllib.loads(file.read_text()) == {
        "trust": {
            "max_age_s": 5,
            "registries": [{"chain": "c"}],
            "issuers": [{"name": "A"}, {"name": "B"}],
        },
        "database": {"url": "d"},
    }


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[trust]\nissuers = [{name = 'A'}]\n", r"write each entry .* as \[\[trust\.issuers\]\]"),
        ("trust = 5\n", "trust: not a table"),
        ("trust = [\n", "line 1"),
    ],
)
def test_a_file_that_cannot_be_edited_is_left_as_it_is(
    file: Path, text: str, complaint: str
) -> None:
    file.write_text(text)
    with pytest.raises(WorkspaceError, match=complaint):
        put_trusted(file, "issuers", {"name": "B"}, same=("name",))
    assert file.read_text() == text


def test_a_file_that_others_may_not_read_stays_so(file: Path) -> None:
    file.write_text("[chain]\n")
    file.chmod(0o600)
    set_values(file, {("chain", "registry"): REGISTRY})
    assert file.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in file.parent.iterdir()] == [FILE]


def test_a_link_stays_a_link(file: Path, tmp_path: Path) -> None:
    real = tmp_path / "elsewhere.toml"
    real.write_text("[chain]\n")
    file.symlink_to(real)
    set_values(file, {("chain", "registry"): REGISTRY})
    assert file.is_symlink()
    assert REGISTRY in real.read_text()
