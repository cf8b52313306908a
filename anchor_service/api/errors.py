"""Why a request is refused at the API's edge, beside the errors of the service itself.

ServiceError                   anchor_service.errors
 └─ RequestRefused             carries members and headers for the answer
     ├─ Unauthenticated        no key, or none that is in force
     ├─ ScopeMissing           the key is good for something else
     ├─ NotFound               nothing of this issuer has that name, whatever others have
     ├─ MalformedRequest       a body, header or parameter that cannot be read
     ├─ InvalidRequest         readable, and not what the operation takes; carries each fault
     ├─ WrongState             right in itself, but not now: not sealed yet, revoked already
     ├─ Erased                 the document was erased for good
     ├─ KeyReused              an Idempotency-Key that came with another request before
     ├─ TooLarge               more bytes than are taken
     ├─ WrongMediaType         a Content-Type that the operation does not read
     ├─ TooMany                over the rate; carries when to try again
     ├─ TooSlow                the body did not come in time
     └─ Unavailable            not now, or not in this installation; another try may do
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from anchor_service.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from registry.formats.strict_json import JsonObject

Fault = tuple[str, str]
"""JSON pointer or parameter name, and what is wrong: never the value, which may be personal."""


class RequestRefused(ServiceError):
    def __init__(
        self,
        detail: str,
        *,
        members: JsonObject | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.members = members or {}
        self.headers = dict(headers or {})

    def at(self, pointer: str) -> Self:
        """The same, with the place in the body that it is about."""
        self.members = {"errors": [{"pointer": pointer, "detail": str(self)}]}
        return self


class Unauthenticated(RequestRefused):
    def __init__(self) -> None:
        super().__init__(
            "Send `Authorization: Bearer ca_...` with a key that is in force.",
            headers={"WWW-Authenticate": 'Bearer realm="credanchor"'},
        )


class ScopeMissing(RequestRefused):
    def __init__(self, scope: str) -> None:
        super().__init__(
            f"The key has not the scope {scope}.",
            headers={"WWW-Authenticate": f'Bearer error="insufficient_scope", scope="{scope}"'},
        )


class NotFound(RequestRefused):
    def __init__(self, kind: str) -> None:
        super().__init__(f"There is no such {kind}.")


class MalformedRequest(RequestRefused):
    pass


class InvalidRequest(RequestRefused):
    """faults: every one that was found."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        place, reason = faults[0]
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        listed: JsonObject = {
            "errors": [{"pointer": pointer, "detail": what} for pointer, what in faults]
        }
        super().__init__(f"{place or '/'}: {reason}{more}", members=listed)


class WrongState(RequestRefused):
    pass


class Erased(RequestRefused):
    pass


class KeyReused(RequestRefused):
    def __init__(self) -> None:
        super().__init__("This Idempotency-Key came with another request before; take a new one.")


class TooLarge(RequestRefused):
    def __init__(self, limit: int) -> None:
        super().__init__(
            f"At most {limit:,} bytes are taken here.", headers={"Connection": "close"}
        )


class WrongMediaType(RequestRefused):
    def __init__(self, taken: Sequence[str]) -> None:
        super().__init__(f"Content-Type: one of {', '.join(taken)}.", headers={"Accept": taken[0]})


class TooMany(RequestRefused):
    """wait: seconds until one more request is due."""

    def __init__(self, wait: float) -> None:
        seconds = max(1, int(wait + 0.999))
        super().__init__(
            f"Too many requests; try again in {seconds} s.", headers={"Retry-After": str(seconds)}
        )


class TooSlow(RequestRefused):
    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"The body did not come within {seconds:g} s.", headers={"Connection": "close"}
        )


class Unavailable(RequestRefused):
    def __init__(self, detail: str, *, wait: int | None = 1) -> None:
        super().__init__(detail, headers={} if wait is None else {"Retry-After": str(wait)})
