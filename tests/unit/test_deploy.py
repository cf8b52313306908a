"""The systemd units: what systemd says of them, and that their commands are there."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest

from registry.cli import build_parser

DEPLOY = Path(__file__).parents[2] / "deploy"
UNITS = sorted(one.name for one in DEPLOY.iterdir() if one.suffix in (".service", ".timer"))
SERVICES = [one for one in UNITS if one.endswith(".service")]
COMMAND = "/usr/local/bin/credanchor"


def commands(unit: str) -> list[list[str]]:
    """The arguments of each of our own commands that a unit starts."""
    lines = [
        line.partition("=")[2].lstrip("-")
        for line in (DEPLOY / unit).read_text("utf-8").splitlines()
        if re.match(r"ExecStart(Pre|Post)?=", line)
    ]
    found = []
    for line in lines:
        words = shlex.split(line)
        if words[:2] == ["/bin/sh", "-c"]:
            words = shlex.split(words[2].removeprefix("exec "))
        if words[0] == COMMAND:
            found.append(words[1:])
    return found


@pytest.mark.parametrize("unit", SERVICES)
def test_each_unit_starts_commands_that_there_are(unit: str) -> None:
    found = commands(unit)
    assert found
    for words in found:
        args = build_parser().parse_args([one.replace("%i", "8081") for one in words])
        assert callable(args.run)


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units as they would lie in /etc/systemd/system, the command somewhere that is there."""
    folder = tmp_path / "system"
    shutil.copytree(DEPLOY, folder)
    stand_in = tmp_path / "credanchor"
    stand_in.write_text("#!/bin/sh\n")
    stand_in.chmod(0o755)
    for path in folder.glob("*.service"):
        path.write_text(path.read_text("utf-8").replace(COMMAND, str(stand_in)), "utf-8")
    return folder


def analyze(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not on this machine")
    # The trailing colon adds systemd's own units to ours.
    environment = {**os.environ, "SYSTEMD_UNIT_PATH": f"{folder}:", "SYSTEMD_LOG_LEVEL": "warning"}
    return subprocess.run(
        [program, *words], env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_accepts_each_unit(installed: Path, unit: str) -> None:
    path = installed / unit.replace("@.", "@8081.")
    if not path.exists():
        path.symlink_to(installed / unit)
    done = analyze(installed, "verify", "--man=no", str(path))
    ours = [line for line in done.stderr.splitlines() if str(installed) in line or unit in line]
    assert (done.returncode, ours) == (0, [])


@pytest.mark.parametrize("unit", SERVICES)
def test_each_service_is_shut_off_from_the_machine(installed: Path, unit: str) -> None:
    """systemd's own score, from 0 (safe) to 100; what serves a network can't be under 10."""
    if "@" in unit:
        (installed / unit.replace("@.", "@8081.")).symlink_to(installed / unit)
        unit = unit.replace("@.", "@8081.")
    done = analyze(installed, "security", "--offline=true", "--threshold=20", unit)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_hardening_is_read_by_every_unit_and_holds_what_keys_need() -> None:
    parser = ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign] # as its documentation says
    parser.read(DEPLOY / "credanchor-.service.d" / "10-hardening.conf")
    service = parser["Service"]
    assert service["LimitCORE"] == "0"
    assert service["StateDirectoryMode"] == "0700"
    assert service["UMask"] == "0077"
    assert all(one.startswith("credanchor-") for one in UNITS)


def test_the_environments_example_names_settings_that_there_are() -> None:
    text = (DEPLOY / "credanchor.env.example").read_text("utf-8")
    names = re.findall(r"(?m)^(\w+)=", text)
    assert names == [
        "CREDANCHOR_ACCOUNT_PASSWORD",
        "CREDANCHOR_DATABASE_URL",
        "CREDANCHOR_CHAIN_RPC",
    ]
