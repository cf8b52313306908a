"""Every view of the deployed contract, compared with the reference model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import reference_forms as forms
from eth_abi.abi import decode
from eth_utils.crypto import keccak
from reference_model import NOBODY

from registry.workspaces import artifact

if TYPE_CHECKING:
    from bare_chain import BareChain
    from reference_model import Model

REGISTRY = artifact.load().address
TREES = [[keccak(bytes([size, leaf])) for leaf in range(size)] for size in (1, 5, 130)]
ROOTS = [forms.tree_root(leaves) for leaves in TREES]
ISSUER_RECORD = "address,address,bool,bool,uint32,uint40,bytes32,uint40,bytes27"


class Views:
    """The contract's answers at the model's time; accounts: whose grants and nonces to ask for."""

    def __init__(self, rpc: BareChain, model: Model, accounts: list[bytes]) -> None:
        self.rpc, self.model, self.accounts = rpc, model, accounts

    def check(self) -> None:
        model = self.model
        (count, history) = self.view("registrations()", "uint40,bytes27")
        assert count == model.registrations
        assert history == (model.registrations_history if count else bytes(27))
        nobody = (hex0x(NOBODY),) * 2 + (False, False, 0, 0, bytes(32), 0, bytes(27))
        assert self.view("issuer(bytes32)", ISSUER_RECORD, bytes(32)) == nobody
        for issuer_id, issuer in model.issuers.items():
            assert self.view("issuer(bytes32)", ISSUER_RECORD, issuer_id) == (
                hex0x(issuer.owner),
                hex0x(issuer.pending_owner),
                issuer.paused,
                issuer.retired,
                issuer.epoch,
                issuer.distrust_after,
                issuer.did_hash,
                issuer.operations,
                issuer.history,
            )
            for account in self.accounts:
                grant = issuer.delegates.get(account, (0, 0, 0))
                found = self.view(
                    "delegate(bytes32,address)", "uint8,uint32,uint40,bool", issuer_id, account
                )
                assert found == (*grant, model.is_current(issuer_id, account))
            for signer, nonce in [(self.accounts[3], 1), (self.accounts[1], 255), (NOBODY, 0)]:
                (used,) = self.view(
                    "isNonceUsed(bytes32,address,uint256)", "bool", issuer_id, signer, nonce
                )
                assert used == (nonce == 0 or nonce in issuer.used.get(signer, set()))
            for root in [*ROOTS, bytes(32)]:
                self.check_batch(issuer_id, root)

    def check_batch(self, issuer_id: bytes, root: bytes) -> None:
        issuer = self.model.issuers[issuer_id]
        batch = issuer.batches.get(root)
        record = self.view("batch(bytes32,bytes32)", "uint40,uint40,uint32,bool", issuer_id, root)
        if batch is None:
            assert record == (0, 0, 0, False)
            return
        assert record == (batch.anchored_at, batch.operation, batch.size, batch.revoked)
        (found,) = self.view(
            "statusWords(bytes32,bytes32,uint256,uint256)", "uint256[]", issuer_id, root, 0, 3
        )
        assert list(found) == [batch.words.get(word, 0) for word in range(3)]
        leaves = TREES[ROOTS.index(root)]
        for index in {0, 1, 4, 129, len(leaves) - 1, batch.size - 1, batch.size}:
            (status,) = self.view(
                "statusOf(bytes32,bytes32,uint256)", "uint8", issuer_id, root, index
            )
            assert status == batch.status(index)
            at = min(index, len(leaves) - 1)
            path = forms.tree_path(at, leaves)
            included = forms.leads_to(root, batch.size, leaves[at], index, path)
            distrusted = 0 < issuer.distrust_after <= batch.anchored_at
            found = self.view(
                "verifyLeaf(bytes32,bytes32,bytes32,uint256,bytes32[])",
                "bool,uint8,bool,bool,bool,uint40",
                *(issuer_id, root, leaves[at], index, path),
            )
            assert found == (
                included,
                status if included else 0,
                included and distrusted,
                issuer.paused,
                issuer.retired,
                batch.anchored_at,
            )

    def view(self, signature: str, types: str, *arguments: Any) -> tuple[Any, ...]:
        call = {"to": str(REGISTRY), "data": "0x" + calldata(signature, list(arguments)).hex()}
        answer = self.rpc("eth_call", call, "latest", {}, {"time": hex(self.model.now)})
        return decode(types.split(","), bytes.fromhex(answer[2:]))


def calldata(signature: str, arguments: list[Any]) -> bytes:
    types = split(signature[signature.index("(") + 1 : -1])
    return keccak(text=signature)[:4] + forms.written(types, arguments)


def split(types: str) -> list[str]:
    """At the commas that stand in no inner parenthesis."""
    found, depth = [""], 0
    for sign in types:
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if sign == "," and not depth:
            found.append("")
        else:
            found[-1] += sign
    return [one for one in found if one]


def hex0x(data: bytes) -> str:
    return "0x" + data.hex()
