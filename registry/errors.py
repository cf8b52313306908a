"""Every error that the library raises, on one screen.

RegistryError
 ├─ MalformedValue           a value of a wrong length or form
 ├─ MalformedJson            text that is not JSON as we read it; carries its place
 ├─ MalformedDocument        JSON of a wrong shape (credential, receipt, policy, proof)
 │   ├─ MalformedReceipt
 │   ├─ MalformedProof
 │   ├─ MalformedBundle
 │   └─ MalformedPolicy
 ├─ SchemaNotMet             a credential that its official schema refuses; carries each fault
 ├─ WorkspaceError           no workspace, or settings that do not hold together
 ├─ ChainError               a chain that could not be asked, or answered what cannot be
 │   ├─ NodeUnreachable      no answer: says nothing about the credential
 │   │   ├─ NodeBusy         it asks for fewer questions; carries how long to wait, if it says so
 │   │   └─ NodeTooSlow      no whole answer in time: a smaller question may fare better
 │   ├─ NodeRefused          an answer in JSON-RPC's words that it will not or cannot
 │   ├─ NodeInconsistent     an answer that contradicts itself or the settings
 │   │   └─ AnswerTooLong    more than is read at once: a smaller question may fare better
 │   └─ DevChainFailed       the embedded chain did not start or stop
 ├─ UnsoundEvidence          what should prove a fact and does not; says nothing of the credential
 │   ├─ MalformedRlp         bytes that are no canonical RLP
 │   ├─ MalformedHeader      no block header, or not that of the block's hash
 │   └─ BrokenProof          trie nodes that do not lead from the root to the key
 ├─ NotFetched               a document on the web could not be had: says nothing of the credential
 ├─ HistoryBroken            events that the contract cannot have emitted in this order
 └─ StoreError               an audit's store of another place or version, or in use elsewhere

Errors become exit codes in `registry.cli` and HTTP statuses at an API's edge, nowhere else. No
message carries a secret: paths and host names yes; keys, passwords, salts and URL credentials no.
"""

from __future__ import annotations


class RegistryError(Exception):
    """Base of all; its text is one sentence for a person, with what to do next where known."""


class MalformedValue(RegistryError):
    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(f"{kind}: {reason}")
        self.kind = kind
        self.reason = reason


class MalformedJson(RegistryError):
    """place: 'line L, column C' (1-based, in characters) or a JSON pointer such as /a/0."""

    def __init__(self, reason: str, place: str = "") -> None:
        super().__init__(f"{reason} at {place}" if place else reason)
        self.reason = reason
        self.place = place


class MalformedDocument(RegistryError):
    """place: JSON pointer of the member at fault; empty for the whole document."""

    def __init__(self, reason: str, place: str = "") -> None:
        super().__init__(f"{place}: {reason}" if place else reason)
        self.reason = reason
        self.place = place


class MalformedReceipt(MalformedDocument):
    pass


class MalformedProof(MalformedDocument):
    pass


class MalformedBundle(MalformedDocument):
    pass


class MalformedPolicy(MalformedDocument):
    pass


class SchemaNotMet(RegistryError):
    """faults: (JSON pointer, what is wrong), in document order."""

    def __init__(self, schema: str, faults: tuple[tuple[str, str], ...]) -> None:
        place, reason = faults[0]
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        super().__init__(f"{schema}: {place or '/'}: {reason}{more}")
        self.schema = schema
        self.faults = faults


class WorkspaceError(RegistryError):
    pass


class ChainError(RegistryError):
    pass


class NodeUnreachable(ChainError):
    pass


class NodeBusy(NodeUnreachable):
    """retry_after_s: the seconds that the node asks to wait; None where it does not say."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class NodeTooSlow(NodeUnreachable):
    pass


class NodeRefused(ChainError):
    """code and message of the JSON-RPC error object; data is its raw `data`, if any."""

    def __init__(self, method: str, code: int, message: str, data: object = None) -> None:
        super().__init__(f"{method}: node answered {code}: {message}")
        self.method = method
        self.code = code
        self.message = message
        self.data = data


class NodeInconsistent(ChainError):
    pass


class AnswerTooLong(NodeInconsistent):
    pass


class DevChainFailed(ChainError):
    pass


class UnsoundEvidence(RegistryError):
    pass


class MalformedRlp(UnsoundEvidence):
    pass


class MalformedHeader(UnsoundEvidence):
    pass


class BrokenProof(UnsoundEvidence):
    pass


class NotFetched(RegistryError):
    """Its text completes "was not read: "."""


class HistoryBroken(RegistryError):
    """issuer: hex of the issuer's id; operation: number of the first event that cannot follow."""

    def __init__(self, issuer: str, operation: int, reason: str) -> None:
        super().__init__(f"issuer {issuer}, operation {operation}: {reason}")
        self.issuer = issuer
        self.operation = operation
        self.reason = reason


class StoreError(RegistryError):
    pass
