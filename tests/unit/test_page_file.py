"""The page as the command line writes it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from registry.cli import main
from registry.cli.verifier_page import page_with, shipped_page
from registry.errors import MalformedDocument

if TYPE_CHECKING:
    from pathlib import Path

POLICY = b"[trust]\n# a <b>comment</b> & </template><script>alert(1)</script>\nmax_age_s = 5\n"


def test_it_is_one_whole_page_with_one_script() -> None:
    text = shipped_page().decode()
    assert text.startswith("<!doctype html>")
    assert text.count("<script") == text.count("</script") == 1
    assert "https://fonts." not in text
    assert " src=" not in text[: text.index("<script")]


def test_a_policy_goes_inside_as_text() -> None:
    text = page_with(POLICY).decode()
    assert text.count("<script") == text.count("</template>") == 1
    assert "&lt;b&gt;comment&lt;/b&gt; &amp; &lt;/template&gt;" in text
    assert len(text) > len(shipped_page().decode())


def test_a_policy_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(MalformedDocument, match="unknown member"):
        page_with(b"[trust]\nmax_age = 5\n")


def test_the_command_writes_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    policy, out = tmp_path / "trust.toml", tmp_path / "verifier.html"
    policy.write_bytes(POLICY)
    assert main(["page", "--out", str(out)]) == 0
    assert out.read_bytes() == shipped_page()
    assert main(["page", "--out", str(out), "--policy", str(policy), "--json"]) == 0
    assert out.read_bytes() == page_with(POLICY)
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told == {"file": str(out), "bytes": len(page_with(POLICY))}
    policy.write_bytes(b"[other]\n")
    assert main(["page", "--out", str(out), "--policy", str(policy)]) == 2
