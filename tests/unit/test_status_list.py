"""W3C status lists: what counts, what never does, and what becomes of the verdict."""

from __future__ import annotations

import gzip
import json
import time
import tracemalloc
import zlib
from base64 import urlsafe_b64encode
from contextlib import suppress
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from verifier_cases import DID, KEY, LANE_BIT, NOW, Case, case_of, signed, unsigned

from registry.documents.data_integrity import sign
from registry.documents.issuer_word import IssuerWord
from registry.documents.multikey import PublicKey
from registry.documents.status_list import (
    MAX_ENTRIES,
    MAX_LIST_BYTES,
    MIN_BITS,
    KnownList,
    entries,
    unpack,
)
from registry.errors import MalformedValue
from registry.report import Report, Verdict

URL = "https://uni.example/status/3"
INDEX = 94_567
PUBLIC = PublicKey(KEY.public_key().public_bytes_raw())


def encoded(bits: bytes) -> str:
    return "u" + urlsafe_b64encode(gzip.compress(bits)).decode().rstrip("=")


def bits_with(*indexes: int, size: int = MIN_BITS) -> bytes:
    """Index 0 is the left-most bit: by the text of the whole, not by arithmetic."""
    digits = ["0"] * size
    for index in indexes:
        digits[index] = "1"
    return int("".join(digits), 2).to_bytes(size // 8, "big")


def entry(**changed: Any) -> dict[str, Any]:
    value = {
        "id": f"{URL}#{INDEX}",
        "type": "BitstringStatusListEntry",
        "statusPurpose": "revocation",
        "statusListIndex": str(INDEX),
        "statusListCredential": URL,
    }
    return {key: one for key, one in {**value, **changed}.items() if one is not None}


def status_list(
    bits: bytes | str = b"", *, key: Ed25519PrivateKey | None = KEY, **changed: Any
) -> dict[str, Any]:
    """changed: members of the credential, or with `subject_` in front those of its subject."""
    subject = {
        "id": f"{URL}#list",
        "type": "BitstringStatusList",
        "statusPurpose": "revocation",
        "encodedList": bits if isinstance(bits, str) else encoded(bits or bits_with()),
    }
    for name in [name for name in changed if name.startswith("subject_")]:
        subject[name.removeprefix("subject_")] = changed.pop(name)
    document = {
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "id": URL,
        "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "issuer": DID,
        "validFrom": "2026-05-01T00:00:00Z",
        "validUntil": "2026-07-01T00:00:00Z",
        "credentialSubject": subject,
        **changed,
    }
    document = {name: one for name, one in document.items() if one is not None}
    if key is None:
        return document
    public = PublicKey(key.public_key().public_bytes_raw())
    return sign(document, public, key.sign, proof_id="urn:uuid:9", created=NOW)


def credential(*status: Any) -> Case:
    """An Open Badge has one entry at most; a plain credential may have many."""
    listed: Any = status[0] if len(status) == 1 else [*status]
    return case_of(signed(unsigned(type=["VerifiableCredential"], credentialStatus=listed)))


def judged(case: Case, *lists: Any, url: str = URL) -> Report:
    known = [
        KnownList(url, one if isinstance(one, str) else json.dumps(one).encode()) for one in lists
    ]
    return case.verify(word=IssuerWord(lists=tuple(known)))


def status_sentence(report: Report) -> str:
    return report.checks[8].sentence


# --- what the list says


def test_a_clear_place_leaves_the_chains_answer() -> None:
    report = judged(credential(entry()), status_list(bits_with(INDEX - 1, INDEX + 1)))
    assert report.verdict is Verdict.VALID
    assert "Neither revoked nor suspended" in status_sentence(report)
    assert "No revocation stands in the issuer's status list of 2026" in status_sentence(report)


@pytest.mark.parametrize("index", [0, 1, 7, 8, INDEX, MIN_BITS - 1])
def test_index_0_is_the_left_most_bit(index: int) -> None:
    case = credential(entry(statusListIndex=str(index)))
    assert judged(case, status_list(bits_with(index))).verdict is Verdict.REVOKED
    others = set(range(MIN_BITS)) - {index}
    assert judged(case, status_list(bits_with(*others))).verdict is Verdict.VALID


def test_the_example_of_the_recommendation_unpacks() -> None:
    """Bitstring Status List §A.1: an encoded list of 131,072 zeros."""
    text = "uH4sIAAAAAAAAA-3BMQEAAADCoPVPbQwfoAAAAAAAAAAAAAAAAAAAAIC3AYbSVKsAQAAA"
    assert unpack(text) == bytes(MIN_BITS // 8)


def test_suspension_is_a_list_of_its_own() -> None:
    case = credential(entry(statusPurpose="suspension"))
    listed = status_list(bits_with(INDEX), subject_statusPurpose="suspension")
    report = judged(case, listed)
    assert report.verdict is Verdict.SUSPENDED
    assert "Suspended in the issuer's status list" in report.sentence


def test_of_list_and_chain_the_worse_wins_and_both_are_shown() -> None:
    suspended, revoked = 0b01 << LANE_BIT, 0b10 << LANE_BIT
    by_list = status_list(bits_with(INDEX))
    purpose = {"statusPurpose": "suspension"}
    suspending = status_list(bits_with(INDEX), subject_statusPurpose="suspension")
    for word, listed, changed, verdict in (
        (0, by_list, {}, "REVOKED"),
        (suspended, by_list, {}, "REVOKED"),
        (revoked, by_list, {}, "REVOKED"),
        (revoked, status_list(), {}, "REVOKED"),
        (suspended, status_list(), {}, "SUSPENDED"),
        (revoked, suspending, purpose, "REVOKED"),
        (suspended, suspending, purpose, "SUSPENDED"),
    ):
        report = judged(credential(entry(**changed)).both(word=word), listed)
        assert report.verdict == verdict
        assert "status list" in status_sentence(report)
        assert "block" in status_sentence(report) or "word of one node" in status_sentence(report)


def test_more_entries_than_are_looked_at_are_never_good_news() -> None:
    some, more = [entry()] * MAX_ENTRIES, [entry()] * (MAX_ENTRIES + 3)
    messages = [entry(statusPurpose="message")] * 20
    assert judged(credential(*some, *messages), status_list()).verdict is Verdict.VALID
    report = judged(credential(*more), status_list())
    assert report.verdict is Verdict.CANNOT_CHECK
    assert "at most 8 are looked at" in report.sentence
    assert judged(credential(*more)).verdict is Verdict.CANNOT_CHECK
    assert judged(credential(*more), status_list(bits_with(INDEX))).verdict is Verdict.REVOKED


def test_of_two_entries_the_worse_counts() -> None:
    case = credential(entry(), entry(statusPurpose="suspension"))
    both = status_list(bits_with(), subject_statusPurpose=["revocation", "suspension"])
    assert judged(case, both).verdict is Verdict.VALID
    set_both = status_list(bits_with(INDEX), subject_statusPurpose=["revocation", "suspension"])
    assert judged(case, set_both).verdict is Verdict.REVOKED


def test_where_no_list_is_at_hand_the_chain_decides_and_that_is_said() -> None:
    report = credential(entry()).verify()
    assert report.verdict is Verdict.VALID
    assert "status list was not looked at" in status_sentence(report)
    assert "status list" not in status_sentence(case_of(signed(unsigned())).verify())


def test_a_list_that_could_not_be_fetched_leaves_the_status_open() -> None:
    report = judged(credential(entry()), "HTTP status 500")
    assert report.verdict is Verdict.CANNOT_CHECK
    assert "HTTP status 500" in report.sentence
    revoked = judged(credential(entry()).both(word=0b10 << LANE_BIT), "HTTP status 500")
    assert revoked.verdict is Verdict.REVOKED


@pytest.mark.parametrize("purpose", ["refresh", "message", "other"])
def test_other_purposes_and_kinds_take_nothing_from_validity(purpose: str) -> None:
    for status in (entry(statusPurpose=purpose), {"type": "StatusList2021Entry"}, None, "x"):
        report = judged(credential(status), status_list(bits_with(INDEX)))
        assert report.verdict is Verdict.VALID


# --- what never counts


STRANGER = Ed25519PrivateKey.from_private_bytes(b"\x09" * 32)
GOOD = bits_with()
UNSOUND: dict[str, Any] = {
    "unsigned": status_list(key=None),
    "signed by another": status_list(key=STRANGER),
    "changed": {**status_list(), "description": "x"},
    "of another issuer": status_list(issuer="did:web:other.example"),
    "of another address": status_list(id="https://uni.example/status/4"),
    "without an address": status_list(id=None),
    "no status list": status_list(type=["VerifiableCredential"]),
    "expired": status_list(validUntil="2026-05-31T00:00:00Z"),
    "not yet valid": status_list(validFrom="2026-06-02T00:00:00Z"),
    "a time without its zone": status_list(validUntil="2026-07-01"),
    "another purpose": status_list(subject_statusPurpose="suspension"),
    "no purpose": status_list(subject_statusPurpose=None),
    "another subject": status_list(subject_type="Other"),
    "too short": status_list(bits_with(size=MIN_BITS - 8)),
    "no multibase": status_list(encoded(GOOD)[1:]),
    "another multibase": status_list("z" + encoded(GOOD)[1:]),
    "not base64url": status_list("u~~~~"),
    "not GZIP": status_list("u" + urlsafe_b64encode(GOOD).decode()),
    "zlib": status_list("u" + urlsafe_b64encode(zlib.compress(GOOD)).decode()),
    "cut off": status_list("u" + urlsafe_b64encode(gzip.compress(GOOD)[:-4]).decode().rstrip("=")),
    "two members": status_list(
        "u" + urlsafe_b64encode(gzip.compress(GOOD) * 2).decode().rstrip("=")
    ),
    "a number": status_list(subject_encodedList=7),
    "not JSON": "{",
    "an array": [],
}


@pytest.mark.parametrize("name", UNSOUND)
def test_a_list_that_is_not_whole_leaves_the_status_open(name: str) -> None:
    listed = UNSOUND[name]
    raw = b"{" if listed == "{" else json.dumps(listed).encode()
    report = credential(entry()).verify(word=IssuerWord(lists=(KnownList(URL, raw),)))
    assert report.verdict is Verdict.CANNOT_CHECK
    assert report.checks[8].reason == "status-list-not-read"
    assert "not to be relied on" in report.sentence
    assert "The chain: Neither revoked" in report.sentence


@pytest.mark.parametrize(
    "changed",
    [
        {"statusListIndex": INDEX},
        {"statusListIndex": "0x10"},
        {"statusListIndex": "-1"},
        {"statusListIndex": "01"},
        {"statusListIndex": " 1"},
        {"statusListIndex": "٣"},
        {"statusListIndex": "1" * 5000},
        {"statusListIndex": None},
        {"statusListIndex": str(MIN_BITS)},
        {"statusSize": 2},
        {"statusPurpose": None},
        {"statusPurpose": ["revocation"]},
        {"statusListCredential": None},
        {"statusListCredential": {"id": URL}},
    ],
)
def test_an_entry_that_is_not_whole_leaves_the_status_open(changed: dict[str, Any]) -> None:
    report = judged(credential(entry(**changed)), status_list())
    assert report.verdict is Verdict.CANNOT_CHECK


@pytest.mark.parametrize("level", [1, 9])
def test_a_bomb_is_refused_at_once(level: int) -> None:
    """170 MiB of zeros in a file that is small enough to be read."""
    stream = zlib.compressobj(level, wbits=31)
    packed = b"".join(stream.compress(bytes(2**20)) for _ in range(170))
    bomb = "u" + urlsafe_b64encode(packed + stream.flush()).decode().rstrip("=")
    case, listed = credential(entry()), status_list(bomb)
    tracemalloc.start()
    began = time.perf_counter()
    report = judged(case, listed)
    took = time.perf_counter() - began
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert report.verdict is Verdict.CANNOT_CHECK
    assert f"more than {MAX_LIST_BYTES:,} bytes" in report.sentence
    assert took < 1
    assert peak < 200e6


def test_a_retired_key_signs_no_list_any_more() -> None:
    from test_issuer_word import BY_BOTH, METHOD, WEB, did_document
    from verifier_cases import ISSUER

    from registry.documents.did_document import DidDocument
    from registry.documents.issuer_word import KnownDocument, Origin

    issuer = {"id": WEB, "type": ["Profile"], "name": "University"}
    document = unsigned(type=["VerifiableCredential"], issuer=issuer, credentialStatus=entry())
    own = sign(document, PUBLIC, KEY.sign, proof_id="urn:uuid:1", created=NOW, method=METHOD)
    listed = status_list(bits_with(), key=None, issuer=WEB)
    listed = sign(listed, PUBLIC, KEY.sign, proof_id="urn:uuid:9", created=NOW, method=METHOD)
    raw = (KnownList(URL, json.dumps(listed).encode()),)
    for ended, verdict in ((None, "VALID"), ("2026-06-01T11:30:00Z", "CANNOT_CHECK")):
        changed = {"revoked": ended} if ended else {}
        described = DidDocument.from_json(did_document(ISSUER, **changed))
        word = IssuerWord((KnownDocument(described, Origin.CARRIED),), lists=raw)
        case = case_of(own).but(policy=BY_BOTH).both(did_hash=described.hash)
        report = case.verify(word=word)
        assert report.checks[2].outcome == "VALID"
        assert report.verdict == verdict


def test_a_strangers_list_reaches_no_sentence_raw() -> None:
    url = "https://uni.example/\x1b[2J\u202e"
    report = judged(credential(entry(statusListCredential=url)), "\x1b[2Jno", url=url)
    assert report.checks[8].sentence.isprintable()


@given(st.text(max_size=40))
def test_whatever_an_encoded_list_is_it_is_bits_or_refused(text: str) -> None:
    with suppress(MalformedValue):
        assert len(unpack(text)) * 8 >= MIN_BITS


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["type", "statusPurpose", "statusListIndex", "statusListCredential"]
                ),
                inner | st.just("BitstringStatusListEntry"),
                max_size=4,
            )
        ),
        max_leaves=8,
    )
)
def test_whatever_a_status_is_it_is_read_or_passed_over(status: Any) -> None:
    for found in entries({"credentialStatus": status}):
        assert found.fault or found.index >= 0
