"""Files made to be expensive, and processes that judge them, one each, and measure themselves.

python hostile_inputs.py [NAME ...]     a line of JSON each; all of them where none is named
"""

from __future__ import annotations

import gzip
import json
import os
import resource
import sys
import time
import traceback
import zlib
from base64 import urlsafe_b64encode
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from bundle_cases import bundle_case
from verifier_cases import DID, NOW, POLICY, case_of, good_case, signed, unsigned

from registry.documents.issuer_word import IssuerWord
from registry.documents.status_list import KnownList
from registry.judging.verifier import verify, verify_bundle
from registry.proofs.evidence import NoEvidence

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from registry.report import Report

BUNDLE, CREDENTIAL = 4 * 2**20, 2**20 + 64 * 1024
"""The largest files that are read."""
MEMORY = 2**30
"""Of address space, so that a mistake ends the process and not the machine."""


def sound() -> bytes:
    return bundle_case(signed(unsigned())).raw


def with_member(member: str, text: bytes) -> bytes:
    """The sound bundle with one more member, written as it is."""
    return sound().rstrip()[:-1] + b',"' + member.encode() + b'":' + text + b"}"


MARK = b'"CredAnchorBundle"'
MARKED = b"[" + MARK + b","
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


def many(text: str) -> bytes:
    return spelled(signed(unsigned()), numbers(text))


def proof_of(document: Any) -> dict[str, Any]:
    proof: Any = signed(document)["proof"]
    return dict(proof)


def numbers(text: str, size: int = CREDENTIAL - 4000) -> str:
    """A list of one number, in its spelling, that fills a file."""
    return "[" + ",".join([text] * (size // (len(text) + 1))) + "]"


def spelled(document: dict[str, Any], text: str) -> bytes:
    """With one member more, written as it is; no schema looks into it."""
    return json.dumps(document).encode()[:-1] + b', "x": ' + text.encode() + b"}"


def proofs(count: int, text: str) -> bytes:
    """A credential with as many proofs, each by its issuer, for a context of its own."""
    document: Any = unsigned()
    document["@context"] = [*document["@context"], *(f"https://a.example/{n}" for n in range(16))]
    made = proof_of(document)
    several = [made | {"@context": document["@context"][: 2 + n % 17]} for n in range(count)]
    return spelled({**document, "proof": several}, text)


def self_signed(count: int) -> bytes:
    """A DID document by the key that it is named after."""
    document = signed({"id": DID, "x": [1.1e-7] * 15_000})
    return json.dumps({**document, "proof": [document["proof"]] * count}).encode()


def flooding(count: int) -> bytes:
    return json.dumps({f"k{n:x}": 0 for n in range(count)}).encode()


INPUTS: dict[str, Callable[[], bytes]] = {
    "numbers, then no end": lambda: filled(b"1,", BUNDLE, after=b"1"),
    "numbers in a bundle": lambda: with_member("note", filled(b"1,", BUNDLE - 20_000)),
    "numbers in a bundle's credential": lambda: with_credential(x=[1] * 1_200_000),
    "zeros in a bundle's credential": lambda: with_credential(x=[-0.0] * 400_000),
    "odd numbers in a bundle's credential": lambda: with_credential(x=[1e22] * 800_000),
    "odd numbers in its DID document": lambda: with_member(
        "didDocument", b'{"id":"did:web:x","a":' + filled(b"1e22,", BUNDLE - 20_000) + b"}"
    ),
    "proofs in its DID document": lambda: with_member("didDocument", self_signed(400)),
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
    "a credential with two thousand proofs": lambda: proofs(2_000, "1"),
    "a large credential with sixteen proofs": lambda: proofs(16, numbers("1", 1_000_000)),
    "the same of odd numbers": lambda: proofs(16, numbers("1.1e-7", 1_000_000)),
    **{
        f"a credential of {text}": partial(many, text)
        for text in ("1.0", "1e22", "1.5e-6", "1e400")
    },
    "a number of a million digits": lambda: spelled(unsigned(), "9" * 1_000_000),
    "a fraction of a million digits": lambda: spelled(unsigned(), "0." + "9" * 1_000_000),
    "an exponent of a million digits": lambda: spelled(unsigned(), "1e-" + "9" * 1_000_000),
    "odd keys": lambda: spelled(
        signed(unsigned()), json.dumps({f"\ue000{n}": 1.0 for n in range(60_000)})
    ),
    "one long key, twice": lambda: b'{"' + 2 * (b"x" * 500_000 + b'":1,"') + b'y":1}',
    "a signature of half a million characters": lambda: json.dumps(
        {**signed(unsigned()), "proof": {**proof_of(unsigned()), "proofValue": "z" * 500_000}}
    ).encode(),
    "a credential with many types": lambda: json.dumps(
        {**unsigned(), "type": ["VerifiableCredential", "OpenBadgeCredential"] * 20_000}
    ).encode(),
    "a credential that fits no schema in many places": lambda: json.dumps(
        {**unsigned(), "evidence": [{"type": 1}] * 60_000}
    ).encode(),
}


def bomb(size: int) -> str:
    """So many zeros, as a status list has them."""
    packer = zlib.compressobj(9, wbits=31)
    parts = [packer.compress(bytes(2**20)) for _ in range(size // 2**20)]
    return "u" + urlsafe_b64encode(b"".join([*parts, packer.flush()])).decode().rstrip("=")


def status_list(encoded: str, **more: Any) -> bytes:
    subject: Any = {"type": "BitstringStatusList", "statusPurpose": "revocation"}
    document: Any = {
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "id": LIST,
        "type": ["VerifiableCredential", "BitstringStatusListCredential"],
        "issuer": DID,
        "credentialSubject": {**subject, "encodedList": encoded, **more},
    }
    return json.dumps(signed(document)).encode()


LIST = "https://uni.example/status/1"
LISTS: dict[str, Callable[[], bytes]] = {
    "a status list that unpacks to 700 MB": lambda: status_list(bomb(700 * 2**20)),
    "a status list as large as may be": lambda: status_list(bomb(8 * 2**20)),
    "a status list one byte longer": lambda: status_list(bomb(8 * 2**20 + 2**20)),
    "a status list of a thousand files in one": lambda: status_list(
        "u" + urlsafe_b64encode(gzip.compress(bytes(16_384)) * 1_000).decode().rstrip("=")
    ),
    "a status list of what is no list": lambda: status_list("u" + "A" * 1_000_000),
    "a status list of odd numbers": lambda: status_list("u", x=[1.1e-7] * 120_000),
}
"""What is found at the one address that all entries of a credential name."""


def listed() -> dict[str, Any]:
    entry = {
        "type": "BitstringStatusListEntry",
        "statusPurpose": "revocation",
        "statusListIndex": "7",
        "statusListCredential": LIST,
    }
    plain: Any = unsigned(type=["VerifiableCredential"], credentialStatus=[entry] * 8)
    return signed(plain)


NAMES = (*INPUTS, *LISTS)
_DID_ALONE = replace(POLICY, issuers=())
"""So that what a bundle carries of the issuer is looked into."""


def judge(name: str, raw: bytes) -> Report:
    """With all that a file can set going, and its chain's facts at hand."""
    if name in LISTS:
        case = case_of(listed())
        return case.verify(word=IssuerWord(lists=(KnownList(LIST, raw),)))
    if MARK not in raw:
        return verify(raw, None, NoEvidence("no node"), POLICY, NOW)
    trusted = bundle_case(signed(unsigned())).trusted
    return verify_bundle(raw, trusted, _DID_ALONE, NOW, at=NOW)


def measure(name: str, file: Path) -> dict[str, Any]:
    """Seconds, of the wall's clock and of the processor's, and megabytes above what was held."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    began, busy = time.perf_counter(), time.process_time()
    report = judge(name, file.read_bytes())
    spent, busy = time.perf_counter() - began, time.process_time() - busy
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return {
        "name": name,
        "seconds": spent,
        "busy": busy,
        "megabytes": peak / 1024,
        "bytes": file.stat().st_size,
        "verdict": str(report.verdict),
    }


def make(source: Callable[[], bytes], file: Path) -> None:
    file.write_bytes(source())


def tell(name: str, file: Path) -> None:
    print(json.dumps(measure(name, file)))


def in_a_process(work: Callable[[], object]) -> None:
    """Of its own: what one input leaves in memory would hide what the next one takes."""
    if (child := os.fork()) == 0:
        try:
            work()
            sys.stdout.flush()
            os._exit(0)
        finally:
            traceback.print_exc()
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if status:
        sys.exit(f"ended with {status}")


def main(names: Sequence[str]) -> None:
    good_case().verify()  # what is loaded once is no input's
    bundle_case(signed(unsigned())).verify()
    made = {**INPUTS, **LISTS}
    with TemporaryDirectory() as folder:
        file = Path(folder) / "input"
        for name in names or NAMES:
            in_a_process(partial(make, made[name], file))
            in_a_process(partial(tell, name, file))


if __name__ == "__main__":
    main(sys.argv[1:])
