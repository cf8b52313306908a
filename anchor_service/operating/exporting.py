"""Final credentials to files: the anchor as a second proof inside, or as a receipt beside."""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anchor_service.errors import DamagedStore
from anchor_service.store import batch_store, store
from registry.auditing.leaf_files import file_name
from registry.formats.credential import credential_digest
from registry.formats.receipt import Receipt, embed
from registry.formats.storage import LANES_PER_WORD
from registry.formats.strict_json import MAX_FILE_BYTES, read_object
from registry.formats.tree import MerkleTree
from registry.proofs.bundle import BUNDLE_SUFFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from sqlalchemy import Connection

    from anchor_service.operating.bundling import BatchProof
    from anchor_service.store.batch_store import Batch
    from anchor_service.store.store import Placed
    from registry.values import CredentialDigest

    Prove = Callable[[Batch, Sequence[int]], BatchProof]

_SLUG_CHARACTERS = 48
_DIGEST_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class Exported:
    """credential: its file, or its bundle's. receipt: the file beside it; None: it is inside."""

    name: str
    credential: Path
    receipt: Path | None


def export_batch(
    connection: Connection,
    batch: Batch,
    rows: Sequence[int] | None,
    folder: Path,
    *,
    sidecar: bool,
) -> Iterator[Exported]:
    """Write credentials of a final batch, all or those row numbers; the folder must be there."""
    tree = MerkleTree(batch_store.leaves_of(connection, batch.id))
    for one in store.placed(connection, batch.id, rows):
        receipt = receipt_of(batch, one, tree)
        stem = file_stem(one)
        path = folder / f"{stem}.json"
        beside = folder / f"{stem}.receipt.json" if sidecar else None
        if beside is None:
            _write(path, with_anchor(one, receipt))
        else:
            _write(beside, receipt.serialize())
            _write(path, one.document)
        yield Exported(one.credential_id or one.digest.to_hex(), path, beside)


def export_bundles(
    connection: Connection,
    batch: Batch,
    rows: Sequence[int] | None,
    folder: Path,
    prove: Prove,
) -> Iterator[Exported]:
    """Write bundles of a final batch's credentials, all or those row numbers.

    prove: asks a node for the batch's status words. Raises what `bundling` does.
    """
    tree = MerkleTree(batch_store.leaves_of(connection, batch.id))
    placed = list(store.placed(connection, batch.id, rows))
    proof = prove(batch, [one.index // LANES_PER_WORD for one in placed])
    for one in placed:
        path = folder / f"{file_stem(one)}{BUNDLE_SUFFIX}"
        _write(path, proof.bundle(one, receipt_of(batch, one, tree)).serialize())
        yield Exported(one.credential_id or one.digest.to_hex(), path, None)


def export_leaves(connection: Connection, batch: Batch, folder: Path) -> Path:
    """Write a batch's leaf file, as `audit --leaves` reads it; the folder must be there."""
    path = folder / file_name(batch.root)
    _write(path, batch_store.leaves_of(connection, batch.id))
    return path


def receipt_of(batch: Batch, one: Placed, tree: MerkleTree) -> Receipt:
    return Receipt(
        chain=batch.chain,
        registry=batch.registry,
        issuer_id=batch.issuer_id,
        index=one.index,
        tree_size=batch.size,
        salt=one.salt,
        path=tree.path(one.index),
        root=batch.root,
    )


def with_anchor(one: Placed, receipt: Receipt) -> bytes:
    return with_receipt(one.document, one.digest, receipt)


def with_receipt(raw: bytes, digest: CredentialDigest, receipt: Receipt) -> bytes:
    """The document with the anchor proof, as JSON for people; every value as received.

    Raises DamagedStore where the stored document's digest is not the one that was sealed.
    """
    document = read_object(raw)
    if credential_digest(document) != digest:
        raise DamagedStore(f"credential {digest}: its document is damaged; restore a backup")
    embedded = embed(document, receipt)
    text = (json.dumps(embedded, indent=2, ensure_ascii=False) + "\n").encode()
    if len(text) <= MAX_FILE_BYTES:
        return text
    # White space alone must not push a credential over the limit of every reader.
    return json.dumps(embedded, separators=(",", ":"), ensure_ascii=False).encode()


def file_stem(one: Placed) -> str:
    """A name for people and a piece of the digest: safe on every system, the same every time."""
    text = unicodedata.normalize("NFC", one.label or "").casefold()
    # Letters, marks and digits of any script; no sign that any system or shell gives a meaning.
    kept = "".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in text)
    slug = "-".join(kept.split())[:_SLUG_CHARACTERS].strip("-") or "credential"
    return f"{slug}-{one.digest.hex()[:_DIGEST_CHARACTERS]}"


def _write(path: Path, content: bytes) -> None:
    """Replaced whole: nobody finds half a credential after a crash."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_bytes(content)
    fresh.replace(path)
