"""Structured logs: one JSON object a line, with no personal data and no secret in it.

What is logged is chosen, not filtered: event names, route templates, numbers, states, ids of keys
and requests. Never a path as it was sent, a query, a header, a body, an address or the text of an
unexpected error, since any of them may name a person or hold a key.
"""

from __future__ import annotations

import logging
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from types import TracebackType


LOGGER = "credanchor"
_FIELDS = "fields"
_logger = logging.getLogger(LOGGER)


class JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        line.update(getattr(record, _FIELDS, {}))
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            line["where"] = frames(record.exc_info[2])
        return orjson.dumps(line, option=orjson.OPT_NON_STR_KEYS, default=str).decode()


def event(name: str, *, level: int = logging.INFO, **fields: object) -> None:
    """Log one event of ours."""
    if _logger.isEnabledFor(level):
        # As Logger.log does, but for looking where in our code it was called: no line tells that.
        extra = {_FIELDS: fields}
        _logger.handle(_logger.makeRecord(LOGGER, level, "", 0, name, (), None, extra=extra))


def failure(name: str, error: BaseException, **fields: object) -> None:
    """Log an unexpected error by its kind and place, without its text."""
    told = {**fields, "error": type(error).__name__, "where": frames(error.__traceback__)}
    event(name, level=logging.ERROR, **told)


def frames(trace: TracebackType | None) -> list[str]:
    """The last calls as file:line function, the innermost last."""
    return [
        f"{Path(frame.filename).name}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(trace)[-8:]
    ]


def set_up(level: int = logging.INFO) -> None:
    """All of the process's logs to stderr in this form; uvicorn's own access log is not used."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    # Nor does any tell which thread and process it was.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    _logger.setLevel(level)
    for name in ("uvicorn", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.getLogger("uvicorn.access").disabled = True
    # They write URLs, which may hold keys.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
