"""Fetches one document over HTTPS from a host that a stranger's file has named.

Whoever writes a credential chooses what its verifier connects to. So: HTTPS alone; a host name,
which must resolve to public addresses and nothing else; the connection goes to the very address
that was checked, so that a second answer of the resolver changes nothing; no redirect is followed,
no proxy asked, no compression taken; bytes and seconds are limited in all, however slowly they
drip. What fails says nothing about any credential.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from registry.errors import NotFetched
from registry.report import printable

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    import httpcore

    Address = ipaddress.IPv4Address | ipaddress.IPv6Address

DEFAULT_SECONDS = 10.0
_PIECE_BYTES = 64 * 1024
_MAX_ADDRESSES = 8
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_HOST = re.compile(rf"(?=.{{1,253}}\Z)(?:{_LABEL}\.)+(?=[A-Za-z]){_LABEL}")
"""A name of two labels at least whose last is no number: no IP address, no `localhost`."""

_UNICAST = ipaddress.ip_network("2000::/3")
"""All of IPv6 that is public lies here; what embeds IPv4 elsewhere (mapped, NAT64) does not."""
_NOT_PUBLIC = tuple(
    map(
        ipaddress.ip_network,
        (
            "192.0.0.0/24",  # protocol assignments (RFC 6890)
            "192.88.99.0/24",  # 6to4 relays (RFC 7526)
            "2001::/23",  # Teredo and other protocol assignments (RFC 2928)
            "2002::/16",  # 6to4: an IPv4 address inside
            "3fff::/20",  # documentation (RFC 9637)
        ),
    )
)


def is_public(address: Address) -> bool:
    """Whether it is a unicast address of the public internet, by IANA's special-purpose registries.

    Not so: private, loopback, link-local, unique local, shared (CGNAT), multicast, reserved,
    documentation, and every IPv6 address with an IPv4 address inside.
    """
    if isinstance(address, ipaddress.IPv6Address) and address not in _UNICAST:
        return False
    if any(address in network for network in _NOT_PUBLIC if network.version == address.version):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def look_up(host: str, port: int) -> list[str]:
    """Every address that the system's resolver gives. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def _public_authorities() -> ssl.SSLContext:
    import httpx

    return httpx.create_ssl_context()


@dataclass(frozen=True, slots=True)
class Guard:
    """What a fetch may reach. The defaults are the only ones in use outside tests."""

    permits: Callable[[Address], bool] = is_public
    resolve: Callable[[str, int], list[str]] = look_up
    authorities: Callable[[], ssl.SSLContext] = field(default=_public_authorities)
    seconds: float = DEFAULT_SECONDS


def fetch(url: str, max_bytes: int, guard: Guard) -> bytes:
    """The body of the answer to one GET, at most `max_bytes` of it.

    Raises NotFetched, with a sentence that names the host and what is the matter.
    """
    import httpcore

    host, port = _place(url)
    clock = _Clock(host, time.monotonic() + guard.seconds)
    addresses = _checked_addresses(host, port, guard, clock)
    backend = _pinned(addresses, clock)
    with (
        httpcore.ConnectionPool(
            ssl_context=guard.authorities(), network_backend=backend, max_connections=1
        ) as pool,
    ):
        try:
            with pool.stream("GET", url, headers=_headers(host, port)) as response:
                return _body(response, host, max_bytes, clock)
        except (httpcore.TimeoutException, TimeoutError):
            raise NotFetched(f"{host} took longer than {guard.seconds:g} s") from None
        except (OSError, httpcore.NetworkError, httpcore.ProtocolError) as error:
            said = printable(str(error) or type(error).__name__)
            raise NotFetched(f"{host} gave no answer over HTTPS: {said}") from None


def _headers(host: str, port: int) -> list[tuple[str, str]]:
    place = host if port == 443 else f"{host}:{port}"
    accepts = "application/did+json, application/vc, application/json;q=0.9, */*;q=0.1"
    return [
        ("Host", place),
        ("Accept", accepts),
        ("Accept-Encoding", "identity"),
        ("User-Agent", "credanchor"),
    ]


def _place(url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or 443
    except ValueError:
        raise NotFetched("its place is no URL") from None
    if parts.scheme != "https" or parts.username is not None or parts.password is not None:
        raise NotFetched("its place is no https:// URL")
    if not _HOST.fullmatch(host) or not url.isascii() or not url.isprintable() or " " in url:
        raise NotFetched(f"its place names no host on the internet: {printable(host, 80)}")
    return host, port


@dataclass(frozen=True, slots=True)
class _Clock:
    """Until when everything must be done, on the monotonic clock."""

    host: str
    deadline: float

    def left(self) -> float:
        """Seconds. Raises TimeoutError once there are none."""
        seconds = self.deadline - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds


def _checked_addresses(host: str, port: int, guard: Guard, clock: _Clock) -> list[str]:
    """What the name stands for; refused if any of it is not public, whatever else is."""
    answers: list[list[str] | OSError] = []

    def ask() -> None:
        try:
            answers.append(guard.resolve(host, port))
        except (OSError, UnicodeError) as error:
            answers.append(OSError(str(error)))

    # The system's resolver knows no time limit; one that hangs is left behind.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(clock.left())
    if not answers:
        raise NotFetched(f"the name {host} did not resolve in time")
    found = answers[0]
    if isinstance(found, OSError) or not found:
        raise NotFetched(f"the name {host} does not resolve")
    for text in found:
        if not guard.permits(ipaddress.ip_address(text.partition("%")[0])):
            raise NotFetched(f"{host} is at {text}, which is no address of the public internet")
    return found[:_MAX_ADDRESSES]


def _body(response: httpcore.Response, host: str, max_bytes: int, clock: _Clock) -> bytes:
    if 300 <= response.status < 400:
        raise NotFetched(f"{host} redirects to another place, which is not followed")
    if response.status != 200:
        raise NotFetched(f"{host} answered with HTTP status {response.status}")
    headers = {name.lower(): value for name, value in response.headers}
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise NotFetched(f"{host} sent it compressed, though asked not to")
    body = bytearray()
    for piece in response.iter_stream():
        clock.left()
        body += piece
        if len(body) > max_bytes:
            raise NotFetched(f"{host} sent more than {max_bytes:,} bytes")
    return bytes(body)


def _pinned(addresses: list[str], clock: _Clock) -> httpcore.NetworkBackend:
    """A network on which every name is one of `addresses`, and all time is what is left."""
    import httpcore

    class Timed(httpcore.NetworkStream):
        def __init__(self, stream: httpcore.NetworkStream) -> None:
            self._stream = stream

        def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
            return self._stream.read(min(max_bytes, _PIECE_BYTES), clock.left())

        def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
            self._stream.write(buffer, clock.left())

        def close(self) -> None:
            self._stream.close()

        def start_tls(
            self,
            ssl_context: ssl.SSLContext,
            server_hostname: str | None = None,
            timeout: float | None = None,  # noqa: ARG002
        ) -> httpcore.NetworkStream:
            return Timed(self._stream.start_tls(ssl_context, server_hostname, clock.left()))

        def get_extra_info(self, info: str) -> Any:
            return self._stream.get_extra_info(info)

    class Pinned(httpcore.NetworkBackend):
        def connect_tcp(
            self,
            host: str,  # noqa: ARG002 - whatever it is called, it is where it was checked to be
            port: int,
            timeout: float | None = None,  # noqa: ARG002
            local_address: str | None = None,
            socket_options: Any = None,
        ) -> httpcore.NetworkStream:
            failure: Exception | None = None
            for address in addresses:
                try:
                    stream = httpcore.SyncBackend().connect_tcp(
                        address, port, clock.left(), local_address, socket_options
                    )
                except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                    failure = error
                else:
                    return Timed(stream)
            assert failure is not None
            raise failure

    return Pinned()
