"""`watch` over a PostgreSQL that it can only read, and a database of several chains."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from databases import new_postgres
from desks import REGISTRY
from sqlalchemy.exc import ProgrammingError
from watch_scene import HOUR_S, Scene, scene

from anchor_service.store.database import Database
from registry.cli import main
from registry.formats.events import StatusChange

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def shared(tmp_path: Path, url: str, postgres: str) -> Iterator[Scene]:
    with (
        new_postgres(postgres) as database,
        scene(tmp_path, url, Database(database)) as opened,
    ):
        yield opened


@pytest.fixture
def reader(shared: Scene) -> Iterator[str]:
    """The URL of the same database for a role that can only read."""
    with shared.database.engine.begin() as connection:
        connection.exec_driver_sql("CREATE ROLE watch LOGIN")
        connection.exec_driver_sql("GRANT pg_read_all_data TO watch")
    yield shared.database.engine.url.set(username="watch").render_as_string(hide_password=False)
    with shared.database.engine.begin() as connection:
        connection.exec_driver_sql("REVOKE pg_read_all_data FROM watch")
        connection.exec_driver_sql("DROP ROLE watch")


def test_to_read_is_enough(shared: Scene, reader: str, capsys: pytest.CaptureFixture[str]) -> None:
    shared.add("one", "two")
    shared.anchor()
    shared.change(StatusChange.REVOKE, "two")
    words = ["watch", "--rpc", shared.url, "--chain", "eip155:31337", "--registry", str(REGISTRY)]
    words += ["--store", str(shared.folder / "watch.db"), "--database", reader]
    words += ["--once", "--json", "--nights", "1"]
    assert main(words) == 0, capsys.readouterr().out
    shared.by_stranger("bump_epoch")
    capsys.readouterr()
    assert main(words) == 1
    (alert,) = json.loads(capsys.readouterr().out)["alerts"]
    assert (alert["kind"], alert["evidence"]["final"]) == ("foreign-operation", False)
    shared.settle()
    assert main(words) == 1
    role = Database(reader)
    with pytest.raises(ProgrammingError, match="permission denied"), role.engine.begin() as opened:
        opened.exec_driver_sql("DELETE FROM attempt")
    role.close()


def test_what_the_database_holds_of_another_registry_wakes_nobody_here(desk: Scene) -> None:
    """Its final batches, its sealed ones, and what waits for its nights."""
    desk.add("one")
    desk.anchor()
    columns = "created, changed, tries, chain, size, meta_hash, leaves"
    values = "'law', 1, zeroblob(20), zeroblob(32)"
    with desk.database.write() as connection:
        for state in ("FINAL", "SEALED"):
            connection.exec_driver_sql(
                f"INSERT INTO batch (issuer, sealed, registry, issuer_id, state, root, {columns})"
                f" SELECT {values}, '{state}', randomblob(32), {columns} FROM batch WHERE id = 1"
            )
        connection.exec_driver_sql(
            "INSERT INTO batch (issuer, state, created, changed, tries)"
            " VALUES ('law', 'OPEN', 1, 1, 0)"
        )
        connection.exec_driver_sql(
            "INSERT INTO credential (batch, issuer, created, digest)"
            " VALUES ((SELECT max(id) FROM batch), 'law', 1, zeroblob(32))"
        )
    desk.later = 10 * HOUR_S
    assert desk.lookout().round().standing == ()
    # The same credentials of an issuer of this registry were due long ago.
    desk.spoil("UPDATE credential SET issuer = 'main' WHERE issuer = 'law'")
    desk.spoil("UPDATE batch SET issuer = 'main' WHERE state = 'OPEN'")
    assert [one.alert.kind for one in desk.lookout().round().standing] == ["missed-night"]
