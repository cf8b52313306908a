"""The contract as shipped, and the one address that its code has everywhere."""

from __future__ import annotations

import subprocess
import sys

import pytest

from registry.keccak import keccak256
from registry.values import Address
from registry.workspaces import artifact

# EIP-1014, "Examples": factory, salt, init code, address.
EIP_1014 = [
    ("00" * 20, "00" * 32, "00", "4d1a2e2bb4f88f0250f26ffff098b0b30b26bf38"),
    ("deadbeef" + "00" * 16, "00" * 32, "00", "b928f69bb1d91cd65274e3c79d8986362984fda3"),
    (
        "deadbeef" + "00" * 16,
        "00" * 12 + "feed" + "00" * 18,
        "00",
        "d04116cdd17bebe565eb2422f2497e06cc1c9833",
    ),
    ("00" * 20, "00" * 32, "deadbeef", "70f2b2914a2a4b783faefb75f459a580616fcb5e"),
    (
        "00000000000000000000000000000000deadbeef",
        "00" * 28 + "cafebabe",
        "deadbeef",
        "60f3f640a8508fc6a86d45df051962668e1e8ac7",
    ),
    (
        "00000000000000000000000000000000deadbeef",
        "00" * 28 + "cafebabe",
        "deadbeef" * 11,
        "1d8bfdc5d46dc4f61d6b6115972536ebe6a8854c",
    ),
    ("00" * 20, "00" * 32, "", "e33c0c7f7df4809055c3eba6c09cfe4baf1bd9e0"),
]


@pytest.mark.parametrize(("factory", "salt", "code", "address"), EIP_1014)
def test_addresses_are_those_of_eip_1014(factory: str, salt: str, code: str, address: str) -> None:
    found = artifact.create2_address(
        Address.from_hex("0x" + factory), bytes.fromhex(salt), bytes.fromhex(code)
    )
    assert found == Address.from_hex("0x" + address)


def test_the_code_hash_is_that_of_the_deployed_code() -> None:
    shipped = artifact.load()
    assert shipped.code_hash == keccak256(shipped.deployed_code)


def test_the_creation_code_holds_the_deployed_code_and_takes_no_arguments() -> None:
    shipped = artifact.load()
    assert shipped.creation_code.endswith(shipped.deployed_code)
    assert [one for one in shipped.abi if one["type"] == "constructor"] == []


def test_the_deployed_code_fits_into_every_chain() -> None:
    """EIP-170 and EIP-3860: 24 KiB of code, 48 KiB of init code."""
    shipped = artifact.load()
    assert len(shipped.deployed_code) <= 0x6000
    assert len(shipped.creation_code) <= 0xC000


def test_its_repr_is_for_people() -> None:
    assert len(repr(artifact.load())) < 300


def test_it_is_read_once_and_without_the_service() -> None:
    assert artifact.load() is artifact.load()
    program = (
        "import sys; from registry.workspaces import artifact; artifact.load();"
        " print('web3' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout == b"False\n"
