"""Compile the contract with py-solc-x and write what the Python package ships of it.

`--check` writes nothing and exits 1 where the package's copy is not what the compiler gives now.
The compiler, its settings and its imports come from the lock files alone, so anyone can repeat it.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import solcx

from registry.keccak import keccak256

ROOT = Path(__file__).resolve().parent.parent
SOLC = ROOT / "scripts" / "solc"
ARTIFACT = ROOT / "registry" / "data" / "contract" / "CredentialRegistry.json"
ENTRY = "contracts/CredentialRegistry.sol"
_IMPORT = re.compile(r"^import\s[^;]*?\"([^\"]+)\";", re.MULTILINE)


def sources() -> dict[str, dict[str, str]]:
    """The entry and all that it imports, by the names that forge gives them too."""
    found: dict[str, dict[str, str]] = {}
    waiting = [ENTRY]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        text = (ROOT / name).read_text("utf-8")
        found[name] = {"content": text}
        waiting += [_resolve(name, target) for target in _IMPORT.findall(text)]
    return dict(sorted(found.items()))


def _resolve(importer: str, target: str) -> str:
    if target.startswith("@"):
        return f"node_modules/{target}"
    return str((ROOT / importer).parent.joinpath(target).resolve().relative_to(ROOT))


def settings() -> dict[str, Any]:
    """forge's profile, in the compiler's own words: one place says how the contract is built."""
    profile = tomllib.loads((ROOT / "foundry.toml").read_text("utf-8"))["profile"]["default"]
    return {
        "remappings": profile["remappings"],
        "optimizer": {"enabled": profile["optimizer"], "runs": profile["optimizer_runs"]},
        "viaIR": profile["via_ir"],
        "evmVersion": profile["evm_version"],
        "metadata": {
            "bytecodeHash": profile["bytecode_hash"],
            "appendCBOR": profile["cbor_metadata"],
        },
        "outputSelection": {
            ENTRY: {"*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"]}
        },
    }


def compile_contract() -> dict[str, Any]:
    used = settings()
    given = {"language": "Solidity", "sources": sources(), "settings": used}
    output = solcx.compile_standard(given, solc_binary=SOLC)
    contract = output["contracts"][ENTRY]["CredentialRegistry"]
    deployed = contract["evm"]["deployedBytecode"]["object"]
    return {
        "contractName": "CredentialRegistry",
        "compiler": {
            "version": str(solcx.wrapper.get_solc_version(SOLC, with_commit_hash=True)),
            "optimizerRuns": used["optimizer"]["runs"],
            "viaIR": used["viaIR"],
            "evmVersion": used["evmVersion"],
        },
        "codeHash": "0x" + keccak256(bytes.fromhex(deployed)).hex(),
        "abi": contract["abi"],
        "bytecode": "0x" + contract["evm"]["bytecode"]["object"],
        "deployedBytecode": "0x" + deployed,
    }


def main() -> int:
    text = json.dumps(compile_contract(), indent=1) + "\n"
    if "--check" in sys.argv[1:]:
        if ARTIFACT.read_text("utf-8") == text:
            return 0
        sys.exit(
            "the package's copy is not what the compiler gives: run scripts/export_contract.py"
        )
    ARTIFACT.parent.mkdir(parents=True, exist_ok=True)
    ARTIFACT.write_text(text, "utf-8")
    print(f"wrote {ARTIFACT.relative_to(ROOT)}: {len(text):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
