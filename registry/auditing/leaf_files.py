"""Published leaf files against what was anchored.

A leaf file is a batch's leaf hashes one after the other, named `<root>.leaves`, the root in hex
with 0x. It says nothing of a person; who has it can rebuild tree and manifest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.auditing.findings import Finding, Matter, Severity
from registry.errors import MalformedValue
from registry.formats.manifest import manifest_hash
from registry.formats.tree import HASH_BYTES, MerkleTree
from registry.plurals import count
from registry.values import BatchRoot, IssuerId

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from registry.formats.strict_json import JsonObject

SUFFIX = ".leaves"


def file_name(root: BatchRoot) -> str:
    return root.to_hex() + SUFFIX


def leaf_findings(
    db: sqlite3.Connection, folder: Path, advance: Callable[[int], None] = lambda _: None
) -> Iterator[Finding]:
    """What is wrong with the files of a folder; `advance` is told of each batch."""
    db.executescript(
        "DROP TABLE IF EXISTS temp.seen_leaf;"
        "CREATE TEMP TABLE seen_leaf (hash BLOB PRIMARY KEY, root BLOB) WITHOUT ROWID;"
    )
    known: set[str] = set()
    missing: dict[IssuerId, int] = {}
    rows = db.execute(
        "SELECT issuer, root, size, meta_hash, operation FROM batch ORDER BY issuer, operation"
    ).fetchall()
    for issuer, root_bytes, size, meta_hash, operation in rows:
        issuer_id, root = IssuerId(issuer), BatchRoot(root_bytes)
        name = file_name(root)
        advance(1)
        try:
            leaves = (folder / name).read_bytes()
        except FileNotFoundError:
            missing[issuer_id] = missing.get(issuer_id, 0) + 1
            continue
        known.add(name)
        fault = _fault(issuer_id, root, size, meta_hash, leaves)
        if fault is not None:
            yield _differs(issuer_id, root, operation, name, fault)
            continue
        yield from _repeated(db, issuer_id, root, operation, leaves)
    for issuer_id, batches in missing.items():
        yield Finding(
            Matter.LEAVES_MISSING,
            Severity.NOTE,
            f"no leaf file for {count(batches, 'batch')}",
            issuer_id,
            evidence={"batches": batches},
        )
    for file in sorted(folder.glob(f"*{SUFFIX}")):
        if file.name not in known:
            yield Finding(
                Matter.LEAVES_UNKNOWN,
                Severity.WARNING,
                f"{file.name} is the leaf file of no batch",
                evidence={"file": file.name},
            )


def _fault(
    issuer_id: IssuerId, root: BatchRoot, size: int, meta_hash: bytes, leaves: bytes
) -> str | None:
    try:
        manifest = manifest_hash(issuer_id, root, leaves)
    except MalformedValue as error:
        return str(error)
    if len(leaves) != size * HASH_BYTES:
        return f"it holds {count(len(leaves) // HASH_BYTES, 'leaf')}, {size:,} are anchored"
    if MerkleTree(leaves).root != root:
        return "its leaves have another root"
    if manifest != meta_hash:
        return "its manifest is not the anchor's metaHash"
    return None


def _differs(
    issuer_id: IssuerId, root: BatchRoot, operation: int, name: str, fault: str
) -> Finding:
    evidence: JsonObject = {"file": name, "root": str(root), "fault": fault}
    return Finding(
        Matter.LEAVES_DIFFER,
        Severity.ERROR,
        f"{name}: {fault}",
        issuer_id,
        operation=operation,
        evidence=evidence,
    )


def _repeated(
    db: sqlite3.Connection, issuer_id: IssuerId, root: BatchRoot, operation: int, leaves: bytes
) -> Iterator[Finding]:
    """A leaf holds a salt of its own: the same leaf in two batches was put there twice."""
    hashes = [leaves[at : at + HASH_BYTES] for at in range(0, len(leaves), HASH_BYTES)]
    before = db.total_changes
    db.executemany("INSERT OR IGNORE INTO seen_leaf VALUES (?, ?)", ((h, root) for h in hashes))
    repeated = len(hashes) - (db.total_changes - before)
    if repeated:
        yield Finding(
            Matter.ANCHORED_TWICE,
            Severity.WARNING,
            f"{count(repeated, 'leaf')} of batch {root} in another batch too, or twice in it",
            issuer_id,
            operation=operation,
            evidence={"root": str(root), "leaves": repeated},
        )
