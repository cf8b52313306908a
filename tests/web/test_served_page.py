"""The page as the API serves it: the shipped bytes, their headers, and at work in Chromium."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from api_in_process import UNLIMITED, new_app, open_url, sqlite
from bundle_cases import bundle_case
from javascript import ROOT
from pages import SHIPPED, Visit
from verifier_cases import signed, unsigned
from web_cases import policy_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with (
        sqlite(tmp_path_factory.mktemp("served")) as database,
        open_url(new_app(database, settings=UNLIMITED)) as url,
    ):
        yield f"{url}/verify"


def test_it_is_the_shipped_page_to_the_byte_for_everyone(place: str) -> None:
    got = httpx.get(place)
    assert got.status_code == 200
    assert got.content == SHIPPED.read_bytes()
    assert got.headers["content-type"] == "text/html; charset=utf-8"
    head = httpx.head(place)
    assert (head.status_code, head.content) == (200, b"")
    told = {"date", "x-request-id"}
    assert {**head.headers, **dict.fromkeys(told)} == {**got.headers, **dict.fromkeys(told)}
    assert httpx.post(place).status_code == 405


def test_its_headers_say_what_it_says_itself_and_more(place: str) -> None:
    headers = httpx.get(place).headers
    policy = headers["content-security-policy"]
    text = SHIPPED.read_text("utf-8")
    assert policy.removesuffix("; frame-ancestors 'none'") in text
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert policy.endswith("; frame-ancestors 'none'")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "public, no-cache"


def test_who_has_it_already_gets_it_no_second_time(place: str) -> None:
    tag = httpx.get(place).headers["etag"]
    for condition in (tag, f'"other", W/{tag}', "*"):
        for method in ("GET", "HEAD"):
            again = httpx.request(method, place, headers={"If-None-Match": condition})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["etag"] == tag
    assert httpx.get(place, headers={"If-None-Match": '"other"'}).status_code == 200


def test_it_works_under_its_own_policy_and_asks_the_server_for_nothing_more(
    place: str, browser: Browser
) -> None:
    case = bundle_case(signed(unsigned()))
    visit = Visit.begin(browser, place)
    visit.trust(policy_text(case.policy))
    visit.trust_blocks(case.trusted)
    visit.give(diploma__bundle__json=case.raw)
    assert visit.verdicts() == ["VALID"]
    visit.context.close()
    assert visit.errors == []
    assert [url for url in visit.requests if not url.startswith("data:")] == [place]


def test_the_manual_says_where_it_is() -> None:
    assert "`GET /verify`" in (ROOT / "docs" / "api.md").read_text("utf-8")
