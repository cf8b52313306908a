"""Files made to be expensive, and a process that judges one of them within limits.

python hostile_inputs.py NAME      prints seconds, megabytes above the empty program, verdict
"""

from __future__ import annotations

import json
import resource
import sys
import time
from typing import TYPE_CHECKING, Any

from bundle_cases import bundle_case
from verifier_cases import good_case, signed, unsigned

from registry.examination import examine_file
from registry.proven_evidence import bundle_evidence

if TYPE_CHECKING:
    from collections.abc import Callable

BUNDLE, CREDENTIAL = 4 * 2**20, 2**20 + 64 * 1024
"""The largest files that are read."""
MEMORY = 2**30
"""Of address space, so that a mistake ends the process and not the machine."""


def sound() -> bytes:
    return bundle_case(signed(unsigned())).raw


def with_member(member: str, text: bytes) -> bytes:
    """The sound bundle with one more member, written as it is."""
    return sound().rstrip()[:-1] + b',"' + member.encode() + b'":' + text + b"}"


MARKED = b'["CredAnchorBundle",'
"""What begins so may be as long as a bundle."""


def filled(unit: bytes, size: int, before: bytes = MARKED, after: bytes = b"1]") -> bytes:
    return before + unit * ((size - len(before) - len(after) - 8192) // len(unit)) + after


def with_evidence(**changed: Any) -> bytes:
    value = json.loads(sound())
    value["evidence"] |= changed
    return json.dumps(value).encode()


def with_credential(**changed: Any) -> bytes:
    value = json.loads(sound())
    value["credential"] |= changed
    return json.dumps(value).encode()


def proofs(count: int, padding: int) -> bytes:
    document = json.loads(good_case().raw)
    proof = document["proof"][0]
    del document["proof"]
    document["name"] = "x" * padding
    document["proof"] = [proof] * count
    return json.dumps(document).encode()


def flooding(count: int) -> bytes:
    return json.dumps({f"k{n:x}": 0 for n in range(count)}).encode()


INPUTS: dict[str, Callable[[], bytes]] = {
    "numbers, then no end": lambda: filled(b"1,", BUNDLE, after=b"1"),
    "numbers in a bundle": lambda: with_member("note", filled(b"1,", BUNDLE - 20_000)),
    "numbers in a bundle's credential": lambda: with_credential(x=[1] * 1_200_000),
    "numbers in its DID document": lambda: with_member(
        "didDocument", b'{"id":"did:web:x","a":' + filled(b"1,", BUNDLE - 20_000) + b"}"
    ),
    "large numbers": lambda: with_member("note", filled(b"1e22,", BUNDLE - 20_000)),
    "objects, then a key twice": lambda: filled(b'{"a":1},', BUNDLE, after=b'{"a":1,"a":2}]'),
    "escapes that hide colons": lambda: filled(
        b'"\\u003a",', BUNDLE, b'{"type":"CredAnchorBundle","a":[', b"1]}"
    ),
    "escapes, then no end": lambda: filled(b"\\u0041", BUNDLE, MARKED + b'"', b""),
    "white space": lambda: MARKED + b" " * (BUNDLE - 100) + b"x",
    "deep lists": lambda: MARKED + b"[" * (BUNDLE - 100),
    "deep objects": lambda: MARKED + b'{"a":' * (BUNDLE // 5 - 100),
    "deep inside a bundle": lambda: with_member("note", b"[" * 1_000_000 + b"]" * 1_000_000),
    "many keys": lambda: MARKED + flooding(250_000) + b"]",
    "many unknown members": lambda: with_member("note", flooding(200_000)),
    "half a million nodes": lambda: with_evidence(nodes=["0x"] * 500_000),
    "512 nodes that nobody needs": lambda: with_evidence(
        nodes=["0x" + n.to_bytes(1024, "big").hex() for n in range(512)]
    ),
    "a node of two megabytes": lambda: with_evidence(nodes=["0x" + "00" * 2_000_000]),
    "a header of two megabytes": lambda: with_evidence(header="0x" + "00" * 2_000_000),
    "a header of many fields": lambda: with_evidence(header="0xf9fffd" + "80" * 65_533),
    "a header of lists in lists": lambda: with_evidence(header="0xf9fffd" + "c0" * 65_533),
    "a long history": lambda: with_member(
        "history", b"[" + b",".join([b'{"topics":[],"data":"0x"}'] * 150_000) + b"]"
    ),
    "a long path": lambda: with_member("x", json.dumps(["0x" + "00" * 32] * 50_000).encode()),
    "a credential of numbers": lambda: filled(b"1,", CREDENTIAL, b"["),
    "a credential of numbers without end": lambda: filled(b"1,", CREDENTIAL, b"[", b"1"),
    "a credential of hidden colons": lambda: filled(b'"\\u003a",', CREDENTIAL, b"["),
    "a credential of deep lists": lambda: b"[" * CREDENTIAL,
    "a credential with two thousand proofs": lambda: proofs(2_000, 10_000),
    "a large credential with a thousand proofs": lambda: proofs(1_000, 500_000),
    "a credential with many types": lambda: json.dumps(
        {**unsigned(), "type": ["VerifiableCredential", "OpenBadgeCredential"] * 20_000}
    ).encode(),
    "a credential that fits no schema in many places": lambda: json.dumps(
        {**unsigned(), "evidence": [{"type": 1}] * 60_000}
    ).encode(),
}


def judge(raw: bytes) -> str:
    """All that a file alone can set going: reading, schema, signatures, inclusion, proofs."""
    examination, bundle = examine_file(raw, None)
    if bundle is not None:
        bundle_evidence(bundle, {})
    wrong = next((c for c in examination.checks if c.outcome != "VALID"), None)
    return "taken" if wrong is None else f"{wrong.step.name.lower()} {wrong.outcome}"


def main(name: str) -> None:
    raw = INPUTS[name]()
    judge(sound())  # what is loaded once is not the input's
    judge(good_case().raw)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    began, busy = time.perf_counter(), time.process_time()
    verdict = judge(raw)
    spent, busy = time.perf_counter() - began, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    told = {"seconds": spent, "busy": busy, "megabytes": peak / 1024, "verdict": verdict}
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1])
