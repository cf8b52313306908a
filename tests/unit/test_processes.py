"""Processes known by more than their pid, with /proc and without."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from registry.workspaces import processes
from registry.workspaces.processes import identity, lives


@pytest.fixture(params=["proc", "ps"])
def _source(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "ps":
        if shutil.which("ps") is None:
            pytest.skip("no ps here")
        monkeypatch.setattr(processes, "_PROC", Path("/nowhere"))
    elif not Path("/proc/self/stat").exists():
        pytest.skip("no /proc here")


@pytest.mark.usefixtures("_source")
def test_a_process_has_one_name_while_it_lives_and_none_after() -> None:
    child = subprocess.Popen(["sleep", "60"])
    name = identity(child.pid)
    assert name is not None
    assert name == identity(child.pid)
    assert name.startswith(f"{child.pid}@")
    assert lives(name)
    child.kill()
    # Ended, and not waited for: nobody can reach it any more.
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not lives(name)
    child.wait()
    assert identity(child.pid) is None


@pytest.mark.usefixtures("_source")
def test_the_same_pid_with_another_start_is_another_process() -> None:
    assert not lives(f"{os.getpid()}@1")


@pytest.mark.parametrize("name", ["", "@", "x@1", "-1@1"])
def test_what_is_no_name_lives_not(name: str) -> None:
    assert not lives(name)
