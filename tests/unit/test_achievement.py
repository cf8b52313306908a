"""Achievement files: ours beside the official members, and a pointer for every fault."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest

from anchor_service.errors import AchievementRefused
from anchor_service.issuing.achievement import Achievement
from anchor_service.issuing.durations import Duration
from registry.errors import MalformedJson

FILE: dict[str, Any] = {"name": "A", "description": "B", "criteria": {"narrative": "C"}}


def parse(**changes: Any) -> Achievement:
    return Achievement.parse(json.dumps({**FILE, **changes}).encode())


def refused(**changes: Any) -> list[str]:
    with pytest.raises(AchievementRefused) as caught:
        parse(**changes)
    return [pointer for pointer, _ in caught.value.faults]


def test_our_members_leave_the_object() -> None:
    found = parse(validFor="P2Y", language="pt-BR")
    assert found.valid_for == Duration.parse("P2Y")
    assert found.body["inLanguage"] == "pt-BR"
    assert found.body.keys() == {
        "name", "description", "criteria", "type", "inLanguage", "id",
    }  # fmt: skip


def test_without_our_members_it_has_no_end_and_no_language() -> None:
    found = parse()
    assert found.valid_for is None
    assert "inLanguage" not in found.body


def test_an_id_is_kept_and_a_missing_one_follows_from_the_content() -> None:
    assert parse(id="https://university.example/a").id == "https://university.example/a"
    made = parse().id
    # Released: a changed value would give every achievement in use another id.
    assert made == "urn:uuid:3c20a3e0-5d62-5a8c-8451-df3ec9104383"
    reordered = json.dumps(dict(reversed(FILE.items())), indent=4).encode()
    assert Achievement.parse(reordered).id == made
    assert parse(name="Another").id != made
    assert parse(validFor="P2Y").id == made


def test_types_are_kept() -> None:
    assert parse(type=["Achievement", "ext:Course"]).body["type"] == ["Achievement", "ext:Course"]
    assert refused(type=["Course"]) == ["/type"]


@pytest.mark.parametrize("value", ["2 years", "P0D", "", 2, None, ["P2Y"]])
def test_a_wrong_duration_is_named(value: Any) -> None:
    assert refused(validFor=value) == ["/validFor"]


@pytest.mark.parametrize("value", ["english", "EN", "de_DE", "", 5, None, "en\n"])
def test_a_wrong_language_is_named(value: Any) -> None:
    assert refused(language=value) == ["/language"]


def test_two_languages_that_differ_are_refused() -> None:
    assert parse(language="de", inLanguage="de").body["inLanguage"] == "de"
    assert refused(language="de", inLanguage="fr") == ["/language"]


def test_an_unknown_member_names_the_nearest_known() -> None:
    with pytest.raises(AchievementRefused, match="is validFor meant"):
        parse(validfor="P2Y")
    with pytest.raises(AchievementRefused, match="/x~1y: no member"):
        parse(**{"x/y": 1})


def test_every_fault_is_told_at_once() -> None:
    faults = refused(
        name=1, typo=1, validFor="x", language="x y", alignment=[{"type": ["Alignment"]}]
    )
    assert set(faults) == {"/name", "/typo", "/validFor", "/language", "/alignment/0"}


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b'{"name":1,"name":2}', b'{"a":NaN}', b"\xef\xbb\xbf{}"]
)
def test_text_that_is_no_json_object_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedJson):
        Achievement.parse(raw)


def test_the_packaged_sample_is_sound() -> None:
    raw = files("anchor_service").joinpath("samples", "achievement.json").read_bytes()
    found = Achievement.parse(raw)
    assert found.valid_for is not None
    assert found.body["inLanguage"] == "en"
