from __future__ import annotations

import copy
from typing import Any

import pytest

from registry.errors import MalformedDocument
from registry.judging.policy import DEFAULT_MAX_AGE_S, TrustedIssuer, TrustedRegistry, TrustPolicy
from registry.values import Address, ChainId, CodeHash, IssuerId

CHAIN, OTHER_CHAIN = ChainId(31337), ChainId(1)
REGISTRY, CODE = Address(b"\xaa" * 20), CodeHash(b"\xcc" * 32)
ISSUER = IssuerId(b"\x11" * 32)

TOML = f"""
[account]
unrelated = true

[trust]
max_age_s = 60

[[trust.registries]]
chain = "eip155:31337"
address = "{REGISTRY}"
code_hash = "{CODE}"

[[trust.issuers]]
chain = "eip155:31337"
registry = "{REGISTRY}"
issuer_id = "{ISSUER}"
speaks_for = ["did:key:z6Mkexample", "https://example.edu/issuer"]
name = "Example University"
"""

TABLE: dict[str, Any] = {
    "registries": [
        {"chain": "eip155:31337", "address": REGISTRY.to_hex(), "code_hash": CODE.to_hex()}
    ],
    "issuers": [
        {
            "chain": "eip155:31337",
            "registry": REGISTRY.to_hex(),
            "issuer_id": ISSUER.to_hex(),
            "speaks_for": ["did:key:z6Mkexample"],
            "name": "Example University",
        }
    ],
}


def test_a_policy_file_is_read_whole() -> None:
    assert TrustPolicy.parse(TOML.encode()) == TrustPolicy(
        registries=(TrustedRegistry(CHAIN, REGISTRY, CODE),),
        issuers=(
            TrustedIssuer(
                CHAIN,
                REGISTRY,
                ISSUER,
                ("did:key:z6Mkexample", "https://example.edu/issuer"),
                "Example University",
            ),
        ),
        max_age_s=60,
    )


def test_an_empty_table_trusts_nobody_for_seven_days() -> None:
    assert TrustPolicy.from_toml({}) == TrustPolicy((), (), 7 * 86400)
    assert DEFAULT_MAX_AGE_S == 604800


def test_lookups_need_every_part_of_the_key() -> None:
    policy = TrustPolicy.from_toml(TABLE)
    assert policy.registry_at(CHAIN, REGISTRY) is policy.registries[0]
    assert policy.registry_at(OTHER_CHAIN, REGISTRY) is None
    assert policy.registry_at(CHAIN, Address(bytes(20))) is None
    assert policy.issuer(CHAIN, REGISTRY, ISSUER) is policy.issuers[0]
    assert policy.issuer(OTHER_CHAIN, REGISTRY, ISSUER) is None
    assert policy.issuer(CHAIN, Address(bytes(20)), ISSUER) is None
    assert policy.issuer(CHAIN, REGISTRY, IssuerId(bytes(32))) is None


def test_an_address_may_be_written_with_its_checksum_case() -> None:
    table = copy.deepcopy(TABLE)
    table["registries"][0]["address"] = "0x" + "aA" * 20
    assert TrustPolicy.from_toml(table).registry_at(CHAIN, REGISTRY) is not None


FAULTS: list[tuple[tuple[str | int, ...], object, str]] = [
    (("isuers",), [], "/trust/isuers: unknown member"),
    (("max_age_s",), 0, "/trust/max_age_s: "),
    (("max_age_s",), True, "/trust/max_age_s: "),
    (("max_age_s",), "7 days", "/trust/max_age_s: "),
    (("registries",), {}, "/trust/registries: an array of tables"),
    (("issuers",), ["x"], "/trust/issuers: an array of tables"),
    (("registries", 0, "chain"), "1", "/trust/registries/0/chain: not eip155:"),
    (("registries", 0, "address"), "0x12", "/trust/registries/0/address: 1 bytes where 20"),
    (("registries", 0, "code_hash"), "0X" + "cc" * 32, "/trust/registries/0/code_hash: not lower"),
    (("registries", 0, "codehash"), "0x", "/trust/registries/0/codehash: unknown member"),
    (("registries", 0, "code_hash"), None, "/trust/registries/0/code_hash: missing"),
    (("issuers", 0, "speaks_for"), "did:key:z", "/trust/issuers/0/speaks_for: an array of texts"),
    (("issuers", 0, "speaks_for"), [], "/trust/issuers/0/speaks_for: name one at least"),
    (("issuers", 0, "purposes"), [], "/trust/issuers/0/purposes: name one at least"),
    (("dids",), [{"did": "uni.example", "name": "x"}], "/trust/dids/0/did: not a DID"),
    (("dids",), [{"did": "did:web:a"}], "/trust/dids/0/name: missing"),
    (("dids",), [{"did": "did:web:a", "name": "x", "key": 1}], "/trust/dids/0/key: unknown"),
    (("issuers", 0, "speaks_for"), [""], "/trust/issuers/0/speaks_for: an array of texts"),
    (("issuers", 0, "name"), 7, "/trust/issuers/0/name: a text"),
    (("issuers", 0, "name"), None, "/trust/issuers/0/name: missing"),
    (("issuers", 0, "registry"), "0x" + "ab" * 20, "/trust/issuers/0: its registry is not among"),
]


@pytest.mark.parametrize(("path", "value", "message"), FAULTS)
def test_a_fault_is_refused_with_its_place(
    path: tuple[str | int, ...], value: object, message: str
) -> None:
    table: Any = copy.deepcopy(TABLE)
    parent = table
    for member in path[:-1]:
        parent = parent[member]
    if value is None:
        del parent[path[-1]]
    else:
        parent[path[-1]] = value
    with pytest.raises(MalformedDocument) as caught:
        TrustPolicy.from_toml(table)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("member", ["registries", "issuers"])
def test_a_second_entry_for_the_same_key_is_refused(member: str) -> None:
    table = copy.deepcopy(TABLE)
    table[member] *= 2
    with pytest.raises(MalformedDocument, match=f"/trust/{member}/1: this .* is listed twice"):
        TrustPolicy.from_toml(table)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"\xff", "not UTF-8"),
        (b"[trust", "not TOML"),
        (b"[truts]\n", r"a table \[trust\]"),
        (b"trust = 1\n", r"a table \[trust\]"),
    ],
)
def test_a_file_that_holds_no_policy_is_refused(raw: bytes, message: str) -> None:
    with pytest.raises(MalformedDocument, match=message):
        TrustPolicy.parse(raw)
