"""What a transaction is sent for, and how the contract says that it is done already.

Rule 2 lives here: `is_done` is asked before anything is sent or sent again, so that what somebody
else has done, or an earlier run of ours, is adopted and never repeated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from anchor_service.engine import contract
from anchor_service.engine.did_errand import SetDid
from anchor_service.errors import Blocked
from anchor_service.store.inclusions import Inclusion
from anchor_service.store.lifecycle import Reason
from anchor_service.store.outbox import Kind
from registry.errors import NodeInconsistent
from registry.formats.events import StatusChange
from registry.formats.history import issuer_id_of
from registry.formats.storage import (
    Status,
    batch_slot,
    decode_batch,
    decode_issuer,
    decode_word,
    issuer_slots,
    lane_status,
    word_slot,
)
from registry.keccak import keccak256
from registry.workspaces import artifact

if TYPE_CHECKING:
    from anchor_service.engine.chain import Chain, Log, Mined
    from anchor_service.engine.contract import BatchMasks
    from anchor_service.store.batch_store import Batch
    from anchor_service.store.outbox import Intent
    from registry.values import Address, CodeHash, DidHash, IssuerId


class Errand(Protocol):
    """One call to make exactly once."""

    @property
    def kind(self) -> Kind: ...
    @property
    def recipient(self) -> Address: ...
    @property
    def data(self) -> bytes: ...

    def is_done(self, chain: Chain) -> bool:
        """Ask the contract. Raises Blocked(CONFLICT) where something else stands there."""

    def log_index(self, mined: Mined) -> int | None:
        """The expected log's number in a successful transaction of ours; None where none is due.

        Raises NodeInconsistent where it is missing.
        """


@dataclass(frozen=True, slots=True)
class Anchor:
    batch: Batch

    @property
    def kind(self) -> Kind:
        return Kind.ANCHOR

    @property
    def recipient(self) -> Address:
        return self.batch.registry

    @property
    def data(self) -> bytes:
        one = self.batch
        return contract.anchor(one.issuer_id, one.root, one.size, one.meta_hash)

    def is_done(self, chain: Chain) -> bool:
        one = self.batch
        (word,) = chain.storage(one.registry, [batch_slot(one.issuer_id, one.root)])
        record = decode_batch(word)
        if record is None:
            return False
        if record.size != one.size:
            raise Blocked(
                Reason.CONFLICT,
                f"root {one.root} is anchored with size {record.size}, the seal has {one.size}",
            )
        return True

    def log_index(self, mined: Mined) -> int | None:
        return self._own_log(mined.logs).index

    def adopt(self, chain: Chain) -> Inclusion | None:
        """Find the anchor that stands on the chain, whoever sent it; None if it is gone again.

        Raises Blocked(CONFLICT) where the event's metaHash is not the seal's.
        """
        one = self.batch
        (word,) = chain.storage(one.registry, [batch_slot(one.issuer_id, one.root)])
        record = decode_batch(word)
        blocks = chain.blocks_at(record.anchored_at) if record else None
        if blocks is None:
            return None
        topics = (contract.ANCHORED, one.issuer_id, one.root)
        log = self._own_log(tuple(chain.logs(one.registry, topics, *blocks)))
        block = chain.block(log.block_number)
        if block is None or block.hash != log.block_hash:
            return None
        return Inclusion(log.tx_hash, block.number, block.hash, block.timestamp, log.index)

    def _own_log(self, logs: tuple[Log, ...]) -> Log:
        one = self.batch
        topics = (contract.ANCHORED, bytes(one.issuer_id), bytes(one.root))
        for log in logs:
            if log.address == one.registry and log.topics == topics:
                if contract.size_and_meta_hash(log.data) != (one.size, one.meta_hash):
                    raise Blocked(
                        Reason.CONFLICT,
                        f"root {one.root} is anchored with another size or metaHash than its seal",
                    )
                return log
        raise NodeInconsistent(f"the anchor of {one.root} is there, its log is not")


@dataclass(frozen=True, slots=True)
class ChangeStatuses:
    """One kind of change to credentials of many batches of one issuer."""

    registry: Address
    issuer_id: IssuerId
    change: StatusChange
    batches: tuple[BatchMasks, ...]

    @property
    def kind(self) -> Kind:
        return Kind.STATUS

    @property
    def recipient(self) -> Address:
        return self.registry

    @property
    def data(self) -> bytes:
        return contract.change_statuses(self.issuer_id, self.change, self.batches)

    def is_done(self, chain: Chain) -> bool:
        places = [(one.root, word) for one in self.batches for word in one.masks]
        words = chain.storage(
            self.registry, [word_slot(self.issuer_id, root, word) for root, word in places]
        )
        masks = [mask for one in self.batches for mask in one.masks.values()]
        return all(
            holds(self.change, lane_status(decode_word(word), lane))
            for word, mask in zip(words, masks, strict=True)
            for lane in lanes(mask)
        )

    def log_index(self, mined: Mined) -> int | None:
        for log in mined.logs:
            if log.address == self.registry and log.topics[:2] == (
                contract.STATUS_CHANGED,
                bytes(self.issuer_id),
            ):
                return log.index
        raise NodeInconsistent(f"transaction {mined.tx_hash} has no StatusChanged log")


@dataclass(frozen=True, slots=True)
class Register:
    registry: Address
    issuer_id: IssuerId
    salt: bytes
    did_hash: DidHash
    profile_uri: str

    @property
    def kind(self) -> Kind:
        return Kind.REGISTER

    @property
    def recipient(self) -> Address:
        return self.registry

    @property
    def data(self) -> bytes:
        return contract.register(self.salt, self.did_hash, self.profile_uri)

    def is_done(self, chain: Chain) -> bool:
        (word,) = chain.storage(self.registry, [issuer_slots(self.issuer_id).record])
        return decode_issuer(word) is not None

    def log_index(self, mined: Mined) -> int | None:
        topics = (contract.ISSUER_REGISTERED, bytes(self.issuer_id))
        for log in mined.logs:
            if log.address == self.registry and log.topics == topics:
                return log.index
        raise NodeInconsistent(f"transaction {mined.tx_hash} has no IssuerRegistered log")


@dataclass(frozen=True, slots=True)
class Deploy:
    """CREATE2 through the deployer: the address follows from the code, so it is safe to repeat."""

    creation_code: bytes
    code_hash: CodeHash

    @property
    def kind(self) -> Kind:
        return Kind.DEPLOY

    @property
    def recipient(self) -> Address:
        return artifact.FACTORY

    @property
    def data(self) -> bytes:
        return artifact.SALT + self.creation_code

    @property
    def address(self) -> Address:
        return artifact.create2_address(artifact.FACTORY, artifact.SALT, self.creation_code)

    def is_done(self, chain: Chain) -> bool:
        code = chain.code(self.address)
        if not code:
            return False
        if keccak256(code) != self.code_hash:
            raise Blocked(Reason.CONFLICT, f"the code at {self.address} is not the registry's")
        return True

    def log_index(self, mined: Mined) -> int | None:  # noqa: ARG002 - a constructor emits nothing
        return None


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Use a nonce up by a transfer of nothing to ourselves, since what it was for is done."""

    kind: Kind
    sender: Address
    nonce: int

    @property
    def recipient(self) -> Address:
        return self.sender

    @property
    def data(self) -> bytes:
        return b""

    def is_done(self, chain: Chain) -> bool:
        return chain.nonce(self.sender) > self.nonce

    def log_index(self, mined: Mined) -> int | None:  # noqa: ARG002 - a transfer emits nothing
        return None


def rebuild(intent: Intent, batch: Batch | None) -> Errand:
    """The errand that an intent was reserved for, from what is stored of it."""
    if intent.kind is Kind.FILL:
        return GiveUp(Kind.FILL, intent.sender, intent.nonce)
    if intent.kind is Kind.DEPLOY:
        return Deploy(intent.data[len(artifact.SALT) :], artifact.load().code_hash)
    if intent.kind is Kind.ANCHOR:
        assert batch is not None
        return Anchor(batch)
    if intent.kind is Kind.STATUS:
        issuer_id, change, batches = contract.read_change_statuses(intent.data)
        return ChangeStatuses(intent.recipient, issuer_id, change, batches)
    if intent.kind is Kind.SET_DID:
        return SetDid(intent.recipient, *contract.read_set_did(intent.data))
    salt, did_hash, profile_uri = contract.read_register(intent.data)
    issuer_id = issuer_id_of(intent.chain, intent.recipient, intent.sender, salt)
    return Register(intent.recipient, issuer_id, salt, did_hash, profile_uri)


def lanes(mask: int) -> list[int]:
    """Lanes that a mask of even bits marks."""
    return [lane for lane in range(128) if mask >> 2 * lane & 1]


def holds(change: StatusChange, status: Status) -> bool:
    """Whether a credential's status is already what the change would make it."""
    wanted = {
        StatusChange.SUSPEND: Status.SUSPENDED,
        StatusChange.REINSTATE: Status.ACTIVE,
        StatusChange.REVOKE: Status.REVOKED,
    }
    return status == wanted[change]
