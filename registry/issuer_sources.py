"""The issuer's own word, gathered: what the verifier was given, and what may be fetched.

Nothing is fetched before the ladder says that it lacks it: so only where policy, registry and
anchor leave the question open, and never for a credential that is refused anyway. Each place is
asked once in a run.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from registry.did_document import MAX_DID_DOCUMENT_BYTES, DidDocument
from registry.did_web import METHOD, fetch_document
from registry.errors import MalformedDocument, MalformedJson, NotFetched
from registry.issuer_word import NO_WORD, IssuerWord, KnownDocument, Origin
from registry.reasons import Reason
from registry.report import Outcome, Step
from registry.verifier import judge

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from registry.evidence import Evidence, NoEvidence
    from registry.examination import Examination
    from registry.guarded_https import Guard
    from registry.policy import TrustPolicy
    from registry.report import Report

_LACKS_DOCUMENT = frozenset(
    (
        Reason.DID_NOT_READ,
        Reason.DID_NOT_COMMITTED,
        Reason.KEY_UNKNOWN,
        Reason.SIGNER_NOT_BOUND,
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


class IssuerSources:
    """documents: believed as they are. guard: what a fetch may reach; None to fetch nothing.

    unread: why nothing is fetched, to complete "was not read: ".
    """

    def __init__(
        self,
        documents: Sequence[DidDocument] = (),
        guard: Guard | None = None,
        unread: str = NO_WORD.unread,
    ) -> None:
        self._given = tuple(KnownDocument(one, Origin.GIVEN) for one in documents)
        self._guard = guard
        self._unread = unread
        self._fetched: dict[str, KnownDocument | str] = {}

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
        word = IssuerWord((*self._given, *word.documents), self._unread)
        report = judge(examination, evidence, policy, now, at, word)
        if examination.credential is not None and _lacks_document(report):
            more = self._ask(examination.credential.issuer_id, word)
            if more is not word:
                report = judge(examination, evidence, policy, now, at, more)
        return report

    def _ask(self, issuer: str, word: IssuerWord) -> IssuerWord:
        """With the DID's own document, or with why there is none; the same if none is asked for."""
        given = any(one.document.did == issuer for one in self._given)
        if given or self._guard is None or not issuer.startswith(METHOD):
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


def _lacks_document(report: Report) -> bool:
    """Whether the issuer's DID document may change something for the better or the definite."""
    signature, standing = report.checks[Step.SIGNATURE - 1], report.checks[Step.STANDING - 1]
    if standing.outcome is Outcome.INVALID or standing.reason is Reason.NOT_BELIEVED:
        return False
    return bool(_LACKS_DOCUMENT & {signature.reason, standing.reason})
