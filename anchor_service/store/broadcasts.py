"""What nodes say of a transaction that they are handed, in the words of six kinds of node."""

from __future__ import annotations

from enum import Enum


class Broadcast(Enum):
    """What became of a transaction that was handed to the node."""

    TAKEN = "taken"
    NONCE_LOW = "nonce too low"
    UNDERPRICED = "replacement underpriced"
    FEE_LOW = "fee below base fee"
    FUNDS = "insufficient funds"
    OTHER = "refused"


# Words of anvil, geth, reth, erigon, nethermind and besu; first match wins.
_REFUSALS = (
    (Broadcast.TAKEN, ("already known", "already imported", "known transaction", "alreadyknown")),
    (Broadcast.NONCE_LOW, ("nonce too low", "nonce is too low", "oldnonce", "nonce_too_low")),
    (Broadcast.UNDERPRICED, ("replacement transaction underpriced", "underpriced", "feetoolow")),
    (Broadcast.FEE_LOW, ("less than block base fee", "below base fee", "max fee per gas less")),
    (Broadcast.FUNDS, ("insufficient funds", "insufficient balance", "upfront cost")),
)


def classify(message: str) -> Broadcast:
    """A node's refusal by its words: JSON-RPC has no codes for these."""
    folded = message.casefold()
    for outcome, phrases in _REFUSALS:
        if any(phrase in folded for phrase in phrases):
            return outcome
    return Broadcast.OTHER
