"""Changed bundles, each judged: what is accepted must be what was accepted before.

python mutants.py [VALUES]      every byte changed to VALUES others (3); a line of JSON with counts
"""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any

from bundle_town import Question, facts, past, town

from registry.errors import MalformedJson
from registry.formats.strict_json import read
from registry.reasons import Reason
from registry.report import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

REFUSALS = {"MALFORMED", "TAMPERED", "NOT_ANCHORED", "ISSUER_UNTRUSTED", "CANNOT_CHECK"}
"""What a change may lead to: no such anchor is what a receipt with another size comes to. None of
the others says that a file was changed."""
_TWICE = "\0 the last name once more"
_OF_OTHER_KINDS: list[Any] = [None, True, 0, 1.0, -1, 2**53 - 1, "", "0x", "0x00", [], {}, [{}]]


@dataclass
class Campaign:
    """counts: by kind of change, then by what came of it. harmless: where accepted ones differ."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    harmless: Counter[str] = field(default_factory=Counter)
    lies: list[str] = field(default_factory=list)

    def judge(self, kind: str, question: Question, mutants: Iterator[bytes]) -> None:
        raw = question.case.raw
        expected = question.answer(raw)
        told = facts(expected)
        counts = self.counts.setdefault(kind, Counter())
        for mutant in mutants:
            if mutant == raw:
                continue
            counts["tried"] += 1
            try:
                report = question.answer(mutant)
            except Exception as crash:  # noqa: BLE001 - that none comes is what is counted
                counts["crashed"] += 1
                self.lies.append(f"{kind}: {crash!r}: {mutant[:2000]!r}")
                continue
            if facts(report) == told:
                counts["accepted"] += 1
                self.harmless[f"{kind}: {difference(raw, mutant)}"] += 1
                continue
            verdict = str(report.verdict)
            counts[verdict] += 1
            reasons = [one.reason for one in report.checks if one.outcome is not Outcome.VALID]
            typed = reasons and all(isinstance(reason, Reason) for reason in reasons)
            if verdict not in REFUSALS or not typed or not report.sentence:
                counts["lied"] += 1
                self.lies.append(f"{kind}: {report.sentence}: {mutant[:2000]!r}")

    @property
    def totals(self) -> Counter[str]:
        return sum(self.counts.values(), Counter())


def difference(raw: bytes, mutant: bytes) -> str:
    """Which member says something else; most accepted changes leave every value as it was."""
    try:
        one, other = (read(text, max_bytes=2**23, max_depth=66) for text in (raw, mutant))
    except MalformedJson:
        return "no JSON"
    return _first(one, other, "") or "layout alone"


def _first(one: Any, other: Any, place: str) -> str | None:
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        found = (_first(one[name], other[name], f"{place}/{name}") for name in one)
        return next((where for where in found if where), None)
    return None if repr(one) == repr(other) else place or "/"


# --- changes of bytes


def flipped(raw: bytes, dice: random.Random, values: int) -> Iterator[bytes]:
    """Every byte becomes others: one of the eight with a bit flipped, then any; 255: all."""
    for at, byte in enumerate(raw):
        bits = [byte ^ 1 << bit for bit in range(8)]
        dice.shuffle(bits)
        rest = [one for one in range(256) if one != byte and one not in bits]
        for other in [*bits, *dice.sample(rest, len(rest))][:values]:
            yield raw[:at] + bytes([other]) + raw[at + 1 :]


def dropped(raw: bytes) -> Iterator[bytes]:
    yield from (raw[:at] + raw[at + 1 :] for at in range(len(raw)))


def added(raw: bytes, dice: random.Random) -> Iterator[bytes]:
    yield from (raw[:at] + bytes([dice.choice(raw)]) + raw[at:] for at in range(len(raw) + 1))


def cut(raw: bytes) -> Iterator[bytes]:
    yield from (raw[:at] for at in range(0, len(raw), 7))


# --- changes of members


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    keys: Any = value.keys() if isinstance(value, dict) else range(len(value))
    for key in keys:
        yield (*path, key)
        if isinstance(value[key], dict | list):
            yield from places(value[key], (*path, key))


def _changed(raw: bytes, path: tuple[Any, ...], change: Any) -> bytes:
    value = holder = json.loads(raw)
    for step in path[:-1]:
        holder = holder[step]
    change(holder, path[-1])
    return json.dumps(value, ensure_ascii=False).encode()


def members_dropped(raw: bytes) -> Iterator[bytes]:
    for path in places(json.loads(raw)):
        yield _changed(raw, path, lambda holder, key: holder.pop(key))


def members_of_another_kind(raw: bytes) -> Iterator[bytes]:
    for path in places(json.loads(raw)):
        for other in _OF_OTHER_KINDS:
            yield _changed(raw, path, lambda holder, key, v=other: holder.__setitem__(key, v))


def members_twice(raw: bytes) -> Iterator[bytes]:
    """An item of a list doubled; a member of an object written once more behind it."""
    for path in places(json.loads(raw)):
        if isinstance(path[-1], int):
            yield _changed(raw, path, lambda holder, at: holder.insert(at, holder[at]))
        else:
            marked = _changed(raw, path, lambda h, key: h.update({_TWICE: h[key]}))
            yield marked.replace(json.dumps(_TWICE).encode(), json.dumps(path[-1]).encode())


def members_added(raw: bytes) -> Iterator[bytes]:
    for path in places(json.loads(raw)):
        if not isinstance(path[-1], int):
            yield _changed(raw, path, lambda holder, key: holder.update({f"{key}2": holder[key]}))


def members_swapped(raw: bytes) -> Iterator[bytes]:
    """Two values of one object or list, each in the other's place; and the members' order."""
    every = list(places(json.loads(raw)))
    holders = dict.fromkeys(path[:-1] for path in every)
    for holder in holders:
        keys = [path[-1] for path in every if path[:-1] == holder]
        for one, other in combinations(keys, 2):
            yield _changed(raw, (*holder, one), lambda h, key, o=other: _swap(h, key, o))
        yield _changed(raw, (*holder, keys[0]), lambda h, _: _reverse(h))


def _swap(holder: Any, one: Any, other: Any) -> None:
    holder[one], holder[other] = holder[other], holder[one]


def _reverse(holder: Any) -> None:
    items = list(reversed(holder.items())) if isinstance(holder, dict) else holder[::-1]
    holder.clear()
    holder.update(items) if isinstance(holder, dict) else holder.extend(items)


# --- parts of one true bundle in another


def replayed(ours: bytes, theirs: bytes) -> Iterator[bytes]:
    """Every choice of members of bundle, evidence and receipt, but for whole bundles."""
    one, other = json.loads(ours), json.loads(theirs)
    whole = {json.dumps(value) for value in (one, other)}
    parts = [("credential",), ("receipt",), ("evidence", "nodes")]
    parts += [("receipt", member) for member in one["receipt"] if member != "version"]
    differ = [part for part in parts if _at(one, part) != _at(other, part)]
    for count in range(1, len(differ) + 1):
        for chosen in combinations(differ, count):
            value = json.loads(ours)
            for part in chosen:
                _at(value, part[:-1])[part[-1]] = _at(other, part)
            if json.dumps(value) not in whole:
                yield json.dumps(value).encode()


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def elsewhere(raw: bytes) -> Iterator[bytes]:
    """The same receipt for other chains and registries, all of them believed in."""
    for chain in ("eip155:1", "eip155:2", "eip155:031337", "eip155:0"):
        yield _changed(raw, ("receipt", "chain"), lambda h, key, c=chain: h.update({key: c}))
    for byte in ("ab", "00", "AA"):
        address = "0x" + byte * 20
        yield _changed(raw, ("receipt", "registry"), lambda h, key, a=address: h.update({key: a}))


def campaign(values: float, seed: int) -> Campaign:
    """values: others that each byte becomes; below 1, how many of all changes are tried."""
    dice, done = random.Random(seed), Campaign()
    bundles = town()
    ours = bundles["ours"]
    then = past()
    # Asked about now, the last one has a history that no verdict rests on.
    for question in (ours, bundles["another leaf, revoked"], then, Question(then.case)):
        raw = question.case.raw
        kinds = {
            "byte changed": flipped(raw, dice, max(1, int(values))),
            "byte dropped": dropped(raw),
            "byte added": added(raw, dice),
            "cut short": cut(raw),
            "member dropped": members_dropped(raw),
            "member of another kind": members_of_another_kind(raw),
            "member twice": members_twice(raw),
            "member added": members_added(raw),
            "members swapped": members_swapped(raw),
        }
        for kind, mutants in kinds.items():
            some = (one for one in mutants if values >= 1 or dice.random() < values)
            done.judge(kind, question, some)
    for name, other in bundles.items():
        if name != "ours":
            done.judge(f"replayed: {name}", ours, replayed(ours.case.raw, other.case.raw))
            done.judge(f"replayed: {name}", other, replayed(other.case.raw, ours.case.raw))
    done.judge("replayed: another place", ours, elsewhere(ours.case.raw))
    return done


def main(values: float) -> None:
    done = campaign(values, seed=random.randrange(2**32))
    counts = {kind: dict(counter) for kind, counter in done.counts.items()}
    harmless = dict(done.harmless.most_common())
    print(json.dumps({"counts": counts, "harmless": harmless, "lies": done.lies}))


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 3)
