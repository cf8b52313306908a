"""`export`: final credentials with their anchors, to files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anchor_service import batch_store, store
from anchor_service.commands.output import answer, count, load_workspace, say
from anchor_service.exporting import export_batch
from anchor_service.lifecycle import BatchState
from anchor_service.opening import open_database
from registry.progress import Progress

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from anchor_service.batch_store import Batch
    from anchor_service.exporting import Exported

_NOT_FINAL_CODE = 3


def run(args: argparse.Namespace) -> int:
    if bool(args.ids) == args.all:
        args.usage_error("name credentials, or --all of them")
    workspace = load_workspace(args)
    args.out.mkdir(parents=True, exist_ok=True)
    with open_database(workspace) as database, database.read() as connection:
        handle = workspace.handle
        sealed = batch_store.sealed_batches(connection, BatchState.FINAL, issuer=handle)
        final = {one.id: one for one in sealed}
        numbers = batch_store.counts(connection, handle)
        chosen, left_out = _choose(args, connection, handle, final, numbers)
        total = sum(numbers[one] if rows is None else len(rows) for one, rows in chosen.items())
        with Progress("export", total, "credentials", quiet=args.json) as progress:
            files = []
            for one in _export(args, connection, final, chosen):
                files.append(one)
                progress.advance()
    say(args, f"{count(len(files), 'credential')} exported to {args.out}")
    if left_out:
        say(args, f"{count(left_out, 'credential')} left out: not final yet; run `anchor`")
    answer(
        args,
        {
            "files": [
                {
                    "id": one.name,
                    "file": str(one.credential),
                    "receipt": str(one.receipt) if one.receipt else None,
                }
                for one in files
            ],
            "leftOut": left_out,
        },
    )
    return _NOT_FINAL_CODE if args.ids and left_out else 0


def _choose(
    args: argparse.Namespace,
    connection: Connection,
    handle: str,
    final: dict[int, Batch],
    numbers: dict[int, int],
) -> tuple[dict[int, list[int] | None], int]:
    """Row numbers by final batch (None: all of it), and how many must be left out."""
    if args.all:
        every: dict[int, list[int] | None] = dict.fromkeys(final)
        return every, sum(held for number, held in numbers.items() if number not in final)
    rows: dict[int, list[int]] = {}
    left_out = 0
    for one in {
        found.row: found for found in (store.find(connection, i, handle) for i in args.ids)
    }.values():
        if one.batch in final:
            rows.setdefault(one.batch, []).append(one.row)
        else:
            left_out += 1
    return {**rows}, left_out


def _export(
    args: argparse.Namespace,
    connection: Connection,
    final: dict[int, Batch],
    chosen: dict[int, list[int] | None],
) -> Iterator[Exported]:
    for number, rows in chosen.items():
        yield from export_batch(connection, final[number], rows, args.out, sidecar=args.sidecar)
