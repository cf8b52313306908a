"""Backups: one portable file of one moment, from either database into either; erasure for good."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import stat
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from databases import EMPTY, new_postgres
from desks import add, anchors, deployed_chain, new_issuer, new_key, open_line, run, submit
from sqlalchemy import select, text

from anchor_service.engine.chain import Chain
from anchor_service.errors import BackupRefused, ErasureRefused
from anchor_service.operating.exporting import receipt_of
from anchor_service.store import backup, batch_store, erasure, idempotency, store
from anchor_service.store.database import Database
from anchor_service.store.documents import pack
from anchor_service.store.lifecycle import BatchState
from anchor_service.store.schema import HEAD, credential, metadata
from anchor_service.store.schema import idempotency as answers
from anchor_service.store.store import NewCredential
from registry.formats.credential import Credential
from registry.formats.leaf import leaf_hash
from registry.formats.tree import MerkleTree, root_from_path
from registry.nodes.rpc import Node
from registry.values import ChainId, CredentialDigest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from anchor_service.engine.keys import ChainKey

CHAIN = ChainId(31337)


def ignore(_: int) -> None:
    pass


def content(database: Database) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, but for who holds a lease."""
    with database.read() as connection:
        return {
            table.name: [
                tuple(row)
                for row in connection.execute(select(table).order_by(*table.primary_key.columns))
            ]
            for table in metadata.sorted_tables
            if table.name != "signer_lease"
        }


@pytest.fixture
def other(request: pytest.FixtureRequest, database: Database, tmp_path: Path) -> Iterator[Database]:
    """An empty database of the other kind."""
    if database.engine.dialect.name == "postgresql":
        opened = Database(f"sqlite:///{tmp_path}/other.db")
        yield opened
        opened.close()
        return
    with new_postgres(request.getfixturevalue("postgres"), EMPTY) as found:
        opened = Database(found)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with deployed_chain(tmp_path_factory.mktemp("chain")) as url:
        yield url


@pytest.fixture
def node(url: str) -> Iterator[Node]:
    with Node(url) as opened:
        yield opened


@pytest.fixture
def key(node: Node) -> ChainKey:
    return new_key(node)


def test_a_backup_of_one_kind_restores_into_the_other(
    database: Database, other: Database, node: Node, key: ChainKey, tmp_path: Path
) -> None:
    issuer_id = new_issuer(node, key)
    add(database, "Ana", "Bo")
    with open_line(database, Chain(node, CHAIN), key, issuer_id) as line:
        run(line)
    add(database, "Cy")
    before = content(database)
    file = tmp_path / "all.backup"
    made = backup.back_up(database, file, 1_700_000_000, ignore)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir() if "all.backup" in one.name] == ["all.backup"]
    assert made.revision == HEAD
    assert backup.restore(other, file, ignore) == made
    assert content(other) == before
    # And back again: the same rows have the same digests whatever holds them.
    again = backup.back_up(other, tmp_path / "again.backup", 1_700_000_001, ignore)
    same = {name: one for name, one in again.tables.items() if name != "signer_lease"}
    assert same == {name: one for name, one in made.tables.items() if name != "signer_lease"}
    add(other, "Di")
    with open_line(other, Chain(node, CHAIN), key, issuer_id) as line:
        run(line)
    assert len(anchors(node, issuer_id)) == 2


def test_what_was_anchored_after_the_backup_is_adopted_and_not_sent_again(
    database: Database, other: Database, node: Node, key: ChainKey, tmp_path: Path
) -> None:
    issuer_id = new_issuer(node, key)
    add(database, "Ana", "Bo")
    with open_line(database, Chain(node, CHAIN), key, issuer_id) as line:
        from anchor_service.engine import anchoring

        anchoring.seal_open(line)
        backup.back_up(database, tmp_path / "sealed.backup", 1, ignore)
        submit(line)
    backup.restore(other, tmp_path / "sealed.backup", ignore)
    with open_line(other, Chain(node, CHAIN), key, issuer_id) as line:
        run(line)
    assert len(anchors(node, issuer_id)) == 1
    with other.read() as connection:
        (batch,) = batch_store.sealed_batches(connection)
    assert batch.state is BatchState.FINAL


def test_a_backup_while_others_write_is_of_one_moment(
    database: Database, node: Node, key: ChainKey, tmp_path: Path
) -> None:
    issuer_id = new_issuer(node, key)
    add(database, *(f"early {number}" for number in range(300)))
    stop = threading.Event()

    def write() -> None:
        number = 0
        with open_line(database, Chain(node, CHAIN), key, issuer_id) as line:
            while not stop.is_set():
                add(database, *(f"late {number} {one}" for one in range(20)))
                run(line)
                number += 1

    writer = threading.Thread(target=write)
    writer.start()
    files = [tmp_path / f"{number}.backup" for number in range(2)]
    try:
        for file in files:
            backup.back_up(database, file, 1, ignore)
    finally:
        stop.set()
        writer.join()
    for file in files:
        restored = Database(f"sqlite:///{file}.db")
        backup.restore(restored, file, ignore)
        # Every late night's twenty are there or none, and what is sealed is whole.
        with restored.read() as connection:
            stored = list(store.all_stored(connection))
            late = [one for one in stored if (one.label or "").startswith("late")]
            assert len(stored) - len(late) == 300
            assert len(late) % 20 == 0
            for batch in batch_store.sealed_batches(connection):
                leaves = batch_store.leaves_of(connection, batch.id)
                assert MerkleTree(leaves).root == batch.root
                for one in store.placed(connection, batch.id):
                    leaf = leaf_hash(batch.issuer_id, one.index, one.salt, one.digest)
                    assert leaves[32 * one.index :][:32] == leaf
        restored.close()


def test_a_restore_needs_an_empty_database(database: Database, tmp_path: Path) -> None:
    add(database, "Ana")
    file = tmp_path / "all.backup"
    backup.back_up(database, file, 1, ignore)
    with pytest.raises(BackupRefused, match="not empty"):
        backup.restore(database, file, ignore)
    with pytest.raises(BackupRefused, match="exists"):
        backup.back_up(database, file, 1, ignore)


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE credential SET label = 'Eve' WHERE id = 1",
        "DELETE FROM credential WHERE id = 2",
        "DROP TABLE backup_manifest",
        "UPDATE backup_manifest SET manifest = '{}'",
    ],
)
def test_a_damaged_backup_restores_nothing(
    database: Database, other: Database, tmp_path: Path, damage: str
) -> None:
    add(database, "Ana", "Bo")
    file = tmp_path / "all.backup"
    backup.back_up(database, file, 1, ignore)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(damage)
    with pytest.raises(BackupRefused, match=r"damaged|format"):
        backup.restore(other, file, ignore)
    other.migrate()
    assert not any(content(other).values())


def test_what_is_no_backup_is_refused(database: Database, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("hello")
    with pytest.raises(BackupRefused, match="no backup"):
        backup.restore(database, file, ignore)
    with pytest.raises(FileNotFoundError):
        backup.restore(database, tmp_path / "nowhere", ignore)


def test_a_backup_of_older_tables_is_brought_to_todays(
    database: Database, other: Database, tmp_path: Path
) -> None:
    add(database, "Ana")
    file = tmp_path / "old.backup"
    backup.back_up(database, file, 1, ignore)
    older(file)
    made = backup.restore(other, file, ignore)
    assert made.revision == "0003"
    with other.read() as connection:
        assert [one.label for one in store.all_stored(connection)] == ["Ana"]


def older(file: Path) -> None:
    """Make of a backup what an older version would have made, its manifest taken anew."""
    opened = Database(f"sqlite:///{file}")
    opened.downgrade("0003")
    opened.close()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("PRAGMA journal_mode = DELETE").fetchone()
        (found,) = connection.execute("SELECT manifest FROM backup_manifest").fetchone()
        manifest = json.loads(found)
        manifest["revision"] = "0003"
        names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        manifest["tables"] = {
            name: described(connection, name)
            for (name,) in names
            if name not in ("alembic_version", "backup_manifest")
        }
        connection.execute("UPDATE backup_manifest SET manifest = ?", (json.dumps(manifest),))


def described(connection: sqlite3.Connection, table: str) -> dict[str, object]:
    """What a manifest says of a table: rows in the order of the key, a line of JSON each."""
    told = connection.execute(f"PRAGMA table_info('{table}')").fetchall()
    keys = ", ".join(f'"{one[1]}"' for one in sorted(told, key=lambda c: c[5]) if one[5])
    rows = connection.execute(f'SELECT * FROM "{table}" ORDER BY {keys}').fetchall()
    plain = [[one.hex() if isinstance(one, bytes) else one for one in row] for row in rows]
    lines = "".join(
        json.dumps(row, separators=(",", ":"), ensure_ascii=False) + "\n" for row in plain
    )
    digest = hashlib.sha256(lines.encode()).hexdigest()
    return {"columns": [one[1] for one in told], "rows": len(rows), "sha256": digest}


SECRET = b"Quasimodo-Unforgettable-1482"


def learner() -> NewCredential:
    raw = (
        b'{"@context":["https://www.w3.org/ns/credentials/v2"],"issuer":"x:y","id":"urn:x:%s","n":"%s"}'
        % (
            SECRET.lower(),
            SECRET,
        )
    )
    name = SECRET.decode()
    return NewCredential(f"urn:x:{name.lower()}", name, Credential.parse(raw).digest, raw)


def put(database: Database, *new: NewCredential) -> None:
    with database.write() as connection:
        list(store.add_credentials(connection, "main", new, 5))


def erase(database: Database, wanted: str) -> None:
    with database.write() as connection:
        erasure.erase(connection, store.find(connection, wanted))


def test_an_erased_learner_is_gone_and_the_others_proofs_hold(
    database: Database, node: Node, key: ChainKey
) -> None:
    issuer_id = new_issuer(node, key)
    add(database, "Ana", "Bo")
    one = learner()
    put(database, one)
    with open_line(database, Chain(node, CHAIN), key, issuer_id) as line:
        run(line)
    assert one.credential_id is not None
    erase(database, one.credential_id)
    with database.read() as connection:
        (batch,) = batch_store.sealed_batches(connection)
        leaves = batch_store.leaves_of(connection, batch.id)
        tree = MerkleTree(leaves)
        assert tree.root == batch.root
        placed = list(store.placed(connection, batch.id))
        assert [left.label for left in placed] == ["Ana", "Bo"]
        for left in placed:
            receipt = receipt_of(batch, left, tree)
            leaf = leaf_hash(batch.issuer_id, left.index, left.salt, left.digest)
            assert root_from_path(leaf, left.index, batch.size, receipt.path) == batch.root
        assert batch_store.counts(connection) == {batch.id: 3}
    rows = repr(content(database)["credential"]).encode()
    for trace in (SECRET, SECRET.lower(), bytes(one.digest), pack(one.document)):
        assert trace not in rows
        assert repr(trace)[2:-1].encode() not in rows


def test_no_byte_of_an_erased_learner_is_left_in_the_files(
    database: Database, tmp_path: Path, pg_files: Callable[[], list[Path]]
) -> None:
    one = learner()
    many = [
        NewCredential(
            f"urn:y:{number}", f"N{number}", CredentialDigest(number.to_bytes(32)), b"{}" * 90
        )
        for number in range(1, 600)
    ]
    put(database, *many[:300], one, *many[300:])
    sample(database)
    traces = (SECRET, SECRET.lower(), pack(one.document))

    def found() -> set[bytes]:
        return {t for t in traces for f in pg_files() if t in bytes_of(f)}

    assert one.credential_id is not None
    seal(database)
    assert found() == set(traces)
    erase(database, one.credential_id)
    assert database.scrub(erasure.TABLES)
    assert found() == set()


def bytes_of(file: Path) -> bytes:
    """PostgreSQL removes files of its own meanwhile."""
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""


def sample(database: Database) -> None:
    """As PostgreSQL does by itself every minute: values of columns, for its planner."""
    if database.engine.dialect.name == "postgresql":
        with database.write() as connection:
            connection.exec_driver_sql("ANALYZE")


def test_postgresql_keeps_no_samples_of_what_is_about_people(postgres: str) -> None:
    with new_postgres(postgres) as url, closing(Database(url)) as database:
        put(database, learner())
        sample(database)
        with database.read() as connection:
            query = "SELECT attname FROM pg_stats WHERE tablename = 'credential'"
            sampled = set(connection.scalars(text(query)))
    assert sampled == {"id", "batch", "issuer", "created", "credential_id", "digest"}


@pytest.fixture
def pg_files(
    request: pytest.FixtureRequest, database: Database, tmp_path: Path
) -> Callable[[], list[Path]]:
    """The files that hold the database, everything in them."""
    if database.engine.dialect.name == "sqlite":
        return lambda: list(tmp_path.glob("issuer.db*"))
    with database.read() as connection:
        folder = connection.scalar(text("SHOW data_directory"))

    def files() -> list[Path]:
        from pathlib import Path

        with database.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.exec_driver_sql("CHECKPOINT")
        return [one for one in Path(str(folder), "base").rglob("*") if one.is_file()]

    return files


def seal(database: Database) -> None:
    import os

    from anchor_service.store.sealing import seal as seal_batch
    from registry.values import Address, IssuerId

    with database.write() as connection:
        (number,) = batch_store.open_batches(connection, "main")
        held = batch_store.unsealed(connection, number)
        assert held is not None
        sealed = seal_batch(IssuerId(b"\1" * 32), held[1], os.urandom)
        batch_store.store_seal(connection, number, held[0], sealed, CHAIN, Address(b"\2" * 20), 6)


def test_what_is_not_sealed_yet_is_simply_removed(database: Database) -> None:
    add(database, "Ana", "Bo")
    erase(database, "Ana")
    with database.read() as connection:
        assert [one.label for one in store.all_stored(connection)] == ["Bo"]


def test_an_answer_kept_for_repeats_goes_too(database: Database) -> None:
    add(database, "Ana", "Bo")
    with database.write() as connection:
        for name in ("Ana", "Bo"):
            ticket = idempotency.Ticket.of("main", "client", name, [b"POST"])
            kept = idempotency.Kept(b"f", 201, "{}", b'{"id":"%s"}' % name.encode())
            idempotency.keep(connection, [(ticket, kept)], 1)
    erase(database, "Ana")
    with database.read() as connection:
        (body,) = connection.scalars(select(answers.c.body))
    assert bytes(body) == b'{"id":"Bo"}'


def test_nothing_is_erased_while_its_revocation_is_on_the_way(database: Database) -> None:
    from anchor_service.store import changes
    from registry.formats.events import StatusChange

    add(database, "Ana")
    seal(database)
    with database.write() as connection:
        row = store.find(connection, "Ana").row
        changes.want(connection, StatusChange.REVOKE, [row], 1)
    with pytest.raises(ErasureRefused, match="on its way"):
        erase(database, "Ana")


def test_a_restored_backup_does_not_bring_an_erased_learner_back(
    database: Database, other: Database, tmp_path: Path
) -> None:
    add(database, "Ana", "Bo")
    seal(database)
    file = tmp_path / "before.backup"
    backup.back_up(database, file, 1, ignore)
    with database.write() as connection:
        one = store.find(connection, "Ana")
        notes = [erasure.note(connection, one.row, 9)]
        erasure.erase(connection, one)
        erasure.remember(tmp_path / erasure.FILE, notes)
    backup.restore(other, file, ignore)
    with other.write() as connection:
        assert erasure.repeat(connection, erasure.remembered(tmp_path / erasure.FILE)) == 1
        labels = connection.scalars(select(credential.c.label).order_by(credential.c.id)).all()
    assert labels == [None, "Bo"]
    assert "Ana" not in (tmp_path / erasure.FILE).read_text()
