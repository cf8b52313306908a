"""The worked examples of docs/policy.md are policies, and mean what the page says."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from registry.judging.policy import TrustPolicy

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "policy.md").read_text("utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
ROWS = re.findall(
    r"^\| (nothing|`--purpose (\w+)`) \| (\w+) \| (\w+) \| (\w+) \|$", PAGE, re.MULTILINE
)


def test_every_example_is_a_policy() -> None:
    by_did, by_both, by_purpose = (TrustPolicy.parse(text.encode()) for text in EXAMPLES)
    assert by_did.max_age_s == 86400
    assert by_both.issuers[0].speaks_for[1] == "https://uni.example/issuer"
    assert by_purpose.purposes == {"hiring", "admission"}


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_the_table_of_purposes_is_so(row: tuple[str, ...]) -> None:
    _, purpose, *answers = row
    policy = replace(TrustPolicy.parse(EXAMPLES[2].encode()), purpose=purpose or None)
    names = ("uni", "academy", "college")
    found = ["no" if policy.did(f"did:web:{one}.example") is None else "yes" for one in names]
    assert found == answers


def test_there_are_three_rows() -> None:
    assert len(ROWS) == 3
