"""The page asked about a past moment: the field, the sentence, and what it takes to answer."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from pages import Visit
from past_cases import anchored_and_suspended, document, past_bundle, receipt
from test_page import believe
from verifier_cases import signed, unsigned

from registry.formats.receipt import embed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bundle_cases import BundleCase
    from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def told() -> BundleCase:
    return past_bundle(anchored_and_suspended())


@pytest.fixture
def visit(browser: Browser, told: BundleCase) -> Iterator[Visit]:
    """A reader in Berlin, an hour ahead of UTC in winter."""
    visit = Visit.begin(browser, now=told.now, timezone_id="Europe/Berlin")
    believe(visit, told)
    yield visit
    visit.end()


def plain(text: str) -> str:
    return text.replace("\u2068", "").replace("\u2069", "")


def test_the_answer_is_as_of_the_moment_and_says_what_came_since(
    visit: Visit, told: BundleCase
) -> None:
    visit.give(diploma__bundle__json=told.raw)
    assert visit.verdicts() == ["SUSPENDED"]
    visit.ask_about("2026-01-20", "13:00")
    visit.page.wait_for_selector("[data-verdict=VALID]")
    assert visit.outcomes() == ["V" * 11]
    assert plain(visit.text(".verdict")).startswith("Valid as of 20 January 2026 at 12:00 UTC")
    sentence = plain(visit.text(".sentence"))
    assert sentence.startswith("As of 20 January 2026 at 12:00 UTC: issued by Example University")
    status = plain(visit.text("[data-step=status]"))
    assert "Since then: suspended by operation 3, 31 January 2026 at 00:00 UTC." in status
    assert "3 operations up to the final block 70,000" in plain(visit.text("[data-step=evidence]"))
    assert "as of 20 January 2026 at 12:00 UTC" in plain(visit.page.text_content("#live") or "")
    visit.ask_about("2026-02-05")
    visit.page.wait_for_selector("[data-verdict=SUSPENDED]")
    assert plain(visit.text(".sentence")).startswith(
        "As of 4 February 2026 at 23:00 UTC: It was suspended by operation 3, 31 January 2026"
    )
    assert "Go back to now" in visit.text(".todo")
    visit.ask_about("2026-01-10")
    visit.page.wait_for_selector("[data-verdict=NOT_ANCHORED]")
    assert "It was not anchored yet: it was anchored 11 January" in plain(visit.text(".sentence"))
    visit.page.click("#past-now")
    visit.page.wait_for_selector("[data-verdict=SUSPENDED]")
    assert "as of now" in visit.text("#past-state")
    assert "Suspended, as of" in visit.text(".sentence")


def test_the_field_speaks_of_the_readers_time_zone_and_of_utc(visit: Visit) -> None:
    visit.page.click("#past summary")
    assert plain(visit.text("#past-zone")) == "In your time zone, Europe/Berlin."
    visit.page.fill("#past-date", "2026-01-20")
    shown = "In your time zone, Europe/Berlin. That is 19 January 2026 at 23:00 UTC."
    assert plain(visit.text("#past-zone")) == shown
    visit.page.fill("#past-time", "13:30")
    assert "20 January 2026 at 12:30 UTC" in plain(visit.text("#past-zone"))
    visit.page.select_option("#language", "de")
    assert "20. Januar 2026 um 12:30 UTC" in plain(visit.text("#past-zone"))


def test_what_is_no_moment_yet_is_refused_at_the_field(visit: Visit, told: BundleCase) -> None:
    visit.give(diploma__bundle__json=told.raw)
    tomorrow = (told.now + timedelta(days=1)).date().isoformat()
    for date, time, said in (
        (tomorrow, "", "is still to come"),
        ("", "12:00", "Give a whole date"),
    ):
        visit.ask_about(date, time)
        assert said in visit.text("#past-state")
        assert visit.page.get_attribute("#past-date", "aria-invalid") == "true"
        assert visit.page.evaluate("document.activeElement.id") == "past-date"
        described = visit.page.get_attribute("#past-date", "aria-describedby") or ""
        assert "past-state" in described.split()
    assert visit.verdicts() == ["SUSPENDED"]
    visit.ask_about("2026-01-20")
    visit.page.wait_for_selector("[data-verdict=VALID]")
    assert visit.page.get_attribute("#past-date", "aria-invalid") == "false"


def test_the_moment_counts_for_files_given_later_and_is_not_kept(
    visit: Visit, told: BundleCase
) -> None:
    visit.ask_about("2026-01-20")
    visit.give(diploma__bundle__json=told.raw)
    assert visit.verdicts() == ["VALID"]
    visit.page.reload()
    visit.give(diploma__bundle__json=told.raw)
    assert visit.verdicts() == ["SUSPENDED"]


def test_without_a_history_the_page_says_what_it_takes(visit: Visit, told: BundleCase) -> None:
    bare = past_bundle(anchored_and_suspended(), told=False)
    assert bare.trusted == told.trusted
    visit.give(diploma__bundle__json=bare.raw)
    visit.ask_about("2026-01-20")
    visit.page.wait_for_selector("[data-verdict=CANNOT_CHECK]")
    assert "The issuer's history did not come with it, so 19 January 2026" in plain(
        visit.text(".sentence")
    )
    assert "Get a fresh bundle with its issuer's history" in visit.text(".todo")
    visit.page.click("#clear")
    visit.give(diploma__json=json.dumps(embed(document(), receipt())).encode())
    assert visit.verdicts() == ["CANNOT_CHECK"]
    assert "a past moment takes a bundle with its issuer's history" in visit.text(".sentence")
    visit.page.click("#clear")
    visit.give(diploma__json=json.dumps(signed(unsigned())).encode())
    assert visit.verdicts() == ["NOT_ANCHORED"]


def test_a_history_with_a_log_left_out_is_told_as_such(visit: Visit, told: BundleCase) -> None:
    value = json.loads(told.raw)
    value["history"].pop()
    visit.give(diploma__bundle__json=json.dumps(value).encode())
    assert visit.verdicts() == ["SUSPENDED"]  # of now storage alone decides
    visit.ask_about("2026-01-20")
    visit.page.wait_for_selector("[data-verdict=CANNOT_CHECK]")
    assert "2 operations were told, and the contract counts 3" in plain(visit.text(".sentence"))


def test_a_moment_is_asked_about_by_keyboard(visit: Visit, told: BundleCase) -> None:
    visit.give(diploma__bundle__json=told.raw)
    visit.verdicts()
    press, keyboard = visit.page.keyboard.press, visit.page.keyboard
    visit.page.focus("#past summary")
    press("Enter")
    press("Tab")
    keyboard.type("01202026")  # as the browser's own locale has it
    visit.page.focus("#past-time")
    keyboard.type("0100PM")
    assert "20 January 2026 at 12:00 UTC" in plain(visit.text("#past-zone"))
    press("Enter")
    visit.page.wait_for_selector("[data-verdict=VALID]")
    visit.page.wait_for_selector("#results-title:focus")
