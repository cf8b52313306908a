"""What is kept of a running embedded chain, for the next command to find it: `chain/anvil.json`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from registry.errors import DevChainFailed

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Record:
    """Processes are named as `processes.identity` has them.

    folder: of the chain, so that a copied workspace does not take its original's. instance:
    anvil's own random name for this run, empty until it has answered. kept: started to stay, so
    that the last user does not stop it. users: processes that use it now, one entry a use.
    """

    folder: str
    process: str
    pid: int
    url: str
    instance: str = ""
    kept: bool = False
    users: tuple[str, ...] = ()


_KINDS = {
    "folder": str,
    "process": str,
    "pid": int,
    "url": str,
    "instance": str,
    "kept": bool,
    "users": list,
}


def read(file: Path) -> Record | None:
    """None where there is no file. Raises DevChainFailed where `write` did not write it."""
    try:
        raw = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except ValueError:
        raw = None
    if not _is_whole(raw):
        # Guessing might start a second anvil on one state, and ruin it.
        raise DevChainFailed(
            f"{file} is not as it was written; end this workspace's anvil, if it runs, and delete "
            "that file"
        )
    return Record(**{**raw, "users": tuple(raw["users"])})


def write(file: Path, record: Record) -> None:
    """Replaced whole: a kill leaves the old record or the new one, never half."""
    fresh = file.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(record)), "utf-8")
    fresh.replace(file)


def _is_whole(raw: Any) -> bool:
    if not isinstance(raw, dict) or {key: type(raw[key]) for key in raw} != _KINDS:
        return False
    return all(type(user) is str for user in raw["users"])
