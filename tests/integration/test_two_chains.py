"""One code, one address: the registry under two chain ids."""

from __future__ import annotations

from typing import Any

import pytest
from bare_chain import BareChain, bare_chain
from eth_utils.crypto import keccak

from registry.workspaces import artifact


def deploy(rpc: BareChain) -> dict[str, Any]:
    """Through the deterministic factory, by an account that differs from chain to chain."""
    shipped = artifact.load()
    call = "0x" + (artifact.SALT + shipped.creation_code).hex()
    sender = rpc("eth_accounts")[int(rpc("eth_chainId"), 16) % 10]
    transaction = {"from": sender, "to": str(artifact.FACTORY), "data": call}
    receipt: dict[str, Any] = rpc("eth_sendTransactionSync", transaction)
    assert receipt["status"] == "0x1"
    return receipt


def view(rpc: BareChain, signature: str) -> str:
    call = {"to": str(artifact.load().address), "data": "0x" + keccak(text=signature)[:4].hex()}
    answer: str = rpc("eth_call", call, "latest")
    return answer


@pytest.fixture(scope="module")
def codes() -> dict[int, bytes]:
    """The code at the one address that is expected, by chain id."""
    found = {}
    for chain in (31337, 11155111):
        with bare_chain(chain) as rpc:
            assert rpc("eth_getCode", str(artifact.load().address), "latest") == "0x"
            deploy(rpc)
            code = rpc("eth_getCode", str(artifact.load().address), "latest")
            found[chain] = bytes.fromhex(code[2:])
            # The id of the chain is asked for in each call, and so is no part of the code.
            assert f"{chain:064x}" in view(rpc, "eip712Domain()")
    return found


def test_address_and_code_hash_are_the_same_under_two_chain_ids(codes: dict[int, bytes]) -> None:
    one, two = codes.values()
    assert one == two == artifact.load().deployed_code
    assert keccak(one) == artifact.load().code_hash


def test_neither_chain_nor_address_is_in_the_code(codes: dict[int, bytes]) -> None:
    for chain, code in codes.items():
        assert bytes(artifact.load().address) not in code
        assert chain.to_bytes(4) not in code


def test_a_second_deployment_changes_nothing() -> None:
    with bare_chain(31337) as rpc:
        deploy(rpc)
        call = "0x" + (artifact.SALT + artifact.load().creation_code).hex()
        again = {"from": rpc("eth_accounts")[0], "to": str(artifact.FACTORY), "data": call}
        again["gas"] = hex(10_000_000)
        assert rpc("eth_sendTransactionSync", again)["status"] == "0x0"
        code = rpc("eth_getCode", str(artifact.load().address), "latest")
        assert bytes.fromhex(code[2:]) == artifact.load().deployed_code
