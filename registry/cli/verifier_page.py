"""The verifier's page as the package ships it: one HTML file, which `web/build.mjs` makes."""

from __future__ import annotations

import re
from html import escape, unescape
from importlib.resources import files

from registry.errors import MalformedDocument
from registry.judging.policy import TrustPolicy

_PLACE = '<template id="given-policy"></template>'
_META = re.compile(rb'<meta http-equiv="Content-Security-Policy" content="([^"]+)">')


def shipped_page() -> bytes:
    """The page as it is served and saved; about 750 kB of UTF-8."""
    return files("registry").joinpath("data", "web", "verifier.html").read_bytes()


def page_with(policy: bytes | None) -> bytes:
    """The page with a policy inside, which its readers trust unless they name another.

    policy: a TOML file with a table [trust]. It lies outside of what the page's hashes cover, so
    the script stays the very one that was shipped. Raises MalformedDocument for a policy that
    cannot be read.
    """
    page = shipped_page()
    if policy is None:
        return page
    TrustPolicy.parse(policy)
    text = page.decode()
    if text.count(_PLACE) != 1:
        raise MalformedDocument("the page has no place for a policy")
    inside = escape(policy.decode(), quote=False)
    return text.replace(_PLACE, _PLACE.replace("></", f">{inside}</")).encode()


def content_security_policy(page: bytes) -> str:
    """What the page itself says, for a server to say too. Raises MalformedDocument."""
    found = _META.search(page)
    if found is None:
        raise MalformedDocument("the page has no Content-Security-Policy")
    return unescape(found[1].decode())
