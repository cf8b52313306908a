"""The shipped page in Chromium, as the tests use it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from javascript import ROOT
from verifier_cases import NOW

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

    from playwright.sync_api import Browser, BrowserContext, Page

SHIPPED = ROOT / "registry" / "data" / "web" / "verifier.html"
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
DESKTOP, PHONE = (1180, 900), (390, 844)


@dataclass
class Visit:
    """One reader at the page; requests: every URL that was asked for beside the page itself."""

    context: BrowserContext
    page: Page
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @classmethod
    def begin(
        cls,
        browser: Browser,
        place: Path | str = SHIPPED,
        *,
        language: str = "en",
        scheme: Any = "light",
        size: tuple[int, int] = DESKTOP,
        now: datetime | None = NOW,
        **options: Any,
    ) -> Visit:
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            locale=language,
            color_scheme=scheme,
            **options,
        )
        visit = cls(context, context.new_page())
        if now is not None:
            visit.page.clock.set_fixed_time(now)
        visit.page.on("request", lambda request: visit.requests.append(request.url))
        visit.page.on("pageerror", lambda error: visit.errors.append(str(error)))
        visit.page.on("console", lambda message: visit.errors.append(message.text))
        visit.page.goto(place if isinstance(place, str) else place.as_uri())
        return visit

    def end(self) -> None:
        """Nothing went wrong meanwhile, and nobody was asked for anything."""
        self.context.close()
        assert self.errors == []
        assert [url for url in self.requests if not url.startswith(("file:", "data:"))] == []

    def trust(self, policy: str) -> None:
        self.page.fill("#policy", policy)
        self.page.click("#policy-save")

    def trust_blocks(self, blocks: Iterable[object]) -> None:
        self.page.fill("#blocks", "\n".join(map(str, blocks)))
        self.page.click("#chain-save")

    def give(self, **files: bytes) -> None:
        """Pick files; a double underscore in a name stands for a dot."""
        given: Any = [
            {"name": name.replace("__", "."), "mimeType": "application/json", "buffer": raw}
            for name, raw in files.items()
        ]
        self.page.set_input_files("#files", given)

    def verdicts(self, count: int = 1) -> list[str]:
        """Verdicts of all cards in order, once there are so many."""
        self.page.wait_for_selector(f".result >> nth={count - 1}")
        found = self.page.eval_on_selector_all(".result", "all => all.map(e => e.dataset.verdict)")
        assert len(found) == count
        return list(map(str, found))

    def outcomes(self) -> list[str]:
        """One letter a step, for each card."""
        script = (
            "all => all.map(card => [...card.querySelectorAll('.ladder li')]"
            ".map(step => step.dataset.outcome[0]).join(''))"
        )
        return list(map(str, self.page.eval_on_selector_all(".result", script)))

    def raw(self) -> str:
        """What the one answer rests on, opened and read."""
        self.page.click(".raw summary")
        return self.page.inner_text(".raw pre >> nth=0")

    def open_all(self) -> None:
        """Unfold every card, its raw evidence too."""
        self.page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
        self.page.wait_for_function(
            "() => [...document.querySelectorAll('.raw')].every(one => one.querySelector('pre'))"
        )

    def ask_about(self, date: str, time: str = "") -> None:
        """A past moment, in the browser's time zone."""
        self.page.evaluate("document.getElementById('past').open = true")
        self.page.fill("#past-date", date)
        self.page.fill("#past-time", time)
        self.page.click("#past-form [type=submit]")

    def text(self, selector: str) -> str:
        return self.page.inner_text(selector)

    def axe(self) -> list[str]:
        """What axe finds against WCAG 2.2 AA and its best practices, one line each."""
        found: list[str] = self.page.evaluate(
            "async () => (await axe.run(document)).violations.flatMap("
            "v => v.nodes.map(n => `${v.id}: ${n.target} ${n.failureSummary}`))"
        )
        return found
