"""A learner's data taken out of the database for good; the batch and everybody's proofs stay.

A sealed credential keeps a row that says nothing: document, label, id, place and salt are gone, and
its digest is replaced by a random one, since whoever still has the document could compute it. Its
leaf, a hash of the lost salt, stays in the batch, and so do the paths of all the others. One that
is not sealed yet is simply removed.

Restoring an older backup would bring the data back: so each erasure is also noted, by row number
alone, in a file beside the database, and `restore` does what it says once more.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, or_, select, update

from anchor_service.errors import ErasureRefused
from anchor_service.store import changes
from anchor_service.store.lifecycle import BatchState, ChangeState
from anchor_service.store.schema import (
    credential,
    idempotency,
    inbox_file,
    placement,
    replacement,
    status_change,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sqlalchemy import Connection

    from anchor_service.store.store import Stored

FILE = "erasures.jsonl"
TABLES = (credential, placement, status_change, idempotency, inbox_file)
"""What `Database.scrub` must rewrite after an erasure."""

_DIGEST_BYTES = 32
_ON_ITS_WAY = (ChangeState.WANTED, ChangeState.SENT, ChangeState.INCLUDED)


@dataclass(frozen=True, slots=True)
class Note:
    """One erasure, naming nobody. created: of the row, so that another database's row is none."""

    row: int
    created: int
    at: int


def erase(connection: Connection, one: Stored) -> None:
    """Take a credential's data out. Raises ErasureRefused while a change of it is on its way."""
    states = [state for _, state, _ in changes.of_credential(connection, one.row)]
    if any(state in _ON_ITS_WAY for state in states):
        raise ErasureRefused(
            f"{one.name}: a change of its status is on its way to the chain and needs its place; "
            "run `anchor` until it is final, then erase"
        )
    _forget_answers(connection, one)
    if one.batch_state is BatchState.OPEN:
        _remove(connection, one.row)
    else:
        _empty(connection, one.row)


def note(connection: Connection, row: int, now: int) -> Note:
    """What `remember` writes of a row, asked before it is erased."""
    created = connection.scalar(select(credential.c.created).where(credential.c.id == row))
    return Note(row, int(created or 0), now)


def remember(file: Path, notes: Sequence[Note]) -> None:
    """Append, durable on return. Before the erasure commits: a crash between erases once more."""
    with file.open("a", encoding="utf-8") as stream:
        for one in notes:
            stream.write(json.dumps({"row": one.row, "created": one.created, "at": one.at}) + "\n")
        stream.flush()
        os.fsync(stream.fileno())


def remembered(file: Path) -> list[Note]:
    """Every erasure noted there; a line that a crash cut short is nobody's."""
    if not file.exists():
        return []
    notes = []
    for line in file.read_text("utf-8").splitlines():
        try:
            found = json.loads(line)
            notes.append(Note(found["row"], found["created"], found["at"]))
        except (ValueError, KeyError, TypeError):
            continue
    return notes


def repeat(connection: Connection, notes: Sequence[Note]) -> int:
    """After a restore: erase anew what the backup still held; how many that were."""
    done = 0
    for one in notes:
        held = select(credential.c.id).where(
            credential.c.id == one.row,
            credential.c.created == one.created,
            credential.c.document.is_not(None),
        )
        if connection.scalar(held) is not None:
            _empty(connection, one.row)
            done += 1
    return done


def files_of(connection: Connection, one: Stored) -> list[bytes]:
    """Digests of the drop folder's files that a credential may have come in with."""
    created = select(credential.c.created).where(credential.c.id == one.row).scalar_subquery()
    query = select(inbox_file.c.digest).where(
        inbox_file.c.issuer == one.issuer, inbox_file.c.taken == created
    )
    return [bytes(digest) for digest in connection.scalars(query)]


def forget_empty_files(connection: Connection, issuer: str, digests: Sequence[bytes]) -> None:
    """Make nothing of the record of a file of which nobody is left: it is a hash of their data.

    A file with somebody left keeps its record: it must not be taken in again.
    """
    for digest in digests:
        taken = select(inbox_file.c.taken).where(
            inbox_file.c.issuer == issuer, inbox_file.c.digest == digest
        )
        left = select(credential.c.id).where(
            credential.c.issuer == issuer,
            credential.c.created.in_(taken.scalar_subquery()),
            credential.c.document.is_not(None),
        )
        if connection.scalar(left.limit(1)) is None:
            connection.execute(
                update(inbox_file)
                .where(inbox_file.c.issuer == issuer, inbox_file.c.digest == digest)
                .values(digest=os.urandom(_DIGEST_BYTES))
            )


def _empty(connection: Connection, row: int) -> None:
    connection.execute(delete(placement).where(placement.c.credential == row))
    connection.execute(
        update(credential)
        .where(credential.c.id == row)
        .values(document=None, label=None, credential_id=None, digest=os.urandom(_DIGEST_BYTES))
    )
    connection.execute(
        update(status_change).where(status_change.c.credential == row).values(note=None)
    )


def _remove(connection: Connection, row: int) -> None:
    """Out of the open batch. What it was to replace stays in force."""
    old = connection.scalars(select(replacement.c.old).where(replacement.c.new == row)).all()
    connection.execute(
        update(status_change)
        .where(status_change.c.credential.in_(old), status_change.c.state == ChangeState.WANTED)
        .values(state=ChangeState.DROPPED, reason="its replacement was removed")
    )
    connection.execute(
        delete(replacement).where(or_(replacement.c.new == row, replacement.c.old == row))
    )
    connection.execute(delete(credential).where(credential.c.id == row))


def _forget_answers(connection: Connection, one: Stored) -> None:
    """Answers kept for repeated requests that name the credential."""
    names = [one.digest.to_hex().encode()]
    if one.credential_id:
        names.append(one.credential_id.encode())
    c = idempotency.c
    query = select(c.client, c.key_hash, c.headers, c.body).where(c.issuer == one.issuer)
    for client, key_hash, headers, body in connection.execute(query).all():
        if any(name in bytes(body) or name in headers.encode() for name in names):
            connection.execute(
                delete(idempotency).where(
                    c.issuer == one.issuer, c.client == client, c.key_hash == key_hash
                )
            )
