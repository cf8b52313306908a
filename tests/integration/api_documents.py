"""Credentials for the API's tests; equal numbers are equal documents."""

from __future__ import annotations

import json
from typing import Any

NAME = "Zsuzsanna Példa-Kovács"
EMAIL = "zsuzsanna.pelda@example.org"


def document(number: int, **more: Any) -> dict[str, Any]:
    return {
        "@context": [
            "https://www.w3.org/ns/credentials/v2",
            "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
        ],
        "id": f"urn:uuid:7c8b3f6e-5a0d-4a3e-9d1b-{number:012x}",
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "name": f"Badge of {NAME}",
        "issuer": {"id": "did:web:example.edu", "type": ["Profile"], "name": "École"},
        "validFrom": "2026-01-15T09:00:00Z",
        "credentialSubject": {
            "type": ["AchievementSubject"],
            "identifier": [
                {
                    "type": "IdentityObject",
                    "identityHash": EMAIL,
                    "identityType": "emailAddress",
                    "hashed": False,
                }
            ],
            "achievement": ACHIEVEMENT,
        },
        **more,
    }


ACHIEVEMENT = {
    "id": "https://example.edu/achievements/1",
    "type": ["Achievement"],
    "name": "Open Data",
    "description": "Publishes open data.",
    "criteria": {"narrative": "A project."},
}
TO_ISSUE = {
    "achievement": {**ACHIEVEMENT, "validFor": "P2Y"},
    "recipient": {"name": NAME, "email": EMAIL, "date": "2026-06-30"},
}


def raw(number: int, **more: Any) -> bytes:
    return json.dumps(document(number, **more), ensure_ascii=False, indent=1).encode()


def line(number: int) -> bytes:
    return json.dumps(document(number)).encode() + b"\n"
