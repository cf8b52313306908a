"""docs/library.md: its examples run, against a real chain, and print what the page says.

Each block after `<!-- run -->` is run in the same namespace as those before it. With
CREDANCHOR_WRITE_DOCS=1 in the environment the outputs are written anew instead.
"""

from __future__ import annotations

import inspect
import os
import re
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

from library_world import world
from rpc_proxy import proxied
from test_verdict_docs import NOW

from registry import MalformedDocument, MalformedPolicy, MalformedValue, Verifier
from registry.verifying import library

if TYPE_CHECKING:
    import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs" / "library.md"
_EXAMPLE = re.compile(
    r"(?<=<!-- run -->\n```python\n)(.*?)(```\n\n```text\n)(.*?)(?=```)", re.DOTALL
)
_NODES = [f"http://127.0.0.1:{port}" for port in (8545, 8546)]


class Clock(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Clock:
        return cls.fromtimestamp(NOW.timestamp(), tz)


def test_every_example_prints_what_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(library, "datetime", Clock)
    (tmp_path / "wrong.toml").write_text('[trust]\nmax_age = "7 days"\n')
    text = DOCS.read_text(encoding="utf-8")
    assert len(_EXAMPLE.findall(text)) >= 8
    namespace: dict[str, Any] = {}
    with (
        world(tmp_path) as found,
        proxied(found.url) as other,
    ):
        urls = dict(zip(_NODES, (found.url, other.url), strict=True))

        def run(example: re.Match[str]) -> str:
            code = example[1]
            for shown, real in urls.items():
                code = code.replace(shown, real)
            exec(compile(code, "library.md", "exec"), namespace)
            printed = capsys.readouterr().out
            for shown, real in urls.items():
                printed = printed.replace(real, shown)
            return example[1] + example[2] + printed

        ran = _EXAMPLE.sub(run, text)
    if os.environ.get("CREDANCHOR_WRITE_DOCS"):
        DOCS.write_text(ran, encoding="utf-8")
        return
    assert ran == text, "write it anew with CREDANCHOR_WRITE_DOCS=1"


def test_every_argument_and_error_stands_in_a_table() -> None:
    text = DOCS.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)
    arguments = list(inspect.signature(Verifier).parameters)
    assert rows[: len(arguments)] == arguments
    errors = [MalformedPolicy, MalformedDocument, MalformedValue, OSError, ValueError]
    assert rows[len(arguments) :] == [one.__name__ for one in errors]
