"""`status` and `show`: what the workspace knows, without asking the chain."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from anchor_service.commands.anchor import batches
from anchor_service.commands.output import answer, load_workspace, say
from anchor_service.issuing import reissuing
from anchor_service.operating import overview
from anchor_service.operating.opening import open_database
from anchor_service.store import batch_store, changes, inclusions, store
from anchor_service.store.lifecycle import BatchState
from registry.formats.strict_json import read
from registry.plurals import count

if TYPE_CHECKING:
    import argparse

    from registry.formats.strict_json import JsonObject

_ETHER = 10**18


def status(args: argparse.Namespace) -> int:
    workspace = load_workspace(args)
    with open_database(workspace) as database:
        with database.read() as connection:
            held = batch_store.counts(connection, workspace.handle)
            waiting = changes.unfinished(connection, workspace.handle)
            glance = overview.overview(connection, workspace, int(time.time()))
        listed = batches(database, workspace.handle, skip=set())
    still_open = sum(held.values()) - sum(int(str(one["credentials"])) for one in listed)
    registry, issuer_id = workspace.chain.registry, workspace.issuer.id
    say(
        args,
        f"chain       {workspace.chain.id}" + (" (its own)" if workspace.chain.embedded else ""),
    )
    say(args, f"registry    {registry or 'none yet: run `deploy`'}")
    say(args, f"issuer      {issuer_id or 'none yet: run `issuer register`'}")
    say(args, f"open        {count(still_open, 'credential')} waiting for `anchor`")
    for state in BatchState:
        those = [one for one in listed if one["state"] == state]
        if those:
            number = sum(int(str(one["credentials"])) for one in those)
            held_in = f"{count(number, 'credential')} in {count(len(those), 'batch')}"
            say(args, f"{state.lower():<12}{held_in}")
        for one in those if state is BatchState.BLOCKED else ():
            say(args, f"            batch {one['batch']}: {one['reason']}")
    if waiting:
        say(args, f"changes     {waiting:,} waiting for `anchor`")
    _say_accounts(args, glance)
    for sentence in glance.todo:
        say(args, f"to do       {sentence}")
    answer(
        args,
        {
            "chain": str(workspace.chain.id),
            "registry": registry.to_hex() if registry else None,
            "issuerId": issuer_id.to_hex() if issuer_id else None,
            "open": still_open,
            "batches": [*listed],
            "changesWaiting": waiting,
            "service": overview.as_json(glance),
        },
    )
    return 0


def _say_accounts(args: argparse.Namespace, glance: overview.Overview) -> None:
    for one in glance.issuers:
        if one.handle != args.issuer and (one.open.number or one.batches):
            sealed = sum(held.number for held in one.batches.values())
            say(args, f"{one.handle:<12}{one.open.number:,} open, {count(sealed, 'batch')}")
    for paying in glance.accounts:
        balance = "unknown" if paying.balance is None else f"{paying.balance / _ETHER:.6f} ETH"
        nights = "" if paying.nights is None else f", {count(paying.nights, 'night')} at the cap"
        say(args, f"account     {paying.address}: {balance}{nights}")
        today = f"{paying.spent_today / _ETHER:.6f} ETH today"
        if paying.pending:
            today += f", up to {paying.committed / _ETHER:.6f} more on its way"
        say(args, f"spent       {today}; {paying.spent_30_days / _ETHER:.6f} ETH in 30 days")


def show(args: argparse.Namespace) -> int:
    workspace = load_workspace(args)
    with open_database(workspace) as database, database.read() as connection:
        one = store.find(connection, args.id, workspace.handle)
        document = store.document_of(connection, one.row)
        found = inclusions.get_inclusion(connection, batch_id=one.batch)
        history = changes.of_credential(connection, one.row)
        replaces, replaced_by = reissuing.neighbours(connection, one.row)
    say(args, f"id          {one.credential_id or '(none)'}")
    say(args, f"about       {one.label or '(nothing said)'}")
    say(args, f"digest      {one.digest}")
    say(args, f"state       {one.batch_state}, batch {one.batch}")
    if one.index is not None:
        say(args, f"leaf        {one.index}")
    if found is not None:
        say(args, f"anchored    {_utc(found.block_time)}, block {found.block_number}")
        say(args, f"transaction {found.tx_hash}")
    for change, state, reason in history:
        say(args, f"{change.name.lower():<12}{state}" + (f": {reason}" if reason else ""))
    if replaces:
        say(args, f"replaces    {replaces}")
    if replaced_by:
        say(args, f"replaced by {replaced_by}")
    shown: JsonObject = {
        "id": one.credential_id,
        "label": one.label,
        "digest": one.digest.to_hex(),
        "state": one.batch_state.value,
        "batch": one.batch,
        "index": one.index,
        "transaction": found.tx_hash.to_hex() if found else None,
        "block": found.block_number if found else None,
        "anchoredAt": found.block_time if found else None,
        "changes": [
            {"change": change.name.lower(), "state": state.value, "reason": reason}
            for change, state, reason in history
        ],
        "replaces": replaces,
        "replacedBy": replaced_by,
        "document": None if document is None else read(document),
    }
    answer(args, shown)
    return 0


def _utc(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
