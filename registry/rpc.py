"""JSON-RPC over HTTP: one node, its answers believed in form only.

A node that gives no answer says nothing about any credential (`NodeUnreachable`), one that says no
says why (`NodeRefused`), and one whose answer cannot be is caught here (`NodeInconsistent`).
"""

from __future__ import annotations

import ipaddress
import logging
import re
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

MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""Twice what providers send at most; keeps a hostile node from filling the memory."""

_BATCH = 500
"""Calls in one request: public providers refuse more than about a thousand."""

_CONNECT_TRIES = 3
"""Only for connections that never came to be: then nothing was asked, and asking again is safe."""

_HEX = re.compile(r"0x[0-9a-fA-F]*")
_NO_TEXT = re.compile(r"[^\x20-\x7e]+")


def node_name(url: str) -> str:
    """Scheme, host and port. A URL's path, query and user part often hold an API key.

    Raises NodeUnreachable where `url` is no http(s) URL with a host.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:  # its text may repeat the URL
        parts, host, port = None, None, None
    if parts is None or parts.scheme not in ("http", "https") or not host:
        raise NodeUnreachable("a node's URL is http:// or https://, a host and, if need be, a port")
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}" + ("" if port is None else f":{port}")


class Node:
    """One JSON-RPC endpoint. Not for use by several threads at once."""

    def __init__(self, url: str, *, timeout_s: float = 20.0) -> None:
        """Raises NodeUnreachable where `url` is no http(s) URL; connects on first use.

        timeout_s: seconds for a whole exchange, however slowly a node drips its answer.
        """
        self.name = node_name(url)
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
        by_id = {_id(one): one for one in answer}
        return [
            _result(method, request["id"], by_id.get(_id(request)))
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
            self._client = httpx.Client(
                timeout=self._timeout_s,
                headers={"Content-Type": "application/json"},
                # The environment's proxies are for the world outside; loopback nodes are not there.
                trust_env=not _is_loopback(self._url),
            )
            # It logs each request's URL at INFO, and with it a provider's key.
            logging.getLogger("httpx").setLevel(logging.WARNING)
        until = time.monotonic() + self._timeout_s
        for attempt in range(1, _CONNECT_TRIES + 1):
            try:
                return self._read(self._client, body, until)
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

    def _read(self, client: httpx.Client, body: bytes, until: float) -> bytes:
        with client.stream("POST", self._url, content=body) as response:
            self._check_status(response)
            parts: list[bytes] = []
            total = 0
            for part in response.iter_bytes():
                total += len(part)
                if total > MAX_ANSWER_BYTES:
                    raise NodeInconsistent(f"{self.name}: more than {MAX_ANSWER_BYTES:,} B")
                if time.monotonic() > until:
                    raise NodeUnreachable(
                        f"{self.name}: no whole answer within {self._timeout_s:g} seconds; "
                        "try again later"
                    )
                parts.append(part)
            return b"".join(parts)

    def _check_status(self, response: httpx.Response) -> None:
        status = response.status_code
        if status == 429:
            raise NodeUnreachable(f"{self.name}: HTTP 429, too many requests; try again later")
        # Some nodes send a JSON-RPC error with HTTP 400 and the like: that is read and says more.
        in_json = "json" in response.headers.get("Content-Type", "")
        if status in (401, 403) and not in_json:
            raise NodeUnreachable(f"{self.name}: HTTP {status}; does the URL hold a valid key?")
        if status >= 500:
            raise NodeUnreachable(f"{self.name}: HTTP {status}; try again later, or another node")
        if status != 200 and not in_json:
            raise NodeUnreachable(f"{self.name}: HTTP {status}; is the URL that of a node?")


def _result(method: str, request_id: JsonValue, answer: JsonValue) -> JsonValue:
    if not isinstance(answer, dict):
        raise NodeInconsistent(f"{method}: the node left the call unanswered")
    error = answer.get("error")
    if isinstance(error, dict):
        code = error.get("code")
        message = str(error.get("message", "no reason given"))
        raise NodeRefused(
            method,
            code if isinstance(code, int) else 0,
            # A hostile node must not write to the terminal.
            _NO_TEXT.sub(" ", message)[:500],
            error.get("data"),
        )
    if error is not None or "result" not in answer or _id(answer) != request_id:
        raise NodeInconsistent(f"{method}: the node's answer is none to this call")
    return answer["result"]


def _id(message: JsonValue) -> int | None:
    """The id of a request or answer; None where it is none of ours."""
    found = message.get("id") if isinstance(message, dict) else None
    return found if type(found) is int else None


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def quantity(value: JsonValue, what: str) -> int:
    """A JSON-RPC quantity: 0x and hex, no more than 32 bytes. Raises NodeInconsistent."""
    if isinstance(value, str) and _HEX.fullmatch(value) and 3 <= len(value) <= 66:
        return int(value, 16)
    raise NodeInconsistent(f"{what}: not a quantity")


def data(value: JsonValue, what: str, length: int | None = None) -> bytes:
    """JSON-RPC data: 0x and an even number of hex digits. Raises NodeInconsistent.

    length: how many bytes there must be.
    """
    if isinstance(value, str) and _HEX.fullmatch(value) and len(value) % 2 == 0:
        read = bytes.fromhex(value[2:])
        if length is None or len(read) == length:
            return read
    raise NodeInconsistent(f"{what}: not {'data' if length is None else f'{length} bytes'} in hex")
