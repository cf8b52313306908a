"""JSON lines in, answers out, both as streams and neither waiting for the other.

Lines are stored in portions, each in one transaction; a portion's answers are written only when
it is durable. A client may send all before it reads anything: answers that nobody reads yet go to
a temporary file, so that memory stays bounded and neither side can block the other. They hold ids
and digests, and the file has no name and ends with the request.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from anchor_service.api import logs
from anchor_service.api.access import find_key
from anchor_service.api.answers import Answer
from anchor_service.api.body import LINES_TYPES
from anchor_service.api.intake import Intake
from anchor_service.api.lines import LineSplitter
from anchor_service.api.problems import INTERNAL, document_of, problem_of
from anchor_service.api.taking import take_to_store
from anchor_service.errors import ImportRefused
from registry.formats.strict_json import MAX_FILE_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from starlette.requests import Request

    from anchor_service.api.lines import Line
    from anchor_service.api.services import Running
    from anchor_service.store.store import Added, NewCredential
    from registry.formats.strict_json import JsonObject

_PORTION_LINES = 512
_PORTION_BYTES = 4 * 2**20
# While one is committed the next one waits already, and shares a commit with a third.
_PORTIONS_UNDER_WAY = 3
# A client that waits for its answers before it sends more is not kept waiting longer.
_PATIENCE_S = 0.05
_SPOOL_BYTES = 2**20
_SEND_BYTES = 64 * 1024


class BulkResponse(Response):
    """Reads the request itself: called with an unread body. token: looked at again and again."""

    media_type = LINES_TYPES[0]

    def __init__(
        self, running: Running, request: Request, issuer: str, token: str, *, strict: bool
    ) -> None:
        super().__init__()
        del self.headers["content-length"]
        self._running = running
        self._request = request
        self._issuer = issuer
        self._token = token
        self._strict = strict
        self._counts = {"stored": 0, "present": 0, "refused": 0}
        self._storing: deque[asyncio.Future[list[JsonObject]]] = deque()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        del scope
        with tempfile.SpooledTemporaryFile(_SPOOL_BYTES) as file:
            out = _Spool(file)
            sender = asyncio.create_task(self._send(out, send))
            try:
                await self._store_all(receive, out)
            except _Gone:
                sender.cancel()
                return
            except Exception as error:  # noqa: BLE001 - the last line says so; `end` is missing
                out.write([{"problem": document_of(error)}])
                if problem_of(error) is INTERNAL:
                    logs.failure("bulk failed", error)
            out.end()
            await sender

    async def _store_all(self, receive: Any, out: _Spool) -> None:
        splitter = LineSplitter(MAX_FILE_BYTES)
        portion = _Portion()
        more = True
        reading = asyncio.ensure_future(receive())
        try:
            while more:
                waiting = {reading, *islice(self._storing, 1)}
                done, _ = await asyncio.wait(
                    waiting,
                    timeout=_PATIENCE_S if portion else None,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                if self._storing and self._storing[0] in done:
                    await self._tell(out)
                if reading in done:
                    more = self._add(reading.result(), splitter, portion)
                    if more:
                        reading = asyncio.ensure_future(receive())
                while lines := portion.cut(everything=not done or not more):
                    await self._begin(lines, out)
        finally:
            reading.cancel()
            await self._tell_rest(out)
        out.write([{"end": True, **self._counts}])

    def _add(self, message: Any, splitter: LineSplitter, portion: _Portion) -> bool:
        """Take in a piece of the body; False for the last one. Raises _Gone."""
        if message["type"] == "http.disconnect":
            raise _Gone
        portion.add(splitter.feed(message.get("body", b"")))
        more: bool = message.get("more_body", False)
        if not more:
            portion.add(splitter.finish())
        return more

    async def _begin(self, lines: Sequence[Line], out: _Spool) -> None:
        """Read a portion while those before it are being stored, and then begin to store it."""
        await find_key(self._running, self._request, self._token)  # it may have ended meanwhile
        sorted_out = await run_in_threadpool(self._sort, lines)
        while len(self._storing) >= _PORTIONS_UNDER_WAY:
            await self._tell(out)
        self._storing.append(asyncio.ensure_future(self._store(lines, sorted_out)))

    async def _tell(self, out: _Spool) -> None:
        """Write what became of the portion that has been under way longest."""
        out.write(await self._storing.popleft())

    async def _tell_rest(self, out: _Spool) -> None:
        """Whatever is durable is told, even if a portion before it failed; then that is raised."""
        failure: Exception | None = None
        while self._storing:
            try:
                await self._tell(out)
            except Exception as error:  # noqa: BLE001 - raised below
                failure = failure or error
        if failure is not None:
            raise failure

    async def _store(
        self, lines: Sequence[Line], sorted_out: Sequence[NewCredential | str]
    ) -> list[JsonObject]:
        """One portion in one transaction; the answers to its lines, in their order."""
        stored = [one for one in sorted_out if not isinstance(one, str)]
        added: list[Added] = []

        def keep(done: Sequence[Added]) -> Answer:
            added.extend(done)
            return Answer(200, b"")

        if stored:
            await self._running.intake.ask(Intake(self._issuer, stored, keep))
        return self._told(lines, sorted_out, added)

    def _sort(self, lines: Sequence[Line]) -> list[NewCredential | str]:
        return [self._take(line) for line in lines]

    def _take(self, line: Line) -> NewCredential | str:
        if line.raw is None:
            return f"over {MAX_FILE_BYTES:,} bytes"
        try:
            return take_to_store(line.raw, strict=self._strict, line=line.number)
        except ImportRefused as refused:
            return refused.reason

    def _told(
        self,
        lines: Sequence[Line],
        sorted_out: Sequence[NewCredential | str],
        added: Sequence[Added],
    ) -> list[JsonObject]:
        answers: list[JsonObject] = []
        done = iter(added)
        for line, one in zip(lines, sorted_out, strict=True):
            if isinstance(one, str):
                outcome = "refused"
                answers.append({"line": line.number, "outcome": outcome, "detail": one})
            else:
                stored = next(done)
                outcome = "present" if stored.present else "stored"
                answers.append(
                    {
                        "line": line.number,
                        "outcome": outcome,
                        "id": stored.credential_id,
                        "digest": stored.digest.to_hex(),
                    }
                )
            self._counts[outcome] += 1
        self._running.metrics.taken.inc(len(added))
        return answers

    async def _send(self, out: _Spool, send: Any) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        while (piece := await out.read()) is not None:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


class _Gone(Exception):
    """The client has hung up: what was not stored yet is not stored."""


class _Portion:
    """Lines that wait, and their bytes."""

    def __init__(self) -> None:
        self._lines: list[Line] = []
        self._bytes = 0

    def __bool__(self) -> bool:
        return bool(self._lines)

    def add(self, lines: Sequence[Line]) -> None:
        self._lines.extend(lines)
        self._bytes += sum(len(line.raw or b"") for line in lines)

    def cut(self, *, everything: bool) -> list[Line]:
        """The next lines to store: a full portion, or what there is if `everything` is due."""
        full = len(self._lines) >= _PORTION_LINES or self._bytes >= _PORTION_BYTES
        if not full and not everything:
            return []
        lines = self._lines[:_PORTION_LINES]
        del self._lines[:_PORTION_LINES]
        self._bytes -= sum(len(line.raw or b"") for line in lines)
        return lines


class _Spool:
    """Answers between the one who stores and the one who sends; on disk if there are many."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self._written = 0
        self._read = 0
        self._ended = False
        self._news = asyncio.Event()

    def write(self, answers: Sequence[JsonObject]) -> None:
        self._file.seek(self._written)
        data = b"".join(orjson.dumps(one) + b"\n" for one in answers)
        self._file.write(data)
        self._written += len(data)
        self._news.set()

    def end(self) -> None:
        self._ended = True
        self._news.set()

    async def read(self) -> bytes | None:
        """The next piece, as soon as there is one; None at the end."""
        while self._read == self._written:
            if self._ended:
                return None
            self._news.clear()
            await self._news.wait()
        self._file.seek(self._read)
        piece: bytes = self._file.read(_SEND_BYTES)
        self._read += len(piece)
        return piece
