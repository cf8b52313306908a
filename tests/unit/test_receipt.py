from __future__ import annotations

import dataclasses
import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest
from vector_files import load, named

from registry.errors import MalformedDocument, MalformedJson, MalformedProof, MalformedReceipt
from registry.formats.credential import credential_digest
from registry.formats.receipt import (
    ANCHOR_SUITE,
    MAX_RECEIPT_BYTES,
    Receipt,
    embed,
    extract,
    unknown_suites,
)

if TYPE_CHECKING:
    from registry.formats.strict_json import JsonObject

RECEIPTS = load("receipt-v1")
PROOFS = load("anchor_proof-v1")
SHAPED = [entry for entry in RECEIPTS["invalid"] if "pointer" in entry]
UNREADABLE = [entry for entry in RECEIPTS["invalid"] if "pointer" not in entry]


@pytest.fixture
def receipt() -> Receipt:
    return Receipt.from_json(PROOFS["receipt"])


@pytest.mark.parametrize("entry", **named(RECEIPTS["valid"]))
def test_valid_receipts_of_the_vectors_round_trip(entry: dict[str, Any]) -> None:
    receipt = Receipt.parse(entry["text"].encode())
    assert receipt.serialize().decode() == entry["canonical"]
    assert receipt.to_json() == json.loads(entry["text"])
    assert Receipt.parse(receipt.serialize()) == receipt


@pytest.mark.parametrize("entry", **named(SHAPED))
def test_invalid_receipts_of_the_vectors_are_refused_at_the_member(entry: dict[str, Any]) -> None:
    with pytest.raises(MalformedReceipt) as refusal:
        Receipt.parse(entry["text"].encode())
    assert refusal.value.place == entry["pointer"]


@pytest.mark.parametrize("entry", **named(UNREADABLE))
def test_a_receipt_is_strict_json(entry: dict[str, Any]) -> None:
    with pytest.raises(MalformedJson):
        Receipt.parse(entry["text"].encode())


def test_a_version_written_as_a_double_is_refused() -> None:
    value = {**PROOFS["receipt"], "version": 1.0}
    with pytest.raises(MalformedReceipt, match="/version: not an integer"):
        Receipt.from_json(value)


def test_a_newer_version_is_said_to_be_newer() -> None:
    with pytest.raises(MalformedReceipt, match="a newer program may read it"):
        Receipt.from_json({**PROOFS["receipt"], "version": 2})


def test_size_is_judged_before_anything_is_read() -> None:
    with pytest.raises(MalformedJson, match="65,537 bytes"):
        Receipt.parse(b"\xff" * (MAX_RECEIPT_BYTES + 1))


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"tree_size": 0}, "/treeSize"),
        ({"tree_size": 2**32}, "/treeSize"),
        ({"index": -1}, "/index"),
        ({"index": 7}, "/index"),
        ({"path": ()}, "/path"),
        ({"tree_size": 2, "index": 0}, "/path"),
    ],
)
def test_no_receipt_of_a_wrong_shape_can_be_made(
    receipt: Receipt, changes: dict[str, Any], place: str
) -> None:
    with pytest.raises(MalformedReceipt) as refusal:
        dataclasses.replace(receipt, **changes)
    assert refusal.value.place == place


@pytest.mark.parametrize("entry", **named(PROOFS["embedded"]))
def test_embedding_writes_what_the_vectors_have(entry: dict[str, Any], receipt: Receipt) -> None:
    document, anchored = json.loads(entry["document"]), json.loads(entry["anchored"])
    assert embed(document, receipt) == anchored
    assert document == json.loads(entry["document"])
    assert extract(anchored) == receipt
    assert extract(document) is None
    assert credential_digest(anchored) == credential_digest(document)


@pytest.mark.parametrize("entry", **named(PROOFS["refused"]))
def test_any_difference_in_the_anchor_proof_is_refused(entry: dict[str, Any]) -> None:
    with pytest.raises(MalformedProof):
        extract(json.loads(entry["text"]))


def test_every_character_of_the_proof_counts(receipt: Receipt) -> None:
    anchored = embed({"id": "urn:x"}, receipt)
    proof = anchored["proof"]
    assert isinstance(proof, dict)
    for member in ("proofPurpose", "verificationMethod", "proofValue"):
        text = str(proof[member])
        for place, other in itertools.product(range(len(text)), ("A", "B", "")):
            bent = text[:place] + other + text[place + 1 :]
            if bent == text:
                continue
            try:
                found = extract({**anchored, "proof": {**proof, member: bent}})
            except MalformedProof:
                continue
            # Bent into another whole receipt for the same issuer, whose path leads elsewhere.
            assert member == "proofValue"
            assert found != receipt


def test_a_place_among_the_proofs_means_nothing(receipt: Receipt) -> None:
    signature: JsonObject = {"type": "DataIntegrityProof", "id": "urn:s"}
    anchored = embed({"proof": signature}, receipt)
    proofs = anchored["proof"]
    assert isinstance(proofs, list)
    assert extract({**anchored, "proof": proofs[::-1]}) == receipt


def test_a_document_is_anchored_once(receipt: Receipt) -> None:
    with pytest.raises(MalformedProof, match="carries an anchor already"):
        embed(embed({}, receipt), receipt)


@pytest.mark.parametrize("proof", [None, "x", [1]])
def test_a_proof_of_another_shape_is_malformed(proof: Any, receipt: Receipt) -> None:
    with pytest.raises(MalformedDocument, match="/proof"):
        embed({"proof": proof}, receipt)
    with pytest.raises(MalformedDocument, match="/proof"):
        extract({"proof": proof})


def test_suites_of_other_versions_are_named_apart(receipt: Receipt) -> None:
    future: JsonObject = {"type": "DataIntegrityProof", "cryptosuite": "credanchor-future-2031"}
    document = embed({"proof": future}, receipt)
    assert unknown_suites(document) == ("credanchor-future-2031",)
    assert extract(document) == receipt
    assert extract({"proof": future}) is None
    assert unknown_suites(embed({}, receipt)) == ()
    assert ANCHOR_SUITE not in unknown_suites(document)


def test_only_the_issuer_s_proofs_come_before(receipt: Receipt) -> None:
    future: JsonObject = {
        "type": "DataIntegrityProof",
        "cryptosuite": "credanchor-future-2031",
        "id": "urn:future",
    }
    anchored = embed({"proof": future}, receipt)
    assert isinstance(anchored["proof"], list)
    ours = anchored["proof"][1]
    assert isinstance(ours, dict)
    assert "previousProof" not in ours
    assert extract(anchored) == receipt


def test_a_refusal_is_short_and_cannot_write_to_a_terminal(receipt: Receipt) -> None:
    name = "\u001b[31m" + "x" * 50_000
    anchored = embed({}, receipt)
    assert isinstance(anchored["proof"], dict)
    anchored["proof"][name] = 1
    with pytest.raises(MalformedReceipt) as of_receipt:
        Receipt.from_json({**receipt.to_json(), name: 1})
    with pytest.raises(MalformedProof) as of_proof:
        extract(anchored)
    for text in map(str, (of_receipt.value, of_proof.value)):
        assert len(text) < 200
        assert text.isprintable()
