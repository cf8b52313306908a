"""Keys from the environment and from a remote signer; anvil answers as web3signer does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from campaign import fill, settled
from databases import new_sqlite
from desks import CHAIN, REGISTRY, new_issuer, open_line
from eth_account import Account
from rpc_proxy import altered, not_done, proxied

from anchor_service.engine import anchoring, keys, watching
from anchor_service.engine.chain import Chain
from anchor_service.engine.fees import GWEI, Fees
from anchor_service.engine.keys import ChainKey, RemoteSigner
from anchor_service.engine.schedule import ALL
from anchor_service.errors import Blocked, KeyUnusable
from anchor_service.store import batch_store
from anchor_service.store.lifecycle import BatchState, Reason
from registry.formats.abi import Lanes
from registry.formats.events import StatusChange
from registry.formats.typed_data import AnchorMessage, StatusMessage, signing_digest
from registry.nodes.rpc import Node
from registry.values import Address, BatchRoot, ChainId, IssuerId, MetaHash

if TYPE_CHECKING:
    from pathlib import Path

# The first account of anvil's, which it signs for.
ANVILS = Address.from_hex("0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266")
SECRET = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
CALL: dict[str, Any] = {
    "chain": CHAIN,
    "nonce": 7,
    "to": REGISTRY,
    "data": b"\1\2\3\4",
    "gas": 90_000,
    "fees": Fees(3 * GWEI, GWEI),
}
ANCHOR = AnchorMessage(
    IssuerId(b"\1" * 32), ANVILS, 3, BatchRoot(b"\2" * 32), 128, MetaHash(b"\3" * 32), 2**40
)
STATUS = StatusMessage(
    IssuerId(b"\1" * 32),
    ANVILS,
    0,
    BatchRoot(b"\2" * 32),
    StatusChange.REVOKE,
    (Lanes(2**200, 1 << 254), Lanes(0, 5)),
    2**255,
    2**40,
)


def local() -> ChainKey:
    return ChainKey(Account.from_key(SECRET), CHAIN)


def test_the_secret_above_is_that_of_anvils_account() -> None:
    assert local().address == ANVILS


def test_a_remote_signer_signs_what_the_key_itself_would(url: str) -> None:
    with Node(url) as node:
        signer = RemoteSigner(node, ANVILS, CHAIN)
        assert signer.sign(**CALL) == local().sign(**CALL)
        for message in (ANCHOR, STATUS):
            remote = signer.sign_operation(message, CHAIN, REGISTRY)
            assert remote == local().sign_operation(message, CHAIN, REGISTRY)
            found = Account._recover_hash(
                bytes(signing_digest(message, CHAIN, REGISTRY)), signature=remote
            )
            assert Address.from_hex(found.lower()) == ANVILS


def test_clefs_answer_is_read_too(url: str) -> None:
    with proxied(url) as proxy, Node(proxy.url) as node:
        proxy.rules.append(altered("eth_signTransaction", lambda raw: {"raw": raw, "tx": {}}))
        assert RemoteSigner(node, ANVILS, CHAIN).sign(**CALL) == local().sign(**CALL)


CHANGES: dict[str, Any] = {
    "chain": ChainId(1),
    "nonce": 8,
    "to": Address(b"\x66" * 20),
    "data": b"\1\2\3\5",
    "gas": 90_001,
    "max_fee": Fees(4 * GWEI, GWEI),
    "tip": Fees(3 * GWEI, 2 * GWEI),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_signer_that_changes_a_field_is_refused_by_its_name(url: str, name: str) -> None:
    argument = "fees" if name in ("max_fee", "tip") else name
    raw, _ = local().sign(**{**CALL, argument: CHANGES[name]})
    with proxied(url) as proxy, Node(proxy.url) as node:
        proxy.rules.append(altered("eth_signTransaction", lambda _: "0x" + raw.hex()))
        with pytest.raises(Blocked, match=f"it changed {name};") as caught:
            RemoteSigner(node, ANVILS, CHAIN).sign(**CALL)
    assert caught.value.reason is Reason.SIGNER


def _valued() -> str:
    fields = {"to": REGISTRY.to_hex(), "value": 1, "nonce": 7, "gas": 90_000, "chainId": 31337}
    fees = {"maxFeePerGas": 3 * GWEI, "maxPriorityFeePerGas": GWEI, "data": b"\1\2\3\4"}
    to = {"to": Account.create().address}
    return (
        "0x"
        + bytes(
            Account.from_key(SECRET).sign_transaction({**fields, **fees, **to}).raw_transaction
        ).hex()
    )


def _legacy() -> str:
    fields = {"to": Account.create().address, "value": 0, "nonce": 7, "gas": 9, "gasPrice": 5}
    signed = Account.from_key(SECRET).sign_transaction({**fields, "chainId": 31337})
    return "0x" + bytes(signed.raw_transaction).hex()


@pytest.mark.parametrize(
    "answer", ["0x", "0x02", "0x02c0", "0xzz", None, 5, {}, {"raw": None}, _valued(), _legacy()]
)
def test_an_answer_that_is_no_transaction_of_ours_is_refused(url: str, answer: object) -> None:
    with proxied(url) as proxy, Node(proxy.url) as node:
        proxy.rules.append(altered("eth_signTransaction", lambda _: answer))
        with pytest.raises(Blocked, match="the remote signer http://127"):
            RemoteSigner(node, ANVILS, CHAIN).sign(**CALL)


def test_another_accounts_signature_is_refused(url: str) -> None:
    other = ChainKey(Account.create(), CHAIN)
    raw, _ = other.sign(**CALL)
    signature = other.sign_operation(ANCHOR, CHAIN, REGISTRY)
    with proxied(url) as proxy, Node(proxy.url) as node:
        proxy.rules.append(altered("eth_signTransaction", lambda _: "0x" + raw.hex()))
        proxy.rules.append(altered("eth_signTypedData_v4", lambda _: "0x" + signature.hex()))
        signer = RemoteSigner(node, ANVILS, CHAIN)
        with pytest.raises(Blocked, match=f"signed as {other.address}"):
            signer.sign(**CALL)
        with pytest.raises(Blocked, match="its signature is not"):
            signer.sign_operation(ANCHOR, CHAIN, REGISTRY)


def test_a_signer_that_is_down_blocks_and_gives_the_nonce_back(url: str, tmp_path: Path) -> None:
    """The whole line over a remote signer: blocked while it is away, anchored once it is back."""
    database = new_sqlite(tmp_path / "issuer.db")
    fill(database)
    with Node(url) as node, proxied(url) as proxy, Node(proxy.url) as remote:
        chain = Chain(node, CHAIN)
        signer = RemoteSigner(remote, ANVILS, CHAIN)
        with open_line(database, chain, signer, new_issuer(node, local())) as line:
            proxy.rules.append(not_done("eth_signTransaction", times=1))
            anchoring.advance([line], [ALL])
            with database.read() as connection:
                (batch,) = batch_store.sealed_batches(connection)
            assert batch.state is BatchState.BLOCKED
            assert str(batch.reason).startswith("signer: the remote signer http://127")
            for _ in range(20):
                anchoring.advance([line], [ALL], patient=False)
                assert line.desk.mine is not None
                line.desk.mine()
                watching.look([line])
            assert settled(database)
    database.close()


def test_a_key_from_the_environment_signs_and_is_never_shown() -> None:
    assert keys.from_environment("KEY", CHAIN, {"KEY": SECRET + "\n"}).address == ANVILS
    for wrong in ("", SECRET[:-2], SECRET + "00", "0x" + "00" * 32, "open sesame"):
        with pytest.raises(KeyUnusable) as caught:
            keys.from_environment("KEY", CHAIN, {"KEY": wrong})
        assert not wrong or wrong not in str(caught.value)
        assert caught.value.__suppress_context__ or not wrong


def test_published_keys_are_refused_on_other_chains_whoever_signs() -> None:
    with pytest.raises(KeyUnusable, match="published"):
        keys.from_environment("KEY", ChainId(1), {"KEY": SECRET})
    with Node("http://127.0.0.1:1") as node, pytest.raises(KeyUnusable, match="published"):
        RemoteSigner(node, ANVILS, ChainId(1))
