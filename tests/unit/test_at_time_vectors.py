"""The released histories and moments: the library answers as was worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from vector_files import load, named, unhex

from registry.formats.events import read_log
from registry.formats.storage import (
    decode_batch,
    decode_history,
    decode_issuer,
    decode_word,
)
from registry.judging.examination import examine
from registry.judging.policy import TrustedIssuer, TrustedRegistry, TrustPolicy
from registry.judging.verifier import verify
from registry.moments import read_moment
from registry.proofs.evidence import Block, Evidence, OneNode, Snapshot, Subject
from registry.proofs.told_history import IssuerHistory, Told
from registry.report import Verdict
from registry.values import Address, BlockHash, ChainId, CodeHash, DidHash, IssuerId

VECTORS = load("at_time-v1")
TRUST = VECTORS["policy"]
CHAIN, REGISTRY = ChainId.parse(TRUST["chain"]), Address.from_hex(TRUST["registry"])
ISSUER, CODE = IssuerId.from_hex(TRUST["issuerId"]), CodeHash.from_hex(TRUST["codeHash"])
POLICY = TrustPolicy(
    (TrustedRegistry(CHAIN, REGISTRY, CODE),),
    (TrustedIssuer(CHAIN, REGISTRY, ISSUER, tuple(TRUST["speaksFor"]), TRUST["name"]),),
    max_age_s=TRUST["maxAgeS"],
)
RAW = VECTORS["credential"].encode()
SOURCE = OneNode("http://node.example")


def snapshot(value: dict[str, Any]) -> Snapshot:
    block, slots = value["block"], {name: unhex(word) for name, word in value["slots"].items()}
    return Snapshot(
        block=Block(block["number"], BlockHash.from_hex(block["hash"]), block["timestamp"]),
        source=SOURCE,
        issuer=decode_issuer(slots["issuer"]),
        did_hash=DidHash(slots["didHash"]),
        batch=decode_batch(slots["batch"]),
        word=decode_word(slots["word"]),
    )


def evidence_of(case: dict[str, Any]) -> Evidence:
    receipt = examine(RAW, None).sealed
    assert receipt is not None
    final = snapshot(case["finalized"])
    slot = decode_history(unhex(case["finalized"]["slots"]["history"]))
    told = tuple(
        Told(read_log([unhex(topic) for topic in log["topics"]], unhex(log["data"])))
        for log in case["history"]
    )
    return Evidence(
        chain=CHAIN,
        registry=REGISTRY,
        code_hash=CODE,
        subject=Subject.of(receipt),
        head=snapshot(case["head"]),
        finalized=final,
        history=IssuerHistory(CHAIN, REGISTRY, ISSUER, told, final.block, slot, SOURCE),
    )


@pytest.mark.parametrize("case", **named(VECTORS["cases"]))
def test_each_moment_has_the_released_verdict(case: dict[str, Any]) -> None:
    evidence, now = evidence_of(case), read_moment(case["now"])
    found = {
        one["at"]: str(verify(RAW, None, evidence, POLICY, now, read_moment(one["at"])).verdict)
        for one in case["moments"]
    }
    assert found == {one["at"]: one["verdict"] for one in case["moments"]}


def test_every_verdict_that_a_moment_can_change_is_released() -> None:
    released = {one["verdict"] for case in VECTORS["cases"] for one in case["moments"]}
    files_alone = {Verdict.MALFORMED, Verdict.TAMPERED}
    assert released == set(Verdict) - files_alone


def test_without_its_history_no_case_is_answered_from_storage_alone() -> None:
    for case in VECTORS["cases"]:
        bare = replace(evidence_of(case), history=None)
        now = read_moment(case["now"])
        for one in case["moments"]:
            report = verify(RAW, None, bare, POLICY, now, read_moment(one["at"]))
            assert report.verdict in {
                Verdict.CANNOT_CHECK,
                Verdict.EXPIRED,
                Verdict.NOT_YET_VALID,
            }
