from __future__ import annotations

import pytest

from registry.plurals import count


@pytest.mark.parametrize(
    ("number", "noun", "said"),
    [
        (1, "log", "1 log"),
        (0, "log", "0 logs"),
        (1_200, "credential", "1,200 credentials"),
        (2, "batch", "2 batches"),
        (128, "leaf", "128 leaves"),
        (2, "history", "2 histories"),
        (1, "status change", "1 status change"),
        (2, "more night", "2 more nights"),
    ],
)
def test_a_noun_follows_its_number(number: int, noun: str, said: str) -> None:
    assert count(number, noun) == said
