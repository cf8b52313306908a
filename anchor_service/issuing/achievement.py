"""An achievement file: what is awarded, written once for every learner who earns it.

The file is one JSON object, an Open Badges 3.0 Achievement, with two members of ours beside it:

- `validFor`: an ISO 8601 duration from which each credential's `validUntil` follows;
- `language`: a BCP 47 tag, which goes into the Achievement as its `inLanguage`.

`type` may be left out. So may `id`: it is then made from the content, so that the same file always
names the same achievement, and a changed one names another. Write an `id` to keep it over changes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Self
from uuid import UUID, uuid5

from anchor_service.errors import AchievementRefused
from anchor_service.issuing.durations import Duration
from registry.documents.open_badges import achievement_faults, achievement_members
from registry.errors import MalformedValue
from registry.formats.canonical import canonicalize
from registry.formats.strict_json import read_object

if TYPE_CHECKING:
    from registry.formats.strict_json import JsonObject, JsonValue

OUR_MEMBERS = ("validFor", "language")
# Never to change: it would give every achievement without an id another one.
_NAMESPACE = UUID("0b1c7f3e-6a52-5d0f-9c0e-3f5a8d2e7b41")
# What the official schema takes of BCP 47 for `inLanguage`.
_LANGUAGE = re.compile(r"[a-z]{2,4}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?")
_Faults = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Achievement:
    """body: the Open Badges Achievement, complete; valid_for: None means without end."""

    body: JsonObject
    valid_for: Duration | None

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read an achievement file.

        Raises MalformedJson, or AchievementRefused with a JSON pointer for each fault.
        """
        document = read_object(raw)
        found: _Faults = _foreign_members(document)
        valid_for = _duration(document, found)
        body = {name: value for name, value in document.items() if name not in OUR_MEMBERS}
        body.setdefault("type", ["Achievement"])
        _set_language(body, document, found)
        if "id" not in body:
            body["id"] = f"urn:uuid:{uuid5(_NAMESPACE, canonicalize(body).decode())}"
        found += achievement_faults(body)
        if found:
            raise AchievementRefused(tuple(found))
        return cls(body, valid_for)

    @property
    def id(self) -> str:
        return str(self.body["id"])


def _foreign_members(document: JsonObject) -> _Faults:
    """Members that no context defines would be issued, and mean nothing to anyone."""
    known = [*achievement_members(), *OUR_MEMBERS]
    found = []
    for name in document:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"; is {near[0]} meant?" if near else ""
            place = "/" + name.replace("~", "~0").replace("/", "~1")
            found.append((place, f"no member of an Open Badges 3.0 Achievement{hint}"))
    return found


def _duration(document: JsonObject, found: _Faults) -> Duration | None:
    text = document.get("validFor")
    if "validFor" not in document:
        return None
    if not isinstance(text, str):
        found.append(("/validFor", "not text; write an ISO 8601 duration such as P2Y"))
        return None
    try:
        return Duration.parse(text)
    except MalformedValue as fault:
        found.append(("/validFor", fault.reason))
        return None


def _set_language(body: JsonObject, document: JsonObject, found: _Faults) -> None:
    if "language" not in document:
        return
    language: JsonValue = document["language"]
    if not isinstance(language, str) or not _LANGUAGE.fullmatch(language):
        found.append(("/language", "not a language tag (BCP 47) such as en, pt-BR or zh-Hant"))
    elif body.setdefault("inLanguage", language) != language:
        found.append(("/language", "contradicts /inLanguage; leave one of them out"))
