"""An audit as one HTML file: no script, nothing fetched; for phones, paper, light and dark.

What issuers wrote (profiles) is anybody's text: every value is escaped, and the page's own policy
(CSP) lets nothing run or load even so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.auditing.findings import Severity
from registry.auditing.page_figures import figures
from registry.auditing.page_parts import findings, issuers, safe
from registry.moments import unix_minute
from registry.plurals import count

if TYPE_CHECKING:
    from registry.auditing.audit_report import AuditReport
    from registry.auditing.costs import Costs
    from registry.auditing.series import Series

_CSP = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_MARKS = {
    True: '<path d="m5 12.5 4.5 4.5L19 7.5"/>',
    False: '<path d="m7 7 10 10M17 7 7 17"/>',
}


def audit_page(
    report: AuditReport, series: Series, costs: Costs | None, style: str, *, at: int, tool: str
) -> str:
    """style: the page's CSS. at: when the audit was made, Unix seconds; tool: name and version."""
    title = f"Audit of {report.registry} on {report.chain}"
    verdict = "holds" if report.holds else "broken"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta http-equiv="Content-Security-Policy" content="{_CSP}">
<title>{safe(title)}: {verdict}</title>
<style>
{style}</style>
</head>
<body>
<header class="head"><b>CredAnchor</b><span>Audit of {unix_minute(at)}</span></header>
<main>
{_answer(report)}
<section aria-labelledby="h-known"><h2 id="h-known">How this is known</h2>
{_facts(report)}</section>
<section aria-labelledby="h-time"><h2 id="h-time">Over time</h2>
<div class="charts">{"".join(figures(series, costs))}</div></section>
<section aria-labelledby="h-found"><h2 id="h-found">What was found</h2>
{"".join(findings(report))}</section>
<section aria-labelledby="h-issuers"><h2 id="h-issuers">Issuers</h2>
<div class="cards">{"".join(issuers(report))}</div></section>
</main>
<footer><p>Made by {safe(tool)}. Whoever has a node of {report.chain} can audit the same block:</p>
<pre tabindex="0">{_command(report)}</pre></footer>
</body>
</html>
"""


def _answer(report: AuditReport) -> str:
    counts = {one: sum(finding.severity is one for finding in report.findings) for one in Severity}
    words = ", ".join(_counted(severity, number) for severity, number in counts.items())
    sentence = (
        "Logs and storage agree: nothing was left out, added or changed."
        if report.holds
        else "This registry's history, as it was read, does not hold: see the errors below."
    )
    kind = "holds" if report.holds else "broken"
    word = "Holds" if report.holds else "Broken"
    return (
        f'<div class="answer {kind}"><svg class="tick" viewBox="0 0 24 24" aria-hidden="true">'
        f'{_MARKS[report.holds]}</svg><div><p class="verdict">{word}</p>'
        f'<h1>{sentence}</h1><p class="lead">{_scope(report)} {words}.</p></div></div>'
    )


def _counted(severity: Severity, number: int) -> str:
    text = count(number, severity.value)
    return f'<a href="#{severity.value}s">{text}</a>' if number else text


def _scope(report: AuditReport) -> str:
    scope = report.scope
    return (
        f"{count(scope.logs, 'log')} of {count(report.registrations, 'issuer')}, from block "
        f"{scope.first_block:,} to block {report.block.number:,} of "
        f"{unix_minute(report.block.timestamp)}."
    )


def _facts(report: AuditReport) -> str:
    scope, state = report.scope, report.scope.state
    seed = "" if state.seed is None else f", chosen at random (seed {state.seed})"
    ground = report.ground.sentence()
    facts = {
        "Ground": safe(f"{ground[0].upper()}{ground[1:]}."),
        "Compared": (
            f"{count(scope.histories, 'history')}, {state.records:,} of "
            f"{count(state.of, 'record')} of the state{seed}; "
            f"{count(scope.places, 'block')} looked at"
        ),
        "Beside it": _beside(scope.database, scope.leaf_files),
        "Told of": f"blocks {scope.told.first:,} to {scope.told.last:,}",
        "Chain": safe(str(report.chain)),
        "Registry": f"<code>{report.registry}</code>",
        "Block": f"<code>{report.block.hash.to_hex()}</code>",
        "Genesis": f"<code>{report.genesis.to_hex()}</code>",
        "Registrations": f"<code>{report.registrations_history}</code>",
    }
    return (
        '<dl class="facts">'
        + "".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in facts.items())
        + "</dl>"
    )


def _beside(database: bool, leaf_files: bool) -> str:
    both = (["the issuer's own records"] if database else []) + (
        ["published leaf files"] if leaf_files else []
    )
    return " and ".join(both).capitalize() or "Nothing: the chain alone"


def _command(report: AuditReport) -> str:
    return (
        f"credanchor audit --rpc URL --chain {report.chain} \\\n  --registry {report.registry} \\\n"
        f"  --trusted-block {report.chain}:{report.block.hash.to_hex()}"
    )
