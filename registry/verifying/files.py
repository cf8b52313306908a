"""Files or bytes in, reports out: the thin shell around the verifier.

Items are taken in portions, so that a hundred thousand of them need no more memory than a few
hundred; within and across portions the chain is asked about each batch's word only once.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

from registry.documents.issuer_word import NO_WORD, IssuerWord
from registry.errors import ChainError
from registry.formats.receipt import MAX_RECEIPT_BYTES
from registry.formats.storage import LANES_PER_WORD
from registry.judging.examination import Examination, examine_file
from registry.proofs.bundle import MAX_BUNDLE_BYTES
from registry.proofs.evidence import Evidence, NoEvidence, Subject
from registry.proofs.proven_evidence import NO_BLOCKS, TrustedBlocks, bundle_evidence, bundle_word
from registry.proofs.told_history import IssuerHistory, NoHistory
from registry.reasons import Reason
from registry.verifying.issuer_sources import IssuerSources

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence
    from datetime import datetime

    from registry.formats.receipt import Receipt
    from registry.judging.policy import TrustPolicy
    from registry.proofs.evidence import Block, Snapshot, Source
    from registry.report import Report
    from registry.values import Address, ChainId, IssuerId

PORTION = 512
"""Items held in memory at once: a megabyte each at the very most, a bundle four."""

WHOLE_BATCH_WORDS = 8
"""A batch of no more status words is asked about as a whole: who answers learns only the batch."""

CREDENTIAL_SUFFIXES = (".json", ".jsonld")
RECEIPT_SUFFIX = ".receipt.json"

Part: TypeAlias = bytes | str | PathLike[str]
"""A document's bytes, or where its file lies."""

Item: TypeAlias = Part | tuple[Part, Part]
"""A credential or bundle; or a credential and its receipt."""

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
    """One item's report, or why it could not be opened."""

    item: Item
    report: Report | None
    failure: OSError | None = None


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


def judge_all(
    items: Iterable[Item],
    ask: Ask,
    policy: TrustPolicy,
    now: datetime,
    *,
    at: datetime | None = None,
    ask_history: AskHistory | None = None,
    issuers: IssuerSources | None = None,
    trusted: TrustedBlocks = NO_BLOCKS,
) -> Generator[Judged, None, None]:
    """Judge each item, in order. A file that comes alone brings the receipt that lies beside it.

    at: the past moment to judge as of, else now; ask_history: for its sake, once an issuer.
    issuers: where more of the issuers' own is, such as DID documents. trusted: blocks under which
    bundles are judged by their own proofs, and nobody is asked.
    """
    issuers = issuers or IssuerSources()
    desk = _Desk(ask, policy, ask_history if at is not None else None)
    remaining = iter(items)
    while portion := list(islice(remaining, PORTION)):
        opened = [_open(item, trusted, past=at is not None) for item in portion]
        desk.gather(one.open_receipt for one in opened if isinstance(one, Opened))
        for item, one in zip(portion, opened, strict=True):
            if isinstance(one, Opened):
                answer = desk.answer(one)
                report = issuers.judge(one.examination, answer, policy, now, at, one.word)
                yield Judged(item, report)
            else:
                yield Judged(item, None, one)


@dataclass(frozen=True, slots=True)
class Opened:
    """What a file says. carried: the evidence that a bundle brought; word: of its issuer."""

    examination: Examination
    carried: Answer | None = None
    word: IssuerWord = NO_WORD

    @classmethod
    def of(cls, raw: bytes, sidecar: bytes | None, trusted: TrustedBlocks, *, past: bool) -> Opened:
        examination, bundle = examine_file(raw, sidecar)
        if bundle is None or examination.sealed is None:
            return cls(examination)
        carried = bundle_evidence(bundle, trusted, with_history=past)
        return cls(examination, carried, bundle_word(bundle))

    @property
    def open_receipt(self) -> Receipt | None:
        """The receipt whose anchor the chain is to be asked about."""
        return None if isinstance(self.carried, Evidence) else self.examination.sealed


def _open(item: Item, trusted: TrustedBlocks, *, past: bool) -> Opened | OSError:
    """Return what item and receipt say, or why one of them cannot be opened."""
    credential, receipt = item if isinstance(item, tuple) else (item, None)
    try:
        raw = _read(credential, MAX_BUNDLE_BYTES)
        if receipt is None and not isinstance(credential, bytes):
            # A receipt that was named must be there; one that is only looked for need not.
            beside = receipt_path(Path(credential))
            receipt = beside if beside.exists() else None
        sidecar = None if receipt is None else _read(receipt, MAX_RECEIPT_BYTES)
    except OSError as fault:
        return fault
    return Opened.of(raw, sidecar, trusted, past=past)


def _read(part: Part, limit: int) -> bytes:
    """One byte over the limit at most: enough for the reader to refuse it. Raises OSError."""
    if isinstance(part, bytes):
        return part
    try:
        with open(part, "rb") as file:  # noqa: PTH123 - whatever names a file
            return file.read(limit + 1)
    except OSError as fault:
        fault.filename = fault.filename or part  # reading, unlike opening, does not say of what
        raise


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
                wanted[receipt.chain, receipt.registry] |= dict.fromkeys(_subjects(receipt))
        for (chain, registry), subjects in wanted.items():
            for subject, answer in zip(
                subjects, self._answers_for(chain, registry, list(subjects)), strict=True
            ):
                self._answers[chain, registry, subject] = self._with_history(answer)

    def answer(self, one: Opened) -> Answer:
        if isinstance(one.carried, Evidence):
            return one.carried
        receipt = one.examination.sealed
        answer: Answer = NoEvidence("policy trusts no registry there", Reason.REGISTRY_NOT_TRUSTED)
        if receipt is not None:
            answer = self._answers.get(_key(receipt), answer)
        if one.carried is None or isinstance(answer, Evidence):
            return answer
        # Both are worth knowing: why the bundle's proof does not count, and why nobody else's.
        return replace(one.carried, reason=f"{one.carried.reason}; {answer.reason}")

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
        notes = () if isinstance(known, NoHistory) else known.notes
        return replace(answer, history=known, notes=(*answer.notes, *notes))


def _subjects(receipt: Receipt) -> list[Subject]:
    """What to ask about for one receipt: its word, and all others of a batch that has few."""
    subject = Subject.of(receipt)
    words = -(-receipt.tree_size // LANES_PER_WORD)
    if words > WHOLE_BATCH_WORDS:
        return [subject]
    return [subject._replace(word=word) for word in range(words)]


def _key(receipt: Receipt) -> tuple[ChainId, Address, Subject]:
    return receipt.chain, receipt.registry, Subject.of(receipt)
