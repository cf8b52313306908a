"""JSON-RPC over HTTP: one node, its answers believed in form only.

A node that gives no answer says nothing about any credential (`NodeUnreachable`), one that says no
says why (`NodeRefused`), and one whose answer cannot be is caught here (`NodeInconsistent`).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

import orjson

from registry.errors import NodeInconsistent, NodeRefused, NodeUnreachable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    import httpx

    from registry.strict_json import JsonValue

MAX_ANSWER_BYTES = 256 * 1024 * 1024
"""More than any provider sends; keeps a hostile node from filling the memory."""

_BATCH = 500
"""Calls in one request: public providers refuse more than about a thousand."""

_CONNECT_TRIES = 3
"""Only for connections that never came to be: then nothing was asked, and asking again is safe."""


def node_name(url: str) -> str:
    """Scheme, host and port. A URL's path, query and user part often hold an API key."""
    parts = urlsplit(url)
    host = parts.hostname or "?"
    host = f"[{host}]" if ":" in host else host
    try:
        port = f":{parts.port}" if parts.port is not None else ""
    except ValueError:  # not a port at all; the URL is refused when it is used
        port = ""
    return f"{parts.scheme}://{host}{port}"


class Node:
    """One JSON-RPC endpoint. Not for use by several threads at once."""

    def __init__(self, url: str, *, timeout_s: float = 20.0) -> None:
        """Raises NodeUnreachable where `url` is no http(s) URL; connects on first use."""
        self.name = node_name(url)
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise NodeUnreachable(f"{self.name}: a node's URL begins with http:// or https://")
        self._url = url
        self._timeout_s = timeout_s
        self._client: httpx.Client | None = None
        self._last_id = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Node({self.name})"

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def call(self, method: str, params: Sequence[JsonValue]) -> JsonValue:
        """Raises NodeUnreachable, NodeRefused, NodeInconsistent."""
        request = self._request(method, params)
        return _result(method, request["id"], self._post(request))

    def batch(self, calls: Sequence[tuple[str, Sequence[JsonValue]]]) -> list[JsonValue]:
        """Answers in the order of the calls; the first refusal is raised. Errors as for `call`."""
        answers: list[JsonValue] = []
        for start in range(0, len(calls), _BATCH):
            answers += self._post_batch(calls[start : start + _BATCH])
        return answers

    def _post_batch(self, calls: Sequence[tuple[str, Sequence[JsonValue]]]) -> list[JsonValue]:
        requests = [self._request(method, params) for method, params in calls]
        answer = self._post(list(requests))
        if isinstance(answer, dict):
            # A node that takes no batches answers with one error for all.
            _result("batch", None, answer)
        if not isinstance(answer, list) or len(answer) != len(requests):
            raise NodeInconsistent(f"{self.name}: a batch of {len(requests)} has no such answer")
        by_id = {one["id"]: one for one in answer if isinstance(one, dict) and "id" in one}
        return [
            _result(method, request["id"], by_id.get(request["id"]))
            for (method, _), request in zip(calls, requests, strict=True)
        ]

    def _request(self, method: str, params: Sequence[JsonValue]) -> dict[str, JsonValue]:
        self._last_id += 1
        return {"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": list(params)}

    def _post(self, body: JsonValue) -> JsonValue:
        raw = self._exchange(orjson.dumps(body))
        try:
            answer: JsonValue = orjson.loads(raw)
        except orjson.JSONDecodeError:
            raise NodeInconsistent(f"{self.name}: the answer is not JSON") from None
        return answer

    def _exchange(self, body: bytes) -> bytes:
        import httpx

        if self._client is None:
            # The environment's proxies are for the world outside; loopback nodes are not there.
            self._client = httpx.Client(
                timeout=self._timeout_s, headers={"Content-Type": "application/json"}
            )
        for attempt in range(1, _CONNECT_TRIES + 1):
            try:
                return self._read(self._client, body)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                if attempt == _CONNECT_TRIES:
                    raise NodeUnreachable(
                        f"{self.name}: no connection; is the node running, and the URL right?"
                    ) from None
                time.sleep(0.05 * attempt)
            except httpx.TimeoutException:
                raise NodeUnreachable(
                    f"{self.name}: no answer within {self._timeout_s:g} seconds; try again later"
                ) from None
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                kind = type(error).__name__  # its text may hold the URL, and with it a key
                raise NodeUnreachable(f"{self.name}: the exchange broke off ({kind})") from None
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _read(self, client: httpx.Client, body: bytes) -> bytes:
        with client.stream("POST", self._url, content=body) as response:
            status = response.status_code
            if status in (401, 403):
                raise NodeUnreachable(f"{self.name}: HTTP {status}; does the URL hold a valid key?")
            if status == 429:
                raise NodeUnreachable(f"{self.name}: HTTP 429, too many requests; try again later")
            # 400 and 404 may carry a JSON-RPC error object: that one is read and says more.
            if status >= 500 or status in (301, 302, 307, 308):
                raise NodeUnreachable(f"{self.name}: HTTP {status}; try another node")
            parts: list[bytes] = []
            total = 0
            for part in response.iter_bytes():
                total += len(part)
                if total > MAX_ANSWER_BYTES:
                    raise NodeInconsistent(f"{self.name}: more than {MAX_ANSWER_BYTES:,} B")
                parts.append(part)
            return b"".join(parts)


def _result(method: str, request_id: JsonValue, answer: JsonValue) -> JsonValue:
    if not isinstance(answer, dict):
        raise NodeInconsistent(f"{method}: the node left the call unanswered")
    error = answer.get("error")
    if isinstance(error, dict):
        code = error.get("code")
        raise NodeRefused(
            method,
            code if isinstance(code, int) else 0,
            str(error.get("message", "no reason given"))[:500],
            error.get("data"),
        )
    if "result" not in answer or answer.get("id") != request_id:
        raise NodeInconsistent(f"{method}: the node's answer is none to this call")
    return answer["result"]


def quantity(value: JsonValue, what: str) -> int:
    """A JSON-RPC quantity: 0x and hex, no more than 32 bytes. Raises NodeInconsistent."""
    if isinstance(value, str) and value.startswith("0x") and 3 <= len(value) <= 66:
        try:
            return int(value[2:], 16)
        except ValueError:
            pass
    raise NodeInconsistent(f"{what}: not a quantity")


def data(value: JsonValue, what: str, length: int | None = None) -> bytes:
    """JSON-RPC data: 0x and an even number of hex digits. Raises NodeInconsistent."""
    if isinstance(value, str) and value.startswith("0x"):
        try:
            read = bytes.fromhex(value[2:])
        except ValueError:
            pass
        else:
            if length is None or len(read) == length:
                return read
    raise NodeInconsistent(f"{what}: not {'data' if length is None else f'{length} bytes'} in hex")
