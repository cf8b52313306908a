"""Two implementations, one answer: random texts, receipts, signatures and whole cases."""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from bundle_cases import EXTREMES, bundle_case
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hostile_inputs import INPUTS
from javascript import ROOT, WEB, ask, base64, run
from json_texts import text_of
from past_cases import random_past, random_past_bundles
from verifier_cases import KEY, good_case, signed, unsigned
from web_cases import (
    bundle_request,
    policy_text,
    random_bundle,
    random_case,
    report_on,
    request_of,
)

from registry.errors import MalformedDocument, MalformedJson, MalformedReceipt, MalformedValue
from registry.formats.canonical import canonicalize
from registry.formats.receipt import Receipt
from registry.formats.strict_json import read
from registry.judging.policy import TrustPolicy
from registry.moments import read_moment, stamp
from registry.report import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from registry.report import Report


def amounts(some: int, many: int) -> pytest.MarkDecorator:
    """So many in every run, and so many in a long one."""
    values = [some, pytest.param(many, marks=pytest.mark.long)]
    return pytest.mark.parametrize("amount", values, ids=["some", "many"])


Amount, Fewer = amounts(1500, 60_000), amounts(400, 20_000)
"""Of texts; of cases that take a signature or a proof to judge."""


def test_the_released_vectors_hold() -> None:
    files = sorted(map(str, (WEB / "test").glob("*.test.mjs")))
    done = run("--test", "--test-reporter=tap", *files)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout.rpartition("# pass ")[2].split()[0]) >= len(files)


def test_the_librarys_tests_read_every_released_file_too() -> None:
    tests = "".join(file.read_text("utf-8") for file in (ROOT / "tests" / "unit").glob("*.py"))
    names = [file.stem for file in (ROOT / "tests" / "vectors").glob("*.json")]
    assert [name for name in names if f'load("{name}")' not in tests] == []


@Amount
def test_json_is_read_and_written_alike(amount: int) -> None:
    dice = random.Random(amount)
    texts = [text_of(dice, strange=dice.random()) for _ in range(amount)]
    answers = ask({"ask": "json", "raw": base64(text)} for text in texts)
    accepted = 0
    for text, answer in zip(texts, answers, strict=True):
        found: dict[str, object] = {}
        try:
            found["canonical"] = canonicalize(read(text)).decode()
            accepted += 1
        except MalformedJson as fault:
            line, column = map(int, re.findall(r"line (\d+), column (\d+)", fault.place)[0])
            found |= {"line": line, "column": column}
        assert found == {key: answer.get(key) for key in found}, text
    assert amount / 10 < accepted < amount


@Amount
def test_receipts_are_read_alike(amount: int) -> None:
    dice = random.Random(amount)
    sound = good_receipt()
    raws = [mutated_receipt(dice, sound) for _ in range(amount)]
    answers = ask({"ask": "receipt", "raw": base64(raw)} for raw in raws)
    accepted = 0
    for raw, answer in zip(raws, answers, strict=True):
        try:
            expected = Receipt.parse(raw).serialize().decode()
            accepted += 1
        except (MalformedJson, MalformedReceipt):
            assert "refused" in answer, (raw, answer)
        else:
            assert answer.get("canonical") == expected, (raw, answer)
    assert 10 < accepted < amount


def good_receipt() -> bytes:
    from verifier_cases import seal, signed, unsigned

    return seal(signed(unsigned())).serialize()


def mutated_receipt(dice: random.Random, sound: bytes) -> bytes:
    """Most are one byte away; some change a number, some are sound."""
    place, kind = dice.randrange(len(sound)), dice.randrange(6)
    if kind == 0:
        return sound.replace(b"133", dice.choice([b"133.0", b"132", b"255", b"256", b"-1", b"1e2"]))
    if kind == 1:
        return sound.replace(b":256", b":" + str(dice.choice([255, 257, 2**32, 1, 200])).encode())
    if kind == 2:
        return sound[:place] + sound[place + 1 :]
    if kind == 3:
        return sound[:place] + b" " + sound[place:]
    return sound[:place] + bytes([dice.choice(b'0123456789abcdefA,"{}[]:x')]) + sound[place + 1 :]


def test_moments_are_read_alike() -> None:
    dice = random.Random(7)
    texts = [random_moment(dice) for _ in range(4000)]
    texts += [
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T24:00:00+14:00",
        "9999-12-31T23:59:59.9999999Z",
    ]
    answers = ask({"ask": "moment", "text": text} for text in texts)
    for text, answer in zip(texts, answers, strict=True):
        try:
            expected = read_moment(text)
        except MalformedValue:
            assert "refused" in answer, text
        else:
            assert answer.get("stamp") == stamp(expected), text
            assert int(answer["micros"]) % 1_000_000 == expected.microsecond, text


def random_moment(dice: random.Random) -> str:
    two: Callable[[int], str] = lambda most: f"{dice.randrange(most):02d}"  # noqa: E731
    year = dice.choice([f"{dice.randrange(10000):04d}", "2024", "2026", "1900", "2000"])
    zone = dice.choice(["Z", "Z", "+" + two(16) + ":" + two(62), "-14:00", "-00:30", "", "z"])
    fraction = dice.choice(["", "", ".5", ".1234567", ".000", "."])
    time = dice.choice(["24:00:00", f"{two(26)}:{two(62)}:{two(62)}"])
    return f"{year}-{two(14)}-{two(33)}T{time}{fraction}{zone}"


def test_ed25519_holds_for_the_same_signatures() -> None:
    """Also for crafted ones: points of small order, keys and numbers in a second spelling."""
    message = b"message"
    key, good = KEY.public_key().public_bytes_raw(), KEY.sign(b"message")
    prime, order = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
    points = [(y | sign << 255).to_bytes(32, "little") for y in SMALL_ORDER for sign in (0, 1)]
    points += [y.to_bytes(32, "little") for y in (prime, prime + 1, 2**255 - 1, 2)]
    scalars = [0, 1, order - 1, order, order + 1, int.from_bytes(good[32:], "little") + order]
    tried = [(key, good, message), (key, good, b"other")]
    tried += [
        (one, other + s.to_bytes(32, "little"), message)
        for one in [*points, key]
        for other in [*points, good[:32]]
        for s in scalars
    ]
    tried += [(key, good[:n] + bytes([good[n] ^ 1]) + good[n + 1 :], message) for n in range(64)]
    answers = ask(
        {"ask": "signed", "key": base64(k), "signature": base64(s), "message": base64(m)}
        for k, s, m in tried
    )
    held = 0
    for (public, signature, text), answer in zip(tried, answers, strict=True):
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(signature, text)
            holds = True
        except InvalidSignature:
            holds = False
        held += holds
        assert answer["holds"] is holds, (public.hex(), signature.hex())
    assert held > 1


SMALL_ORDER = [
    0,
    1,
    2**255 - 20,
    0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD83D3D706A17C7,
    0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
]
"""y of the points of order 4, 1, 2 and 8."""


def compare(answer: dict[str, Any], report: Report, *told: object) -> str:
    """Both came to one verdict by one outcome of every step; gives the verdict."""
    outcomes = "".join(check.outcome[0] for check in report.checks)
    assert (answer["verdict"], answer["outcomes"]) == (report.verdict, outcomes), (
        answer["keys"],
        [check.sentence for check in report.checks],
        *told,
    )
    return str(report.verdict)


@amounts(1000, 60_000)
def test_whole_cases_come_to_the_same_verdict(amount: int) -> None:
    dice = random.Random(amount)
    cases = [good_case(), *(random_case(dice) for _ in range(amount))]
    answers = ask(request_of(case) for case in cases)
    seen = {compare(told, case.verify()) for case, told in zip(cases, answers, strict=True)}
    assert len(seen) == 11, seen


@Fewer
def test_bundles_come_to_the_same_verdict_whatever_is_changed(amount: int) -> None:
    dice = random.Random(amount)
    cases = [random_bundle(dice) for _ in range(amount)]
    answers = ask(bundle_request(case) for case in cases)
    seen = {
        compare(told, report_on(case), case.raw) for case, told in zip(cases, answers, strict=True)
    }
    assert {"VALID", "TAMPERED", "MALFORMED", "CANNOT_CHECK", "REVOKED"} <= seen, seen


@Fewer
def test_past_moments_come_to_the_same_verdict(amount: int) -> None:
    """Of true histories, of logs that are not the whole one, of operations that cannot be."""
    dice = random.Random(amount)
    cases = [random_past(dice) for _ in range(amount)]
    answers = ask(one.request() for one in cases)
    seen = {
        compare(told, one.case.verify(one.at), one.at)
        for one, told in zip(cases, answers, strict=True)
    }
    assert seen >= {str(verdict) for verdict in Verdict} - {"MALFORMED", "TAMPERED", "PENDING"}


@Fewer
def test_bundles_with_a_history_come_to_the_same_verdict(amount: int) -> None:
    dice = random.Random(amount)
    cases = random_past_bundles(dice, amount)
    answers = ask(bundle_request(one.bundle, one.at) for one in cases)
    seen = {
        compare(told, report_on(one.bundle, one.at), one.at, one.bundle.raw)
        for one, told in zip(cases, answers, strict=True)
    }
    assert {"VALID", "REVOKED", "SUSPENDED", "NOT_ANCHORED", "MALFORMED", "CANNOT_CHECK"} <= seen


def test_the_ends_of_what_headers_and_slots_hold_are_alike() -> None:
    cases = {name: make() for name, (make, _) in EXTREMES.items()}
    answers = ask(bundle_request(case) for case in cases.values())
    for (name, case), answer in zip(cases.items(), answers, strict=True):
        compare(answer, case.verify(), name)


@pytest.mark.long
@pytest.mark.parametrize("name", INPUTS)
def test_hostile_inputs_end_alike(name: str) -> None:
    case = replace(bundle_case(signed(unsigned())), raw=INPUTS[name]())
    (answer,) = ask([bundle_request(case)])
    compare(answer, report_on(case), name)


def test_limits_are_alike() -> None:
    """As much as is read, and one more."""
    log = {"topics": [], "data": "0x"}
    cases = []
    changes: list[Callable[[Any], object]] = [
        lambda value: value.update(history=[log] * 16_384),
        lambda value: value.update(history=[log] * 16_385),
        lambda value: value["evidence"].update(nodes=["0x"] * 512),
        lambda value: value["evidence"].update(nodes=["0x"] * 513),
        lambda value: value["credential"].update(x=[1] * 400_000),
        lambda value: value["credential"].update(x=[1] * 600_000),
    ]
    for change in changes:
        value = json.loads(bundle_case(signed(unsigned())).raw)
        change(value)
        cases.append(replace(bundle_case(signed(unsigned())), raw=json.dumps(value).encode()))
    answers = ask(bundle_request(case) for case in cases)
    told = [str(case.verify().verdict) for case in cases]
    assert [answer["verdict"] for answer in answers] == told
    assert told == ["CANNOT_CHECK", "MALFORMED"] * 2 + ["TAMPERED", "MALFORMED"]


@Amount
def test_policies_are_read_alike(amount: int) -> None:
    dice = random.Random(amount)
    sound = policy_text(good_case().policy)
    texts = [sound] + [mutated_policy(dice, sound) for _ in range(amount // 4)]
    answers = ask({"ask": "policy", "text": text} for text in texts)
    for text, answer in zip(texts, answers, strict=True):
        try:
            expected = TrustPolicy.parse(text.encode())
        except MalformedDocument:
            assert "refused" in answer, text
        else:
            assert "policy" in answer, (text, answer)
            told = answer["policy"]
            assert told["maxAgeS"] == expected.max_age_s, text
            assert [one["issuerId"] for one in told["issuers"]] == [
                one.issuer_id.to_hex() for one in expected.issuers
            ]


def mutated_policy(dice: random.Random, sound: str) -> str:
    lines = sound.splitlines()
    place = dice.randrange(len(lines))
    match dice.randrange(6):
        case 0:
            del lines[place]
        case 1:
            lines.insert(place, lines[dice.randrange(len(lines))])
        case 2:
            lines.insert(0 if "max" in sound else place, dice.choice(["max_age_s = 5", "x = 1"]))
        case 3:
            lines[place] = lines[place].replace("a", dice.choice(["A", "", "g"]), 1)
        case 4:
            lines[place] = lines[place].replace('"', "'")
        case _:
            lines.insert(
                1, "max_age_s = " + dice.choice(["0", "-1", "1.0", "true", "86400", '"5"'])
            )
    return "\n".join(lines) + "\n"
