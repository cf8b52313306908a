"""Auditor: whatever the logs leave out, add or change shows in one slot."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from vector_files import load, unhex

from registry import events as ev
from registry import storage
from registry.auditor import MASS_REVOCATION, Audit, Weight, audit, compared_slots
from registry.evidence import Block, OneNode
from registry.replay import replay
from registry.values import Address, BlockHash, ChainId, DidHash, Slot

VECTORS = load("history-v1")
CHAIN = ChainId(VECTORS["chainId"])
REGISTRY = Address.from_hex(VECTORS["registry"])
RELEASED = [
    ev.read_log([unhex(topic) for topic in log["topics"]], unhex(log["data"]))
    for log in VECTORS["logs"]
]
BLOCK = Block(7, BlockHash(bytes(32)), 1_900_000_000)
SOURCE = OneNode("http://node.example:8545")


def stored_after(events: list[ev.Event]) -> dict[Slot, bytes]:
    return dict(replay(events, CHAIN, REGISTRY).storage())


def audited(events: list[ev.Event], stored: dict[Slot, bytes]) -> Audit:
    """What the auditor says of logs and storage that need not belong together."""
    state = replay(events, CHAIN, REGISTRY)
    wanted = {slot: stored.get(slot, bytes(32)) for slot in compared_slots(state)}
    return audit(events, state, wanted, BLOCK, SOURCE)


def test_a_whole_history_holds_and_is_summed_up() -> None:
    report = audited(RELEASED, stored_after(RELEASED))
    assert report.holds
    assert report.registrations == sum(isinstance(e, ev.IssuerRegistered) for e in RELEASED)
    by_id = {one.issuer_id: one for one in report.issuers}
    for issuer_id, one in by_id.items():
        mine = [event for event in RELEASED if event.issuer_id == issuer_id]
        assert one.operations == len(mine)
        assert one.batches == sum(isinstance(event, ev.Anchored) for event in mine)


@pytest.mark.parametrize("kept", range(len(RELEASED)))
def test_an_ending_left_out_is_broken(kept: int) -> None:
    report = audited(RELEASED[:kept], stored_after(RELEASED))
    assert not report.holds
    broken = [one for one in report.findings if one.weight is Weight.BROKEN]
    assert all("leaves logs out" in one.sentence for one in broken)


def test_an_older_storage_than_the_logs_is_broken() -> None:
    report = audited(RELEASED, stored_after(RELEASED[:-1]))
    assert not report.holds
    assert any("older state" in one.sentence for one in report.findings)


def test_a_changed_log_is_broken_though_every_number_is_right() -> None:
    place = next(n for n, event in enumerate(RELEASED) if isinstance(event, ev.DidChanged))
    changed = list(RELEASED)
    event = changed[place]
    assert isinstance(event, ev.DidChanged)
    changed[place] = replace(event, did_hash=DidHash(b"\x13" * 32))
    report = audited(changed, stored_after(RELEASED))
    (broken,) = [one for one in report.findings if one.weight is Weight.BROKEN]
    assert broken.issuer_id == RELEASED[place].issuer_id
    assert "changes logs" in broken.sentence


def test_a_registration_that_the_logs_never_had_is_broken() -> None:
    stored = stored_after(RELEASED)
    slot = int.from_bytes(stored[storage.REGISTRATIONS_SLOT], "big") + 1
    stored[storage.REGISTRATIONS_SLOT] = slot.to_bytes(32, "big")
    report = audited(RELEASED, stored)
    (broken,) = [one for one in report.findings if one.weight is Weight.BROKEN]
    assert broken.issuer_id is None


def test_what_an_auditor_should_look_at_is_noted() -> None:
    report = audited(RELEASED, stored_after(RELEASED))
    noted = [one.sentence for one in report.findings if one.weight is Weight.NOTE]
    owners = [event for event in RELEASED if isinstance(event, ev.OwnershipTransferred)]
    masses = [
        event
        for event in RELEASED
        if isinstance(event, ev.StatusChanged)
        and event.change is ev.StatusChange.REVOKE
        and sum(mask.bit_count() for _, mask in event.lanes) >= MASS_REVOCATION
    ]
    assert owners
    assert masses
    assert sum("owned by" in sentence for sentence in noted) == len(owners)
    assert sum("revoked at once" in sentence for sentence in noted) == len(masses)


def test_findings_have_a_json_form() -> None:
    report = audited(RELEASED[:-1], stored_after(RELEASED))
    assert report.findings
    for finding in report.findings:
        assert json.loads(json.dumps(finding.to_json()))["weight"] in ("broken", "note")
