"""The embedded chain: one native anvil a workspace, for development and the demo.

Its state lies in the workspace's `chain` folder and survives a restart, a kill, and a power cut up
to the last second. Whoever starts, stops or looks does so under one file lock, so that a workspace
never has two. Its blocks come only when something is written; nothing of it is a public chain.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from registry.errors import ChainError, DevChainFailed, NodeInconsistent
from registry.rpc import Node, quantity
from registry.values import ChainId

if TYPE_CHECKING:
    from collections.abc import Iterator

CHAIN = ChainId(ChainId.DEVELOPMENT)

_BLOCKS_TO_FINALITY = 2
"""With one slot an epoch anvil's `finalized` is two blocks behind `latest` (measured, 1.7.1)."""

_START_TRIES = 3
_START_S = 20.0
_STOP_S = 15.0
_POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class _Record:
    """What `chain/anvil.json` says of the process.

    instance is anvil's own random name for this run: a recycled pid or port has another. kept: it
    was started to stay, so that the last user does not stop it. users: pids that use it now.
    """

    pid: int
    url: str
    instance: str
    kept: bool
    users: tuple[int, ...]


class DevChain:
    """The embedded chain of one workspace folder."""

    def __init__(self, workspace: Path) -> None:
        self._folder = workspace / "chain"
        self._record_file = self._folder / "anvil.json"
        self.log_file = self._folder / "anvil.log"

    def running(self) -> str | None:
        """The URL, if the chain runs now."""
        if not self._record_file.exists():
            return None
        with self._lock():
            record = self._alive()
        return record.url if record else None

    def ensure(self) -> str:
        """Start the chain to stay, if it is not running. Raises DevChainFailed."""
        with self._lock():
            record = self._alive() or self._start()
            self._write(_Record(record.pid, record.url, record.instance, True, record.users))
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
        me = os.getpid()
        with self._lock():
            record = self._alive() or self._start()
            self._write(
                _Record(record.pid, record.url, record.instance, record.kept, (*record.users, me))
            )
        try:
            yield record.url
        finally:
            with self._lock():
                self._leave(me)

    def _leave(self, me: int) -> None:
        record = self._alive()
        if record is None:
            return
        users = list(record.users)
        if me in users:
            users.remove(me)
        # A user that was killed never left: count only the living.
        living = tuple(pid for pid in users if pid == me or _exists(pid))
        if record.kept or living:
            self._write(_Record(record.pid, record.url, record.instance, record.kept, living))
        else:
            self._stop(record)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        from filelock import FileLock

        self._folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self._folder / "anvil.lock", timeout=_START_S + _STOP_S):
            yield

    def _alive(self) -> _Record | None:
        """The record, if the process that it names answers. Raises DevChainFailed if it hangs."""
        try:
            raw = json.loads(self._record_file.read_text("utf-8"))
            record = _Record(
                int(raw["pid"]),
                str(raw["url"]),
                str(raw["instance"]),
                bool(raw["kept"]),
                tuple(int(pid) for pid in raw["users"]),
            )
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError):
            # Half a record: its writer was killed. Its anvil, if any, holds no port that we know.
            return None
        if not _exists(record.pid):
            return None
        try:
            with Node(record.url, timeout_s=5) as node:
                if _instance(node) == record.instance:
                    return record
        except ChainError:
            if _is_anvil(record.pid):
                raise DevChainFailed(
                    f"the embedded chain (process {record.pid}) does not answer; "
                    f"end that process, then try again; its log is {self.log_file}"
                ) from None
        return None

    def _write(self, record: _Record) -> None:
        # Replaced whole: a reader finds the old record or the new one, never half.
        fresh = self._record_file.with_suffix(".new")
        fresh.write_text(json.dumps(asdict(record)), "utf-8")
        fresh.replace(self._record_file)

    def _start(self) -> _Record:
        binary = find_anvil()
        for _ in range(_START_TRIES):
            record = self._launch(binary, _free_port())
            if record is not None:
                return record
        raise DevChainFailed(f"anvil did not start; its log is {self.log_file}")

    def _launch(self, binary: Path, port: int) -> _Record | None:
        url = f"http://127.0.0.1:{port}"
        with self.log_file.open("ab") as log:
            process = subprocess.Popen(
                [binary, *self._arguments(port)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C is for whoever uses the chain; anvil is told apart, once it may stop.
                start_new_session=True,
            )
        until = time.monotonic() + _START_S
        while process.poll() is None and time.monotonic() < until:
            try:
                with Node(url, timeout_s=2) as node:
                    instance = _instance(node)
                    # A fresh head each time, so that no verdict rests on last week's; and block 0
                    # has no valid proofs in anvil, so that it must not be the finalized one.
                    node.call("anvil_mine", [hex(_BLOCKS_TO_FINALITY + 1)])
            except ChainError:
                time.sleep(_POLL_S)
                continue
            record = _Record(process.pid, url, instance, False, ())
            self._write(record)
            return record
        process.kill()
        process.wait()
        return None

    def _arguments(self, port: int) -> list[str]:
        return [
            *("--host", "127.0.0.1", "--port", str(port), "--chain-id", str(CHAIN.number)),
            *("--state", str(self._folder / "state.json"), "--state-interval", "1"),
            # Without the first no proof at `finalized` survives a restart; without the second the
            # state file grows without bound.
            *("--preserve-historical-states", "--max-persisted-states", "64"),
            *("--slots-in-an-epoch", "1", "--quiet"),
        ]

    def _stop(self, record: _Record) -> None:
        os.kill(record.pid, signal.SIGINT)  # anvil saves its state on this one
        until = time.monotonic() + _STOP_S
        while _exists(record.pid):
            if time.monotonic() > until:
                # The state of a second ago is on disk all the same.
                os.kill(record.pid, signal.SIGKILL)
            time.sleep(_POLL_S)
        self._record_file.unlink(missing_ok=True)


@contextmanager
def running_chain(workspace: Path) -> Iterator[str]:
    """The URL of the workspace's embedded chain, started if need be and then stopped after."""
    with DevChain(workspace).use() as url:
        yield url


def mine_to_finality(node: Node) -> None:
    """Mine until what is the newest block now is final."""
    node.call("anvil_mine", [hex(_BLOCKS_TO_FINALITY)])


def find_anvil() -> Path:
    """CREDANCHOR_ANVIL, else PATH, else a node_modules here or beside this package."""
    named = os.environ.get("CREDANCHOR_ANVIL")
    if named:
        if not os.access(named, os.X_OK):
            raise DevChainFailed(f"CREDANCHOR_ANVIL: no program at {named}")
        return Path(named)
    on_path = shutil.which("anvil")
    if on_path:
        return Path(on_path)
    for folder in (Path.cwd(), *Path.cwd().parents, Path(__file__).resolve().parent.parent):
        for found in sorted(folder.glob("node_modules/@foundry-rs/anvil-*/bin/anvil*")):
            return found
    raise DevChainFailed(
        "the embedded chain needs anvil: install foundry, or name the program in CREDANCHOR_ANVIL"
    )


def _instance(node: Node) -> str:
    metadata, chain = node.batch([("anvil_metadata", []), ("eth_chainId", [])])
    instance = metadata.get("instanceId") if isinstance(metadata, dict) else None
    if not isinstance(instance, str) or quantity(chain, "eth_chainId") != CHAIN.number:
        raise NodeInconsistent(f"{node.name} is not an embedded chain")
    return instance


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _exists(pid: int) -> bool:
    try:
        # Our own ended child stays a zombie, and so seems alive, until it is waited for.
        if os.waitpid(pid, os.WNOHANG) != (0, 0):
            return False
    except ChildProcessError:
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _is_anvil(pid: int) -> bool:
    shown = subprocess.run(
        ["ps", "-p", str(pid), "-o", "comm="],
        capture_output=True,
        text=True,
        check=False,
    )
    return "anvil" in shown.stdout
