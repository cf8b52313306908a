"""The deployed contract against the reference model, in random walks; replay against both.

Each step runs at a chosen time on a real anvil and in the model: both must emit the same logs, or
refuse with the same error and arguments. At the end of a walk every view and every storage slot is
compared, and so is what the library rebuilds from the logs alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import reference_forms as forms
from bare_chain import BareChain, bare_chain
from contract_views import ROOTS, hex0x
from contract_walk import CALLS, CHAIN, YES, YES_CODE, Walk
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from registry.workspaces import artifact

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def chain() -> Iterator[BareChain]:
    shipped = artifact.load()
    with bare_chain(CHAIN.number) as rpc:
        people = rpc("eth_accounts")
        deploy = "0x" + (artifact.SALT + shipped.creation_code).hex()
        transaction = {"from": people[0], "to": str(artifact.FACTORY), "data": deploy}
        rpc("eth_sendTransactionSync", transaction)
        rpc("anvil_setCode", hex0x(YES), YES_CODE)
        Walk.rpc, Walk.accounts = rpc, [bytes.fromhex(one[2:]) for one in people[:6]]
        yield rpc


def walk(examples: int, steps: int) -> None:
    run_state_machine_as_test(
        Walk,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.usefixtures("chain")
def test_each_operation_and_each_refusal_comes_as_the_model_says() -> None:
    """What random walks come upon by chance, once for certain."""
    walk = Walk()
    try:
        _tour(walk)
    finally:
        walk.teardown()
    assert set(walk.steps) == set(CALLS) | set(forms.ERRORS)


def _tour(walk: Walk) -> None:
    walk.begin()
    one, two = walk.model.issuers
    owner, other, helper, heir, stranger = walk.accounts[1:6]
    small, middle, large = ROOTS
    meta = bytes(32)
    walk.do("register", owner, bytes(32), bytes(32), b"")
    walk.do("pause", owner, bytes(32))
    walk.do("set_did", owner, one, b"\xee" * 32, b"\xff")
    walk.do("set_did", stranger, one, bytes(32), b"")
    walk.do("set_delegate", owner, one, heir, 4, 0)
    walk.do("set_delegate", owner, one, heir, 1, walk.last)
    walk.do("set_delegate", owner, one, heir, 1, walk.last + 100)
    walk.do("anchor", heir, one, small, 1, meta)
    walk.do("change_status", heir, one, small, 2, [(0, 1)])
    walk.do("pause", owner, one)
    walk.do("anchor", owner, one, middle, 5, meta)
    walk.do("unpause", owner, one)
    walk.do("anchor", owner, one, middle, 0, meta)
    walk.do("anchor", owner, one, large, 130, meta)
    walk.anchor_signed(0, "helper", middle, 5, 100, "good")
    walk.send_again(0)
    for forgery in ("another's key", "other chain", "other registry", "altered", "high s"):
        walk.change_status_signed(0, "helper", 0, 0, [(0, 4)], 7, 100, forgery)
    walk.change_status_signed(0, "helper", 0, 0, [(0, 4)], 7, 0, "good")
    walk.change_status_signed(0, "helper", 0, 0, [(0, 4)], 7, 100, "good")
    walk.change_status_signed(0, "helper", 0, 1, [(0, 4)], 7, 100, "good")
    walk.change_status_signed(0, "helper", 0, 1, [(0, 4)], 0, 100, "good")
    walk.do("cancel_nonces", helper, one, helper, 0, 1 << 8 | 1 << 7)
    walk.do("cancel_nonces", helper, one, helper, 0, 1 << 8)
    walk.do("change_status", helper, one, large, 2, [(0, 1), (1, 4)])
    walk.do("change_status", helper, one, large, 1, [(0, 5)])
    walk.do("change_status", helper, one, large, 0, [(1, 16)])
    walk.do("change_status", helper, one, large, 0, [(2**25 - 1, 0), (0, 1 << 20)])
    walk.do("change_status", helper, one, large, 0, [(2**25, 0), (0, 1 << 22)])
    walk.do("change_statuses", helper, one, 2, [(large, [(0, 1)]), (middle, [(0, 1 << 8)])])
    walk.do("change_status", helper, one, b"\x0b" * 32, 2, [(0, 1)])
    walk.do("revoke_batch", owner, one, middle)
    walk.do("change_status", helper, one, middle, 1, [(0, 1)])
    walk.do("transfer_ownership", owner, one, heir)
    walk.do("accept_ownership", stranger, one)
    walk.do("accept_ownership", heir, one)
    walk.do("bump_epoch", heir, one)
    walk.send_again(0)
    walk.do("distrust", other, two, 0)
    walk.do("distrust", other, two, walk.last)
    walk.do("distrust", other, two, walk.model.issuers[two].distrust_after)
    walk.do("distrust", other, two, 5)
    walk.do("anchor", other, two, middle, 5, meta)
    walk.do("retire", other, two)
    walk.do("anchor", other, two, middle, 5, meta)


@pytest.mark.usefixtures("chain")
@pytest.mark.parametrize("_campaign", range(2))
def test_contract_model_and_replay_agree_on_random_walks(_campaign: int) -> None:
    walk(examples=20, steps=50)


@pytest.mark.long
@pytest.mark.usefixtures("chain")
@pytest.mark.parametrize("_campaign", range(4))
def test_contract_model_and_replay_agree_on_long_random_walks(_campaign: int) -> None:
    walk(examples=500, steps=100)
