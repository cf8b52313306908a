"""Whether policy accepts who anchored a credential, to speak for its `issuer.id`.

Three ways, in this order: a policy entry that names the issuer id and the `issuer.id` both; one
that names the issuer id alone, and one that names the DID alone, each of which needs DID and issuer
id to name each other (`issuer_word`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from registry.documents.issuer_keys import IssuerKeys
from registry.documents.issuer_word import Binding, bind, binding_fault, committed_document
from registry.reasons import Reason
from registry.report import Outcome, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from registry.documents.did_document import Home
    from registry.documents.issuer_word import IssuerWord
    from registry.judging.policy import TrustedDid, TrustedIssuer, TrustPolicy
    from registry.values import DidHash


@dataclass(frozen=True, slots=True)
class Acceptance:
    """outcome: VALID, INVALID, or UNKNOWN where the DID's own word is missing or not committed.

    name: what policy calls the issuer; empty unless VALID. sentence: whole, for people.
    """

    outcome: Outcome
    reason: Reason
    sentence: str
    name: str = ""


_UNBOUND = {
    Binding.REFUSED: (Outcome.INVALID, Reason.DID_NAMES_ANOTHER),
    Binding.UNCOMMITTED: (Outcome.UNKNOWN, Reason.DID_NOT_COMMITTED),
    Binding.UNREAD: (Outcome.UNKNOWN, Reason.DID_NOT_READ),
}


def accept(
    policy: TrustPolicy, home: Home, issuer: str, word: IssuerWord, did_hash: DidHash | None
) -> Acceptance:
    """issuer: the credential's `issuer.id`. did_hash: as the registry holds it for `home`."""
    entry, trusted = policy.issuer(*home), policy.did(issuer)
    if entry is not None and issuer in entry.speaks_for:
        name = printable(entry.name)
        return Acceptance(Outcome.VALID, Reason.TRUSTED, f"Policy trusts it as {name}.", entry.name)
    if trusted is None and (entry is None or entry.speaks_for or not issuer.startswith("did:")):
        return _refuse(policy, home, issuer, entry)
    binding = bind(word, issuer, home, did_hash)
    if binding is not Binding.BOUND:
        outcome, reason = _UNBOUND[binding]
        return Acceptance(outcome, reason, binding_fault(binding, word, issuer, home))
    chosen: TrustedDid | TrustedIssuer | None = trusted or entry
    assert chosen is not None
    sentence = f"Policy trusts it as {printable(chosen.name)}; DID and issuer id name each other."
    return Acceptance(Outcome.VALID, Reason.TRUSTED, sentence, chosen.name)


def issuer_keys(
    acceptance: Acceptance,
    issuer: str,
    word: IssuerWord,
    did_hash: DidHash | None,
    anchored_at: int | None,
) -> IssuerKeys | None:
    """The issuer's keys, where policy accepts it and its committed DID document is at hand."""
    if acceptance.outcome is not Outcome.VALID or did_hash is None:
        return None
    document = committed_document(word, issuer, did_hash)
    return None if document is None else IssuerKeys(issuer, document.keys, anchored_at)


def only_for(purposes: Sequence[str]) -> str:
    """The end of a refusal whose ground may be that no such purpose was named."""
    if not purposes:
        return "."
    return f", but for {printable(', '.join(purposes))}."


def _refuse(
    policy: TrustPolicy, home: Home, issuer: str, entry: TrustedIssuer | None
) -> Acceptance:
    if entry is not None:
        claimed, name = printable(issuer), printable(entry.name)
        sentence = (
            f"It names {claimed} as its issuer, for whom {name}, who anchored it, cannot speak."
        )
        return Acceptance(Outcome.INVALID, Reason.MAY_NOT_SPEAK, sentence)
    listed = (policy.listed_issuer(*home), policy.listed_did(issuer))
    end = only_for([purpose for one in listed if one for purpose in one.purposes])
    sentence = f"Policy does not trust who anchored it: issuer {home.issuer_id}{end}"
    return Acceptance(Outcome.INVALID, Reason.ISSUER_NOT_TRUSTED, sentence)
