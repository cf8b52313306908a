"""Asks a node for evidence: raw storage, as of its newest block and of its newest final one.

The node is asked for slots, never for a credential: a status word covers 128 of them, and records
of many credentials of one batch are read once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry import storage
from registry.errors import NodeInconsistent
from registry.evidence import Block, Evidence, OneNode, Snapshot, Subject
from registry.keccak import keccak256
from registry.rpc import data, quantity
from registry.values import BlockHash, CodeHash, DidHash, Slot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from registry.rpc import Node
    from registry.strict_json import JsonValue
    from registry.values import Address, ChainId

_READS = 3
"""A reorganisation while reading makes a mixture: then all is read again, this often."""


def read_evidence(
    node: Node,
    chain: ChainId,
    registry: Address,
    subjects: Sequence[Subject],
    *,
    confirmations: int | None = None,
) -> list[Evidence]:
    """Evidence on each subject, in order, all as of the same two blocks.

    confirmations: how deep a block is final where the chain's `finalized` is not to be relied on.
    Raises NodeUnreachable, NodeRefused, and NodeInconsistent where the node serves another chain
    or its head keeps changing under the reader.
    """
    served = quantity(node.call("eth_chainId", []), "eth_chainId")
    if served != chain.number:
        raise NodeInconsistent(f"{node.name} serves eip155:{served}, not {chain}")
    for _ in range(_READS):
        head, finalized = read_blocks(node, confirmations)
        evidence = _read_at(node, chain, registry, subjects, head, finalized)
        if all(_is_canonical(node, block) for block in (head, finalized)):
            return evidence
    raise NodeInconsistent(f"{node.name}: its newest blocks change faster than they can be read")


def read_blocks(node: Node, confirmations: int | None = None) -> tuple[Block, Block]:
    """The newest block and the newest final one."""
    head = _read_block(node, "latest")
    if confirmations is not None:
        return head, _read_block(node, hex(max(head.number - confirmations, 0)))
    finalized = _read_block(node, "finalized")
    # Between the two calls the chain may grow, never shrink below what is final.
    if finalized.number > head.number:
        head = _read_block(node, "latest")
    if finalized.number > head.number:
        raise NodeInconsistent(f"{node.name}: its final block is beyond its newest")
    return head, finalized


def read_slots(
    node: Node, registry: Address, slots: Sequence[Slot], block: Block
) -> dict[Slot, bytes]:
    """32 bytes for each slot as of one block."""
    tag = hex(block.number)
    answers = node.batch(
        [("eth_getStorageAt", [str(registry), slot.to_hex(), tag]) for slot in slots]
    )
    return {
        slot: data(answer, "eth_getStorageAt").rjust(32, b"\0")
        for slot, answer in zip(slots, answers, strict=True)
    }


def _read_at(
    node: Node,
    chain: ChainId,
    registry: Address,
    subjects: Sequence[Subject],
    head: Block,
    finalized: Block,
) -> list[Evidence]:
    code = data(node.call("eth_getCode", [str(registry), hex(head.number)]), "eth_getCode")
    code_hash = CodeHash(keccak256(code))
    wanted = list(dict.fromkeys(slot for subject in subjects for slot in _slots(subject)))
    at_head = read_slots(node, registry, wanted, head)
    at_finalized = read_slots(node, registry, wanted, finalized)
    source = OneNode(node.name)
    return [
        Evidence(
            chain=chain,
            registry=registry,
            code_hash=code_hash,
            subject=subject,
            source=source,
            head=_snapshot(subject, head, at_head),
            finalized=_snapshot(subject, finalized, at_finalized),
        )
        for subject in subjects
    ]


def _slots(subject: Subject) -> tuple[Slot, Slot, Slot, Slot]:
    issuer = storage.issuer_slots(subject.issuer_id)
    return (
        issuer.record,
        issuer.did_hash,
        storage.batch_slot(subject.issuer_id, subject.root),
        storage.word_slot(subject.issuer_id, subject.root, subject.word),
    )


def _snapshot(subject: Subject, block: Block, values: Mapping[Slot, bytes]) -> Snapshot:
    record, did_hash, batch, word = (values[slot] for slot in _slots(subject))
    return Snapshot(
        block=block,
        issuer=storage.decode_issuer(record),
        did_hash=DidHash(did_hash),
        batch=storage.decode_batch(batch),
        word=int.from_bytes(word, "big"),
    )


def _is_canonical(node: Node, block: Block) -> bool:
    return _read_block(node, hex(block.number)).hash == block.hash


def _read_block(node: Node, tag: str) -> Block:
    answer: JsonValue = node.call("eth_getBlockByNumber", [tag, False])
    if not isinstance(answer, dict):
        raise NodeInconsistent(f"{node.name} knows no block {tag}")
    return Block(
        number=quantity(answer.get("number"), "block number"),
        hash=BlockHash(data(answer.get("hash"), "block hash", 32)),
        timestamp=quantity(answer.get("timestamp"), "block timestamp"),
    )
