"""A bare chain with the registry, on which tests write histories of their own and audit them."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from bare_chain import BareChain, bare_chain
from contract_views import REGISTRY, calldata
from contract_walk import CALLS

from registry.auditing.audit import Audit, AuditRequest
from registry.formats.history import issuer_id_of
from registry.nodes.log_reader import Pace
from registry.nodes.rpc import Node
from registry.values import Address, Bytes32, ChainId, IssuerId
from registry.workspaces import artifact

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHAIN = ChainId(31337)
META = b"\x3e" * 32


class Registry:
    """Operations of the accounts that anvil has keys for, each in a block of its own."""

    def __init__(self, rpc: BareChain) -> None:
        self.rpc = rpc
        self.people: list[str] = rpc("eth_accounts")
        deploy = "0x" + (artifact.SALT + artifact.load().creation_code).hex()
        # Block 0 of anvil has no valid proofs: it must not be the final one.
        rpc("anvil_mine", "0x3")
        self._send({"from": self.people[0], "to": str(artifact.FACTORY), "data": deploy})

    def do(self, who: int, name: str, *arguments: Any) -> dict[str, Any]:
        data = "0x" + calldata(CALLS[name], list(arguments)).hex()
        return self._send({"from": self.people[who], "to": str(REGISTRY), "data": data})

    def register(self, who: int) -> IssuerId:
        self.do(who, "register", bytes(32), bytes([who] * 32), b"https://example.edu")
        owner = Address.from_hex(self.people[who])
        return issuer_id_of(CHAIN, REGISTRY, owner, Bytes32(bytes(32)))

    def settle(self) -> int:
        """Make all there is final; gives the final block's number."""
        self.rpc("anvil_mine", "0x3")
        return int(self.rpc("eth_getBlockByNumber", "finalized", False)["number"], 16)

    def now(self) -> int:
        return int(self.rpc("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def _send(self, call: dict[str, Any]) -> dict[str, Any]:
        receipt: dict[str, Any] = self.rpc(
            "eth_sendTransactionSync", {"gas": hex(6_000_000), **call}
        )
        assert receipt["status"] == "0x1", call
        return receipt


@contextmanager
def registry_chain() -> Iterator[Registry]:
    with bare_chain(CHAIN.number) as rpc:
        yield Registry(rpc)


def request_for(registry: Registry, store: Path, **more: Any) -> AuditRequest:
    pace = more.pop("pace", Pace(wait=lambda _: None))
    return AuditRequest(
        chain=CHAIN,
        registry=REGISTRY,
        store=store,
        seed=1,
        now=registry.now(),
        pace=pace,
        **more,
    )


@contextmanager
def audit_of(registry: Registry, store: Path, *urls: str, **more: Any) -> Iterator[Audit]:
    """An audit through these nodes, or the chain itself."""
    openers = [partial(Node, url) for url in urls or (registry.rpc.url,)]
    audit = Audit(request_for(registry, store, **more), openers)
    try:
        yield audit
    finally:
        audit.close()
