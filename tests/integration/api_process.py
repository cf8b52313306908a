"""The API as it runs: `credanchor api`, a process of its own, on a workspace and a database."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from ssl import PROTOCOL_TLS_CLIENT, SSLContext
from typing import TYPE_CHECKING, Any

import httpx

from anchor_service.operating import setup
from anchor_service.store import api_keys, batch_store
from anchor_service.store.api_keys import Scope
from anchor_service.store.sealing import seal
from registry.values import Address, ChainId, IssuerId
from registry.workspaces.workspace import FILE, Workspace, new_config_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from anchor_service.store.database import Database

CHAIN = ChainId(31337)
REGISTRY = Address(b"\xbb" * 20)
ISSUER_ID = IssuerId(b"\xcc" * 32)
LAW = '\n[issuers.law.issuer]\nname = "School of Law"\n'
PLAIN = SSLContext(PROTOCOL_TLS_CLIENT)
"""Of clients that speak http:// alone: to read the world's certificates takes 60 ms."""
LINES = {"content-type": "application/x-ndjson"}
_MAIN = "import sys; from registry.cli import main; sys.exit(main())"


def new_workspace(folder: Path, database_url: str, more: str = LAW) -> Workspace:
    """With its keys, two issuers, and no chain; more: TOML that is put behind."""
    setup.init(folder, name="École", url=None, chain=CHAIN, rpc=(), password=None)
    file = folder / FILE
    text = file.read_text("utf-8")
    text = text.replace('"sqlite:///credanchor.db"', f'"{database_url}"')
    file.write_text(text + more, "utf-8")
    return Workspace.load(folder)


def bare_workspace(folder: Path, more: str = LAW) -> Workspace:
    """Settings alone, without keys, which take a second to make."""
    text = new_config_text(
        chain=CHAIN, embedded=True, rpc=(), did="did:key:z6Mk", name="École", url=None
    )
    (folder / FILE).write_text(text + more, "utf-8")
    return Workspace.load(folder)


def new_key(database: Database, *scopes: Scope, issuer: str = "main", name: str = "test") -> str:
    with database.write() as connection:
        _, text = api_keys.create(connection, name, issuer, scopes or Scope, int(time.time()))
    return text


def seal_open(database: Database, issuer: str = "main") -> int:
    """Seal what is open, as the worker does; the number of the batch."""
    with database.write() as connection:
        (number,) = batch_store.open_batches(connection, issuer)
        found = batch_store.unsealed(connection, number)
        assert found is not None
        ids, digests = found
        sealed = seal(ISSUER_ID, digests, os.urandom)
        now = int(time.time())
        batch_store.store_seal(connection, number, ids, sealed, CHAIN, REGISTRY, now)
    return number


@dataclass
class Api:
    """A running process. log: what it has written, whole after `stop`."""

    url: str
    process: subprocess.Popen[bytes]
    log_file: Path
    clients: list[httpx.Client] = field(default_factory=list)

    def client(self, key: str | None = None, **options: Any) -> httpx.Client:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        client = httpx.Client(
            base_url=self.url, headers=headers, timeout=30, verify=PLAIN, **options
        )
        self.clients.append(client)
        return client

    def kill(self) -> None:
        """As a power cut would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    @property
    def log(self) -> str:
        return self.log_file.read_text("utf-8")


@contextmanager
def running_api(
    workspace: Workspace, command: Sequence[str] = ("api",), **environment: str
) -> Iterator[Api]:
    """`credanchor api` on a free port, ready; told to end on leaving."""
    port = free_port()
    log_file = workspace.folder / f"api-{port}.log"
    words = [
        sys.executable,
        "-c",
        _MAIN,
        "-w",
        str(workspace.folder),
        *command,
        "--port",
        str(port),
    ]
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            words, env=os.environ | environment, stdout=log, stderr=log, cwd=workspace.folder
        )
    api = Api(f"http://127.0.0.1:{port}", process, log_file)
    try:
        _wait(api)
        yield api
    finally:
        for client in api.clients:
            client.close()
        if process.poll() is None:
            process.terminate()
        process.wait(30)


def _wait(api: Api) -> None:
    until = time.monotonic() + 60
    with httpx.Client(base_url=api.url, timeout=5, verify=PLAIN) as client:
        while time.monotonic() < until:
            if api.process.poll() is not None:
                raise AssertionError(f"the API ended: {api.log}")
            try:
                if client.get("/readyz").status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
    raise AssertionError(f"the API does not get ready: {api.log}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
