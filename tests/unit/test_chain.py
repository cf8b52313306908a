"""Words of nodes, sorted into what the submitter must do."""

from __future__ import annotations

import pytest

from anchor_service.store.broadcasts import Broadcast, classify


@pytest.mark.parametrize(
    ("message", "outcome"),
    [
        ("already known", Broadcast.TAKEN),
        ("transaction already imported", Broadcast.TAKEN),
        ("AlreadyKnown", Broadcast.TAKEN),
        ("nonce too low: next nonce 7, tx nonce 3", Broadcast.NONCE_LOW),
        ("OldNonce", Broadcast.NONCE_LOW),
        ("replacement transaction underpriced", Broadcast.UNDERPRICED),
        ("max fee per gas less than block base fee", Broadcast.FEE_LOW),
        ("insufficient funds for gas * price + value", Broadcast.FUNDS),
        ("Insufficient funds for gas * price + value", Broadcast.FUNDS),
        ("the node is on fire", Broadcast.OTHER),
        ("", Broadcast.OTHER),
    ],
)
def test_a_nodes_words_have_one_meaning(message: str, outcome: Broadcast) -> None:
    assert classify(message) is outcome
