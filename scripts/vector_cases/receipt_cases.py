"""The receipt, and all that is not one."""

from __future__ import annotations

import json
from typing import Any

from vector_cases import oracles
from vector_cases.oracles import Json, filler, hex0x

LEAVES = [filler(f"leaf {index}") for index in range(7)]
RECEIPT: Json = {
    "version": 1,
    "chain": "eip155:31337",
    "registry": "0x" + filler("registry").hex()[:40],
    "issuerId": hex0x(filler("issuer a")),
    "index": 2,
    "treeSize": 7,
    "salt": hex0x(filler("salt 0")),
    "path": [hex0x(sibling) for sibling in oracles.path(2, LEAVES)],
    "root": hex0x(oracles.root(LEAVES)),
}
_NO_OBJECTS: list[Any] = [[], None, "x", 1]


def receipt() -> Json:
    longest: Json = {
        **RECEIPT,
        "chain": "eip155:1",
        "index": 2**32 - 2**31,
        "treeSize": 2**32 - 1,
        "path": [hex0x(filler(f"sibling {place}")) for place in range(32)],
    }
    shortest: Json = {**RECEIPT, "index": 0, "treeSize": 1, "path": [], "root": RECEIPT["salt"]}
    valid: dict[str, Json] = {"seven leaves": RECEIPT, "32 siblings": longest, "one leaf": shortest}
    return {
        "valid": [
            {"name": name, "text": json.dumps(value, indent=2), "canonical": _form(value)}
            for name, value in valid.items()
        ],
        "invalid": [*_wrong_members(), *_wrong_texts()],
    }


def _form(value: Json) -> str:
    return oracles.canonical(value).decode()


def _wrong_members() -> list[Json]:
    hash_ = RECEIPT["root"]
    path = RECEIPT["path"]
    wrong: dict[str, list[Any]] = {
        "version": [0, 2, "1", 1.5, True, None],
        "chain": [
            "eip155:",
            "eip155:01",
            "eip155:-1",
            "31337",
            "solana:1",
            "EIP155:1",
            31337,
            "eip155:1 ",
            "eip155:1\n",
            "eip155:" + "9" * 33,
        ],
        "index": [-1, 7, "2", 2.5, True, None],
        "treeSize": [0, 2**32, -7, "7", 7.5, None],
        "path": [
            path[:2],
            [*path, hash_],
            [],
            path[0],
            None,
        ],
        "path/2": [
            [path[0], path[1], None],
            [path[0], path[1], path[2][:-2]],
            [path[0], path[1], path[2].upper()],
        ],
    }
    for member in ("registry", "issuerId", "salt", "root"):
        text = RECEIPT[member]
        wrong[member] = [
            text[:-2],
            text + "00",
            text[:-1],
            text[2:],
            "0X" + text[2:],
            "0x" + text[2:].upper(),
            " " + text,
            text[:-1] + "g",
            "",
            None,
            1,
        ]
    cases = [
        _invalid(
            f"{place}: {json.dumps(value)[:24]}",
            {**RECEIPT, place.removesuffix("/2"): value},
            f"/{place}",
        )
        for place, values in wrong.items()
        for value in values
    ]
    for member in RECEIPT:
        rest = {key: value for key, value in RECEIPT.items() if key != member}
        cases.append(_invalid(f"no {member}", rest, f"/{member}"))
    return [
        *cases,
        _invalid("treeSize not above index", {**RECEIPT, "treeSize": 2}, "/index"),
        _invalid("treeSize that asks for a longer path", {**RECEIPT, "treeSize": 9}, "/path"),
        _invalid("unknown member", {**RECEIPT, "txHash": hash_}, "/txHash"),
        _invalid("member in other case", {**RECEIPT, "Root": hash_}, "/Root"),
        *[_invalid(f"top level is {json.dumps(value)}", value, "") for value in _NO_OBJECTS],
    ]


def _invalid(name: str, value: Any, pointer: str) -> Json:
    return {"name": name, "text": json.dumps(value), "pointer": pointer}


def _wrong_texts() -> list[Json]:
    """Not even JSON as it is read: no pointer."""
    text = json.dumps(RECEIPT)
    return [
        {"name": "trailing data", "text": text + "{}"},
        {"name": "duplicate member", "text": text[:-1] + ', "index": 2}'},
        {"name": "byte-order mark", "text": "\ufeff" + text},
        {"name": "cut short", "text": text[:-1]},
        {"name": "empty", "text": ""},
    ]
