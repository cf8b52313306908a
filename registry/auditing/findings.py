"""What an audit says: one finding a matter, with how grave it is and what shows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from registry.formats.strict_json import JsonObject
    from registry.values import IssuerId


class Severity(StrEnum):
    """ERROR: what was audited does not hold. WARNING: somebody should ask why. NOTE: worth a look.

    The names are part of the JSON form.
    """

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Matter(StrEnum):
    """What a finding is about; a closed set, part of the JSON form."""

    # Logs against the contract's storage and rules.
    MISSING_LOG = "missing-log"
    EXTRA_LOG = "extra-log"
    ALTERED_LOG = "altered-log"
    REORDERED_LOG = "reordered-log"
    IMPOSSIBLE_LOG = "impossible-log"
    MISPLACED_LOG = "misplaced-log"
    STATE_DIFFERS = "state-differs"
    # The nodes.
    STALE_NODE = "stale-node"
    NODES_DISAGREE = "nodes-disagree"
    UNPROVEN = "unproven"
    DEEP_REORG = "deep-reorg"
    # What an issuer did.
    KEY_CHANGE = "key-change"
    DISTRUST = "distrust"
    PAUSED = "paused"
    RETIRED = "retired"
    MASS_REVOCATION = "mass-revocation"
    ROOT_REUSED = "root-reused"
    MISSED_NIGHT = "missed-night"
    # Chain against the issuer's own records.
    UNKNOWN_ANCHOR = "unknown-anchor"
    UNKNOWN_CHANGE = "unknown-change"
    UNKNOWN_OPERATION = "unknown-operation"
    NOT_ANCHORED = "not-anchored"
    CHANGE_NOT_MADE = "change-not-made"
    LATE_ANCHOR = "late-anchor"
    ANCHORED_TWICE = "anchored-twice"
    # Published leaf files.
    LEAVES_DIFFER = "leaves-differ"
    LEAVES_MISSING = "leaves-missing"
    LEAVES_UNKNOWN = "leaves-unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """issuer_id None: about the registry, or a node. block and operation: where, as far as known.

    evidence: JSON members that show it; hex with 0x, numbers as they are.
    """

    matter: Matter
    severity: Severity
    sentence: str
    issuer_id: IssuerId | None = None
    block: int | None = None
    operation: int | None = None
    evidence: JsonObject = field(default_factory=dict)

    def to_json(self) -> JsonObject:
        return {
            "matter": self.matter.value,
            "severity": self.severity.value,
            "issuerId": None if self.issuer_id is None else self.issuer_id.to_hex(),
            "block": self.block,
            "operation": self.operation,
            "sentence": self.sentence,
            "evidence": self.evidence,
        }


def holds(findings: list[Finding]) -> bool:
    """Whether nothing found is an error."""
    return all(finding.severity is not Severity.ERROR for finding in findings)
