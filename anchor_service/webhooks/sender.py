"""One webhook message over HTTP: signed as Standard Webhooks has it, to the address that was meant.

The signature is `v1,` and the base64 of HMAC-SHA256 over `<id>.<timestamp>.<body>`. The receiver
checks it and the timestamp's age, and drops what it has had under that id.

Who can write the settings can name a host; so unless the endpoint says otherwise the host must
resolve to public addresses only, the connection goes to the very address that was looked at, and
no redirect is followed.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from base64 import b64encode
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from registry.verifying.guarded_https import is_public, look_up

if TYPE_CHECKING:
    import httpx

    from anchor_service.webhooks.settings import Endpoint

TIMEOUT_S = 10.0


class NotDelivered(Exception):
    """Why, without the URL: it may hold a token."""


def signature(secret: bytes, name: str, timestamp: int, body: bytes) -> str:
    signed = f"{name}.{timestamp}.".encode() + body
    return "v1," + b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()


def send(client: httpx.Client, endpoint: Endpoint, name: str, body: bytes, now: int) -> None:
    """Raises NotDelivered unless the receiver answers 2xx."""
    import httpx

    parts = urlsplit(endpoint.url)
    host = parts.hostname or ""
    address = _address(endpoint, host, parts.port or (443 if parts.scheme == "https" else 80))
    shown = f"[{address}]" if ":" in address else address
    url = parts._replace(netloc=shown if parts.port is None else f"{shown}:{parts.port}")
    headers = {
        "Host": host if parts.port is None else f"{host}:{parts.port}",
        "Content-Type": "application/json",
        "User-Agent": "credanchor",
        "webhook-id": name,
        "webhook-timestamp": str(now),
        "webhook-signature": signature(endpoint.secret, name, now, body),
    }
    try:
        with client.stream(
            "POST",
            url.geturl(),
            content=body,
            headers=headers,
            extensions={"sni_hostname": host},
        ) as answer:
            status = answer.status_code
    except httpx.HTTPError as error:
        raise NotDelivered(type(error).__name__) from None
    if not 200 <= status < 300:
        raise NotDelivered(f"answered {status}")


def new_client() -> httpx.Client:
    """No proxy of the environment is asked: it would connect to what was not looked at."""
    import httpx

    return httpx.Client(timeout=TIMEOUT_S, follow_redirects=False, trust_env=False)


def _address(endpoint: Endpoint, host: str, port: int) -> str:
    try:
        found = look_up(host, port)
    except OSError:
        raise NotDelivered("the host is not known") from None
    public = [one for one in found if is_public(ipaddress.ip_address(one.partition("%")[0]))]
    if not endpoint.allow_private and (not found or len(public) < len(found)):
        raise NotDelivered("the host is not on the public internet, and allow_private is not set")
    return found[0]
