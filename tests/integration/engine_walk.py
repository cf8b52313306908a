"""A random walk of the engine through everything that happens to it, held against a model."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Any, ClassVar

from breaking import Layer, Mode
from engine_checks import comes_to_rest, holds
from engine_stand import Stand
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from anchor_service.store.lifecycle import Moment
from registry.formats.events import StatusChange

if TYPE_CHECKING:
    from engine_ground import Ground

_BROKEN = (Mode.NOT_DONE, Mode.DONE_BUT_LOST)


class _Nowhere:
    """Where a walk goes on that lost its ground: nothing happens, and as many choices are made."""

    bare = False

    def __init__(self, restarted: bool) -> None:
        self.restarted = restarted

    def restart_node(self) -> None:
        self.restarted = True

    def __getattr__(self, name: str) -> Any:
        return lambda *_arguments, **_named: None


class Walk(RuleBasedStateMachine):
    """ground: where it walks. done: how often each thing was done, over all walks."""

    ground: ClassVar[Ground]
    done: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.stand: Any = Stand(self.ground, self.done)
        self.left: Stand | None = None

    @initialize(number=st.integers(1, 3), rounds=st.integers(0, 3))
    def begin(self, number: int, rounds: int) -> None:
        self.stand.add(number, again=False)
        for _ in range(rounds):
            self.stand.round(seconds=1, blocks=1)

    @rule(number=st.integers(1, 3), again=st.booleans())
    def add(self, number: int, again: bool) -> None:
        self.stand.add(number, again)

    @rule(which=st.integers(0, 5), kind=st.sampled_from(StatusChange))
    def wish(self, which: int, kind: StatusChange) -> None:
        self.stand.wish(which, kind)

    @rule(seconds=st.sampled_from((0, 1, 20, 60)), blocks=st.integers(0, 3))
    def round(self, seconds: int, blocks: int) -> None:
        self.stand.round(seconds, blocks)

    @rule(
        part=st.sampled_from(("step", "seal", "look")),
        seconds=st.sampled_from((0, 20, 60)),
        patient=st.booleans(),
    )
    def part(self, part: str, seconds: int, patient: bool) -> None:
        if part == "step":
            self.stand.step(seconds, patient)
        elif part == "seal":
            self.stand.seal()
        else:
            self.stand.look(all_week=patient)

    @rule(layer=st.sampled_from(Layer), after=st.integers(1, 9), mode=st.sampled_from(_BROKEN))
    def fail(self, layer: Layer, after: int, mode: Mode) -> None:
        self.stand.fail(layer, after, mode)

    @rule(moment=st.sampled_from(Moment), taken=st.booleans())
    def interrupt(self, moment: Moment, taken: bool) -> None:
        if taken:
            self.stand.take_over_at(moment)
        else:
            self.stand.kill_at(moment)

    @rule(blocks=st.integers(1, 3))
    def mine(self, blocks: int) -> None:
        self.stand.mine(blocks)

    @rule(depth=st.integers(1, 8))
    def reorganise(self, depth: int) -> None:
        self.stand.reorganise(depth)
        if self.stand.bare:
            self.left, self.stand = self.stand, _Nowhere(self.stand.restarted)

    @rule(
        kind=st.sampled_from(("drop", "dear", "too dear", "calm", "steal", "dry", "fund", "kill"))
    )
    def befall(self, kind: str) -> None:
        acts = {
            "drop": self.stand.drop,
            "dear": lambda: self.stand.spike(2),
            "too dear": lambda: self.stand.spike(2000),
            "calm": self.stand.calm,
            "steal": self.stand.steal,
            "dry": self.stand.run_dry,
            "fund": self.stand.fund,
            "kill": self.stand.kill,
        }
        acts[kind]()

    @rule(which=st.integers(0, 3), anchor=st.booleans())
    def go_past(self, which: int, anchor: bool) -> None:
        """Another program does the service's work."""
        if anchor:
            self.stand.anchor_past(which)
        else:
            self.stand.change_past(which)

    @precondition(lambda self: not self.stand.restarted)
    @rule(chance=st.integers(0, 3))
    def restart_node(self, chance: int) -> None:
        if chance == 0:
            self.stand.restart_node()

    @invariant()
    def holds(self) -> None:
        if self.left is None:
            holds(self.stand)

    def teardown(self) -> None:
        failing = sys.exc_info()[0] is not None
        try:
            if not failing and self.left is None:
                comes_to_rest(self.stand)
                self.done["walks"] += 1
        finally:
            (self.left or self.stand).leave()
