"""The verifier's page as the package ships it: one HTML file, which `web/build.mjs` makes."""

from __future__ import annotations

from html import escape
from importlib.resources import files

from registry.errors import MalformedDocument
from registry.policy import TrustPolicy

_PLACE = '<template id="given-policy"></template>'


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
