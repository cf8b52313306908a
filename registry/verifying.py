"""Files in, reports out: the thin shell around the verifier.

Files are taken in portions, so that a hundred thousand of them need no more memory than a few
hundred; within and across portions the chain is asked about each batch's word only once.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from registry.errors import ChainError
from registry.evidence import Evidence, NoEvidence, Subject
from registry.examination import Examination, examine
from registry.issuer_sources import IssuerSources
from registry.receipt import MAX_RECEIPT_BYTES
from registry.strict_json import MAX_FILE_BYTES
from registry.told_history import IssuerHistory, NoHistory

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from registry.evidence import Block, Snapshot, Source
    from registry.policy import TrustPolicy
    from registry.receipt import Receipt
    from registry.report import Report
    from registry.values import Address, ChainId, IssuerId

PORTION = 512
"""Files held in memory at once, a megabyte each at the very most."""

CREDENTIAL_SUFFIXES = (".json", ".jsonld")
RECEIPT_SUFFIX = ".receipt.json"

Answer = Evidence | NoEvidence
History = IssuerHistory | NoHistory


class Ask(Protocol):
    """Asks the chain about subjects in one registry; one answer for each, in order.

    Raises ChainError where none of them can be answered.
    """

    def __call__(
        self, chain: ChainId, registry: Address, subjects: Sequence[Subject]
    ) -> Sequence[Answer]: ...


class AskHistory(Protocol):
    """Asks for all operations of one issuer up to the block of `final`, the final facts at hand.

    The slot that closes them is to be known as well as those facts are. Raises ChainError where
    that cannot be answered.
    """

    def __call__(
        self, chain: ChainId, registry: Address, issuer_id: IssuerId, final: Snapshot
    ) -> IssuerHistory: ...


@dataclass(frozen=True, slots=True)
class Judged:
    """One file's report, or why it could not be opened."""

    path: Path
    report: Report | None
    failure: str | None = None


def receipt_path(credential: Path) -> Path:
    """Return where a credential's receipt lies beside it: diploma.json, diploma.receipt.json."""
    name = credential.name
    for suffix in CREDENTIAL_SUFFIXES:
        if name.endswith(suffix):
            name = name.removesuffix(suffix)
            break
    return credential.with_name(name + RECEIPT_SUFFIX)


def without_receipts(paths: Sequence[Path]) -> list[Path]:
    """Leave out the receipts of other files in the list, as `verify out/*.json` brings along."""
    receipts = {receipt_path(path) for path in paths}
    return [path for path in paths if path not in receipts]


def verify_files(
    paths: Iterable[Path],
    receipt: Path | None,
    ask: Ask,
    policy: TrustPolicy,
    now: datetime,
    *,
    at: datetime | None = None,
    ask_history: AskHistory | None = None,
    issuers: IssuerSources | None = None,
) -> Iterator[Judged]:
    """Judge each file, in order. receipt: one file's, else each one's is looked for beside it.

    at: the past moment to judge as of, else now; ask_history: for its sake, once an issuer.
    issuers: where more of the issuers' own is, such as DID documents.
    """
    issuers = issuers or IssuerSources()
    desk = _Desk(ask, policy, ask_history if at is not None else None)
    remaining = iter(paths)
    while portion := list(islice(remaining, PORTION)):
        opened = [_open(path, receipt) for path in portion]
        desk.gather(e.sealed for e in opened if isinstance(e, Examination))
        for path, examination in zip(portion, opened, strict=True):
            if isinstance(examination, Examination):
                answer = desk.answer(examination.sealed)
                yield Judged(path, issuers.judge(examination, answer, policy, now, at))
            else:
                yield Judged(path, None, examination)


def verify_one(
    raw: bytes,
    receipt: bytes | None,
    ask: Ask,
    policy: TrustPolicy,
    now: datetime,
    *,
    at: datetime | None = None,
    ask_history: AskHistory | None = None,
    issuers: IssuerSources | None = None,
) -> Report:
    """Judge one credential from memory; otherwise as `verify_files`."""
    desk = _Desk(ask, policy, ask_history if at is not None else None)
    examination = examine(raw, receipt)
    desk.gather([examination.sealed])
    answer = desk.answer(examination.sealed)
    return (issuers or IssuerSources()).judge(examination, answer, policy, now, at)


def _open(path: Path, receipt: Path | None) -> Examination | str:
    """Return what the files say, or why one of them cannot be opened."""
    opening = path
    try:
        raw = _read(path, MAX_FILE_BYTES)
        opening = receipt or receipt_path(path)
        # A receipt that was named must be there; one that is only looked for need not.
        sidecar = _read(opening, MAX_RECEIPT_BYTES) if receipt or opening.exists() else None
    except OSError as error:
        return f"{opening}: {error.strerror or error}"
    return examine(raw, sidecar)


def _read(path: Path, limit: int) -> bytes:
    """Read a file, one byte over the limit at most: enough for the reader to refuse it."""
    with path.open("rb") as file:
        return file.read(limit + 1)


class _Desk:
    """Keeps what was answered, and asks only for what may matter and is not yet known."""

    def __init__(self, ask: Ask, policy: TrustPolicy, ask_history: AskHistory | None) -> None:
        self._ask = ask
        self._ask_history = ask_history
        self._policy = policy
        self._histories: dict[tuple[ChainId, Address, IssuerId, Block, Source], History] = {}
        self._answers: dict[tuple[ChainId, Address, Subject], Answer] = {}

    def gather(self, receipts: Iterable[Receipt | None]) -> None:
        wanted: dict[tuple[ChainId, Address], dict[Subject, None]] = defaultdict(dict)
        for receipt in receipts:
            if receipt is None or _key(receipt) in self._answers:
                continue
            # A registry that policy does not trust is not believed, so it need not be asked.
            if self._policy.registry_at(receipt.chain, receipt.registry) is not None:
                wanted[receipt.chain, receipt.registry][_key(receipt)[2]] = None
        for (chain, registry), subjects in wanted.items():
            for subject, answer in zip(
                subjects, self._answers_for(chain, registry, list(subjects)), strict=True
            ):
                self._answers[chain, registry, subject] = self._with_history(answer)

    def answer(self, receipt: Receipt | None) -> Answer:
        unasked = NoEvidence("policy trusts no registry there")
        return unasked if receipt is None else self._answers.get(_key(receipt), unasked)

    def _answers_for(
        self, chain: ChainId, registry: Address, subjects: Sequence[Subject]
    ) -> Sequence[Answer]:
        try:
            return self._ask(chain, registry, subjects)
        except ChainError as error:
            return [NoEvidence(str(error))] * len(subjects)

    def _with_history(self, answer: Answer) -> Answer:
        """Facts of one issuer as of one final block share one history, read once."""
        if self._ask_history is None or isinstance(answer, NoEvidence):
            return answer
        if answer.history is not None:
            return answer
        final = answer.finalized
        place = answer.chain, answer.registry, answer.subject.issuer_id
        known: History | None = self._histories.get((*place, final.block, final.source))
        if known is None:
            try:
                known = self._ask_history(*place, final)
            except ChainError as error:
                known = NoHistory(str(error))
            self._histories[*place, final.block, final.source] = known
        return replace(answer, history=known)


def _key(receipt: Receipt) -> tuple[ChainId, Address, Subject]:
    return receipt.chain, receipt.registry, Subject.of(receipt)
