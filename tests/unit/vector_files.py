"""The released vectors, as the tests read them."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "vectors"


def load(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return content


def raw_of(entry: dict[str, Any]) -> bytes:
    """The bytes of an entry: `text` in UTF-8, else `base64`."""
    text: str | None = entry.get("text")
    return b64decode(entry["base64"]) if text is None else text.encode("utf-8")


def named(entries: list[dict[str, Any]]) -> dict[str, Any]:
    """Arguments of pytest.mark.parametrize, so that a failure says the entry's name."""
    return {"argvalues": entries, "ids": [entry["name"] for entry in entries]}


def unhex(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
