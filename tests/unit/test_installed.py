"""Entry points as `importlib.metadata` finds them, without what importing that costs."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from importlib import metadata
from typing import TYPE_CHECKING

import pytest

from registry import cli
from registry.cli.installed import EntryPoint, entry_points

if TYPE_CHECKING:
    from pathlib import Path

GROUPS = sorted(metadata.entry_points().groups)


@pytest.mark.parametrize("group", [*GROUPS, "nobody.has.this"])
def test_it_finds_what_the_standard_library_finds(group: str) -> None:
    expected = {
        (one.name, one.value.partition("[")[0].strip())
        for one in metadata.entry_points(group=group)
    }
    assert {tuple(one) for one in entry_points(group)} == expected


def installed(folder: Path, name: str, text: str | bytes) -> None:
    place = folder / name
    place.mkdir(parents=True)
    data = text if isinstance(text, bytes) else text.encode()
    (place / "entry_points.txt").write_bytes(data)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    places = [str(tmp_path / name) for name in ("none", "first", "second")]
    monkeypatch.setattr(sys, "path", places)
    return tmp_path


def test_the_first_of_a_package_counts_and_what_cannot_be_read_does_not(path: Path) -> None:
    installed(
        path / "first", "a-2.dist-info", "[x]\nf = m:f\n[group]\n# c\none = new:one [extra]\n"
    )
    installed(path / "second", "A-1.dist-info", "[group]\none = old:one\n")
    installed(path / "second", "b.egg-info", "[group]\n two=b.c : two\n\n[other]\nthree = b:three")
    installed(path / "second", "c-1.dist-info", b"[group]\nfour = \xff:four")
    (path / "second" / "d-1.dist-info").mkdir()
    found = entry_points("group")
    assert found == [EntryPoint("one", "new:one"), EntryPoint("two", "b.c : two")]


def test_packages_in_archives_are_found_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = path / "packed.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("a-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: a\nVersion: 1\n")
        file.writestr("a-1.dist-info/entry_points.txt", "[group]\none = a:one\n")
    monkeypatch.setattr(sys, "path", [str(archive)])
    assert entry_points("group") == [EntryPoint("one", "a:one")]


def test_what_is_not_there_is_an_import_error() -> None:
    assert EntryPoint("main", "registry.cli:main").load() is cli.main
    for value in ("registry.nowhere:main", "registry.cli:nowhere"):
        with pytest.raises(ImportError):
            EntryPoint("main", value).load()


HEAVY = (
    *("importlib.metadata", "email", "inspect", "dataclasses", "asyncio", "socket", "ssl"),
    *(
        "httpx",
        "cryptography",
        "sqlalchemy",
        "fastapi",
        "registry.judging.verifier",
        "registry.verifying.library",
    ),
)


@pytest.mark.parametrize("words", [[], ["verify"], ["audit"], ["issue"], ["export"], ["api"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    """What keeps it under 0.15 s."""
    program = f"""
import sys
from registry.cli import main
try:
    main({[*words, "--help"]!r})
except SystemExit as end:
    assert end.code == 0
sys.stderr.write(" ".join(sorted(set({HEAVY!r}) & set(sys.modules))))
"""
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert "usage: credanchor" in run.stdout
    assert run.stderr == ""
