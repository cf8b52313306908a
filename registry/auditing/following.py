"""An audit that goes on: new blocks as they come, judged again whenever something became final."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from registry.auditing.live_tail import CursorUndone, LiveTail, Step, TooFarBehind
from registry.errors import MalformedValue
from registry.formats.log_slices import read_event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from registry.auditing.audit import Audit
    from registry.auditing.audit_report import AuditReport
    from registry.formats.raw_log import RawLog
    from registry.formats.strict_json import JsonObject


@dataclass(frozen=True, slots=True)
class Followed:
    """One step. report: of all that is final by now, where that has grown; else None."""

    step: Step
    report: AuditReport | None

    @property
    def is_quiet(self) -> bool:
        """Whether nothing was seen, undone or judged that anyone need be told of."""
        blocks = (*self.step.undone, *self.step.seen, *self.step.final)
        return self.report is None and not any(block.logs for block in blocks)

    def to_json(self) -> JsonObject:
        return {
            "undone": [_shown(log) for block in self.step.undone for log in block.logs],
            "seen": [_shown(log) for block in self.step.seen for log in block.logs],
            "final": [_shown(log) for block in self.step.final for log in block.logs],
            "report": None if self.report is None else self.report.to_json(),
        }

    def lines(self) -> Iterator[str]:
        """For people: one line an operation, and the verdict on what is final by now."""
        for what, blocks in (
            ("undone by a reorganisation", self.step.undone),
            ("not final yet", self.step.seen),
            ("final", self.step.final),
        ):
            for block in blocks:
                for log in block.logs:
                    one = _shown(log)
                    yield (
                        f"block {one['block']}: {one['kind']} by {one['issuerId']}, operation "
                        f"{one['operation']}: {what}"
                    )
        if self.report is not None:
            yield from self.report.lines()


def follow(audit: Audit, wait: Callable[[], bool]) -> Iterator[Followed]:
    """Yield what each step brings, from where `audit.run` has ended, until `wait` gives False.

    wait: called between steps. A chain that was reorganised below its final block, and more blocks
    than are followed one by one, are read and judged as by `run`. Raises ChainError, StoreError.
    """
    tail = _tail(audit)
    while wait():
        try:
            step = tail.step()
        except (CursorUndone, TooFarBehind):
            lost = tuple(reversed(tail.blocks))
            report = audit.run()
            tail = _tail(audit)
            yield Followed(Step(lost, (), ()), report)
            continue
        grown = any(block.logs for block in step.final)
        yield Followed(step, audit.judge_again() if grown else None)


def _tail(audit: Audit) -> LiveTail:
    request = audit.request
    return LiveTail(audit.store, audit.node, request.chain, request.confirmations)


def _shown(log: RawLog) -> JsonObject:
    try:
        event = read_event(log)
    except MalformedValue:
        return {"block": log.block, "kind": "unreadable", "issuerId": None, "operation": None}
    return {
        "block": log.block,
        "blockHash": "0x" + log.block_hash.hex(),
        "transaction": "0x" + log.tx_hash.hex(),
        "kind": type(event).__name__,
        "issuerId": event.issuer_id.to_hex(),
        "operation": event.operation,
        "timestamp": event.timestamp,
        "actor": event.actor.to_hex(),
    }
