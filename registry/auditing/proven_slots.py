"""An audit's ground: one block, how it is believed, and storage as of it.

A block is believed because the auditor names its hash, because most of several nodes name the
same, or on one node's word. Storage is proven from its state root (EIP-1186) with the contract's
code hash pinned, so whichever node answers cannot lie about it; a node that has no proofs is taken
at its word, and the audit says so.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from registry.errors import (
    AnswerTooLong,
    ChainError,
    MalformedValue,
    NodeInconsistent,
    NodeRefused,
    NodeTooSlow,
    UnsoundEvidence,
)
from registry.keccak import keccak256
from registry.nodes.chain_reader import read_blocks, read_slots
from registry.nodes.header_fields import header_rlp
from registry.proofs.block_header import Header
from registry.proofs.state_proof import prove_account, prove_slot
from registry.proofs.trie_proof import Witness
from registry.rpc_hex import data, quantity
from registry.values import BlockHash, ChainId
from registry.workspaces import artifact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from registry.formats.strict_json import JsonObject, JsonValue
    from registry.nodes.rpc import Node
    from registry.proofs.evidence import Block
    from registry.values import Address, Slot

SLOTS_AT_ONCE = 1_000
"""Some nodes build the whole storage trie for each request; geth takes 1,024, others fewer."""
_CALLS_AT_ONCE = 2
LAG_S = 900
"""A node whose final block is older than another's by more is behind, and has no say."""


@dataclass(frozen=True, slots=True)
class Ground:
    """kind: "trusted block", "quorum" or "one node"; names: the nodes that say so.

    proven: whether storage was proven against the block's state root.
    """

    kind: str
    names: tuple[str, ...]
    proven: bool = True

    def sentence(self) -> str:
        block = {
            "trusted block": "under the block hash that you trust",
            "quorum": f"under a block hash that {len(self.names)} nodes agree on",
            "one node": f"under a block hash on the word of one node, {self.names[0]}",
        }[self.kind]
        how = "proven" if self.proven else "not proven, but read from one node"
        return f"storage {how}, {block}"

    def to_json(self) -> JsonObject:
        return {"kind": self.kind, "nodes": list(self.names), "storageProven": self.proven}


@dataclass(frozen=True, slots=True)
class Believed:
    """The block that an audit closes with.

    behind: nodes that were too far back to be asked; outvoted: that name another block instead.
    """

    header: Header
    ground: Ground
    behind: tuple[tuple[str, Block], ...] = ()
    outvoted: tuple[tuple[str, BlockHash], ...] = ()

    @property
    def block(self) -> Block:
        return self.header.block


def read_header(node: Node, method: str, which: JsonValue) -> Header:
    """A block's header, whose hash is that of its fields. Raises NodeInconsistent otherwise."""
    answer = node.call(method, [which, False])
    if not isinstance(answer, dict):
        raise NodeInconsistent(f"{node.name} knows no block {which}")
    try:
        return Header.decode(header_rlp(answer))
    except UnsoundEvidence as fault:
        raise NodeInconsistent(f"{node.name}: block {which}: {fault}") from None


def parse_trusted(text: str, chain: ChainId) -> BlockHash:
    """Read `eip155:N:0xHASH`, N the chain's number. Raises MalformedValue."""
    named, _, block_hash = text.strip().rpartition(":")
    if ChainId.parse(named) != chain:
        raise MalformedValue("trusted block", f"it is one of {named}, the registry's is {chain}")
    return BlockHash.from_hex(block_hash.lower())


def trusted_block(nodes: Sequence[Node], chain: ChainId, block_hash: BlockHash) -> Believed:
    """The block whose hash the auditor names, from the first node that has it."""
    fault: ChainError | None = None
    for node in nodes:
        try:
            _check_chain(node, chain)
            header = read_header(node, "eth_getBlockByHash", block_hash.to_hex())
            if header.hash != block_hash:
                raise NodeInconsistent(
                    f"{node.name}: asked for block {block_hash}, it gave another"
                )
        except ChainError as error:
            fault = fault or error
            continue
        return Believed(header, Ground("trusted block", (node.name,)))
    assert fault is not None
    raise fault


def agreed_block(
    nodes: Sequence[Node], chain: ChainId, confirmations: int | None, wanted: int | None
) -> Believed:
    """The newest block that all nodes hold final, on a hash that most of them name.

    wanted: an older one instead. Nodes far behind the newest have no say. Raises
    NodeInconsistent where no hash is named by more than half, or `wanted` is not final yet.
    """
    finals = {node: read_blocks(node, chain, confirmations)[1] for node in nodes}
    newest = max(block.timestamp for block in finals.values())
    behind = {node: one for node, one in finals.items() if newest - one.timestamp > LAG_S}
    asked = [node for node in nodes if node not in behind]
    number = min(finals[node].number for node in asked)
    if wanted is not None and wanted > number:
        raise NodeInconsistent(f"block {wanted} is not final yet: block {number} is the newest")
    number = number if wanted is None else wanted
    headers = {node: read_header(node, "eth_getBlockByNumber", hex(number)) for node in asked}
    (chosen, votes), *_ = Counter(header.hash for header in headers.values()).most_common(1)
    if 2 * votes <= len(asked):
        said = "; ".join(f"{node.name}: {header.hash}" for node, header in headers.items())
        raise NodeInconsistent(f"the nodes do not agree on block {number}: {said}")
    names = tuple(node.name for node, header in headers.items() if header.hash == chosen)
    header = next(header for header in headers.values() if header.hash == chosen)
    if header.number != number:
        raise NodeInconsistent(f"{names[0]}: asked for block {number}, it gave {header.number}")
    ground = Ground("quorum" if len(names) > 1 else "one node", names)
    return Believed(
        header,
        ground,
        tuple((node.name, one) for node, one in behind.items()),
        tuple((node.name, one.hash) for node, one in headers.items() if one.hash != chosen),
    )


def storage_of(
    mine: Callable[[], Node], registry: Address, believed: Believed
) -> tuple[Ground, Callable[[Sequence[Slot]], dict[Slot, bytes]]]:
    """How storage is read: proven, or on the node's word where it gives no proofs.

    mine: the node by a connection of the calling thread's: several may read. Raises ChainError as
    `read_proven` does; NodeRefused only under a trusted block, whose hash says nothing without
    proofs.
    """
    header, ground = believed.header, believed.ground
    try:
        read_proven(mine(), registry, [], header)
    except NodeRefused:
        if ground.kind == "trusted block":
            raise
        told = Ground(ground.kind, ground.names, proven=False)
        return told, lambda slots: read_slots(mine(), registry, slots, believed.block)
    return ground, lambda slots: read_proven(mine(), registry, slots, header)


def read_proven(
    node: Node, registry: Address, slots: Sequence[Slot], header: Header
) -> dict[Slot, bytes]:
    """32 bytes for each slot, proven from the header's state root.

    What is refused is asked for in halves. Raises NodeRefused where the node gives no proofs of
    that block, NodeInconsistent where one fails or the account is not the registry that this
    version knows.
    """
    values: dict[Slot, bytes] = {}
    chunks = [slots[at : at + SLOTS_AT_ONCE] for at in range(0, len(slots), SLOTS_AT_ONCE)] or [[]]
    while chunks:
        some, chunks = chunks[:_CALLS_AT_ONCE], chunks[_CALLS_AT_ONCE:]
        try:
            answers = node.batch(
                [
                    (
                        "eth_getProof",
                        [str(registry), [s.to_hex() for s in chunk], hex(header.number)],
                    )
                    for chunk in some
                ]
            )
        except (NodeRefused, AnswerTooLong, NodeTooSlow):
            if max(map(len, some)) <= 1:
                raise
            chunks = [half for chunk in some for half in _halves(chunk)] + chunks
            continue
        for chunk, answer in zip(some, answers, strict=True):
            values.update(_proven(node, registry, chunk, header, answer))
    return values


def _halves(slots: Sequence[Slot]) -> list[Sequence[Slot]]:
    middle = (len(slots) + 1) // 2
    return [part for part in (slots[:middle], slots[middle:]) if part]


def _proven(
    node: Node, registry: Address, slots: Sequence[Slot], header: Header, answer: JsonValue
) -> Mapping[Slot, bytes]:
    try:
        witness = Witness(_nodes(answer))
        account = prove_account(witness, header.state_root, registry)
        if account is None or account.code_hash != artifact.load().code_hash:
            raise not_the_registry(node, registry, header.number, absent=account is None)
        return {slot: prove_slot(witness, account.storage_root, slot) for slot in slots}
    except UnsoundEvidence as fault:
        raise NodeInconsistent(
            f"{node.name}: its proof of the registry's storage in block {header.number} fails: "
            f"{fault}; ask another node"
        ) from None


def _nodes(answer: JsonValue) -> Iterator[bytes]:
    answer = answer if isinstance(answer, dict) else {}
    storage = answer.get("storageProof")
    proofs: list[JsonValue] = [answer.get("accountProof")]
    proofs += [
        one.get("proof")
        for one in (storage if isinstance(storage, list) else ())
        if isinstance(one, dict)
    ]
    for proof in proofs:
        for node in proof if isinstance(proof, list) else ():
            yield data(node, "eth_getProof")


def not_the_registry(
    node: Node, registry: Address, number: int, *, absent: bool
) -> NodeInconsistent:
    """An empty account has no logs and no storage: they would agree, and mean nothing."""
    if absent:
        return NodeInconsistent(f"{node.name}: no contract at {registry} as of block {number}")
    return NodeInconsistent(
        f"{node.name}: the contract at {registry} is not the CredentialRegistry that this version "
        "knows; its logs can't be judged"
    )


def check_code(node: Node, registry: Address, number: int) -> None:
    """On the node's word. Raises NodeInconsistent unless the contract is the one that we know."""
    code = data(node.call("eth_getCode", [registry.to_hex(), hex(number)]), "eth_getCode")
    if not code or keccak256(code) != artifact.load().code_hash:
        raise not_the_registry(node, registry, number, absent=not code)


def genesis_of(node: Node, chain: ChainId) -> BlockHash:
    """The hash of block 0: chains of the same id differ in it."""
    _check_chain(node, chain)
    answer = node.call("eth_getBlockByNumber", ["0x0", False])
    if not isinstance(answer, dict):
        raise NodeInconsistent(f"{node.name} knows no block 0")
    return BlockHash(data(answer.get("hash"), "block hash", 32))


def _check_chain(node: Node, chain: ChainId) -> None:
    served = quantity(node.call("eth_chainId", []), "eth_chainId")
    if served != chain.number:
        raise NodeInconsistent(f"{node.name} serves eip155:{served}, not {chain}")
