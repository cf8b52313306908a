"""What to offer a chain for a transaction: pure rules over EIP-1559 fees, all in wei per gas."""

from __future__ import annotations

from dataclasses import dataclass

# Under Osaka's cap on one transaction (EIP-7825: 2**24); above it no node takes it.
MAX_GAS = 2**24 - 1
GWEI = 10**9


@dataclass(frozen=True, slots=True)
class Fees:
    """max_fee: most that is paid for one gas, tip included; tip: the block producer's part."""

    max_fee: int
    tip: int


@dataclass(frozen=True, slots=True)
class Market:
    """base_fee: of the head block; tip: what the node suggests."""

    base_fee: int
    tip: int


def first_offer(market: Market, cap: int) -> Fees | None:
    """Room for the base fee to double; None when even today's price is above `cap`."""
    if market.base_fee + market.tip > cap:
        return None
    return Fees(min(2 * market.base_fee + market.tip, cap), market.tip)


def raised_offer(previous: Fees, market: Market, cap: int) -> Fees | None:
    """A replacement: both fees up by an eighth at least, to the market if that is higher.

    None when that would pass `cap`: the previous offer then stays and is sent again.
    """
    tip = max(_eighth_more(previous.tip), market.tip)
    max_fee = max(_eighth_more(previous.max_fee), 2 * market.base_fee + tip)
    least = max(_eighth_more(previous.max_fee), _eighth_more(previous.tip))
    if least > cap:
        return None
    max_fee = min(max_fee, cap)
    # The market's tip is a wish; the eighth more that nodes ask for is not.
    return Fees(max_fee, min(tip, max_fee))


def gas_limit(estimate: int) -> int | None:
    """A fifth above the estimate; None where no transaction may be that large."""
    limit = estimate + -(-estimate // 5)
    return limit if limit <= MAX_GAS else None


def _eighth_more(fee: int) -> int:
    return fee + max(1, -(-fee // 8))
