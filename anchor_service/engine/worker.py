"""The worker: one process that brings every issuer's work to its chain, for years.

It holds all its state in the database, so that it may be killed anywhere. What it does not expect
ends it: whoever supervises it starts it anew, and it goes on from what is stored.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event, Thread
from typing import TYPE_CHECKING

from anchor_service.engine.posts import Post, Tempo, Tools
from anchor_service.engine.schedule import Schedule
from anchor_service.engine.tenure import BEAT_SHARE
from anchor_service.errors import ServiceError
from anchor_service.operating.opening import open_key
from anchor_service.store.database import Database
from registry.errors import WorkspaceError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from anchor_service.engine.keys import Signer
    from anchor_service.engine.submitter import Watch
    from anchor_service.store.lifecycle import Moment
    from registry.workspaces.workspace import Workspace

_Work = Callable[["Sequence[Post]", Tools], None]

_LOGGER = logging.getLogger("credanchor")
_JOIN_S = 30.0


def run(
    workspace: Workspace,
    stop: Event,
    *,
    tempo: Tempo | None = None,
    watch: Watch | None = None,
) -> None:
    """Work until `stop` is set, then leave everything as the next worker wants it.

    Raises WorkspaceError where no issuer is registered yet, KeyUnusable, DatabaseError; and any
    error that was not foreseen.
    """
    _with_posts(workspace, stop, tempo or Tempo(), watch or _unwatched, _work)


def once(workspace: Workspace, *, tempo: Tempo | None = None) -> bool:
    """All that is due now, once; False where another worker has one of the accounts.

    Raises as `run`, and ChainError.
    """
    done: list[bool] = []

    def each(posts: Sequence[Post], _: Tools) -> None:
        done.extend(post.once() for post in posts)

    _with_posts(workspace, Event(), tempo or Tempo(), _unwatched, each)
    return all(done)


def _with_posts(workspace: Workspace, stop: Event, tempo: Tempo, watch: Watch, work: _Work) -> None:
    database = Database(workspace.database_url)
    try:
        database.migrate()
        with database.alone() as alone:
            tools = Tools(database, alone, stop, tempo, watch, _told)
            work(_posts(workspace, tools), tools)
    finally:
        database.close()


def _posts(workspace: Workspace, tools: Tools) -> list[Post]:
    """One for each account on each chain. Issuers that are not registered yet are left out."""
    ready: dict[tuple[int, str], list[Workspace]] = {}
    keys: dict[tuple[int, str], tuple[object, Signer]] = {}
    for handle in workspace.handles:
        one = workspace.of(handle)
        if one.chain.registry is None or one.issuer.id is None:
            _told("issuer_left_out", issuer=handle, why="not registered yet")
            continue
        Schedule.of(one.schedule)
        known = next((key for two, key in keys.values() if two == (one.account, one.chain)), None)
        key = known or open_key(one)
        place = (one.chain.id.number, str(key.address))
        keys[place] = ((one.account, one.chain), key)
        ready.setdefault(place, []).append(one)
    if not ready:
        raise WorkspaceError(
            f"{workspace.file}: no issuer is registered yet; run `credanchor deploy` and "
            "`credanchor issuer register`"
        )
    return [Post(those, keys[place][1], tools) for place, those in ready.items()]


def _work(posts: Sequence[Post], tools: Tools) -> None:
    failed: list[BaseException] = []

    def guarded(post: Post) -> None:
        try:
            post.run()
        except BaseException as error:  # noqa: BLE001 - raised again by whoever waits
            failed.append(error)
            tools.stop.set()

    threads = [Thread(target=guarded, args=(post,), daemon=True) for post in posts]
    for thread in threads:
        thread.start()
    _told("worker_started", accounts=len(posts))
    while not tools.stop.wait(BEAT_SHARE * tools.tempo.lease):
        if not tools.alone:
            _beat(posts)
    for thread in threads:
        thread.join(_JOIN_S)
    _told("worker_stopped", failed=len(failed))
    if failed:
        raise failed[0]


def _beat(posts: Sequence[Post]) -> None:
    for post in posts:
        try:
            post.beat()
        except ServiceError:
            # Lost, or the database is away: the post's own thread finds out at its next write.
            continue


def _told(event: str, **fields: object) -> None:
    _LOGGER.info(event, extra={"fields": fields})


def _unwatched(_: Moment) -> None:
    pass
