"""Run slither over the contract, and compare its findings with the answers to them.

    python scripts/slither.py

slither lives in an environment of its own, build/slither, locked by tests/slither/uv.lock. Exits 1
where a finding has no answer in tests/slither/answers.toml, or an answer no finding.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / "build" / "slither"
ANSWERS = ROOT / "tests" / "slither" / "answers.toml"


def main() -> int:
    answers = set(tomllib.loads(ANSWERS.read_text("utf-8")))
    found = findings()
    for name in sorted(found.keys() - answers):
        print(f"{name} has no answer in {ANSWERS.relative_to(ROOT)}:", file=sys.stderr)
        print(found[name], file=sys.stderr)
    for name in sorted(answers - found.keys()):
        print(f"{name} is answered but not found: delete the answer", file=sys.stderr)
    print(f"slither: {len(found)} findings, {len(found.keys() & answers)} answered")
    return 0 if answers == found.keys() else 1


def findings() -> dict[str, str]:
    """What slither says, by detector and place: `timestamp CredentialRegistry.distrust`."""
    # Folders of its own: slither has forge clean them, and build them without the tests.
    out = ENVIRONMENT / "out"
    environment = os.environ | {
        "PATH": os.pathsep.join([str(ROOT / "node_modules" / ".bin"), os.environ["PATH"]]),
        "FOUNDRY_OUT": str(out),
        "FOUNDRY_CACHE_PATH": str(ENVIRONMENT / "cache"),
    }
    done = subprocess.run(
        [
            *(str(ENVIRONMENT / "bin" / "slither"), ".", "--foundry-out-directory", str(out)),
            *("--filter-paths", "node_modules", "--fail-none", "--json", "-"),
        ],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SystemExit(f"slither failed:\n{done.stderr}")
    report = json.loads(done.stdout)
    if not report["success"]:
        raise SystemExit(f"slither failed: {report['error']}")
    return {_name(one): one["description"] for one in report["results"].get("detectors", [])}


def _name(finding: dict[str, object]) -> str:
    place = finding["elements"][0]  # type: ignore[index]  # slither's report is JSON
    parents: list[str] = []
    above = place.get("type_specific_fields", {}).get("parent")
    while above and above["type"] in {"contract", "function"}:
        parents.insert(0, above["name"])
        above = above.get("type_specific_fields", {}).get("parent")
    return f"{finding['check']} {'.'.join([*parents, place['name']])}"


if __name__ == "__main__":
    sys.exit(main())
