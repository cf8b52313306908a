"""The embedded chain: one native anvil a workspace, for development and the demo.

Its state lies in the workspace's `chain` folder and survives a restart, and a kill up to the last
second. Whoever starts, stops or looks does so under one file lock, so that a workspace never has
two. Its blocks come only when something is written; nothing of it is a public chain.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from registry.errors import ChainError, DevChainFailed, NodeInconsistent
from registry.nodes.rpc import Node
from registry.rpc_hex import quantity
from registry.workspaces import anvil, devchain_record
from registry.workspaces.devchain_record import Record
from registry.workspaces.processes import identity, lives

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from registry.formats.strict_json import JsonValue

_START_TRIES = 3
_START_S = 20.0
_STOP_S = 15.0
_LOCK_S = 60.0
_KILLED_S = 2.0
"""A killed process answers no more, yet is seen for a moment, longer on a busy machine."""

_POLL_S = 0.02

_children: dict[int, subprocess.Popen[bytes]] = {}
"""Chains that this process started, by pid: it must wait for them when they end."""


class DevChain:
    """The embedded chain of one workspace folder.

    Every method raises DevChainFailed where the chain neither starts, answers nor stops.
    """

    def __init__(self, workspace: Path) -> None:
        self.folder = workspace.resolve() / "chain"
        self._record_file = self.folder / "anvil.json"
        self._state_file = self.folder / "state.json"
        self._spare_file = self.folder / "state.previous.json"
        self.log_file = self.folder / "anvil.log"

    def running(self) -> str | None:
        """The URL, if the chain runs now."""
        if not self._record_file.exists():
            return None
        with self._lock():
            record = self._alive()
        return record.url if record else None

    def ensure(self) -> str:
        """Start the chain to stay, if it is not running; its URL."""
        with self._lock():
            record = self._alive() or self._start()
            devchain_record.write(self._record_file, replace(record, kept=True))
            return record.url

    def stop(self) -> None:
        """Stop it, state saved, whoever uses it. Nothing to do where it does not run."""
        if not self._record_file.exists():
            return
        with self._lock():
            record = self._alive()
            if record is not None:
                self._stop(record)

    @contextmanager
    def use(self) -> Iterator[str]:
        """Its URL for the while: started if need be; its last user stops it, unless kept."""
        me = identity(os.getpid()) or ""
        with self._lock():
            record = self._alive() or self._start()
            devchain_record.write(self._record_file, replace(record, users=(*record.users, me)))
        try:
            yield record.url
        finally:
            with self._lock():
                self._leave(me)

    def _leave(self, me: str) -> None:
        record = self._alive()
        if record is None:
            return
        users = list(record.users)
        with suppress(ValueError):  # the chain that was used has died, and this is another
            users.remove(me)
        # A user that was killed never left: count only the living.
        living = tuple(user for user in users if lives(user))
        if record.kept or living:
            devchain_record.write(self._record_file, replace(record, users=living))
        else:
            self._stop(record)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        from filelock import FileLock, Timeout

        self.folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.folder / "anvil.lock", timeout=_LOCK_S)
        try:
            lock.acquire()
        except Timeout:
            raise DevChainFailed(
                f"another command has been starting or stopping the chain for {_LOCK_S:g} "
                f"seconds; end it, then try again (lock: {lock.lock_file})"
            ) from None
        try:
            yield
        finally:
            lock.release()

    def _alive(self) -> Record | None:
        """The record, if the process that it names is there and answers."""
        record = devchain_record.read(self._record_file)
        if record is None or record.folder != str(self.folder) or not lives(record.process):
            return None
        if not record.instance:
            # Whoever started it was killed before it answered. Two on one state would ruin it.
            self._stop(record)
            return None
        try:
            with Node(record.url, timeout_s=5) as node:
                if anvil.instance(node) == record.instance:
                    return record
        except ChainError:
            if _ended(record, _KILLED_S):  # it was killed as we came
                return None
        raise DevChainFailed(
            f"the embedded chain (process {record.pid}) does not answer; "
            f"end that process, then try again; its log is {self.log_file}"
        )

    def _start(self) -> Record:
        self._record_file.unlink(missing_ok=True)
        # anvil writes its state in place, so that a kill in that moment leaves half of it: keep
        # what it now begins with, once that has proven whole.
        fresh = self._spare_file.with_suffix(".new")
        fresh.unlink(missing_ok=True)  # of a start that was killed
        if self._state_file.exists():
            shutil.copyfile(self._state_file, fresh)
        record = self._try_start()
        if record is None and fresh.exists() and self._spare_file.exists():
            record = self._start_from_spare()
        elif record is not None and fresh.exists():
            fresh.replace(self._spare_file)
        if record is None:
            raise DevChainFailed(
                f"anvil did not start; its log is {self.log_file}. To begin anew with an empty "
                f"chain, delete {self.folder}"
            )
        return record

    def _start_from_spare(self) -> Record | None:
        """Go back to the state of the last start; what was written since is lost."""
        broken = self.folder / "state.broken.json"
        self._state_file.replace(broken)
        shutil.copyfile(self._spare_file, self._state_file)
        record = self._try_start()
        if record is None:  # then it was not the state's fault
            broken.replace(self._state_file)
        return record

    def _try_start(self) -> Record | None:
        binary = anvil.find()
        for _ in range(_START_TRIES):  # another program may take the port before anvil does
            record = self._launch(binary, anvil.free_port())
            if record is not None:
                return record
        return None

    def _launch(self, binary: Path, port: int) -> Record | None:
        process = self._spawn(binary, port)
        record = None
        try:
            record = self._first_answer(process, f"http://127.0.0.1:{port}")
        finally:
            # Interrupted or not: a start leaves a chain that answers, or none.
            if record is None:
                process.kill()
                process.wait()
                self._record_file.unlink(missing_ok=True)
        return record

    def _spawn(self, binary: Path, port: int) -> subprocess.Popen[bytes]:
        try:
            with self.log_file.open("ab") as log:
                return subprocess.Popen(
                    [binary, *anvil.arguments(port, self._state_file)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    # Ctrl-C is for whoever uses the chain; anvil is told apart, once it may stop.
                    start_new_session=True,
                )
        except OSError as error:
            raise DevChainFailed(f"{binary} cannot be run: {error.strerror}") from None

    def _first_answer(self, process: subprocess.Popen[bytes], url: str) -> Record | None:
        name = identity(process.pid)
        record = Record(str(self.folder), name or "", process.pid, url)
        if name is not None:
            devchain_record.write(self._record_file, record)
        until = time.monotonic() + _START_S
        while process.poll() is None and time.monotonic() < until:
            try:
                record = replace(record, instance=anvil.wake(url))
            except ChainError:
                time.sleep(_POLL_S)
                continue
            if process.poll() is None:  # else another program answered, on anvil's port
                devchain_record.write(self._record_file, record)
                _children[process.pid] = process
                return record
        return None

    def _stop(self, record: Record) -> None:
        with suppress(ProcessLookupError):  # it ended by itself
            os.kill(record.pid, signal.SIGTERM)  # anvil saves its state on this one
            if not _ended(record, _STOP_S):
                # The state of a second ago is on disk all the same.
                os.kill(record.pid, signal.SIGKILL)
                if not _ended(record, _STOP_S):
                    raise DevChainFailed(f"process {record.pid}, the embedded chain, does not end")
        child = _children.pop(record.pid, None)
        if child is not None:
            child.wait()
        self._record_file.unlink(missing_ok=True)


def _ended(record: Record, within_s: float) -> bool:
    until = time.monotonic() + within_s
    while lives(record.process):
        if time.monotonic() > until:
            return False
        time.sleep(_POLL_S)
    return True


@contextmanager
def running_chain(workspace: Path) -> Iterator[str]:
    """The URL of the workspace's embedded chain, started if need be and then stopped after."""
    with DevChain(workspace).use() as url:
        yield url


class Asked(Protocol):
    """A node, or what answers like one."""

    @property
    def name(self) -> str: ...
    def call(self, method: str, params: Sequence[JsonValue]) -> JsonValue: ...


def mine_to_finality(node: Asked) -> None:
    """Mine until the newest block, and what was sent before this call, is final.

    A transaction's answer may come before its block, so one more block takes in what waits.
    Raises ChainError.
    """
    newest = quantity(node.call("eth_blockNumber", []), "eth_blockNumber")
    node.call("anvil_mine", [hex(1 + anvil.BLOCKS_TO_FINALITY)])
    final = node.call("eth_getBlockByNumber", ["finalized", False])
    number = final.get("number") if isinstance(final, dict) else None
    if quantity(number, "block number") <= newest:
        raise NodeInconsistent(
            f"{node.name}: block {newest + 1} is not final, against this anvil's way"
        )
