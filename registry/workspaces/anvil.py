"""The embedded chain's program: where it is, how it is started, what it says of itself."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

from registry.errors import DevChainFailed, NodeInconsistent
from registry.nodes.rpc import Node
from registry.rpc_hex import quantity
from registry.values import ChainId

BLOCKS_TO_FINALITY = 2
"""With one slot an epoch anvil's `finalized` is two blocks behind `latest` (measured, 1.7.1)."""


def find() -> Path:
    """CREDANCHOR_ANVIL, else PATH, else a node_modules here or beside this package.

    Raises DevChainFailed where there is none.
    """
    named = os.environ.get("CREDANCHOR_ANVIL")
    if named:
        found = shutil.which(named)
        if not found:
            raise DevChainFailed(f"CREDANCHOR_ANVIL: no program at {named}")
        return Path(found)
    on_path = shutil.which("anvil")
    if on_path:
        return Path(on_path)
    for folder in (Path.cwd(), *Path.cwd().parents, Path(__file__).resolve().parents[2]):
        for shipped in sorted(folder.glob("node_modules/@foundry-rs/anvil-*/bin/anvil*")):
            return shipped
    raise DevChainFailed(
        "the embedded chain needs anvil: install Foundry (getfoundry.sh) or run "
        "`npm install @foundry-rs/anvil`, or name the program in CREDANCHOR_ANVIL"
    )


def arguments(port: int, state_file: Path) -> list[str]:
    return [
        *("--host", "127.0.0.1", "--port", str(port), "--chain-id", str(ChainId.DEVELOPMENT)),
        *("--state", str(state_file), "--state-interval", "1"),
        # Without the first no proof at `finalized` survives a restart; without the second the
        # state file grows without bound (with it, to some 35 MB: 300 states).
        *("--preserve-historical-states", "--max-persisted-states", "64"),
        # Without the last any page in the user's browser may write to the chain.
        *("--slots-in-an-epoch", "1", "--quiet", "--no-cors"),
    ]


def wake(url: str) -> str:
    """Ask a chain that has just started for its instance, and give it a fresh head.

    So no verdict rests on last week's block; and as anvil has no valid proofs in block 0, that
    one is never the final one.
    """
    with Node(url, timeout_s=2) as node:
        name = instance(node)
        node.call("anvil_mine", [hex(BLOCKS_TO_FINALITY + 1)])
        return name


def instance(node: Node) -> str:
    """Anvil's own random name for this run. Raises ChainError where no embedded chain answers."""
    metadata, chain = node.batch([("anvil_metadata", []), ("eth_chainId", [])])
    name = metadata.get("instanceId") if isinstance(metadata, dict) else None
    if not isinstance(name, str) or quantity(chain, "eth_chainId") != ChainId.DEVELOPMENT:
        raise NodeInconsistent(f"{node.name} is not an embedded chain")
    return name


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
