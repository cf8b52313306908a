"""Why a step came out as it did, one name each, and what a person can do about it.

Names never change their meaning: programs branch on them and pages translate them. A sentence may
be reworded, its reason may not. New ones are only ever added.
"""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    # 1 parse
    PARSED = "parsed"
    NOT_A_CREDENTIAL = "not-a-credential"
    RECEIPT_UNREADABLE = "receipt-unreadable"
    # 2 schema
    SCHEMA_MET = "schema-met"
    SCHEMA_UNKNOWN = "schema-unknown"
    SCHEMA_REFUSES = "schema-refuses"
    # 3 issuer's signature
    SIGNATURE_VALID = "signature-valid"
    SIGNATURE_MALFORMED = "signature-malformed"
    SIGNATURE_WRONG = "signature-wrong"
    SIGNER_IS_ANOTHER = "signer-is-another"
    SIGNER_NOT_BOUND = "signer-not-bound"
    SIGNER_RETIRED = "signer-retired"
    SIGNER_MAY_BE_RETIRED = "signer-may-be-retired"
    KEY_UNKNOWN = "key-unknown"
    SUITE_UNKNOWN = "suite-unknown"
    UNSIGNED = "unsigned"
    # 4 digest
    DIGEST = "digest"
    # 5 inclusion
    INCLUDED = "included"
    NOT_INCLUDED = "not-included"
    RECEIPT_CHANGED = "receipt-changed"
    RECEIPTS_DIFFER = "receipts-differ"
    RECEIPT_OF_LATER_SUITE = "receipt-of-later-suite"
    # 6 evidence
    CHAIN_READ = "chain-read"
    CHAIN_NOT_READ = "chain-not-read"
    BLOCK_NOT_TRUSTED = "block-not-trusted"
    PROOF_FAILED = "proof-failed"
    FACTS_CONTRADICT = "facts-contradict"
    TOO_OLD = "too-old"
    HISTORY_NOT_READ = "history-not-read"
    HISTORY_NOT_CLOSED = "history-not-closed"
    # 7 anchor
    ANCHORED = "anchored"
    NO_RECEIPT = "no-receipt"
    NO_SUCH_ANCHOR = "no-such-anchor"
    OTHER_SIZE = "other-size"
    NOT_YET_ANCHORED = "not-yet-anchored"
    MAY_BE_ANCHORED_SINCE = "may-be-anchored-since"
    # 8 issuer's standing
    TRUSTED = "trusted"
    REGISTRY_NOT_TRUSTED = "registry-not-trusted"
    REGISTRY_IS_ANOTHER = "registry-is-another"
    ISSUER_NOT_TRUSTED = "issuer-not-trusted"
    MAY_NOT_SPEAK = "may-not-speak"
    DID_NOT_READ = "did-not-read"
    DID_NOT_COMMITTED = "did-not-committed"
    DID_NAMES_ANOTHER = "did-names-another"
    NOT_REGISTERED = "not-registered"
    MAY_BE_REGISTERED_SINCE = "may-be-registered-since"
    DISTRUSTED = "distrusted"
    # 9 status
    ACTIVE = "active"
    SUSPENDED = "suspended"
    REVOKED = "revoked"
    STATUS_MAY_BE_PAST = "status-may-be-past"
    STATUS_NOT_FINAL_THEN = "status-not-final-then"
    STATUS_LIST_NOT_READ = "status-list-not-read"
    # 10 validity
    IN_ITS_PERIOD = "in-its-period"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    PERIOD_UNREADABLE = "period-unreadable"
    # 11 finality
    FINAL = "final"
    NOT_FINAL = "not-final"
    # any step that an earlier one took the ground from
    NOTHING_TO_JUDGE = "nothing-to-judge"
    NOT_BELIEVED = "not-believed"


_ASK_AGAIN = "Ask the holder for the file again, as they received it, and check that one."
_REISSUE = "Ask the issuer to issue it again."
_OTHER_NODE = "Ask another node: --rpc URL."
_POLICY = (
    "If you know from elsewhere that it is to be trusted, add it to your trust policy; else do not "
    "rely on the credential."
)

NEXT_STEPS: dict[Reason, str] = {
    Reason.NOT_A_CREDENTIAL: f"{_ASK_AGAIN} A printed page or a picture cannot be checked.",
    Reason.RECEIPT_UNREADABLE: "Ask the holder or the issuer for the receipt file again.",
    Reason.SCHEMA_REFUSES: f"{_REISSUE} What the schema refuses, other programs will too.",
    Reason.SIGNATURE_MALFORMED: _ASK_AGAIN,
    Reason.SIGNATURE_WRONG: f"{_ASK_AGAIN} If it is the same, do not rely on it.",
    Reason.SIGNER_IS_ANOTHER: "Ask the issuer whether this key signs for them.",
    Reason.SIGNER_NOT_BOUND: "Ask the issuer whether this key signs for them.",
    Reason.SIGNER_RETIRED: f"{_REISSUE} This key no longer signed for them.",
    Reason.SIGNER_MAY_BE_RETIRED: "Read the chain: when it was anchored decides.",
    Reason.KEY_UNKNOWN: "Ask the issuer for the DID document in which this key is.",
    Reason.NOT_INCLUDED: f"{_ASK_AGAIN} If it is the same, do not rely on it.",
    Reason.RECEIPT_CHANGED: _ASK_AGAIN,
    Reason.RECEIPTS_DIFFER: "Check it without the receipt file beside it, or ask for both again.",
    Reason.RECEIPT_OF_LATER_SUITE: "Use a newer version of this program.",
    Reason.CHAIN_NOT_READ: (
        "Ask a node, or another one: --rpc URL. Or try again later: nothing speaks against it yet."
    ),
    Reason.BLOCK_NOT_TRUSTED: (
        "Compare that block's hash with a source that you trust, and give it: --trusted-block. "
        "Or ask a node: --rpc URL."
    ),
    Reason.PROOF_FAILED: "Ask for the bundle again, or ask a node: --rpc URL.",
    Reason.FACTS_CONTRADICT: f"{_OTHER_NODE} This one's answers do not fit together.",
    Reason.TOO_OLD: "Read the chain afresh, or allow older facts: --max-age TIME.",
    Reason.HISTORY_NOT_READ: f"{_OTHER_NODE} It must serve old logs (eth_getLogs).",
    Reason.HISTORY_NOT_CLOSED: f"{_OTHER_NODE} Do not rely on the logs of this one.",
    Reason.NO_RECEIPT: "Ask the holder or the issuer for the receipt, and put it beside the file.",
    Reason.NO_SUCH_ANCHOR: "Ask the issuer when it will be anchored; until then do not rely on it.",
    Reason.OTHER_SIZE: "Ask the issuer for the receipt again.",
    Reason.NOT_YET_ANCHORED: "Ask for a later time with --at, or for now without it.",
    Reason.MAY_BE_ANCHORED_SINCE: "Read the chain afresh.",
    Reason.REGISTRY_NOT_TRUSTED: _POLICY,
    Reason.REGISTRY_IS_ANOTHER: "Do not rely on it, and check the code hash in your trust policy.",
    Reason.ISSUER_NOT_TRUSTED: _POLICY,
    Reason.MAY_NOT_SPEAK: _POLICY,
    Reason.DID_NOT_READ: "Give the DID document: --did-document FILE. Or let it be fetched.",
    Reason.DID_NOT_COMMITTED: (
        "Try again later: the issuer may be changing its document. If it stays so, ask the issuer."
    ),
    Reason.DID_NAMES_ANOTHER: "Do not rely on it: the issuer does not say that it anchors there.",
    Reason.NOT_REGISTERED: "Do not rely on it, and check the issuer id in your trust policy.",
    Reason.MAY_BE_REGISTERED_SINCE: "Read the chain afresh.",
    Reason.DISTRUSTED: "Ask the issuer whether it stands, and to issue it again if it does.",
    Reason.SUSPENDED: "Ask the issuer why, and check again later: a suspension may end.",
    Reason.REVOKED: "Ask the issuer why. A revocation is for ever.",
    Reason.STATUS_MAY_BE_PAST: "Read the chain afresh.",
    Reason.STATUS_NOT_FINAL_THEN: "Try again in some minutes, or ask for an earlier time.",
    Reason.STATUS_LIST_NOT_READ: (
        "Try again later; or let the chain alone decide, with --no-fetch, and mind that."
    ),
    Reason.EXPIRED: "Ask the holder for a renewed credential.",
    Reason.NOT_YET_VALID: "Check again once it is valid.",
    Reason.PERIOD_UNREADABLE: _REISSUE,
    Reason.NOT_FINAL: "Check again in some minutes.",
}
"""For every reason that stands against VALID: one or two plain sentences."""
