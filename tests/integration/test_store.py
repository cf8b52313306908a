"""The database: the same behaviour on SQLite and on PostgreSQL, both real."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import delete, inspect, select, text, update
from sqlalchemy.exc import IntegrityError

from anchor_service.engine.fees import Fees
from anchor_service.errors import DatabaseError, LeaseLost, StateMoved, UnknownCredential
from anchor_service.store import batch_store, changes, inclusions, leases, notices, outbox, store
from anchor_service.store.database import Database
from anchor_service.store.inclusions import Inclusion
from anchor_service.store.lifecycle import BatchState, ChangeState, IntentState
from anchor_service.store.outbox import Attempt, Kind
from anchor_service.store.schema import credential, metadata, placement
from anchor_service.store.sealing import seal
from anchor_service.store.store import NewCredential
from registry.formats.events import StatusChange
from registry.values import Address, BlockHash, ChainId, CredentialDigest, IssuerId, TxHash

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHAIN = ChainId(31337)
ACCOUNT = Address(b"\xaa" * 20)
REGISTRY = Address(b"\xbb" * 20)
ISSUER = IssuerId(b"\xcc" * 32)


def new(number: int) -> NewCredential:
    document = b'{"id":"urn:uuid:%08d-0000-4000-8000-000000000000"}' % number
    digest = CredentialDigest(hashlib.sha256(document).digest())
    name = f"urn:uuid:{number:08}-0000-4000-8000-000000000000"
    return NewCredential(name, f"Learner {number}", digest, document)


def add(database: Database, *numbers: int) -> list[store.Added]:
    with database.write() as connection:
        return list(store.add_credentials(connection, "main", map(new, numbers), 1_700_000_000))


def seal_all(database: Database) -> batch_store.Batch:
    with database.write() as connection:
        (batch_id,) = batch_store.open_batches(connection, "main")
        found = batch_store.unsealed(connection, batch_id)
        ids, digests = found
        sealed = seal(ISSUER, digests, os.urandom)
        batch_store.store_seal(connection, batch_id, ids, sealed, CHAIN, REGISTRY, 1_700_000_001)
        return batch_store.get_batch(connection, batch_id)


def reserve(database: Database, floor: int = 0) -> outbox.Intent:
    with database.write() as connection:
        return outbox.reserve(
            connection, Kind.STATUS, CHAIN, ACCOUNT, floor, REGISTRY, b"call", None, 1
        )


def test_migrations_build_the_tables_that_the_code_expects(database: Database) -> None:
    with database.read() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_migrating_twice_changes_nothing(database: Database) -> None:
    add(database, 1)
    database.migrate()
    with database.read() as connection:
        assert len(list(store.all_stored(connection))) == 1


def test_tables_go_back_to_the_first_version_and_forward_again(database: Database) -> None:
    add(database, 1, 2)
    batch = seal_all(database)
    with database.write() as connection:
        # Of no batch: the older tables have no place for it.
        notices.balance_low(connection, "main", CHAIN, ACCOUNT, 3, 1_700_000_001)
        before = list(store.all_stored(connection))
    database.downgrade("0001")
    with database.read() as connection:
        assert not inspect(connection).has_index("batch", "batch_by_state")
    database.migrate()
    test_migrations_build_the_tables_that_the_code_expects(database)
    with database.read() as connection:
        assert list(store.all_stored(connection)) == before
        assert batch_store.get_batch(connection, batch.id) == batch
        assert connection.scalar(select(metadata.tables["batch"].c.changed)) == 1_700_000_001
    assert [one.present for one in add(database, 1)] == [True]
    database.downgrade("base")
    with database.read() as connection:
        assert inspect(connection).get_table_names() == ["alembic_version"]
    database.migrate()


def test_two_issuers_do_not_fit_into_the_first_version(database: Database) -> None:
    add(database, 1)
    with database.write() as connection:
        list(store.add_credentials(connection, "law", [new(1)], 1))
    with pytest.raises(DatabaseError, match="one issuer only"):
        database.downgrade("0001")
    with database.read() as connection:
        assert len(list(store.all_stored(connection))) == 2


def test_each_issuer_has_batches_and_digests_of_its_own(database: Database) -> None:
    add(database, 1, 2)
    with database.write() as connection:
        again = list(store.add_credentials(connection, "law", [new(1), new(1)], 5))
    assert [one.present for one in again] == [False, True]
    with database.read() as connection:
        (mine,), (theirs,) = (batch_store.open_batches(connection, one) for one in ("main", "law"))
        assert batch_store.counts(connection) == {mine: 2, theirs: 1}
        assert batch_store.counts(connection, "law") == {theirs: 1}
        wanted = new(1).digest.to_hex()
        assert store.find(connection, wanted, "law").batch == theirs
        with pytest.raises(UnknownCredential, match="more than one"):
            store.find(connection, wanted)
        assert [one.issuer for one in store.all_stored(connection, "law")] == ["law"]


def test_a_seal_that_is_asked_for_keeps_the_first_time(database: Database) -> None:
    add(database, 1)
    with database.write() as connection:
        (asked,) = batch_store.ask_seal(connection, "main", 7)
        assert batch_store.ask_seal(connection, "main", 9) == [asked]
        assert batch_store.ask_seal(connection, "law", 9) == []
        assert connection.scalar(select(metadata.tables["batch"].c.seal_asked)) == 7


def test_a_database_of_a_newer_version_is_refused(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseError, match="newer version"):
        database.migrate()


def test_documents_come_back_byte_for_byte(database: Database) -> None:
    raw = b'{ "id" : "x",\r\n "n": 1.0e0, "\\u00e9": "\xc3\xa9" }'
    one = NewCredential("x", None, CredentialDigest(bytes(32)), raw)
    with database.write() as connection:
        list(store.add_credentials(connection, "main", [one], 1))
    with database.read() as connection:
        assert store.document_of(connection, store.find(connection, "x").row) == raw


def test_the_same_document_is_present_and_not_written_again(database: Database) -> None:
    assert [one.present for one in add(database, 1, 2, 1)] == [False, False, True]
    assert [one.present for one in add(database, 2, 3)] == [True, False]
    with database.read() as connection:
        assert len(list(store.all_stored(connection))) == 3


def test_an_import_that_fails_leaves_nothing(database: Database) -> None:
    def broken() -> Iterator[NewCredential]:
        yield from map(new, range(5000))
        raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError), database.write() as connection:
        list(store.add_credentials(connection, "main", broken(), 1))
    with database.read() as connection:
        assert list(store.all_stored(connection)) == []
        assert batch_store.open_batches(connection, "main") == []


def test_credentials_after_a_seal_go_into_the_next_batch(database: Database) -> None:
    add(database, 1, 2)
    first = seal_all(database)
    add(database, 3)
    second = seal_all(database)
    with database.read() as connection:
        assert batch_store.counts(connection) == {first.id: 2, second.id: 1}
        assert first.state is BatchState.SEALED
        assert [one.index is not None for one in store.all_stored(connection)] == [True] * 3


def test_a_seal_is_immutable(database: Database) -> None:
    add(database, 1)
    batch = seal_all(database)
    with database.write() as connection:
        assert not batch_store.close(connection, batch.id, 9)
        assert batch_store.waiting_batches(connection, "main") == []
    again = replace(seal(ISSUER, [new(1).digest], os.urandom), indexes=(), salts=())
    with pytest.raises(StateMoved), database.write() as connection:
        batch_store.store_seal(connection, batch.id, [], again, CHAIN, REGISTRY, 2)


def test_a_batch_moves_only_from_the_state_that_was_seen(database: Database) -> None:
    add(database, 1)
    batch = seal_all(database)
    with database.write() as connection:
        batch_store.move_batch(connection, batch.id, BatchState.SEALED, BatchState.SIGNED, 1)
    with pytest.raises(StateMoved, match="no longer SEALED"), database.write() as connection:
        batch_store.move_batch(connection, batch.id, BatchState.SEALED, BatchState.SIGNED, 1)
    with pytest.raises(StateMoved, match="can't go"), database.write() as connection:
        batch_store.move_batch(connection, batch.id, BatchState.SIGNED, BatchState.FINAL, 1)


def test_a_credential_is_found_by_id_by_a_part_of_it_and_by_digest(database: Database) -> None:
    add(database, 1, 2, 12)
    one = new(1)
    with database.read() as connection:
        for wanted in (one.credential_id, "00000001", one.digest.to_hex()):
            assert wanted is not None
            assert store.find(connection, wanted).digest == one.digest


@pytest.mark.parametrize("wanted", ["99", "%", "", "urn:uuid:", "0x" + "00" * 32])
def test_what_is_not_there_is_not_found(database: Database, wanted: str) -> None:
    add(database, 1)
    with database.read() as connection, pytest.raises(UnknownCredential, match="no such"):
        store.find(connection, wanted)


def test_a_part_that_fits_two_credentials_names_them(database: Database) -> None:
    add(database, 1, 2)
    with database.read() as connection, pytest.raises(UnknownCredential, match="more than one"):
        store.find(connection, "0000000")


def test_deleting_document_and_salt_leaves_the_rest_of_the_batch_whole(
    database: Database,
) -> None:
    add(database, 1, 2)
    batch = seal_all(database)
    with database.write() as connection:
        row = store.find(connection, "00000001").row
        connection.execute(delete(placement).where(placement.c.credential == row))
        connection.execute(update(credential).where(credential.c.id == row).values(document=None))
    with database.read() as connection:
        (left,) = store.placed(connection, batch.id)
        assert left.digest == new(2).digest
        assert len(batch_store.leaves_of(connection, batch.id)) == 32 * batch.size
        assert store.document_of(connection, row) is None


def test_nonces_follow_the_highest_that_is_pending(database: Database) -> None:
    assert [reserve(database, 7).nonce, reserve(database, 7).nonce] == [7, 8]
    assert reserve(database, 20).nonce == 20


def test_a_nonce_belongs_to_one_intent(database: Database) -> None:
    reserve(database, 3)
    with database.read() as connection:
        (row,) = connection.execute(select(metadata.tables["intent"])).mappings()
    again = {name: value for name, value in row.items() if name != "id"}
    with pytest.raises((IntegrityError, DatabaseError)), database.write() as connection:
        connection.execute(metadata.tables["intent"].insert().values(**again))


def test_only_an_unsigned_nonce_can_be_given_back(database: Database) -> None:
    intent = reserve(database)
    with database.write() as connection:
        outbox.release(connection, intent)
    signed = reserve(database)
    with database.write() as connection:
        outbox.move_intent(connection, signed, IntentState.SIGNED)
    with pytest.raises(StateMoved), database.write() as connection:
        outbox.release(connection, signed)


def test_every_attempt_is_kept_cheapest_first(database: Database) -> None:
    intent = reserve(database)
    made = [Attempt(TxHash(bytes([n]) * 32), b"raw", 21000, Fees(n, 1), 5, None) for n in (9, 4)]
    with database.write() as connection:
        for attempt in made:
            outbox.add_attempt(connection, intent.id, attempt)
        outbox.note_broadcast(connection, made[0].hash, 6, "refused")
    with database.read() as connection:
        kept = outbox.attempts(connection, intent.id)
    assert [one.fees.max_fee for one in kept] == [4, 9]
    assert [one.last_sent for one in kept] == [None, 6]


def test_an_inclusion_replaces_the_one_before(database: Database) -> None:
    intent = reserve(database)
    one = Inclusion(TxHash(b"\1" * 32), 5, BlockHash(b"\2" * 32), 100, 0)
    two = Inclusion(TxHash(b"\1" * 32), 6, BlockHash(b"\3" * 32), 112, None)
    with database.write() as connection:
        inclusions.put_inclusion(connection, one, intent.id, None)
        inclusions.put_inclusion(connection, two, intent.id, None)
    with database.read() as connection:
        assert inclusions.get_inclusion(connection, intent_id=intent.id) == two
        whose: dict[str, Any] = {"sender": ACCOUNT, "issuers": ["main"]}
        (recent,) = inclusions.recent_inclusions(connection, CHAIN, 0, **whose)
        assert recent.intent == intent.id
        assert inclusions.recent_inclusions(connection, ChainId(1), 0, **whose) == []


def test_one_process_writes_for_an_account(database: Database) -> None:
    with database.write() as connection:
        mine = leases.take_lease(connection, CHAIN, ACCOUNT, "me", now=100, seconds=30)
        assert mine is not None
        assert leases.take_lease(connection, CHAIN, ACCOUNT, "you", now=129, seconds=30) is None
        theirs = leases.take_lease(connection, CHAIN, ACCOUNT, "you", now=130, seconds=30)
    assert theirs is not None
    assert theirs.token > mine.token
    with pytest.raises(LeaseLost), database.write() as connection:
        leases.hold_lease(connection, mine, 131, 30)
    with database.write() as connection:
        leases.end_lease(connection, mine)
        leases.hold_lease(connection, theirs, 131, 30)
        leases.end_lease(connection, theirs)
        assert leases.take_lease(connection, CHAIN, ACCOUNT, "me", now=132, seconds=30) is not None


def test_a_newer_wish_drops_the_one_not_yet_sent(database: Database) -> None:
    add(database, 1)
    seal_all(database)
    with database.write() as connection:
        row = store.find(connection, "00000001").row
        (first,) = changes.want(connection, StatusChange.REINSTATE, [row], 1)
        (second,) = changes.want(connection, StatusChange.SUSPEND, [row], 2)
    with database.read() as connection:
        assert changes.states_of(connection, [first, second]) == {
            first: (ChangeState.DROPPED, "superseded"),
            second: (ChangeState.WANTED, ""),
        }
        assert [one.id for one in changes.in_state(connection, ChangeState.WANTED, "main")] == [
            second
        ]


def test_no_url_and_no_error_shows_the_password(tmp_path: Path) -> None:
    closed = Database("postgresql://issuer:hunter2@127.0.0.1:1/none")
    with pytest.raises(DatabaseError) as caught:
        closed.migrate()
    assert "hunter2" not in str(caught.value)
    with pytest.raises(DatabaseError) as caught:
        Database("hunter2 is no URL")
    assert "hunter2" not in str(caught.value)


def test_sqlite_commits_are_durable_and_pages_are_large(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/issuer.db")
    database.migrate()
    with database.read() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "page_size")
        }
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "page_size": 16384}
    database.close()
