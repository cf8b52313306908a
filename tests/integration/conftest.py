"""What tests share: anvil with the registry as shipped, and each database in turn, all real."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from databases import new_postgres, new_sqlite, postgres_server
from desks import memory_chain
from watch_scene import scene
from webhook_receiver import receiving

from anchor_service.store.database import Database
from registry.nodes.rpc import Node
from registry.values import Address
from registry.workspaces import artifact
from registry.workspaces.devchain import mine_to_finality, running_chain

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from watch_scene import Scene
    from webhook_receiver import Receiver

    from registry.formats.strict_json import JsonObject

SENDER = Address(b"\x5e" * 20)
"""An account that anvil signs for; nobody has its key."""


@pytest.fixture(scope="module")
def chain_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A chain of this module's own."""
    with running_chain(tmp_path_factory.mktemp("workspace")) as url:
        yield url


@pytest.fixture
def node(chain_url: str) -> Iterator[Node]:
    with Node(chain_url) as node:
        yield node


@pytest.fixture(scope="module")
def deployed(chain_url: str) -> Address:
    """Where the shipped registry stands on the module's chain, deployed and final."""
    shipped = artifact.load()
    with Node(chain_url) as node:
        node.batch(
            [
                ("anvil_setBalance", [str(SENDER), hex(10**21)]),
                ("anvil_impersonateAccount", [str(SENDER)]),
            ]
        )
        call = "0x" + (artifact.SALT + shipped.creation_code).hex()
        transaction: JsonObject = {"from": str(SENDER), "to": str(artifact.FACTORY), "data": call}
        node.call("eth_sendTransaction", [transaction])
        mine_to_finality(node)
    return shipped.address


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Of a chain in memory of this module's own."""
    with memory_chain() as found:
        yield found


@pytest.fixture
def desk(tmp_path: Path, url: str) -> Iterator[Scene]:
    """An issuer and the watch over it."""
    with scene(tmp_path, url) as opened:
        yield opened


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as opened:
        yield opened


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a real server."""
    with postgres_server() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """With today's tables."""
    if request.param == "sqlite":
        opened = new_sqlite(tmp_path / "issuer.db")
        yield opened
        opened.close()
        return
    with new_postgres(request.getfixturevalue("postgres")) as url:
        opened = Database(url)
        yield opened
        opened.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line on all lies that this run's processes told to audits (`test_lying_node`)."""
    totals: Counter[str] = Counter()
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            totals.update({k: int(v) for k, v in report.user_properties if k.startswith("lies_")})
    if totals:
        terminalreporter.write_line(
            f"{totals['lies_injected']} lies injected, {totals['lies_caught']} caught, "
            f"{totals['lies_false_alarms']} false alarms in {totals['lies_honest']} honest audits"
        )
