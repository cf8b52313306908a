"""Evidence read from a real node, and from one that contradicts itself."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from eth_abi.abi import decode, encode

from registry.errors import NodeInconsistent, NodeRefused
from registry.formats import storage
from registry.formats.storage import BatchRecord, IssuerRecord, Status
from registry.keccak import keccak256
from registry.nodes.chain_reader import read_evidence
from registry.nodes.rpc import Node
from registry.proofs.evidence import OneNode, Snapshot, Subject
from registry.rpc_hex import data
from registry.values import Address, BatchRoot, ChainId, CodeHash, DidHash, IssuerId, Slot
from registry.workspaces import artifact
from registry.workspaces.devchain import mine_to_finality

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from registry.formats.strict_json import JsonObject, JsonValue

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
    for snapshot in (evidence.head, evidence.finalized):
        assert snapshot.source == OneNode(node.name)
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


CREATED = Address(b"\xc0" * 20)
"""An account of this test alone: what it registers has one id."""


class Contract:
    """The deployed registry, written to by an account that anvil signs for, encoded by eth_abi."""

    def __init__(self, node: Node, address: Address, sender: Address) -> None:
        self.node, self.address, self.sender = node, address, sender
        node.call("anvil_setBalance", [str(sender), hex(10**21)])
        node.call("anvil_impersonateAccount", [str(sender)])

    def send(self, signature: str, *values: object) -> None:
        call: JsonObject = {"from": str(self.sender), "to": str(self.address)}
        call["data"] = _call(signature, values)
        sent = self.node.call("eth_sendTransaction", [call])
        self.node.call("anvil_mine", ["0x1"])  # else its block may come after the answer
        receipt = self.node.call("eth_getTransactionReceipt", [sent])
        assert isinstance(receipt, dict)
        assert receipt["status"] == "0x1", signature

    def view(self, signature: str, returned: str, *values: object) -> Any:
        call: JsonObject = {"to": str(self.address), "data": _call(signature, values)}
        answer = data(self.node.call("eth_call", [call, "latest"]), signature)
        return decode([returned], answer)[0]


def _call(signature: str, values: Sequence[object]) -> str:
    types = signature[signature.index("(") + 1 : -1]
    kinds = re.findall(r"\([^()]*\)(?:\[\])?|[a-z0-9]+", types)
    return "0x" + (keccak256(signature.encode())[:4] + encode(kinds, values)).hex()


ISSUER_VIEW = "(address,address,bool,bool,uint32,uint40,bytes32,uint40,bytes27)"
BATCH_VIEW = "(uint40,uint40,uint32,bool)"


def _agrees_with_the_views(contract: Contract, snapshot: Snapshot, subject: Subject) -> None:
    issuer_id, root, word = subject
    owner, _, paused, retired, epoch, distrusted, did_hash, *_ = contract.view(
        "issuer(bytes32)", ISSUER_VIEW, issuer_id
    )
    assert snapshot.did_hash == did_hash
    assert snapshot.issuer == IssuerRecord(
        Address.from_hex(owner), paused, retired, epoch, distrusted
    )
    batch = contract.view("batch(bytes32,bytes32)", BATCH_VIEW, issuer_id, root)
    assert snapshot.batch == (BatchRecord(*batch) if batch[0] else None)
    (stored,) = contract.view(
        "statusWords(bytes32,bytes32,uint256,uint256)", "uint256[]", issuer_id, root, word, 1
    )
    assert snapshot.word == stored
    for lane in (0, 1, 2, 127):
        seen = storage.lane_status(snapshot.word, lane)
        index = word * 128 + lane
        assert seen == contract.view(
            "statusOf(bytes32,bytes32,uint256)", "uint8", issuer_id, root, index
        )


def test_what_the_contract_wrote_reads_as_its_own_views_say(node: Node, deployed: Address) -> None:
    contract = Contract(node, deployed, CREATED)
    contract.send("register(bytes32,bytes32,string)", bytes(32), DID, "https://example.org")
    issuer_id = IssuerId(
        contract.view("issuerIdOf(address,bytes32)", "bytes32", str(CREATED), bytes(32))
    )
    root = BatchRoot(b"\x21" * 32)
    contract.send("anchor(bytes32,bytes32,uint32,bytes32)", issuer_id, root, 256, bytes(32))
    change = "changeStatus(bytes32,bytes32,uint8,(uint256,uint256)[])"
    suspend, revoke = 0, 2
    contract.send(change, issuer_id, root, suspend, [(1, 0b101)])
    contract.send(change, issuer_id, root, revoke, [(1, 0b10000), (0, 0b1)])
    mine_to_finality(node)
    subjects = [Subject(issuer_id, root, 1), Subject(issuer_id, root, 0)]

    before = read_evidence(node, CHAIN, deployed, subjects)
    for evidence in before:
        _agrees_with_the_views(contract, evidence.head, evidence.subject)
        assert replace(evidence.finalized, block=evidence.head.block) == evidence.head
    assert [storage.lane_status(before[0].head.word, lane) for lane in range(4)] == [
        Status.SUSPENDED,
        Status.SUSPENDED,
        Status.REVOKED,
        Status.ACTIVE,
    ]

    for operation in ("bumpEpoch(bytes32)", "pause(bytes32)", "retire(bytes32)"):
        contract.send(operation, issuer_id)
    contract.send("distrust(bytes32,uint40)", issuer_id, 1_700_000_000)
    contract.send("revokeBatch(bytes32,bytes32)", issuer_id, root)
    (after,) = read_evidence(node, CHAIN, deployed, subjects[:1])
    assert after.head.issuer == IssuerRecord(CREATED, True, True, 1, 1_700_000_000)
    assert after.head.batch is not None
    assert after.head.batch.revoked
    issuer = contract.view("issuer(bytes32)", ISSUER_VIEW, issuer_id)
    assert (issuer[2], issuer[3], issuer[4], issuer[5]) == (True, True, 1, 1_700_000_000)


def test_ten_thousand_credentials_of_one_batch_take_three_requests(
    watched: Watched, deployed: Address
) -> None:
    root = BatchRoot(b"\x22" * 32)
    _store_batch(watched, deployed, root)
    watched.sent = 0
    subjects = [Subject(ISSUER, root, index // 128) for index in range(10_000)]
    assert len(read_evidence(watched, CHAIN, deployed, subjects)) == 10_000
    assert watched.sent == 3
