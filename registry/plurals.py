"""Numbers beside their nouns, for people."""

from __future__ import annotations

_PLURALS = {"history": "histories", "leaf": "leaves"}


def count(number: int, noun: str) -> str:
    """`1 credential`, `1,200 credentials`, `2 batches`, `1 status change`."""
    if number == 1:
        return f"1 {noun}"
    *before, last = noun.split(" ")
    plural = _PLURALS.get(last) or last + ("es" if last.endswith("ch") else "s")
    return " ".join((f"{number:,}", *before, plural))
