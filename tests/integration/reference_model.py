"""CredentialRegistry once more, in plain Python, written from the interface alone.

Nothing of `registry` takes part, so that the contract, this model and the library are three
accounts of the same rules.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import reference_forms as forms
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from reference_forms import Refused, slot

if TYPE_CHECKING:
    from reference_forms import Log

Lanes: TypeAlias = list[tuple[int, int]]

ANCHOR, STATUS = 1, 2
SUSPEND, REINSTATE, REVOKE = range(3)
NOBODY = bytes(20)


@dataclass
class Batch:
    anchored_at: int
    operation: int
    size: int
    revoked: bool = False
    words: dict[int, int] = field(default_factory=dict)

    def status(self, index: int) -> int:
        """0 unanchored, 1 active, 2 suspended, 3 revoked."""
        if index >= self.size:
            return 0
        lane = self.words.get(index // 128, 0) >> 2 * (index % 128) & 3
        return 3 if self.revoked or lane & 2 else 1 + lane


@dataclass
class Issuer:
    owner: bytes
    did_hash: bytes
    history: bytes
    operations: int = 0
    pending_owner: bytes = NOBODY
    paused: bool = False
    retired: bool = False
    epoch: int = 0
    distrust_after: int = 0
    delegates: dict[bytes, tuple[int, int, int]] = field(default_factory=dict)
    batches: dict[bytes, Batch] = field(default_factory=dict)
    used: dict[bytes, set[int]] = field(default_factory=dict)


class Model:
    """`now` is the time of the block that the next call is in. wallets say yes to any signature."""

    def __init__(self, chain: int, registry: bytes, wallets: set[bytes]) -> None:
        self.chain, self.registry, self.wallets = chain, registry, wallets
        self.now = 0
        self.issuers: dict[bytes, Issuer] = {}
        self.registrations = 0
        self.registrations_history = bytes(27)

    def call(self, name: str, *arguments: Any) -> list[Log] | Refused:
        """The logs that the contract must emit, or how it must refuse; then nothing changed."""
        before = deepcopy(self.issuers)
        try:
            logs: list[Log] = getattr(self, name)(*arguments)
        except Refused as refused:
            self.issuers = before
            return refused
        return logs

    # -------------------------------------------------------------------------------- operations

    def issuer_id_of(self, registrant: bytes, salt: bytes) -> bytes:
        types = ["uint256", "address", "address", "bytes32"]
        return keccak(encode(types, [self.chain, self.registry, registrant, salt]))

    def register(self, sender: bytes, salt: bytes, did_hash: bytes, uri: bytes) -> list[Log]:
        issuer_id = self.issuer_id_of(sender, salt)
        if issuer_id in self.issuers:
            raise Refused("IssuerAlreadyRegistered", issuer_id)
        home = [self.chain, self.registry]
        if not self.registrations:
            tag = "credanchor.history.registrations.1"
            self.registrations_history = forms.start(tag, home)
        self.registrations += 1
        types = ["bytes27", "uint40", "uint40", "address", "bytes32", "bytes32", "bytes32", "bytes"]
        values = [self.registrations, self.now, sender, issuer_id, salt, did_hash, uri]
        folded = encode(types, [self.registrations_history, *values])
        self.registrations_history = forms.cut(folded)
        history = forms.start("credanchor.history.issuer.1", [*home, issuer_id])
        self.issuers[issuer_id] = Issuer(sender, did_hash, history)
        fields = self.registrations, salt, did_hash, uri
        return [self._log(issuer_id, "IssuerRegistered", sender, *fields)]

    def set_did(self, sender: bytes, issuer_id: bytes, did_hash: bytes, uri: bytes) -> list[Log]:
        self._owned(issuer_id, sender).did_hash = did_hash
        return [self._log(issuer_id, "DidChanged", sender, did_hash, uri)]

    def transfer_ownership(self, sender: bytes, issuer_id: bytes, heir: bytes) -> list[Log]:
        issuer = self._owned(issuer_id, sender)
        if issuer.pending_owner == heir:
            raise Refused("NothingChanged", issuer_id)
        issuer.pending_owner = heir
        return [self._log(issuer_id, "OwnershipOffered", sender, heir)]

    def accept_ownership(self, sender: bytes, issuer_id: bytes) -> list[Log]:
        issuer = self._registered(issuer_id)
        if issuer.pending_owner != sender:
            raise Refused("NotPendingOwner", issuer_id, sender, issuer.pending_owner)
        before, issuer.owner, issuer.pending_owner = issuer.owner, sender, NOBODY
        issuer.epoch += 1
        return [self._log(issuer_id, "OwnershipTransferred", sender, before, issuer.epoch)]

    def set_delegate(
        self, sender: bytes, issuer_id: bytes, account: bytes, roles: int, expiry: int
    ) -> list[Log]:
        issuer = self._owned(issuer_id, sender)
        if roles > ANCHOR | STATUS:
            raise Refused("UnknownRoles", roles)
        if (expiry <= self.now) if roles else (expiry != 0):
            raise Refused("ExpiryPassed", expiry, self.now)
        grant = roles, issuer.epoch if roles else 0, expiry
        if issuer.delegates.get(account, (0, 0, 0)) == grant:
            raise Refused("NothingChanged", issuer_id)
        issuer.delegates[account] = grant
        fields = account, roles, expiry, grant[1]
        return [self._log(issuer_id, "DelegateSet", sender, *fields)]

    def bump_epoch(self, sender: bytes, issuer_id: bytes) -> list[Log]:
        issuer = self._owned(issuer_id, sender)
        issuer.epoch += 1
        return [self._log(issuer_id, "EpochBumped", sender, issuer.epoch)]

    def pause(self, sender: bytes, issuer_id: bytes) -> list[Log]:
        return self._flag(sender, issuer_id, "paused", True, "Paused")

    def unpause(self, sender: bytes, issuer_id: bytes) -> list[Log]:
        return self._flag(sender, issuer_id, "paused", False, "Unpaused")

    def retire(self, sender: bytes, issuer_id: bytes) -> list[Log]:
        return self._flag(sender, issuer_id, "retired", True, "Retired")

    def distrust(self, sender: bytes, issuer_id: bytes, since: int) -> list[Log]:
        issuer = self._owned(issuer_id, sender)
        before = issuer.distrust_after
        if not 0 < since <= self.now or (before and since >= before):
            raise Refused("DistrustAfterNotAllowed", since, before, self.now)
        issuer.distrust_after = since
        return [self._log(issuer_id, "Distrusted", sender, since)]

    def cancel_nonces(
        self, sender: bytes, issuer_id: bytes, signer: bytes, word: int, mask: int
    ) -> list[Log]:
        issuer = self._registered(issuer_id)
        if sender == signer:
            self._authorize(issuer_id, signer, STATUS)
        elif sender != issuer.owner:
            raise Refused("NotOwner", issuer_id, sender, issuer.owner)
        nonces = {256 * word + bit for bit in range(256) if mask >> bit & 1}
        used = issuer.used.setdefault(signer, set())
        if nonces <= used:
            raise Refused("NothingChanged", issuer_id)
        used |= nonces
        return [self._log(issuer_id, "NoncesCancelled", sender, signer, word, mask)]

    def anchor(
        self, sender: bytes, issuer_id: bytes, root: bytes, size: int, meta_hash: bytes
    ) -> list[Log]:
        issuer = self._registered(issuer_id)
        self._authorize(issuer_id, sender, ANCHOR)
        if issuer.retired:
            raise Refused("IssuerIsRetired", issuer_id)
        if issuer.distrust_after:
            raise Refused("IssuerIsDistrusted", issuer_id, issuer.distrust_after)
        if issuer.paused:
            raise Refused("IssuerIsPaused", issuer_id)
        if not size or not any(root):
            raise Refused("EmptyBatch", root, size)
        there = issuer.batches.get(root)
        if there:
            stored = there.anchored_at, there.operation, there.size
            raise Refused("BatchAlreadyAnchored", issuer_id, root, *stored)
        issuer.batches[root] = Batch(self.now, issuer.operations + 1, size)
        return [self._log(issuer_id, "Anchored", sender, root, size, meta_hash)]

    def anchor_signed(
        self,
        issuer_id: bytes,
        root: bytes,
        size: int,
        meta_hash: bytes,
        signer: bytes,
        deadline: int,
        signed: set[tuple[bytes, bytes]],
    ) -> list[Log]:
        """signed: (account, digest) pairs for which the signature counts."""
        issuer = self._registered(issuer_id)
        members = [
            ("bytes32 issuerId", "bytes32", issuer_id),
            ("address signer", "address", signer),
            ("uint32 epoch", "uint32", issuer.epoch),
            ("bytes32 root", "bytes32", root),
            ("uint32 size", "uint32", size),
            ("bytes32 metaHash", "bytes32", meta_hash),
            ("uint256 deadline", "uint256", deadline),
        ]
        digest = forms.signing_digest(self.chain, self.registry, "Anchor", members)
        self._check_signature(digest, signer, deadline, signed)
        return self.anchor(signer, issuer_id, root, size, meta_hash)

    def revoke_batch(self, sender: bytes, issuer_id: bytes, root: bytes) -> list[Log]:
        batch = self._owned(issuer_id, sender).batches.get(root)
        if batch is None:
            raise Refused("BatchNotAnchored", issuer_id, root)
        if batch.revoked:
            raise Refused("NothingChanged", issuer_id)
        batch.revoked = True
        return [self._log(issuer_id, "BatchRevoked", sender, root)]

    def change_statuses(
        self, sender: bytes, issuer_id: bytes, change: int, batches: list[tuple[bytes, Lanes]]
    ) -> list[Log]:
        self._registered(issuer_id)
        self._authorize(issuer_id, sender, STATUS)
        logs = [
            log
            for root, lanes in batches
            for log in self._change(sender, issuer_id, root, change, 0, lanes)
        ]
        if not logs:
            raise Refused("NothingChanged", issuer_id)
        return logs

    def change_status(
        self, sender: bytes, issuer_id: bytes, root: bytes, change: int, lanes: Lanes
    ) -> list[Log]:
        return self.change_statuses(sender, issuer_id, change, [(root, lanes)])

    def change_status_signed(
        self,
        issuer_id: bytes,
        root: bytes,
        change: int,
        lanes: Lanes,
        signer: bytes,
        nonce: int,
        deadline: int,
        signed: set[tuple[bytes, bytes]],
    ) -> list[Log]:
        issuer = self._registered(issuer_id)
        inner = "Lanes(uint256 word,uint256 mask)"
        kind = keccak(text=inner)
        hashed = b"".join(
            keccak(encode(["bytes32", "uint256", "uint256"], [kind, *pair])) for pair in lanes
        )
        members = [
            ("bytes32 issuerId", "bytes32", issuer_id),
            ("address signer", "address", signer),
            ("uint32 epoch", "uint32", issuer.epoch),
            ("bytes32 root", "bytes32", root),
            ("uint8 change", "uint8", change),
            ("Lanes[] lanes", "bytes32", keccak(hashed)),
            ("uint256 nonce", "uint256", nonce),
            ("uint256 deadline", "uint256", deadline),
        ]
        digest = forms.signing_digest(self.chain, self.registry, "Status", members, inner)
        self._check_signature(digest, signer, deadline, signed)
        self._authorize(issuer_id, signer, STATUS)
        used = issuer.used.setdefault(signer, set())
        if nonce == 0 or nonce in used:
            raise Refused("NonceNotUsable", issuer_id, signer, nonce)
        used.add(nonce)
        logs = self._change(signer, issuer_id, root, change, nonce, lanes)
        if not logs:
            raise Refused("NothingChanged", issuer_id)
        return logs

    def _change(
        self, actor: bytes, issuer_id: bytes, root: bytes, change: int, nonce: int, lanes: Lanes
    ) -> list[Log]:
        batch = self.issuers[issuer_id].batches.get(root)
        if batch is None:
            raise Refused("BatchNotAnchored", issuer_id, root)
        if batch.revoked and change != REVOKE:
            raise Refused("BatchIsRevoked", issuer_id, root)
        changed = False
        for word, mask in lanes:
            inside = sum(1 << 2 * i for i in range(128) if 128 * word + i < batch.size)
            if word >= 2**25 or mask & ~inside:
                raise Refused("MaskOutsideBatch", root, word, mask, batch.size)
            before = batch.words.get(word, 0)
            if change == REVOKE:
                after = before | mask << 1
            elif before & mask << 1:
                raise Refused("LanesAreRevoked", root, word, before & mask << 1)
            else:
                after = before | mask if change == SUSPEND else before & ~mask
            changed |= after != before
            batch.words[word] = after
        if not changed:
            return []
        return [self._log(issuer_id, "StatusChanged", actor, root, change, nonce, lanes)]

    # --------------------------------------------------------------------------------- authority

    def _registered(self, issuer_id: bytes) -> Issuer:
        if issuer_id not in self.issuers:
            raise Refused("IssuerNotRegistered", issuer_id)
        return self.issuers[issuer_id]

    def _owned(self, issuer_id: bytes, sender: bytes) -> Issuer:
        issuer = self._registered(issuer_id)
        if issuer.owner != sender:
            raise Refused("NotOwner", issuer_id, sender, issuer.owner)
        return issuer

    def is_current(self, issuer_id: bytes, account: bytes) -> bool:
        issuer = self.issuers[issuer_id]
        roles, epoch, expiry = issuer.delegates.get(account, (0, 0, 0))
        return bool(roles) and epoch == issuer.epoch and self.now < expiry

    def _authorize(self, issuer_id: bytes, account: bytes, role: int) -> None:
        issuer = self.issuers[issuer_id]
        roles = issuer.delegates[account][0] if self.is_current(issuer_id, account) else 0
        if account != issuer.owner and not roles & role:
            raise Refused("NotAuthorized", issuer_id, account, role, roles)

    def _check_signature(
        self, digest: bytes, signer: bytes, deadline: int, signed: set[tuple[bytes, bytes]]
    ) -> None:
        if self.now > deadline:
            raise Refused("SignatureExpired", deadline, self.now)
        if signer not in self.wallets and (signer, digest) not in signed:
            raise Refused("InvalidSignature", signer, digest)

    def _flag(self, sender: bytes, issuer_id: bytes, name: str, on: bool, event: str) -> list[Log]:
        issuer = self._owned(issuer_id, sender)
        if getattr(issuer, name) == on:
            raise Refused("NothingChanged", issuer_id)
        setattr(issuer, name, on)
        return [self._log(issuer_id, event, sender)]

    def _log(self, issuer_id: bytes, name: str, actor: bytes, *fields: Any) -> Log:
        """Number, fold and write one operation."""
        issuer = self.issuers[issuer_id]
        issuer.operations += 1
        always = [issuer.operations, self.now, actor]
        issuer.history = forms.fold(issuer.history, name, always, list(fields))
        return forms.log(name, issuer_id, always, list(fields))

    # ----------------------------------------------------------------------------------- storage

    def storage(self) -> dict[int, int]:
        """Every slot that is not zero, as the interface's notes place it."""
        slots = {1: self.registrations | int.from_bytes(self.registrations_history) << 40}
        for issuer_id, issuer in self.issuers.items():
            base = slot(issuer_id, 0)
            flags = issuer.paused | issuer.retired << 1
            slots[base] = int.from_bytes(issuer.owner) | flags << 160
            slots[base] |= issuer.epoch << 168 | issuer.distrust_after << 200
            slots[base + 1] = issuer.operations | int.from_bytes(issuer.history) << 40
            slots[base + 2] = int.from_bytes(issuer.did_hash)
            slots[base + 3] = int.from_bytes(issuer.pending_owner)
            for account, (roles, epoch, expiry) in issuer.delegates.items():
                slots[slot(account, base + 4)] = roles | epoch << 8 | expiry << 40
            for root, batch in issuer.batches.items():
                place = slot(root, base + 5)
                slots[place] = batch.anchored_at | batch.operation << 40 | batch.size << 80
                slots[place] |= batch.revoked << 112
                for number, word in batch.words.items():
                    slots[slot(number.to_bytes(32), place + 1)] = word
            for signer, nonces in issuer.used.items():
                for nonce in nonces:
                    place = slot((nonce >> 8).to_bytes(32), slot(signer, base + 6))
                    slots[place] = slots.get(place, 0) | 1 << (nonce & 255)
        return {slot: value for slot, value in slots.items() if value}
