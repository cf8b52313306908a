"""A proxy before a real node, that lies, loses, delays and refuses as a test tells it.

    with proxied(url) as proxy:
        proxy.rules.append(done_but_lost("eth_sendRawTransaction", times=1))
        Node(proxy.url)

A rule sees each call (batches are taken apart) with the way on to the node. It answers itself, asks
the node and changes the answer, raises `Drop` to break the connection off, or `Refuse` for an HTTP
status; `None` leaves the call to the next rule. Rules run under no lock, from many threads.
"""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from eth_account import Account
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hexbytes import HexBytes

from registry.keccak import keccak256

if TYPE_CHECKING:
    from collections.abc import Iterator

Message = dict[str, Any]
Forward = Callable[[Message], Message]
Rule = Callable[[Message, Forward], Message | None]


class Drop(Exception):
    """Close the connection without an answer."""


@dataclass
class Refuse(Exception):
    """Answer the whole request with an HTTP status, as a provider's gateway does."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)


class RpcProxy:
    """calls: every call that came, in order; bodies: every request to the byte, its headers in
    front. For tests of what a node learns.
    """

    def __init__(self, upstream: str) -> None:
        parts = urlsplit(upstream)
        assert parts.hostname is not None
        self._place = parts.hostname, parts.port
        self._path = parts.path or "/"
        self.rules: list[Rule] = []
        self.calls: list[Message] = []
        self.bodies: list[bytes] = []
        self.requests = 0
        self.url = ""
        self._lock = threading.Lock()

    def answer(self, call: Message) -> Message:
        with self._lock:
            self.calls.append(call)
        return self._through(tuple(self.rules), call)

    def _through(self, rules: tuple[Rule, ...], call: Message) -> Message:
        """A rule's way on to the node leads through those behind it."""
        if not rules:
            return self.forward(call)
        first, *others = rules
        behind = partial(self._through, tuple(others))
        answer = first(call, behind)
        return behind(call) if answer is None else answer

    def forward(self, call: Message) -> Message:
        connection = http.client.HTTPConnection(*self._place, timeout=30)
        try:
            headers = {"Content-Type": "application/json"}
            connection.request("POST", self._path, json.dumps(call), headers)
            answer: Message = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        return answer


@contextmanager
def proxied(upstream: str) -> Iterator[RpcProxy]:
    proxy = RpcProxy(upstream)
    with _Server(proxy) as server:
        proxy.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield proxy
        finally:
            server.shutdown()
            thread.join()


def result(call: Message, value: Any) -> Message:
    return {"jsonrpc": "2.0", "id": call.get("id"), "result": value}


def error(call: Message, message: str, code: int = -32000) -> Message:
    return {"jsonrpc": "2.0", "id": call.get("id"), "error": {"code": code, "message": message}}


def not_done(method: str, *, times: int = 1) -> Rule:
    """The call never reaches the node: the connection breaks off before."""
    return _limited(method, times, lambda _call, _forward: _drop())


def done_but_lost(method: str, *, times: int = 1) -> Rule:
    """The node does it, and the connection breaks off before its answer arrives."""

    def lose(call: Message, forward: Forward) -> Message:
        forward(call)
        return _drop()

    return _limited(method, times, lose)


def altered(method: str, change: Callable[[Any], Any], *, times: int | None = None) -> Rule:
    """The node's result, changed."""

    def lie(call: Message, forward: Forward) -> Message:
        answer = forward(call)
        return {**answer, "result": change(answer["result"])} if "result" in answer else answer

    return _limited(method, times, lie)


def nth(number: int, *, done: bool) -> Rule:
    """The call of this number (from 1) is not done, or done and its answer lost."""
    lock = threading.Lock()
    seen = 0

    def rule(call: Message, forward: Forward) -> Message | None:
        nonlocal seen
        with lock:
            seen += 1
            mine = seen == number
        if not mine:
            return None
        if done:
            forward(call)
        return _drop()

    return rule


def strict_pool() -> Rule:
    """What geth's pool refuses and anvil's takes: small replacements, large gas, the same again."""
    lock = threading.Lock()
    offers: dict[tuple[str, int], tuple[str, int, int]] = {}

    def rule(call: Message, forward: Forward) -> Message | None:
        if call.get("method") != "eth_sendRawTransaction":
            return None
        raw = bytes.fromhex(call["params"][0][2:])
        fields = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
        place = Account.recover_transaction(raw), int(fields["nonce"])
        fee, tip = int(fields["maxFeePerGas"]), int(fields["maxPriorityFeePerGas"])
        tx_hash = keccak256(raw).hex()
        with lock:
            before = offers.get(place)
            if int(fields["gas"]) > 2**24:
                return error(call, "transaction gas limit too high (cap: 16777216)")
            if before is not None and before[0] == tx_hash:
                forward(call)
                return error(call, "already known")
            if before is not None and (10 * fee < 11 * before[1] or 10 * tip < 11 * before[2]):
                return error(call, "replacement transaction underpriced")
            answer = forward(call)
            if "result" in answer:
                offers[place] = tx_hash, fee, tip
        return answer

    return rule


def limited(
    status: int = 429, *, times: int | None = 1, headers: dict[str, str] | None = None
) -> Rule:
    """A provider that refuses whole requests for a while, whatever they ask."""

    def refuse(_call: Message, _forward: Forward) -> Message:
        raise Refuse(status, headers or {})

    return _limited(None, times, refuse)


def _limited(
    method: str | None, times: int | None, act: Callable[[Message, Forward], Message]
) -> Rule:
    lock = threading.Lock()
    left = times

    def rule(call: Message, forward: Forward) -> Message | None:
        nonlocal left
        if method is not None and call.get("method") != method:
            return None
        with lock:
            if left is not None:
                if left == 0:
                    return None
                left -= 1
        return act(call, forward)

    return rule


def _drop() -> Message:
    raise Drop


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, proxy: RpcProxy) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.proxy = proxy

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that break off are what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    # Header and body go out apart: without this each answer waits 40 ms for the reader's ACK.
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        proxy = self.server.proxy
        proxy.requests += 1
        body = self.rfile.read(int(self.headers["Content-Length"]))
        proxy.bodies.append(self.requestline.encode() + bytes(self.headers) + body)
        request = json.loads(body)
        try:
            if isinstance(request, list):
                answer = json.dumps([proxy.answer(call) for call in request]).encode()
            else:
                answer = json.dumps(proxy.answer(request)).encode()
        except Drop:
            self.close_connection = True
            return
        except Refuse as refusal:
            self._reply(refusal.status, b"", refusal.headers)
            return
        self._reply(200, answer, {"Content-Type": "application/json"})

    def do_OPTIONS(self) -> None:
        """A browser's question whether a page may ask."""
        self._reply(204, b"", {"Access-Control-Allow-Headers": "content-type"})

    def _reply(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        own = {"Content-Length": str(len(body)), "Access-Control-Allow-Origin": "*"}
        for name, value in {**headers, **own}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Silence: tests show what went wrong themselves."""
