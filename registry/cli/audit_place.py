"""Which registry a command of the auditor means, and whom to ask for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence
    from contextlib import ExitStack

    from registry.nodes.rpc import Node
    from registry.values import Address, ChainId


class Place(NamedTuple):
    """Which registry, and how to ask for it. store: where its store lies unless told otherwise."""

    open_nodes: list[Callable[[], Node]]
    chain: ChainId
    registry: Address
    confirmations: int | None
    store: Path


def find_place(args: argparse.Namespace, stack: ExitStack) -> Place:
    """The nodes to ask, and which contract on which chain is meant."""
    from registry.errors import WorkspaceError
    from registry.values import Address, ChainId
    from registry.workspaces.devchain import running_chain
    from registry.workspaces.workspace import Workspace, find

    if args.rpc:
        if not (args.chain and args.registry):
            args.usage_error("--rpc goes with --chain and --registry")
        chain, registry = ChainId.parse(args.chain), Address.from_hex(args.registry)
        return Place(_openers(args.rpc), chain, registry, None, _cached(chain, registry))
    workspace = Workspace.load(find(args.workspace))
    settings = workspace.chain
    if settings.registry is None:
        raise WorkspaceError(f"{workspace.file}: no [chain] registry yet; run `credanchor deploy`")
    urls: Sequence[str] = settings.rpc
    if settings.embedded:
        urls = [stack.enter_context(running_chain(workspace.folder))]
    store = workspace.folder / "audit" / _store_name(settings.id, settings.registry)
    openers = _openers(urls)
    return Place(openers, settings.id, settings.registry, settings.confirmations, store)


def _openers(urls: Sequence[str]) -> list[Callable[[], Node]]:
    """Each URL once: a node that is named twice has one voice."""
    from functools import partial

    from registry.nodes.rpc import Node

    return [partial(Node, url) for url in dict.fromkeys(urls)]


def _store_name(chain: ChainId, registry: Address) -> str:
    return f"{chain.number}-{registry}.db"


def _cached(chain: ChainId, registry: Address) -> Path:
    import os

    named = os.environ.get("XDG_CACHE_HOME")
    folder = Path(named) if named else Path.home() / ".cache"
    return folder / "credanchor" / "audit" / _store_name(chain, registry)
