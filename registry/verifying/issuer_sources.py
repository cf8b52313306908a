"""The issuer's own word, gathered: what the verifier was given, and what may be fetched.

Nothing is fetched before the ladder says that it lacks it: so only where policy, registry and
anchor leave the question open, and never for a credential that is refused anyway. Each place is
asked once in a run.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from registry.documents.did_document import MAX_DID_DOCUMENT_BYTES, DidDocument
from registry.documents.issuer_word import NO_WORD, IssuerWord, KnownDocument, Origin
from registry.documents.status_list import KnownList, entries
from registry.errors import MalformedDocument, MalformedJson, NotFetched
from registry.formats.credential import Credential
from registry.formats.strict_json import MAX_FILE_BYTES
from registry.judging.verifier import judge
from registry.reasons import Reason
from registry.report import UNDECIDED, Outcome, Step, Verdict
from registry.verifying.did_web import METHOD, fetch_document
from registry.verifying.guarded_https import fetch

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from registry.judging.examination import Examination
    from registry.judging.policy import TrustPolicy
    from registry.proofs.evidence import Evidence, NoEvidence
    from registry.report import Report
    from registry.verifying.guarded_https import Guard

_LACKS_DOCUMENT = frozenset(
    (
        Reason.DID_NOT_READ,
        Reason.DID_NOT_COMMITTED,
        Reason.KEY_UNKNOWN,
        Reason.SIGNER_NOT_BOUND,
        Reason.STATUS_LIST_NOT_READ,
    )
)


def read_document(file: Path) -> DidDocument:
    """Read a document that the verifier believes. Raises OSError; MalformedDocument with file."""
    with file.open("rb") as stream:
        raw = stream.read(MAX_DID_DOCUMENT_BYTES + 1)
    try:
        return DidDocument.parse(raw)
    except (MalformedJson, MalformedDocument) as fault:
        raise MalformedDocument(f"{file}: {fault}") from None


def read_list(file: Path) -> KnownList:
    """Read a status list, known by its own `id`. Raises OSError; MalformedDocument with file."""
    with file.open("rb") as stream:
        raw = stream.read(MAX_FILE_BYTES + 1)
    try:
        url = Credential.parse(raw).id
    except (MalformedJson, MalformedDocument) as fault:
        raise MalformedDocument(f"{file}: {fault}") from None
    if url is None:
        raise MalformedDocument(f"{file}: a status list without an id is nobody's")
    return KnownList(url, raw)


class IssuerSources:
    """documents: believed as they are. lists: status lists, each judged where it is wanted.

    guard: what a fetch may reach; None to fetch nothing.
    """

    def __init__(
        self,
        documents: Sequence[DidDocument] = (),
        guard: Guard | None = None,
        lists: Sequence[KnownList] = (),
    ) -> None:
        self._given = tuple(KnownDocument(one, Origin.GIVEN) for one in documents)
        self._guard = guard
        self._fetched: dict[str, KnownDocument | str] = {}
        self._lists = {one.url: one for one in lists}

    def judge(
        self,
        examination: Examination,
        evidence: Evidence | NoEvidence,
        policy: TrustPolicy,
        now: datetime,
        at: datetime | None = None,
        word: IssuerWord = NO_WORD,
    ) -> Report:
        """`verifier.judge`; what its report lacks is fetched, and all judged again.

        word: what came along with the credential.
        """
        credential = examination.credential
        places = [] if credential is None else entries(credential.document)
        lists = self._lists_at([one.url for one in places])
        word = IssuerWord((*self._given, *word.documents), lists=lists)
        report = judge(examination, evidence, policy, now, at, word)
        if credential is None:
            return report
        # The document once more: it may be needed for a list's signature alone.
        for more in (self._with_document, self._with_lists, self._with_document):
            found = more(credential, report, word)
            if found != word:
                word = found
                report = judge(examination, evidence, policy, now, at, word)
        return report

    def _with_document(
        self, credential: Credential, report: Report, word: IssuerWord
    ) -> IssuerWord:
        """With the DID's own document, or with why there is none; the same if none is asked for."""
        issuer = credential.issuer_id
        at_hand = any(
            one.document.did == issuer and one.origin is not Origin.CARRIED
            for one in word.documents
        )
        if self._guard is None or at_hand or not issuer.startswith(METHOD):
            return word
        if not _lacks_document(report):
            return word
        if issuer not in self._fetched:
            try:
                document = fetch_document(issuer, self._guard)
                self._fetched[issuer] = KnownDocument(document, Origin.FETCHED)
            except NotFetched as fault:
                self._fetched[issuer] = str(fault)
        found = self._fetched[issuer]
        if isinstance(found, str):
            return replace(word, unread=found)
        return replace(word, documents=(*word.documents, found))

    def _with_lists(self, credential: Credential, report: Report, word: IssuerWord) -> IssuerWord:
        """With what is at each list's place, or why nothing is; the same if none is fetched."""
        places = [one.url for one in entries(credential.document) if not one.fault]
        if self._guard is None or report.at is not None or not _may_be_revoked_there(report):
            return word
        for url in dict.fromkeys(places):
            if url not in self._lists:
                try:
                    self._lists[url] = KnownList(url, fetch(url, MAX_FILE_BYTES, self._guard))
                except NotFetched as fault:
                    self._lists[url] = KnownList(url, str(fault))
        return replace(word, lists=self._lists_at(places))

    def _lists_at(self, places: Sequence[str]) -> tuple[KnownList, ...]:
        return tuple(self._lists[url] for url in dict.fromkeys(places) if url in self._lists)


def _lacks_document(report: Report) -> bool:
    """Whether the issuer's DID document may change something for the better or the definite."""
    signature, standing = report.checks[Step.SIGNATURE - 1], report.checks[Step.STANDING - 1]
    if standing.outcome is Outcome.INVALID or standing.reason is Reason.NOT_BELIEVED:
        return False
    status = report.checks[Step.STATUS - 1]
    return bool(_LACKS_DOCUMENT & {signature.reason, standing.reason, status.reason})


def _may_be_revoked_there(report: Report) -> bool:
    """Whether a status list could still change the verdict for the worse."""
    accepted = report.checks[Step.STANDING - 1].outcome is Outcome.VALID
    return accepted and report.verdict in {Verdict.VALID, *UNDECIDED}
