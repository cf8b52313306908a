"""Page and verifier built once for all tests here; one browser a worker."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock
from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser
    from xdist.remote import Producer

# The verifier's cases, random texts and vectors are those of the unit tests; a chain, a workspace
# and the proxy before a node are those of the integration tests.
sys.path[:0] = [str(Path(__file__).parent.parent / kind) for kind in ("unit", "integration")]


class _SomeFilesWhole(LoadScopeScheduling):
    """Tests go to whoever is free, but those of one file together where they share what is dear."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return file if file.endswith(_DEAR) else nodeid


_DEAR = ("test_page_and_nodes.py", "test_audit_page.py", "test_served_page.py")
"""A chain with an issuer, forty nights of two issuers, a server."""


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> _SomeFilesWhole:
    return _SomeFilesWhole(config, log)


@pytest.fixture(scope="session", autouse=True)
def built(tmp_path_factory: pytest.TempPathFactory, testrun_uid: str) -> Path:
    """The folder build/web as the sources give it now; made once however many workers there are."""
    from javascript import CORE, run

    made = tmp_path_factory.getbasetemp().parent / f"web-{testrun_uid}"
    with FileLock(f"{made}.lock"):
        if not made.exists():
            done = run("web/build.mjs", str(CORE.parent))
            assert done.returncode == 0, done.stderr
            made.touch()
    return CORE.parent


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    from chromium import running_chromium

    with running_chromium() as browser:
        yield browser
