"""Every error that the service adds to the library's, on one screen.

RegistryError                 registry.errors
 └─ ServiceError
     ├─ AchievementRefused    an achievement file that cannot be issued from; carries each fault
     ├─ RosterRefused         a roster with faults, where all of it was asked for; carries each
     ├─ ColumnMapRefused      a map of columns that cannot be followed; names table and key
     ├─ ImportRefused         a ready-made credential that was not taken in; carries its place
     ├─ FileLeft              a dropped file that can't be taken in now, and whose fault it isn't
     ├─ IssuerKeyError        the credential key's file: missing, locked, or not what it should be
     ├─ DidDocumentError      the issuer's DID document: missing, another's, or not published yet
     ├─ KeyUnusable           the account's keystore or the password: missing, wrong, or published
     ├─ DatabaseError         the database: can't be opened, is newer than we are, or is busy
     ├─ BackupRefused         a backup that can't be written or restored there, or is damaged
     ├─ ErasureRefused        a credential that can't be erased yet
     ├─ ApprovalRefused       an approval of what does not wait, or by whom it can't be
     ├─ ReissueRefused        a credential that can't be mended so
     ├─ UnknownCredential     an ID that means no credential here, or more than one
     ├─ UnknownKey            no such API key in force
     ├─ DamagedStore          a stored document that is no longer the one that was sealed
     ├─ BundleNotProven       a node that does not prove what the database says is final
     ├─ Blocked               nothing goes on until a person acts; carries the reason
     ├─ StillPending          sent and stored, and not on the chain yet: the next run goes on
     ├─ StateMoved            a change of state that another process made first, or that can't be
     └─ LeaseLost             another process writes for this account

No message carries a secret. Messages about rosters show the value at fault, shortened: they are for
the issuer's own screen, never for a log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.errors import RegistryError

if TYPE_CHECKING:
    from anchor_service.issuing.roster import RosterFault
    from anchor_service.store.lifecycle import Reason


class ServiceError(RegistryError):
    pass


class AchievementRefused(ServiceError):
    """faults: (JSON pointer into the achievement file, what is wrong)."""

    def __init__(self, faults: tuple[tuple[str, str], ...]) -> None:
        super().__init__("; ".join(f"{pointer or '/'}: {reason}" for pointer, reason in faults))
        self.faults = faults


class RosterRefused(ServiceError):
    """faults: every fault of the roster, in line order."""

    def __init__(self, faults: tuple[RosterFault, ...]) -> None:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        super().__init__(f"{faults[0]}{more}")
        self.faults = faults


class ColumnMapRefused(ServiceError):
    pass


class ImportRefused(ServiceError):
    """file: as it was given; line: 1-based, None where the file is one document."""

    def __init__(self, file: str, line: int | None, reason: str) -> None:
        super().__init__(f"{file}:{line}: {reason}" if line else f"{file}: {reason}")
        self.file = file
        self.line = line
        self.reason = reason


class FileLeft(ServiceError):
    pass


class IssuerKeyError(ServiceError):
    pass


class DidDocumentError(ServiceError):
    pass


class KeyUnusable(ServiceError):
    pass


class DatabaseError(ServiceError):
    pass


class BackupRefused(ServiceError):
    pass


class ErasureRefused(ServiceError):
    pass


class ApprovalRefused(ServiceError):
    pass


class ReissueRefused(ServiceError):
    pass


class UnknownCredential(ServiceError):
    pass


class UnknownKey(ServiceError):
    pass


class BundleNotProven(ServiceError):
    pass


class DamagedStore(ServiceError):
    pass


class Blocked(ServiceError):
    """Its text says what to do."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class StillPending(ServiceError):
    pass


class StateMoved(ServiceError):
    """Nothing of the caller's transaction was committed."""


class LeaseLost(ServiceError):
    """Nothing of the caller's transaction was committed."""
