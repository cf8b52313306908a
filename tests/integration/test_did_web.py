"""Fetching over real TLS: what is believed, and every way in which a hostile host can misbehave."""

from __future__ import annotations

import gzip
import ipaddress
import json
import threading
import time
import tracemalloc
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from web_server import HOST, Site, https_site

from registry.documents.did_document import MAX_DID_DOCUMENT_BYTES
from registry.errors import MalformedValue, NotFetched
from registry.verifying.did_web import document_url, fetch_document
from registry.verifying.guarded_https import Guard, fetch, is_public

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

PLACE = "/.well-known/did.json"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with https_site(tmp_path_factory.mktemp("site")) as running:
        yield running


def refusal(site: Site, path: str = PLACE, guard: Guard | None = None, limit: int = 1000) -> str:
    """Why it was not fetched. It never takes more than a second longer than its limit."""
    used = guard or site.guard
    began = time.monotonic()
    with pytest.raises(NotFetched) as caught:
        fetch(site.url(path), limit, used)
    assert time.monotonic() - began < used.seconds + 1
    return str(caught.value)


# --- where it is


@pytest.mark.parametrize(
    ("did", "url"),
    [
        ("did:web:uni.example", "https://uni.example/.well-known/did.json"),
        ("did:web:uni.example%3A8443", "https://uni.example:8443/.well-known/did.json"),
        ("did:web:uni.example%3a8443:law:2026", "https://uni.example:8443/law/2026/did.json"),
        ("did:web:a-b.uni.example:x%20y", "https://a-b.uni.example/x%20y/did.json"),
    ],
)
def test_a_dids_document_has_one_place(did: str, url: str) -> None:
    assert document_url(did) == url


@pytest.mark.parametrize(
    "did",
    [
        "did:key:z6Mk",
        "did:web:",
        "did:web:uni.example:",
        "did:web:uni.example::a",
        "did:web:uni.example:..",
        "did:web:uni.example:%2e%2E:a",
        "did:web:uni.example%3A0",
        "did:web:uni.example%3A65536",
        "did:web:uni.example%2Fevil",
        "did:web:user@uni.example",
        "did:web:uni.example/evil",
        "did:web:uni.example?x",
        "did:web:uni.example#key-1",
        "did:web:uni.example:a?x",
        "did:web:uni.exämple",
        "did:web:uni.example\n",
    ],
)
def test_what_is_no_did_web_has_none(did: str) -> None:
    with pytest.raises(MalformedValue):
        document_url(did)


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.0.0.1", "2130706433", "0x7f.1", "[::1]", "a", "uni.example.1", "-a.example"],
)
def test_no_host_is_asked_but_one_with_a_name_on_the_internet(host: str) -> None:
    def never(host: str, port: int) -> list[str]:
        raise AssertionError("resolved")

    with pytest.raises(NotFetched, match=r"names no host on the internet|no URL"):
        fetch(f"https://{host}/did.json", 1000, Guard(resolve=never))


@pytest.mark.parametrize("url", ["http://uni.example/", "file:///etc/passwd", "https://a:b@c.de/"])
def test_nothing_but_https_is_spoken(url: str) -> None:
    with pytest.raises(NotFetched, match="no https:// URL"):
        fetch(url, 1000, Guard())


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700:4700::1111", True),
        ("10.0.0.1", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("127.0.0.1", False),
        ("0.0.0.0", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("192.0.0.8", False),
        ("192.88.99.1", False),
        ("198.18.0.1", False),
        ("224.0.0.1", False),
        ("239.1.2.3", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("::ffff:8.8.8.8", False),
        ("::ffff:127.0.0.1", False),
        ("::7f00:1", False),
        ("64:ff9b::8.8.8.8", False),
        ("64:ff9b::7f00:1", False),
        ("64:ff9b:1::1", False),
        ("2001:0:7f00:1::", False),
        ("2002:7f00:1::", False),
        ("2001:db8::1", False),
        ("3fff::1", False),
        ("fc00::1", False),
        ("fd12::1", False),
        ("fe80::1", False),
        ("fec0::1", False),
        ("ff02::1", False),
    ],
)
def test_only_addresses_of_the_public_internet_are(address: str, *, public: bool) -> None:
    assert is_public(ipaddress.ip_address(address)) is public


# --- fetching it


def test_a_document_is_fetched_from_its_place(site: Site) -> None:
    site.put(PLACE, {"id": site.did})
    assert fetch_document(site.did, site.guard).did == site.did
    site.put("/law/did.json", {"id": f"{site.did}:law"})
    assert fetch_document(f"{site.did}:law", site.guard).did == f"{site.did}:law"
    head = site.heads[-1].lower()
    assert f"host: {HOST}:{site.port}".encode() in head
    assert b"accept-encoding: identity" in head
    assert b"cookie" not in head


def test_a_chunked_answer_is_an_answer(site: Site) -> None:
    body = json.dumps({"id": site.did}).encode()
    site.say(
        PLACE,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        *(b"1\r\n%c\r\n" % byte for byte in body),
        b"0\r\n\r\n",
    )
    assert fetch_document(site.did, site.guard).did == site.did


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"id":"did:web:other.example"}'])
def test_what_lies_there_must_be_that_dids_document(site: Site, body: bytes) -> None:
    site.put(PLACE, body)
    with pytest.raises(NotFetched, match=r"no DID document|another DID"):
        fetch_document(site.did, site.guard)


@pytest.mark.parametrize("status", ["404 Not Found", "500 Oh", "204 No Content", "206 Partial"])
def test_any_other_status_is_no_document(site: Site, status: str) -> None:
    site.put(PLACE, b"", status)
    assert status[:3] in refusal(site)


@pytest.mark.parametrize(
    "target", ["https://elsewhere.example/", "http://169.254.169.254/", "/moved.json"]
)
@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
def test_no_redirect_is_followed(site: Site, status: str, target: str) -> None:
    site.put(PLACE, b"", status, f"Location: {target}")
    before = len(site.asked)
    assert "redirects" in refusal(site)
    assert site.asked[before:] == [PLACE]


def test_at_most_the_limit_is_read(site: Site) -> None:
    site.put(PLACE, b"x" * 1000)
    assert len(fetch(site.url(PLACE), 1000, site.guard)) == 1000
    site.put(PLACE, b"x" * 1001)
    assert "more than 1,000 bytes" in refusal(site)


def test_an_endless_answer_is_cut_off_without_filling_the_memory(site: Site) -> None:
    def endless(wire: ssl.SSLSocket) -> None:
        wire.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        while True:
            wire.sendall(b"x" * 65536)

    site.answers[PLACE] = endless
    tracemalloc.start()
    said = refusal(site, limit=MAX_DID_DOCUMENT_BYTES)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "more than 262,144 bytes" in said
    assert peak < 4 * 2**20


def test_an_endless_head_is_cut_off(site: Site) -> None:
    def endless(wire: ssl.SSLSocket) -> None:
        wire.sendall(b"HTTP/1.1 200 OK\r\n")
        while True:
            wire.sendall(b"X-Padding: " + b"x" * 4096 + b"\r\n")

    site.answers[PLACE] = endless
    assert "gave no answer" in refusal(site)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "gzip, identity"])
def test_a_compressed_answer_is_not_unpacked(site: Site, encoding: str) -> None:
    bomb = gzip.compress(b"0" * 10_000_000)
    site.put(PLACE, bomb, "200 OK", f"Content-Encoding: {encoding}")
    assert "compressed" in refusal(site, limit=MAX_DID_DOCUMENT_BYTES)


@pytest.mark.parametrize("where", ["head", "body", "handshake", "silence"])
def test_however_slowly_it_drips_the_time_is_limited_in_all(site: Site, where: str) -> None:
    over = threading.Event()

    def drip(wire: ssl.SSLSocket) -> None:
        if where == "body":
            wire.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while not over.wait(0.05):
            if where != "silence":
                wire.sendall(b"X")

    try:
        if where == "handshake":
            # A listener whose queue takes the connection, and nobody ever shakes hands.
            import socket

            with socket.create_server(("127.0.0.1", 0)) as listening:
                silent = replace(site, port=listening.getsockname()[1])
                assert "longer than 0.4 s" in refusal(silent, guard=site.within(0.4))
        else:
            site.answers[PLACE] = drip
            assert "longer than 0.4 s" in refusal(site, guard=site.within(0.4))
    finally:
        over.set()


def test_a_resolver_that_hangs_is_left_behind(site: Site) -> None:
    over = threading.Event()

    def hang(host: str, port: int) -> list[str]:
        over.wait(10)
        return ["127.0.0.1"]

    said = refusal(site, guard=replace(site.within(0.2), resolve=hang))
    over.set()
    assert "did not resolve in time" in said


def test_the_connection_goes_to_the_address_that_was_checked(site: Site) -> None:
    """A resolver that changes its answer after the check has no second question to answer."""
    asked = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

    site.put(PLACE, b"here")
    assert fetch(site.url(PLACE), 1000, replace(site.guard, resolve=rebinding)) == b"here"
    assert asked == [HOST]


@pytest.mark.parametrize(
    "addresses", [["10.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["fe80::1%eth0"], ["::ffff:127.0.0.1"]]
)
def test_one_address_that_is_not_public_refuses_the_name(site: Site, addresses: list[str]) -> None:
    before = len(site.asked)
    guard = Guard(resolve=lambda _host, _port: addresses)
    assert "no address of the public internet" in refusal(site, guard=guard)
    assert len(site.asked) == before


def test_a_name_that_does_not_resolve_is_no_address(site: Site) -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise OSError("no such name")

    assert "does not resolve" in refusal(site, guard=replace(site.guard, resolve=unknown))


def test_a_certificate_of_another_name_or_authority_is_refused(site: Site) -> None:
    site.put(PLACE, b"here")
    elsewhere = site.url(PLACE).replace(HOST, "bank.example")
    with pytest.raises(NotFetched, match="certificate"):
        fetch(elsewhere, 1000, site.guard)
    public = replace(site.guard, authorities=Guard().authorities)
    assert "certificate" in refusal(site, guard=public)


def test_no_proxy_of_the_environment_is_asked(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    site.put(PLACE, b"here")
    assert fetch(site.url(PLACE), 1000, site.guard) == b"here"


def test_what_does_not_speak_tls_is_no_answer(site: Site) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listening:
        plain = replace(site, port=listening.getsockname()[1])

        def serve() -> None:
            wire, _ = listening.accept()
            with wire:
                wire.recv(4096)
                wire.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

        thread = threading.Thread(target=serve)
        thread.start()
        assert "gave no answer over HTTPS" in refusal(plain)
        thread.join()
