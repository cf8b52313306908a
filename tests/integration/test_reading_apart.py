"""Logs read by a process apart: the same ranges and the same errors, and nothing left behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from functools import partial
from multiprocessing import active_children
from typing import TYPE_CHECKING

import psutil
import pytest
from audited_chain import META, Registry, registry_chain
from contract_views import REGISTRY
from rpc_proxy import altered, error, proxied

from registry.errors import NodeRefused, NodeUnreachable
from registry.formats.raw_log import BadLog, RawLog
from registry.nodes.log_reader import Pace, Range, read_ranges
from registry.nodes.reading_apart import apart, read_ranges_apart
from registry.nodes.rpc import Node

if TYPE_CHECKING:
    from collections.abc import Iterator

SMALL = Pace(first_span=2, target_logs=3, patience_s=0.2)


@pytest.fixture(scope="module")
def registry() -> Iterator[Registry]:
    with registry_chain() as registry:
        issuer = registry.register(1)
        for number in range(1, 13):
            registry.do(1, "anchor", issuer, bytes([number]) * 32, 300, META)
        registry.settle()
        yield registry


def test_the_ranges_are_those_of_one_process(registry: Registry) -> None:
    last = registry.settle()
    opened = [partial(Node, registry.rpc.url)]
    apart = list(read_ranges_apart(opened, REGISTRY, 0, last, SMALL))
    assert apart == list(read_ranges(opened, REGISTRY, 0, last, SMALL))
    assert sum(len(one.logs) for one in apart) == 13
    assert not active_children()


def test_errors_come_over_as_they_are(registry: Registry) -> None:
    def twice(logs: list[object]) -> list[object]:
        return [*logs, *logs[-1:]]

    with proxied(registry.rpc.url) as proxy:
        proxy.rules.append(altered("eth_getLogs", twice))
        with pytest.raises(BadLog, match="comes twice") as doubled:
            list(read_ranges_apart([partial(Node, proxy.url)], REGISTRY, 0, 30, SMALL))
        assert (doubled.value.kind, type(doubled.value.block)) == ("duplicated", int)
        proxy.rules[:] = [lambda call, _: error(call, "not today", -32001)]
        with pytest.raises(NodeRefused) as refused:
            list(read_ranges_apart([partial(Node, proxy.url)], REGISTRY, 5, 5, SMALL))
        assert (refused.value.code, refused.value.message) == (-32001, "not today")


def test_a_reader_that_is_killed_is_told_of(registry: Registry) -> None:
    ranges = read_ranges_apart([partial(Node, registry.rpc.url)], REGISTRY, 0, 2**40, SMALL)
    next(ranges)
    (reader,) = active_children()
    reader.kill()
    with pytest.raises(NodeUnreachable, match="was killed"):
        list(ranges)


def test_a_reader_that_is_killed_within_a_range_is_told_of() -> None:
    """The pipe holds 64 KiB: of this range it has the beginning, and waits with the rest."""
    large = Range(1, 1, [RawLog(1, bytes(32), 0, bytes(32), bytes(32), bytes(2**20))])
    ranges = apart(lambda: iter([Range(0, 0, []), large]))
    assert next(ranges) == Range(0, 0, [])
    (reader,) = active_children()
    time.sleep(0.5)
    reader.kill()
    with pytest.raises(NodeUnreachable, match="was killed"):
        next(ranges)


def test_a_reader_whose_replayer_is_left_or_killed_ends(registry: Registry) -> None:
    ranges = read_ranges_apart([partial(Node, registry.rpc.url)], REGISTRY, 0, 2**40, SMALL)
    next(ranges)
    ranges.close()
    assert not active_children()
    with subprocess.Popen(
        [sys.executable, __file__, registry.rpc.url], stdout=subprocess.PIPE, text=True
    ) as replayer:
        assert replayer.stdout is not None
        reader = psutil.Process(int(replayer.stdout.readline()))
        replayer.kill()
    reader.wait(20)


def stand_still(url: str) -> None:
    """Begin to read, say by which process, and go on to do nothing."""
    ranges = read_ranges_apart([partial(Node, url)], REGISTRY, 0, 2**40, SMALL)
    next(ranges)
    print(active_children()[0].pid, flush=True)
    signal.pause()


if __name__ == "__main__":
    stand_still(sys.argv[1])
