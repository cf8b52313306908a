"""The library's face: credentials in, reports out. Command line and API go the same way.

    verifier = Verifier("trust.toml", rpc=["https://node.example", "https://other.example"])
    report = verifier.verify("diploma.json")
    print(report.verdict, report.sentence)

A verdict is an answer and never an exception: a file that is no credential is MALFORMED, a node
that is down is CANNOT_CHECK. Exceptions are for what the caller said: a policy that cannot be read,
a file that cannot be opened.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from registry.errors import MalformedValue, NodeUnreachable
from registry.judging.policy import TrustPolicy
from registry.moments import read_asked_moment, stamp
from registry.nodes.nodes_to_ask import DEFAULT_TIMEOUT_S, NodesToAsk
from registry.nodes.rpc import node_name
from registry.proofs.proven_evidence import TrustedBlock
from registry.verifying import guarded_https
from registry.verifying.aside import Aside
from registry.verifying.files import Judged, judge_all, without_receipts
from registry.verifying.inputs import expand
from registry.verifying.issuer_sources import IssuerSources, read_document, read_list
from registry.verifying.sources import (
    NobodyToAsk,
    NodeToAsk,
    ToAsk,
    read_policy,
    read_trusted_blocks,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Iterable

    from registry.report import Report
    from registry.verifying.files import Item, Part

File: TypeAlias = str | PathLike[str]

Connect: TypeAlias = Callable[[], AbstractContextManager[ToAsk]]
"""Opens a way to the chain's facts for one run, and closes it."""

_AT_ONCE = 8


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Verifier:
    """Judges credentials by one policy, from one way to the chain's facts.

    It keeps no connection: each call opens what it needs and closes it. So there is nothing to
    close, and threads may share it.
    """

    def __init__(
        self,
        policy: TrustPolicy | File,
        *,
        rpc: str | Sequence[str] = (),
        quorum: int | None = None,
        own_node: str | None = None,
        trusted_blocks: TrustedBlock | str | Iterable[TrustedBlock | str] = (),
        checkpoints: File | None = None,
        did_documents: File | Iterable[File] = (),
        status_lists: File | Iterable[File] = (),
        fetch: bool | None = None,
        purpose: str | None = None,
        max_age_s: int | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        at_once: int = _AT_ONCE,
        connect: Connect | None = None,
        clock: Callable[[], datetime] = _utc_now,
    ) -> None:
        """Read all files that are named; connect to nobody.

        policy: whom to trust, or a TOML file that says so. rpc: nodes; one is taken at its word, of
        several `quorum` must agree on the final block (else more than half). own_node: a node that
        is believed. trusted_blocks, `eip155:N:0xHASH`, and checkpoints, a file of them: bundles of
        these blocks are judged by their own proofs. With neither a node nor own_node nobody is
        asked. did_documents, status_lists: files of issuers that are believed to be theirs. fetch:
        whether to fetch those from issuers' own sites; as long as it is not said, where a node is
        asked too. purpose: what policy trusts for it counts too. max_age_s: how old the chain's
        word may be, else as policy says. timeout_s: how long to try where nodes are slow or busy.
        at_once: threads for one event loop. connect: another way to the chain's facts than nodes.

        Raises OSError and MalformedDocument (policy: MalformedPolicy) for what cannot be read,
        MalformedValue for what is no URL or no block, ValueError for what cannot be together.
        """
        urls = tuple(dict.fromkeys(_several(rpc)))
        self._connect = connect or _connecting(urls, quorum, own_node, timeout_s)
        if connect is not None and (urls or own_node):
            raise ValueError("connect is there instead of rpc and own_node")
        trust = policy if isinstance(policy, TrustPolicy) else read_policy(Path(policy), None)
        if max_age_s is not None:
            if max_age_s <= 0:
                raise ValueError("max_age_s is a number of seconds above 0")
            trust = replace(trust, max_age_s=max_age_s)
        self._policy = trust if purpose is None else replace(trust, purpose=purpose)
        self._trusted = read_trusted_blocks(
            [
                TrustedBlock.parse(one) if isinstance(one, str) else one
                for one in _several(trusted_blocks)
            ],
            None if checkpoints is None else Path(checkpoints),
        )
        self._documents = [read_document(Path(file)) for file in _several(did_documents)]
        self._lists = [read_list(Path(file)) for file in _several(status_lists)]
        self._fetches = bool(urls or own_node) if fetch is None else fetch
        self._clock = clock
        self._aside = Aside(at_once)

    @property
    def policy(self) -> TrustPolicy:
        return self._policy

    def verify(
        self, credential: Part, receipt: Part | None = None, *, at: datetime | str | None = None
    ) -> Report:
        """Judge one credential or bundle: its bytes, or where its file lies.

        receipt: where it is not inside, nor beside the file as NAME.receipt.json. at: a past moment
        to judge as of, with a time zone, or as text (2026-05-01T12:00Z).

        Raises OSError for a file that cannot be opened; MalformedValue, ValueError for `at`.
        """
        item = credential if receipt is None else (credential, receipt)
        (judged,) = self.verify_many([item], at=at)
        if judged.failure is not None:
            raise judged.failure
        assert judged.report is not None
        return judged.report

    def verify_many(
        self, items: Iterable[Item], *, at: datetime | str | None = None
    ) -> Generator[Judged, None, None]:
        """Judge each by itself, in order; the chain is asked about all of a batch together.

        An item is a credential or bundle as of `verify`, or a pair of credential and receipt. One
        that cannot be opened has a failure instead of a report. Raises as `verify` for `at`.
        """
        if isinstance(items, (str, bytes, PathLike)):
            raise TypeError("verify_many takes several; for one there is verify")
        now = self._clock()
        return self._run(items, now, _past(at, now))

    async def averify(
        self, credential: Part, receipt: Part | None = None, *, at: datetime | str | None = None
    ) -> Report:
        """`verify` in a thread. Where the task is cancelled the wait ends at once; see `Aside`."""
        return await self._aside.run(partial(self.verify, credential, receipt, at=at))

    async def averify_many(
        self, items: Iterable[Item], *, at: datetime | str | None = None
    ) -> AsyncGenerator[Judged, None]:
        """`verify_many`, each step in a thread; nothing is judged ahead of who takes it."""
        judged, busy = self.verify_many(items, at=at), threading.Lock()

        def step() -> Judged | None:
            with busy:
                return next(judged, None)

        def leave() -> None:
            with busy:  # a step that was left behind is waited for
                judged.close()

        try:
            while (one := await self._aside.run(step)) is not None:
                yield one
        finally:
            threading.Thread(target=leave, name="credanchor", daemon=True).start()

    def _run(
        self, items: Iterable[Item], now: datetime, at: datetime | None
    ) -> Generator[Judged, None, None]:
        guard = guarded_https.Guard() if self._fetches else None
        issuers = IssuerSources(self._documents, guard, self._lists)
        with self._connect() as ask:
            yield from judge_all(
                items,
                ask,
                self._policy,
                now,
                at=at,
                ask_history=ask.history,
                issuers=issuers,
                trusted=self._trusted,
            )


def credential_files(*named: File) -> list[Path]:
    """Every credential's file that is meant by files, folders and patterns; receipts left out."""
    return without_receipts(expand(map(Path, named)))


def _several(given: Any) -> tuple[Any, ...]:
    """One may be given without a list around it."""
    return (given,) if isinstance(given, (str, PathLike, TrustedBlock)) else tuple(given)


def _connecting(
    urls: Sequence[str], quorum: int | None, own: str | None, timeout_s: float
) -> Connect:
    """One node is believed as far as its word goes; several, and one's own, by proof."""
    for url in (*urls, *([own] if own else [])):
        try:
            node_name(url)
        except NodeUnreachable as fault:
            raise MalformedValue("node", str(fault)) from None
    if quorum is not None and (own or not 1 <= quorum <= len(urls)):
        raise ValueError(f"quorum {quorum}: of {len(urls)} nodes, and no own one")
    if not urls and not own:
        return partial(NobodyToAsk, "no node was named")
    if len(urls) == 1 and not own:
        return partial(NodeToAsk, urls[0], timeout_s)
    return partial(NodesToAsk, urls, quorum=quorum, own=own, timeout_s=timeout_s)


def _past(at: datetime | str | None, now: datetime) -> datetime | None:
    moment = read_asked_moment(at) if isinstance(at, str) else at
    if moment is not None and moment.tzinfo is None:
        raise ValueError("at has no time zone")
    if moment is not None and moment > now:
        raise MalformedValue("at", f"what will be at {stamp(moment)} cannot be judged")
    return moment
