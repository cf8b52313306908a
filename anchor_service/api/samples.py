"""Examples for the OpenAPI document."""

from __future__ import annotations

from typing import Any

DIGEST = "0x9f64a747e1b97f131fabb6b447296c9b6f0201e79fb3c5356e6c77e89b6a806a"
ROOT = "0x4bf5122f344554c53bde2ebb8cd2b7e3d1600ad631c385a5d7cce23c7785459a"
ISSUER_ID = "0xdbc1b4c900ffe48d575b5da5c638040125f65db0fe3e24494b76ea986457d986"
SALT = "0x084fed08b978af4d7d196a7446a86b58009e636b611db16211b65a9aadff29c5"
REGISTRY = "0x5fbdb2315678afecb367f032d93f642f64180aa3"
ID = "urn:uuid:7c8b3f6e-5a0d-4a3e-9d1b-000000000001"
TIME = "2026-06-30T02:00:00Z"

CREDENTIAL: dict[str, Any] = {
    "@context": [
        "https://www.w3.org/ns/credentials/v2",
        "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
    ],
    "id": ID,
    "type": ["VerifiableCredential", "OpenBadgeCredential"],
    "name": "Open Data, Introduction",
    "issuer": {"id": "did:web:example.edu", "type": ["Profile"], "name": "Example University"},
    "validFrom": "2026-06-30T00:00:00Z",
    "credentialSubject": {
        "id": "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK",
        "type": ["AchievementSubject"],
        "achievement": {
            "id": "https://example.edu/achievements/open-data-1",
            "type": ["Achievement"],
            "name": "Open Data, Introduction",
            "description": "Finds, cleans, licenses and publishes open data sets.",
            "criteria": {"narrative": "Weekly work and a final project."},
        },
    },
}
TO_ISSUE = {
    "achievement": {
        "name": "Open Data, Introduction",
        "description": "Finds, cleans, licenses and publishes open data sets.",
        "criteria": {"narrative": "Weekly work and a final project."},
        "validFor": "P5Y",
        "language": "en",
    },
    "recipient": {"name": "Ada Example", "email": "ada@example.org", "date": "2026-06-30"},
}
TAKEN = {
    "id": ID,
    "digest": DIGEST,
    "present": False,
    "schemaFaults": [],
    "href": f"/v1/credentials/{DIGEST}",
}
SEEN = {
    "id": ID,
    "digest": DIGEST,
    "label": "Open Data, Introduction",
    "created": TIME,
    "state": "FINAL",
    "batch": 7,
    "index": 42,
    "erased": False,
    "href": f"/v1/credentials/{DIGEST}",
}
CHANGE = {
    "change": "revoke",
    "number": 3,
    "credential": DIGEST,
    "id": ID,
    "state": "WANTED",
    "dropped": None,
    "urgent": True,
    "reasonCode": "issued-in-error",
    "note": "Marked twice; see the board's minutes.",
    "askedBy": "registrar",
    "created": TIME,
    "href": "/v1/status-changes/3",
}
WHOLE = {**SEEN, "changes": [CHANGE]}
RECEIPT = {
    "version": 1,
    "chain": "eip155:31337",
    "registry": REGISTRY,
    "issuerId": ISSUER_ID,
    "index": 1,
    "treeSize": 2,
    "salt": SALT,
    "path": [DIGEST],
    "root": ROOT,
}
BUNDLE = {
    "type": "CredAnchorBundle",
    "version": 1,
    "credential": CREDENTIAL,
    "receipt": RECEIPT,
    "evidence": {"header": "0xf9...", "nodes": ["0xf8..."]},
}
BATCH = {
    "batch": 7,
    "state": "FINAL",
    "reason": None,
    "credentials": 1200,
    "created": TIME,
    "sealed": TIME,
    "chain": "eip155:31337",
    "registry": REGISTRY,
    "issuerId": ISSUER_ID,
    "root": ROOT,
    "treeSize": 1280,
    "metaHash": DIGEST,
    "anchor": {"transaction": ROOT, "block": 21, "anchoredAt": TIME},
    "href": "/v1/batches/7",
}
ISSUER = {
    "handle": "main",
    "name": "Example University",
    "did": "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK",
    "url": "https://example.edu",
    "chain": "eip155:31337",
    "registry": REGISTRY,
    "issuerId": ISSUER_ID,
    "href": "/v1/issuers/main",
}
CHANGES = {
    "change": "revoke",
    "credentials": [DIGEST],
    "reasonCode": "issued-in-error",
    "note": "Marked twice; see the board's minutes.",
    "urgent": True,
}
STATE = {
    "at": 1782784800,
    "issuers": {
        "main": {
            "open": {"number": 12, "oldest": 1782781200},
            "batches": {"FINAL": {"number": 7, "oldest": 1780000000}},
            "blocked": [],
            "changes": {},
            "changesBlocked": [],
            "secondsToFinal": [910],
        }
    },
    "accounts": [],
    "todo": [],
}
BULK_ANSWER = (
    f'{{"line":1,"outcome":"stored","id":"{ID}","digest":"{DIGEST}"}}\n'
    f'{{"line":2,"outcome":"present","id":"{ID}","digest":"{DIGEST}"}}\n'
    '{"line":3,"outcome":"refused","detail":"invalid JSON at line 1, column 9"}\n'
    '{"end":true,"stored":1,"present":1,"refused":1}\n'
)
