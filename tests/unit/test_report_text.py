from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from verifier_cases import good_case

from registry.cli.report_text import Look
from registry.proofs.evidence import NoEvidence

if TYPE_CHECKING:
    from registry.report import Report


class Screen(io.TextIOWrapper):
    def __init__(self, encoding: str = "utf-8", *, tty: bool = True) -> None:
        super().__init__(io.BytesIO(), encoding)
        self._tty = tty

    def isatty(self) -> bool:
        return self._tty


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")


def some_report() -> Report:
    """With steps that are valid, unknown and skipped."""
    return good_case().but(evidence=NoEvidence("asked offline")).verify()


def test_every_step_is_one_line_with_number_name_mark_and_word() -> None:
    shown = list(Look(colour=False, ascii_only=False).steps(some_report()))
    lines = [line for line in shown if "→" not in line]
    assert len(lines) == 11
    assert lines[0] == "   1 parse      ✓ valid    Strict JSON, and the shape of a credential."
    assert lines[5].startswith("   6 evidence   ? unknown  The chain was not read")
    assert lines[6].startswith("   7 anchor     - skipped  ")
    assert lines[10].startswith("  11 finality   - skipped  ")


def test_what_to_do_stands_under_its_step() -> None:
    lines = list(Look(colour=False, ascii_only=False).steps(some_report()))
    place = next(n for n, line in enumerate(lines) if "→" in line)
    assert lines[place - 1].startswith("   6 evidence   ? unknown")
    assert lines[place].strip().startswith("→ Ask a node, or another one: --rpc URL.")


def test_marks_fall_back_to_ascii() -> None:
    lines = list(Look(colour=False, ascii_only=True).steps(some_report()))
    assert all(line.isascii() for line in lines)
    assert "+ valid" in lines[0]
    assert any("-> Ask a node, or another one" in line for line in lines)


@pytest.mark.parametrize(
    ("screen", "look"),
    [
        (Screen(), Look(colour=True, ascii_only=False)),
        (Screen(tty=False), Look(colour=False, ascii_only=False)),
        (Screen("ascii"), Look(colour=True, ascii_only=True)),
        (Screen("latin-1", tty=False), Look(colour=False, ascii_only=True)),
    ],
)
def test_the_look_follows_what_the_stream_can_show(screen: Screen, look: Look) -> None:
    assert Look.of(screen) == look


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_colour_can_be_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    assert not Look.of(Screen()).colour


def test_colour_adds_nothing_but_colour() -> None:
    report = some_report()
    coloured = Look(colour=True, ascii_only=False).headline(report)
    assert coloured == "\x1b[33mCANNOT_CHECK\x1b[0m: The chain was not read: asked offline."
    assert Look(colour=False, ascii_only=False).headline(report) == report.sentence
    assert Look(colour=True, ascii_only=False).headline(good_case().verify()).startswith("\x1b[32m")
    broken = good_case().but(raw=b"{").verify()
    assert Look(colour=True, ascii_only=False).headline(broken).startswith("\x1b[31m")
