"""Ready-made credentials: every byte kept, every refusal with its file and line."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from anchor_service.errors import ImportRefused
from anchor_service.issuing.ready_made import ReadyMade, estimate, read_files
from registry.documents.open_badges import CREDENTIALS_CONTEXT, OPEN_BADGES_CONTEXT
from registry.formats.strict_json import MAX_FILE_BYTES

EXAMPLES = Path(__file__).parents[3] / "shared" / "data" / "openbadges" / "examples"
needs_examples = pytest.mark.skipif(
    not EXAMPLES.is_dir(), reason="1EdTech's sample credentials are not beside the repository"
)
CREDENTIAL: dict[str, Any] = {
    "@context": [CREDENTIALS_CONTEXT, OPEN_BADGES_CONTEXT],
    "id": "urn:uuid:11111111-1111-4111-8111-111111111111",
    "type": ["VerifiableCredential", "OpenBadgeCredential"],
    "issuer": {"id": "https://university.example", "type": ["Profile"]},
    "validFrom": "2026-06-30T00:00:00Z",
    "credentialSubject": {
        "id": "did:example:ana",
        "type": ["AchievementSubject"],
        "achievement": {
            "id": "https://university.example/a",
            "type": ["Achievement"],
            "name": "A",
            "description": "B",
            "criteria": {"narrative": "C"},
            "unknownMember": [1.0, "é"],
        },
    },
}
ANCHOR = {"type": "DataIntegrityProof", "cryptosuite": "credanchor-some-later-suite"}


def line(**changes: Any) -> bytes:
    return json.dumps({**CREDENTIAL, **changes}, ensure_ascii=False).encode()


def write(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def only(path: Path, *, strict: bool = False) -> ReadyMade | ImportRefused:
    (found,) = read_files([path], strict=strict)
    return found


def taken(path: Path, *, strict: bool = False) -> list[ReadyMade]:
    found = list(read_files([path], strict=strict))
    assert all(isinstance(one, ReadyMade) for one in found), found
    return [one for one in found if isinstance(one, ReadyMade)]


def refused(path: Path, *, strict: bool = False) -> ImportRefused:
    found = only(path, strict=strict)
    assert isinstance(found, ImportRefused)
    return found


def test_a_document_is_kept_byte_for_byte(tmp_path: Path) -> None:
    raw = b" \r\n" + json.dumps(CREDENTIAL, indent=3).encode() + b"\n\n"
    (found,) = taken(write(tmp_path, "one.json", raw))
    assert found.raw == raw
    assert (found.line, found.schema_faults) == (None, ())
    assert found.credential.document == CREDENTIAL


def test_lines_are_kept_but_for_their_ends(tmp_path: Path) -> None:
    lines = [line(id="urn:x:1"), b"  " + line(id="urn:x:2") + b" ", line(id="urn:x:3")]
    raw = lines[0] + b"\n\n" + lines[1] + b"\r\n \n" + lines[2]
    found = taken(write(tmp_path, "many.jsonl", raw))
    assert [one.raw for one in found] == lines
    assert [one.line for one in found] == [1, 3, 5]


@pytest.mark.parametrize("name", ["a.ndjson", "a.JSONL", "a.txt", "a"])
def test_json_lines_are_known_by_name_or_content(tmp_path: Path, name: str) -> None:
    assert len(taken(write(tmp_path, name, line() + b"\n" + line() + b"\n"))) == 2


@pytest.mark.parametrize("name", ["a.json", "a.txt", "a"])
@pytest.mark.parametrize("indent", [None, 2])
def test_one_document_is_known_by_name_or_content(
    tmp_path: Path, name: str, indent: int | None
) -> None:
    raw = json.dumps(CREDENTIAL, indent=indent).encode() + b"\n"
    (found,) = taken(write(tmp_path, name, raw))
    assert (found.line, found.raw) == (None, raw)


def test_files_follow_one_another(tmp_path: Path) -> None:
    first = write(tmp_path, "1.json", line(id="urn:x:1"))
    second = write(tmp_path, "2.jsonl", line(id="urn:x:2") + b"\n{\n" + line(id="urn:x:3"))
    found = list(read_files([first, tmp_path / "none.json", second]))
    assert [one.credential.id if isinstance(one, ReadyMade) else str(one) for one in found][:3] == [
        "urn:x:1",
        f"{tmp_path / 'none.json'}: cannot be read: No such file or directory",
        "urn:x:2",
    ]
    broken = found[3]
    assert isinstance(broken, ImportRefused)
    assert (broken.file, broken.line) == (str(second), 2)
    assert isinstance(found[4], ReadyMade)


@pytest.mark.parametrize(
    "raw",
    [b"", b"[]", b'"text"', b"{", b'{"a":1,"a":2}', b'{"a":NaN}', b"\xff", line() + b"x", b"{}"],
)
def test_what_is_no_credential_is_refused(tmp_path: Path, raw: bytes) -> None:
    fault = refused(write(tmp_path, "a.json", raw))
    assert fault.line is None
    assert str(fault).startswith(str(tmp_path / "a.json"))


@pytest.mark.parametrize("proof", [ANCHOR, [ANCHOR], [{"type": "Other"}, ANCHOR]])
def test_an_anchor_proof_of_any_version_is_refused(tmp_path: Path, proof: Any) -> None:
    fault = refused(write(tmp_path, "a.jsonl", line(proof=proof)))
    assert "carries an anchor proof already" in fault.reason


def test_other_proofs_are_welcome(tmp_path: Path) -> None:
    taken(write(tmp_path, "a.json", line(proof=[{"type": "DataIntegrityProof"}])), strict=True)


def test_schema_faults_are_told_and_strict_refuses_them(tmp_path: Path) -> None:
    path = write(tmp_path, "a.jsonl", b"\n" + line(awardedDate=5))
    (found,) = taken(path)
    assert found.schema_faults == (("/awardedDate", 'the value is not of type "string"'),)
    fault = refused(path, strict=True)
    assert str(fault) == (
        f'{path}:2: Open Badges 3.0: /awardedDate: the value is not of type "string"'
    )


def test_no_schema_known_is_told_apart_and_strict_refuses_it(tmp_path: Path) -> None:
    path = write(tmp_path, "a.json", line(type=["VerifiableCredential"]))
    assert taken(path)[0].schema_faults is None
    assert "no official schema is known" in refused(path, strict=True).reason


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.txt"])
def test_a_document_over_the_limit_is_refused_and_what_follows_read(
    tmp_path: Path, name: str
) -> None:
    huge = b'{"a":"' + b"x" * (2 * MAX_FILE_BYTES) + b'"}'
    raw = huge + b"\n" + line() if name == "a.jsonl" else huge
    found = list(read_files([write(tmp_path, name, raw)]))
    assert isinstance(found[0], ImportRefused)
    assert "bytes" in found[0].reason
    assert [type(one) for one in found[1:]] == ([ReadyMade] if name == "a.jsonl" else [])
    if name == "a.jsonl":
        assert isinstance(found[1], ReadyMade)
        assert found[1].line == 2


def test_documents_stream(tmp_path: Path) -> None:
    padded = line(description="x" * 10_000)
    path = write(tmp_path, "many.jsonl", (padded + b"\n") * 1000)
    found = read_files([path])
    next(found)
    tracemalloc.start()
    try:
        assert sum(1 for _ in found) == 999
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@needs_examples
def test_the_official_samples_go_through_and_strict_refuses_two() -> None:
    paths = sorted(EXAMPLES.glob("*.json"))
    found = list(read_files(paths))
    assert all(isinstance(one, ReadyMade) for one in found)
    for path, one in zip(paths, found, strict=True):
        assert isinstance(one, ReadyMade)
        assert one.raw == path.read_bytes()
    judged = [isinstance(one, ReadyMade) for one in read_files(paths, strict=True)]
    assert dict(zip((path.stem for path in paths), judged, strict=True)) == {
        "complete": True,
        "endorsement-valid": False,
        "simple-noproof": False,
    }


def test_the_estimate_counts_lines_and_documents_and_passes_over_the_missing(
    tmp_path: Path,
) -> None:
    lines, one, missing = tmp_path / "a.jsonl", tmp_path / "b.json", tmp_path / "c.jsonl"
    lines.write_bytes(b'{"n": 1}\n' * 700)
    one.write_bytes(b'{\n"n": 1\n}\n')
    assert estimate([lines, one, missing]) == 701
