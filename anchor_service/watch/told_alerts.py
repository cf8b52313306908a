"""Which alerts stand, since when, and who was told: a small file, so that each is told once.

An alert that has gone for a while is forgotten, and told again when it comes back: a balance that
hovers about its limit, or a block that a reorganisation takes away and gives back, wakes once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Self

import orjson

from anchor_service.operating.files import write_whole
from anchor_service.watch.alerts import ACCEPTABLE, AlertKind
from registry.errors import WorkspaceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from anchor_service.watch.alerts import Alert
    from registry.formats.strict_json import JsonObject

QUIET_S = 6 * 3600
"""So long an alert must have been gone for its coming back to be news."""


class Standing(NamedTuple):
    """An alert that stands; since: when it was first found, Unix seconds."""

    alert: Alert
    since: int

    @property
    def message(self) -> str:
        """What a receiver knows a repeated delivery by: the next time it comes it is another."""
        return f"alert_{self.alert.name}_{self.since}"

    def to_json(self) -> JsonObject:
        alert = self.alert
        return {
            "name": alert.name,
            "kind": alert.kind.value,
            "since": self.since,
            "sentence": alert.sentence,
            "issuerId": None if alert.issuer_id is None else alert.issuer_id.to_hex(),
            "evidence": alert.evidence,
        }


@dataclass(slots=True)
class _Known:
    """gone: since when it does not stand, None while it does. told: names of those who know."""

    kind: str
    sentence: str
    since: int
    gone: int | None = None
    told: set[str] = field(default_factory=set)


class ToldAlerts:
    """The file's content; nothing is written but by `save`."""

    def __init__(self, file: Path, known: dict[str, _Known]) -> None:
        self._file = file
        self._known = known
        self._saved = self._text()

    @classmethod
    def load(cls, file: Path) -> Self:
        """None there: nothing was told. Raises WorkspaceError for a file of other things."""
        if not file.exists():
            return cls(file, {})
        try:
            held = orjson.loads(file.read_bytes())["alerts"]
            return cls(
                file,
                {name: _Known(**{**one, "told": set(one["told"])}) for name, one in held.items()},
            )
        except (ValueError, KeyError, TypeError, AttributeError):
            raise WorkspaceError(f"{file}: no record of told alerts; remove it") from None

    def take(
        self, alerts: Iterable[Alert], now: int, *, and_no_other: bool = True
    ) -> tuple[Standing, ...]:
        """These stand now. and_no_other: what else stood has gone; else that is not known."""
        self._known = {
            name: one
            for name, one in self._known.items()
            if one.gone is None or now - one.gone < QUIET_S
        }
        standing = []
        for alert in alerts:
            one = self._known.setdefault(
                alert.name, _Known(alert.kind.value, alert.sentence, since=now)
            )
            one.gone = None
            standing.append(Standing(alert, one.since))
        here = {one.alert.name for one in standing}
        for name, known in self._known.items():
            if and_no_other and name not in here and known.gone is None:
                known.gone = now
        return tuple(standing)

    def untold(self, whom: str, standing: Sequence[Standing]) -> list[Standing]:
        return [one for one in standing if whom not in self._known[one.alert.name].told]

    def mark_told(self, whom: str, one: Standing) -> None:
        self._known[one.alert.name].told.add(whom)

    def check_acceptable(self, names: Iterable[str]) -> None:
        """Raises WorkspaceError for what is no alert, or one that is not settled by accepting."""
        for name in names:
            one = self._known.get(name)
            if one is None:
                raise WorkspaceError(f"{self._file}: no alert {name!r}; see `credanchor watch`")
            if AlertKind(one.kind) not in ACCEPTABLE:
                raise WorkspaceError(f"{name}: it ends by itself once its cause is mended")

    def save(self) -> None:
        """Durable, and only if anything has changed."""
        text = self._text()
        if text != self._saved:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self._file, text)
            self._saved = text

    def _text(self) -> str:
        alerts = {
            name: {
                "kind": one.kind,
                "sentence": one.sentence,
                "since": one.since,
                "gone": one.gone,
                "told": sorted(one.told),
            }
            for name, one in sorted(self._known.items())
        }
        return orjson.dumps({"alerts": alerts}, option=orjson.OPT_INDENT_2).decode() + "\n"


def read_accepted(file: Path) -> frozenset[str]:
    """Names of alerts that a person has looked into; one a line, what follows `#` is for people."""
    if not file.exists():
        return frozenset()
    lines = file.read_text("utf-8").splitlines()
    return frozenset(name for line in lines if (name := line.partition("#")[0].strip()))


def accept(file: Path, names: Iterable[str]) -> None:
    """Add them. A file of its own, which a running watch reads and never writes."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as lines:
        lines.writelines(f"{name}\n" for name in names)
