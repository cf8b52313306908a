"""Mended documents: what is set, what stays, and how the new one names the old."""

from __future__ import annotations

import base64
import json
import random
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from anchor_service.errors import ReissueRefused
from anchor_service.issuing.achievement import Achievement
from anchor_service.issuing.issuer import hash_identity, issue, issuer_profile
from anchor_service.issuing.issuer_key import IssuerKey
from anchor_service.issuing.reissuing import mend
from anchor_service.issuing.roster import RosterRow
from registry.documents import open_badges
from registry.values import CredentialDigest

KEY = IssuerKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
NOW = datetime(2026, 7, 2, 9, 30, tzinfo=UTC)
DIGEST = CredentialDigest(b"\x07" * 32)
SAMPLE = files("anchor_service").joinpath("samples", "achievement.json").read_bytes()


def old() -> Any:
    row = RosterRow(
        line=2,
        name="Zoe Hamalainen",
        email="zoe@example.org",
        did="did:web:zoe.example.org",
        date=datetime(2026, 6, 30, tzinfo=UTC),
        result="Pass",
        evidence="https://academy.example.org/evidence/1",
    )
    issuer = issuer_profile(KEY.public, "Example Academy")
    return issue(Achievement.parse(SAMPLE), row, issuer, random.Random(1).randbytes, NOW)


def mended(**changes: str) -> Any:
    return mend(old(), DIGEST, changes, random.Random(2).randbytes)


def test_what_is_set_changes_and_the_rest_stays() -> None:
    before, after = old(), mended(name="Zoë Hämäläinen", result="Pass with distinction")
    subject = after["credentialSubject"]
    assert subject["identifier"][0]["identityHash"] == "Zoë Hämäläinen"
    assert subject["identifier"][1] == before["credentialSubject"]["identifier"][1]
    assert subject["result"][0]["value"] == "Pass with distinction"
    assert subject["result"][0]["resultDescription"]
    for kept in ("awardedDate", "validFrom", "validUntil", "issuer", "evidence", "@context"):
        assert after[kept] == before[kept]
    assert after["id"] != before["id"]
    assert open_badges.faults(after) == ()


def test_the_old_document_is_left_alone() -> None:
    document = old()
    text = json.dumps(document)
    mend(document, DIGEST, {"name": "X", "did": "", "evidence": ""}, random.Random(2).randbytes)
    assert json.dumps(document) == text


def test_the_new_one_names_the_old_one_and_its_digest() -> None:
    (related,) = mended(name="X")["relatedResource"]
    assert related["id"] == old()["id"]
    assert base64.b64decode(related["digestSRI"].removeprefix("sha256-")) == DIGEST


def test_an_old_one_without_an_id_is_named_by_its_digest() -> None:
    document = old()
    del document["id"]
    after: Any = mend(document, DIGEST, {"name": "X"}, random.Random(2).randbytes)
    (related,) = after["relatedResource"]
    assert related["id"].startswith("ni:///sha-256;")


def test_an_email_is_hashed_anew_and_empty_text_takes_a_value_out() -> None:
    after = mended(email="zoe.new@example.org", did="", evidence="", name="")
    (identity,) = after["credentialSubject"]["identifier"]
    assert identity["identityHash"] == hash_identity("zoe.new@example.org", identity["salt"])
    assert "id" not in after["credentialSubject"]
    assert "evidence" not in after
    assert open_badges.faults(after) == ()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("date", "2026-01-01"),
        ("email", "who"),
        ("did", "key"),
        ("evidence", "http://example.org"),
        ("name", "a\nb"),
    ],
)
def test_what_may_not_stand_there_is_refused(column: str, value: str) -> None:
    with pytest.raises(ReissueRefused, match=column):
        mend(old(), DIGEST, {column: value}, random.Random(2).randbytes)


def test_somebody_must_be_named() -> None:
    with pytest.raises(ReissueRefused, match="who is it"):
        mended(name="", email="", did="")


def test_several_results_can_not_be_told_apart() -> None:
    document = old()
    document["credentialSubject"]["result"] *= 2
    with pytest.raises(ReissueRefused, match="several"):
        mend(document, DIGEST, {"result": "Pass"}, random.Random(2).randbytes)
