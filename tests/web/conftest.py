"""The verifier's modules, bundled once for all tests here."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from filelock import FileLock

# The verifier's cases, random texts and vectors are those of the unit tests; a chain, a workspace
# and the proxy before a node are those of the integration tests.
sys.path[:0] = [str(Path(__file__).parent.parent / kind) for kind in ("unit", "integration")]


@pytest.fixture(scope="session", autouse=True)
def core(tmp_path_factory: pytest.TempPathFactory, testrun_uid: str) -> Path:
    """build/web/core.mjs as the sources give it now; made once however many workers there are."""
    from javascript import CORE, run

    made = tmp_path_factory.getbasetemp().parent / f"core-{testrun_uid}"
    with FileLock(f"{made}.lock"):
        if not made.exists():
            done = run("web/build.mjs", "--core", str(CORE))
            assert done.returncode == 0, done.stderr
            made.touch()
    return CORE
