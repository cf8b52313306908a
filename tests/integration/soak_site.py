"""The site of a soak: a workspace, services as processes, and the proxy before their node."""

from __future__ import annotations

import threading
import time
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
from api_process import free_port, new_key
from bare_chain import BareChain
from rpc_proxy import RpcProxy, proxied
from sqlalchemy import func, select
from worker_desk import Office, Service, Zygote, going_on, office, zygote

from anchor_service.store import batch_store
from anchor_service.store.schema import placement

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from registry.values import CredentialDigest


PATIENCE_S = 180.0
_UNLIMITED = "\n[api]\nkey_per_second = 1e6\nkey_burst = 1e6\n"


@dataclass
class Site:
    """services: each with the port of its API. acknowledged, revoked: what clients were told.

    step: how many are acknowledged between two kills, at the least.
    """

    office: Office
    key: str
    mother: Zygote
    services: dict[int, Service]
    proxy: RpcProxy
    chain: BareChain
    base: int
    log: Path
    step: int
    faults: Counter[str] = field(default_factory=Counter)
    acknowledged: set[CredentialDigest] = field(default_factory=set)
    to_revoke: list[CredentialDigest] = field(default_factory=list)
    revoked: set[CredentialDigest] = field(default_factory=set)
    failed: list[BaseException] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def start(self, port: int) -> None:
        self.services[port] = self.mother.start(self.office, self.log, "serve", "--port", str(port))

    @property
    def sealed(self) -> int:
        with self.office.database.read() as connection:
            return len(batch_store.sealed_batches(connection))

    @property
    def placed(self) -> int:
        with self.office.database.read() as connection:
            return connection.scalar(select(func.count()).select_from(placement)) or 0


@contextmanager
def site_of(
    folder: Path, chain_url: str, database_url: str, services: int, step: int
) -> Iterator[Site]:
    with ExitStack() as stack:
        proxy = stack.enter_context(proxied(chain_url))
        one = office(folder, chain_url, database_url, rpc=[proxy.url])
        stack.callback(one.database.close)
        file = folder / "credanchor.toml"
        text = file.read_text("utf-8").replace("max_size = 3", f"max_size = {max(step, 3)}")
        file.write_text(text + _UNLIMITED, "utf-8")
        chain = BareChain(int(chain_url.rsplit(":", 1)[1]))
        stack.callback(chain.close)
        chain("evm_setAutomine", False)
        base = int(chain("eth_blockNumber"), 16)
        stack.enter_context(going_on(chain_url))
        key = new_key(one.database)
        site = Site(
            one,
            key,
            stack.enter_context(zygote()),
            {},
            proxy,
            chain,
            base,
            folder / "serve.log",
            step,
        )
        for _ in range(services):
            site.start(free_port())
        try:
            yield site
        finally:
            for service in site.services.values():
                service.kill()


def insist(site: Site, path: str, headers: dict[str, str], body: bytes) -> bool:
    """Ask until it is done, of whichever service answers; False where it is not to be done yet."""
    asked = {"content-type": "application/json", "authorization": f"Bearer {site.key}", **headers}
    until = time.monotonic() + PATIENCE_S
    tries = 0
    while not site.failed:
        port = list(site.services)[tries % len(site.services)]
        tries += 1
        try:
            answer = httpx.post(
                f"http://127.0.0.1:{port}{path}", content=body, headers=asked, timeout=20
            )
        except httpx.TransportError:
            answer = None
        if answer is not None and answer.status_code < 300:
            assert b'"refused"' not in answer.content or b'"refused":0' in answer.content
            return True
        if answer is not None and answer.status_code == 409:
            return False
        assert answer is None or answer.status_code >= 500, answer.text
        assert time.monotonic() < until, "the service does not answer"
        time.sleep(0.05)
    return False


def ready(site: Site, port: int) -> None:
    until = time.monotonic() + PATIENCE_S
    while not site.failed:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            assert site.services[port].lives(), site.log.read_text()
        assert time.monotonic() < until, "the service does not get ready"
        time.sleep(0.05)


def packed(value: Any) -> bytes:
    import orjson

    return orjson.dumps(value)
