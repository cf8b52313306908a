"""Several nodes before one real chain: who lags, lies, stalls or refuses is named and harms none.

Behind each proxy is the same anvil, so whoever differs does so because a test told it to.
"""

from __future__ import annotations

import json
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
from rpc_proxy import Forward, Message, RpcProxy, altered, error, limited, not_done, proxied
from test_verify_cli import (
    CHAIN,
    INDEX,
    REVOKE,
    UNIVERSITY,
    Registry,
    credential,
    deploy,
    issued,
    seal,
    trust,
)

from registry import cli
from registry.formats import storage
from registry.formats.leaf import leaf_hash
from registry.formats.receipt import Receipt, embed
from registry.formats.tree import MerkleTree
from registry.judging.policy import TrustPolicy
from registry.nodes.nodes_to_ask import NodesToAsk
from registry.nodes.rpc import Node
from registry.proofs.evidence import Subject
from registry.report import Verdict
from registry.values import LeafHash, Salt
from registry.verifying.files import judge_all
from registry.workspaces.devchain import DevChain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from registry.formats.strict_json import JsonObject
    from registry.report import Report
    from registry.values import IssuerId

AGREED = "by storage proof under a block hash that 3 of 3 nodes agree on"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with DevChain(tmp_path_factory.mktemp("chain")).use() as url, Node(url) as node:
        deployed = deploy(node, url)
        deployed.finalize()
        yield deployed


@pytest.fixture(scope="module")
def university(registry: Registry) -> IssuerId:
    return registry.register()


@dataclass
class Town:
    """Three nodes of one chain, a policy, and a credential whose anchor is final."""

    registry: Registry
    nodes: list[RpcProxy]
    policy: TrustPolicy
    document: JsonObject
    receipt: Receipt
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def first(self) -> RpcProxy:
        return self.nodes[0]

    def names(self, *places: int) -> list[str]:
        return [self.nodes[place].url for place in places]

    def verify(self, *places: int, **options: Any) -> Report:
        """As those nodes say; all of them where none is named."""
        urls = self.names(*(places or range(len(self.nodes))))
        raw = json.dumps(embed(self.document, self.receipt)).encode()
        with NodesToAsk(urls, **(self.options | options)) as ask:
            (judged,) = judge_all([raw], ask, self.policy, datetime.now(UTC))
        assert judged.report is not None
        return judged.report


def notes(report: Report) -> str:
    evidence = report.facts["evidence"]
    assert isinstance(evidence, dict)
    return "\n".join(map(str, evidence["notes"] if isinstance(evidence["notes"], list) else []))


@pytest.fixture
def town(registry: Registry, university: IssuerId) -> Iterator[Town]:
    document, receipt = issued(registry, university)
    policy = TrustPolicy.parse(b"[trust]\n" + trust(registry, university).encode())
    with ExitStack() as stack:
        nodes = [stack.enter_context(proxied(registry.url)) for _ in range(3)]
        yield Town(registry, nodes, policy, document, receipt)


def test_three_that_agree_prove_it(town: Town) -> None:
    report = town.verify()
    assert report.verdict is Verdict.VALID
    assert AGREED in report.sentence
    assert "and as of block" in report.sentence
    assert f"on the word of one node, {town.first.url}" in report.sentence
    assert notes(report) == ""
    assert sum(len(node.calls) for node in town.nodes) == 3 * 3 + 2


def test_more_than_half_must_agree_unless_told(town: Town) -> None:
    town.nodes[2].rules.append(not_done("eth_chainId", times=99))
    report = town.verify()
    assert report.verdict is Verdict.VALID
    assert "2 of 3 nodes agree" in report.sentence
    assert town.names(2)[0] in notes(report)
    assert town.verify(quorum=3).verdict is Verdict.CANNOT_CHECK
    alone = town.verify(0, 2)
    assert alone.verdict is Verdict.CANNOT_CHECK
    assert "fewer than 2 of 2 nodes agree" in alone.sentence
    assert town.names(2)[0] in alone.sentence
    assert town.verify(0, 2, quorum=1).verdict is Verdict.VALID


def flip(text: str) -> str:
    return text[:-1] + ("0" if text[-1] != "0" else "1")


def flip_hash(block: Any) -> Any:
    return {**block, "hash": flip(block["hash"])}


def flip_last_node(proof: Any) -> Any:
    for slot in proof["storageProof"]:
        slot["proof"][-1] = flip(slot["proof"][-1])
    return proof


def other_block(tag: str, number: Callable[[int], int]) -> Any:
    """Answers for `tag` with another block of the same chain."""

    def rule(call: Message, forward: Forward) -> Message | None:
        if call["method"] != "eth_getBlockByNumber" or call["params"][0] != tag:
            return None
        block = forward(call)["result"]
        at = hex(number(int(block["number"], 16)))
        return forward({**call, "params": [at, False]})

    return rule


def test_one_that_gives_a_false_hash_is_named(town: Town) -> None:
    for liar in range(3):
        town.nodes[liar].rules[:] = [altered("eth_getBlockByNumber", flip_hash)]
        report = town.verify()
        assert report.verdict is Verdict.VALID
        assert "2 of 3 nodes agree" in report.sentence
        assert f"{town.nodes[liar].url}: the block's fields do not give its hash" in notes(report)
        town.nodes[liar].rules.clear()


def test_one_that_calls_another_branch_final_is_named(town: Town) -> None:
    """A header that is whole, and of another block than the others have at that height."""

    def elsewhere(call: Message, forward: Forward) -> Message | None:
        if call["method"] != "eth_getBlockByNumber" or call["params"][0] == "latest":
            return None
        block = forward(call)["result"]
        fields = {**block, "extraData": "0x6c6965", "hash": None}
        from registry.keccak import keccak256
        from registry.nodes.header_fields import _LATER_MEMBERS, _MEMBERS
        from registry.proofs import rlp

        every = [*_MEMBERS, *[one for one in _LATER_MEMBERS if fields.get(one[0]) is not None]]
        raw = rlp.encode([read(fields[name], name) for name, read in every])
        fields["hash"] = "0x" + keccak256(raw).hex()
        return {"jsonrpc": "2.0", "id": call["id"], "result": fields}

    town.nodes[1].rules.append(elsewhere)
    report = town.verify()
    assert report.verdict is Verdict.VALID
    assert f"{town.names(1)[0]} gives another hash for block" in notes(report)
    split = town.verify(0, 1)
    assert split.verdict is Verdict.CANNOT_CHECK
    assert town.names(1)[0] in split.sentence


def test_one_of_another_chain_is_named(town: Town) -> None:
    town.first.rules.append(altered("eth_chainId", lambda _: "0x1"))
    report = town.verify()
    assert report.verdict is Verdict.VALID
    assert f"{town.first.url} serves eip155:1, not {CHAIN}" in notes(report)


def test_one_that_lags_is_named_and_the_others_block_counts(town: Town) -> None:
    town.first.rules += [other_block(tag, lambda n: n - 4) for tag in ("latest", "finalized")]
    report = town.verify()
    assert report.verdict in (Verdict.VALID, Verdict.PENDING)
    assert f"{town.first.url} lags: its newest block is" in notes(report)


def test_final_blocks_of_different_heights_agree_on_the_older(town: Town) -> None:
    for place, back in ((0, 0), (1, 1), (2, 2)):
        rule = other_block("finalized", lambda n, back=back: n - back)  # type: ignore[misc]
        town.nodes[place].rules.append(rule)
    report = town.verify()
    assert "2 of 3 nodes agree" in report.sentence


def test_one_that_stalls_is_left_behind(town: Town) -> None:
    release = threading.Event()

    def stall(_call: Message, _forward: Forward) -> None:
        release.wait(20)

    town.nodes[1].rules.append(stall)
    began = time.monotonic()
    report = town.verify(timeout_s=15)
    release.set()
    assert report.verdict is Verdict.VALID
    assert time.monotonic() - began < 10
    assert f"{town.names(1)[0]}: no answer in time" in notes(report)


def test_all_that_stall_end_in_time(town: Town) -> None:
    release = threading.Event()

    def stall(_call: Message, _forward: Forward) -> None:
        release.wait(20)

    for node in town.nodes:
        node.rules.append(stall)
    began = time.monotonic()
    report = town.verify(timeout_s=1)
    release.set()
    assert report.verdict is Verdict.CANNOT_CHECK
    assert time.monotonic() - began < 5


def test_busy_nodes_are_asked_again_when_they_say(town: Town) -> None:
    for node in town.nodes:
        node.rules.append(limited(429, times=1, headers={"Retry-After": "1"}))
    began = time.monotonic()
    report = town.verify()
    assert report.verdict is Verdict.VALID
    assert time.monotonic() - began >= 1
    town.first.rules.append(limited(429, times=1000))
    assert town.verify(timeout_s=3).verdict is Verdict.VALID


def test_a_proof_that_fails_names_its_server_and_another_serves(town: Town) -> None:
    town.first.rules.append(altered("eth_getProof", flip_last_node))
    report = town.verify()
    assert report.verdict is Verdict.VALID
    assert f"{town.first.url}: the trie node" in notes(report)
    for node in town.nodes[1:]:
        node.rules.append(altered("eth_getProof", flip_last_node))
    report = town.verify()
    assert report.verdict is Verdict.CANNOT_CHECK
    assert "no node proves block" in report.sentence
    assert all(node.url in report.sentence for node in town.nodes)


def test_nodes_without_proofs_cannot_check(town: Town) -> None:
    for node in town.nodes:
        node.rules.append(
            lambda call, _: (
                error(call, "no such method", -32601) if call["method"] == "eth_getProof" else None
            )
        )
    report = town.verify()
    assert report.verdict is Verdict.CANNOT_CHECK
    assert "no such method" in report.sentence


def test_a_revocation_of_a_moment_ago_counts_on_one_nodes_word(town: Town) -> None:
    town.registry.change(town.receipt, REVOKE)
    report = town.verify()
    assert report.verdict is Verdict.REVOKED
    assert "in a block that is not final yet" in report.sentence
    assert f"on the word of one node, {town.first.url}" in report.sentence
    town.registry.finalize()
    report = town.verify()
    assert report.verdict is Verdict.REVOKED
    assert AGREED in report.sentence
    assert "one node" not in report.sentence


def test_an_anchor_that_is_not_final_is_pending(town: Town, university: IssuerId) -> None:
    document = credential()
    receipt = seal(town.registry, university, document)
    fresh = replace(town, document=document, receipt=receipt)
    absent = fresh.verify()
    assert absent.verdict is Verdict.NOT_ANCHORED
    assert AGREED in absent.sentence
    town.registry.anchor(receipt)
    assert fresh.verify().verdict is Verdict.PENDING
    town.registry.finalize()
    assert fresh.verify().verdict is Verdict.VALID


def test_the_head_of_a_liar_cannot_undo_what_is_proven(town: Town) -> None:
    def newest_before_the_anchor(call: Message, forward: Forward) -> Message | None:
        if call["method"] != "eth_getProof":
            return None
        answer = forward(call)
        for slot in answer["result"]["storageProof"]:
            slot["proof"] = slot["proof"][:1]
        return answer

    latest = town.registry.node.call("eth_blockNumber", [])

    def only_newest(call: Message, forward: Forward) -> Message | None:
        newest = call["method"] == "eth_getProof" and call["params"][2] == latest
        return newest_before_the_anchor(call, forward) if newest else None

    town.first.rules.append(only_newest)
    report = town.verify()
    assert report.verdict is Verdict.VALID
    assert "(of its newest block)" in notes(report)
    assert "one node" not in report.sentence


def test_ones_own_node_is_believed_and_its_proofs_are_checked(town: Town) -> None:
    report = town.verify(1, 2, own=town.first.url)
    assert report.verdict is Verdict.VALID
    assert "the block hash that the verifier's own node gave" in report.sentence
    assert town.first.url in report.sentence
    assert town.nodes[1].calls == []
    town.first.rules.append(altered("eth_getProof", flip_last_node))
    report = town.verify(1, 2, own=town.first.url)
    assert report.verdict is Verdict.VALID
    assert f"{town.first.url}: the trie node" in notes(report)
    town.first.rules[:] = [not_done("eth_chainId", times=99)]
    assert town.verify(1, 2, own=town.first.url).verdict is Verdict.CANNOT_CHECK


def test_one_node_alone_has_its_proofs_checked_and_is_labelled(
    town: Town, tmp_path: Path, university: IssuerId, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "policy.toml").write_text("[trust]\n" + trust(town.registry, university))
    (tmp_path / "a.json").write_text(json.dumps(embed(town.document, town.receipt)))
    asked = ["verify", "--json", "--policy", str(tmp_path / "policy.toml")]
    asked += ["--rpc", town.first.url, str(tmp_path / "a.json")]

    def report() -> Any:
        code = cli.main(asked)
        (only,) = json.loads(capsys.readouterr().out)["reports"]
        assert code == {"VALID": 0, "CANNOT_CHECK": 3}[only["verdict"]]
        return only

    told = report()
    assert told["evidence"]["source"] == {
        "kind": "one node",
        "name": town.first.url,
        "proven": True,
    }
    assert f"on the word of one node, {town.first.url}" in told["sentence"]
    town.first.rules.append(altered("eth_getProof", flip_last_node))
    assert "does not hold under its own block" in report()["sentence"]
    town.first.rules[:] = [
        lambda call, _: (
            error(call, "no such method", -32601) if call["method"] == "eth_getProof" else None
        )
    ]
    assert report()["evidence"]["source"]["proven"] is False


def test_several_nodes_and_ones_own_by_the_command_line(
    town: Town, tmp_path: Path, university: IssuerId, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "policy.toml").write_text("[trust]\n" + trust(town.registry, university))
    folder = tmp_path / "diplomas" / "2026"
    folder.mkdir(parents=True)
    (folder / "a.json").write_text(json.dumps(town.document))
    (folder / "a.receipt.json").write_bytes(town.receipt.serialize())
    base = ["verify", "--policy", str(tmp_path / "policy.toml")]
    every = [part for node in town.nodes for part in ("--rpc", node.url)]
    assert cli.main([*base, *every, str(tmp_path / "diplomas")]) == 0
    assert AGREED in capsys.readouterr().out
    assert cli.main([*base, *every, "--quorum", "2", str(tmp_path / "diplomas" / "*")]) == 0
    assert cli.main([*base, "--own-node", town.first.url, str(folder)]) == 0
    assert "own node" in capsys.readouterr().out
    for wrong in (
        [*every, "--quorum", "4"],
        [*every, "--quorum", "0"],
        [*every, "--offline"],
        ["--own-node", town.first.url, "--quorum", "1"],
        ["--trusted-block", "eip155:1:0x00"],
    ):
        with pytest.raises(SystemExit) as caught:
            cli.main([*base, *wrong, str(folder)])
        assert caught.value.code == 2


# --- what nodes learn, and how often they are asked


def batch_of(
    registry: Registry, university: IssuerId, size: int
) -> tuple[list[JsonObject], list[Receipt]]:
    documents: list[JsonObject] = [
        {
            "@context": ["https://www.w3.org/ns/credentials/v2"],
            "id": f"urn:example:{size}:{number}",
            "type": ["VerifiableCredential"],
            "issuer": UNIVERSITY,
            "validFrom": "2020-01-01T00:00:00Z",
            "credentialSubject": {"id": "did:example:learner"},
        }
        for number in range(size)
    ]
    from registry.formats.credential import credential_digest

    salts = [Salt(sha256(f"{size} {number}".encode()).digest()) for number in range(size)]
    padded = -(-size // 128) * 128
    leaves = [
        leaf_hash(university, number, salts[number], credential_digest(document))
        for number, document in enumerate(documents)
    ] + [LeafHash(sha256(bytes([n])).digest()) for n in range(padded - size)]
    tree = MerkleTree(b"".join(leaves))
    return documents, [
        Receipt(
            CHAIN,
            registry.address,
            university,
            number,
            padded,
            salts[number],
            tree.path(number),
            tree.root,
        )
        for number in range(size)
    ]


def test_ten_thousand_credentials_take_under_a_hundred_calls(
    town: Town, university: IssuerId
) -> None:
    documents, receipts = batch_of(town.registry, university, 10_000)
    town.registry.anchor(receipts[0], size=receipts[0].tree_size)
    town.registry.finalize()
    items = [
        (json.dumps(document).encode(), receipt.serialize())
        for document, receipt in zip(documents, receipts, strict=True)
    ]
    with NodesToAsk(town.names(0, 1, 2)) as ask:
        judged = list(judge_all(items, ask, town.policy, datetime.now(UTC)))
    verdicts = {entry.report.verdict for entry in judged if entry.report}
    assert verdicts == {Verdict.VALID}
    assert len(judged) == 10_000
    calls = sum(len(node.calls) for node in town.nodes)
    print(f"RPC calls for 10,000 credentials of one batch: {calls}")
    assert calls < 100


def test_a_node_learns_the_batch_and_nothing_of_a_credential(town: Town) -> None:
    def learnt(index: int) -> list[Any]:
        salt = Salt(sha256(b"salt").digest())
        from registry.formats.credential import credential_digest

        digest = credential_digest(town.document)
        leaves = [LeafHash(sha256(bytes([n, 1])).digest()) for n in range(256)]
        leaves[index] = leaf_hash(town.receipt.issuer_id, index, salt, digest)
        tree = MerkleTree(b"".join(leaves))
        receipt = replace(
            town.receipt,
            index=index,
            salt=salt,
            path=tree.path(index),
            root=tree.root,
        )
        for node in town.nodes:
            node.calls.clear()
        replace(town, receipt=receipt).verify()
        told = json.dumps([node.calls for node in town.nodes])
        secrets = [salt, digest, leaves[index], receipt.root, *receipt.path]
        assert not any(secret.hex() in told for secret in secrets)
        words = [storage.word_slot(receipt.issuer_id, receipt.root, n) for n in (0, 1)]
        expected = {*Subject.of(receipt).slots, *words}
        asked = {
            slot
            for node in town.nodes
            for call in node.calls
            if call["method"] == "eth_getProof"
            for slot in call["params"][1]
        }
        assert asked == {slot.to_hex() for slot in expected}
        calls = [call for node in town.nodes for call in node.calls]
        methods = {"eth_chainId", "eth_getBlockByNumber", "eth_getProof"}
        assert {call["method"] for call in calls} <= methods
        return [len(calls), len(asked)]

    assert INDEX >= 128
    assert learnt(3) == learnt(250)
