"""What must hold in a random walk of the engine, at each moment and once it has come to rest."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from campaign import settled
from census import census
from desks import CHAIN, REGISTRY, anchors
from engine_ground import moves
from sqlalchemy import select

from anchor_service.engine.chain import Chain
from anchor_service.store import batch_store, inclusions, store
from anchor_service.store.lifecycle import BatchState
from anchor_service.store.schema import intent
from registry.formats.storage import decode_word, lane_status, word_and_lane, word_slot
from registry.nodes.rpc import Node

if TYPE_CHECKING:
    from engine_stand import Stand

_ROUNDS = 80


def holds(stand: Stand) -> None:
    moves_as_the_design_has_it(stand)
    a_seal_never_changes(stand)
    the_chain_holds_what_was_sealed_once(stand)


def moves_as_the_design_has_it(stand: Stand) -> None:
    new = moves(stand.eyes, len(stand.model.seen))
    stand.model.seen += new
    for one in new:
        assert stand.model.may(one), one


def a_seal_never_changes(stand: Stand) -> None:
    for one in stand.batches():
        seal = (one.root, one.size, one.meta_hash, one.issuer_id)
        assert stand.model.seals.setdefault(one.id, seal) == seal
    with stand.eyes.read() as connection:
        for found in store.all_stored(connection):
            if found.index is not None:
                place = (found.batch, found.index)
                assert stand.model.placed.setdefault(found.digest, place) == place


def the_chain_holds_what_was_sealed_once(stand: Stand) -> None:
    with Node(stand.rpc.url) as node:
        logs = anchors(node, stand.ground.issuer_id)
    times = Counter(log.topics[2] for log in logs)
    roots = {bytes(one.root) for one in stand.batches()}
    assert set(times) <= roots, "an anchor that no batch has"
    assert set(times.values()) <= {1}
    with stand.eyes.read() as connection:
        numbers = connection.execute(
            select(intent.c.nonce, intent.c.batch).where(intent.c.state == "FINAL")
        ).all()
    assert len({row.nonce for row in numbers}) == len(numbers)
    finals = Counter(row.batch for row in numbers if row.batch is not None)
    assert set(finals.values()) <= {1}, "two transactions of one batch are final"


def comes_to_rest(stand: Stand) -> None:
    """Time without faults, in which everything must become final and as it was asked for."""
    stand.plan.layer = stand.at = None
    stand.calm()
    stand.fund()
    for _ in range(_ROUNDS):
        stand.round(seconds=60, blocks=3)
        moves_as_the_design_has_it(stand)
        if not stand.model.digests or settled(stand.eyes):
            break
    else:
        raise AssertionError(f"it does not come to rest: {stand.trouble}")
    stand.look(all_week=True)
    holds(stand)
    _ends_well(stand)


def _ends_well(stand: Stand) -> None:
    wanted = stand.model.digests
    with Node(stand.rpc.url) as node, stand.eyes.read() as connection:
        found = census(node, connection, stand.ground.issuer_id, list(wanted.values()))
        assert found.clean, found
        rows = connection.execute(intent.select()).all()
        assert {row.state for row in rows} <= {"FINAL", "SPENT"}, rows
        chain = Chain(node, CHAIN)
        for one in batch_store.sealed_batches(connection):
            assert one.state is BatchState.FINAL
            (log,) = [log for log in anchors(node, one.issuer_id) if log.topics[2] == one.root]
            held = inclusions.get_inclusion(connection, batch_id=one.id)
            assert held is not None
            assert (held.tx_hash, held.block_hash) == (log.tx_hash, log.block_hash)
            for placed in store.placed(connection, one.id):
                word, lane = word_and_lane(placed.index)
                slot = word_slot(one.issuer_id, one.root, word)
                (value,) = chain.storage(REGISTRY, [slot])
                status = lane_status(decode_word(value), lane)
                name = placed.credential_id or ""
                assert status in stand.model.statuses(name), (name, status, stand.model.wishes)
