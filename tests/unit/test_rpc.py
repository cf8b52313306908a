"""A node's answers, from one that is honest, broken, slow or hostile."""

from __future__ import annotations

import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from registry.errors import NodeInconsistent, NodeRefused, NodeUnreachable
from registry.nodes import rpc
from registry.nodes.rpc import Node, node_name
from registry.rpc_hex import data, quantity

Answer = Callable[[Any], Any]


class _Handler(BaseHTTPRequestHandler):
    """Gives what `answer` makes of a request: bytes, (status, type, bytes), or JSON."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        given = self.server.answer(json.loads(body))  # type: ignore[attr-defined] # set by `_node`
        if not isinstance(given, tuple):
            raw = given if isinstance(given, bytes) else json.dumps(given).encode()
            given = (200, "application/json", raw)
        status, kind, raw = given
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Silence: tests show what went wrong themselves."""


@contextmanager
def _node(answer: Answer, *, timeout_s: float = 5.0, path: str = "") -> Iterator[Node]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.answer = answer  # type: ignore[attr-defined] # read by `_Handler`
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        url = f"http://user:hunter2@127.0.0.1:{server.server_port}{path}"
        with Node(url, timeout_s=timeout_s) as node:
            yield node
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _echo(request: Any) -> Any:
    """Each call's result is its parameters."""
    if isinstance(request, list):
        return [_echo(one) for one in request]
    return {"jsonrpc": "2.0", "id": request["id"], "result": request["params"]}


def test_a_call_gives_its_result() -> None:
    with _node(_echo) as node:
        assert node.call("eth_test", ["0x1", {"a": None}]) == ["0x1", {"a": None}]
        assert node.call("eth_test", [2]) == [2]


def test_a_null_result_is_one() -> None:
    with _node(lambda request: {"id": request["id"], "result": None, "error": None}) as node:
        assert node.call("eth_getBlockByHash", []) is None


def test_a_batch_gives_results_in_the_order_of_its_calls() -> None:
    def backwards(request: Any) -> Any:
        return list(reversed(_echo(request)))

    with _node(backwards) as node:
        assert node.batch([("eth_test", [n]) for n in range(3)]) == [[0], [1], [2]]


def test_a_long_batch_goes_in_parts() -> None:
    sizes: list[int] = []

    def count(request: Any) -> Any:
        sizes.append(len(request))
        return _echo(request)

    with _node(count) as node:
        assert node.batch([("eth_test", [n]) for n in range(1001)])[1000] == [1000]
        assert node.batch([]) == []
    assert sizes == [500, 500, 1]


def test_a_refusal_carries_code_message_and_data() -> None:
    error = {"code": 3, "message": "execution \x1b[31mreverted\n", "data": "0x08c379a0"}
    with (
        _node(lambda request: {"id": request["id"], "error": error}) as node,
        pytest.raises(NodeRefused) as caught,
    ):
        node.call("eth_call", [])
    assert (caught.value.method, caught.value.code) == ("eth_call", 3)
    assert caught.value.data == "0x08c379a0"
    # What a node says cannot write to the terminal.
    assert caught.value.message == "execution  [31mreverted "


def test_one_refusal_in_a_batch_is_raised_with_its_method() -> None:
    def second(request: Any) -> Any:
        refused = {"id": request[1]["id"], "error": {"code": -32601, "message": "unknown"}}
        return [_echo(request[0]), refused]

    with _node(second) as node, pytest.raises(NodeRefused, match="eth_two: node answered -32601"):
        node.batch([("eth_one", []), ("eth_two", [])])


def test_a_node_that_takes_no_batch_is_quoted() -> None:
    error = {"code": -32600, "message": "batch too large"}
    with (
        _node(lambda _: {"id": None, "error": error}) as node,
        pytest.raises(NodeRefused) as caught,
    ):
        node.batch([("eth_one", [])])
    assert caught.value.message == "batch too large"


def test_a_refusal_under_an_http_error_is_still_read() -> None:
    body = json.dumps({"id": 1, "error": {"code": -32602, "message": "bad params"}}).encode()
    with (
        _node(lambda _: (400, "application/json; charset=utf-8", body)) as node,
        pytest.raises(NodeRefused, match="bad params"),
    ):
        node.call("eth_one", [])


NONSENSE: dict[str, Any] = {
    "no JSON": b"<html>",
    "half of JSON": b'{"id": 1, "res',
    "nothing": b"",
    "a list to a call": [],
    "text": "yes",
    "no result": {"id": 1},
    "another id": {"id": 7, "result": 1},
    "an id of another kind": {"id": "1", "result": 1},
    "true for an id": {"id": True, "result": 1},
    "a list for an id": {"id": [1], "result": 1},
    "an error that is none": {"id": 1, "error": "no", "result": 1},
}


@pytest.mark.parametrize("name", NONSENSE)
def test_an_answer_that_cannot_be_is_inconsistent(name: str) -> None:
    with _node(lambda _: NONSENSE[name]) as node, pytest.raises(NodeInconsistent):
        node.call("eth_one", [])


BATCH_NONSENSE: dict[str, Answer] = {
    "too few": lambda request: _echo(request)[:1],
    "too many": lambda request: _echo(request) * 2,
    "one twice": lambda request: [_echo(request[0])] * 2,
    "no ids": lambda request: [{"result": 1}] * 2,
    "ids of any kind": lambda request: [{"id": {}, "result": 1}, {"id": [], "result": 1}],
    "no objects": lambda request: [1, None],
    "one result for all": lambda request: {"id": request[0]["id"], "result": 1},
}


@pytest.mark.parametrize("name", BATCH_NONSENSE)
def test_a_batch_answer_that_cannot_be_is_inconsistent(name: str) -> None:
    with _node(BATCH_NONSENSE[name]) as node, pytest.raises(NodeInconsistent):
        node.batch([("eth_one", []), ("eth_two", [])])


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (301, "see that the URL is a node's"),
        (401, "valid key"),
        (403, "valid key"),
        (404, "see that the URL is a node's"),
        (429, "too many requests; try again later"),
        (500, "or another node"),
        (503, "or another node"),
    ],
)
def test_an_http_error_says_what_to_do(status: int, advice: str) -> None:
    with (
        _node(lambda _: (status, "text/html", b"<html>")) as node,
        pytest.raises(NodeUnreachable, match=rf"HTTP {status}.*{advice}"),
    ):
        node.call("eth_one", [])


def test_an_answer_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpc, "MAX_ANSWER_BYTES", 1000)
    with _node(lambda _: b" " * 1001) as node, pytest.raises(NodeInconsistent, match="longer"):
        node.call("eth_one", [])


def test_a_silent_node_is_given_up() -> None:
    release = threading.Event()

    def silent(request: Any) -> Any:
        release.wait(10)
        return _echo(request)

    with _node(silent, timeout_s=0.1) as node:
        with pytest.raises(NodeUnreachable, match=r"within 0\.1 seconds"):
            node.call("eth_one", [])
        release.set()


def test_a_node_that_drips_is_given_up_too() -> None:
    """Each byte comes in time, the whole never does."""
    server = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def drip() -> None:
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while not stop.wait(0.01):
                try:
                    connection.sendall(b" ")
                except OSError:
                    return

    thread = threading.Thread(target=drip)
    thread.start()
    url = f"http://127.0.0.1:{server.getsockname()[1]}"
    with (
        Node(url, timeout_s=0.2) as node,
        pytest.raises(NodeUnreachable, match=r"within 0\.2 seconds"),
    ):
        node.call("eth_one", [])
    stop.set()
    thread.join()
    server.close()


def _dead_url() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://user:hunter2@127.0.0.1:{probe.getsockname()[1]}/key-1234"


def test_a_node_that_is_not_there_is_unreachable_and_asked_thrice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    with Node(_dead_url()) as node, pytest.raises(NodeUnreachable, match="see that the node runs"):
        node.call("eth_one", [])
    assert len(waits) == 2


def test_a_call_that_may_have_arrived_is_not_repeated() -> None:
    """An anchor must not be sent twice because its answer was lost."""
    server = socket.create_server(("127.0.0.1", 0))
    accepted: list[int] = []

    def hang_up() -> None:
        while True:
            connection, _ = server.accept()
            with connection:
                if not connection.recv(65536):
                    return
                accepted.append(1)

    thread = threading.Thread(target=hang_up)
    thread.start()
    with (
        Node(f"http://127.0.0.1:{server.getsockname()[1]}") as node,
        pytest.raises(NodeUnreachable, match="broke off"),
    ):
        node.call("eth_sendRawTransaction", [])
    with socket.create_connection(server.getsockname()) as last:
        last.shutdown(socket.SHUT_WR)
        thread.join()
    server.close()
    assert len(accepted) == 1


def test_no_secret_of_the_url_shows(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    shown: list[str] = []
    with _node(lambda _: (500, "text/html", b""), path="/key-1234?token=key-1234") as node:
        shown += [node.name, repr(node)]
        with pytest.raises(NodeUnreachable) as caught:
            node.call("eth_one", [])
        shown.append(str(caught.value))
    with Node(_dead_url()) as node, pytest.raises(NodeUnreachable) as caught:
        node.call("eth_one", [])
    shown += [str(caught.value), caplog.text]
    assert caught.value.__suppress_context__
    for text in shown:
        assert "hunter2" not in text
        assert "key-1234" not in text


def test_a_loopback_node_is_not_asked_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with _node(_echo) as node:
        assert node.call("eth_one", []) == []


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://user:pass@node.example/v3/key?k=1", "https://node.example"),
        ("http://[::1]:8545/", "http://[::1]:8545"),
        ("http://127.0.0.1:0", "http://127.0.0.1:0"),
    ],
)
def test_a_name_is_scheme_host_and_port(url: str, name: str) -> None:
    assert node_name(url) == name


@pytest.mark.parametrize(
    "url",
    ["", "node.example", "ws://node.example", "http://", "http://[::1", "http://x:hunter2/"],
)
def test_what_is_no_http_url_is_refused_unquoted(url: str) -> None:
    with pytest.raises(NodeUnreachable, match="http:// or https://") as caught:
        Node(url)
    assert "hunter2" not in str(caught.value)


def test_quantities_are_read_strictly() -> None:
    assert quantity("0x0", "n") == 0
    assert quantity("0xFf", "n") == 255
    assert quantity("0x" + "f" * 64, "n") == 2**256 - 1
    for wrong in (
        None, 1, "", "0x", "1", "0x-1", "0x+1", "0x1_0", "0x 1", "0x1 ", "0x1\n", "0X1", "0xg",
        "0x" + "0" * 65, ["0x1"], True,
    ):  # fmt: skip
        with pytest.raises(NodeInconsistent, match="n: not a quantity"):
            quantity(wrong, "n")  # type: ignore[arg-type] # what JSON could hold


def test_data_is_read_strictly() -> None:
    assert data("0x", "d") == b""
    assert data("0xaB01", "d", 2) == b"\xab\x01"
    for wrong in (None, 1, "", "0", "0x1", "ab", "0xa b1", "0xab\n", "0xgg", ["0x"]):
        with pytest.raises(NodeInconsistent, match="d: not data in hex"):
            data(wrong, "d")  # type: ignore[arg-type] # what JSON could hold
    with pytest.raises(NodeInconsistent, match="d: not 3 bytes in hex"):
        data("0xab01", "d", 3)
