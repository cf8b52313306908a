"""One table of settings: checked by kind, each value overruled by its twin in the environment."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, TypeVar

from registry.errors import MalformedDocument, MalformedValue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_T = TypeVar("_T")


class Table:
    """One table, its values overruled by the environment; remembers which keys were asked for.

    path: in front of the name, `issuers.law.` for a table of the issuer `law`. base: the table
    that answers for what this one leaves out.
    """

    def __init__(
        self,
        name: str,
        document: Mapping[str, Any],
        environment: Mapping[str, str],
        *,
        path: str = "",
        base: Table | None = None,
    ) -> None:
        self.name = path + name
        self._values = document.get(name, {})
        if not isinstance(self._values, dict):
            raise MalformedDocument("not a table", self.name)
        self._environment = environment
        self._base = base
        self._own: frozenset[str] = frozenset()
        self._known: set[str] = set()

    @property
    def place(self) -> str:
        return f"[{self.name}]"

    def has(self, key: str) -> bool:
        """Whether the table itself, or the environment for it, gives this key."""
        return self._is_overruled(key) or self._values.get(key) is not None

    def keep(self, *keys: str) -> None:
        """These keys are this table's own: the base does not answer for them."""
        self._own |= set(keys)

    def alone(self) -> Table:
        """The same table without its base."""
        self._base = None
        return self

    def required(self, key: str, read: Callable[[str], _T]) -> _T:
        value = self.optional(key, read)
        if value is None:
            raise MalformedDocument("missing", self._place(key))
        return value

    def optional(self, key: str, read: Callable[[str], _T]) -> _T | None:
        table, value = self._get(key)
        if value is None:
            return None
        if not isinstance(value, str):
            raise MalformedDocument("text expected", table._place(key))
        return table._read(key, value, read)

    def number(self, key: str, read: Callable[[str], _T]) -> _T | None:
        table, value = self._get(key)
        if value is None:
            return None
        if not table._is_overruled(key) and (
            isinstance(value, bool) or not isinstance(value, (int, float))
        ):
            raise MalformedDocument("a number expected", table._place(key))
        return table._read(key, str(value), read)

    def flag(self, key: str) -> bool:
        table, value = self._get(key)
        if value is None or isinstance(value, bool):
            return bool(value)
        if table._is_overruled(key) and value in ("true", "false"):
            return value == "true"
        raise MalformedDocument("true or false expected", table._place(key))

    def texts(self, key: str) -> tuple[str, ...]:
        table, value = self._get(key)
        if value is None:
            return ()
        if isinstance(value, str) and table._is_overruled(key):
            return tuple(value.split())
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise MalformedDocument("a list of texts expected", table._place(key))
        return tuple(value)

    def refuse_others(self) -> None:
        refuse_unknown(self._values, self._known, f"{self.place} key")

    def _get(self, key: str) -> tuple[Table, object]:
        """The value, and the table that gave it."""
        self._known.add(key)
        value = self._environment.get(twin(self.name, key)) or self._values.get(key)
        if value is None and self._base is not None and key not in self._own:
            return self._base._get(key)
        return self, value

    def _read(self, key: str, text: str, read: Callable[[str], _T]) -> _T:
        try:
            return read(text)
        except (MalformedValue, ValueError) as error:
            raise MalformedDocument(str(error), self._place(key)) from None

    def _is_overruled(self, key: str) -> bool:
        return bool(self._environment.get(twin(self.name, key)))

    def _place(self, key: str) -> str:
        place = f"{self.place} {key}"
        return f"{place} (by {twin(self.name, key)})" if self._is_overruled(key) else place


def twin(section: str, key: str) -> str:
    """The variable that overrules a setting; CREDANCHOR_ISSUERS_LAW_CHAIN_ID for `issuers.law.`."""
    return f"CREDANCHOR_{section}_{key}".upper().replace(".", "_").replace("-", "_")


def refuse_unknown(table: Mapping[str, Any], known: set[str], kind: str) -> None:
    """Raises MalformedDocument with the nearest known key, else all of them."""
    for key in table:
        if key not in known:
            near = get_close_matches(key, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(known))}"
            raise MalformedDocument(f"unknown {kind}; {hint}", key)
