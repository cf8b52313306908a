"""Random walks of calls, the deployed contract and the reference model side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from bare_chain import BareChain, Refusal
from contract_views import REGISTRY, ROOTS, Views, calldata
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
)
from reference_forms import LANES, Refused
from reference_model import NOBODY, Model

from registry.formats.abi import Lanes
from registry.formats.events import StatusChange, read_log
from registry.formats.typed_data import AnchorMessage, Message, StatusMessage, wallet_request
from registry.proofs.replay import replay
from registry.values import Address, BatchRoot, ChainId, IssuerId, MetaHash

if TYPE_CHECKING:
    from reference_forms import Log

CHAIN = ChainId(31337)
NOBODYS = 99
"""Stands for the id of no issuer, and for a root that is not anchored."""
CALLS = {
    "register": "register(bytes32,bytes32,string)",
    "set_did": "setDid(bytes32,bytes32,string)",
    "transfer_ownership": "transferOwnership(bytes32,address)",
    "accept_ownership": "acceptOwnership(bytes32)",
    "set_delegate": "setDelegate(bytes32,address,uint8,uint40)",
    "bump_epoch": "bumpEpoch(bytes32)",
    "pause": "pause(bytes32)",
    "unpause": "unpause(bytes32)",
    "distrust": "distrust(bytes32,uint40)",
    "retire": "retire(bytes32)",
    "cancel_nonces": "cancelNonces(bytes32,address,uint256,uint256)",
    "anchor": "anchor(bytes32,bytes32,uint32,bytes32)",
    "anchor_signed": "anchorSigned(bytes32,bytes32,uint32,bytes32,address,uint256,bytes)",
    "revoke_batch": "revokeBatch(bytes32,bytes32)",
    "change_status": f"changeStatus(bytes32,bytes32,uint8,{LANES})",
    "change_statuses": f"changeStatuses(bytes32,uint8,(bytes32,{LANES})[])",
    "change_status_signed": f"changeStatusSigned(bytes32,bytes32,uint8,{LANES},address,uint256,"
    "uint256,bytes)",
}
YES = bytes.fromhex("aa" * 20)
YES_CODE = "0x631626ba7e60e01b5f5260205ff3"
"""An ERC-1271 account to which any signature is good."""
GAS = hex(3_000_000)
HALF_ORDER_TWICE = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

EVEN = (2**256 - 1) // 3

issuers = st.sampled_from([0] * 6 + [1] * 6 + [2, NOBODYS])
"""An issuer by its number, the first where there are not so many."""
people = st.sampled_from([1, 2, 3, 4, 5])
senders = st.sampled_from(["owner"] * 12 + ["helper"] * 4 + ["heir", "stranger"])
roots = st.sampled_from([*ROOTS, *ROOTS, *ROOTS, bytes(32)])
batches = st.sampled_from([0] * 6 + [1] * 6 + [2, NOBODYS])
"""A batch by its number among the issuer's, the newest where there are not so many."""
sizes = st.sampled_from([1, 5, 5, 6, 130, 130, 129, 300, 2**32 - 1, 0])
changes = st.sampled_from([0, 1, 2, 2])
masks = st.sampled_from([1, 1, 4, 5, 1 << 254, 1 << 2, EVEN, 3, 2, 0])
words = st.sampled_from([0, 0, 0, 1, 2, 2**25 - 1, 2**25, 2**255])
sound_lanes = st.lists(
    st.tuples(st.sampled_from([0, 0, 1]), st.sampled_from([1, 4, 5])), min_size=1, max_size=3
)
lanes = sound_lanes | sound_lanes | st.lists(st.tuples(words, masks), max_size=3)
nonces = st.sampled_from([1, 2, 255, 256, 2**256 - 1, 0])
texts = st.sampled_from([b"", b"https://example.edu", b"u" * 32, b"v" * 33, b"\xff\xfe"])
forgeries = st.sampled_from(
    ["good"] * 14
    + ["another's key", "old epoch", "other chain", "other registry", "altered"]
    + ["high s", "short", "compact", "empty"]
)


class Walk(RuleBasedStateMachine):
    rpc: ClassVar[BareChain]
    accounts: ClassVar[list[bytes]]

    def __init__(self) -> None:
        super().__init__()
        self.snapshot = self.rpc("evm_snapshot")
        self.model = Model(CHAIN.number, REGISTRY, {YES})
        self.last = int(self.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)
        self.wait = 1
        self.logs: list[Log] = []
        self.steps: set[str] = set()
        """The operations that succeeded and the refusals that came."""
        self.sent: list[tuple[str, list[Any], bytes, set[tuple[bytes, bytes]]]] = []

    @initialize()
    def begin(self) -> None:
        """Every walk begins with two issuers, each with a helper of both roles and a batch."""
        helper = self.accounts[3]
        for owner in self.accounts[1:3]:
            self.do("register", owner, bytes(32), bytes(32), b"")
            issuer_id = self.model.issuer_id_of(owner, bytes(32))
            self.do("set_delegate", owner, issuer_id, helper, 3, 2**40 - 1)
            self.do("anchor", helper, issuer_id, ROOTS[2], 130, bytes(32))

    # ------------------------------------------------------------------------------------- rules

    @rule(who=st.integers(1, 2), salt=st.integers(0, 1), uri=texts)
    def register(self, who: int, salt: int, uri: bytes) -> None:
        if len(self.model.issuers) < 3 or salt == 0:
            self.do("register", self.accounts[who], bytes([salt] * 32), b"\xdd" * 32, uri)

    @rule(issuer=issuers, sender=senders, uri=texts)
    def set_did(self, issuer: int, sender: str, uri: bytes) -> None:
        self.do_as(sender, "set_did", issuer, b"\xee" * 32, uri)

    @rule(issuer=issuers, sender=senders, heir=st.sampled_from([2, 4, None]))
    def offer(self, issuer: int, sender: str, heir: int | None) -> None:
        self.do_as(sender, "transfer_ownership", issuer, self.accounts[heir] if heir else NOBODY)

    @precondition(
        lambda self: any(one.pending_owner != NOBODY for one in self.model.issuers.values())
    )
    @rule(issuer=issuers, sender=st.sampled_from(["heir", "heir", "heir", "stranger"]))
    def accept(self, issuer: int, sender: str) -> None:
        self.do_as(sender, "accept_ownership", issuer)

    @rule(
        issuer=issuers,
        sender=senders,
        account=st.sampled_from([1, 3, 4, None]),
        roles=st.sampled_from([3, 3, 1, 2, 0, 4]),
        expiry=st.sampled_from([1, 2, 60, 10**6, "never", "zero"]),
    )
    def set_delegate(
        self, issuer: int, sender: str, account: int | None, roles: int, expiry: int | str
    ) -> None:
        until = self.last + expiry if isinstance(expiry, int) else 2**40 - 1
        until = 0 if expiry == "zero" or (roles == 0 and isinstance(expiry, int)) else until
        named = YES if account is None else self.accounts[account]
        self.do_as(sender, "set_delegate", issuer, named, roles, until)

    @rule(
        issuer=issuers,
        sender=senders,
        what=st.sampled_from(["pause", "unpause", "unpause", "bump_epoch"]),
    )
    def owner_switch(self, issuer: int, sender: str, what: str) -> None:
        self.do_as(sender, what, issuer)

    # Never the first issuer: it ends what else could happen.
    @rule(
        issuer=st.sampled_from([1, 1, 1, NOBODYS]),
        sender=senders,
        since=st.sampled_from([-100, 0, 1, -(10**11), None, None, None]),
    )
    def end(self, issuer: int, sender: str, since: int | None) -> None:
        if since is None:
            self.do_as(sender, "retire", issuer)
        else:
            self.do_as(sender, "distrust", issuer, max(self.last + since, 0))

    @rule(issuer=issuers, sender=senders, signer=people, nonce=nonces, mask=masks)
    def cancel_nonces(self, issuer: int, sender: str, signer: int, nonce: int, mask: int) -> None:
        self.do_as(sender, "cancel_nonces", issuer, self.accounts[signer], nonce >> 8, mask)

    @rule(issuer=issuers, sender=senders, root=roots, size=sizes)
    def anchor(self, issuer: int, sender: str, root: bytes, size: int) -> None:
        self.do_as(sender, "anchor", issuer, root, size, b"\x3e" * 32)

    @rule(issuer=issuers, sender=senders, batch=st.sampled_from([1, 1, 2, NOBODYS]))
    def revoke_batch(self, issuer: int, sender: str, batch: int) -> None:
        self.do_as(sender, "revoke_batch", issuer, self.root(issuer, batch))

    @rule(issuer=issuers, sender=senders, batch=batches, change=changes, lanes=lanes)
    def change_status(
        self, issuer: int, sender: str, batch: int, change: int, lanes: list[tuple[int, int]]
    ) -> None:
        self.do_as(sender, "change_status", issuer, self.root(issuer, batch), change, lanes)

    @rule(
        issuer=issuers,
        sender=senders,
        change=changes,
        many=st.lists(st.tuples(batches, lanes), max_size=3),
    )
    def change_statuses(
        self,
        issuer: int,
        sender: str,
        change: int,
        many: list[tuple[int, list[tuple[int, int]]]],
    ) -> None:
        named = [(self.root(issuer, batch), lanes) for batch, lanes in many]
        self.do_as(sender, "change_statuses", issuer, change, named)

    @rule(
        issuer=issuers,
        signer=senders,
        root=roots,
        size=sizes,
        left=st.sampled_from([0, 1, 100, 10**9, 10**9, 10**9]),
        forgery=forgeries,
    )
    def anchor_signed(
        self, issuer: int, signer: str, root: bytes, size: int, left: int, forgery: str
    ) -> None:
        issuer_id, account = self.issuer(issuer), self.account(signer, issuer)
        deadline = self.last + left
        message = AnchorMessage(
            IssuerId(issuer_id),
            Address(account),
            self.epoch(issuer_id, forgery),
            BatchRoot(root),
            size ^ 1 if forgery == "altered" else size,
            MetaHash(b"\x3e" * 32),
            deadline,
        )
        arguments = [issuer_id, root, size, b"\x3e" * 32, account, deadline]
        self.do_signed("anchor_signed", arguments, message, forgery)

    @rule(
        issuer=issuers,
        signer=senders,
        batch=batches,
        change=changes,
        lanes=lanes,
        nonce=nonces,
        left=st.sampled_from([0, 1, 100, 10**9, 10**9, 10**9]),
        forgery=forgeries,
    )
    def change_status_signed(
        self,
        issuer: int,
        signer: str,
        batch: int,
        change: int,
        lanes: list[tuple[int, int]],
        nonce: int,
        left: int,
        forgery: str,
    ) -> None:
        root = self.root(issuer, batch)
        issuer_id, account = self.issuer(issuer), self.account(signer, issuer)
        deadline = self.last + left
        message = StatusMessage(
            IssuerId(issuer_id),
            Address(account),
            self.epoch(issuer_id, forgery),
            BatchRoot(root),
            StatusChange(change),
            tuple(map(Lanes._make, lanes)),
            nonce ^ 1 if forgery == "altered" else nonce,
            deadline,
        )
        arguments = [issuer_id, root, change, lanes, account, nonce, deadline]
        self.do_signed("change_status_signed", arguments, message, forgery)

    @rule(which=st.integers(0, 20))
    def send_again(self, which: int) -> None:
        """What was signed stays signed: a copy may be sent at any later time."""
        if self.sent:
            name, arguments, signature, signed = self.sent[which % len(self.sent)]
            self.send(name, self.accounts[0], [*arguments, signature], [*arguments, signed])

    @rule(seconds=st.sampled_from([1, 59, 100, 10**6]))
    def time_passes(self, seconds: int) -> None:
        self.wait += seconds

    # ---------------------------------------------------------------------------------- one step

    def issuer(self, number: int) -> bytes:
        known = list(self.model.issuers)
        if number == NOBODYS:
            return bytes(32)
        return known[number] if number < len(known) else known[0]

    def root(self, issuer: int, number: int) -> bytes:
        known = self.model.issuers.get(self.issuer(issuer))
        anchored = list(known.batches) if known else []
        if number == NOBODYS or not anchored:
            return b"\x0b" * 32
        return anchored[min(number, len(anchored) - 1)]

    def account(self, role: str, number: int) -> bytes:
        issuer = self.model.issuers.get(self.issuer(number))
        if role == "stranger" or issuer is None:
            return self.accounts[5]
        if role == "heir" and issuer.pending_owner != NOBODY:
            return issuer.pending_owner
        granted = list(issuer.delegates)
        if role == "helper" and granted:
            return granted[number % len(granted)]
        return issuer.owner

    def epoch(self, issuer_id: bytes, forgery: str) -> int:
        issuer = self.model.issuers.get(issuer_id)
        now = issuer.epoch if issuer else 0
        return now + 1 if forgery == "old epoch" else now

    def do_as(self, role: str, name: str, issuer: int, *arguments: Any) -> None:
        sender = self.account(role, issuer)
        # Nobody holds the key of a contract; forge's tests let one call.
        self.do(
            name, self.accounts[5] if sender == YES else sender, self.issuer(issuer), *arguments
        )

    def do(self, name: str, sender: bytes, *arguments: Any) -> None:
        self.send(name, sender, list(arguments), [sender, *arguments])

    def do_signed(self, name: str, arguments: list[Any], message: Message, forgery: str) -> None:
        signature, signed = self.sign(message, forgery)
        self.sent.append((name, arguments, signature, signed))
        self.send(name, self.accounts[0], [*arguments, signature], [*arguments, signed])

    def sign(self, message: Message, forgery: str) -> tuple[bytes, set[tuple[bytes, bytes]]]:
        """The signature, and for whom over what it counts. Anvil signs, as a wallet does."""
        chain = ChainId(1) if forgery == "other chain" else CHAIN
        registry = Address(b"\x99" * 20) if forgery == "other registry" else REGISTRY
        request = wallet_request(message, chain, registry)
        account = self.accounts[0] if forgery == "another's key" else bytes(message.signer)
        if account == YES or forgery == "empty":
            return b"", set()
        answer = self.rpc("eth_signTypedData_v4", "0x" + account.hex(), request)
        signature = bytes.fromhex(answer[2:])
        if forgery == "short":
            return signature[:-1], set()
        r, s, v = signature[:32], int.from_bytes(signature[32:64]), signature[64]
        if forgery == "high s":
            return r + (HALF_ORDER_TWICE - s).to_bytes(32) + bytes([55 - v]), set()
        if forgery == "compact":  # ERC-2098
            return r + (s | (v - 27) << 255).to_bytes(32), set()
        signable = encode_typed_data(full_message=request)
        digest = keccak(b"\x19" + signable.version + signable.header + signable.body)
        return signature, {(account, digest)}

    def send(self, name: str, sender: bytes, arguments: list[Any], for_model: list[Any]) -> None:
        """One call, at the same second in both worlds."""
        self.model.now = now = self.last + self.wait
        call = {"from": "0x" + sender.hex(), "to": str(REGISTRY), "gas": GAS}
        call["data"] = "0x" + calldata(CALLS[name], arguments).hex()
        expected = self.model.call(name, *for_model)
        if isinstance(expected, Refused):
            self.steps.add(expected.args[0])
            with pytest.raises(Refusal) as caught:
                self.rpc("eth_call", call, "latest", {}, {"time": hex(now)})
            assert caught.value.data == expected.data, f"{name}: expected {expected.args}"
            return
        self.steps.add(name)
        self.rpc("evm_setNextBlockTimestamp", now)
        receipt = self.rpc("eth_sendTransactionSync", call)
        if receipt["status"] != "0x1":
            self.rpc("eth_call", call, "latest", {}, {"time": hex(now)})  # says why
        found = [raw_log(log) for log in receipt["logs"]]
        assert found == expected, name
        self.logs += found
        self.last, self.wait = now, 1

    # ----------------------------------------------------------------------------------- the end

    def teardown(self) -> None:
        try:
            self.model.now = self.last
            stored = self.rpc.storage(REGISTRY)
            assert stored == self.model.storage()
            self.check_replay(stored)
            Views(self.rpc, self.model, [*self.accounts, YES]).check()
        finally:
            self.rpc("evm_revert", self.snapshot)

    def check_replay(self, stored: dict[int, int]) -> None:
        state = replay((read_log(topics, data) for topics, data in self.logs), CHAIN, REGISTRY)
        slots = {int.from_bytes(slot): int.from_bytes(value) for slot, value in state.storage()}
        assert {slot: value for slot, value in slots.items() if value} == stored


def raw_log(log: dict[str, Any]) -> Log:
    topics = tuple(bytes.fromhex(topic[2:]) for topic in log["topics"])
    return topics, bytes.fromhex(log["data"][2:])
