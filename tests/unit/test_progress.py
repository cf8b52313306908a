"""Progress as a pipe and as a terminal show it."""

from __future__ import annotations

import io

import pytest

from registry.progress import Progress


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def _lines(total: int | None, steps: list[tuple[float, int]], *, quiet: bool = False) -> list[str]:
    """What a pipe shows of (seconds, count) steps."""
    clock, pipe = Clock(), io.StringIO()
    with Progress("seal", total, "credentials", quiet=quiet, stream=pipe, clock=clock) as progress:
        for seconds, count in steps:
            clock.now_s += seconds
            progress.advance(count)
    return pipe.getvalue().splitlines()


def test_a_pipe_gets_lines_with_rate_and_time_left_and_a_closing_line() -> None:
    assert _lines(4000, [(5, 1000), (5, 2000), (2, 1000)]) == [
        "seal: 1,000 of 4,000 credentials so far, 200/s, 15 s left",
        "seal: 3,000 of 4,000 credentials so far, 300/s, 3 s left",
        "seal: 4,000 of 4,000 credentials done, 333/s, 12.0 s",
    ]


def test_steps_of_milliseconds_make_no_lines_but_the_last() -> None:
    assert _lines(1000, [(0.001, 1)] * 1000) == [
        "seal: 1,000 of 1,000 credentials done, 1,000/s, 1.0 s"
    ]


def test_slow_work_says_each_minute_that_it_moves() -> None:
    shown = _lines(1_000_000, [(10, 10)] * 13)
    assert [line.split(" of ")[0] for line in shown] == ["seal: 60", "seal: 120", "seal: 130"]


def test_an_unknown_amount_has_no_time_left() -> None:
    assert _lines(None, [(5, 10), (5, 10)]) == [
        "seal: 10 credentials so far, 2/s",
        "seal: 20 credentials so far, 2/s",
        "seal: 20 credentials done, 2/s, 10.0 s",
    ]


def test_more_than_was_expected_has_no_time_left_below_zero() -> None:
    assert _lines(1, [(5, 2)])[0].endswith("0 s left")


def test_nothing_done_needs_no_line() -> None:
    assert _lines(None, []) == []


def test_quiet_prints_nothing() -> None:
    assert _lines(10, [(60, 10)], quiet=True) == []


def _break_off(progress: Progress) -> None:
    progress.advance(3)
    raise ValueError("broken")


def test_work_that_fails_is_not_called_done() -> None:
    pipe = io.StringIO()
    progress = Progress("seal", 10, "credentials", stream=pipe, clock=Clock())
    with pytest.raises(ValueError, match="broken"), progress:
        _break_off(progress)
    assert "3 of 10 credentials when it stopped" in pipe.getvalue()


def test_a_terminal_gets_a_bar_that_leaves_nothing_behind() -> None:
    terminal = Terminal()
    with Progress("seal", 10, "credentials", stream=terminal) as progress:
        progress.advance(10)
    shown = terminal.getvalue()
    assert "seal" in shown
    assert "0/10" in shown
    assert shown.endswith("\r")


def test_a_quiet_terminal_stays_empty() -> None:
    terminal = Terminal()
    with Progress("seal", 10, "credentials", quiet=True, stream=terminal) as progress:
        progress.advance(10)
    assert terminal.getvalue() == ""


def test_goes_to_stderr_as_answers_go_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress("seal", 1, "credentials") as progress:
        progress.advance()
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("seal: 1 of 1 credentials done")
