"""What became of credentials, counted from the chain's logs and the database's receipts alone.

    tally = Tally()
    tally.add("commit, not done", census(node, connection, issuer_id, digests))
    record_property(*tally.told())

pytest prints the sums of all tests at its end, see `tests/conftest.py`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import astuple, dataclass, field
from typing import TYPE_CHECKING

from desks import anchors

from anchor_service.engine import contract
from anchor_service.operating.exporting import receipt_of
from anchor_service.store import batch_store, store
from registry.formats.credential import credential_digest
from registry.formats.leaf import leaf_hash
from registry.formats.receipt import Receipt
from registry.formats.strict_json import read_object
from registry.formats.tree import MerkleTree, root_from_path

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection

    from anchor_service.engine.chain import Log
    from anchor_service.store.batch_store import Batch
    from anchor_service.store.store import Placed
    from registry.nodes.rpc import Node
    from registry.values import CredentialDigest, IssuerId

PROPERTY = "faults"


@dataclass(frozen=True, slots=True)
class Census:
    """faults: how many came before. lost: anchored by no log; doubled: by more than one.

    unproven: without a receipt that leads to an anchor. strays: anchors that no batch has.
    """

    faults: int
    credentials: int
    lost: int
    doubled: int
    unproven: int
    strays: int

    @property
    def clean(self) -> bool:
        return not (self.lost or self.doubled or self.unproven or self.strays)


def census(
    node: Node,
    connection: Connection,
    issuer_id: IssuerId,
    wanted: Collection[CredentialDigest],
    *,
    handle: str = "main",
    faults: int = 1,
) -> Census:
    """wanted: what whoever handed them in knows to be stored, not what the database says."""
    logs = anchors(node, issuer_id)
    times: Counter[CredentialDigest] = Counter()
    proven: set[CredentialDigest] = set()
    batches = batch_store.sealed_batches(connection, issuer=handle)
    for batch in batches:
        mine = [log for log in logs if log.topics[2] == batch.root]
        tree = MerkleTree(batch_store.leaves_of(connection, batch.id))
        for one in store.placed(connection, batch.id):
            times[one.digest] += len(mine)
            if mine and _verifies(batch, one, tree, mine[0]):
                proven.add(one.digest)
    roots = {bytes(batch.root) for batch in batches}
    return Census(
        faults,
        len(wanted),
        lost=sum(times[one] == 0 for one in wanted),
        doubled=sum(times[one] > 1 for one in wanted),
        unproven=sum(one not in proven for one in wanted),
        strays=sum(log.topics[2] not in roots for log in logs),
    )


def _verifies(batch: Batch, one: Placed, tree: MerkleTree, log: Log) -> bool:
    """From the document's bytes and the receipt as a file to what the chain's log says."""
    receipt = Receipt.parse(receipt_of(batch, one, tree).serialize())
    digest = credential_digest(read_object(one.document))
    leaf = leaf_hash(receipt.issuer_id, receipt.index, receipt.salt, digest)
    root = root_from_path(leaf, receipt.index, receipt.tree_size, receipt.path)
    size, _ = contract.size_and_meta_hash(log.data)
    return (root, receipt.tree_size, receipt.issuer_id) == (log.topics[2], size, log.topics[1])


@dataclass
class Tally:
    """Sums by kind of fault."""

    sums: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def add(self, kind: str, one: Census) -> None:
        before = self.sums.get(kind, (0,) * 6)
        self.sums[kind] = tuple(map(sum, zip(before, astuple(one), strict=True)))

    def told(self) -> tuple[str, object]:
        """A property of a test, as `record_property` takes it."""
        return PROPERTY, self.sums
