"""The released bundles have the released verdicts, step by step."""

from __future__ import annotations

from typing import Any

import pytest
from vector_files import load, named, raw_of, unhex

from registry.formats.receipt import Receipt
from registry.judging.examination import examine
from registry.judging.policy import TrustedIssuer, TrustedRegistry, TrustPolicy
from registry.judging.verifier import verify, verify_bundle
from registry.moments import read_moment
from registry.proofs.evidence import Block, Evidence, GivenBlock, OneNode, Snapshot, Subject
from registry.proofs.proven_evidence import TrustedBlock
from registry.report import Report, Verdict
from registry.values import Address, BlockHash, ChainId, CodeHash, IssuerId

VECTORS, LIMITS = load("bundle-v1"), load("limits-v1")


def policy(trust: dict[str, Any]) -> TrustPolicy:
    chain, registry = ChainId.parse(trust["chain"]), Address.from_hex(trust["registry"])
    issuer = IssuerId.from_hex(trust["issuerId"])
    return TrustPolicy(
        (TrustedRegistry(chain, registry, CodeHash.from_hex(trust["codeHash"])),),
        (TrustedIssuer(chain, registry, issuer, tuple(trust["speaksFor"]), trust["name"]),),
        max_age_s=trust["maxAgeS"],
    )


def outcomes(report: Report) -> str:
    return "".join(check.outcome[0] for check in report.checks)


@pytest.mark.parametrize("case", **named([*VECTORS["cases"], *LIMITS["cases"]]))
def test_each_bundle_has_its_verdict_and_outcomes(case: dict[str, Any]) -> None:
    trusted = case.get("trusted", VECTORS["trusted"])
    report = verify_bundle(
        raw_of(case),
        {TrustedBlock.parse(text): GivenBlock() for text in trusted},
        policy(case.get("policy", VECTORS["policy"])),
        read_moment(case.get("now", VECTORS["now"])),
        read_moment(case["at"]) if "at" in case else None,
    )
    assert (str(report.verdict), outcomes(report)) == (case["verdict"], case["outcomes"])


def test_an_anchor_that_is_not_final_is_pending() -> None:
    case = VECTORS["pending"]
    raw, receipt = case["credential"].encode(), Receipt.from_json(case["receipt"])
    assert examine(raw, receipt.serialize()).sealed is not None

    def snapshot(name: str) -> Snapshot:
        block, held = case[name]["block"], case[name]["slots"]
        at = Block(block["number"], BlockHash.from_hex(block["hash"]), block["timestamp"])
        words = [unhex(held[slot]) for slot in ("issuer", "didHash", "batch", "word")]
        return Snapshot.decode(at, OneNode("http://node.example"), words)

    code = CodeHash.from_hex(VECTORS["policy"]["codeHash"])
    facts = Evidence(
        receipt.chain,
        receipt.registry,
        code,
        Subject.of(receipt),
        snapshot("head"),
        snapshot("finalized"),
    )
    now = read_moment(VECTORS["now"])
    report = verify(raw, receipt.serialize(), facts, policy(VECTORS["policy"]), now)
    assert (str(report.verdict), outcomes(report)) == (case["verdict"], case["outcomes"])


def test_every_verdict_is_reached() -> None:
    reached = {case["verdict"] for case in VECTORS["cases"]} | {VECTORS["pending"]["verdict"]}
    assert reached == {str(verdict) for verdict in Verdict}
