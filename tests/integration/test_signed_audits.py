"""`audit --statement` on a real chain, and another auditor who checks it again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from audited_chain import CHAIN, META, Registry, registry_chain
from contract_views import REGISTRY
from rpc_proxy import altered, proxied

from registry.auditing.auditor_key import load_or_create
from registry.auditing.statement import read_signed, sign
from registry.cli import main
from registry.documents.multikey import PublicKey, did_key
from registry.formats.history import issuer_id_of
from registry.values import Address, Bytes32

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from registry.formats.strict_json import JsonObject


@pytest.fixture(scope="module")
def chain() -> Iterator[Registry]:
    with registry_chain() as registry:
        issuer = registry.register(1)
        for root in (b"\x01" * 32, b"\x02" * 32):
            registry.do(1, "anchor", issuer, root, 256, META)
        registry.do(1, "change_status", issuer, b"\x01" * 32, 2, [(0, 1)])
        registry.register(2)
        registry.settle()
        yield registry


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def sign_audit(chain: Registry, folder: Path, *words: str) -> Path:
    file = folder / "audit.jws"
    place = ["--chain", "eip155:31337", "--registry", str(REGISTRY)]
    statement = ["--statement", str(file), "--key", str(folder / "auditor.pem")]
    assert main(["audit", "--rpc", chain.rpc.url, *place, *statement, *words]) == 0
    return file


def checked(url: str, file: Path, capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    capsys.readouterr()
    check = ["--check-statement", str(file), "--json", *words]
    code = main(["audit", "--rpc", url, "--max-age", "100000", *check])
    return code, json.loads(capsys.readouterr().out)


def forged(file: Path, folder: Path, **changed: Any) -> Path:
    """The statement with some of it changed, signed by the same key."""
    private, _ = load_or_create(folder / "auditor.pem")
    said: JsonObject = {**read_signed(file.read_text("ascii")).said, **changed}
    other = folder / "forged.jws"
    key = PublicKey(private.public_key().public_bytes_raw())
    other.write_text(sign(said, key, private.sign), "ascii")
    return other


def test_another_auditor_comes_to_the_same(
    chain: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = sign_audit(chain, tmp_path, "--every", "24")
    did = capsys.readouterr().err.split()[-1]
    signed = read_signed(file.read_text("ascii"))
    assert did_key(signed.key) == did
    code, answer = checked(chain.rpc.url, file, capsys, "--auditor", did)
    assert (code, answer["agrees"], answer["differences"]) == (0, True, [])
    assert main(["audit", "--rpc", chain.rpc.url, "--check-statement", str(file)]) == 0
    assert f"AGREES: an audit of our own as of block {signed.asked.block}, signed by {did}" in (
        capsys.readouterr().out
    )


def test_it_is_checked_as_of_its_block_though_the_chain_has_gone_on(
    chain: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = sign_audit(chain, tmp_path)
    chain.register(3)
    chain.settle()
    code, answer = checked(chain.rpc.url, file, capsys)
    assert (code, answer["differences"]) == (0, [])


def test_of_one_issuer_alone_the_same_is_asked_again(
    chain: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    owner = Address.from_hex(chain.people[1])
    issuer = str(issuer_id_of(CHAIN, REGISTRY, owner, Bytes32(bytes(32))))
    file = sign_audit(chain, tmp_path, "--issuer", issuer)
    said = read_signed(file.read_text("ascii")).said
    assert isinstance(said["issuers"], dict)
    assert list(said["issuers"]) == [issuer]
    code, answer = checked(chain.rpc.url, file, capsys)
    assert (code, answer["differences"]) == (0, [])


def test_a_statement_that_is_not_so_is_told_field_by_field(
    chain: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = sign_audit(chain, tmp_path)
    said = read_signed(file.read_text("ascii")).said
    false = {**said["block"], "hash": "0x" + "ab" * 32}  # type: ignore[dict-item]
    code, answer = checked(
        chain.rpc.url,
        forged(file, tmp_path, logs=99, block=false),
        capsys,
        "--auditor",
        "did:key:z",
    )
    assert code == 1
    fields = [one["field"] for one in answer["differences"]]
    assert fields == ["auditor", "block/hash", "logs"]


def test_a_broken_signature_is_told_before_anything_is_asked(
    tmp_path: Path, chain: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    file = sign_audit(chain, tmp_path)
    head, payload, signature = file.read_text("ascii").strip().split(".")
    file.write_text(f"{head}.{payload}.{signature[::-1][:-1]}A", "ascii")
    code, answer = checked("http://127.0.0.1:9", file, capsys)
    assert code == 1
    assert [one["field"] for one in answer["differences"]] == ["signature"]
    file.write_text("nothing of the kind", "ascii")
    assert main(["audit", "--rpc", "http://127.0.0.1:9", "--check-statement", str(file)]) == 2


def test_a_checker_whose_node_lies_does_not_agree(
    chain: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = sign_audit(chain, tmp_path)
    with proxied(chain.rpc.url) as proxy:
        proxy.rules.append(altered("eth_getLogs", lambda logs: logs[:-1]))
        code, answer = checked(proxy.url, file, capsys)
    assert code == 1
    assert "complete" in [one["field"] for one in answer["differences"]]


def test_without_a_node_it_cannot_be_checked(
    chain: Registry, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = sign_audit(chain, tmp_path)
    code, answer = checked("http://127.0.0.1:9", file, capsys, "--patience", "1")
    assert code == 3
    assert "127.0.0.1:9" in answer["error"]["message"]
