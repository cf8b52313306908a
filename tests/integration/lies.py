"""What a lying node may do to an audit, one lie each, and how it must be caught.

A lie is told by a rule of `rpc_proxy`, knows where it lied, and says whether an audit's outcome
names it: the right kind, and the very operation or block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from rpc_proxy import Forward, Message, Rule, altered, error, limited, not_done

from registry.auditing.audit_report import AuditReport
from registry.auditing.findings import Finding, Severity
from registry.errors import ChainError
from registry.formats.events import EpochBumped, write_log
from registry.values import Address, IssuerId

if TYPE_CHECKING:
    from random import Random

    from reference_model import Model

LogJson = dict[str, Any]
Outcome = AuditReport | ChainError
Caught = Callable[[Outcome], bool]


@dataclass
class Lie:
    """harmless: what the node does is no lie: the audit must hold, and `caught` says whether."""

    name: str
    rule: Rule
    caught: Caught
    max_age_s: int = 10**9
    harmless: bool = False


def errors(outcome: Outcome) -> list[Finding]:
    if isinstance(outcome, ChainError):
        return []
    return [one for one in outcome.findings if one.severity is Severity.ERROR]


def named(log: LogJson, *matters: str) -> Caught:
    """An error names the log's issuer, operation and block, or its registration."""
    issuer, operation, block = issuer_of(log), operation_of(log), int(log["blockNumber"], 16)

    def caught(outcome: Outcome) -> bool:
        for one in errors(outcome):
            if one.matter not in matters:
                continue
            if one.issuer_id == issuer and one.operation == operation and one.block == block:
                return True
            if one.issuer_id is None and one.block == block and operation == 1:
                return True
        return False

    return caught


def refused(*words: str) -> Caught:
    """The audit says that it cannot be done with this node, and why."""
    return lambda outcome: (
        isinstance(outcome, ChainError) and any(word in str(outcome) for word in words)
    )


def either(*ways: Caught) -> Caught:
    return lambda outcome: any(way(outcome) for way in ways)


def holds(outcome: Outcome) -> bool:
    return isinstance(outcome, AuditReport) and outcome.holds


def issuer_of(log: LogJson) -> IssuerId:
    return IssuerId.from_hex(log["topics"][1])


def operation_of(log: LogJson) -> int:
    return int(log["data"][2:66], 16)


def logs_become(change: Callable[[list[LogJson]], list[LogJson]]) -> Rule:
    return altered("eth_getLogs", change)


def within(query: Message, logs: list[LogJson]) -> list[LogJson]:
    first, last = int(query["fromBlock"], 16), int(query["toBlock"], 16)
    return [log for log in logs if first <= int(log["blockNumber"], 16) <= last]


def serve(logs: list[LogJson]) -> Rule:
    """The node's whole history is this one, whatever ranges are asked for."""

    def rule(call: Message, forward: Forward) -> Message | None:
        if call.get("method") != "eth_getLogs":
            return None
        answer = within(call["params"][0], logs)
        return {"jsonrpc": "2.0", "id": call["id"], "result": answer}

    return rule


def all_lies(logs: list[LogJson], model: Model, last: int, chance: Random) -> Iterator[Lie]:
    """One lie of each kind, told of a log that chance picks. last: the newest final block."""
    yield from left_out(logs, chance)
    yield from added(logs, model, last, chance)
    yield from changed(logs, chance)
    yield from moved(logs, chance)
    yield from misplaced(logs, chance)
    yield from about_blocks(last, chance)
    yield from trying_patience()


def left_out(logs: list[LogJson], chance: Random) -> Iterator[Lie]:
    gone = chance.choice(logs)
    yield Lie("drops a log", serve([one for one in logs if one is not gone]), named(gone, MISSING))
    cut = chance.randrange(1, len(logs))
    yield Lie("drops the end", serve(logs[:cut]), named(logs[cut], MISSING))
    yield Lie("drops all", serve([]), named(logs[0], MISSING))
    issuer = issuer_of(chance.choice(logs))
    own = [one for one in logs if issuer_of(one) == issuer]
    rest = [one for one in logs if issuer_of(one) != issuer]
    yield Lie("drops an issuer", serve(rest), named(own[0], MISSING))
    most = max(1, len(logs) // 3)
    yield Lie(
        "cuts answers silently",
        logs_become(lambda answer: answer[:most]),
        either(*[named(one, MISSING) for one in logs]),
    )


def added(logs: list[LogJson], model: Model, last: int, chance: Random) -> Iterator[Lie]:
    again = {**chance.choice(logs), "blockNumber": hex(last), "blockHash": "0x" + "ab" * 32}
    yield Lie("adds a log again", serve([*logs, again]), named(again, "extra-log"))
    issuer_id, issuer = chance.choice(list(model.issuers.items()))
    newest = int(logs[-1]["data"][66:130], 16)
    topics, data = write_log(
        EpochBumped(
            IssuerId(issuer_id),
            issuer.operations + 1,
            newest,
            Address(issuer.owner),
            issuer.epoch + 1,
        )
    )
    forged = {**again, "topics": ["0x" + one.hex() for one in topics], "data": "0x" + data.hex()}
    yield Lie("adds a log that could be", serve([*logs, forged]), named(forged, "extra-log"))
    place = chance.randrange(len(logs))
    twice = [*logs[: place + 1], logs[place], *logs[place + 1 :]]
    yield Lie("doubles a log", serve(twice), refused("twice"))


def changed(logs: list[LogJson], chance: Random) -> Iterator[Lie]:
    place = chance.randrange(len(logs))
    log = logs[place]
    words = len(log["data"][2:]) // 64
    at = 2 + 64 * chance.randrange(1, words) + chance.choice([63, 62, 40, 30])
    digit = f"{int(log['data'][at], 16) ^ chance.randrange(1, 16):x}"
    bent = {**log, "data": log["data"][:at] + digit + log["data"][at + 1 :]}
    told = [*logs[:place], bent, *logs[place + 1 :]]
    yield Lie(
        "alters a log",
        serve(told),
        either(named(log, "altered-log"), refused("none that the registry writes")),
    )
    batches = [one for one in logs if len(one["topics"]) == 3]
    of_batch = chance.choice(batches)
    root = "0x" + "77" * 32
    told = [
        {**one, "topics": [*one["topics"][:2], root]} if one is of_batch else one for one in logs
    ]
    yield Lie("alters a root", serve(told), named(of_batch, "altered-log"))


def moved(logs: list[LogJson], chance: Random) -> Iterator[Lie]:
    some = chance.randrange(len(logs))

    def shuffled(answer: list[LogJson]) -> list[LogJson]:
        """Two neighbours of one answer: those of two answers come in order whatever a node does."""
        if len(answer) < 2:
            return answer
        place = some % (len(answer) - 1)
        return [*answer[:place], answer[place + 1], answer[place], *answer[place + 2 :]]

    yield Lie("shuffles logs", logs_become(shuffled), refused("out of order", "twice"))
    issuer = issuer_of(chance.choice(logs))
    own = [number for number, one in enumerate(logs) if issuer_of(one) == issuer]
    first, second = sorted(chance.sample(own, 2))
    told = list(logs)
    for here, there in ((first, second), (second, first)):
        told[here] = {**logs[here], **{name: logs[there][name] for name in ("topics", "data")}}
    yield Lie("swaps two logs", serve(told), named(logs[first], "reordered-log", "altered-log"))


def misplaced(logs: list[LogJson], chance: Random) -> Iterator[Lie]:
    place = chance.randrange(len(logs))
    log = logs[place]
    for member, value in (
        ("transactionHash", "0x" + "cd" * 32),
        ("blockHash", "0x" + "ab" * 32),
    ):
        told = [
            {**one, member: value} if one["blockHash"] == log["blockHash"] else one for one in logs
        ]
        yield Lie(f"alters {member}", serve(told), named(log, "misplaced-log"))
    alone = [
        number
        for number, one in enumerate(logs[1:], 1)
        if int(one["blockNumber"], 16) - int(logs[number - 1]["blockNumber"], 16) > 1
    ]
    if alone:
        number = chance.choice(alone)
        earlier = hex(int(logs[number]["blockNumber"], 16) - 1)
        bent = {**logs[number], "blockNumber": earlier}
        told = [*logs[:number], bent, *logs[number + 1 :]]
        yield Lie("moves a log to another block", serve(told), named(bent, "misplaced-log"))
    index = hex(int(logs[-1]["logIndex"], 16) + 1)
    told = [*logs[:-1], {**logs[-1], "logIndex": index}]
    yield Lie("alters a log's position", serve(told), named(logs[-1], "misplaced-log"))


def about_blocks(last: int, chance: Random) -> Iterator[Lie]:
    old = hex(chance.randrange(1, last - 1))

    def stale(call: Message, forward: Forward) -> Message | None:
        if call.get("method") == "eth_getBlockByNumber" and call["params"][0] in TAGS:
            return forward({**call, "params": [old, False]})
        return None

    # Before the deployment there is nothing to audit, and that is said.
    named_so = either(stale_named, refused("no contract at"))
    yield Lie("serves a stale head", stale, named_so, max_age_s=0)
    for member, value in (("timestamp", "0x1"), ("stateRoot", "0x" + "12" * 32)):
        yield Lie(
            f"alters a header's {member}",
            altered("eth_getBlockByNumber", partial(with_member, member, value)),
            refused("do not give its hash"),
        )
    yield Lie("alters a proof", altered("eth_getProof", bend_proof), refused("its proof of"))
    yield Lie("proves half", altered("eth_getProof", halve_proof), refused("its proof of"))

    def other_block(call: Message, forward: Forward) -> Message | None:
        if call.get("method") != "eth_getProof":
            return None
        return forward({**call, "params": [*call["params"][:2], hex(last - 1)]})

    yield Lie("proves another block", other_block, refused("its proof of"))


TAGS = ("latest", "finalized")
MISSING = "missing-log"


def stale_named(outcome: Outcome) -> bool:
    return any(one.matter == "stale-node" for one in errors(outcome))


def with_member(name: str, value: str, answer: Any) -> Any:
    return {**answer, name: value}


def bend_proof(answer: Any) -> Any:
    node = answer["accountProof"][-1]
    return {**answer, "accountProof": [*answer["accountProof"][:-1], node[:-2] + "5a"]}


def halve_proof(answer: Any) -> Any:
    return {**answer, "accountProof": answer["accountProof"][:-1]}


def trying_patience() -> Iterator[Lie]:
    """No lies: what providers do all day. The audit takes it, and holds."""

    def few(call: Message, forward: Forward) -> Message | None:
        if call.get("method") != "eth_getLogs":
            return None
        query = call["params"][0]
        if int(query["toBlock"], 16) - int(query["fromBlock"], 16) < 4:
            return None
        return error(call, "exceed maximum block range: 4")

    def count(call: Message, forward: Forward) -> Message | None:
        if call.get("method") != "eth_getLogs":
            return None
        answer = forward(call)
        if len(answer["result"]) <= 3:
            return answer
        return error(call, "query returned more than 3 results", -32005)

    yield Lie("takes few blocks", few, holds, harmless=True)
    yield Lie("gives few results", count, holds, harmless=True)
    yield Lie("breaks off", not_done("eth_getLogs", times=2), holds, harmless=True)
    slow = limited_logs(429, {"Retry-After": "1"})
    yield Lie("limits the rate", slow, holds, harmless=True)
    yield Lie("limits it in words", limited_words(), holds, harmless=True)


def limited_logs(status: int, headers: dict[str, str]) -> Rule:
    whole = limited(status, times=2, headers=headers)
    return lambda call, forward: whole(call, forward) if call["method"] == "eth_getLogs" else None


def limited_words() -> Rule:
    left = [2]

    def rule(call: Message, forward: Forward) -> Message | None:
        if call.get("method") != "eth_getLogs" or not left[0]:
            return None
        left[0] -= 1
        return error(call, "Too many requests, try again later", -32005)

    return rule
