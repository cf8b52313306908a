"""Asks a node for evidence: raw storage, as of its newest block and of its newest final one.

The node is asked for slots, never for a credential: a status word covers 128 of them, and records
of many credentials of one batch are read once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.errors import MalformedValue, NodeInconsistent, NodeRefused
from registry.keccak import keccak256
from registry.proofs.evidence import Block, Evidence, OneNode, Snapshot
from registry.rpc_hex import data, quantity
from registry.values import BlockHash, CodeHash

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from registry.formats.strict_json import JsonObject, JsonValue
    from registry.nodes.rpc import Node
    from registry.proofs.evidence import Subject
    from registry.values import Address, ChainId, Slot

    _Pin = Callable[[Block], JsonValue]

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
    Three round trips, and one more for every 500 slots (60 words of a batch take 126). Raises
    NodeUnreachable, NodeRefused, and NodeInconsistent where the node serves another chain, its
    head keeps changing under the reader, or a word cannot be the contract's.
    """
    slots = {subject: subject.slots for subject in dict.fromkeys(subjects)}
    pin: _Pin = _by_hash
    for _ in range(_READS):
        head, finalized = read_blocks(node, chain, confirmations)
        try:
            code_hash, values = _read(node, registry, slots.values(), (head, finalized), pin)
        except NodeRefused:
            if pin is _by_number:
                raise
            # It knows no EIP-1898, or that block is gone. Numbers every node knows.
            pin = _by_number
            continue
        if _still_there(node, (head, finalized)):
            break
    else:
        raise NodeInconsistent(f"{node.name}: its newest blocks change faster than they are read")
    found = {
        subject: Evidence(
            chain=chain,
            registry=registry,
            code_hash=code_hash,
            subject=subject,
            head=_snapshot(node, head, [values[head, slot] for slot in own]),
            finalized=_snapshot(node, finalized, [values[finalized, slot] for slot in own]),
        )
        for subject, own in slots.items()
    }
    return [found[subject] for subject in subjects]


def read_blocks(
    node: Node, chain: ChainId, confirmations: int | None = None
) -> tuple[Block, Block]:
    """The newest block and the newest final one, of a node that serves `chain`.

    Errors as of `read_evidence`.
    """
    head, final = ask_blocks(node, chain, confirmations)
    return _block(node, "latest", head), _block(node, "finalized", final)


def ask_blocks(
    node: Node, chain: ChainId, confirmations: int | None = None
) -> tuple[JsonObject, JsonObject]:
    """The same two blocks as eth_getBlockByNumber answers; three calls in one request."""
    asked = ["latest"] if confirmations is not None else ["latest", "finalized"]
    calls: list[tuple[str, Sequence[JsonValue]]] = [
        ("eth_getBlockByNumber", [tag, False]) for tag in asked
    ]
    served, *answers = node.batch([("eth_chainId", []), *calls])
    if quantity(served, "eth_chainId") != chain.number:
        raise NodeInconsistent(
            f"{node.name} serves eip155:{quantity(served, 'eth_chainId')}, not {chain}"
        )
    head = _known(node, "latest", answers[0])
    newest = _block(node, "latest", head).number
    if confirmations is None:
        final = _known(node, "finalized", answers[1])
        number = _block(node, "finalized", final).number
    else:
        number = max(newest - confirmations, 0)
        answer = node.call("eth_getBlockByNumber", [hex(number), False])
        final = _known(node, hex(number), answer)
        _block(node, hex(number), final)
    if number > newest:
        raise NodeInconsistent(f"{node.name}: its final block is beyond its newest")
    return head, final


def read_slots(
    node: Node, registry: Address, slots: Sequence[Slot], block: Block
) -> dict[Slot, bytes]:
    """32 bytes for each slot as of one block. Raises ChainError as `rpc` does."""
    try:
        _, values = _read(node, registry, [slots], (block, block), _by_hash)
    except NodeRefused:
        _, values = _read(node, registry, [slots], (block, block), _by_number)
    return {slot: values[block, slot] for slot in slots}


def _read(
    node: Node,
    registry: Address,
    wanted: Iterable[Sequence[Slot]],
    blocks: tuple[Block, Block],
    pin: _Pin,
) -> tuple[CodeHash, dict[tuple[Block, Slot], bytes]]:
    """The code's hash at the first block, and each slot's 32 bytes at both."""
    distinct = dict.fromkeys(slot for slots in wanted for slot in slots)
    keys = [(block, slot) for block in dict.fromkeys(blocks) for slot in distinct]
    calls: list[tuple[str, Sequence[JsonValue]]] = [
        ("eth_getStorageAt", [str(registry), slot.to_hex(), pin(block)]) for block, slot in keys
    ]
    code, *answers = node.batch([("eth_getCode", [str(registry), pin(blocks[0])]), *calls])
    values = (data(answer, "eth_getStorageAt").rjust(32, b"\0") for answer in answers)
    return CodeHash(keccak256(data(code, "eth_getCode"))), dict(zip(keys, values, strict=True))


def _by_hash(block: Block) -> JsonValue:
    """EIP-1898: whatever becomes of the chain meanwhile, it is this block or an error."""
    pinned: JsonObject = {"blockHash": block.hash.to_hex(), "requireCanonical": True}
    return pinned


def _by_number(block: Block) -> JsonValue:
    return hex(block.number)


def _snapshot(node: Node, block: Block, values: Sequence[bytes]) -> Snapshot:
    try:
        return Snapshot.decode(block, OneNode(node.name), values)
    except MalformedValue as error:
        raise NodeInconsistent(f"{node.name}: no registry's storage: {error}") from None


def _still_there(node: Node, blocks: tuple[Block, Block]) -> bool:
    tags = [hex(block.number) for block in blocks]
    answers = node.batch([("eth_getBlockByNumber", [tag, False]) for tag in tags])
    return all(
        answer is not None and _block(node, tag, answer).hash == block.hash
        for block, tag, answer in zip(blocks, tags, answers, strict=True)
    )


def _known(node: Node, tag: str, answer: JsonValue) -> JsonObject:
    if not isinstance(answer, dict):
        hint = "; set [chain] confirmations" if tag == "finalized" else ""
        raise NodeInconsistent(f"{node.name} knows no block {tag}{hint}")
    return answer


def _block(node: Node, tag: str, given: JsonValue) -> Block:
    answer = _known(node, tag, given)
    number = quantity(answer.get("number"), "block number")
    if tag.startswith("0x") and number != int(tag, 16):
        raise NodeInconsistent(f"{node.name}: asked for block {int(tag, 16)}, it gave {number}")
    return Block(
        number=number,
        hash=BlockHash(data(answer.get("hash"), "block hash", 32)),
        timestamp=quantity(answer.get("timestamp"), "block timestamp"),
    )
