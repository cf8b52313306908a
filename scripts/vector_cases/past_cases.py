"""An issuer's history, told whole and told wrong, and what was true at moments of it.

Storage is packed here by hand, from the interface's notes; verdicts are worked out by hand.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from vector_cases import oracles
from vector_cases.contract_cases import (
    CHAIN,
    LANES,
    OWNER,
    REGISTRY,
    SALT,
    Field,
    Operation,
    issuer_id,
)
from vector_cases.oracles import Json, filler, hex0x

ISSUER = issuer_id(CHAIN, REGISTRY, OWNER, SALT)
SPEAKER = "https://university.example"
DID_HASH = filler("DID document of the past")
SIZE, INDEX, WORD = 256, 133, 1
MASK = 1 << 2 * (INDEX - 128)
SUSPEND, REINSTATE, REVOKE = range(3)
CODE_HASH = filler("code")
END, NOW = "2026-11-01T00:00:00Z", "2026-11-01T01:00:00Z"
"""Of the final block, which is the newest too, and of the question, where no case says else."""

_DOCUMENT: Json = {
    "@context": ["https://www.w3.org/ns/credentials/v2"],
    "id": "urn:example:past",
    "type": ["VerifiableCredential"],
    "issuer": SPEAKER,
    "validFrom": "2026-01-15T00:00:00Z",
    "validUntil": "2026-10-01T00:00:00Z",
    "credentialSubject": {"id": "did:example:learner"},
}
_SECRET = filler("salt of the past")
_LEAVES = [filler(f"leaf of the past {place}") for place in range(SIZE)]
_LEAVES[INDEX] = oracles.leaf(ISSUER, INDEX, _SECRET, oracles.digest(_DOCUMENT))
ROOT = oracles.root(_LEAVES)
_RECEIPT: Json = {
    "version": 1,
    "chain": f"eip155:{CHAIN}",
    "registry": hex0x(REGISTRY),
    "issuerId": hex0x(ISSUER),
    "index": INDEX,
    "treeSize": SIZE,
    "salt": hex0x(_SECRET),
    "path": [hex0x(sibling) for sibling in oracles.path(INDEX, _LEAVES)],
    "root": hex0x(ROOT),
}


def seconds(stamp: str) -> int:
    return int(datetime.fromisoformat(stamp).astimezone(UTC).timestamp())


@dataclass
class Deed:
    """One operation on a day of 2026 at noon; what: its event and fields after the root."""

    when: str
    name: str
    fields: list[Field] = field(default_factory=list)


def registered(when: str = "2026-01-10T12:00:00Z") -> Deed:
    fields: list[Field] = [
        ("uint40", "registration", 5),
        ("bytes32", "salt", SALT),
        ("bytes32", "didHash", DID_HASH),
        ("string", "profileURI", "https://university.example/profile"),
    ]
    return Deed(when, "IssuerRegistered", fields)


def anchored(when: str, size: int = SIZE) -> Deed:
    fields: list[Field] = [
        ("bytes32", "root", ROOT),
        ("uint32", "size", size),
        ("bytes32", "metaHash", filler("manifest of the past")),
    ]
    return Deed(when, "Anchored", fields)


def status(when: str, change: int, *lanes: tuple[int, int]) -> Deed:
    fields: list[Field] = [
        ("bytes32", "root", ROOT),
        ("uint8", "change", change),
        ("uint256", "nonce", 0),
        (LANES, "lanes", list(lanes) or [(WORD, MASK)]),
    ]
    return Deed(when, "StatusChanged", fields)


def batch_revoked(when: str) -> Deed:
    return Deed(when, "BatchRevoked", [("bytes32", "root", ROOT)])


def distrusted(when: str, since: str) -> Deed:
    return Deed(when, "Distrusted", [("uint40", "distrustAfter", seconds(since))])


def operations(deeds: list[Deed]) -> list[Operation]:
    return [
        Operation(ISSUER, number, seconds(deed.when), OWNER, deed.name).having(*deed.fields)
        for number, deed in enumerate(deeds, 1)
    ]


def storage(deeds: list[Deed]) -> Json:
    """The five words that hold the end of it."""
    history = keccak(
        encode(
            ["bytes32", "uint256", "address", "bytes32"],
            [keccak(text="credanchor.history.issuer.1"), CHAIN, REGISTRY, ISSUER],
        )
    )[:27]
    words: dict[str, int] = dict.fromkeys(["issuer", "history", "didHash", "batch", "word"], 0)
    flags = distrust = 0
    for one in operations(deeds):
        history = keccak(one.preimage(history))[:27]
        values = {name: value for _, name, value in one.fields}
        if one.name == "Anchored":
            words["batch"] = one.time | one.number << 40 | values["size"] << 80
        elif one.name == "BatchRevoked":
            words["batch"] |= 1 << 112
        elif one.name == "StatusChanged":
            for word, mask in values["lanes"]:
                if word == WORD:
                    words["word"] = _changed(values["change"], words["word"], mask)
        elif one.name == "Distrusted":
            distrust = values["distrustAfter"]
        elif one.name in {"Paused", "Unpaused"}:
            flags = int(one.name == "Paused")
    if deeds:
        words["issuer"] = int.from_bytes(OWNER) | flags << 160 | distrust << 200
        words["history"] = len(deeds) | int.from_bytes(history) << 40
        words["didHash"] = int.from_bytes(DID_HASH)
    return {name: hex0x(word.to_bytes(32)) for name, word in words.items()}


def _changed(change: int, word: int, mask: int) -> int:
    if change == REVOKE:
        return word | mask << 1
    return word | mask if change == SUSPEND else word & ~mask


def _snapshot(number: int, time: str, deeds: list[Deed]) -> Json:
    done = [deed for deed in deeds if seconds(deed.when) <= seconds(time)]
    block = {
        "number": number,
        "hash": hex0x(filler(f"block {number}")),
        "timestamp": seconds(time),
    }
    return {"block": block, "slots": storage(done)}


def _case(
    name: str,
    deeds: list[Deed],
    verdicts: dict[str, str],
    *,
    end: str = END,
    head: str | None = None,
    now: str = NOW,
) -> Json:
    told = [deed for deed in deeds if seconds(deed.when) <= seconds(end)]
    return {
        "name": name,
        "now": now,
        "finalized": _snapshot(900, end, deeds),
        "head": _snapshot(950, head, deeds) if head else _snapshot(900, end, deeds),
        "history": [one.log() for one in operations(told)],
        "moments": [{"at": at, "verdict": verdict} for at, verdict in verdicts.items()],
    }


_LIFE = [
    registered(),
    anchored("2026-02-01T12:00:00Z"),
    status("2026-03-01T12:00:00Z", SUSPEND, (0, 1), (WORD, MASK | MASK << 2)),
    Deed("2026-04-01T12:00:00Z", "Paused"),
    status("2026-05-01T12:00:00Z", REINSTATE),
    status("2026-06-01T12:00:00Z", REVOKE, (0, 5), (WORD, MASK << 4)),
    status("2026-07-01T12:00:00Z", REVOKE),
]
_VERDICTS = {
    "2026-01-01T00:00:00Z": "NOT_ANCHORED",
    "2026-01-20T00:00:00Z": "NOT_ANCHORED",
    "2026-02-01T11:59:59Z": "NOT_ANCHORED",
    "2026-02-01T12:00:00Z": "VALID",
    "2026-03-01T11:59:59Z": "VALID",
    "2026-03-01T12:00:00Z": "SUSPENDED",
    "2026-04-15T00:00:00Z": "SUSPENDED",
    "2026-05-01T11:59:59Z": "SUSPENDED",
    "2026-05-01T12:00:00Z": "VALID",
    "2026-06-15T00:00:00Z": "VALID",
    "2026-07-01T11:59:59Z": "VALID",
    "2026-07-01T12:00:00Z": "REVOKED",
    "2026-10-15T00:00:00Z": "REVOKED",
    "2026-11-01T00:00:00Z": "REVOKED",
}


def at_time() -> Json:
    anchored_document = {**_DOCUMENT, "proof": oracles.anchor_proof(_DOCUMENT, _RECEIPT)}
    return {
        "policy": {
            "chain": f"eip155:{CHAIN}",
            "registry": hex0x(REGISTRY),
            "codeHash": hex0x(CODE_HASH),
            "issuerId": hex0x(ISSUER),
            "speaksFor": [SPEAKER],
            "name": "University",
            "maxAgeS": 7 * 86400,
        },
        "credential": json.dumps(anchored_document, indent=1),
        "cases": [*_true(), *_not_final(), *_wrong()],
    }


def _true() -> list[Json]:
    begin = _LIFE[:2]
    early = [registered(), anchored("2026-01-12T00:00:00Z")]
    return [
        _case("suspended, reinstated, revoked", _LIFE, _VERDICTS),
        _case(
            "validity as of then",
            early,
            {
                "2026-01-14T23:59:59Z": "NOT_YET_VALID",
                "2026-01-15T00:00:00Z": "VALID",
                "2026-10-01T00:00:00Z": "VALID",
                "2026-10-01T00:00:01Z": "EXPIRED",
            },
        ),
        _case(
            "the whole batch revoked",
            [*begin, batch_revoked("2026-03-01T12:00:00Z")],
            {"2026-03-01T11:59:59Z": "VALID", "2026-03-01T12:00:00Z": "REVOKED"},
        ),
        _case(
            "distrust reaches back",
            [
                *begin,
                distrusted("2026-05-01T12:00:00Z", "2026-02-01T12:00:01Z"),
                distrusted("2026-06-01T12:00:00Z", "2026-02-01T12:00:00Z"),
            ],
            {
                "2026-02-01T11:59:59Z": "NOT_ANCHORED",
                "2026-02-01T12:00:00Z": "ISSUER_UNTRUSTED",
                "2026-05-15T00:00:00Z": "ISSUER_UNTRUSTED",
                "2026-09-01T00:00:00Z": "ISSUER_UNTRUSTED",
            },
        ),
        _case(
            "distrust of later anchors only",
            [*begin, distrusted("2026-05-01T12:00:00Z", "2026-02-01T12:00:01Z")],
            {"2026-02-01T12:00:00Z": "VALID", "2026-09-01T00:00:00Z": "VALID"},
        ),
        _case("never anchored", _LIFE[:1], {"2026-05-01T00:00:00Z": "NOT_ANCHORED"}),
        _case("never registered", [], {"2026-05-01T00:00:00Z": "NOT_ANCHORED"}),
        _case(
            "anchored with another size",
            [registered(), anchored("2026-02-01T12:00:00Z", SIZE + 1)],
            {"2026-05-01T00:00:00Z": "NOT_ANCHORED"},
        ),
        _case(
            "facts that are too old",
            begin,
            {"2026-05-01T00:00:00Z": "CANNOT_CHECK", "2026-01-31T00:00:00Z": "NOT_ANCHORED"},
            now="2026-12-01T00:00:00Z",
        ),
    ]


def _not_final() -> list[Json]:
    """A final block of 20 September, a newest one of the 21st, a question on the 22nd."""
    begin = _LIFE[:2]
    last, between = "2026-09-20T12:00:00Z", "2026-09-20T18:00:00Z"

    def case(name: str, deeds: list[Deed], verdicts: dict[str, str]) -> Json:
        end, head, now = (f"2026-09-{day}T00:00:00Z" for day in (20, 21, 22))
        return _case(name, deeds, verdicts, end=end, head=head, now=now)

    return [
        case(
            "active in the newest block",
            begin,
            {
                "2026-09-20T00:00:00Z": "VALID",
                "2026-09-20T00:00:01Z": "CANNOT_CHECK",
                "2026-09-21T12:00:00Z": "CANNOT_CHECK",
            },
        ),
        case(
            "revoked in a block that is not final",
            [*begin, status(last, REVOKE)],
            {
                "2026-09-20T00:00:00Z": "VALID",
                between: "CANNOT_CHECK",
                "2026-09-21T00:00:00Z": "REVOKED",
                "2026-09-21T12:00:00Z": "REVOKED",
            },
        ),
        case(
            "revoked for good",
            [*begin, status("2026-09-01T12:00:00Z", REVOKE)],
            {between: "REVOKED", "2026-09-21T12:00:00Z": "REVOKED"},
        ),
        case(
            "suspended in a block that is not final",
            [*begin, status(last, SUSPEND)],
            {"2026-09-20T00:00:00Z": "VALID", "2026-09-21T12:00:00Z": "CANNOT_CHECK"},
        ),
        case(
            "anchored in a block that is not final",
            [registered(), anchored(last)],
            {
                "2026-09-01T00:00:00Z": "NOT_ANCHORED",
                "2026-09-20T11:59:59Z": "NOT_ANCHORED",
                "2026-09-20T12:00:00Z": "PENDING",
                between: "PENDING",
            },
        ),
        case(
            "distrusted in a block that is not final",
            [*begin, distrusted(last, "2026-01-01T00:00:00Z")],
            {"2026-09-01T00:00:00Z": "ISSUER_UNTRUSTED"},
        ),
    ]


def _wrong() -> list[Json]:
    """The same storage, and logs that are not the issuer's whole history."""
    # What the file itself says of its period stays certain.
    certain = {"2026-01-01T00:00:00Z": "NOT_YET_VALID"}
    certain |= dict.fromkeys(("2026-10-15T00:00:00Z", "2026-11-01T00:00:00Z"), "EXPIRED")
    verdicts = {at: certain.get(at, "CANNOT_CHECK") for at in _VERDICTS}
    whole = _case("", _LIFE, verdicts)
    logs: list[Any] = whole["history"]
    forged = [replace(deed) for deed in _LIFE]
    forged[6] = status("2026-07-01T12:00:00Z", REVOKE, (WORD, MASK << 6))
    backdated = [*_LIFE[:6], replace(_LIFE[6], when="2026-06-01T12:00:00Z")]
    unsuspended = [*_LIFE[:2], _LIFE[3], *_LIFE[5:]]
    wrong = {
        **{f"log {n + 1} left out": logs[:n] + logs[n + 1 :] for n in range(len(logs))},
        "all logs left out": [],
        "suspension left out, numbers closed up": _logs(unsuspended),
        "the last log doubled": [*logs, logs[-1]],
        "two logs swapped": [*logs[:2], logs[3], logs[2], *logs[4:]],
        "the revocation of another lane": _logs(forged),
        "the revocation backdated": _logs(backdated),
        "a log added": _logs([*_LIFE, Deed("2026-08-01T12:00:00Z", "Unpaused")]),
        "another issuer's log": [*logs[:3], _others(logs[3]), *logs[4:]],
    }
    cases: list[Json] = [{**whole, "name": name, "history": told} for name, told in wrong.items()]
    stale = storage(_LIFE[:2])["history"]
    final = {**whole["finalized"], "slots": {**whole["finalized"]["slots"], "history": stale}}
    cases.append({**whole, "name": "an earlier history slot", "finalized": final})
    short = {**whole, "name": "an earlier history slot, and logs to fit", "finalized": final}
    cases.append({**short, "history": logs[:2]})
    return cases


def _logs(deeds: list[Deed]) -> list[Json]:
    return [one.log() for one in operations(deeds)]


def _others(log: Json) -> Json:
    return {
        **log,
        "topics": [log["topics"][0], hex0x(filler("another issuer")), *log["topics"][2:]],
    }
