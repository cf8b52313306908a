"""JSON lines out of a body that comes in pieces, with no more than one line held back."""

from __future__ import annotations

from typing import NamedTuple


class Line(NamedTuple):
    """number: 1-based, blank lines counted. raw: without its end; None for one that is too long."""

    number: int
    raw: bytes | None


class LineSplitter:
    """most: bytes of a line; of a longer one nothing is kept."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._pieces: list[bytes] = []
        self._held = 0
        self._skips = False
        self._number = 0

    def feed(self, piece: bytes) -> list[Line]:
        """The lines that this piece completes, blank ones left out."""
        *whole, rest = piece.split(b"\n")
        lines = []
        for end in whole:
            self._hold(end)
            lines += self._close()
        self._hold(rest)
        return lines

    def finish(self) -> list[Line]:
        """The last line, if the body does not end with a line end."""
        return self._close() if self._held or self._skips else []

    def _hold(self, part: bytes) -> None:
        self._held += len(part)
        if self._held > self._most + 1:  # a carriage return may come on top
            self._skips = True
            self._pieces.clear()
        elif part:
            self._pieces.append(part)

    def _close(self) -> list[Line]:
        self._number += 1
        raw = None if self._skips else b"".join(self._pieces).removesuffix(b"\r")
        if raw is not None and len(raw) > self._most:
            raw = None
        self._pieces, self._held, self._skips = [], 0, False
        if raw is not None and (not raw or raw.isspace()):
            return []
        return [Line(self._number, raw)]
