"""An audit's report made by hand: one issuer, one finding of each severity."""

from __future__ import annotations

from registry.auditing.audit_report import AuditReport, IssuerAudit, Scope
from registry.auditing.chain_findings import Span
from registry.auditing.findings import Finding, Matter, Severity
from registry.auditing.proven_slots import Ground
from registry.auditing.state_check import Compared
from registry.proofs.evidence import Block
from registry.values import Address, BlockHash, ChainId, IssuerId

ISSUER = IssuerId(b"\x11" * 32)
STRANGE = "</title><script>alert(1)</script>\u202e\x1b[31m"
"""A profile as anybody may register it."""


def report() -> AuditReport:
    return AuditReport(
        chain=ChainId(31337),
        registry=Address(b"\x22" * 20),
        genesis=BlockHash(b"\x33" * 32),
        block=Block(90, BlockHash(b"\x44" * 32), 1_800_000_000),
        ground=Ground("quorum", ("one.example", "two.example")),
        registrations=1,
        registrations_history="0x" + "55" * 27,
        scope=Scope(
            first_block=4,
            told=Span(0, 90),
            logs=9,
            histories=1,
            state=Compared(3, 3, None),
            places=9,
            database=True,
            leaf_files=False,
        ),
        issuers=(
            IssuerAudit(
                issuer_id=ISSUER,
                registration=1,
                owner=Address(b"\x66" * 20),
                operations=9,
                history="0x" + "77" * 27,
                batches=3,
                leaves=384,
                suspended=1,
                revoked=130,
                last_anchored_at=1_799_990_000,
                profile=STRANGE,
            ),
        ),
        findings=(
            Finding(Matter.UNKNOWN_ANCHOR, Severity.ERROR, STRANGE, ISSUER, 80, 8, {"a": STRANGE}),
            Finding(Matter.MASS_REVOCATION, Severity.WARNING, "130 revoked", ISSUER, 70, 7),
            Finding(Matter.KEY_CHANGE, Severity.NOTE, "DID document changed", ISSUER, 60, 6),
        ),
    )
