"""Several nodes of one chain as one: who disagrees is named and not read, everybody is sent to.

A pool answers like a single `Node`. Reads go to one healthy member and stay with it, so that what
is read in a row is of one view; where it gives no answer the next one is asked. A raw transaction
goes to all, and one that takes it is enough. Not for use by several threads at once.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeVar

from anchor_service.errors import Blocked
from anchor_service.store.broadcasts import Broadcast, classify
from anchor_service.store.lifecycle import Reason
from registry.errors import ChainError, NodeInconsistent, NodeRefused, NodeUnreachable
from registry.nodes.rpc import Node
from registry.rpc_hex import data as hex_data
from registry.rpc_hex import quantity

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from registry.formats.strict_json import JsonObject, JsonValue
    from registry.values import ChainId

_T = TypeVar("_T")

# Blocks behind the others at which a member is no longer read.
_BEHIND = 3
_CHECK_S = 30.0
_REST_S = (2.0, 5.0, 15.0, 60.0)
# A provider's limits and missing methods say nothing of the call: another member may answer it.
_OTHER_MAY = frozenset({-32005, -32097, -32601})
_SEND = "eth_sendRawTransaction"
# Members may stand some blocks apart; what they must agree on lies so far under the lowest.
_SETTLED = 2


@dataclass(slots=True)
class Member:
    """One node. fault: why it is not read, for people; None while it is.

    elsewhere: it serves another chain. rests_until: on the pool's clock, after it gave no answer.
    """

    node: Node
    fault: str | None = None
    height: int | None = None
    elsewhere: bool = False
    failures: int = 0
    rests_until: float = 0.0


@dataclass(frozen=True, slots=True)
class Health:
    """One member for `status` and metrics; the name holds no key."""

    name: str
    height: int | None
    fault: str | None

    def as_json(self) -> JsonObject:
        return {"name": self.name, "height": self.height, "fault": self.fault}


class Pool:
    """The nodes of a chain, in the order in which they are trusted where they disagree."""

    def __init__(
        self,
        urls: Sequence[str],
        chain: ChainId,
        *,
        timeout_s: float = 20.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._members = [Member(Node(url, timeout_s=timeout_s)) for url in urls]
        self._chain = chain
        self._clock = clock
        self._checked = float("-inf")
        self._current: Member | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def name(self) -> str:
        return (self._current or self._members[0]).node.name

    def close(self) -> None:
        for member in self._members:
            member.node.close()

    def health(self) -> list[Health]:
        return [Health(one.node.name, one.height, one.fault) for one in self._members]

    def call(self, method: str, params: Sequence[JsonValue]) -> JsonValue:
        """As `Node.call`. Raises Blocked(WRONG_CHAIN) where no member serves the chain."""
        if method == _SEND:
            return self._send(params)
        return self._read(lambda node: node.call(method, params))

    def batch(self, calls: Sequence[tuple[str, Sequence[JsonValue]]]) -> list[JsonValue]:
        """As `Node.batch`; all of it from one member."""
        return self._read(lambda node: node.batch(calls))

    def every(self, method: str, params: Sequence[JsonValue]) -> list[JsonValue]:
        """What each healthy member that answers says; raises NodeUnreachable where none does."""
        self._check()
        answers = []
        for member in self._healthy():
            try:
                answers.append(member.node.call(method, params))
            except (NodeUnreachable, NodeInconsistent) as error:
                self._rest(member, str(error))
        if not answers:
            raise self._nobody()
        return answers

    def distrust(self, why: str) -> None:
        """Stop reading from the member that was read last: what it said can't be so."""
        if self._current is not None:
            self._rest(self._current, why)

    def _read(self, ask: Callable[[Node], _T]) -> _T:
        self._check()
        for member in self._healthy():
            self._current = member
            try:
                answer = ask(member.node)
            except NodeRefused as error:
                if error.code not in _OTHER_MAY or member is self._healthy()[-1]:
                    raise
                self._rest(member, str(error))
            except (NodeUnreachable, NodeInconsistent) as error:
                self._rest(member, str(error))
            else:
                member.failures = 0
                return answer
        raise self._nobody()

    def _send(self, params: Sequence[JsonValue]) -> JsonValue:
        """To everybody but those on another chain; the first success, else the best refusal."""
        self._check()
        taken: list[JsonValue] = []
        refused: list[NodeRefused] = []
        for member in self._members:
            if member.height is None and member.fault is not None:
                continue  # resting, or of another chain
            try:
                taken.append(member.node.call(_SEND, params))
            except NodeRefused as error:
                refused.append(error)
            except (NodeUnreachable, NodeInconsistent) as error:
                self._rest(member, str(error))
        if taken:
            return taken[0]
        if refused:
            # One that has it already says more than another for which its nonce is used.
            raise min(refused, key=lambda one: classify(str(one)) is not Broadcast.TAKEN)
        raise self._nobody()

    def _healthy(self) -> list[Member]:
        """Who may be read, the one that was read last first."""
        those = [one for one in self._members if one.fault is None]
        return sorted(those, key=lambda one: one is not self._current)

    def _rest(self, member: Member, why: str) -> None:
        pause = _REST_S[min(member.failures, len(_REST_S) - 1)]
        if len(self._members) == 1:
            pause = 0.0  # there is nobody else to ask
        member.failures += 1
        member.fault, member.height = why, None
        member.rests_until = self._clock() + pause
        if self._current is member:
            self._current = None
        # Whoever rests is looked at again when its pause ends, not when the round is due.
        self._checked = min(self._checked, member.rests_until - _CHECK_S)

    def _nobody(self) -> ChainError:
        faults = "; ".join(one.fault for one in self._members if one.fault)
        return NodeUnreachable(faults or "no node answers")

    def _check(self) -> None:
        """Look at every member again, at times: chain id, genesis, height, the same blocks."""
        now = self._clock()
        if now - self._checked < _CHECK_S and self._healthy():
            return
        asked = [one for one in self._members if one.rests_until <= now]
        resting = [one.rests_until for one in self._members if one not in asked]
        self._checked = min([now, *(until - _CHECK_S for until in resting)])
        genesis = {id(one): found for one in asked if (found := self._meet(one)) is not None}
        met = [one for one in asked if id(one) in genesis]
        self._outvote(met, genesis, "its chain began with another block")
        self._drop_laggards(met)
        self._compare_blocks(met)
        if all(one.elsewhere for one in self._members):
            raise Blocked(Reason.WRONG_CHAIN, self._nobody().args[0])

    def _meet(self, member: Member) -> str | None:
        """Its genesis; None, and a fault, where it does not answer or is of another chain."""
        try:
            served, first, height = member.node.batch(
                [
                    ("eth_chainId", []),
                    ("eth_getBlockByNumber", ["0x0", False]),
                    ("eth_blockNumber", []),
                ]
            )
            number = quantity(served, "eth_chainId")
            member.height = quantity(height, "eth_blockNumber")
            genesis = _hash(first)
        except ChainError as error:
            self._rest(member, f"{member.node.name}: {error}")
            return None
        member.elsewhere = number != self._chain.number
        member.fault = None
        if member.elsewhere:
            member.height = None
            member.fault = (
                f"{member.node.name} serves eip155:{number}, the settings name {self._chain}; "
                "correct [chain] rpc or id"
            )
            return None
        return genesis

    def _outvote(self, those: list[Member], said: dict[int, str], why: str) -> None:
        """Stop reading who disagrees with most; where they are even, with the first in order."""
        heard = [one for one in those if id(one) in said]
        votes = Counter(said[id(one)] for one in heard)
        if len(votes) < 2:
            return
        ahead = max(votes.values())
        right = next(said[id(one)] for one in heard if votes[said[id(one)]] == ahead)
        for one in heard:
            if said[id(one)] != right:
                one.fault, one.height = f"{one.node.name}: {why}", None

    def _drop_laggards(self, those: list[Member]) -> None:
        read = [one for one in those if one.fault is None]
        heights = sorted(one.height for one in read if one.height is not None)
        if not heights:
            return
        # Of two the higher, of more the middle one: a single boaster makes nobody a laggard.
        usual = heights[len(heights) // 2]
        for one in read:
            if one.height is not None and one.height < usual - _BEHIND:
                one.fault = f"{one.node.name}: at block {one.height}, the others are at {usual}"

    def _compare_blocks(self, those: list[Member]) -> None:
        """The same block of each: who is on a fork, or makes heights up, is named."""
        alike = [one for one in those if one.fault is None and one.height is not None]
        if len(alike) < 2:
            return
        number = hex(max(0, min(one.height or 0 for one in alike) - _SETTLED))
        said = {}
        for one in alike:
            try:
                said[id(one)] = _hash(one.node.call("eth_getBlockByNumber", [number, False]))
            except ChainError as error:
                self._rest(one, f"{one.node.name}: {error}")
        self._outvote(alike, said, f"its block {int(number, 16)} is not that of the others")


def _hash(block: JsonValue) -> str:
    found = block.get("hash") if isinstance(block, dict) else None
    return hex_data(found, "block hash", 32).hex()
