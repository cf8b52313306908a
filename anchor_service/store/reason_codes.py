"""Why a status is changed: a closed list, kept in the database and never on the chain."""

from __future__ import annotations

from enum import StrEnum


class ReasonCode(StrEnum):
    """A code says what kind of reason it was; whatever concerns a person goes into the note."""

    ISSUED_IN_ERROR = "issued-in-error"
    WRONG_RECIPIENT = "wrong-recipient"
    SUPERSEDED = "superseded"
    MISCONDUCT = "misconduct"
    HOLDER_REQUEST = "holder-request"
    UNDER_REVIEW = "under-review"
    REVIEW_CLOSED = "review-closed"
    KEY_COMPROMISED = "key-compromised"
    ISSUER_CEASED = "issuer-ceased"
    OTHER = "other"
