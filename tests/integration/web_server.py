"""A real HTTPS server on the loopback, under a test CA; it says what a test hands it, to the byte.

`Site.guard` is the one place where a fetch may reach the loopback: everything else of the guard is
as in use.
"""

from __future__ import annotations

import datetime
import ipaddress
import json
import socket
import ssl
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from registry.verifying.guarded_https import Guard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HOST = "uni.example"
_MAY_SIGN = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


@dataclass
class Site:
    """answers: what is said for each path; asked: the paths that were, in order."""

    port: int
    authority: Path
    answers: dict[str, Callable[[ssl.SSLSocket], None]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    heads: list[bytes] = field(default_factory=list)
    guard: Guard = field(init=False)

    def __post_init__(self) -> None:
        self.guard = Guard(
            permits=lambda address: address == ipaddress.ip_address("127.0.0.1"),
            resolve=lambda _host, _port: ["127.0.0.1"],
            authorities=lambda: ssl.create_default_context(cafile=str(self.authority)),
            seconds=5.0,
        )

    @property
    def did(self) -> str:
        return f"did:web:{HOST}%3A{self.port}"

    def url(self, path: str) -> str:
        return f"https://{HOST}:{self.port}{path}"

    def within(self, seconds: float) -> Guard:
        return replace(self.guard, seconds=seconds)

    def put(self, path: str, body: bytes | Any, status: str = "200 OK", *headers: str) -> None:
        """A plain answer; anything but bytes is sent as JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(data)}", *headers]
        self.say(path, "\r\n".join(lines).encode() + b"\r\n\r\n" + data)

    def say(self, path: str, *pieces: bytes) -> None:
        def answer(wire: ssl.SSLSocket) -> None:
            for piece in pieces:
                wire.sendall(piece)

        self.answers[path] = answer


@contextmanager
def https_site(folder: Path, host: str = HOST) -> Iterator[Site]:
    authority, certificate = folder / "ca.pem", folder / "site.pem"
    _write_certificates(authority, certificate, host)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        site = Site(listening.getsockname()[1], authority)
        threading.Thread(target=_serve, args=(listening, context, site), daemon=True).start()
        yield site


def _serve(listening: socket.socket, context: ssl.SSLContext, site: Site) -> None:
    while True:
        try:
            wire, _ = listening.accept()
        except OSError:
            return
        threading.Thread(target=_answer, args=(wire, context, site), daemon=True).start()


def _answer(raw: socket.socket, context: ssl.SSLContext, site: Site) -> None:
    # A client that hangs up on us is what some tests are about.
    with raw, suppress(OSError), context.wrap_socket(raw, server_side=True) as wire:
        head = b""
        while b"\r\n\r\n" not in head:
            piece = wire.recv(4096)
            if not piece:
                return
            head += piece
        path = head.split(b" ", 2)[1].decode()
        site.asked.append(path)
        site.heads.append(head)
        site.answers.get(path, _not_found)(wire)


def _not_found(wire: ssl.SSLSocket) -> None:
    wire.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")


def _write_certificates(authority: Path, certificate: Path, host: str) -> None:
    now = datetime.datetime.now(datetime.UTC)
    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test CA")])

    def built(subject: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(ca_name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
        )

    ca_public = ca_key.public_key()
    ca = (
        built(ca_name, ca_public)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(ca_public), critical=False)
        .add_extension(_MAY_SIGN, critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    site = (
        built(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]), key.public_key())
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_public), critical=False
        )
        .sign(ca_key, hashes.SHA256())
    )
    authority.write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    certificate.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + site.public_bytes(serialization.Encoding.PEM)
    )
