"""`status-list`: a batch's status on the chain, written as a signed W3C status list."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from anchor_service.commands.output import answer, load_workspace, say
from anchor_service.errors import UnknownCredential
from anchor_service.issuing.credential_key import open_issuing
from anchor_service.issuing.did_changes import did_of
from anchor_service.issuing.status_lists import bitstring, status_list
from anchor_service.operating.files import write_whole
from anchor_service.operating.opening import open_chain, open_database
from anchor_service.store import batch_store
from anchor_service.store.lifecycle import BatchState
from registry.errors import NodeInconsistent
from registry.formats.storage import (
    LANES_PER_WORD,
    batch_slot,
    decode_batch,
    decode_word,
    word_slot,
)

if TYPE_CHECKING:
    import argparse

    from anchor_service.engine.chain import Chain
    from anchor_service.store.batch_store import Batch


def run(args: argparse.Namespace) -> int:
    workspace = load_workspace(args)
    with open_database(workspace) as database, database.read() as connection:
        anchored = batch_store.sealed_batches(
            connection, BatchState.INCLUDED, BatchState.FINAL, issuer=workspace.handle
        )
    chosen = next((one for one in anchored if one.id == args.batch), None)
    if chosen is None:
        raise UnknownCredential(f"there is no anchored batch {args.batch} of this issuer")
    key, did, now = open_issuing(workspace).key, did_of(workspace), datetime.now(UTC)
    with open_chain(workspace) as chain:
        bits = _read_bits(chain, chosen, args.purpose)
    document = status_list(did, key, args.url, args.purpose, bits, now, args.valid.after(now))
    write_whole(args.out, json.dumps(document, indent=2) + "\n")
    marked = sum(byte.bit_count() for byte in bits)
    say(args, f"{args.out}: {args.purpose} of batch {chosen.id}, {marked} of {chosen.size} marked")
    answer(
        args,
        {
            "file": str(args.out),
            "batch": chosen.id,
            "purpose": args.purpose,
            "marked": marked,
            "size": chosen.size,
        },
    )
    return 0


def _read_bits(chain: Chain, batch: Batch, purpose: str) -> bytes:
    """As of the newest block: a revocation counts at once."""
    place = batch.issuer_id, batch.root
    count = -(-batch.size // LANES_PER_WORD)
    slots = [batch_slot(*place), *(word_slot(*place, number) for number in range(count))]
    record, *words = chain.storage(batch.registry, slots)
    found = decode_batch(record)
    if found is None:
        raise NodeInconsistent(f"batch {batch.id} is anchored, and the node does not have it")
    values = [decode_word(word) for word in words]
    return bitstring(values, batch.size, purpose, all_revoked=found.revoked)
