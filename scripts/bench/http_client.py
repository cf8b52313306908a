"""A client that costs next to nothing, so that what is measured is the server."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence


class Connection:
    """One kept-alive HTTP/1.1 connection; answers with Content-Length alone are understood."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> Connection:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def send(self, request: bytes) -> tuple[int, bytes]:
        """Status and body of the answer."""
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                length = int(line[15:])
        return int(head[9:12]), await self._reader.readexactly(length)

    def close(self) -> None:
        self._writer.close()


def request(method: str, path: str, key: str, body: bytes = b"") -> bytes:
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def closed_loop(
    port: int, requests: Sequence[bytes], clients: int, expected: Sequence[int]
) -> tuple[float, list[float]]:
    """Each client sends its next request when it has its answer; (seconds, latencies)."""
    rest: Iterator[bytes] = iter(requests)
    latencies: list[float] = []

    async def client() -> None:
        connection = await Connection.open(port)
        for one in rest:
            start = time.perf_counter()
            status, body = await connection.send(one)
            latencies.append(time.perf_counter() - start)
            if status not in expected:
                raise SystemExit(f"{status}: {body[:300]!r}")
        connection.close()

    start = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    return time.perf_counter() - start, latencies


async def open_loop(port: int, requests: Sequence[bytes], rate: float, clients: int) -> list[float]:
    """Requests are due at a fixed rate whether or not answers come; latency from when due."""
    latencies: list[float] = []
    queue: asyncio.Queue[tuple[float, bytes] | None] = asyncio.Queue()

    async def client() -> None:
        connection = await Connection.open(port)
        while (due := await queue.get()) is not None:
            status, body = await connection.send(due[1])
            latencies.append(time.perf_counter() - due[0])
            if status != 200:
                raise SystemExit(f"{status}: {body[:300]!r}")
        connection.close()

    running = [asyncio.create_task(client()) for _ in range(clients)]
    start = time.perf_counter()
    for number, one in enumerate(requests):
        due = start + number / rate
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        queue.put_nowait((due, one))
    for _ in running:
        queue.put_nowait(None)
    await asyncio.gather(*running)
    return latencies


async def stream(port: int, path: str, key: str, pieces: Sequence[bytes]) -> tuple[float, bytes]:
    """Send a body in pieces and read the answer at the same time; (seconds, last line)."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    length = sum(map(len, pieces))
    head = (
        f"POST {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/x-ndjson\r\nContent-Length: {length}\r\n"
        "Connection: close\r\n\r\n"
    )

    async def send() -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()

    start = time.perf_counter()
    writer.write(head.encode())
    sending = asyncio.create_task(send())
    tail = b""
    async for piece in _read(reader):
        tail = (tail + piece)[-400:]
    await sending
    seconds = time.perf_counter() - start
    writer.close()
    return seconds, tail


async def _read(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    while piece := await reader.read(2**18):
        yield piece


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
