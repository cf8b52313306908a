"""What the nodes say of the block that an audit closes with: old news, laggards, other chains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.auditing.findings import Finding, Matter, Severity
from registry.plurals import count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry.auditing.proven_slots import Believed, Ground


def node_findings(believed: Believed, now: int, max_age_s: int | None) -> Iterator[Finding]:
    """All of them. max_age_s: of the newest final block; None where the block was chosen."""
    for name, block in believed.behind:
        yield Finding(
            Matter.STALE_NODE,
            Severity.WARNING,
            f"{name} is behind: its final block {block.number} is of {block.timestamp}",
            block=block.number,
            evidence={"node": name, "timestamp": block.timestamp},
        )
    number = believed.block.number
    for name, block_hash in believed.outvoted:
        yield Finding(
            Matter.NODES_DISAGREE,
            Severity.WARNING,
            f"{name} has another block {number} than the other nodes: {block_hash}",
            block=number,
            evidence={"node": name, "hash": str(block_hash), "believed": str(believed.block.hash)},
        )
    age = now - believed.block.timestamp
    if max_age_s is not None and age > max_age_s:
        names = ", ".join(believed.ground.names)
        yield Finding(
            Matter.STALE_NODE,
            Severity.ERROR,
            f"the newest final block that {names} knows is {count(round(age / 3600), 'hour')} old: "
            "what came after it was not seen",
            block=number,
            evidence={"timestamp": believed.block.timestamp, "ageS": age},
        )


def unproven(ground: Ground) -> Finding:
    return Finding(
        Matter.UNPROVEN,
        Severity.NOTE,
        f"{ground.names[0]} gives no storage proofs: storage is on that node's word",
        evidence={"node": ground.names[0]},
    )
