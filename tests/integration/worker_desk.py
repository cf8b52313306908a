"""Workspaces that workers serve, on a chain that goes on by itself."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bare_chain import BareChain
from desks import CHAIN, REGISTRY, new_issuer, new_key_secret
from eth_account import Account

from anchor_service.engine.keys import ChainKey
from anchor_service.store.database import Database
from registry.nodes.rpc import Node
from registry.workspaces.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from registry.values import ChainId, IssuerId

_READY_S = 60.0
_TEXT = """
[chain]
id = "{chain}"
rpc = {rpc}
registry = "{registry}"
fee_cap_gwei = 1000

[issuer]
name = "Main"
key = "keys/issuer.pem"
id = "{issuer}"

[account]
key_env = "MAIN_KEY"

[schedule]
cron = "never"
max_size = 3

[database]
url = "{database}"
"""
_MORE = """
[issuers.{handle}.issuer]
name = "{handle}"
id = "{issuer}"

[issuers.{handle}.account]
key_env = "{variable}"
"""
_ABROAD = """
[issuers.{handle}.issuer]
name = "{handle}"
id = "{issuer}"

[issuers.{handle}.chain]
id = "{chain}"
rpc = ["{url}"]
registry = "{registry}"
fee_cap_gwei = 1000
"""


@dataclass
class Office:
    """A workspace, what its environment holds, and the issuers' ids by handle."""

    folder: Path
    environment: Mapping[str, str]
    issuers: Mapping[str, IssuerId]
    database: Database

    @property
    def workspace(self) -> Workspace:
        return Workspace.load(self.folder, {})

    def worker(self, *options: str) -> subprocess.Popen[bytes]:
        """`credanchor worker`, as anybody starts it; its log goes where the test's output goes."""
        program = "import sys; from registry.cli import main; sys.exit(main(sys.argv[1:]))"
        command = [sys.executable, "-c", program, "-w", str(self.folder), "worker", *options]
        return subprocess.Popen(command, env={**os.environ, **self.environment})


@dataclass
class Service:
    """A process that nobody but its zygote started."""

    pid: int

    def kill(self) -> None:
        """As a power cut would; returns once it is gone."""
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(handle, signal.SIGKILL)
        select.select([handle], [], [], _READY_S)
        os.close(handle)

    def lives(self) -> bool:
        with suppress(ProcessLookupError):
            os.kill(self.pid, 0)
            return True
        return False


@dataclass
class Zygote:
    """Starts processes of the service, warm and in a hurry (`hasty_service.py`)."""

    process: subprocess.Popen[str]

    def start(self, one: Office, log: Path, *words: str) -> Service:
        order = {
            "words": ["-w", str(one.folder), *words],
            "environment": dict(one.environment),
            "log": str(log),
        }
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return Service(int(self.process.stdout.readline()))


@contextmanager
def zygote() -> Iterator[Zygote]:
    script = str(Path(__file__).with_name("hasty_service.py"))
    process = subprocess.Popen(
        [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield Zygote(process)
    finally:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


@contextmanager
def ready_workers(
    mother: Zygote, one: Office, number: int, *options: str
) -> Iterator[list[Service]]:
    """So many workers, each of which waits for the lease or has it; killed at the end."""
    logs = [one.folder / f"worker-{place}.log" for place in range(number)]
    services = [mother.start(one, log, "worker", *options) for log in logs]
    try:
        until = time.monotonic() + _READY_S
        while not all(log.exists() and b"worker_started" in log.read_bytes() for log in logs):
            assert time.monotonic() < until, "the workers do not start"
            time.sleep(0.02)
        yield services
    finally:
        for service in services:
            service.kill()


def office(
    folder: Path,
    chain_url: str,
    database_url: str,
    handles: Mapping[str, str] | None = None,
    *,
    rpc: list[str] | None = None,
) -> Office:
    """handles: more issuers, each with the variable of its account's key (`MAIN_KEY` to share)."""
    folder.mkdir(exist_ok=True)
    environment: dict[str, str] = {}
    issuers: dict[str, IssuerId] = {}
    with Node(chain_url) as node:
        for handle, variable in {"main": "MAIN_KEY", **(handles or {})}.items():
            secret = environment.setdefault(variable, new_key_secret(node))
            issuers[handle] = new_issuer(node, ChainKey(Account.from_key(secret), CHAIN))
    urls = ", ".join(f'"{url}"' for url in rpc or [chain_url])
    text = _TEXT.format(
        chain=CHAIN,
        rpc=f"[{urls}]",
        registry=REGISTRY,
        issuer=issuers["main"],
        database=database_url,
    )
    for handle, variable in (handles or {}).items():
        text += _MORE.format(handle=handle, issuer=issuers[handle], variable=variable)
    (folder / "credanchor.toml").write_text(text)
    database = Database(database_url)
    database.migrate()
    return Office(folder, environment, issuers, database)


def move_in_abroad(one: Office, handle: str, url: str, chain: ChainId) -> None:
    """One more issuer, with the main one's key on another chain."""
    account = Account.from_key(one.environment["MAIN_KEY"])
    with Node(url) as node:
        node.call("anvil_setBalance", [account.address, hex(10**20)])
        issuer_id = new_issuer(node, ChainKey(account, chain), chain)
    text = _ABROAD.format(handle=handle, issuer=issuer_id, chain=chain, url=url, registry=REGISTRY)
    with (one.folder / "credanchor.toml").open("a") as file:
        file.write(text)
    one.issuers = {**one.issuers, handle: issuer_id}


@contextmanager
def going_on(url: str, every_s: float = 0.1) -> Iterator[None]:
    """A block every so often, as a public chain has them."""
    stop = threading.Event()

    def mine() -> None:
        chain = BareChain(int(url.rsplit(":", 1)[1]))
        while not stop.wait(every_s):
            chain("anvil_mine", "0x1")
        chain.close()

    thread = threading.Thread(target=mine)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
