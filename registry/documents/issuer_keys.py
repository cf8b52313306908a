"""The keys that an issuer's DID document names, and what each is worth at an anchor's time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from registry.documents.multikey import AnyPublicKey


@dataclass(frozen=True, slots=True)
class IssuerKey:
    """A verification method for assertions. url: the DID URL by which a proof names it.

    retired_at: from then on it signs nothing; the earlier of `revoked` and `expires` (W3C
    Controlled Identifiers 1.0 §2.2). None while it is in use.
    """

    url: str
    key: AnyPublicKey
    retired_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class IssuerKeys:
    """Every key of `issuer`, an `issuer.id`, from a document that is known to be its own.

    at: the time by which retired keys are judged, in Unix seconds: an anchor's, as the chain says
    it; never one that a proof states. None where it is not known.
    """

    issuer: str
    keys: tuple[IssuerKey, ...]
    at: int | None

    def named(self, url: str) -> IssuerKey | None:
        return next((one for one in self.keys if one.url == url), None)

    def holding(self, key: AnyPublicKey) -> IssuerKey | None:
        """The entry of a key, however a proof may have named it; one in use before a retired."""
        found = [one for one in self.keys if one.key == key]
        return max(found, key=lambda one: (one.retired_at is None, one.retired_at), default=None)
