"""Evidence read from a real node, and from one that contradicts itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from registry import artifact, storage
from registry.chain_reader import read_evidence
from registry.devchain import mine_to_finality
from registry.errors import NodeInconsistent, NodeRefused
from registry.evidence import Subject
from registry.keccak import keccak256
from registry.rpc import Node
from registry.storage import BatchRecord, Status
from registry.values import Address, BatchRoot, ChainId, CodeHash, DidHash, IssuerId, Slot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from registry.strict_json import JsonValue

CHAIN = ChainId(ChainId.DEVELOPMENT)
OWNER = Address(b"\xaa" * 20)
ISSUER = IssuerId(b"\x01" * 32)
DID = DidHash(b"\x02" * 32)


class Watched(Node):
    """Counts requests, and may change the chain before one is sent."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.sent = 0
        self.before: Callable[[int], None] = lambda number: None

    def _exchange(self, body: bytes) -> bytes:
        self.sent += 1
        self.before(self.sent)
        return super()._exchange(body)


@pytest.fixture
def watched(chain_url: str) -> Iterator[Watched]:
    with Watched(chain_url) as node:
        yield node


def _word(*fields: tuple[int, int]) -> str:
    """32 bytes of (value, lowest bit) fields."""
    return "0x" + sum(value << bit for value, bit in fields).to_bytes(32, "big").hex()


def _store(node: Node, registry: Address, values: Sequence[tuple[Slot, str]]) -> None:
    node.batch(
        [("anvil_setStorageAt", [str(registry), slot.to_hex(), word]) for slot, word in values]
    )
    node.call("anvil_mine", ["0x1"])


def _store_batch(node: Node, registry: Address, root: BatchRoot) -> None:
    """An issuer, and one batch of 256 whose first credential is suspended; final."""
    slots = storage.issuer_slots(ISSUER)
    _store(
        node,
        registry,
        [
            (slots.record, _word((int.from_bytes(OWNER, "big"), 0), (7, 168))),
            (slots.did_hash, DID.to_hex()),
            (storage.batch_slot(ISSUER, root), _word((1_700_000_000, 0), (3, 40), (256, 80))),
            (storage.word_slot(ISSUER, root, 0), _word((1, 0))),
        ],
    )
    mine_to_finality(node)


def test_reads_issuer_batch_and_word_as_of_both_blocks(node: Node, deployed: Address) -> None:
    root = BatchRoot(b"\x11" * 32)
    _store_batch(node, deployed, root)
    _store(node, deployed, [(storage.word_slot(ISSUER, root, 0), _word((0b11, 0)))])

    (evidence,) = read_evidence(node, CHAIN, deployed, [Subject(ISSUER, root, 0)])

    assert evidence.code_hash == artifact.load().code_hash
    assert (evidence.chain, evidence.registry) == (CHAIN, deployed)
    assert evidence.subject == Subject(ISSUER, root, 0)
    assert evidence.source.name == node.name
    for snapshot in (evidence.head, evidence.finalized):
        assert snapshot.issuer is not None
        assert (snapshot.issuer.owner, snapshot.issuer.epoch) == (OWNER, 7)
        assert snapshot.did_hash == DID
        assert snapshot.batch == BatchRecord(1_700_000_000, 3, 256, revoked=False)
    # A revocation of a moment ago counts at the head, and is not final yet.
    assert storage.lane_status(evidence.head.word, 0) is Status.REVOKED
    assert storage.lane_status(evidence.finalized.word, 0) is Status.SUSPENDED
    assert evidence.finalized.block.number == evidence.head.block.number - 2


def test_what_is_not_there_reads_as_absent(node: Node, chain_url: str) -> None:
    nowhere = Address(b"\x77" * 20)
    subject = Subject(ISSUER, BatchRoot(b"\x12" * 32), 0)
    (evidence,) = read_evidence(node, CHAIN, nowhere, [subject])
    assert evidence.code_hash == CodeHash(keccak256(b""))
    assert evidence.head.issuer is None
    assert evidence.head.batch is None
    assert evidence.head.word == 0


def test_a_whole_batch_takes_a_handful_of_requests(watched: Watched, deployed: Address) -> None:
    """100,000 credentials of one batch are 782 words."""
    root = BatchRoot(b"\x13" * 32)
    _store_batch(watched, deployed, root)
    subjects = [Subject(ISSUER, root, index // 128) for index in range(100_000)]
    watched.sent = 0
    found = read_evidence(watched, CHAIN, deployed, subjects)
    assert watched.sent <= 8
    assert [evidence.subject for evidence in found] == subjects


def test_another_chain_than_the_settings_name_is_refused(node: Node, deployed: Address) -> None:
    with pytest.raises(NodeInconsistent, match="serves eip155:31337, not eip155:1"):
        read_evidence(node, ChainId(1), deployed, [])


def test_a_reorganisation_while_reading_is_read_again(watched: Watched, deployed: Address) -> None:
    root = BatchRoot(b"\x14" * 32)
    _store_batch(watched, deployed, root)

    def reorganise(number: int) -> None:
        if number == 3:  # blocks and storage are read, the check comes next
            with Node(watched._url) as other:
                other.call("anvil_reorg", [1, []])
                other.call("anvil_setStorageAt", [str(deployed), word.to_hex(), _word((2, 0))])
                other.call("anvil_mine", ["0x1"])

    word = storage.word_slot(ISSUER, root, 0)
    watched.sent, watched.before = 0, reorganise
    (evidence,) = read_evidence(watched, CHAIN, deployed, [Subject(ISSUER, root, 0)])
    assert watched.sent == 6
    assert storage.lane_status(evidence.head.word, 0) is Status.REVOKED
    with Node(watched._url) as node:
        block = node.call("eth_getBlockByNumber", [hex(evidence.head.block.number), False])
    assert isinstance(block, dict)
    assert block["hash"] == evidence.head.block.hash.to_hex()


def test_a_chain_that_never_holds_still_is_given_up(watched: Watched, deployed: Address) -> None:
    def reorganise(number: int) -> None:
        if number % 3 == 0:
            with Node(watched._url) as other:
                other.call("anvil_reorg", [1, []])

    watched.before = reorganise
    with pytest.raises(NodeInconsistent, match="change faster"):
        read_evidence(watched, CHAIN, deployed, [Subject(ISSUER, BatchRoot(b"\x14" * 32), 0)])


class KnowsNoHashes(Node):
    """A node from before EIP-1898."""

    def batch(self, calls: Sequence[tuple[str, Sequence[JsonValue]]]) -> list[JsonValue]:
        for method, params in calls:
            if params and isinstance(params[-1], dict):
                raise NodeRefused(method, -32602, "invalid argument: want a number")
        return super().batch(calls)


def test_a_node_without_eip_1898_is_asked_by_number(chain_url: str, deployed: Address) -> None:
    root = BatchRoot(b"\x15" * 32)
    with KnowsNoHashes(chain_url) as node:
        _store_batch(node, deployed, root)
        (evidence,) = read_evidence(node, CHAIN, deployed, [Subject(ISSUER, root, 0)])
    assert storage.lane_status(evidence.head.word, 0) is Status.SUSPENDED


def test_confirmations_stand_in_for_the_finalized_tag(node: Node, deployed: Address) -> None:
    subject = Subject(ISSUER, BatchRoot(b"\x16" * 32), 0)
    (evidence,) = read_evidence(node, CHAIN, deployed, [subject], confirmations=4)
    assert evidence.finalized.block.number == evidence.head.block.number - 4


def test_a_word_that_no_registry_writes_names_the_node(node: Node, deployed: Address) -> None:
    root = BatchRoot(b"\x17" * 32)
    _store(node, deployed, [(storage.batch_slot(ISSUER, root), _word((1, 255)))])
    with pytest.raises(NodeInconsistent, match=r"127\.0\.0\.1.*BatchRecord"):
        read_evidence(node, CHAIN, deployed, [Subject(ISSUER, root, 0)])
