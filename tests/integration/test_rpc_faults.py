"""Nodes that misbehave over a real socket: what the reader is told, and what nobody is told."""

from __future__ import annotations

import gzip
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from registry.errors import ChainError, NodeInconsistent, NodeRefused, NodeUnreachable
from registry.nodes.chain_reader import read_evidence
from registry.nodes.rpc import Node
from registry.proofs.evidence import Subject
from registry.values import Address, BatchRoot, ChainId, IssuerId

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRETS = ("us%40er1", "us@er1", "hunter22", "key-in-path", "key-in-query")
URL = "http://us%40er1:hunter22@127.0.0.1:{port}/v2/key-in-path?token=key-in-query"
REGISTRY = Address(b"\x01" * 20)
SUBJECT = Subject(IssuerId(b"\x02" * 32), BatchRoot(b"\x03" * 32), 0)


class _FaultyServer(ThreadingHTTPServer):
    """Answers every request alike, and remembers who asked."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = status, headers, body
        self.asked: list[str] = []

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that breaks off an answer is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    server: _FaultyServer
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append(self.path)
        status, headers, body = self.server.answer
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        """Some redirects ask the client to go on with GET."""
        self.server.asked.append(self.path)
        self.send_error(405)

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Silence: tests show what went wrong themselves."""


@contextmanager
def _served(
    status: int = 200, *, body: bytes = b"", headers: dict[str, str] | None = None
) -> Iterator[_FaultyServer]:
    with _FaultyServer(status, {"Content-Type": "application/json", **(headers or {})}, body) as it:
        thread = threading.Thread(target=it.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield it
        finally:
            it.shutdown()
            thread.join()


def _complaint(server: _FaultyServer) -> ChainError:
    """What a call to the node ends in; sure to hold nothing of its URL's secrets."""
    with Node(URL.format(port=server.server_port), timeout_s=5) as node:
        with pytest.raises(ChainError) as caught:
            node.call("eth_blockNumber", [])
        shown = f"{caught.value} {caught.value!r} {caught.value.args} {node!r}"
    assert [secret for secret in SECRETS if secret in shown] == []
    return caught.value


def _error(message: str) -> bytes:
    return json.dumps({"id": 1, "error": {"code": -32000, "message": message}}).encode()


def test_a_refusal_that_repeats_the_url_is_shown_without_its_key() -> None:
    message = "http://us@er1:hunter22@node/v2/key-in-path?token=key-in-query is out of credits"
    with _served(body=_error(message)) as server:
        complaint = _complaint(server)
    assert isinstance(complaint, NodeRefused)
    assert complaint.message == "http://***:***@node/v2/***?token=*** is out of credits"


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_json_that_is_no_refusal_counts_by_its_http_status(status: int) -> None:
    with _served(status, body=b'{"message": "Forbidden"}') as server:
        complaint = _complaint(server)
    assert isinstance(complaint, NodeUnreachable)
    assert f"HTTP {status}" in str(complaint)


@pytest.mark.parametrize("status", [400, 403])
def test_a_refusal_counts_whatever_its_http_status(status: int) -> None:
    with _served(status, body=_error("no such key")) as server:
        complaint = _complaint(server)
    assert isinstance(complaint, NodeRefused)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_overloaded_node_says_nothing_of_the_question(status: int) -> None:
    with _served(status, body=_error("try later")) as server:
        complaint = _complaint(server)
    assert isinstance(complaint, NodeUnreachable)
    assert "later" in str(complaint)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed_with_what_was_asked(status: int) -> None:
    with _served(body=b'{"id": 1, "result": "0x1"}') as elsewhere:
        headers = {"Location": f"http://127.0.0.1:{elsewhere.server_port}/"}
        with _served(status, headers=headers) as server:
            complaint = _complaint(server)
    assert isinstance(complaint, NodeUnreachable)
    assert (len(server.asked), elsewhere.asked) == (1, [])


def test_a_packed_answer_is_unpacked() -> None:
    body = gzip.compress(b'{"id": 1, "result": "0x5"}')
    with (
        _served(body=body, headers={"Content-Encoding": "gzip"}) as server,
        Node(URL.format(port=server.server_port)) as node,
    ):
        assert node.call("eth_blockNumber", []) == "0x5"


@pytest.mark.parametrize("encoding", ["zstd", "br", "deflate", "gzip, gzip"])
def test_an_answer_packed_as_nobody_asked_is_not_unpacked(encoding: str) -> None:
    with _served(body=b"\x28\xb5\x2f\xfd", headers={"Content-Encoding": encoding}) as server:
        complaint = _complaint(server)
    assert isinstance(complaint, NodeInconsistent)
    assert "packed" in str(complaint)


def test_a_small_answer_that_unpacks_to_a_large_one_is_cut_off() -> None:
    body = gzip.compress(bytes(80 * 2**20), compresslevel=1)
    with _served(body=body, headers={"Content-Encoding": "gzip"}) as server:
        complaint = _complaint(server)
    assert "longer than 64 MiB" in str(complaint)


def test_an_answer_that_is_not_what_it_says_it_is_breaks_off() -> None:
    with _served(body=b"plain", headers={"Content-Encoding": "gzip"}) as server:
        complaint = _complaint(server)
    assert isinstance(complaint, NodeUnreachable)
    assert "DecodingError" in str(complaint)


@pytest.mark.parametrize("proxy", ["nonsense://us:hunter22@proxy", "socks5://us:hunter22@proxy:1"])
def test_a_proxy_that_cannot_be_used_is_named_by_its_variable(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ALL_PROXY", proxy)
    with Node("http://node.invalid") as node, pytest.raises(NodeUnreachable) as caught:
        node.call("eth_blockNumber", [])
    assert "ALL_PROXY" in str(caught.value)
    assert "hunter22" not in str(caught.value)


BLOCK = {"number": "0x5", "hash": "0x" + "ab" * 32, "timestamp": "0x65"}


def _answers(*results: Any) -> bytes:
    """A batch's answers to the first calls of a node."""
    return json.dumps([{"id": n, "result": one} for n, one in enumerate(results, 1)]).encode()


@pytest.mark.parametrize(
    ("results", "complaint"),
    [
        (("0x1", BLOCK, BLOCK), "serves eip155:1, not eip155:31337"),
        (("31337", BLOCK, BLOCK), "eth_chainId: not a quantity"),
        (("0x7a69", None, BLOCK), "knows no block latest"),
        (("0x7a69", BLOCK, None), r"knows no block finalized; set \[chain\] confirmations"),
        (("0x7a69", BLOCK, {**BLOCK, "number": "0x6"}), "final block is beyond its newest"),
        (("0x7a69", {**BLOCK, "hash": "0xab"}, BLOCK), "block hash: not 32 bytes"),
        (("0x7a69", {**BLOCK, "timestamp": None}, BLOCK), "block timestamp: not a quantity"),
    ],
)
def test_blocks_that_cannot_be_are_no_evidence(results: tuple[Any, ...], complaint: str) -> None:
    with (
        _served(body=_answers(*results)) as server,
        Node(URL.format(port=server.server_port)) as node,
        pytest.raises(NodeInconsistent, match=complaint),
    ):
        read_evidence(node, ChainId(31337), REGISTRY, [SUBJECT])


def test_another_block_than_was_asked_for_is_noticed() -> None:
    class Forgetful(Node):
        """Gives its newest block, whichever is asked for."""

        def call(self, method: str, params: Any) -> Any:
            return BLOCK

    with (
        _served(body=_answers("0x7a69", BLOCK)) as server,
        Forgetful(URL.format(port=server.server_port)) as node,
        pytest.raises(NodeInconsistent, match="asked for block 2, it gave 5"),
    ):
        read_evidence(node, ChainId(31337), REGISTRY, [SUBJECT], confirmations=3)
