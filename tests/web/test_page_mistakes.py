"""What people give by mistake, and nodes that answer no page: said so that it helps."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest
from pages import Visit
from verifier_cases import dump, good_case, signed, unsigned
from web_cases import policy_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

FILES = {
    "diploma.pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "This is a PDF, which", ".json"),
    "badge.png": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "This is a picture, which", ".json"),
    "photo.jpg": (b"\xff\xd8\xff\xe0\0\x10JFIF", "This is a picture, which", ".json"),
    "diploma.docx": (b"PK\x03\x04\x14\0", "This is an archive or an office document", ".json"),
    "diploma.json.gz": (gzip.compress(b"{}"), "This is an archive", ".json"),
    "page.html": (b" \n<!doctype html>", "This is a web page, which", ".json"),
    "vc.jwt": (b"eyJhbGciOiJFUzI1NiJ9.eyJ2YyI6e319.c2ln", "another form (JWT)", ".json"),
    "trust.toml": (b"# whom we trust\n[trust]\n", "This is a trust policy", "Whom do you trust?"),
    "empty.json": (b"", "there is no JSON value", "as it was downloaded"),
}


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    visit = Visit.begin(browser)
    yield visit
    visit.context.close()


def test_what_cannot_be_a_credential_is_called_by_its_name(visit: Visit) -> None:
    for name, (raw, said, advice) in FILES.items():
        visit.give(**{name.replace(".", "__"): raw})
        assert visit.verdicts() == ["MALFORMED"]
        assert said in visit.text(".sentence"), name
        assert advice in visit.text(".todo"), name
        visit.page.click("#clear")


def test_a_huge_file_is_refused_unread_with_its_true_size(visit: Visit) -> None:
    visit.page.evaluate(
        """() => {
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File(["[".repeat(5e7)], "huge.json"));
          const event = new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true });
          document.getElementById("drop").dispatchEvent(event);
        }"""
    )
    assert visit.verdicts() == ["MALFORMED"]
    sentence = visit.text(".sentence")
    assert "50,000,000 bytes, where at most 4,194,304 are read" in sentence


def test_nothing_pasted_is_said_at_the_field(visit: Visit) -> None:
    visit.page.click("#paste")
    visit.page.click("#check")
    assert visit.text("#paste-state") == "Paste the text first."
    assert visit.page.get_attribute("#pasted", "aria-invalid") == "true"
    assert visit.page.evaluate("document.activeElement.id") == "pasted"
    visit.page.fill("#pasted", "{}")
    visit.page.click("#check")
    assert visit.verdicts() == ["MALFORMED"]
    assert visit.page.text_content("#paste-state") == ""


def test_many_files_are_counted_off_while_they_are_judged(visit: Visit) -> None:
    seen = """() => {
      window.seen = new Set();
      new MutationObserver(() => window.seen.add(document.getElementById("busy").textContent))
        .observe(document.getElementById("busy"), { childList: true });
    }"""
    visit.page.evaluate(seen)
    visit.give(a__json=b"{", b__json=b"{}", c__json=b"[]")
    visit.verdicts(3)
    told = visit.page.evaluate("[...window.seen]")
    names = [f"Checking \u2068{name}.json\u2069…" for name in "abc"]
    assert told == [*names, ""]
    assert visit.page.is_hidden("#busy")


def test_of_many_answers_a_screen_reader_hears_how_many(visit: Visit) -> None:
    visit.give(**{f"{name}__json": b"{" for name in "abcdef"})
    visit.verdicts(6)
    assert visit.page.text_content("#live") == "6 answers, one below the other."
    assert visit.page.evaluate("document.activeElement.id") == "results-title"


def test_a_node_that_answers_no_page_is_named_with_what_to_do(visit: Visit) -> None:
    """A closed port and a node that does not allow pages look alike to a page."""
    case = good_case()
    visit.trust(policy_text(case.policy))
    visit.give(diploma__json=case.raw)
    assert visit.verdicts() == ["CANNOT_CHECK"]
    assert "no node is named" in visit.text(".sentence")
    visit.page.fill("#nodes", "http://127.0.0.1:9/secret-key")
    visit.page.click("#chain-save")
    visit.page.wait_for_function(
        "() => document.querySelector('.sentence').textContent.includes('127.0.0.1:9')",
        timeout=20_000,
    )
    sentence = visit.text(".sentence")
    assert "no answer, or none that a page may read" in sentence
    assert "secret-key" not in sentence
    assert "(CORS)" in visit.text(".todo")
    assert visit.verdicts() == ["CANNOT_CHECK"]


def test_a_credential_without_its_receipt_says_what_is_missing(visit: Visit) -> None:
    visit.give(diploma__json=dump(signed(unsigned())))
    assert visit.verdicts() == ["NOT_ANCHORED"]
    assert "Ask for the file with its receipt" in visit.text(".todo")
