"""An audit as CSV tables, for spreadsheets: issuers, operations, batches, status, findings."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from registry.auditing.audit_report import AuditReport
    from registry.values import IssuerId

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""A cell that begins so is run by spreadsheets; profiles are anybody's text."""

_OPERATIONS = """
SELECT issuer, operation, kind, timestamp, block, tx_hash, actor, root, change, leaves, detail,
    history FROM operation
    WHERE (?1 IS NULL OR issuer = ?1) AND block BETWEEN ?2 AND ?3 ORDER BY id
"""
_BATCHES = """
SELECT batch.issuer, batch.root, size, anchored_at, batch.operation, block, meta_hash, revoked
    FROM batch JOIN operation ON operation.issuer = batch.issuer
    AND operation.operation = batch.operation
    WHERE (?1 IS NULL OR batch.issuer = ?1) AND block BETWEEN ?2 AND ?3 ORDER BY id
"""
_STATUS = """
SELECT issuer, root, leaf, change, timestamp, operation, block
    FROM lane JOIN operation USING (id)
    WHERE (?1 IS NULL OR issuer = ?1) AND block BETWEEN ?2 AND ?3 ORDER BY id, leaf
"""
_TABLES = {"operations": _OPERATIONS, "batches": _BATCHES, "status": _STATUS}


def write_tables(
    db: sqlite3.Connection, report: AuditReport, only: IssuerId | None, folder: Path
) -> list[Path]:
    """Write what the report tells of; files that are there are replaced.

    Bytes are hex with 0x, times Unix seconds. A text cell that a spreadsheet would run begins with
    an apostrophe.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name, query in _TABLES.items():
        rows = db.execute(query, (only, *report.scope.told))
        header = [column[0] for column in rows.description]
        files.append(_write(folder / f"{name}.csv", header, rows))
    issuers = [list(one.to_json().values()) for one in report.issuers]
    header = list(report.issuers[0].to_json()) if report.issuers else []
    files.append(_write(folder / "issuers.csv", header, issuers))
    findings = [one.to_json() for one in report.findings]
    columns = ["severity", "matter", "issuerId", "block", "operation", "sentence", "evidence"]
    rows_of = [[_flat(one[column]) for column in columns] for one in findings]
    files.append(_write(folder / "findings.csv", columns, rows_of))
    return files


def _flat(value: object) -> object:
    return json.dumps(value) if isinstance(value, dict) else value


def _write(file: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(header)
        writer.writerows([_cell(value) for value in row] for row in rows)
    return file


def _cell(value: object) -> object:
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    return value
