"""A receiver of webhooks on this machine, that answers as a test tells it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = b"a secret of more than 24 bytes"


@dataclass
class Receiver:
    """Answers with each of `statuses` in turn, then with 204; messages: what came."""

    port: int
    statuses: list[int] = field(default_factory=list)
    messages: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    came: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    @property
    def told(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.messages]

    @property
    def ids(self) -> list[str]:
        return [headers["webhook-id"] for headers, _ in self.messages]


def signature(headers: dict[str, str], body: bytes) -> str:
    """What Standard Webhooks wants under SECRET, made apart from the code that is tested."""
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    made = hmac.new(SECRET, signed, hashlib.sha256).digest()
    return "v1," + base64.b64encode(made).decode()


@contextmanager
def receiving() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            opened.messages.append(({k.lower(): v for k, v in self.headers.items()}, body))
            status = opened.statuses.pop(0) if opened.statuses else 204
            self.send_response(status)
            if status == 302:
                self.send_header("Location", f"http://127.0.0.1:{opened.port}/elsewhere")
            self.end_headers()
            opened.came.set()

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    opened = Receiver(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield opened
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
