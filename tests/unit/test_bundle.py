"""Bundles: read, written, judged by their proofs alone, and what is none."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from bundle_cases import EXTREMES, BundleCase, World, bundle_case, pack, registry_storage
from verifier_cases import (
    ANCHORED_S,
    CHAIN,
    ISSUER,
    LANE_BIT,
    NOW,
    POLICY,
    SIZE,
    seal,
    signed,
    unsigned,
)

from registry.errors import MalformedBundle, MalformedDocument, MalformedJson, MalformedValue
from registry.formats.receipt import embed
from registry.proofs.bundle import Bundle, BundledLog, is_bundle
from registry.proofs.evidence import Evidence, GivenBlock
from registry.proofs.proven_evidence import TrustedBlock, bundle_evidence, read_checkpoints
from registry.proofs.told_history import IssuerHistory
from registry.reasons import Reason
from registry.report import Outcome, Step, Verdict
from registry.values import Address, BlockHash, ChainId, CodeHash, IssuerId

if TYPE_CHECKING:
    from registry.report import Report


def outcomes(report: Report) -> str:
    return "".join(check.outcome[0] for check in report.checks)


def sound() -> BundleCase:
    return bundle_case(signed(unsigned()))


def changed(
    case: BundleCase, *path: str | int, value: Any = None, drop: bool = False
) -> BundleCase:
    """The bundle with one member replaced or dropped."""
    document = json.loads(case.raw)
    holder = document
    for step in path[:-1]:
        holder = holder[step]
    if drop:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return replace(case, raw=json.dumps(document).encode())


def test_a_sound_bundle_is_valid_with_no_network_and_says_how_fresh_it_is() -> None:
    report = sound().verify()
    assert outcomes(report) == "V" * 11
    assert report.sentence == (
        "VALID: issued by Example University, anchored 2026-06-01T11:00:00Z on eip155:31337, "
        "not revoked as of block 70000, 2026-06-01 11:50 UTC, by storage proof under a block hash "
        "that was given."
    )
    evidence = report.facts["evidence"]
    assert isinstance(evidence, dict)
    assert evidence["source"] == {
        "kind": "storage proof",
        "trust": {"kind": "given"},
        "servedBy": None,
    }


def test_what_is_written_is_read_back() -> None:
    document, logs = signed(unsigned()), (BundledLog((b"\1" * 32, b"\2" * 32), b"\3\4"),)
    receipt = seal(document)
    world = World(registry_storage(receipt))
    for bundle in (
        world.bundle(document, receipt),
        world.bundle(document, receipt, history=logs, did_document={"id": "did:web:example.edu"}),
        world.bundle(embed(document, receipt), receipt, history=()),
    ):
        raw = bundle.serialize()
        assert Bundle.parse(raw) == bundle
        assert is_bundle(json.loads(raw))
        assert BundleCase(raw, world.trusted(receipt)).verify().verdict is Verdict.VALID
    assert not is_bundle(document)


def test_with_a_history_its_slot_is_proven_too() -> None:
    document = signed(unsigned())
    receipt = seal(document)
    world = World(registry_storage(receipt))
    bundle = world.bundle(document, receipt, history=())
    evidence = bundle_evidence(bundle, world.trusted(receipt), with_history=True)
    assert isinstance(evidence, Evidence)
    assert isinstance(evidence.history, IssuerHistory)
    assert evidence.history.slot.count == 2
    without = replace(bundle, nodes=world.bundle(document, receipt).nodes)
    assert "not among those given" in str(bundle_evidence(without, world.trusted(receipt)))
    superfluous = replace(bundle, history=None)
    assert "no proof needs" in str(bundle_evidence(superfluous, world.trusted(receipt)))


# --- verdicts by proof


@pytest.mark.parametrize(
    ("slots", "verdict", "said"),
    [
        (
            {"word": pack((2, LANE_BIT))},
            Verdict.REVOKED,
            "The issuer has revoked it, known as of block 70000",
        ),
        (
            {"word": pack((1, LANE_BIT))},
            Verdict.SUSPENDED,
            "The issuer has suspended it, known as of block 70000",
        ),
        ({"word": pack((2, LANE_BIT + 2), (3, LANE_BIT - 2))}, Verdict.VALID, "not revoked"),
        ({"batch": bytes(32)}, Verdict.NOT_ANCHORED, "anchored no such root"),
        (
            {"batch": pack((ANCHORED_S, 0), (2, 40), (SIZE + 1, 80))},
            Verdict.NOT_ANCHORED,
            "another size",
        ),
        (
            {"batch": pack((ANCHORED_S, 0), (2, 40), (SIZE, 80), (1, 112))},
            Verdict.REVOKED,
            "revoked it, known as of",
        ),
        ({"record": pack((0x99, 0), (ANCHORED_S, 200))}, Verdict.ISSUER_UNTRUSTED, "untrustworthy"),
        ({"record": bytes(32)}, Verdict.ISSUER_UNTRUSTED, "No such issuer"),
    ],
)
def test_slots_that_are_proven_decide(slots: dict[str, bytes], verdict: Verdict, said: str) -> None:
    report = bundle_case(signed(unsigned()), **slots).verify()
    assert report.verdict is verdict
    assert said in report.sentence
    assert "by storage proof under a block hash that was given" in report.sentence


def test_a_contract_with_another_code_is_not_the_registry() -> None:
    document = signed(unsigned())
    receipt = seal(document)
    world = World(registry_storage(receipt), code_hash=CodeHash(b"\xdd" * 32))
    case = BundleCase(world.bundle(document, receipt).serialize(), world.trusted(receipt))
    report = case.verify()
    assert report.verdict is Verdict.ISSUER_UNTRUSTED
    assert "not the one that policy trusts" in report.sentence


def test_an_account_that_is_proven_absent_is_no_registry() -> None:
    document = signed(unsigned())
    receipt = seal(document)
    world = World(registry_storage(receipt), address=b"\x78" * 20)
    report = BundleCase(
        world.bundle(document, receipt).serialize(), world.trusted(receipt)
    ).verify()
    assert report.verdict is Verdict.CANNOT_CHECK
    assert "There is no contract" in report.sentence


def test_an_old_proof_is_no_proof_of_now_but_a_revocation_stays() -> None:
    late = NOW + timedelta(days=8)
    report = replace(sound(), now=late).verify()
    assert report.verdict is Verdict.CANNOT_CHECK
    assert "older than the 7 days" in report.sentence
    patient = replace(POLICY, max_age_s=9 * 86400)
    assert replace(sound(), now=late, policy=patient).verify().verdict is Verdict.VALID
    revoked = bundle_case(signed(unsigned()), word=pack((2, LANE_BIT)))
    assert replace(revoked, now=late).verify().verdict is Verdict.REVOKED


# --- storage and headers at the ends of what they can hold


@pytest.mark.parametrize("name", EXTREMES)
def test_what_no_contract_wrote_is_no_fact_and_what_it_may_write_is_read(name: str) -> None:
    case, verdict = EXTREMES[name]
    report = case().verify()
    assert report.verdict is verdict
    json.dumps(report.to_json())
    if verdict is Verdict.CANNOT_CHECK:
        assert report.checks[Step.EVIDENCE - 1].outcome is Outcome.UNKNOWN


# --- proofs that fail say nothing of the credential


def test_a_block_that_is_not_trusted_cannot_be_checked() -> None:
    case = sound()
    (block,) = case.trusted
    for trusted in (
        {},
        {TrustedBlock(ChainId(1), block.hash): GivenBlock()},
        {TrustedBlock(CHAIN, BlockHash(b"\1" * 32)): GivenBlock()},
    ):
        report = replace(case, trusted=trusted).verify()
        assert report.verdict is Verdict.CANNOT_CHECK
        assert report.sentence.startswith(f"CANNOT_CHECK: Its block is not trusted: {CHAIN}:0x")
        assert report.checks[Step.EVIDENCE - 1].reason is Reason.BLOCK_NOT_TRUSTED
        assert outcomes(report) == "VVVVVUSSSVS"


@pytest.mark.parametrize(
    ("member", "value", "reason"),
    [
        ("header", "0x", "the block header is none"),
        ("header", "0xc0", "the block header is none"),
        ("nodes", [], "not among those given"),
        ("nodes", ["0xc0"], "not among those given"),
    ],
)
def test_evidence_that_fails_cannot_be_checked(member: str, value: Any, reason: str) -> None:
    report = changed(sound(), "evidence", member, value=value).verify()
    assert report.verdict is Verdict.CANNOT_CHECK
    assert report.checks[Step.EVIDENCE - 1].outcome is Outcome.UNKNOWN
    assert reason in report.sentence


def test_any_missing_added_doubled_or_moved_node_fails() -> None:
    case = sound()
    nodes = json.loads(case.raw)["evidence"]["nodes"]
    other = json.loads(bundle_case(unsigned(name="Other")).raw)["evidence"]["nodes"]
    spoilt = [
        *([*nodes[:n], *nodes[n + 1 :]] for n in range(len(nodes))),
        *([*nodes, node] for node in nodes),
        [*nodes, next(node for node in other if node not in nodes)],
        nodes[::-1],
        [nodes[1], nodes[0], *nodes[2:]],
        other,
    ]
    for listed in spoilt:
        report = changed(case, "evidence", "nodes", value=listed).verify()
        assert report.verdict is Verdict.CANNOT_CHECK
        assert report.checks[Step.EVIDENCE - 1].reason is Reason.PROOF_FAILED


# --- what is no bundle


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        (("type",), "CredAnchorBundle2", "/type"),
        (("version",), 2, "/version"),
        (("version",), 1.0, "/version"),
        (("version",), True, "/version"),
        (("credential",), [], "/credential"),
        (("receipt",), {}, "/receipt/chain"),
        (("receipt", "index"), -1, "/receipt/index"),
        (("evidence",), [], "/evidence"),
        (("evidence", "more"), 1, "/evidence/more"),
        (("evidence", "header"), "0xAA", "/evidence/header"),
        (("evidence", "header"), "0xa", "/evidence/header"),
        (("evidence", "header"), "0x" + "00" * 65537, "/evidence/header"),
        (("evidence", "nodes"), {}, "/evidence/nodes"),
        (("evidence", "nodes"), ["0x"] * 513, "/evidence/nodes"),
        (("evidence", "nodes"), ["0x", 1], "/evidence/nodes/1"),
        (("evidence", "nodes"), ["0x" + "00" * 1025], "/evidence/nodes/0"),
        (("didDocument",), "x", "/didDocument"),
        (("history",), {}, "/history"),
        (("history",), [{}], "/history/0/data"),
        (("history",), [{"topics": [], "data": "0x", "address": "0x"}], "/history/0/address"),
        (("history",), [{"topics": ["0x"], "data": "0x"}], "/history/0/topics"),
        (("history",), [{"topics": ["0x" + "00" * 32] * 5, "data": "0x"}], "/history/0/topics"),
        (("note",), "x", "/note"),
    ],
)
def test_another_shape_is_malformed_and_names_its_place(
    path: tuple[str | int, ...], value: Any, place: str
) -> None:
    case = changed(sound(), *path, value=value)
    with pytest.raises(MalformedBundle) as caught:
        Bundle.parse(case.raw)
    assert caught.value.place == place
    report = case.verify()
    assert report.verdict is Verdict.MALFORMED
    assert outcomes(report) == "I" + "S" * 10


@pytest.mark.parametrize(
    "path",
    [
        ("type",),
        ("version",),
        ("credential",),
        ("receipt",),
        ("evidence",),
        ("evidence", "header"),
        ("evidence", "nodes"),
    ],
)
def test_a_missing_member_is_malformed(path: tuple[str, ...]) -> None:
    with pytest.raises(MalformedBundle, match="missing"):
        Bundle.parse(changed(sound(), *path, drop=True).raw)


def test_the_readers_limits() -> None:
    deep: Any = 1
    for _ in range(64):
        deep = [deep]
    with pytest.raises(MalformedJson, match="deeper than 66"):
        Bundle.parse(json.dumps({"a": [[deep]]}).encode())
    with pytest.raises(MalformedJson, match="at most 4,194,304"):
        Bundle.parse(b" " * (4 * 2**20 + 1))


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def test_the_credential_inside_keeps_its_own_limits() -> None:
    fits = unsigned(evidence=None, type=["VerifiableCredential"], extra=nested(63))
    assert bundle_case(fits).verify().verdict is Verdict.VALID
    deeper = json.loads(bundle_case(fits).raw)
    deeper["credential"]["extra"] = nested(64)
    report = replace(sound(), raw=json.dumps(deeper).encode()).verify()
    assert report.verdict is Verdict.MALFORMED
    assert "deeper than 64" in report.sentence
    large = json.loads(sound().raw)
    large["credential"]["name"] = "x" * 2**20
    report = replace(sound(), raw=json.dumps(large).encode()).verify()
    assert report.verdict is Verdict.MALFORMED
    assert "bytes in canonical form" in report.sentence


def test_an_embedded_receipt_must_agree_with_the_bundles() -> None:
    document = signed(unsigned())
    receipt = seal(document)
    world = World(registry_storage(receipt))
    other = seal(document, IssuerId(b"\x66" * 32))
    case = BundleCase(
        world.bundle(embed(document, other), receipt).serialize(), world.trusted(receipt)
    )
    report = case.verify()
    assert report.verdict is Verdict.TAMPERED
    assert "differ" in report.sentence


def test_a_proof_of_another_place_proves_nothing_of_this_one() -> None:
    document = signed(unsigned())
    receipt = seal(document)
    world = World(registry_storage(receipt))
    bundle = world.bundle(document, receipt)
    elsewhere = replace(receipt, registry=Address(b"\xab" * 20))
    case = BundleCase(replace(bundle, receipt=elsewhere).serialize(), world.trusted(receipt))
    assert case.verify().verdict in (Verdict.CANNOT_CHECK, Verdict.ISSUER_UNTRUSTED)
    assert receipt.issuer_id == ISSUER


@pytest.mark.parametrize(
    "text", ["", "eip155:1", "1:0x" + "00" * 32, "eip155:1:" + "00" * 32, "eip155:01:0x" + "0" * 64]
)
def test_a_trusted_block_has_one_form(text: str) -> None:
    with pytest.raises(MalformedValue):
        TrustedBlock.parse(text)


def test_trusted_blocks_are_read_and_written() -> None:
    text = "eip155:1:0x" + "ab" * 32
    assert str(TrustedBlock.parse(f" {text.upper().replace('EIP155', 'eip155')} ")) == text
    found = read_checkpoints(f"# ours\n\n{text} # of May\n", "blocks.txt")
    assert found == {TrustedBlock.parse(text): GivenBlock("blocks.txt")}
    with pytest.raises(MalformedDocument, match=r"blocks\.txt, line 2"):
        read_checkpoints(f"{text}\nnonsense\n", "blocks.txt")
