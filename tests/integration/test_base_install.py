"""The wheel as a verifier installs it: without the service, and outside the source tree."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UV = ROOT / "build" / "uv" / "bin" / "uv"
HEAVY = ("web3", "sqlalchemy", "eth_account", "alembic", "zstandard")


def uv(*arguments: object, cwd: Path) -> None:
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}
    environment.pop("VIRTUAL_ENV", None)
    command = [str(UV), "--quiet", *map(str, arguments)]
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    uv("build", "--wheel", "--out-dir", out, ROOT, cwd=out)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path) -> Path:
    """The folder with `credanchor` and `python` of an environment that has the base package."""
    home = wheel.parent / "venv"
    uv("venv", "--python", sys.executable, home, cwd=wheel.parent)
    # The locked versions, less what only the extra and the tests ask for.
    locked = wheel.parent / "locked.txt"
    uv(
        *("export", "--frozen", "--no-default-groups", "--no-emit-project", "--no-hashes"),
        *("--project", ROOT, "--output-file", locked),
        cwd=wheel.parent,
    )
    uv(
        *("pip", "install", "--python", home / "bin" / "python"),
        *("--constraint", locked, wheel),
        cwd=wheel.parent,
    )
    return home / "bin"


def credanchor(installed: Path, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(installed / "credanchor"), *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_wheel_holds_what_is_needed_at_run_time(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for needed in (
        "registry/py.typed",
        "registry/data/contract/CredentialRegistry.json",
        "registry/data/openbadges/schema/ob_v3p0_achievementcredential_schema.json",
        "anchor_service/samples/achievement.json",
        "anchor_service/samples/roster.csv",
    ):
        assert needed in names
    assert any(name.startswith("anchor_service/migrations/versions/") for name in names)
    assert not any(name.startswith(("tests/", "scripts/", "contracts/")) for name in names)


@pytest.mark.parametrize("module", HEAVY)
def test_the_base_package_brings_nothing_of_the_service(installed: Path, module: str) -> None:
    tried = subprocess.run(
        [installed / "python", "-c", f"import {module}"], capture_output=True, check=False
    )
    assert tried.returncode == 1


def test_the_issuer_commands_are_listed_all_the_same(installed: Path, tmp_path: Path) -> None:
    shown = credanchor(installed, "--help", cwd=tmp_path)
    assert shown.returncode == 0
    for command in ("verify", "issue", "anchor", "export", "revoke"):
        assert f"\n    {command} " in shown.stdout


def test_an_issuer_command_says_what_to_install(installed: Path, tmp_path: Path) -> None:
    done = credanchor(installed, "init", "academy", cwd=tmp_path)
    assert done.returncode == 2
    assert "pip install 'credanchor[service]'" in done.stderr


def test_verify_works_from_the_base_package(installed: Path, tmp_path: Path) -> None:
    credential = tmp_path / "none.json"
    credential.write_text('{"a": 1, "a": 2}')
    done = credanchor(installed, "verify", credential, "--offline", "--json", cwd=tmp_path)
    assert done.returncode == 2
    assert json.loads(done.stdout)["reports"][0]["verdict"] == "MALFORMED"
