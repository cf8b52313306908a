"""Credentials of many requests into the database in one transaction, each answered after commit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from anchor_service.api.once import replay, to_kept
from anchor_service.errors import DatabaseError
from anchor_service.store import idempotency, store

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from anchor_service.api.answers import Answer
    from anchor_service.store.database import Database
    from anchor_service.store.idempotency import Ticket
    from anchor_service.store.store import Added, NewCredential

# Another process may have opened the batch, or stored the same document, at the same moment.
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Intake:
    """One request's credentials. answer: what they are answered with, kept with the ticket."""

    issuer: str
    credentials: Sequence[NewCredential]
    answer: Callable[[Sequence[Added]], Answer]
    ticket: Ticket | None = None


class Taker:
    """clock: unix seconds."""

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock

    def __call__(self, intakes: Sequence[Intake]) -> Sequence[Answer | Exception]:
        """One transaction for all. If it fails, each is tried alone: one must not sink the rest."""
        try:
            return self._commit(intakes)
        except DatabaseError as error:
            if len(intakes) == 1:
                return [error]
            return [answer for one in intakes for answer in self([one])]

    def _commit(self, intakes: Sequence[Intake]) -> Sequence[Answer | Exception]:
        for tries_left in reversed(range(_TRIES)):
            try:
                with self._database.write() as connection:
                    return _take(connection, intakes, int(self._clock()))
            except DatabaseError as error:
                if not tries_left or not isinstance(error.__cause__, DBAPIError):
                    raise
        raise AssertionError


def _take(
    connection: Connection, intakes: Sequence[Intake], now: int
) -> Sequence[Answer | Exception]:
    told: dict[int, Answer | Exception] = {}
    fresh, repeats = _sort(connection, intakes, told)
    kept = []
    for number, added in _add(connection, intakes, fresh, now):
        answer = intakes[number].answer(added)
        told[number] = answer
        ticket = intakes[number].ticket
        if ticket is not None:
            kept.append((ticket, to_kept(ticket, answer)))
    idempotency.keep(connection, kept, now)
    here = {ticket.place: one for ticket, one in kept}
    for number in repeats:
        ticket = intakes[number].ticket
        assert ticket is not None
        told[number] = _replayed(here[ticket.place], ticket)
    return [told[number] for number in range(len(intakes))]


def _sort(
    connection: Connection, intakes: Sequence[Intake], told: dict[int, Answer | Exception]
) -> tuple[list[int], list[int]]:
    """Numbers of those to be stored, and of those that repeat one of them; the rest is told."""
    tickets = [one.ticket for one in intakes if one.ticket is not None]
    known = idempotency.find(connection, tickets)
    places: set[idempotency.Place] = set()
    fresh, repeats = [], []
    for number, one in enumerate(intakes):
        ticket = one.ticket
        if ticket is None:
            fresh.append(number)
        elif ticket.place in known:
            told[number] = _replayed(known[ticket.place], ticket)
        elif ticket.place in places:
            repeats.append(number)
        else:
            places.add(ticket.place)
            fresh.append(number)
    return fresh, repeats


def _add(
    connection: Connection, intakes: Sequence[Intake], fresh: Sequence[int], now: int
) -> list[tuple[int, Sequence[Added]]]:
    """Store them issuer by issuer, always in the same order, so that no two writers deadlock."""
    done: list[tuple[int, Sequence[Added]]] = []
    for issuer in sorted({intakes[number].issuer for number in fresh}):
        numbers = [number for number in fresh if intakes[number].issuer == issuer]
        together = [one for number in numbers for one in intakes[number].credentials]
        added = list(store.add_credentials(connection, issuer, together, now))
        start = 0
        for number in numbers:
            end = start + len(intakes[number].credentials)
            done.append((number, added[start:end]))
            start = end
    return done


def _replayed(kept: idempotency.Kept, ticket: Ticket) -> Answer | Exception:
    try:
        return replay(kept, ticket)
    except Exception as error:  # noqa: BLE001 - it is this asker's answer, not the group's
        return error
