"""Write the test vectors of a format version that has none yet.

    python scripts/make_vectors.py [FORMAT-vN ...]

A released file is never written again: naming one is an error. The cases are computed from the
definitions and independent packages, without a line of `registry`; a new format version gets a new
entry in CASES, and its file is committed once.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from vector_cases import (
    bundle_cases,
    contract_cases,
    credential_cases,
    identity_cases,
    json_cases,
    past_cases,
    receipt_cases,
    tree_cases,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from vector_cases.oracles import Json

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "vectors"
CASES: dict[str, Callable[[], Json]] = {
    "strict_json-v1": json_cases.strict_json,
    "canonical-v1": json_cases.canonical_form,
    "digest-v1": credential_cases.digest,
    "leaf-v1": tree_cases.leaf,
    "tree-v1": tree_cases.tree,
    "receipt-v1": receipt_cases.receipt,
    "anchor_proof-v1": credential_cases.anchor_proof,
    "manifest-v1": tree_cases.manifest,
    "events-v1": contract_cases.events,
    "history-v1": contract_cases.history,
    "typed_data-v1": contract_cases.typed_data,
    "at_time-v1": past_cases.at_time,
    "identity-v1": identity_cases.identity,
    "bundle-v1": bundle_cases.bundles,
    "limits-v1": bundle_cases.limits,
}


def main(names: list[str], folder: Path = FOLDER) -> int:
    unknown = [name for name in names if name not in CASES]
    released = [name for name in names if (folder / f"{name}.json").exists()]
    for name in unknown:
        print(f"{name}: no cases; known are {', '.join(CASES)}", file=sys.stderr)
    for name in released:
        print(f"{name}: released, and never made again; add a new version", file=sys.stderr)
    if unknown or released:
        return 1
    for name in names or CASES:
        target = folder / f"{name}.json"
        if target.exists():
            print(f"{name}: released, left as it is")
            continue
        form, version = name.split("-v")
        content = {"format": form, "version": int(version), **CASES[name]()}
        with target.open("x", encoding="utf-8") as file:  # x: refuses an existing file
            file.write(json.dumps(content, indent=1) + "\n")
        print(f"{name}: written")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
