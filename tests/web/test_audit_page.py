"""`audit --html` in real Chromium: a year of nights, a phone, paper, and what strangers wrote."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from audited_chain import META, Registry, registry_chain
from contract_views import REGISTRY
from pages import AXE, DESKTOP, PHONE, Visit
from report_cases import STRANGE, report

from anchor_service.store.database import Database, insert_one
from anchor_service.store.schema import batch, credential
from registry.auditing.page import audit_page
from registry.auditing.series import Series
from registry.cli import main

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser

    from registry.values import IssuerId

NIGHTS = 40
HOUR_S = 3600
BEGINNING = 1_800_064_800
"""2027-01-16 02:00 UTC."""


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


CREDENTIALS = {0: 3, 1: 120, 3: 1}
"""By night; the batches have 128 leaves each."""


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four nights of an issuer whose database was compared; in one of them another anchored."""
    folder = tmp_path_factory.mktemp("recorded")
    database = Database(f"sqlite:///{folder}/credanchor.db")
    database.migrate()
    with registry_chain() as registry:
        at_night(registry, -1)
        mine, theirs = registry.register(1), registry.register(2)
        for night in range(4):
            at_night(registry, night)
            root = bytes([3, night]) + bytes(30)
            who, issuer = (1, mine) if night in CREDENTIALS else (2, theirs)
            registry.do(who, "anchor", issuer, root, 128, META)
            if night in CREDENTIALS:
                record(database, night, mine, root)
        registry.settle()
        file = folder / "audit.html"
        place = ["--rpc", registry.rpc.url, "--chain", "eip155:31337", "--registry"]
        words = ["--store", str(folder / "store.db"), "--max-age", "100000", "--html", str(file)]
        words += ["--database", f"sqlite:///{database.file}"]
        assert main(["audit", *place, str(REGISTRY), *words]) == 0
    database.close()
    return file


def record(database: Database, night: int, issuer_id: IssuerId, root: bytes) -> None:
    """As the issuer's service has a final batch, its credentials' documents apart."""
    at = BEGINNING + night * 24 * HOUR_S
    with database.write() as connection:
        row = insert_one(
            connection,
            batch,
            issuer="main",
            state="FINAL",
            created=at,
            changed=at,
            tries=0,
            chain=31337,
            registry=bytes(REGISTRY),
            issuer_id=bytes(issuer_id),
            root=root,
            size=128,
            meta_hash=META,
            sealed=at - 60,
            leaves=bytes(128 * 32),
        )
        for number in range(CREDENTIALS[night]):
            digest = bytes([night, number]) + bytes(30)
            values = {"batch": row, "issuer": "main", "created": at, "digest": digest}
            connection.execute(credential.insert().values(values))


def test_credentials_are_counted_by_the_issuers_records(browser: Browser, recorded: Path) -> None:
    visit = Visit.begin(browser, recorded, now=None)
    chart = visit.page.locator("figure", has=visit.page.locator("#credentials-title"))
    assert (
        visit.page.locator("#credentials-title").text_content() == "Credentials anchored per night"
    )
    assert chart.locator("figcaption p").inner_text() == (
        "124 credentials in 3 of 5 nights. By the issuer's own records."
    )
    bars = chart.locator("svg rect title").all_text_contents()
    assert [int(one.rpartition(": ")[2].split()[0]) for one in bars] == [3, 120, 1]
    chart.locator("summary").click()
    assert chart.locator("tbody td").all_inner_texts() == ["3", "120", "1"]
    nothing = "No revocations, no change of keys in 5 nights."
    assert visit.page.locator(".charts > p").inner_text() == nothing
    assert visit.page.locator("figure svg").count() == 3
    # Of all issuers the leaves, which the chain tells; of this one alone the credentials.
    assert "512 leaves in 4 of 5 nights." in visit.page.inner_text("main")
    facts = visit.page.locator(".facts").first.inner_text()
    assert "The issuer's own records" in facts
    visit.end()


def test_without_records_nothing_is_said_of_credentials(browser: Browser, written: Path) -> None:
    visit = Visit.begin(browser, written, now=None)
    assert visit.page.locator("#credentials-title").count() == 0
    assert "Nothing: the chain alone" in visit.page.inner_text("main")
    visit.end()


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


@pytest.mark.parametrize("size", [DESKTOP, PHONE])
def test_no_word_of_ours_is_broken_in_two(
    browser: Browser, recorded: Path, size: tuple[int, int]
) -> None:
    """Long hashes may break anywhere; labels are one line high."""
    visit = Visit.begin(browser, recorded, size=size, now=None)
    lines = visit.page.evaluate(
        "[...document.querySelectorAll('.numbers dt, summary, .findings th')].map(one =>"
        " one.getBoundingClientRect().height / parseFloat(getComputedStyle(one).lineHeight))"
    )
    assert lines
    assert max(lines) < 1.9
    gaps = visit.page.evaluate(
        "[...document.querySelectorAll('.facts dt')].filter(one => {"
        " const a = one.getBoundingClientRect();"
        " const b = one.nextElementSibling.getBoundingClientRect();"
        " const range = document.createRange(); range.selectNodeContents(one);"
        " return range.getBoundingClientRect().right > b.left && a.bottom > b.top + 1 })"
    )
    assert gaps == []
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
