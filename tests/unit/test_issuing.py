"""Issued credentials: what stands where, and that the official schema takes every one."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import jsonschema_rs
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from anchor_service.issuing.achievement import Achievement
from anchor_service.issuing.issuer import (
    fit,
    hash_identity,
    issue,
    issuer_profile,
    sign_credential,
)
from anchor_service.issuing.issuer_key import IssuerKey
from anchor_service.issuing.roster import Roster, RosterFault, RosterRow, read_roster
from registry.documents import open_badges
from registry.documents.data_integrity import SignatureState, check_signature
from registry.formats.canonical import canonicalize
from registry.formats.credential import Credential

if TYPE_CHECKING:
    from registry.formats.strict_json import JsonObject

KEY = IssuerKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
ISSUER = issuer_profile(KEY.public, "Example Academy", "https://academy.example.org")
NOW = datetime(2026, 7, 2, 9, 30, tzinfo=UTC)
SAMPLE = files("anchor_service").joinpath("samples")
ACHIEVEMENT = Achievement.parse(SAMPLE.joinpath("achievement.json").read_bytes())
PLAIN: dict[str, Any] = {"name": "A", "description": "B", "criteria": {"narrative": "C"}}
FULL_ROW = RosterRow(
    line=2,
    name="Zoë Hämäläinen",
    email="Zoe@Example.org",
    did="did:web:zoe.example.org",
    date=datetime(2026, 6, 30, tzinfo=UTC),
    result="Pass",
    evidence="https://academy.example.org/evidence/1",
)


def achievement(**changes: Any) -> Achievement:
    return Achievement.parse(json.dumps({**PLAIN, **changes}).encode())


def issued(row: RosterRow = FULL_ROW, of: Achievement = ACHIEVEMENT, seed: int = 0) -> Any:
    return issue(of, row, ISSUER, random.Random(seed).randbytes, NOW)


def misfits(of: Achievement, row: RosterRow) -> tuple[RosterFault, ...]:
    return fit(Roster((row,), ()), of).faults


def test_everything_that_a_row_says_has_its_place() -> None:
    credential = issued()
    assert credential["@context"] == [
        "https://www.w3.org/ns/credentials/v2",
        "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
    ]
    assert credential["type"] == ["VerifiableCredential", "OpenBadgeCredential"]
    assert credential["name"] == "Data Analysis with Python"
    assert credential["issuer"]["id"] == KEY.did
    assert credential["validFrom"] == credential["awardedDate"] == "2026-06-30T00:00:00Z"
    assert credential["validUntil"] == "2029-06-30T00:00:00Z"
    assert credential["evidence"] == [{"id": FULL_ROW.evidence, "type": ["Evidence"]}]
    subject = credential["credentialSubject"]
    assert subject["id"] == "did:web:zoe.example.org"
    assert subject["achievement"] == ACHIEVEMENT.body
    assert not {"validFor", "language"} & subject["achievement"].keys()


def test_the_name_is_clear_and_the_email_hashed() -> None:
    name, email = issued()["credentialSubject"]["identifier"]
    assert name == {
        "type": "IdentityObject",
        "identityType": "name",
        "identityHash": "Zoë Hämäläinen",
        "hashed": False,
    }
    expected = sha256(("zoe@example.org" + email["salt"]).encode()).hexdigest()
    assert email["identityHash"] == f"sha256${expected}"
    assert (email["identityType"], email["hashed"]) == ("emailAddress", True)
    assert len(bytes.fromhex(email["salt"])) == 16
    assert "example.org" not in email["identityHash"]


def test_the_email_is_hashed_as_the_specification_shows() -> None:
    """Open Badges 3.0, IdentityHash: its own example."""
    assert hash_identity("a@example.com", "Kosher") == (
        "sha256$b5809d8a92f8858436d7e6b87c12ebc0ae1eac4baecc2c0b913aee2c922ef399"
    )


def test_what_a_row_does_not_say_is_absent() -> None:
    credential = issued(RosterRow(2, name="Ana"), achievement())
    assert credential["validFrom"] == "2026-07-02T09:30:00Z"
    assert not {"validUntil", "awardedDate", "evidence"} & credential.keys()
    assert credential["credentialSubject"].keys() == {"type", "identifier", "achievement"}


def test_every_id_and_salt_is_new() -> None:
    randomness = random.Random(1).randbytes
    made: list[Any] = [issue(ACHIEVEMENT, FULL_ROW, ISSUER, randomness, NOW) for _ in range(3)]
    assert len({credential["id"] for credential in made}) == 3
    salts = {made_one["credentialSubject"]["identifier"][1]["salt"] for made_one in made}
    assert len(salts) == 3
    assert {credential["credentialSubject"]["achievement"]["id"] for credential in made} == {
        ACHIEVEMENT.id
    }


def test_ids_are_random_uuids() -> None:
    assert issued()["id"][:9] == "urn:uuid:"
    assert issued()["id"][23] == "4"
    assert issued(seed=1)["id"] != issued(seed=2)["id"]


def test_a_result_is_linked_to_the_one_description() -> None:
    linked = issued()["credentialSubject"]["result"]
    body: Any = ACHIEVEMENT.body
    described = body["resultDescription"][0]["id"]
    assert linked == [{"type": ["Result"], "resultDescription": described, "value": "Pass"}]
    bare = issued(of=achievement())["credentialSubject"]["result"]
    assert bare == [{"type": ["Result"], "value": "Pass"}]


def test_a_status_result_is_a_status() -> None:
    described = achievement(
        resultDescription={
            "id": "urn:x:1", "type": ["ResultDescription"], "name": "S", "resultType": "Status",
        }
    )  # fmt: skip
    row = RosterRow(2, name="Ana", result="Completed")
    assert misfits(described, row) == ()
    credential = issued(row, described)
    assert credential["credentialSubject"]["result"][0]["status"] == "Completed"
    assert open_badges.faults(credential) == ()
    (fault,) = misfits(described, RosterRow(2, name="Ana", result="Pass"))
    assert "Completed" in fault.reason


def test_a_result_that_the_achievement_does_not_allow_is_told() -> None:
    assert misfits(ACHIEVEMENT, RosterRow(2, name="Ana", result="Pass")) == ()
    assert misfits(ACHIEVEMENT, RosterRow(2, name="Ana")) == ()
    assert misfits(achievement(), RosterRow(2, name="Ana", result="7")) == ()
    assert misfits(ACHIEVEMENT, RosterRow(2, name="Ana", result="pass")) == (
        RosterFault(
            2, "result", "not what the achievement allows: Pass, Pass with distinction", "pass"
        ),
    )


def test_a_validity_beyond_the_calendar_is_told() -> None:
    late = RosterRow(2, name="Ana", date=datetime(9999, 1, 1, tzinfo=UTC))
    (fault,) = misfits(achievement(validFor="P1Y"), late)
    assert (fault.line, fault.column) == (2, "date")
    assert "9999" in fault.reason
    assert misfits(achievement(), late) == ()


def test_rows_that_do_not_fit_join_the_faults_in_line_order() -> None:
    rows = tuple(RosterRow(line, name="Ana", result=text) for line, text in [(2, "x"), (4, "Pass")])
    before = RosterFault(3, "email", "wrong")
    found = fit(Roster(rows, (before,)), ACHIEVEMENT)
    assert found.rows == rows[1:]
    assert [fault.line for fault in found.faults] == [2, 3]


def test_a_signed_credential_is_valid_and_survives_its_file() -> None:
    randomness = random.Random(3).randbytes
    credential: JsonObject = issued()
    document = sign_credential(credential, KEY, randomness, NOW)
    assert "proof" not in credential
    read = Credential.parse(canonicalize(document))
    assert check_signature(read.document).state is SignatureState.VALID
    assert open_badges.faults(read.document) == ()
    proof: Any = document["proof"]
    assert proof["created"] == "2026-07-02T09:30:00Z"
    assert proof["id"].startswith("urn:uuid:")
    assert proof["id"] != document["id"]


@pytest.mark.parametrize("member", ["name", "validUntil", "credentialSubject", "issuer"])
def test_a_tampered_member_breaks_the_signature(member: str) -> None:
    document = sign_credential(issued(), KEY, random.Random(3).randbytes, NOW)
    tampered = {**document, member: {**ISSUER, "name": "Another"}}
    assert check_signature(tampered).state is SignatureState.WRONG


def test_a_strangers_key_is_told() -> None:
    stranger = IssuerKey.generate()
    document = sign_credential(issued(), stranger, random.Random(3).randbytes, NOW)
    assert check_signature(document).state is SignatureState.STRANGER


def _with_dates_checked() -> jsonschema_rs.Draft201909Validator:
    name = "ob_v3p0_achievementcredential_schema.json"
    schema = files("registry").joinpath("data", "openbadges", "schema", name).read_bytes()
    return jsonschema_rs.Draft201909Validator(json.loads(schema), validate_formats=True)


STRICT_SCHEMA = _with_dates_checked()
TEXT = st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=30).map(str.strip)


@given(
    st.builds(
        RosterRow,
        line=st.integers(2, 10**6),
        name=TEXT.filter(bool),
        email=st.sampled_from(["", "a@example.org", "ñ@пример.рф"]),
        did=st.sampled_from(["", "did:web:example.org"]),
        date=st.none() | st.integers(-(2**35), 2**37).map(lambda s: datetime.fromtimestamp(s, UTC)),
        result=TEXT,
        evidence=st.sampled_from(["", "https://example.org/e"]),
    ),
    st.sampled_from([ACHIEVEMENT, achievement(), achievement(validFor="P1M", language="zh-Hant")]),
    st.integers(0, 2**32),
)
def test_whatever_the_row_the_official_schema_takes_it(
    row: RosterRow, of: Achievement, seed: int
) -> None:
    unsigned = issued(row, of, seed)
    document = sign_credential(unsigned, KEY, random.Random(seed).randbytes, NOW)
    assert open_badges.faults(document) == ()
    assert STRICT_SCHEMA.is_valid(document)
    assert check_signature(document).state is SignatureState.VALID


def test_the_packaged_roster_is_issued_whole() -> None:
    roster = fit(read_roster(SAMPLE.joinpath("roster.csv").read_bytes()), ACHIEVEMENT)
    assert (len(roster.rows), roster.faults) == (12, ())
    randomness = random.Random(5).randbytes
    for row in roster.rows:
        assert open_badges.faults(issue(ACHIEVEMENT, row, ISSUER, randomness, NOW)) == ()


def test_the_profile_meets_its_own_schema() -> None:
    assert open_badges.profile_faults(ISSUER) == ()
    assert issuer_profile(KEY.public, "A", email="a@example.org").keys() == {
        "id", "type", "name", "email",
    }  # fmt: skip
