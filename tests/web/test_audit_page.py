"""`audit --html` in real Chromium: a year of nights, a phone, paper, and what strangers wrote."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from audited_chain import META, Registry, registry_chain
from chromium import running_chromium
from contract_views import REGISTRY
from pages import AXE, DESKTOP, PHONE, Visit
from report_cases import STRANGE, report

from registry.audit_page import audit_page
from registry.audit_series import Series
from registry.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

NIGHTS = 40
HOUR_S = 3600
BEGINNING = 1_800_064_800
"""2027-01-16 02:00 UTC."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


def at_night(registry: Registry, night: int, hour: int = 0) -> None:
    registry.rpc("evm_setNextBlockTimestamp", BEGINNING + night * 24 * HOUR_S + hour * HOUR_S)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two issuers over forty nights: one missed, revocations, keys that change; as a page."""
    folder = tmp_path_factory.mktemp("pages")
    with registry_chain() as registry:
        at_night(registry, -1)
        mine, theirs = registry.register(1), registry.register(2)
        for night in range(NIGHTS):
            if night in (17, 18):
                continue
            at_night(registry, night)
            root = bytes([1, night]) + bytes(30)
            registry.do(1, "anchor", mine, root, 128 * (1 + night * 7 % 5), META)
            if night % 6 == 5:
                at_night(registry, night, 9)
                registry.do(1, "change_status", mine, root, 2, [(0, 4 ** (night % 9 + 1) // 3)])
            if night in (3, 30):
                registry.do(1, "set_delegate", mine, registry.people[5], 1, 2**40 - 1)
                registry.do(2, "anchor", theirs, bytes([2, night]) + bytes(30), 128, META)
            if night == 21:
                registry.do(1, "set_did", mine, b"\x77" * 32, STRANGE.encode())
            if night == 25:
                registry.do(1, "bump_epoch", mine)
                registry.do(1, "revoke_batch", mine, root)
        registry.settle()
        file = folder / "audit.html"
        place = ["--rpc", registry.rpc.url, "--chain", "eip155:31337", "--registry"]
        store = ["--store", str(folder / "store.db"), "--every", "36", "--max-age", "100000"]
        assert main(["audit", *place, str(REGISTRY), *store, "--html", str(file), "--cost"]) == 0
    return file


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE, (320, 256)])
def test_all_can_read_it(
    browser: Browser, written: Path, scheme: str, size: tuple[int, int]
) -> None:
    visit = Visit.begin(browser, written, scheme=scheme, size=size, now=None, bypass_csp=True)
    visit.page.add_script_tag(path=AXE)
    visit.page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    assert visit.axe() == []
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= size[0]
    visit.end()


def test_it_shows_what_the_chain_holds(browser: Browser, written: Path) -> None:
    visit = Visit.begin(browser, written, now=None)
    said = visit.page.inner_text("main")
    assert "Logs and storage agree" in said
    assert f"{NIGHTS} anchors in 38 of 41 nights." in said
    assert visit.page.locator("#anchors-title").text_content() == "Anchors per night"
    assert visit.page.locator("svg[aria-labelledby^=anchors] rect").count() == 38
    assert visit.page.locator("svg[aria-labelledby^=revocations] rect").count() == 6
    assert visit.page.locator("svg[aria-labelledby^=keys] circle").count() == 4
    assert "on the word of http://127.0.0.1" in said
    assert "anchored 72.0 hours after the anchor before" in said
    visit.end()


def test_it_prints(browser: Browser, written: Path, tmp_path: Path) -> None:
    visit = Visit.begin(browser, written, scheme="dark", now=None)
    pdf = visit.page.pdf(path=tmp_path / "audit.pdf", format="A4")
    assert pdf.startswith(b"%PDF-")
    assert 2 <= pdf.count(b"/Type /Page\n") <= 8
    visit.page.emulate_media(media="print")
    paper = visit.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert paper == "rgb(255, 255, 255)"
    visit.end()


def test_nothing_that_a_stranger_wrote_is_markup(browser: Browser, tmp_path: Path) -> None:
    one = report()
    wild = replace(one, ground=replace(one.ground, names=(STRANGE,), kind="one node"))
    file = tmp_path / "wild.html"
    nothing = Series({}, {}, None, {}, (), None, None)
    page = audit_page(wild, nothing, None, "", at=1_800_000_000, tool=STRANGE)
    file.write_text(page, "utf-8")
    assert "<script" not in page
    assert not any(c in page for c in "\u202e\x1b")
    visit = Visit.begin(browser, file, now=None)
    shown: Any = visit.page.inner_text("article h3")
    assert shown == "</title><script>alert(1)</script>\\u202e\\x1b[31m"
    assert visit.page.locator("script").count() == 0
    visit.end()


def test_no_script_could_run_even_if_one_got_in(browser: Browser, written: Path) -> None:
    visit = Visit.begin(browser, written, now=None)
    visit.page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'),"
        " { textContent: 'window.ran = true' }))"
    )
    assert visit.page.evaluate("window.ran") is None
    assert any("Content Security Policy" in one for one in visit.errors)
    visit.errors.clear()
    visit.end()
