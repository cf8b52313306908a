"""Step 9 where a credential names a status list too: the worse wins, and both are told."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from registry.documents.status_list import ListStatus, StatusLists, entries
from registry.reasons import Reason
from registry.report import Check, Outcome, Step, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from registry.documents.status_list import Entry, Finding
    from registry.formats.strict_json import JsonObject
    from registry.judging.chain_case import ChainCase

_VERDICTS = {
    ListStatus.REVOKED: (Verdict.REVOKED, Reason.REVOKED),
    ListStatus.SUSPENDED: (Verdict.SUSPENDED, Reason.SUSPENDED),
}
_RANKS = {Verdict.REVOKED: ListStatus.REVOKED, Verdict.SUSPENDED: ListStatus.SUSPENDED}


def with_status_lists(check: Check, document: JsonObject, case: ChainCase, now: datetime) -> Check:
    """The chain's check, or what the issuer's status lists make of it.

    Where no list is at hand and none was asked for, the chain alone decides, and that is said. Of
    a past moment a list says nothing: it tells how things are now.
    """
    places = entries(document)
    if not places:
        return check
    if case.past is not None:
        return _noted(check, "Its status list says nothing of the past.")
    found = _findings(places, case, now)
    if not found:
        return _noted(check, f"Its status list was not looked at: {case.word.lists_unread}.")
    return _worse(check, found)


def _findings(places: Sequence[Entry], case: ChainCase, now: datetime) -> list[Finding]:
    """Of the entries whose lists are at hand, or were asked for; a list's keys are judged now."""
    keys = case.issuer_keys
    if keys is not None:
        keys = replace(keys, at=int(now.timestamp()))
    lists = case.word.lists
    at_hand = {one.url for one in lists}
    judge = StatusLists(lists, case.claimed_issuer, keys, now).judge
    return [judge(entry) for entry in places if entry.fault or entry.url in at_hand]


def _worse(check: Check, found: Sequence[Finding]) -> Check:
    worst = max(found, key=lambda one: one.status)
    told = " ".join(dict.fromkeys(one.sentence for one in found))
    known = _RANKS.get(check.verdict, ListStatus.CLEAR) if check.verdict else ListStatus.CLEAR
    facts: JsonObject = {**check.facts, "statusList": worst.status.name.lower()}
    if worst.status in _VERDICTS and worst.status > known:
        verdict, reason = _VERDICTS[worst.status]
        sentence = f"{worst.sentence} The chain: {check.sentence}"
        return Check.invalid(Step.STATUS, verdict, sentence, reason, **facts)
    if worst.status is ListStatus.UNKNOWN and check.outcome is Outcome.VALID:
        sentence = f"{told} The chain: {check.sentence}"
        return Check.unknown(Step.STATUS, sentence, Reason.STATUS_LIST_NOT_READ, **facts)
    return replace(_noted(check, told), facts=facts)


def _noted(check: Check, note: str) -> Check:
    return replace(check, sentence=f"{check.sentence} {note}")
