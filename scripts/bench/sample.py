"""One Open Badges 3.0 credential of 2.3 KB, as the figures take it."""

from __future__ import annotations

from typing import Any

SCHOOL: dict[str, Any] = {
    "id": "did:web:example.edu",
    "type": ["Profile"],
    "name": "Université d'Exemple",
    "url": "https://example.edu",
    "email": "badges@example.edu",
    "description": "A public university; its lifelong learning.",
    "image": {"id": "https://example.edu/logo.png", "type": "Image", "caption": "The seal"},
}
MARK = "urn:uuid:0d0b1f70-1f43-4f7a-8a86-9bfc5f2f1f10"
ACHIEVEMENT: dict[str, Any] = {
    "id": "https://example.edu/achievements/open-data-1",
    "type": ["Achievement"],
    "achievementType": "MicroCredential",
    "name": "Open Data, Introduction",
    "description": "Finds, cleans, licenses and publishes open data sets; knows the limits of "
    "anonymisation, and says so.",
    "criteria": {"narrative": "Weekly work and a **final project** of ≥ 20 hours, assessed by two "
                 "teachers — one of them from outside."},
    "creditsAvailable": 7.5,
    "inLanguage": "en",
    "tag": ["data", "open data", "licensing"],
    "alignment": [
        {
            "type": ["Alignment"],
            "targetName": "manage open data",
            "targetUrl": "http://data.europa.eu/esco/skill/2d9b1c3e-6a5b-4c7d-8e9f-0a1b2c3d4e5f",
            "targetFramework": "ESCO",
            "targetType": "ext:ESCOSkill",
        },
        {
            "type": ["Alignment"],
            "targetName": "EQF 5",
            "targetUrl": "http://data.europa.eu/snb/eqf/5",
            "targetType": "ext:EQFLevel",
        },
    ],
    "resultDescription": [
        {
            "id": MARK,
            "type": ["ResultDescription"],
            "name": "Final mark",
            "resultType": "LetterGrade",
            "allowedValue": ["A", "B", "C", "D", "E", "F"],
        }
    ],
}  # fmt: skip


def credential(number: int) -> dict[str, Any]:
    """Return the credential of learner `number`; all differ in their ids and marks alone."""
    return {
        "@context": [
            "https://www.w3.org/ns/credentials/v2",
            "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
        ],
        "id": f"urn:uuid:7c8b3f6e-5a0d-4a3e-9d1b-{number:012x}",
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "name": "Données ouvertes — introduction",
        "issuer": SCHOOL,
        "validFrom": "2026-01-15T09:00:00Z",
        "validUntil": "2031-01-15T09:00:00Z",
        "awardedDate": "2026-01-14T16:30:00Z",
        "credentialSubject": {
            "id": "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK",
            "type": ["AchievementSubject"],
            "identifier": [
                {
                    "type": "IdentityObject",
                    "identityHash": f"sha256${number:064x}",
                    "identityType": "emailAddress",
                    "hashed": True,
                    "salt": "kosher-8f1e2d3c4b5a",
                }
            ],
            "achievement": ACHIEVEMENT,
            "result": [
                {"type": ["Result"], "resultDescription": MARK, "value": "ABCDE"[number % 5]}
            ],
        },
        "credentialStatus": {
            "id": f"https://example.edu/status/3#{number}",
            "type": "BitstringStatusListEntry",
            "statusPurpose": "revocation",
            "statusListIndex": str(number),
            "statusListCredential": "https://example.edu/status/3",
        },
    }
