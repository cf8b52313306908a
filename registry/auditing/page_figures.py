"""The charts of an audit's page, each with its numbers in a table below it."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, NamedTuple

from registry.auditing.charts import Bar, Mark, bars, timeline
from registry.auditing.nights import calendar
from registry.moments import unix_minute
from registry.plurals import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from registry.auditing.costs import Costs
    from registry.auditing.nights import Calendar
    from registry.auditing.series import Series

_KEY_ROWS = (
    ("DID document", ("DidChanged",)),
    ("Delegates", ("DelegateSet", "EpochBumped")),
    ("Owner", ("OwnershipOffered", "OwnershipTransferred")),
    ("Signed operations cancelled", ("NoncesCancelled",)),
)
_KEY_WORDS = {
    "DidChanged": "DID document changed",
    "DelegateSet": "delegate set",
    "EpochBumped": "all delegates ended",
    "OwnershipOffered": "ownership offered",
    "OwnershipTransferred": "owned by another",
    "NoncesCancelled": "signed operations cancelled",
}
_GWEI, _COIN = 10**9, 10**18


class _Counted(NamedTuple):
    """nouns: one, and many."""

    name: str
    title: str
    nouns: tuple[str, str]
    values: Mapping[int, int]
    hint: str = ""


def figures(series: Series, costs: Costs | None) -> Iterator[str]:
    """All that there is something to show for, as HTML; then what there is nothing of."""
    if series.first is None or series.last is None:
        yield '<p class="hint">Nothing has happened in the blocks that this audit tells of.</p>'
        return
    days = calendar(series.first, series.last)
    nothing = []
    for one in _counted(series):
        if any(one.values.values()):
            yield _counts(one, days)
        else:
            nothing.append(f"no {one.nouns[1]}")
    if series.key_events:
        yield _keys(series, days)
    else:
        nothing.append("no change of keys")
    if costs is not None:
        yield _cost(days, costs)
    if nothing:
        told = f"{', '.join(nothing)} in {_plural(days.bars, days.noun)}."
        yield f'<p class="hint">{told.capitalize()}</p>'


def _counted(series: Series) -> Iterator[_Counted]:
    yield _Counted("anchors", "Anchors", ("anchor", "anchors"), series.anchors)
    yield _Counted("leaves", "Leaves anchored", ("leaf", "leaves"), series.leaves, _LEAVES)
    if series.credentials is not None:
        nouns = ("credential", "credentials")
        yield _Counted("credentials", "Credentials anchored", nouns, series.credentials, _OWN)
    nouns = ("revocation", "revocations")
    yield _Counted("revocations", "Revocations", nouns, series.revocations, _WHOLE)


_LEAVES = "A batch's leaves are its credentials and random filling: the chain does not tell which."
_OWN = "By the issuer's own records."
_WHOLE = "A batch that was revoked as a whole counts with all its leaves."


def _counts(one: _Counted, days: Calendar) -> str:
    sums = days.spread(one.values)
    held = [(days.label(i), number) for i, number in enumerate(sums) if number]
    shown = [Bar(f"{days.label(i)}: {_of(n, one.nouns)}", n) for i, n in enumerate(sums)]
    title = f"{one.title} per {days.noun}"
    told = f"{_of(sum(sums), one.nouns)} in {len(held)} of {_plural(len(sums), days.noun)}."
    chart = bars(one.name, title, told, shown, _ends(days))
    rows = [(label, f"{number:,}") for label, number in held]
    return _figure(title, told, one.hint, chart, (_span(days), one.nouns[1]), rows)


def _of(number: int, nouns: tuple[str, str]) -> str:
    return f"{number:,} {nouns[number != 1]}"


def _cost(days: Calendar, costs: Costs) -> str:
    sums = days.spread(costs.wei)
    unit, name = (_COIN, "coins") if costs.total >= _COIN // 1000 else (_GWEI, "gwei")
    shown = [
        Bar(f"{days.label(i)}: {one / unit:,.6g} {name}", one / unit) for i, one in enumerate(sums)
    ]
    title = f"Cost per {days.noun}, in {name}"
    told = (
        f"{costs.total / unit:,.6g} {name} for {count(costs.transactions, 'transaction')}, "
        f"{costs.gas:,} gas."
    )
    hint = f"From receipts, on the word of {costs.node}; a coin is 10^18 wei."
    rows = [(days.label(i), f"{one / unit:,.6g}") for i, one in enumerate(sums) if one]
    chart = bars("cost", title, told, shown, _ends(days))
    return _figure(title, told, hint, chart, (_span(days), name), rows)


def _keys(series: Series, days: Calendar) -> str:
    rows = [
        (
            label,
            [
                Mark(
                    days.place(one.timestamp),
                    f"{unix_minute(one.timestamp)}: "
                    f"{_KEY_WORDS[one.kind]}, operation {one.operation}",
                )
                for one in series.key_events
                if one.kind in kinds
            ],
        )
        for label, kinds in _KEY_ROWS
    ]
    rows = [row for row in rows if row[1]]
    told = f"{count(len(series.key_events), 'change')} of keys and of who may act."
    chart = timeline("keys", "Keys over time", told, rows, _ends(days))
    table = [
        (
            unix_minute(one.timestamp),
            f"{_KEY_WORDS[one.kind]} (0x{one.issuer.hex()[:8]}…, operation {one.operation})",
        )
        for one in series.key_events
    ]
    return _figure("Keys over time", told, "", chart, ("When", "What"), table)


def _figure(
    title: str,
    told: str,
    hint: str,
    chart: str,
    columns: tuple[str, str],
    rows: Sequence[tuple[str, str]],
) -> str:
    more = f' <span class="hint">{escape(hint)}</span>' if hint else ""
    table = ""
    if rows:
        head = "".join(f'<th scope="col">{escape(one.capitalize())}</th>' for one in columns)
        body = "".join(
            f'<tr><th scope="row">{escape(first)}</th><td>{escape(second)}</td></tr>'
            for first, second in rows
        )
        table = (
            f"<details><summary>Numbers<span class=unseen> of: {escape(title)}</span></summary>"
            f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></details>"
        )
    return (
        f"<figure><figcaption><h3>{escape(title)}</h3><p>{escape(told)}{more}</p></figcaption>"
        f"{chart}{table}</figure>"
    )


def _ends(days: Calendar) -> tuple[str, str]:
    return days.label(0), days.label(days.bars - 1)


def _span(days: Calendar) -> str:
    return "Night of" if days.width == 1 else "From"


def _plural(number: int, noun: str) -> str:
    ending = "" if number == 1 or noun.endswith("s") else "s"
    return f"{number:,} {noun}{ending}"
