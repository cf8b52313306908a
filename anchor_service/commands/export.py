"""`export`: final credentials with their anchors, to files."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from anchor_service.commands.output import answer, load_workspace, say
from anchor_service.issuing.did_changes import read_published
from anchor_service.operating.exporting import export_batch, export_bundles, export_leaves
from anchor_service.operating.opening import open_bundler, open_database
from anchor_service.store import batch_store, store
from anchor_service.store.lifecycle import BatchState
from registry.plurals import count
from registry.progress import Progress

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection

    from anchor_service.operating.bundling import BatchProof, Bundler
    from anchor_service.operating.exporting import Exported, Prove
    from anchor_service.store.batch_store import Batch
    from registry.formats.strict_json import JsonObject

_NOT_FINAL_CODE = 3


def run(args: argparse.Namespace) -> int:
    if args.leaves is not None:
        return _leaves(args)
    if args.out is None:
        args.usage_error("say where to: --out DIR")
    if bool(args.ids) == args.all:
        args.usage_error("name credentials, or --all of them")
    if args.history and not args.bundle:
        args.usage_error("--history is for --bundle")
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
            files, block = [], None
            with ExitStack() as stack:
                prove = None
                if args.bundle and chosen:
                    bundler = stack.enter_context(open_bundler(workspace))
                    block = str(bundler.block)
                    prove = _prover(bundler, args, read_published(workspace))
                for one in _export(args, connection, final, chosen, prove):
                    files.append(one)
                    progress.advance()
    say(args, f"{count(len(files), 'credential')} exported to {args.out}")
    if block is not None:
        say(args, f"proven under {block}: verify with --offline --trusted-block {block}")
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
            "block": block,
        },
    )
    return _NOT_FINAL_CODE if args.ids and left_out else 0


def _leaves(args: argparse.Namespace) -> int:
    """The leaf files of every final batch of the issuer: they say nothing of a person."""
    if args.ids or args.all or args.out:
        args.usage_error("--leaves DIR goes alone: it writes a file for each final batch")
    workspace = load_workspace(args)
    args.leaves.mkdir(parents=True, exist_ok=True)
    with open_database(workspace) as database, database.read() as connection:
        sealed = batch_store.sealed_batches(connection, BatchState.FINAL, issuer=workspace.handle)
        with Progress("export", len(sealed), "leaf files", quiet=args.json) as progress:
            files = []
            for one in sealed:
                files.append(export_leaves(connection, one, args.leaves))
                progress.advance()
    say(args, f"{count(len(files), 'leaf file')} written to {args.leaves}")
    answer(args, {"files": [str(file) for file in files]})
    return 0


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


def _prover(bundler: Bundler, args: argparse.Namespace, document: JsonObject | None) -> Prove:
    def prove(batch: Batch, words: Sequence[int]) -> BatchProof:
        return bundler.batch(
            batch.registry,
            batch.issuer_id,
            batch.root,
            words,
            did_document=document,
            with_history=args.history,
        )

    return prove


def _export(
    args: argparse.Namespace,
    connection: Connection,
    final: dict[int, Batch],
    chosen: dict[int, list[int] | None],
    prove: Prove | None,
) -> Iterator[Exported]:
    for number, rows in chosen.items():
        if prove is not None:
            yield from export_bundles(connection, final[number], rows, args.out, prove)
        else:
            yield from export_batch(connection, final[number], rows, args.out, sidecar=args.sidecar)
