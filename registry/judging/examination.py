"""Steps 1 to 5 of the ladder: what the files alone say, with no chain, policy or clock.

Is it a credential, of an official shape, truly signed, and exactly the leaf that its receipt
names? Only then is there an anchor to ask a chain about.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from registry.documents import open_badges
from registry.documents.data_integrity import SignatureState, check_signature
from registry.errors import MalformedDocument, MalformedJson, MalformedProof, MalformedReceipt
from registry.formats.credential import Credential, without_anchor_proofs
from registry.formats.leaf import leaf_hash
from registry.formats.receipt import Receipt, extract, unknown_suites
from registry.formats.strict_json import read
from registry.formats.tree import root_from_path
from registry.judging.file_kinds import told_kind
from registry.proofs.bundle import (
    BUNDLE_TYPE,
    MAX_BUNDLE_BYTES,
    MAX_BUNDLE_DEPTH,
    Bundle,
    is_bundle,
)
from registry.reasons import Reason
from registry.report import Check, Outcome, Step, Verdict, printable

if TYPE_CHECKING:
    from registry.documents.issuer_keys import IssuerKeys
    from registry.formats.strict_json import JsonObject, JsonValue

_FAULTS_SHOWN = 10
_BUNDLE_MARK = f'"{BUNDLE_TYPE}"'.encode()

_SIGNATURE_OUTCOMES = {
    SignatureState.MALFORMED: (Outcome.INVALID, Reason.SIGNATURE_MALFORMED),
    SignatureState.WRONG: (Outcome.INVALID, Reason.SIGNATURE_WRONG),
    SignatureState.VALID: (Outcome.VALID, Reason.SIGNATURE_VALID),
    SignatureState.RETIRED: (Outcome.INVALID, Reason.SIGNER_RETIRED),
    SignatureState.UNDATED: (Outcome.UNKNOWN, Reason.SIGNER_MAY_BE_RETIRED),
    SignatureState.STRANGER: (Outcome.UNKNOWN, Reason.SIGNER_IS_ANOTHER),
    SignatureState.UNBOUND: (Outcome.UNKNOWN, Reason.SIGNER_NOT_BOUND),
    SignatureState.KEY_UNKNOWN: (Outcome.UNKNOWN, Reason.KEY_UNKNOWN),
    SignatureState.SUITE_UNKNOWN: (Outcome.SKIPPED, Reason.SUITE_UNKNOWN),
    SignatureState.ABSENT: (Outcome.SKIPPED, Reason.UNSIGNED),
}


@dataclass(frozen=True, slots=True)
class Examination:
    """checks: of steps 1 to 5. credential: None if the file could not be read.

    receipt: as given and readable, whether or not it leads to the root. has_receipt: whether
    anything at all claims to be one.
    """

    checks: tuple[Check, ...]
    credential: Credential | None
    receipt: Receipt | None
    has_receipt: bool

    @property
    def sealed(self) -> Receipt | None:
        """The receipt, if the credential is proven to be the leaf that it names."""
        return self.receipt if self.checks[-1].outcome is Outcome.VALID else None


def examine(raw: bytes, sidecar: bytes | None) -> Examination:
    """Judge a credential's file, and the receipt's file beside it if there is one."""
    try:
        credential = Credential.parse(raw)
    except (MalformedJson, MalformedDocument) as fault:
        known = told_kind(raw) if isinstance(fault, MalformedJson) else None
        return _unreadable(f"No credential can be read from it: {known or printable(str(fault))}.")
    parse = Check.valid(Step.PARSE, "Strict JSON, and the shape of a credential.", Reason.PARSED)
    beside = None
    try:
        beside = None if sidecar is None else Receipt.parse(sidecar)
    except (MalformedJson, MalformedReceipt) as fault:
        reason = f"The receipt beside it cannot be read: {printable(str(fault))}."
        parse = Check.invalid(Step.PARSE, Verdict.MALFORMED, reason, Reason.RECEIPT_UNREADABLE)
    return _examine(credential, beside, parse, has_sidecar=sidecar is not None)


def examine_file(raw: bytes, sidecar: bytes | None) -> tuple[Examination, Bundle | None]:
    """Judge a bundle's file or a credential's, whichever it is by its content."""
    if _BUNDLE_MARK not in raw:
        return examine(raw, sidecar), None
    try:
        value = read(raw, max_bytes=MAX_BUNDLE_BYTES, max_depth=MAX_BUNDLE_DEPTH)
    except MalformedJson as fault:
        return _no_bundle(fault)
    # A credential may have that text in it somewhere, too.
    return _examine_bundle(value) if is_bundle(value) else (examine(raw, sidecar), None)


def examine_bundle(raw: bytes) -> tuple[Examination, Bundle | None]:
    """Judge a bundle's credential and receipt; None where no bundle can be read."""
    try:
        value = read(raw, max_bytes=MAX_BUNDLE_BYTES, max_depth=MAX_BUNDLE_DEPTH)
    except MalformedJson as fault:
        return _no_bundle(fault)
    return _examine_bundle(value)


def _examine_bundle(value: JsonValue) -> tuple[Examination, Bundle | None]:
    try:
        bundle = Bundle.from_json(value)
    except MalformedDocument as fault:
        return _no_bundle(fault)
    try:
        credential = Credential.of(bundle.credential)
    except MalformedDocument as fault:
        return _unreadable(f"No credential can be read from it: {printable(str(fault))}."), bundle
    sentence = "Strict JSON, and the shape of a bundle and its credential."
    parse = Check.valid(Step.PARSE, sentence, Reason.PARSED)
    return _examine(credential, bundle.receipt, parse, has_sidecar=True), bundle


def _no_bundle(fault: MalformedJson | MalformedDocument) -> tuple[Examination, None]:
    return _unreadable(f"No bundle can be read from it: {printable(str(fault))}."), None


def _examine(
    credential: Credential, beside: Receipt | None, parse: Check, *, has_sidecar: bool
) -> Examination:
    embedded = wrapper_fault = None
    try:
        embedded = extract(credential.document)
    except MalformedProof as fault:
        wrapper_fault = printable(str(fault))
    unknown = unknown_suites(credential.document)
    checks = (
        parse,
        _check_schema(credential),
        signature_step(credential),
        _check_digest(credential),
        _check_inclusion(credential, embedded, beside, wrapper_fault, unknown),
    )
    claimed = has_sidecar or embedded is not None or wrapper_fault or unknown
    return Examination(checks, credential, embedded or beside, bool(claimed))


def _unreadable(reason: str) -> Examination:
    skipped = [
        Check.skipped(step, "There is no credential to judge.", Reason.NOTHING_TO_JUDGE)
        for step in list(Step)[1:5]
    ]
    parse = Check.invalid(Step.PARSE, Verdict.MALFORMED, reason, Reason.NOT_A_CREDENTIAL)
    return Examination((parse, *skipped), None, None, has_receipt=False)


def _check_schema(credential: Credential) -> Check:
    faults = open_badges.faults(without_anchor_proofs(credential.document))
    if faults is None:
        reason = "No official schema is known here for its type and context."
        return Check.skipped(Step.SCHEMA, reason, Reason.SCHEMA_UNKNOWN)
    if faults:
        place, fault = faults[0]
        more = f", and {len(faults) - 1} more" if len(faults) > 1 else ""
        where = f"{printable(place or '/')}: {printable(fault)}{more}"
        reason = f"{open_badges.SCHEMA_NAME} refuses it: {where}."
        shown: list[JsonValue] = [
            {"place": printable(place), "fault": printable(fault)}
            for place, fault in faults[:_FAULTS_SHOWN]
        ]
        return Check.invalid(
            Step.SCHEMA, Verdict.MALFORMED, reason, Reason.SCHEMA_REFUSES, faults=shown
        )
    sentence = f"As {open_badges.SCHEMA_NAME} asks."
    return Check.valid(Step.SCHEMA, sentence, Reason.SCHEMA_MET, schema=open_badges.SCHEMA_NAME)


def signature_step(credential: Credential, known: IssuerKeys | None = None) -> Check:
    """Step 3. known: the issuer's keys, where its DID document is at hand and counts."""
    signature = check_signature(credential.document, known)
    sentence = printable(signature.sentence, limit=300)
    outcome, reason = _SIGNATURE_OUTCOMES[signature.state]
    if outcome is Outcome.INVALID:
        return Check.invalid(Step.SIGNATURE, Verdict.TAMPERED, sentence, reason)
    if outcome is Outcome.SKIPPED:
        sentence += " Its anchor alone vouches for it."
    return Check(Step.SIGNATURE, outcome, sentence, None, reason)


def _check_digest(credential: Credential) -> Check:
    digest = credential.digest.to_hex()
    sentence = f"{digest} without its anchor proof."
    return Check.valid(Step.DIGEST, sentence, Reason.DIGEST, digest=digest)


def _check_inclusion(
    credential: Credential,
    embedded: Receipt | None,
    beside: Receipt | None,
    wrapper_fault: str | None,
    unknown: tuple[str, ...],
) -> Check:
    if wrapper_fault:
        reason = f"The receipt inside it was changed: {wrapper_fault}."
        return Check.invalid(Step.INCLUSION, Verdict.TAMPERED, reason, Reason.RECEIPT_CHANGED)
    if embedded and beside and embedded != beside:
        reason = "The receipt inside it and the one beside it differ."
        return Check.invalid(Step.INCLUSION, Verdict.TAMPERED, reason, Reason.RECEIPTS_DIFFER)
    receipt = embedded or beside
    if receipt is not None:
        return _climb(credential, receipt)
    if unknown:
        reason = f"Its anchor proof is of {printable(unknown[0])}, which a newer program may read."
        return Check.unknown(Step.INCLUSION, reason, Reason.RECEIPT_OF_LATER_SUITE)
    sentence = "There is no receipt that can be read."
    return Check.skipped(Step.INCLUSION, sentence, Reason.NOTHING_TO_JUDGE)


def _climb(credential: Credential, receipt: Receipt) -> Check:
    leaf = leaf_hash(receipt.issuer_id, receipt.index, receipt.salt, credential.digest)
    # A receipt checks its own shape, so the climb itself cannot fail.
    root = root_from_path(leaf, receipt.index, receipt.tree_size, receipt.path)
    if root != receipt.root:
        reason = "The credential does not lead to its batch's root: it or its receipt was changed."
        return Check.invalid(Step.INCLUSION, Verdict.TAMPERED, reason, Reason.NOT_INCLUDED)
    place = f"leaf {receipt.index} of {receipt.tree_size}"
    sentence = f"It is {place} under root {receipt.root}."
    known: JsonObject = {
        "index": receipt.index,
        "treeSize": receipt.tree_size,
        "root": receipt.root.to_hex(),
    }
    return Check.valid(Step.INCLUSION, sentence, Reason.INCLUDED, **known)
