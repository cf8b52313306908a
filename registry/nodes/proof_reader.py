"""Asks a node for blocks and storage proofs (EIP-1186), and checks them before they are facts.

The node is asked for slots, never for a credential, and all slots of a batch go in one call. Its
answers can be incomplete, late or false; they cannot make a false fact under a true block hash.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from registry.errors import (
    MalformedHeader,
    NodeInconsistent,
    NodeRefused,
    UnsoundEvidence,
)
from registry.nodes.chain_reader import ask_blocks, read_evidence
from registry.nodes.header_fields import header_rlp
from registry.proofs.block_header import Header
from registry.proofs.evidence import EMPTY_CODE_HASH, Evidence, OneNode, Snapshot
from registry.proofs.proven_evidence import ProvenAccount
from registry.proofs.trie_proof import Witness
from registry.rpc_hex import data

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from registry.formats.strict_json import JsonValue
    from registry.nodes.rpc import Node
    from registry.proofs.evidence import Source, Subject
    from registry.values import Address, ChainId, CodeHash, Slot

_SLOTS_A_CALL = 512
"""Public nodes take about a thousand in one eth_getProof."""

_READS = 3
"""A reorganisation while reading makes proofs fail under the header: then all is read again."""

_NOTHING = bytes(32)


@dataclass(frozen=True, slots=True)
class Tips:
    """A node's newest block and its newest final one, each by a header that gives its hash."""

    head: Header
    final: Header


@dataclass(frozen=True, slots=True)
class Facts:
    """What storage holds as of one block."""

    code_hash: CodeHash
    snapshots: dict[Subject, Snapshot]


def read_tips(node: Node, chain: ChainId, confirmations: int | None = None) -> Tips:
    """Of a node that serves `chain`. Raises MalformedHeader, and ChainError as `chain_reader`."""
    head, final = ask_blocks(node, chain, confirmations)
    return Tips(Header.decode(header_rlp(head)), Header.decode(header_rlp(final)))


def read_header(node: Node, number: int) -> Header:
    """Raises MalformedHeader, and ChainError as `rpc` does."""
    answer = node.call("eth_getBlockByNumber", [hex(number), False])
    if not isinstance(answer, dict):
        raise NodeInconsistent(f"{node.name} knows no block {number}")
    header = Header.decode(header_rlp(answer))
    if header.number != number:
        raise NodeInconsistent(f"{node.name}: asked for block {number}, it gave {header.number}")
    return header


def read_witness(node: Node, registry: Address, slots: Sequence[Slot], number: int) -> Witness:
    """The trie nodes of the registry's account and of these slots, not yet checked.

    Raises ChainError as `rpc` does; NodeRefused too where the answer has no form of a proof.
    """
    portions = [
        slots[at : at + _SLOTS_A_CALL] for at in range(0, max(len(slots), 1), _SLOTS_A_CALL)
    ]
    calls: list[tuple[str, Sequence[JsonValue]]] = [
        ("eth_getProof", [str(registry), [slot.to_hex() for slot in portion], hex(number)])
        for portion in portions
    ]
    return Witness(node for answer in node.batch(calls) for node in trie_nodes(answer))


def trie_nodes(proof: JsonValue) -> list[bytes]:
    """The trie nodes in an answer of eth_getProof. Raises NodeRefused where it has no such form."""
    slots = proof.get("storageProof") if isinstance(proof, dict) else None
    if not isinstance(proof, dict) or not isinstance(slots, list):
        raise NodeRefused("eth_getProof", 0, "the answer is no proof")
    proofs = [proof.get("accountProof")]
    proofs += [slot.get("proof") for slot in slots if isinstance(slot, dict)]
    return [
        data(node, "trie node") for nodes in proofs if isinstance(nodes, list) for node in nodes
    ]


def read_facts(
    node: Node, header: Header, registry: Address, subjects: Iterable[Subject], source: Source
) -> Facts:
    """What the registry's storage holds about each subject as of `header`, proven under its root.

    One call for every 512 slots. Raises UnsoundEvidence where a proof fails, ChainError as `rpc`.
    """
    wanted = {subject: subject.slots for subject in subjects}
    if header.number == 0:
        # Nobody has anchored in a chain's first block; some nodes cannot prove even that.
        empty = {
            subject: Snapshot.decode(header.block, source, [_NOTHING] * len(slots))
            for subject, slots in wanted.items()
        }
        return Facts(EMPTY_CODE_HASH, empty)
    distinct = list(dict.fromkeys(slot for slots in wanted.values() for slot in slots))
    witness = read_witness(node, registry, distinct, header.number)
    account = ProvenAccount(header, witness, registry)
    found = {subject: account.snapshot(subject, source) for subject in wanted}
    return Facts(account.code_hash, found)


def read_checked(
    node: Node,
    chain: ChainId,
    registry: Address,
    subjects: Sequence[Subject],
    *,
    confirmations: int | None = None,
) -> list[Evidence]:
    """One node's word, of one piece: by proofs under its own headers where it can serve them.

    Otherwise, and for the errors, `chain_reader.read_evidence`; NodeInconsistent too where its
    proofs do not hold under its own headers.
    """
    source = OneNode(node.name, proven=True)
    for _ in range(_READS):
        try:
            tips = read_tips(node, chain, confirmations)
            final = read_facts(node, tips.final, registry, subjects, source)
            head = final
            if tips.head.hash != tips.final.hash:
                head = read_facts(node, tips.head, registry, subjects, source)
        except (NodeRefused, MalformedHeader):
            # It serves no proofs, or its chain has headers of another kind.
            return read_evidence(node, chain, registry, subjects, confirmations=confirmations)
        except UnsoundEvidence as unsound:
            fault = unsound
            continue
        return [
            Evidence(
                chain=chain,
                registry=registry,
                code_hash=head.code_hash,
                subject=subject,
                head=head.snapshots[subject],
                finalized=final.snapshots[subject],
            )
            for subject in subjects
        ]
    raise NodeInconsistent(f"{node.name}: its proof does not hold under its own block: {fault}")
