"""Official schemas: chosen by type and context, and faults that name the member meant."""

from __future__ import annotations

import copy
import hashlib
import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from registry.documents import open_badges
from registry.formats.strict_json import read_object

SHARED = Path(__file__).parents[3] / "shared" / "data" / "openbadges"
needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(), reason="1EdTech's own files are not beside the repository to compare with"
)
CONTEXT = [open_badges.CREDENTIALS_CONTEXT, open_badges.OPEN_BADGES_CONTEXT]
CREDENTIAL: dict[str, Any] = {
    "@context": CONTEXT,
    "id": "urn:uuid:11111111-1111-4111-8111-111111111111",
    "type": ["VerifiableCredential", "OpenBadgeCredential"],
    "issuer": {"id": "https://university.example", "type": ["Profile"]},
    "validFrom": "2026-06-30T00:00:00Z",
    "credentialSubject": {
        "type": ["AchievementSubject"],
        "identifier": [
            {
                "type": "IdentityObject",
                "identityType": "name",
                "identityHash": "Secret Person",
                "hashed": False,
            }
        ],
        "achievement": {
            "id": "https://university.example/a",
            "type": ["Achievement"],
            "name": "A",
            "description": "B",
            "criteria": {"narrative": "C"},
        },
    },
}


def changed(pointer: str, value: Any) -> dict[str, Any]:
    """A copy with one member set; ... takes it out."""
    document = copy.deepcopy(CREDENTIAL)
    *path, last = pointer.split("/")[1:]
    place: Any = document
    for part in path:
        place = place[int(part)] if isinstance(place, list) else place[part]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return document


def test_a_sound_credential_has_no_faults() -> None:
    assert open_badges.faults(CREDENTIAL) == ()


@pytest.mark.parametrize(
    ("pointer", "value", "place", "words"),
    [
        ("/validFrom", ..., "", "validFrom"),
        ("/credentialSubject/achievement/criteria", ..., "/credentialSubject/achievement", "crit"),
        ("/credentialSubject/achievement/name", 5, "/credentialSubject/achievement/name", "type"),
        (
            "/credentialSubject/achievement/achievementType",
            "Magic",
            "/credentialSubject/achievement/achievementType",
            "MicroCredential|Achievement",
        ),
        ("/issuer/id", ..., "/issuer", '"id"'),
        ("/type", ["OpenBadgeCredential"], "/type", "entry that has to be there is missing"),
        (
            "/@context",
            ["https://www.w3.org/2018/credentials/v1", CONTEXT[1]],
            "/@context/0",
            "credentials/v2",
        ),
        (
            "/credentialSubject/identifier/0/extra",
            1,
            "/credentialSubject/identifier/0",
            "extra",
        ),
        (
            "/credentialSubject/achievement/alignment",
            [{"type": ["Alignment"], "targetName": "x"}],
            "/credentialSubject/achievement/alignment/0",
            "targetUrl",
        ),
    ],
)
def test_a_fault_names_the_member_that_was_meant(
    pointer: str, value: Any, place: str, words: str
) -> None:
    found = open_badges.faults(changed(pointer, value))
    assert found is not None
    assert [fault[0] for fault in found] == [place]
    assert re.search(words, found[0][1])


def test_faults_never_repeat_what_the_document_says() -> None:
    document = changed("/credentialSubject/identifier/0/hashed", "Secret Person")
    document["credentialSubject"]["identifier"][0]["identityHash"] = ["Secret Person"]
    document["issuer"] = 7
    found = open_badges.faults(document)
    assert found is not None
    assert len(found) >= 3
    assert "Secret" not in str(found)


def test_a_hostile_number_of_faults_is_not_all_told() -> None:
    found = open_badges.faults(changed("/evidence", [{}] * 3000))
    assert found is not None
    assert len(found) == open_badges.MAX_FAULTS
    found = open_badges.faults(changed("/evidence", [{}] * 5000))
    assert found == (("", "it is not met; of more than 4000 parts, which one is not said"),)


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("/type", ["VerifiableCredential", "EndorsementCredential"]),
        ("/type", "VerifiableCredential"),
        ("/type", ...),
        ("/type", [["OpenBadgeCredential"]]),
        ("/@context", CONTEXT[:1]),
        ("/@context", ["https://purl.imsglobal.org/spec/ob/v3p1/context.json"]),
        ("/@context", ["https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json?x"]),
        ("/@context", ...),
        ("/@context", 7),
    ],
)
def test_no_schema_is_known_for_other_types_and_contexts(pointer: str, value: Any) -> None:
    document = changed(pointer, value)
    assert not open_badges.is_known(document)
    assert open_badges.faults(document) is None


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("/type", ["AchievementCredential", "VerifiableCredential"]),
        ("/type", "OpenBadgeCredential"),
        ("/@context/1", "https://purl.imsglobal.org/spec/ob/v3p0/context.json"),
        ("/@context", "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.1.json"),
    ],
)
def test_the_schema_is_known_in_each_spelling(pointer: str, value: Any) -> None:
    document = copy.deepcopy(CREDENTIAL)
    if pointer == "/@context/1":
        document["@context"][1] = value
    else:
        document = changed(pointer, value)
    assert open_badges.faults(document) is not None


def test_a_profile_and_an_achievement_are_judged_alone() -> None:
    assert open_badges.profile_faults(CREDENTIAL["issuer"]) == ()
    assert open_badges.profile_faults({"id": "x"}) == (("", '"type" is a required property'),)
    achievement = CREDENTIAL["credentialSubject"]["achievement"]
    assert open_badges.achievement_faults(achievement) == ()
    assert [fault[0] for fault in open_badges.achievement_faults({**achievement, "tag": 3})] == [
        "/tag"
    ]


def test_pointers_escape_what_rfc_6901_escapes() -> None:
    assert open_badges._pointer(["a/b", 0, "~"]) == "/a~1b/0/~0"


@needs_shared
def test_the_shipped_files_are_the_official_ones_unmodified() -> None:
    for original in [*SHARED.glob("schema/*"), *SHARED.glob("context/*")]:
        shipped = files("registry").joinpath("data", "openbadges", original.parent.name)
        copy_of_it = shipped.joinpath(original.name).read_bytes()
        assert hashlib.sha256(copy_of_it).digest() == hashlib.sha256(original.read_bytes()).digest()


@needs_shared
def test_the_official_samples_are_judged_as_they_should_be() -> None:
    judged = {
        name: open_badges.faults(read_object((SHARED / "examples" / f"{name}.json").read_bytes()))
        for name in ("complete", "endorsement-valid", "simple-noproof")
    }
    assert judged["complete"] == ()
    assert judged["endorsement-valid"] is None
    assert [fault[0] for fault in judged["simple-noproof"] or ()] == [
        "",
        "/@context/0",
        "/credentialSubject",
    ]


def test_the_contexts_are_shipped_as_json() -> None:
    folder = files("registry").joinpath("data", "openbadges", "context")
    names = [entry.name for entry in folder.iterdir()]
    assert len(names) == 6
    assert all("@context" in json.loads(folder.joinpath(name).read_bytes()) for name in names)
