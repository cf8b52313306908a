"""A real chain for tests: anvil on a free port, and the registry as shipped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from registry import artifact
from registry.devchain import mine_to_finality, running_chain
from registry.rpc import Node
from registry.values import Address

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry.strict_json import JsonObject

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
