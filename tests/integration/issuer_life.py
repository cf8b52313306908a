"""An issuer that does random things at chosen times on a real chain, and notes them down.

What is noted, by second, is the oracle for verdicts as of a past moment; nothing of the library's
replay takes part in it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, ClassVar

from contract_views import calldata
from contract_walk import CALLS
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from registry.formats.credential import credential_digest
from registry.formats.history import issuer_id_of
from registry.formats.leaf import leaf_hash
from registry.formats.receipt import Receipt, embed
from registry.formats.tree import MerkleTree
from registry.judging.examination import examine
from registry.judging.policy import TrustedIssuer, TrustedRegistry, TrustPolicy
from registry.judging.verifier import judge
from registry.nodes.chain_reader import read_evidence
from registry.nodes.history_reader import HistoryReader
from registry.proofs.evidence import Subject
from registry.report import Verdict
from registry.values import Address, ChainId, IssuerId, LeafHash, Salt
from registry.workspaces import artifact
from registry.workspaces.devchain import mine_to_finality

if TYPE_CHECKING:
    from bare_chain import BareChain

    from registry.formats.strict_json import JsonObject
    from registry.judging.examination import Examination
    from registry.nodes.rpc import Node

CHAIN = ChainId(31337)
REGISTRY = artifact.load().address
SIZE, INDEX = 200, 133
MASK = 1 << 2 * (INDEX - 128)
SPEAKER = "https://university.example"
ISSUED = "2020-01-01T00:00:00Z"
GAS = hex(3_000_000)
SUSPEND, REINSTATE, REVOKE = range(3)


def document(number: int) -> JsonObject:
    return {
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "id": f"urn:example:{number}",
        "type": ["VerifiableCredential"],
        "issuer": SPEAKER,
        "validFrom": ISSUED,
        "credentialSubject": {"id": "did:example:learner"},
    }


def sealed(issuer_id: IssuerId, number: int) -> tuple[bytes, Receipt]:
    content = document(number)
    salt = Salt(sha256(b"salt %d" % number).digest())
    leaves = [LeafHash(sha256(b"%d %d" % (number, n)).digest()) for n in range(SIZE)]
    leaves[INDEX] = leaf_hash(issuer_id, INDEX, salt, credential_digest(content))
    tree = MerkleTree(b"".join(leaves))
    place = (CHAIN, REGISTRY, issuer_id)
    receipt = Receipt(*place, INDEX, SIZE, salt, tree.path(INDEX), tree.root)
    return json.dumps(embed(content, receipt)).encode(), receipt


def policy_for(issuer_id: IssuerId) -> TrustPolicy:
    code_hash = artifact.load().code_hash
    return TrustPolicy(
        (TrustedRegistry(CHAIN, REGISTRY, code_hash),),
        (TrustedIssuer(CHAIN, REGISTRY, issuer_id, (SPEAKER,), "University"),),
        max_age_s=2**40,
    )


@dataclass
class Lived:
    """One credential's life as it was noted down: (second from which on, verdict then)."""

    raw: bytes
    receipt: Receipt
    examination: Examination
    noted: list[tuple[int, Verdict]] = field(default_factory=list)
    anchored_at: int | None = None

    def note(self, second: int, verdict: Verdict) -> None:
        self.noted.append((second, verdict))

    def then(self, second: int) -> Verdict:
        found = Verdict.NOT_ANCHORED
        for since, verdict in self.noted:
            if since <= second:
                found = verdict
        return found


class Life(RuleBasedStateMachine):
    """An issuer with two credentials in two batches, and a delegate."""

    rpc: ClassVar[BareChain]
    node: ClassVar[Node]
    accounts: ClassVar[list[str]]
    lived_through: ClassVar[set[str]] = set()

    def __init__(self) -> None:
        super().__init__()
        self.snapshot = self.rpc("evm_snapshot")
        self.second = int(self.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
        self.distrusted_from: int | None = None

    @initialize(wait=st.integers(1, 1000))
    def register(self, wait: int) -> None:
        owner = Address.from_hex(self.accounts[0])
        salt = b"\x51" * 32
        assert self.act("register", [salt, bytes(32), b""], wait=wait)
        self.issuer_id = issuer_id_of(CHAIN, REGISTRY, owner, Salt(salt))
        self.lives = []
        for number in range(2):
            raw, receipt = sealed(self.issuer_id, number)
            self.lives.append(Lived(raw, receipt, examine(raw, None)))

    def act(self, name: str, arguments: list[Any], account: int = 0, wait: int = 5) -> bool:
        """One call `wait` seconds later; False where the contract refuses it."""
        call = {"from": self.accounts[account], "to": str(REGISTRY), "gas": GAS}
        call["data"] = "0x" + calldata(CALLS[name], arguments).hex()
        self.rpc("evm_setNextBlockTimestamp", self.second + wait)
        done = self.rpc("eth_sendTransactionSync", call)["status"] == "0x1"
        self.second += wait
        if done:
            self.lived_through.add(name)
        return bool(done)

    waits = st.sampled_from([1, 1, 5, 3600, 86400])
    which = st.integers(0, 1)
    people = st.sampled_from([0, 0, 0, 1])

    @rule(which=which, wait=waits, account=people)
    def anchor(self, which: int, wait: int, account: int) -> None:
        life = self.lives[which]
        arguments = [self.issuer_id, life.receipt.root, SIZE, bytes(32)]
        if self.act("anchor", arguments, account, wait):
            life.anchored_at = self.second
            life.note(self.second, Verdict.VALID)

    @rule(which=which, change=st.sampled_from([0, 0, 1, 1, 2]), wait=waits, account=people)
    def change_status(self, which: int, change: int, wait: int, account: int) -> None:
        life = self.lives[which]
        arguments = [self.issuer_id, life.receipt.root, change, [(1, MASK)]]
        if self.act("change_status", arguments, account, wait):
            verdicts = [Verdict.SUSPENDED, Verdict.VALID, Verdict.REVOKED]
            life.note(self.second, verdicts[change])

    @rule(which=which, change=st.sampled_from([0, 2]), wait=waits)
    def change_neighbours(self, which: int, change: int, wait: int) -> None:
        arguments = [self.issuer_id, self.lives[which].receipt.root, change, [(0, 5), (1, 1)]]
        self.act("change_status", arguments, 0, wait)

    @rule(which=which, wait=waits)
    def revoke_batch(self, which: int, wait: int) -> None:
        if self.act("revoke_batch", [self.issuer_id, self.lives[which].receipt.root], 0, wait):
            self.lives[which].note(self.second, Verdict.REVOKED)

    @rule(what=st.sampled_from(["pause", "unpause", "bump_epoch"]), wait=waits)
    def switch(self, what: str, wait: int) -> None:
        self.act(what, [self.issuer_id], 0, wait)

    @rule(roles=st.sampled_from([0, 1, 2, 3]), wait=waits)
    def delegate(self, roles: int, wait: int) -> None:
        helper = bytes.fromhex(self.accounts[1][2:])
        expiry = self.second + 10**6 if roles else 0
        self.act("set_delegate", [self.issuer_id, helper, roles, expiry], 0, wait)

    @rule(back=st.sampled_from([0, 0, 10, 90_000, 10**7]), wait=waits, really=st.integers(0, 3))
    def distrust(self, back: int, wait: int, really: int) -> None:
        """It ends an issuer, so it comes now and then only."""
        since = self.second - back
        if really == 0 and self.act("distrust", [self.issuer_id, since], 0, wait):
            self.distrusted_from = since

    # ------------------------------------------------------------------------------- the question

    def expected(self, life: Lived, second: int) -> Verdict:
        verdict = life.then(second)
        covered = (
            self.distrusted_from is not None
            and life.anchored_at is not None
            and life.anchored_at >= self.distrusted_from
        )
        if covered and verdict is not Verdict.NOT_ANCHORED:
            return Verdict.ISSUER_UNTRUSTED  # by a distrust of whatever later time
        return verdict

    def teardown(self) -> None:
        try:
            if hasattr(self, "lives"):
                self.ask_about_many_moments()
        finally:
            self.rpc("evm_revert", self.snapshot)

    def ask_about_many_moments(self) -> None:
        self.rpc("evm_setNextBlockTimestamp", self.second + 100)
        mine_to_finality(self.node)
        edges = {second for life in self.lives for second, _ in life.noted} | {self.second}
        moments = sorted({edge + shift for edge in edges for shift in (-1, 0, 1)})
        for life in self.lives:
            subject = Subject.of(life.receipt)
            (evidence,) = read_evidence(self.node, CHAIN, REGISTRY, [subject])
            history = HistoryReader(self.node).read(
                CHAIN, REGISTRY, self.issuer_id, evidence.finalized
            )
            evidence = replace(evidence, history=history)
            now = datetime.fromtimestamp(evidence.head.block.timestamp + 60, UTC)
            policy = policy_for(self.issuer_id)
            for second in moments:
                at = datetime.fromtimestamp(second, UTC)
                report = judge(life.examination, evidence, policy, now, at)
                assert report.verdict is self.expected(life, second), (second, life.noted)
