"""Faults between the engine and its database and chain, by number.

Each write and each question has a number; a plan makes one of them fail, done or not, or ends the
process there.
"""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from sqlalchemy import event

from anchor_service.errors import DatabaseError
from anchor_service.store.database import Database
from registry.errors import NodeUnreachable
from registry.nodes.rpc import Node

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection

    from registry.formats.strict_json import JsonValue


class Layer(Enum):
    COMMIT = "commit"
    READ = "read of the database"
    CALL = "call to the node"


class Mode(Enum):
    """How something fails. KILL_*: SIGKILL to the process itself, before it or just after it."""

    NOT_DONE = "not done"
    DONE_BUT_LOST = "done but reported failed"
    KILL_BEFORE = "killed before"
    KILL_AFTER = "killed after"


@dataclass
class Plan:
    """The one fault of a run; without a number none, and everything is counted."""

    layer: Layer | None = None
    number: int = 0
    mode: Mode = Mode.NOT_DONE
    counted: dict[Layer, int] = field(default_factory=lambda: dict.fromkeys(Layer, 0))
    asked: list[str] = field(default_factory=list)

    def now(self, layer: Layer, what: str = "") -> Mode | None:
        self.counted[layer] += 1
        if layer is Layer.CALL:
            self.asked.append(what)
        hit = layer is self.layer and self.counted[layer] == self.number
        if hit and self.mode is Mode.KILL_BEFORE:
            os.kill(os.getpid(), signal.SIGKILL)
        return self.mode if hit else None

    @staticmethod
    def after(mode: Mode | None) -> None:
        if mode is Mode.KILL_AFTER:
            os.kill(os.getpid(), signal.SIGKILL)


class HastyDatabase(Database):
    """Waits for no disk: what a process has handed to the system outlives its kill."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        if self.engine.dialect.name == "sqlite":
            event.listen(self.engine, "connect", _unsynced)


def _unsynced(connection: Any, _record: object) -> None:
    connection.execute("PRAGMA synchronous = OFF").close()


class FaultyDatabase(HastyDatabase):
    """A database whose connection breaks at one commit or read."""

    def __init__(self, url: str, plan: Plan) -> None:
        super().__init__(url)
        self._plan = plan

    @contextmanager
    def write(self) -> Iterator[Connection]:
        with super().write() as connection:
            yield connection
            mode = self._plan.now(Layer.COMMIT)
            if mode is Mode.NOT_DONE:
                raise DatabaseError("the connection broke before the commit")
        self._plan.after(mode)
        if mode is Mode.DONE_BUT_LOST:
            raise DatabaseError("the connection broke after the commit")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        if self._plan.now(Layer.READ) is Mode.NOT_DONE:
            raise DatabaseError("the connection broke")
        with super().read() as connection:
            yield connection


class FaultyNode(Node):
    """A node that breaks off at one call, or whose caller is killed before it or as it is done."""

    def __init__(self, url: str, plan: Plan) -> None:
        super().__init__(url)
        self._plan = plan

    def call(self, method: str, params: Sequence[JsonValue]) -> JsonValue:
        mode = self._plan.now(Layer.CALL, method)
        _breaks(mode, Mode.NOT_DONE)
        answer = super().call(method, params)
        self._plan.after(mode)
        _breaks(mode, Mode.DONE_BUT_LOST)
        return answer

    def batch(self, calls: Sequence[tuple[str, Sequence[JsonValue]]]) -> list[JsonValue]:
        modes = [self._plan.now(Layer.CALL, method) for method, _ in calls]
        for mode in modes:
            _breaks(mode, Mode.NOT_DONE)
        answers = super().batch(calls)
        for mode in modes:
            self._plan.after(mode)
            _breaks(mode, Mode.DONE_BUT_LOST)
        return answers


def _breaks(mode: Mode | None, at: Mode) -> None:
    if mode is at:
        raise NodeUnreachable("the connection broke")


def described(plan: Plan) -> dict[str, Any]:
    assert plan.layer is not None
    return {"layer": plan.layer.value, "number": plan.number, "mode": plan.mode.value}
