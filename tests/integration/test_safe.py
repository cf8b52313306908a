"""A real Safe (1.4.1, as published) owns an issuer: by transaction, and by ERC-1271 signature."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from conftest import SENDER
from eth_account import Account
from web3 import HTTPProvider, Web3
from web3.exceptions import ContractCustomError

from registry.formats.typed_data import AnchorMessage, signing_digest
from registry.values import Address, BatchRoot, ChainId, IssuerId, MetaHash
from registry.workspaces import artifact

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

BUILT = (
    Path(__file__).resolve().parents[2]
    / "node_modules/@safe-global/safe-contracts/build/artifacts/contracts"
)
NOBODY = "0x" + "00" * 20
CHAIN = ChainId(31337)
FOR_EVER = 2**40


@dataclass
class Stage:
    """Transactions are sent by an account that is nothing to the Safe or to the issuer."""

    web3: Web3
    registry: Any
    safe: Any
    handler: Any
    keeper: LocalAccount  # the Safe's one owner

    def send(self, call: Any) -> Any:
        sender = Web3.to_checksum_address(str(SENDER))
        tx_hash = call.transact({"from": sender})
        receipt = self.web3.eth.wait_for_transaction_receipt(tx_hash)
        assert receipt["status"] == 1
        return receipt

    def through_safe(self, call: Any) -> None:
        """Execute a call to the registry as the Safe, on its owner's signature."""
        data = call._encode_transaction_data()
        terms = (self.registry.address, 0, data, 0, 0, 0, 0, NOBODY, NOBODY)
        nonce = self.safe.functions.nonce().call()
        digest = self.safe.functions.getTransactionHash(*terms, nonce).call()
        signature = self.keeper.unsafe_sign_hash(digest).signature
        self.send(self.safe.functions.execTransaction(*terms, bytes(signature)))

    def signed_by_safe(self, digest: bytes) -> bytes:
        """What the Safe's owner signs, for the Safe to stand by `digest` (ERC-1271)."""
        wrapped = digest.rjust(32, b"\0")  # abi.encode of one bytes32
        message = self.handler.functions.getMessageHashForSafe(self.safe.address, wrapped).call()
        return bytes(self.keeper.unsafe_sign_hash(message).signature)


@pytest.fixture
def stage(chain_url: str, deployed: Address) -> Stage:
    web3 = Web3(HTTPProvider(chain_url))
    sender = Web3.to_checksum_address(str(SENDER))

    def deploy(place: str) -> Any:
        built = json.loads((BUILT / f"{place}.json").read_text("utf-8"))
        kind = web3.eth.contract(abi=built["abi"], bytecode=built["bytecode"])
        tx_hash = kind.constructor().transact({"from": sender})
        address = web3.eth.wait_for_transaction_receipt(tx_hash)["contractAddress"]
        return web3.eth.contract(address, abi=built["abi"])

    singleton = deploy("Safe.sol/Safe")
    handler = deploy("handler/CompatibilityFallbackHandler.sol/CompatibilityFallbackHandler")
    factory = deploy("proxies/SafeProxyFactory.sol/SafeProxyFactory")
    keeper = Account.create()
    setup = singleton.functions.setup(
        [keeper.address], 1, NOBODY, b"", handler.address, NOBODY, 0, NOBODY
    )._encode_transaction_data()
    create = factory.functions.createProxyWithNonce(singleton.address, setup, 1)
    address = create.call({"from": sender})
    registry = web3.eth.contract(Web3.to_checksum_address(str(deployed)), abi=artifact.load().abi)
    built = Stage(web3, registry, web3.eth.contract(address, abi=singleton.abi), handler, keeper)
    built.send(create)
    return built


def test_a_safe_takes_an_issuer_over_and_anchors_by_signature(stage: Stage) -> None:
    calls = stage.registry.functions
    sender = Web3.to_checksum_address(str(SENDER))
    stage.send(calls.register(b"\1" * 32, b"\2" * 32, ""))
    issuer_id = calls.issuerIdOf(sender, b"\1" * 32).call()
    stage.send(calls.transferOwnership(issuer_id, stage.safe.address))
    stage.through_safe(calls.acceptOwnership(issuer_id))
    owner, pending, *_, epoch = calls.issuer(issuer_id).call()[:5]
    assert (owner, pending, epoch) == (stage.safe.address, NOBODY, 1)

    root, meta_hash = b"\3" * 32, b"\4" * 32
    message = AnchorMessage(
        issuer_id=IssuerId(issuer_id),
        signer=Address.from_hex(stage.safe.address),
        epoch=epoch,
        root=BatchRoot(root),
        size=128,
        meta_hash=MetaHash(meta_hash),
        deadline=FOR_EVER,
    )
    digest = signing_digest(message, CHAIN, Address.from_hex(stage.registry.address))
    signature = stage.signed_by_safe(digest)
    signed = (issuer_id, root, 128, meta_hash, stage.safe.address, FOR_EVER)
    stranger = bytes(Account.create().unsafe_sign_hash(digest).signature)
    with pytest.raises(ContractCustomError):  # InvalidSignature
        calls.anchorSigned(*signed, stranger).call()
    receipt = stage.send(calls.anchorSigned(*signed, signature))
    (event,) = stage.registry.events.Anchored().process_receipt(receipt)
    assert event.args.actor == stage.safe.address
    assert calls.batch(issuer_id, root).call()[2] == 128

    stage.through_safe(calls.revokeBatch(issuer_id, root))
    assert calls.statusOf(issuer_id, root, 7).call() == 3  # Revoked
