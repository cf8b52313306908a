"""Cases of the verifier as the page's implementation takes them, and random ones."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from bundle_cases import BundleCase, bundle_case, pack
from javascript import base64
from verifier_cases import (
    CODE,
    DID,
    ISSUER,
    LANE_BIT,
    NOW,
    NOW_S,
    POLICY,
    SIZE,
    Case,
    case_of,
    dump,
    seal,
    signed,
    unsigned,
)

from registry.errors import MalformedJson
from registry.formats.receipt import embed
from registry.formats.storage import BatchRecord, IssuerRecord
from registry.formats.strict_json import read
from registry.judging.policy import TrustPolicy
from registry.judging.verifier import verify, verify_bundle
from registry.proofs.bundle import MAX_BUNDLE_BYTES, MAX_BUNDLE_DEPTH, is_bundle
from registry.proofs.evidence import EMPTY_CODE_HASH, Evidence, NoEvidence, Snapshot
from registry.values import Address, ChainId, CodeHash, IssuerId

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from datetime import datetime

    from registry.formats.strict_json import JsonValue
    from registry.report import Report

OTHER_KEY = "did:key:z6MkpTHR8VNsBxYAAWHut2Geadd9jSwuBV8xRoAnwWsdvktH"


def request_of(case: Case) -> dict[str, Any]:
    """What `driver.mjs` judges."""
    return {
        "ask": "judge",
        "raw": base64(case.raw),
        "sidecar": base64(case.sidecar),
        "evidence": evidence_json(case.evidence) if isinstance(case.evidence, Evidence) else None,
        "policy": policy_text(case.policy),
        "now": micros(case.now),
    }


def micros(moment: datetime) -> str:
    """Microseconds since 1970, as the page counts time."""
    return str(int(moment.timestamp()) * 10**6 + moment.microsecond)


def evidence_json(evidence: Evidence) -> dict[str, Any]:
    return {
        "chain": str(evidence.chain),
        "registry": evidence.registry.to_hex(),
        "issuerId": evidence.subject.issuer_id.to_hex(),
        "root": evidence.subject.root.to_hex(),
        "word": evidence.subject.word,
        "codeHash": evidence.code_hash.to_hex(),
        "head": _snapshot(evidence.head),
        "finalized": _snapshot(evidence.finalized),
    }


def _snapshot(snapshot: Snapshot) -> dict[str, Any]:
    issuer, batch, block = snapshot.issuer, snapshot.batch, snapshot.block
    return {
        "block": {"number": block.number, "hash": block.hash.to_hex(), "time": block.timestamp},
        "issuer": issuer
        and {
            "owner": issuer.owner.to_hex(),
            "paused": issuer.paused,
            "retired": issuer.retired,
            "epoch": issuer.epoch,
            "distrustAfter": issuer.distrust_after,
        },
        "didHash": snapshot.did_hash.to_hex(),
        "batch": batch
        and {
            "anchoredAt": batch.anchored_at,
            "operation": batch.operation,
            "size": batch.size,
            "revoked": batch.revoked,
        },
        "word": hex(snapshot.word),
        "source": {"kind": "node", "name": "http://127.0.0.1:8545"},
    }


def policy_text(policy: TrustPolicy) -> str:
    """The policy as a TOML file."""
    lines = ["[trust]", f"max_age_s = {policy.max_age_s}"]
    for entry in policy.registries:
        lines += ["[[trust.registries]]", f'chain = "{entry.chain}"']
        lines += [f'address = "{entry.address}"', f'code_hash = "{entry.code_hash}"']
    for issuer in policy.issuers:
        lines += ["[[trust.issuers]]", f'chain = "{issuer.chain}"']
        lines += [f'registry = "{issuer.registry}"', f'issuer_id = "{issuer.issuer_id}"']
        lines += [f"speaks_for = {json.dumps(list(issuer.speaks_for))}"]
        lines += [f"name = {json.dumps(issuer.name)}"]
    return "\n".join(lines) + "\n"


def _list_entry(**changed: Any) -> dict[str, Any]:
    return {
        "id": "https://example.edu/status/1#94567",
        "type": "BitstringStatusListEntry",
        "statusPurpose": "revocation",
        "statusListIndex": "94567",
        "statusListCredential": "https://example.edu/status/1",
        **changed,
    }


@cache
def _documents() -> tuple[Case, ...]:
    """Cases whose files differ; the chain's facts fit to each."""
    sound = signed(unsigned())
    dates: list[dict[str, Any]] = [
        {"validFrom": "2027-01-01T00:00:00Z"},
        {"validUntil": "2026-05-31T23:59:59Z"},
        {"validUntil": "2026-06-01T12:00:00Z"},
        {"validUntil": "tomorrow"},
        {"validFrom": "2026-13-01T00:00:00Z", "type": ["VerifiableCredential"]},
        {"issuanceDate": "2026-02-01T00:00:00Z", "expirationDate": "2026-06-01T13:59:59+02:00"},
    ]
    shapes: list[dict[str, Any]] = [
        {"credentialStatus": _list_entry()},
        {"credentialStatus": _list_entry(statusListIndex="01")},
        {"type": ["VerifiableCredential"], "credentialStatus": [_list_entry()] * 8},
        {"type": ["VerifiableCredential"], "credentialStatus": [_list_entry()] * 9},
        {"credentialStatus": _list_entry(statusPurpose="message", statusSize=2)},
        {"type": ["VerifiableCredential"], "credentialStatus": [5, _list_entry(statusSize=2)]},
        {"credentialSubject": {"type": ["AchievementSubject"]}},
        {"type": ["VerifiableCredential"], "credentialSubject": {}},
        {"issuer": {"id": OTHER_KEY, "type": ["Profile"]}},
        {"issuer": {"id": "did:web:example.edu", "type": ["Profile"]}},
        {"issuer": DID},
        {"name": "\u202eevil\u0000"},
    ]
    found = [case_of(signed(unsigned(**changed))) for changed in [*dates, *shapes]]
    found += [
        case_of(unsigned()),
        case_of(sound, sidecar=True),
        case_of(sound, IssuerId(b"\x66" * 32)),
    ]
    receipt = seal(sound)
    both = case_of(sound).but(sidecar=receipt.serialize())
    found += [
        both,
        both.but(sidecar=replace(receipt, salt=type(receipt.salt)(bytes(32))).serialize()),
    ]
    found += [both.but(sidecar=b"{}"), case_of(sound).but(raw=dump(sound))]
    found += [case_of(sound).but(raw=b"[]"), case_of(sound).but(raw=b'{"issuer": 5}')]
    tampered = embed({**sound, "name": "Rocket Science"}, receipt)
    found += [both.but(raw=dump(tampered), sidecar=None)]
    found += [case_of({**sound, "name": "Rocket Science"})]
    later: JsonValue = {"type": "DataIntegrityProof", "cryptosuite": "credanchor-later"}
    found += [both.but(raw=dump({**sound, "proof": [sound["proof"], later]}), sidecar=None)]
    for suite in ("eddsa-rdfc-2022", "eddsa-jcs-2022"):
        proof: JsonValue = {"type": "DataIntegrityProof", "cryptosuite": suite}
        found += [case_of({**unsigned(), "proof": proof})]
    return tuple(found)


def random_case(dice: random.Random) -> Case:
    """The sound case more often than not, then a few things spoiled at once."""
    documents = _documents()
    case = case_of(signed(unsigned())) if dice.random() < 0.5 else dice.choice(documents)
    for _ in range(dice.choice([0, 1, 1, 1, 2, 3])):
        case = _spoiled(dice, case)
    return case


def _spoiled(dice: random.Random, case: Case) -> Case:
    if dice.random() < 0.2:
        return _other_surroundings(dice, case)
    if dice.random() < 0.15:
        return _other_bytes(dice, case)
    if isinstance(case.evidence, NoEvidence):
        return case
    if dice.random() < 0.2:
        facts: list[dict[str, Any]] = [
            {"code_hash": EMPTY_CODE_HASH},
            {"code_hash": CodeHash(b"\xdd" * 32)},
            {"chain": ChainId(1)},
            {"registry": Address(b"\xab" * 20)},
            {"subject": case.evidence.subject._replace(word=9)},
            {"head": case.evidence.finalized, "finalized": case.evidence.head},
        ]
        return case.facts(**dice.choice(facts))
    changed = dice.choice(_SNAPSHOTS)(dice)
    return dice.choice([case.head, case.final, case.both])(**changed)


def _other_surroundings(dice: random.Random, case: Case) -> Case:
    others = replace(POLICY.issuers[0], speaks_for=("x", OTHER_KEY))
    return dice.choice(
        [
            case.but(evidence=NoEvidence("no node")),
            case.but(policy=TrustPolicy()),
            case.but(policy=replace(POLICY, issuers=())),
            case.but(policy=replace(POLICY, max_age_s=dice.choice([1, 59, 60, 61, 10**6]))),
            case.but(policy=replace(POLICY, issuers=(others,))),
            case.but(now=NOW + timedelta(days=dice.choice([-400, 6, 8, 400]))),
            case.but(now=NOW + timedelta(microseconds=1)),
        ]
    )


def _other_bytes(dice: random.Random, case: Case) -> Case:
    place = dice.randrange(len(case.raw))
    put = bytes([dice.choice(b'0123456789abcdefghijklmnopqrstuvwxyzAZ{}[],:" ')])
    raw = case.raw[:place] + put + case.raw[place + dice.choice([0, 1]) :]
    return case.but(raw=raw)


def _issuer(dice: random.Random) -> dict[str, Any]:
    distrust = dice.choice([0, 0, 1, NOW_S - 3600, NOW_S - 3599, NOW_S])
    record = IssuerRecord(
        Address(b"\x99" * 20), dice.random() < 0.3, dice.random() < 0.3, dice.randrange(3), distrust
    )
    return {"issuer": dice.choice([None, record, record])}


def _batch(dice: random.Random) -> dict[str, Any]:
    when = dice.choice([NOW_S - 3600, NOW_S - 3600, NOW_S, NOW_S + 5])
    size = dice.choice([SIZE, SIZE, SIZE - 1])
    return {"batch": dice.choice([None, BatchRecord(when, 2, size, dice.random() < 0.4)])}


def _word(dice: random.Random) -> dict[str, Any]:
    lane = dice.choice([0b00, 0b01, 0b10, 0b11]) << LANE_BIT
    others = dice.getrandbits(256) & ~(0b11 << LANE_BIT)
    return {"word": lane | dice.choice([0, others])}


_SNAPSHOTS = (_issuer, _batch, _word)


# Bundles


def bundle_request(case: BundleCase, at: datetime | None = None) -> dict[str, Any]:
    return {
        "ask": "bundle",
        "raw": base64(case.raw),
        "trusted": [str(block) for block in case.trusted],
        "policy": policy_text(case.policy),
        "now": micros(case.now),
        "at": None if at is None else micros(at),
    }


def report_on(case: BundleCase, at: datetime | None = None) -> Report:
    """What the library says of a file: a bundle if it means to be one, else a credential."""
    try:
        value = read(case.raw, max_bytes=MAX_BUNDLE_BYTES, max_depth=MAX_BUNDLE_DEPTH)
    except MalformedJson:
        value = None
    if is_bundle(value):
        return verify_bundle(case.raw, case.trusted, case.policy, case.now, at)
    return verify(case.raw, None, NoEvidence("no node"), case.policy, case.now, at)


@cache
def _bundles() -> tuple[BundleCase, ...]:
    """Sound ones, and some whose storage says otherwise."""
    sound = signed(unsigned())
    record, batch = (0x99, 0), [(NOW_S - 3600, 0), (2, 40), (SIZE, 80)]
    changes: list[dict[str, bytes]] = [
        {},
        {"record": pack(record, (1, 160), (NOW_S, 200))},
        {"record": pack(record, (NOW_S - 3600, 200))},
        {"record": pack(record, (4, 160))},
        {"record": bytes(32)},
        {"batch": pack(*batch, (1, 112))},
        {"batch": pack(*batch, (2, 112))},
        {"batch": bytes(32)},
        {"word": pack((1, LANE_BIT))},
        {"word": pack((2, LANE_BIT))},
        {"word": pack((3, LANE_BIT + 2))},
    ]
    return tuple(bundle_case(sound, **changed) for changed in changes)


def random_bundle(dice: random.Random) -> BundleCase:
    case = dice.choice(_bundles()) if dice.random() < 0.6 else _bundles()[0]
    if dice.random() < 0.1:
        case = replace(case, trusted=_bundles()[3].trusted)
    match dice.randrange(4):
        case 0:
            return case
        case 1:
            place = dice.randrange(len(case.raw))
            put = bytes([dice.choice(b'0123456789abcdefABz{}[],:" ')])
            raw = case.raw[:place] + put + case.raw[place + dice.choice([0, 1]) :]
            return replace(case, raw=raw)
        case 2:
            value = json.loads(case.raw)
            nodes = value["evidence"]["nodes"]
            node = dice.randrange(len(nodes))
            change: list[Callable[[], Any]] = [
                lambda: nodes.pop(node),
                lambda: nodes.append(nodes[node]),
                lambda: nodes.insert(0, nodes.pop(node)),
                lambda: nodes.append("0xc0"),
                lambda: nodes.__setitem__(node, nodes[node][:-2]),
                lambda: nodes.__setitem__(node, nodes[node][:-1] + dice.choice("0f")),
            ]
            dice.choice(change)()
            return replace(case, raw=dump(value))
        case _:
            value = json.loads(case.raw)
            holder = dice.choice([value, value["receipt"], value["evidence"], value["credential"]])
            member = dice.choice(list(holder))
            other = json.loads(dice.choice(_bundles()).raw)["receipt"].get(member, 1)
            action = dice.randrange(3)
            if action == 0:
                del holder[member]
            elif action == 1:
                holder[member] = dice.choice([None, True, 1.0, "", [], {}, "0x", other])
            else:
                holder["extra"] = holder[member]
            return replace(case, raw=dump(value))


__all__ = ["CODE", "ISSUER", "policy_text", "random_case", "request_of"]
