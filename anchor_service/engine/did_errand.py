"""Recording the hash of an issuer's DID document in the registry, as an errand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from anchor_service.engine import contract
from anchor_service.store.outbox import Kind
from registry.errors import NodeInconsistent
from registry.formats.storage import issuer_slots

if TYPE_CHECKING:
    from anchor_service.engine.chain import Chain, Mined
    from registry.values import Address, DidHash, IssuerId


@dataclass(frozen=True, slots=True)
class SetDid:
    """The hash of the issuer's DID document, for the registry to keep."""

    registry: Address
    issuer_id: IssuerId
    did_hash: DidHash
    profile_uri: str

    @property
    def kind(self) -> Kind:
        return Kind.SET_DID

    @property
    def recipient(self) -> Address:
        return self.registry

    @property
    def data(self) -> bytes:
        return contract.set_did(self.issuer_id, self.did_hash, self.profile_uri)

    def is_done(self, chain: Chain) -> bool:
        (word,) = chain.storage(self.registry, [issuer_slots(self.issuer_id).did_hash])
        return word == self.did_hash

    def log_index(self, mined: Mined) -> int | None:
        topics = (contract.DID_CHANGED, bytes(self.issuer_id))
        for log in mined.logs:
            if log.address == self.registry and log.topics == topics:
                return log.index
        raise NodeInconsistent(f"transaction {mined.tx_hash} has no DidChanged log")
