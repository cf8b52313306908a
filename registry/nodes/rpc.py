"""JSON-RPC over HTTP: one node, its answers believed in form only.

A node that gives no answer says nothing about any credential (`NodeUnreachable`), one that says no
says why (`NodeRefused`), and one whose answer cannot be is caught here (`NodeInconsistent`).
"""

from __future__ import annotations

import ipaddress
import logging
import re
import time
from functools import cache
from typing import TYPE_CHECKING, Self
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson

from registry.errors import (
    AnswerTooLong,
    NodeBusy,
    NodeInconsistent,
    NodeRefused,
    NodeTooSlow,
    NodeUnreachable,
)

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence
    from types import TracebackType

    import httpx

    from registry.formats.strict_json import JsonValue

MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""Twice what providers send at most; keeps a hostile node from filling the memory."""

_BATCH = 500
"""Calls in one request: public providers refuse more than about a thousand."""

_CONNECT_TRIES = 3
"""Only for connections that were refused: then nothing was asked, and asking again is safe."""

_SECRET_CHARACTERS = 4
"""Shorter parts of a path (`v2`, `rpc`) are no keys."""

_HINTS = {
    401: "see that the URL holds a valid key",
    403: "see that the URL holds a valid key",
    429: "too many requests; try again later",
}

_SECONDS = re.compile(r"[0-9]{1,6}")
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

        timeout_s: seconds for connecting, for any silence, and for the whole body of an answer,
        however slowly a node drips it.
        """
        self.name = node_name(url)
        self._url = url
        self._secrets = _secrets(url)
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
        return self._result(method, request["id"], self._post(request))

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
            self._result("batch", None, answer)
        if not isinstance(answer, list) or len(answer) != len(requests):
            raise NodeInconsistent(
                f"{self.name}: {len(requests)} calls in one request were not all answered"
            )
        by_id = {_id(one): one for one in answer}
        return [
            self._result(method, request["id"], by_id.get(_id(request)))
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
            self._client = self._open()
        until = time.monotonic() + self._timeout_s
        for attempt in range(1, _CONNECT_TRIES + 1):
            try:
                return self._read(self._client, body, until)
            except httpx.ConnectError:
                if attempt == _CONNECT_TRIES:
                    raise NodeUnreachable(
                        f"{self.name}: no connection; see that the node runs and the URL is right"
                    ) from None
                time.sleep(0.05 * attempt)
            except httpx.TimeoutException:
                raise self._too_late() from None
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                kind = type(error).__name__  # its text may hold the URL, and with it a key
                raise NodeUnreachable(f"{self.name}: the exchange broke off ({kind})") from None
        raise AssertionError("unreachable: the last attempt returns or raises")

    def _open(self) -> httpx.Client:
        import httpx

        # It logs each request's URL at INFO, and with it a provider's key.
        logging.getLogger("httpx").setLevel(logging.WARNING)
        # The environment's proxies are for the world outside; loopback nodes are not there.
        outside = not _is_loopback(self._url)
        try:
            return httpx.Client(
                timeout=self._timeout_s,
                headers={"Content-Type": "application/json", "Accept-Encoding": "gzip"},
                verify=_authorities(outside or self._url.startswith("https:"), outside),
                trust_env=outside,
            )
        except (ImportError, ValueError, httpx.InvalidURL):  # of a proxy, and may repeat its URL
            raise NodeUnreachable(
                f"{self.name}: the proxy that the environment names (HTTPS_PROXY, ALL_PROXY) "
                "cannot be used"
            ) from None

    def _read(self, client: httpx.Client, body: bytes, until: float) -> bytes:
        with client.stream("POST", self._url, content=body) as response:
            status = response.status_code
            if status == 429 or status >= 500:
                raise self._http(status, response.headers.get("Retry-After"))
            raw = self._body(response, until)
        # Some nodes send a JSON-RPC error with HTTP 400 and the like: that says more.
        if status != 200 and not _is_refusal(raw):
            raise self._http(status)
        return raw

    def _body(self, response: httpx.Response, until: float) -> bytes:
        # Another encoding than we asked for might unpack a few bytes to gigabytes in one step.
        if response.headers.get("Content-Encoding", "gzip") not in ("gzip", "identity"):
            raise NodeInconsistent(f"{self.name}: the answer is packed in a way not asked for")
        parts: list[bytes] = []
        total = 0
        for part in response.iter_bytes():
            total += len(part)
            if total > MAX_ANSWER_BYTES:
                raise AnswerTooLong(
                    f"{self.name}: the answer is longer than {MAX_ANSWER_BYTES // 2**20} MiB"
                )
            if time.monotonic() > until:
                raise self._too_late()
            parts.append(part)
        return b"".join(parts)

    def _http(self, status: int, retry_after: str | None = None) -> NodeUnreachable:
        other = (
            "try again later, or another node" if status >= 500 else "see that the URL is a node's"
        )
        message = f"{self.name}: HTTP {status}; {_HINTS.get(status, other)}"
        if status in (429, 503):
            return NodeBusy(message, _seconds(retry_after))
        return NodeTooSlow(message) if status == 504 else NodeUnreachable(message)

    def _too_late(self) -> NodeTooSlow:
        return NodeTooSlow(
            f"{self.name}: no whole answer within {self._timeout_s:g} seconds; try again later"
        )

    def _result(self, method: str, request_id: JsonValue, answer: JsonValue) -> JsonValue:
        if not isinstance(answer, dict):
            raise NodeInconsistent(f"{self.name}: {method}: the call was left unanswered")
        error = answer.get("error")
        if isinstance(error, dict):
            code = error.get("code")
            message = str(error.get("message", "no reason given"))
            raise NodeRefused(
                method, code if type(code) is int else 0, self._safe(message), error.get("data")
            )
        if error is not None or "result" not in answer or _id(answer) != request_id:
            raise NodeInconsistent(f"{self.name}: {method}: the answer is none to this call")
        return answer["result"]

    def _safe(self, message: str) -> str:
        """A node's words, without the key that it may repeat or anything that steers a terminal."""
        for secret in self._secrets:
            message = message.replace(secret, "***")
        return _NO_TEXT.sub(" ", message)[:500]


def _secrets(url: str) -> list[str]:
    """What of a URL may be a key, as written and as meant; the longest first."""
    parts = urlsplit(url)
    written = [parts.username, parts.password, *parts.path.split("/")]
    written += [value for _, value in parse_qsl(parts.query)]
    found = {form for one in written if one for form in (one, unquote(one))}
    return sorted((one for one in found if len(one) >= _SECRET_CHARACTERS), key=len, reverse=True)


def _is_refusal(raw: bytes) -> bool:
    try:
        answer = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return False
    return isinstance(answer, dict) and isinstance(answer.get("error"), dict)


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


@cache
def _authorities(needed: bool, trust_env: bool) -> ssl.SSLContext:
    """Whom TLS trusts, for all nodes of a process: reading them takes 50 ms. None unless needed."""
    import ssl

    import httpx

    if not needed:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return httpx.create_ssl_context(trust_env=trust_env)


def _seconds(retry_after: str | None) -> float | None:
    """RFC 9110 section 10.2.3, in seconds; of its other form, a date, nothing is known here."""
    return float(retry_after) if retry_after and _SECONDS.fullmatch(retry_after) else None
