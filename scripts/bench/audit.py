"""Audits: how fast, how much memory, and which lies they catch; beside web3.py in the same run.

    python scripts/bench/audit.py [--json]

Decoding is timed from the bytes of a node's answers, and folds each log into its history as well;
web3.py decodes the same bytes and folds nothing. An audit counts from the command's start to its
exit, from a real anvil to the signed statement; web3.py fetches the same logs from the same node
and neither decodes, checks nor stores them. Memory is the peak of a process of its own, and of its
fork, above what it held before the audit; its node is made up, as are a million logs. Lies are
those of the tests.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import closing, contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from audit_sources import CHAIN, REGISTRY, MadeUp, write_history
from audited_chain import registry_chain
from formats import Figure, interleaved, show
from lying_campaign import live, lying_node

from registry.auditing.audit import Audit, AuditRequest
from registry.formats import events as ev
from registry.formats.history import HistoryHash
from registry.formats.log_slices import fold_log, read_event
from registry.formats.raw_log import read_logs
from registry.nodes.log_ranges import TARGET_LOGS
from registry.nodes.rpc import Node
from registry.workspaces import artifact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry.values import IssuerId

DECODED = 3_000
DECODED_A_SECOND = 40_000
OPERATIONS = 100_000
OPERATIONS_A_SECOND = 15_000
FEW, MANY = 10_000, 1_000_000
PEAK_MB = 100
LOGS_AT_ONCE = TARGET_LOGS
"""In one answer, for every contender."""


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    options.add_argument("--json", action="store_true", help="for programs")
    options.add_argument("--operations", type=int, default=OPERATIONS)
    options.add_argument("--logs", type=int, default=MANY, help="for the peak of memory")
    options.add_argument("--measure", metavar="URL", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.measure:
        print(json.dumps(measured_audit(chosen.measure)))
        return 0
    figures = [
        *decoding(),
        *whole_audit(chosen.operations),
        *memory(FEW, chosen.logs),
        *lies(),
    ]
    if chosen.json:
        print(json.dumps([asdict(figure) for figure in figures], indent=2))
    else:
        show(figures)
    return 0 if all(figure.met is not False for figure in figures) else 1


def decoding() -> list[Figure]:
    chain = MadeUp(DECODED)
    logs = chain.answer("eth_getLogs", [{"fromBlock": "0x0", "toBlock": hex(chain.final)}])
    answers = [
        orjson.dumps({"jsonrpc": "2.0", "id": 1, "result": logs[at : at + LOGS_AT_ONCE]})
        for at in range(0, len(logs), LOGS_AT_ONCE)
    ]
    peer = Web3Decoder(logs)
    # Both warm before either is timed: an interpreter that has just begun runs at half the speed.
    assert decode_and_fold(answers, chain.final) == peer.decode() == len(logs)
    ours, theirs = interleaved(
        partial(decode_and_fold, answers, chain.final), peer.decode, rounds=5, turns=1
    )
    return [
        Figure(
            f"{len(logs):,} logs decoded and folded, one core",
            f"{len(logs) / ours:,.0f}/s",
            f"at least {DECODED_A_SECOND:,}/s",
            len(logs) / ours >= DECODED_A_SECOND,
        ),
        Figure(
            "  beside web3.py's contract.events.*.get_logs",
            f"{theirs / ours:.0f} x as fast ({len(logs) / theirs:,.0f}/s)",
            "at least 10 x",
            theirs >= 10 * ours,
        ),
    ]


def decode_and_fold(answers: list[bytes], last: int) -> int:
    histories: dict[IssuerId, HistoryHash] = {}
    start = HistoryHash(bytes(HistoryHash.LENGTH))
    count = 0
    for answer in answers:
        for log in read_logs("node", orjson.loads(answer)["result"], REGISTRY, 0, last):
            event = read_event(log)
            issuer, root = event.issuer_id, getattr(event, "root", b"")
            histories[issuer] = fold_log(histories.get(issuer, start), event.KIND, root, log.data)
            count += 1
    return count


class Web3Decoder:
    """contract.events.*.get_logs over the same logs, already in this process as bytes."""

    def __init__(self, logs: list[dict[str, Any]]) -> None:
        from web3 import Web3
        from web3.providers import JSONBaseProvider

        by_topic: dict[str, list[dict[str, Any]]] = {}
        for log in logs:
            by_topic.setdefault(log["topics"][0], []).append(log)

        class Canned(JSONBaseProvider):
            def make_request(self, method: Any, params: Any) -> Any:
                if method != "eth_getLogs":
                    return {"jsonrpc": "2.0", "id": 1, "result": hex(CHAIN.number)}
                return self.decode_rpc_response(told.get(params[0]["topics"][0], nothing))

        told = {
            topic: orjson.dumps({"jsonrpc": "2.0", "id": 1, "result": some})
            for topic, some in by_topic.items()
        }
        nothing = orjson.dumps({"jsonrpc": "2.0", "id": 1, "result": []})
        web3 = Web3(Canned())
        address = Web3.to_checksum_address(str(REGISTRY))
        contract = web3.eth.contract(address=address, abi=artifact.load().abi)
        self._events = [contract.events[kind.__name__]() for kind in ev.EVENTS]

    def decode(self) -> int:
        return sum(len(list(event.get_logs(from_block=0))) for event in self._events)


def whole_audit(operations: int) -> list[Figure]:
    with registry_chain() as registry, tempfile.TemporaryDirectory() as folder:
        write_history(registry, operations)
        ours = command(registry.rpc.url, Path(folder))
        web3, fetched = fetched_by_web3(registry.rpc.url)
    if ours["operations"] != fetched:
        sys.exit(f"{ours['operations']} operations audited, {fetched} fetched by web3.py")
    rate = fetched / ours["seconds"]
    return [
        Figure(
            f"{fetched:,} operations, node to signed statement",
            f"{rate:,.0f}/s ({ours['seconds']:.1f} s)",
            f"at least {OPERATIONS_A_SECOND:,}/s",
            rate >= OPERATIONS_A_SECOND,
        ),
        Figure(
            "  beside web3.py's get_logs, undecoded",
            f"{web3 / ours['seconds']:.1f} x as fast ({fetched / web3:,.0f}/s)",
            "at least 5 x",
            web3 >= 5 * ours["seconds"],
        ),
    ]


def command(url: str, folder: Path) -> dict[str, Any]:
    words = [
        "credanchor", "audit", "--json", "--rpc", url, "--chain", str(CHAIN),
        "--registry", str(REGISTRY), "--store", str(folder / "store.db"),
        "--statement", str(folder / "audit.jws"), "--key", str(folder / "key.pem"),
    ]  # fmt: skip
    start = time.perf_counter()
    told = subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout
    seconds = time.perf_counter() - start
    operations = sum(issuer["operations"] for issuer in json.loads(told)["issuers"])
    if not (folder / "audit.jws").stat().st_size:
        sys.exit("no statement was signed")
    return {"seconds": seconds, "operations": operations}


def fetched_by_web3(url: str) -> tuple[float, int]:
    """Seconds for all logs, and how many, in ranges of as many logs as ours."""
    from web3 import HTTPProvider, Web3

    web3 = Web3(HTTPProvider(url, request_kwargs={"timeout": 60}))
    address = Web3.to_checksum_address(str(REGISTRY))
    last = web3.eth.block_number
    logs = len(web3.eth.get_logs({"address": address, "fromBlock": last // 2, "toBlock": last}))
    blocks = max(1, last // 2 * LOGS_AT_ONCE // logs)
    start, count = time.perf_counter(), 0
    for first in range(0, last + 1, blocks):
        until = min(first + blocks - 1, last)
        count += len(web3.eth.get_logs({"address": address, "fromBlock": first, "toBlock": until}))
    return time.perf_counter() - start, count


def memory(few: int, many: int) -> list[Figure]:
    small, large = peak(few), peak(many)
    return [
        Figure(
            f"peak memory over the start, {logs:,} logs",
            f"{told['riseMb']:.0f} MB ({told['seconds']:.0f} s)",
            f"under {PEAK_MB} MB",
            told["riseMb"] < PEAK_MB,
        )
        for logs, told in ((few, small), (many, large))
    ]


def peak(logs: int) -> dict[str, float]:
    with made_up_node(logs) as url:
        words = [sys.executable, __file__, "--measure", url]
        told = subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout
    found: dict[str, float] = json.loads(told)
    if found["logs"] != logs + 10:
        sys.exit(f"{found['logs']} logs were audited, not {logs} and ten registrations")
    return found


@contextmanager
def made_up_node(logs: int) -> Iterator[str]:
    words = [sys.executable, str(Path(__file__).with_name("audit_sources.py")), str(logs)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def measured_audit(url: str) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        request = AuditRequest(
            chain=CHAIN, registry=REGISTRY, store=Path(folder) / "store.db", seed=1, now=0
        )
        start = time.perf_counter()
        with closing(Audit(request, [partial(Node, url)])) as audit:
            before = peak_kib()
            report = audit.run()
            after = peak_kib()
    if not report.holds:
        sys.exit(f"an honest node is accused: {report.findings[:3]}")
    seconds = time.perf_counter() - start
    # Of the process that reads, a fork of this one, too: it begins with what this one holds.
    reader = max(0, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss - before)
    rise = after - before + reader
    return {"riseMb": rise / 1024, "seconds": seconds, "logs": report.scope.logs}


def peak_kib() -> int:
    """Of this program alone: what getrusage tells began before it, in the one that started it."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.partition("VmHWM:")[2].split()[0])


def lies() -> list[Figure]:
    with lying_node():
        tally = live(examples=2, steps=25)
    all_caught = tally.caught == tally.injected and tally.false_alarms == 0
    return [
        Figure(
            f"lies of a node, {len(tally.kinds)} kinds",
            f"{tally.injected} injected, {tally.caught} caught, {tally.false_alarms} false alarms",
            "all, all, 0",
            all_caught and tally.injected > 0,
        )
    ]


if __name__ == "__main__":
    sys.exit(main())
