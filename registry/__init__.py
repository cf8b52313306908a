"""CredAnchor's library: what a verifier or an auditor needs, and nothing that an issuer runs.

    from registry import Verifier

    report = Verifier("trust.toml", rpc="https://node.example").verify("diploma.json")

Importing this costs next to nothing: each public name is imported when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from registry.errors import (
        MalformedDocument,
        MalformedPolicy,
        MalformedValue,
        RegistryError,
    )
    from registry.formats.credential import Credential, credential_digest
    from registry.formats.receipt import Receipt, embed, extract
    from registry.judging.examination import Examination, examine
    from registry.judging.policy import TrustedDid, TrustedIssuer, TrustedRegistry, TrustPolicy
    from registry.judging.verifier import judge, verify
    from registry.proofs.evidence import Evidence, NoEvidence
    from registry.proofs.proven_evidence import TrustedBlock
    from registry.report import Check, Outcome, Report, Step, Verdict
    from registry.verifying.files import Judged
    from registry.verifying.library import Verifier, credential_files

    __version__: str

_HOMES = {
    "Check": "report",
    "Credential": "formats.credential",
    "Evidence": "proofs.evidence",
    "Examination": "judging.examination",
    "Judged": "verifying.files",
    "MalformedDocument": "errors",
    "MalformedPolicy": "errors",
    "MalformedValue": "errors",
    "NoEvidence": "proofs.evidence",
    "Outcome": "report",
    "Receipt": "formats.receipt",
    "RegistryError": "errors",
    "Report": "report",
    "Step": "report",
    "TrustPolicy": "judging.policy",
    "TrustedBlock": "proofs.proven_evidence",
    "TrustedDid": "judging.policy",
    "TrustedIssuer": "judging.policy",
    "TrustedRegistry": "judging.policy",
    "Verdict": "report",
    "Verifier": "verifying.library",
    "credential_digest": "formats.credential",
    "credential_files": "verifying.library",
    "embed": "formats.receipt",
    "examine": "judging.examination",
    "extract": "formats.receipt",
    "judge": "judging.verifier",
    "verify": "judging.verifier",
}
"""Public name -> module that has it. `__all__` says the same to type checkers."""

__all__ = [
    "Check",
    "Credential",
    "Evidence",
    "Examination",
    "Judged",
    "MalformedDocument",
    "MalformedPolicy",
    "MalformedValue",
    "NoEvidence",
    "Outcome",
    "Receipt",
    "RegistryError",
    "Report",
    "Step",
    "TrustPolicy",
    "TrustedBlock",
    "TrustedDid",
    "TrustedIssuer",
    "TrustedRegistry",
    "Verdict",
    "Verifier",
    "credential_digest",
    "credential_files",
    "embed",
    "examine",
    "extract",
    "judge",
    "verify",
]


if not TYPE_CHECKING:  # else a type checker would take any name for a public one

    def __getattr__(name: str) -> object:
        if name == "__version__":
            from importlib.metadata import version

            return version("credanchor")
        if name not in _HOMES:
            raise AttributeError(f"module 'registry' has no attribute {name!r}")
        return getattr(import_module(f"registry.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
