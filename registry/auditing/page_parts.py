"""Findings and issuers of an audit's page."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING

from registry.auditing.findings import Severity
from registry.moments import unix_minute
from registry.report import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from registry.auditing.audit_report import AuditReport, IssuerAudit
    from registry.auditing.findings import Finding
    from registry.values import IssuerId

MOST_FINDINGS = 500
"""Of each severity; the rest is in the JSON and CSV forms."""
MOST_ISSUERS = 500
_LONG = 600
_HEADINGS = {Severity.ERROR: "Errors", Severity.WARNING: "Warnings", Severity.NOTE: "Notes"}
_MEANINGS = {
    Severity.ERROR: "What was audited does not hold.",
    Severity.WARNING: "Somebody should ask why.",
    Severity.NOTE: "Worth a look.",
}


def safe(text: str) -> str:
    """Anybody's text as HTML: nothing in it is markup, and nothing invisible stays so."""
    return escape(printable(text, _LONG), quote=True)


def findings(report: AuditReport) -> Iterator[str]:
    """A table for each severity that was found."""
    shown = {one.issuer_id for one in report.issuers[:MOST_ISSUERS]}
    for severity, heading in _HEADINGS.items():
        found = [one for one in report.findings if one.severity is severity]
        if found:
            yield _table(severity, heading, found, shown)
    if not report.findings:
        yield '<p class="hint">Nothing was found that anybody need look at.</p>'


def _table(severity: Severity, heading: str, found: Sequence[Finding], shown: set[IssuerId]) -> str:
    rows = "".join(_row(one, shown) for one in found[:MOST_FINDINGS])
    more = ""
    if len(found) > MOST_FINDINGS:
        left = len(found) - MOST_FINDINGS
        more = f'<p class="hint">{left:,} more are in the JSON and CSV forms.</p>'
    return (
        f'<section class="{severity.value}" id="{severity.value}s"><h3>{heading} '
        f'<span class="count">{len(found):,}</span></h3><p class="hint">'
        f'{_MEANINGS[severity]}</p><table class="findings"><thead><tr>'
        '<th scope="col">Where</th><th scope="col">What</th></tr></thead>'
        f"<tbody>{rows}</tbody></table>{more}</section>"
    )


def _row(one: Finding, shown: set[IssuerId]) -> str:
    where = "the chain" if one.block is None else f"block {one.block:,}"
    if one.operation is not None:
        where += f'<br><span class="hint">operation {one.operation:,}</span>'
    whose = ""
    if one.issuer_id is not None:
        short_id = f"{one.issuer_id.to_hex()[:10]}…"
        whose = f"issuer <code>{short_id}</code>"
        if one.issuer_id in shown:
            whose = f'<a href="#i-{one.issuer_id.to_hex()}">{whose}</a>'
        whose = f" · {whose}"
    evidence = ""
    if one.evidence:
        text = escape(json.dumps(one.evidence, indent=1, ensure_ascii=True))
        evidence = (
            '<details><summary>Evidence<span class="unseen"> of: '
            f"{safe(one.sentence)}</span></summary><pre>{text}</pre></details>"
        )
    return (
        f'<tr><td>{where}</td><td><p>{safe(one.sentence)}</p><p class="hint">'
        f"{one.matter.value}{whose}</p>{evidence}</td></tr>"
    )


def issuers(report: AuditReport) -> Iterator[str]:
    """A card for each."""
    for one in report.issuers[:MOST_ISSUERS]:
        yield _card(one)
    if len(report.issuers) > MOST_ISSUERS:
        left = len(report.issuers) - MOST_ISSUERS
        yield f'<p class="hint">{left:,} more issuers are in the JSON and CSV forms.</p>'


def _card(one: IssuerAudit) -> str:
    numbers = {
        "Operations": one.operations,
        "Batches": one.batches,
        "Leaves": one.leaves,
        "Suspended": one.suspended,
        "Revoked": one.revoked,
    }
    last = "never" if one.last_anchored_at is None else unix_minute(one.last_anchored_at)
    figures = "".join(f"<div><dt>{k}</dt><dd>{v:,}</dd></div>" for k, v in numbers.items())
    name = safe(one.profile) if one.profile else "An issuer without a profile"
    return (
        f'<article id="i-{one.issuer_id.to_hex()}"><h3>{name}</h3>'
        f'<p class="id"><code>{one.issuer_id.to_hex()}</code></p><dl class="numbers">{figures}</dl>'
        f'<dl class="facts"><dt>Last anchor</dt><dd>{last}</dd>'
        f"<dt>Owner</dt><dd><code>{one.owner}</code></dd>"
        f"<dt>History</dt><dd><code>{one.history}</code></dd></dl></article>"
    )
