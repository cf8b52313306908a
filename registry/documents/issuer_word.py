"""Whether a credential's `issuer.id` and who anchored it are one, by the issuer's own documents.

Each side must name the other. The registry holds the hash of a DID document for each issuer id,
which shows what that issuer claims to be; anyone can claim to be anyone. The DID's own document
names the issuer id, which shows where the DID's controller anchors; but only a document that is
known to be the DID's own word says so: one fetched from the DID's place, one that the verifier was
given and believes, or a did:key's that its very key has signed. One that came along with a
credential is no such word. It still says what keys an issuer has where policy itself has named the
issuer id for that `issuer.id`, since the registry's hash then is the issuer's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import TYPE_CHECKING

from registry.documents.data_integrity import SignatureState, check_proofs
from registry.documents.multikey import did_key
from registry.errors import MalformedDocument
from registry.report import printable

if TYPE_CHECKING:
    from registry.documents.did_document import DidDocument, Home
    from registry.documents.status_list import KnownList
    from registry.values import DidHash

_TRUE = (SignatureState.VALID, SignatureState.STRANGER, SignatureState.UNBOUND)
"""States of a signature that fits its document, whoever the document says has made it."""


class Origin(StrEnum):
    """How a DID document came to hand."""

    CARRIED = "carried"
    """With the credential: whoever carries it may have written it."""
    GIVEN = "given"
    """By the verifier, who believes it."""
    FETCHED = "fetched"
    """From the place that the DID names, over HTTPS."""


@dataclass(frozen=True, slots=True)
class KnownDocument:
    document: DidDocument
    origin: Origin

    def is_the_dids_word(self) -> bool:
        return self.origin is not Origin.CARRIED or is_self_signed(self.document)


@dataclass(frozen=True, slots=True)
class IssuerWord:
    """What is at hand of the issuer's own.

    unread: why the DID's own document is not among them, to complete "was not read: ". lists: what
    was found at the addresses of its status lists; lists_unread: why nobody looked, where none is.
    """

    documents: tuple[KnownDocument, ...] = ()
    unread: str = "it did not come along, and nobody fetched it"
    lists: tuple[KnownList, ...] = ()
    lists_unread: str = "nobody fetched it"


NO_WORD = IssuerWord()


class Binding(Enum):
    BOUND = "bound"
    """The DID names the issuer id, and the registry holds that very document's hash."""
    UNCOMMITTED = "uncommitted"
    """The DID names the issuer id, but the registry holds another hash, or is not known to."""
    REFUSED = "refused"
    """The DID's own document does not name the issuer id."""
    UNREAD = "unread"
    """The DID's own document is not at hand."""


def bind(word: IssuerWord, did: str, home: Home, did_hash: DidHash | None) -> Binding:
    """Judge whether `did` and the issuer at `home` name each other.

    did_hash: as the registry holds it for that issuer; None where that is not known.
    """
    own = [
        known.document
        for known in word.documents
        if known.document.did == did and known.is_the_dids_word()
    ]
    if not own:
        return Binding.UNREAD
    naming = [document for document in own if home in document.homes]
    if not naming:
        return Binding.REFUSED
    committed = did_hash is not None and any(one.hash == did_hash for one in naming)
    return Binding.BOUND if committed else Binding.UNCOMMITTED


def binding_fault(binding: Binding, word: IssuerWord, did: str, home: Home) -> str:
    """One sentence on why the two are not bound."""
    name = printable(did)
    if binding is Binding.REFUSED:
        return f"The DID document of {name} does not name who anchored it: issuer {home.issuer_id}."
    if binding is Binding.UNREAD:
        return f"The DID document of {name} was not read: {printable(word.unread, 300)}."
    return f"The DID document of {name} is not the one that the registry has the hash of."


def committed_document(word: IssuerWord, issuer: str, did_hash: DidHash) -> DidDocument | None:
    """The document of `issuer` with the hash that the registry holds, however it came to hand."""
    for known in word.documents:
        if known.document.hash == did_hash and known.document.speaks_for(issuer):
            return known.document
    return None


def is_self_signed(document: DidDocument) -> bool:
    """Whether it is a did:key's document with a proof by that very key.

    The key is the DID, so nobody else can have made it.
    """
    try:
        judged = check_proofs(document.document)
    except MalformedDocument:
        return False
    return any(
        one.state in _TRUE and one.key is not None and did_key(one.key) == document.did
        for one in judged
    )
