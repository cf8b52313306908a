"""Settings of all tests, and what fault campaigns have counted, shown at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from anchor_service.engine import keys
from anchor_service.issuing import pkcs8

if TYPE_CHECKING:
    from collections.abc import Iterator

# How long an example takes says more of the machine than of the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

_COLUMNS = ("faults", "credentials", "lost", "doubled", "no receipt", "stray anchors")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Sums over the tests that put faults in (`Tally.told`), whether they passed or not."""
    sums: dict[str, tuple[int, ...]] = {}
    told: list[str] = []
    reports = [one for those in terminalreporter.stats.values() for one in those]
    for report in (one for one in reports if getattr(one, "when", None) == "teardown"):
        for name, value in report.user_properties:
            if name == "faults":
                for kind, numbers in value.items():
                    before = sums.get(kind, (0,) * len(_COLUMNS))
                    sums[kind] = tuple(map(sum, zip(before, numbers, strict=True)))
            elif name == "told":
                told.append(value)
    if not sums:
        return
    sums["all"] = tuple(map(sum, zip(*sums.values(), strict=True)))
    terminalreporter.section("faults put in, and what became of the credentials")
    width = max(map(len, sums))
    terminalreporter.write_line(" " * width + "".join(f"{one:>15}" for one in _COLUMNS))
    for kind, numbers in sums.items():
        row = "".join(f"{one:>15,}" for one in numbers)
        terminalreporter.write_line(f"{kind:<{width}}{row}")
    for one in told:
        terminalreporter.write_line(one)


@pytest.fixture(scope="session", autouse=True)
def weak_keystores() -> Iterator[None]:
    """A password in a moment, in this process: each command asks for one, hundreds of times."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keys, "SCRYPT_N", 2)
        patch.setattr(pkcs8, "ITERATIONS", 1)
        yield
