"""`doctor`: whether everything is as the service needs it, and what to do where it is not."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from anchor_service.commands.output import answer, load_workspace, say
from anchor_service.operating import doctor_chain, doctor_local
from anchor_service.operating.doctor import Level
from registry.plurals import count

if TYPE_CHECKING:
    import argparse


def run(args: argparse.Namespace) -> int:
    workspace = load_workspace(args)
    now = int(time.time())
    checks = [*doctor_local.look(workspace, now), *doctor_chain.look(workspace, now)]
    for one in checks:
        say(args, f"{one.level:<5} {one.name}: {one.said}")
        if one.todo:
            say(args, f"      -> {one.todo}")
    failed = sum(one.level is Level.FAIL for one in checks)
    worries = sum(one.level is Level.WARN for one in checks)
    say(args, f"{count(len(checks), 'check')}: {failed} failed, {worries} to be looked at")
    answer(args, {"ok": not failed, "checks": [one.to_json() for one in checks]})
    return 1 if failed else 0
