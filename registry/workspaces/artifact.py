"""The contract as shipped: ABI, code, and the one address that its code has on every chain."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

import orjson

from registry.keccak import keccak256
from registry.values import Address, CodeHash

FACTORY = Address.from_hex("0x4e59b44847b379578588920ca78fbf26c0b4956c")
"""The deterministic deployment proxy: calldata is a salt and init code, handed to CREATE2."""

SALT = bytes(32)


@dataclass(frozen=True, slots=True)
class Artifact:
    """creation_code is init code without arguments: there are none."""

    abi: list[dict[str, Any]] = field(repr=False)
    creation_code: bytes = field(repr=False)
    deployed_code: bytes = field(repr=False)
    code_hash: CodeHash
    address: Address


@cache
def load() -> Artifact:
    """Read the package's copy, which a test compares with what the compiler gives."""
    raw = files("registry").joinpath("data/contract/CredentialRegistry.json").read_bytes()
    shipped = orjson.loads(raw)
    creation_code = bytes.fromhex(shipped["bytecode"][2:])
    return Artifact(
        abi=shipped["abi"],
        creation_code=creation_code,
        deployed_code=bytes.fromhex(shipped["deployedBytecode"][2:]),
        code_hash=CodeHash.from_hex(shipped["codeHash"]),
        address=create2_address(FACTORY, SALT, creation_code),
    )


def create2_address(factory: Address, salt: bytes, creation_code: bytes) -> Address:
    """EIP-1014: the last 20 bytes of keccak256(0xff, factory, salt, keccak256(init code))."""
    return Address(keccak256(b"\xff" + factory + salt + keccak256(creation_code))[12:])
