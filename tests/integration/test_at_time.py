"""Verdicts as of a past moment against the real contract, with what was lived as the oracle.

A node that lies about an issuer's logs or history slot changes no verdict: it is named.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Any

import pytest
from bare_chain import bare_chain
from contract_views import calldata
from contract_walk import CALLS
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from issuer_life import CHAIN, GAS, MASK, REGISTRY, SIZE, Life, policy_for, sealed
from rpc_proxy import RpcProxy, altered, error, proxied

from registry import cli
from registry.cli import verify
from registry.errors import NodeInconsistent
from registry.formats.history import issuer_id_of
from registry.formats.storage import issuer_slots
from registry.judging.verifier import verify_bundle
from registry.nodes.chain_reader import read_evidence
from registry.nodes.header_fields import header_rlp
from registry.nodes.history_reader import HistoryReader
from registry.nodes.nodes_to_ask import NodesToAsk
from registry.nodes.rpc import Node
from registry.proofs.block_header import Header
from registry.proofs.bundle import Bundle, BundledLog
from registry.proofs.evidence import GivenBlock, Proven, Subject
from registry.proofs.proven_evidence import TrustedBlock
from registry.reasons import Reason
from registry.report import Step
from registry.values import Address, Salt
from registry.verifying.files import judge_all
from registry.verifying.sources import NodeToAsk
from registry.workspaces import artifact
from registry.workspaces.devchain import mine_to_finality

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from bare_chain import BareChain

    from registry.formats.receipt import Receipt
    from registry.proofs.told_history import IssuerHistory
    from registry.report import Report
    from registry.values import IssuerId


@pytest.fixture(scope="module")
def chain() -> Iterator[BareChain]:
    with bare_chain(CHAIN.number) as rpc, Node(rpc.url) as node:
        accounts = rpc("eth_accounts")
        deploy = "0x" + (artifact.SALT + artifact.load().creation_code).hex()
        transaction = {"from": accounts[0], "to": str(artifact.FACTORY), "data": deploy}
        rpc("eth_sendTransactionSync", transaction)
        Life.rpc, Life.node, Life.accounts = rpc, node, accounts
        yield rpc


def live(examples: int, steps: int) -> None:
    Life.lived_through.clear()
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert {"register", "anchor", "change_status"} <= Life.lived_through


@pytest.mark.usefixtures("chain")
def test_each_moment_is_answered_as_it_was_lived() -> None:
    live(examples=25, steps=20)


@pytest.mark.long
@pytest.mark.usefixtures("chain")
def test_each_moment_of_many_long_lives_is_answered_as_it_was_lived() -> None:
    live(examples=300, steps=60)
    assert {"revoke_batch", "distrust", "pause"} <= Life.lived_through


# ------------------------------------------------------------------------------- nodes that lie

OPERATIONS = ["register", "anchor", "pause", "suspend", "reinstate", "unpause", "revoke"]
HOUR = 3600


@dataclass
class School:
    """An issuer that did OPERATIONS, one an hour; `seconds` has the time of each."""

    url: str
    file: Path
    issuer_id: IssuerId
    receipt: Receipt
    seconds: dict[str, int]
    blocks: dict[str, int]

    def ask(self, second: int, url: str = "") -> Report:
        (report,) = self.ask_all([second], url)
        return report

    def ask_all(self, seconds: Sequence[int], url: str = "") -> list[Report]:
        now = datetime.fromtimestamp(self.seconds["revoke"] + 2 * HOUR, UTC)
        reports = []
        with NodeToAsk(url or self.url) as node:
            for second in seconds:
                (judged,) = judge_all(
                    [self.file],
                    node,
                    policy_for(self.issuer_id),
                    now,
                    at=datetime.fromtimestamp(second, UTC),
                    ask_history=node.history,
                )
                assert judged.report is not None
                reports.append(judged.report)
        return reports


VERDICTS = {
    "register": "NOT_ANCHORED",
    "anchor": "VALID",
    "pause": "VALID",
    "suspend": "SUSPENDED",
    "reinstate": "VALID",
    "unpause": "VALID",
    "revoke": "REVOKED",
}


@pytest.fixture(scope="module")
def school(chain: BareChain, tmp_path_factory: pytest.TempPathFactory) -> School:
    owner, salt = chain("eth_accounts")[3], b"\x52" * 32
    issuer_id = issuer_id_of(CHAIN, REGISTRY, Address.from_hex(owner), Salt(salt))
    raw, receipt = sealed(issuer_id, 7)
    lanes = [(1, MASK)]
    arguments: dict[str, tuple[str, list[Any]]] = {
        "register": ("register", [salt, bytes(32), b""]),
        "anchor": ("anchor", [issuer_id, receipt.root, SIZE, bytes(32)]),
        "pause": ("pause", [issuer_id]),
        "suspend": ("change_status", [issuer_id, receipt.root, 0, lanes]),
        "reinstate": ("change_status", [issuer_id, receipt.root, 1, lanes]),
        "unpause": ("unpause", [issuer_id]),
        "revoke": ("change_status", [issuer_id, receipt.root, 2, lanes]),
    }
    second = int(chain("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
    seconds, blocks = {}, {}
    for operation in OPERATIONS:
        second += HOUR
        name, values = arguments[operation]
        call = {"from": owner, "to": str(REGISTRY), "gas": GAS}
        call["data"] = "0x" + calldata(CALLS[name], values).hex()
        chain("evm_setNextBlockTimestamp", second)
        mined = chain("eth_sendTransactionSync", call)
        assert mined["status"] == "0x1"
        seconds[operation], blocks[operation] = second, int(mined["blockNumber"], 16)
    chain("evm_setNextBlockTimestamp", second + HOUR)
    mine_to_finality(Life.node)
    file = tmp_path_factory.mktemp("school") / "diploma.json"
    file.write_bytes(raw)
    return School(chain.url, file, issuer_id, receipt, seconds, blocks)


@pytest.fixture
def proxy(school: School) -> Iterator[RpcProxy]:
    with proxied(school.url) as proxy:
        yield proxy


@pytest.mark.parametrize("operation", OPERATIONS)
def test_from_its_second_on_an_operation_counts(school: School, operation: str) -> None:
    place = OPERATIONS.index(operation)
    before = VERDICTS[OPERATIONS[place - 1]] if place else "NOT_ANCHORED"
    assert school.ask(school.seconds[operation]).verdict == VERDICTS[operation]
    assert school.ask(school.seconds[operation] - 1).verdict == before


def test_operations_are_named_with_the_blocks_in_which_the_node_has_them(school: School) -> None:
    report = school.ask(school.seconds["reinstate"])
    changes = report.checks[Step.STATUS - 1].facts["changes"]
    assert isinstance(changes, list)
    assert [(one["operation"], one["block"]) for one in changes if isinstance(one, dict)] == [
        (4, school.blocks["suspend"]),
        (5, school.blocks["reinstate"]),
    ]
    assert "It was paused then" in report.checks[Step.STANDING - 1].sentence


def of_school(school: School, change: Callable[[list[Any]], list[Any]]) -> Callable[[Any], Any]:
    """Change this issuer's logs in an answer, and nobody else's."""

    def lie(logs: Any) -> Any:
        ours = [log for log in logs if log["topics"][1] == school.issuer_id.to_hex()]
        return change(ours) if ours else logs

    return lie


def _moved(log: dict[str, Any], byte: int) -> dict[str, Any]:
    data = bytearray.fromhex(log["data"][2:])
    data[byte] ^= 1
    return {**log, "data": "0x" + data.hex()}


Lie = Callable[[list[Any]], Any]


def _without(*places: int) -> Lie:
    return lambda logs: [log for place, log in enumerate(logs) if place not in places]


def _later(log: dict[str, Any]) -> dict[str, Any]:
    return {**log, "blockNumber": hex(int(log["blockNumber"], 16) + 1)}


LIES: dict[str, Lie] = {
    **{f"{name} left out": _without(place) for place, name in enumerate(OPERATIONS)},
    "all left out": lambda logs: [],
    "suspension and its end left out": _without(3, 4),
    "the end left out": _without(5, 6),
    "doubled": lambda logs: [*logs, logs[-1]],
    "doubled in a later block": lambda logs: [*logs, _later(logs[-1])],
    "swapped": lambda logs: [*logs[:3], logs[4], logs[3], *logs[5:]],
    "swapped, places kept": lambda logs: [
        *logs[:3],
        {**logs[4], "blockNumber": logs[3]["blockNumber"]},
        {**logs[3], "blockNumber": logs[4]["blockNumber"]},
        *logs[5:],
    ],
    "one added": lambda logs: [*logs, {**_later(logs[6]), "data": logs[2]["data"]}],
    "its time altered": lambda logs: [*logs[:6], _moved(logs[6], 62)],
    "its lanes altered": lambda logs: [*logs[:3], _moved(logs[3], 8 * 32 + 20), *logs[4:]],
    "its kind altered": lambda logs: [*logs[:3], _moved(logs[3], 4 * 32 - 1), *logs[4:]],
    "no logs at all": lambda logs: None,
}


@pytest.mark.parametrize("lie", LIES)
def test_lying_logs_are_never_a_verdict_and_name_the_node(
    school: School, proxy: RpcProxy, lie: str
) -> None:
    proxy.rules.append(altered("eth_getLogs", of_school(school, LIES[lie])))
    asked = [school.seconds[name] + 1 for name in ("register", "suspend", "reinstate", "revoke")]
    for report in school.ask_all(asked, proxy.url):
        assert report.verdict == "CANNOT_CHECK"
        assert report.checks[Step.EVIDENCE - 1].reason in {
            Reason.HISTORY_NOT_CLOSED,
            Reason.HISTORY_NOT_READ,
        }
        assert proxy.url in report.sentence


@pytest.fixture
def nodes(school: School) -> Iterator[list[RpcProxy]]:
    """Three nodes, by default of one mind."""
    with ExitStack() as stack:
        yield [stack.enter_context(proxied(school.url)) for _ in range(3)]


def ask_several(school: School, nodes: Sequence[RpcProxy], quorum: int = 2) -> dict[str, Report]:
    """The answer of k of n nodes as of each operation's second."""
    now = datetime.fromtimestamp(school.seconds["revoke"] + 2 * HOUR, UTC)
    policy, found = policy_for(school.issuer_id), {}
    with NodesToAsk([node.url for node in nodes], quorum=quorum) as ask:
        for name, second in school.seconds.items():
            at, asked = datetime.fromtimestamp(second, UTC), ask.history
            (judged,) = judge_all([school.file], ask, policy, now, at=at, ask_history=asked)
            assert judged.report is not None
            found[name] = judged.report
    return found


def verdicts_of(reports: dict[str, Report]) -> dict[str, str]:
    return {name: str(report.verdict) for name, report in reports.items()}


def test_several_nodes_answer_about_the_past(school: School, nodes: list[RpcProxy]) -> None:
    reports = ask_several(school, nodes, quorum=3)
    assert verdicts_of(reports) == VERDICTS
    for report in reports.values():
        assert "by storage proof under a block hash that 3 of 3 nodes agree on" in report.sentence


@pytest.mark.parametrize(
    "lie", ["revoke left out", "swapped", "its time altered", "no logs at all"]
)
def test_of_several_nodes_one_that_lies_about_the_past_is_named(
    school: School, nodes: list[RpcProxy], lie: str
) -> None:
    nodes[0].rules.append(altered("eth_getLogs", of_school(school, LIES[lie])))
    reports = ask_several(school, nodes)
    assert verdicts_of(reports) == VERDICTS
    for report in reports.values():
        assert nodes[0].url in report.checks[Step.EVIDENCE - 1].sentence


def test_of_several_nodes_one_whose_proofs_of_the_past_fail_is_named(
    school: School, nodes: list[RpcProxy]
) -> None:
    def without_the_last(answer: Any) -> Any:
        slots = answer["storageProof"]
        return {**answer, "storageProof": [{**one, "proof": one["proof"][:-1]} for one in slots]}

    nodes[0].rules.append(altered("eth_getProof", without_the_last))
    reports = ask_several(school, nodes)
    assert verdicts_of(reports) == VERDICTS
    for report in reports.values():
        assert nodes[0].url in report.checks[Step.EVIDENCE - 1].sentence


def test_a_lying_majority_about_the_past_is_never_a_verdict(
    school: School, nodes: list[RpcProxy]
) -> None:
    """A quorum agrees on a block; what was done until then is closed by proof, not by number."""
    for node in nodes:
        node.rules.append(altered("eth_getLogs", of_school(school, lambda logs: logs[:-1])))
    for report in ask_several(school, nodes).values():
        assert report.verdict == "CANNOT_CHECK"
        assert all(node.url in report.sentence for node in nodes)


def test_a_lying_history_slot_is_never_a_verdict(school: School, proxy: RpcProxy) -> None:
    slot = issuer_slots(school.issuer_id).history.to_hex()

    def stale(call: Any, forward: Any) -> Any:
        if call["method"] != "eth_getStorageAt" or call["params"][1] != slot:
            return None
        before = hex(school.blocks["suspend"] - 1)
        return forward({**call, "params": [*call["params"][:2], before]})

    proxy.rules.append(stale)
    report = school.ask(school.seconds["revoke"], proxy.url)
    assert report.verdict == "CANNOT_CHECK"
    # Logs cut to fit the stale slot close it; then the other slots say otherwise.
    proxy.rules.append(altered("eth_getLogs", of_school(school, lambda logs: logs[:3])))
    report = school.ask(school.seconds["revoke"], proxy.url)
    assert report.verdict == "CANNOT_CHECK"
    assert report.checks[Step.EVIDENCE - 1].reason is Reason.FACTS_CONTRADICT
    assert proxy.url in report.sentence


def proven(school: School, url: str) -> IssuerHistory:
    """The history, its slot proven under a block hash that was given."""
    with Node(url) as node:
        (evidence,) = read_evidence(node, CHAIN, REGISTRY, [Subject.of(school.receipt)])
        final = replace(evidence.finalized, source=Proven(GivenBlock()))
        return HistoryReader(node).read(CHAIN, REGISTRY, school.issuer_id, final)


def test_the_slot_is_proven_where_the_facts_beside_it_are(school: School, proxy: RpcProxy) -> None:
    history = proven(school, proxy.url)
    assert history.fault is None
    assert history.source == Proven(GivenBlock(), proxy.url)
    assert len(history.operations) == len(OPERATIONS)
    slot = issuer_slots(school.issuer_id).history.to_hex()
    asked = [call["params"][1] for call in proxy.calls if call["method"] == "eth_getStorageAt"]
    assert slot not in asked


@pytest.mark.parametrize("place", ["accountProof", "storageProof"])
def test_a_proof_of_the_slot_that_fails_names_the_node(
    school: School, proxy: RpcProxy, place: str
) -> None:
    def shortened(answer: Any) -> Any:
        if place == "accountProof":
            return {**answer, place: answer[place][:-1]}
        return {**answer, place: [{**answer[place][0], "proof": answer[place][0]["proof"][:-1]}]}

    proxy.rules.append(altered("eth_getProof", shortened))
    with pytest.raises(NodeInconsistent, match=proxy.url):
        proven(school, proxy.url)


def test_a_proof_under_another_block_than_the_trusted_one_is_refused(
    school: School, proxy: RpcProxy
) -> None:
    def other_block(call: Any, forward: Any) -> Any:
        if call["method"] != "eth_getBlockByNumber" or call["params"][0] in {"latest", "finalized"}:
            return None
        return forward({**call, "params": [hex(school.blocks["suspend"]), False]})

    with Node(proxy.url) as node:
        (evidence,) = read_evidence(node, CHAIN, REGISTRY, [Subject.of(school.receipt)])
        final = replace(evidence.finalized, source=Proven(GivenBlock()))
        proxy.rules.append(other_block)
        with pytest.raises(NodeInconsistent, match="the history's proof fails: block"):
            HistoryReader(node).read(CHAIN, REGISTRY, school.issuer_id, final)


def bundled(school: School, *, history: bool = True) -> tuple[Bundle, TrustedBlock]:
    """The credential with proofs as of the final block, and that block."""
    final = Life.rpc("eth_getBlockByNumber", "finalized", False)
    slots = list(Subject.of(school.receipt).slots)
    if history:
        slots.append(issuer_slots(school.issuer_id).history)
    keys = [slot.to_hex() for slot in slots]
    proof = Life.rpc("eth_getProof", str(REGISTRY), keys, final["number"])
    walks = [proof["accountProof"], *(one["proof"] for one in proof["storageProof"])]
    nodes = dict.fromkeys(bytes.fromhex(node[2:]) for walk in walks for node in walk)
    header = header_rlp(final)
    document = json.loads(school.file.read_bytes())
    logs = tuple(
        BundledLog(tuple(topics), data) for topics, data in proven(school, school.url).logs()
    )
    bundle = Bundle(document, school.receipt, header, tuple(nodes), None, logs if history else None)
    return bundle, TrustedBlock(CHAIN, Header.decode(header).hash)


def test_a_bundle_with_its_history_answers_about_the_past_with_no_network(school: School) -> None:
    bundle, block = bundled(school)
    raw, trusted = bundle.serialize(), {block: GivenBlock()}
    now = datetime.fromtimestamp(school.seconds["revoke"] + 2 * HOUR, UTC)
    for operation, verdict in VERDICTS.items():
        at = datetime.fromtimestamp(school.seconds[operation], UTC)
        report = verify_bundle(raw, trusted, policy_for(school.issuer_id), now, at)
        assert report.verdict == verdict
        assert "127.0.0.1" not in report.sentence
    last = report.checks[Step.STATUS - 1].facts["changes"]
    assert isinstance(last, list)
    assert [one["operation"] for one in last if isinstance(one, dict)] == [4, 5, 7]


@pytest.mark.parametrize("dropped", range(len(OPERATIONS)))
def test_a_bundle_whose_history_lacks_a_log_cannot_tell(school: School, dropped: int) -> None:
    bundle, block = bundled(school)
    assert bundle.history is not None
    short = replace(bundle, history=bundle.history[:dropped] + bundle.history[dropped + 1 :])
    now = datetime.fromtimestamp(school.seconds["revoke"] + 2 * HOUR, UTC)
    at = datetime.fromtimestamp(school.seconds["reinstate"], UTC)
    trusted = {block: GivenBlock()}
    policy = policy_for(school.issuer_id)
    report = verify_bundle(short.serialize(), trusted, policy, now, at)
    assert report.verdict == "CANNOT_CHECK"
    assert "as told by the bundle" in report.sentence
    assert verify_bundle(short.serialize(), trusted, policy, now).verdict == "REVOKED"


def test_a_bundle_without_a_history_cannot_tell(school: School) -> None:
    bundle, block = bundled(school, history=False)
    now = datetime.fromtimestamp(school.seconds["revoke"] + 2 * HOUR, UTC)
    at = datetime.fromtimestamp(school.seconds["reinstate"], UTC)
    policy = policy_for(school.issuer_id)
    report = verify_bundle(bundle.serialize(), {block: GivenBlock()}, policy, now, at)
    assert report.verdict == "CANNOT_CHECK"
    assert report.checks[Step.EVIDENCE - 1].reason is Reason.HISTORY_NOT_READ


def test_a_node_whose_head_is_stale_tells_of_what_it_has(school: School, proxy: RpcProxy) -> None:
    """It stands still between suspension and reinstatement, and is asked about before and after."""
    still = hex(school.blocks["suspend"])

    def stale(call: Any, forward: Any) -> Any:
        if call["method"] == "eth_getBlockByNumber" and call["params"][0] in {
            "latest",
            "finalized",
        }:
            return forward({**call, "params": [still, False]})
        return None

    proxy.rules.append(stale)
    assert school.ask(school.seconds["anchor"], proxy.url).verdict == "VALID"
    assert school.ask(school.seconds["suspend"], proxy.url).verdict == "SUSPENDED"
    for later in ("reinstate", "revoke"):
        report = school.ask(school.seconds[later], proxy.url)
        assert report.verdict == "CANNOT_CHECK"
        assert report.checks[Step.STATUS - 1].reason is Reason.STATUS_NOT_FINAL_THEN


def test_a_node_without_old_logs_cannot_tell(school: School, proxy: RpcProxy) -> None:
    proxy.rules.append(
        lambda call, _: error(call, "pruned") if call["method"] == "eth_getLogs" else None
    )
    report = school.ask(school.seconds["anchor"], proxy.url)
    assert report.verdict == "CANNOT_CHECK"
    assert report.checks[Step.EVIDENCE - 1].reason is Reason.HISTORY_NOT_READ
    assert "pruned" in report.sentence


def test_the_node_learns_the_issuer_and_nothing_of_the_credential(
    school: School, proxy: RpcProxy
) -> None:
    school.ask(school.seconds["anchor"], proxy.url)
    for_history = [call for call in proxy.calls if call["method"] == "eth_getLogs"]
    for call in for_history:
        assert call["params"][0]["topics"] == [None, school.issuer_id.to_hex()]
    assert for_history


def test_many_credentials_of_one_issuer_need_its_history_once(
    school: School, proxy: RpcProxy
) -> None:
    with NodeToAsk(proxy.url) as node:
        judged = judge_all(
            [school.file] * 700,
            node,
            policy_for(school.issuer_id),
            datetime.fromtimestamp(school.seconds["revoke"] + 2 * HOUR, UTC),
            at=datetime.fromtimestamp(school.seconds["suspend"], UTC),
            ask_history=node.history,
        )
        assert {one.report.verdict for one in judged if one.report} == {"SUSPENDED"}
    assert len([call for call in proxy.calls if call["method"] == "eth_getLogs"]) == 1
    assert len(proxy.calls) < 40


def test_the_command_answers_about_the_past(
    school: School,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Clock(datetime):
        """The chain's time is ahead of ours by what the school has lived."""

        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Clock:
            return cls.fromtimestamp(school.seconds["revoke"] + 2 * HOUR, tz)

    monkeypatch.setattr(verify, "datetime", Clock)
    trusted = policy_for(school.issuer_id)
    policy = tmp_path / "policy.toml"
    policy.write_text(
        f"""[trust]
max_age_s = 999999999
[[trust.registries]]
chain = "{CHAIN}"
address = "{REGISTRY}"
code_hash = "{trusted.registries[0].code_hash}"
[[trust.issuers]]
chain = "{CHAIN}"
registry = "{REGISTRY}"
issuer_id = "{school.issuer_id}"
speaks_for = ["{trusted.issuers[0].speaks_for[0]}"]
name = "University"
"""
    )
    words = ["verify", "--policy", str(policy), "--rpc", school.url, str(school.file)]
    at = datetime.fromtimestamp(school.seconds["register"], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert cli.main([*words, "--at", at]) == 1
    out = capsys.readouterr().out
    assert f": NOT_ANCHORED as of {at}: It was not anchored yet" in out
    assert "→ Ask for a later time with --at, or for now without it." in out
    assert cli.main([*words, "--at", at, "--json"]) == 1
    (report,) = json.loads(capsys.readouterr().out)["reports"]
    assert report["at"] == at
    assert report["history"]["operations"] == 7
