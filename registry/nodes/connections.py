"""A node's connection serves one thread at a time: here each thread gets its own."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from registry.nodes.rpc import Node


class Connections:
    def __init__(self) -> None:
        self._local = threading.local()
        self._opened: list[Node] = []

    def close(self) -> None:
        """Once no thread uses them any more."""
        for node in self._opened:
            node.close()

    def mine(self, open_node: Callable[[], Node]) -> Node:
        """The calling thread's: the one before, if that was made by `open_node` too, or a new one.

        Raises as `open_node` does.
        """
        if getattr(self._local, "open_node", None) is not open_node:
            self._local.open_node, self._local.node = open_node, open_node()
            self._opened.append(self._local.node)
        node: Node = self._local.node
        return node
