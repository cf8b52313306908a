"""docs/watching.md says what `watch` has: alerts, options, metrics, messages, times."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from anchor_service.watch.alerts import ACCEPTABLE, Alert, AlertKind
from anchor_service.watch.lookout import BLIND_S
from anchor_service.watch.metrics import WatchMetrics
from anchor_service.watch.told_alerts import QUIET_S, Standing
from anchor_service.webhooks.settings import WATCH_ALERT
from registry.cli import build_parser

DOCS = Path(__file__).parents[2] / "docs"
MANUAL = (DOCS / "watching.md").read_text("utf-8")


def rows(heading: str) -> dict[str, list[str]]:
    """The first table after a heading: its cells by what the first one names."""
    part = MANUAL.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    found = {}
    for line in re.findall(r"(?m)^\| (`.*) \|$", part):
        first, *others = line.split(" | ")
        found[first.strip("`")] = others
    return found


def test_every_alert_has_its_row_and_no_other_is_there() -> None:
    table = rows("Alerts")
    assert list(table) == [kind.value for kind in AlertKind]
    assert all(len(cells) == 2 and all(cells) for cells in table.values())
    acceptable = {name for name, cells in table.items() if "`--accept`" in cells[1]}
    assert acceptable == set(ACCEPTABLE)


def test_every_metric_has_its_row_and_no_other_is_there() -> None:
    metrics = WatchMetrics()
    described = {name.partition("{")[0] for name in rows("Metrics")}
    shown = re.findall(r"(?m)^# HELP (\w+) ", generate_latest(metrics.registry).decode())
    assert described == {one for one in shown if not one.endswith("_created")}


def test_the_message_is_as_it_is_sent() -> None:
    (text,) = re.findall(r"(?s)```json\n(.*?)```", MANUAL)
    shown = json.loads(text)
    alert = Alert(AlertKind.FOREIGN, "cause", "sentence")
    assert shown["type"] == WATCH_ALERT
    assert list(shown["data"]) == list(Standing(alert, 1).to_json())
    assert f"| `{WATCH_ALERT}` |" in (DOCS / "api.md").read_text("utf-8")


def test_the_times_are_those_of_the_code() -> None:
    assert (QUIET_S, BLIND_S) == (6 * 3600, 15 * 60)
    assert MANUAL.count("six hours") == 2
    assert "a quarter of an hour" in rows("Alerts")["cannot-look"][0]


def options() -> list[str]:
    (commands,) = [
        one for one in build_parser()._actions if isinstance(one, argparse._SubParsersAction)
    ]
    watch: argparse.ArgumentParser = commands.choices["watch"]
    return [one for action in watch._actions for one in action.option_strings]


@pytest.mark.parametrize("name", re.findall(r"`(--[a-z-]+)", MANUAL))
def test_every_option_that_is_named_is_there(name: str) -> None:
    assert name in options()
