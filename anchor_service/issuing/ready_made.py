"""Ready-made credentials from files, exactly as received.

A file is one JSON document, or JSON lines: `.jsonl` and `.ndjson` always, `.json` never, any other
name by its content. Every byte of a document is kept; of a line, all but its line end. Documents
stream: no more than one of them is held here.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from anchor_service.errors import ImportRefused
from registry.documents.open_badges import SCHEMA_NAME, Faults, faults
from registry.errors import MalformedDocument, MalformedJson
from registry.formats.credential import Credential, anchor_proofs
from registry.formats.strict_json import MAX_FILE_BYTES, read

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_LINES = frozenset({".jsonl", ".ndjson"})
_PART = 2**20  # bytes read at once to count lines


@dataclass(frozen=True, slots=True)
class ReadyMade:
    """One credential. line: 1-based, None where the file is one document.

    schema_faults: empty where the official schema is met; None where none is known for it.
    """

    file: str
    line: int | None
    raw: bytes
    credential: Credential
    schema_faults: Faults | None


def read_files(
    paths: Iterable[Path], *, strict: bool = False
) -> Iterator[ReadyMade | ImportRefused]:
    """Yield every credential of the files in order, or why one of them was not taken.

    A refusal is yielded, not raised, so that all of them can be told at once. Refused are what is
    no credential, what carries an anchor proof, files that cannot be read, and with `strict` also
    what its official schema does not accept or what none is known for.
    """
    for path in paths:
        file = str(path)
        try:
            with path.open("rb") as stream:
                for line, raw in _documents(path, stream):
                    yield take(file, line, raw, strict=strict)
        except OSError as error:
            yield ImportRefused(file, None, f"cannot be read: {error.strerror}")


def estimate(paths: Iterable[Path]) -> int:
    """How many documents the files seem to hold: the end of a progress bar, and no promise.

    Line ends of JSON lines, else one a file. What cannot be read is for `read_files` to tell.
    """
    documents = 0
    for path in paths:
        with suppress(OSError), path.open("rb") as stream:
            if _holds_lines(path, stream):
                documents += sum(
                    part.count(b"\n") for part in iter(lambda: stream.read(_PART), b"")
                )
            else:
                documents += 1
    return documents


def take(file: str, line: int | None, raw: bytes, *, strict: bool) -> ReadyMade | ImportRefused:
    """Judge one document; a refusal is returned, as `read_files` yields it."""
    credential = take_unjudged(file, line, raw)
    if isinstance(credential, ImportRefused):
        return credential
    found = faults(credential.document)
    if strict and found is None:
        return ImportRefused(file, line, "no official schema is known for its type and context")
    if strict and found:
        pointer, reason = found[0]
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        return ImportRefused(file, line, f"{SCHEMA_NAME}: {pointer or '/'}: {reason}{more}")
    return ReadyMade(file, line, raw, credential, found)


def take_unjudged(file: str, line: int | None, raw: bytes) -> Credential | ImportRefused:
    """As `take`, for whom does not ask what its official schema says."""
    try:
        credential = Credential.parse(raw)
    except (MalformedJson, MalformedDocument) as fault:
        # Within a line of JSON lines the column alone says where.
        reason = str(fault) if line is None else str(fault).replace("at line 1, ", "at ")
        return ImportRefused(file, line, reason)
    if "\0" in (credential.id or ""):  # PostgreSQL's text has no place for it
        return ImportRefused(file, line, "its id holds a NUL character")
    document = credential.document
    if "proof" in document and anchor_proofs(document):
        reason = "carries an anchor proof already; import the credential as it was before"
        return ImportRefused(file, line, reason)
    return credential


def _documents(path: Path, stream: IO[bytes]) -> Iterator[tuple[int | None, bytes]]:
    """Yield (line, bytes); one byte over the limit is enough for the reader to refuse it."""
    if _holds_lines(path, stream):
        yield from lines_of(stream)
    else:
        yield None, stream.read(MAX_FILE_BYTES + 1)


def _holds_lines(path: Path, stream: IO[bytes]) -> bool:
    suffix = path.suffix.lower()
    return suffix in _LINES or (suffix != ".json" and _begins_with_a_document(stream))


def _begins_with_a_document(stream: IO[bytes]) -> bool:
    """Whether the first line is a whole JSON object, and more than blanks comes after it."""
    first = stream.readline(MAX_FILE_BYTES + 1)
    rest = stream.read(1024)
    stream.seek(0)
    try:
        return isinstance(read(first), dict) and bool(rest.strip())
    except MalformedJson:
        return False


def lines_of(stream: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield (line, bytes without the line end) of each line that is not blank."""
    line = 0
    # A line end of two bytes still fits behind the longest document.
    while raw := stream.readline(MAX_FILE_BYTES + 2):
        line += 1
        document = raw.removesuffix(b"\n").removesuffix(b"\r")
        while raw and not raw.endswith(b"\n"):  # too long for the reader: pass over the rest
            raw = stream.readline(MAX_FILE_BYTES)
        if document and not document.isspace():
            yield line, document
