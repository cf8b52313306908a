"""`credanchor verify` against the real contract on a real chain: every verdict that a chain gives.

Calls are encoded by eth_abi and sent from anvil's unlocked accounts, so that nothing of the
anchor service takes part.
"""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from eth_abi.abi import encode

from registry import cli
from registry.cli import verify
from registry.documents.data_integrity import sign
from registry.documents.multikey import PublicKey, did_key
from registry.formats.credential import credential_digest
from registry.formats.leaf import leaf_hash
from registry.formats.receipt import Receipt, embed
from registry.formats.storage import batch_slot, decode_batch, masks
from registry.formats.tree import MerkleTree
from registry.keccak import keccak256
from registry.nodes.rpc import Node
from registry.values import Address, ChainId, IssuerId, LeafHash, Salt
from registry.workspaces import artifact, workspace
from registry.workspaces.devchain import DevChain, mine_to_finality

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry.formats.strict_json import JsonObject, JsonValue

CHAIN = ChainId(31337)
SIZE = 256
INDEX = 200
SUSPEND, REINSTATE, REVOKE = 0, 1, 2
KEY = Ed25519PrivateKey.from_private_bytes(b"\x21" * 32)
PUBLIC = PublicKey(KEY.public_key().public_bytes_raw())
UNIVERSITY = did_key(PUBLIC)

_numbers = itertools.count(1)


@dataclass
class Registry:
    """The deployed contract, its calls sent by one of anvil's accounts."""

    node: Node
    url: str
    address: Address
    accounts: list[str]

    def send(self, signature: str, *arguments: Any, account: int = 0) -> None:
        types = signature[signature.index("(") + 1 : -1]
        call = keccak256(signature.encode())[:4] + encode(_split(types), arguments)
        self.transact(self.address.to_hex(), call, account)

    def transact(self, to: str, data: bytes, account: int = 0) -> None:
        request: JsonObject = {
            "from": self.accounts[account],
            "to": to,
            "data": "0x" + data.hex(),
        }
        sent = self.node.call("eth_sendTransaction", [request])
        deadline = time.monotonic() + 20
        # anvil answers the sender before its miner has made the block
        while (mined := self.node.call("eth_getTransactionReceipt", [sent])) is None:
            assert time.monotonic() < deadline, "not mined"
            time.sleep(0.005)
        assert isinstance(mined, dict)
        assert mined["status"] == "0x1"

    def finalize(self) -> None:
        mine_to_finality(self.node)

    def register(self, account: int = 0) -> IssuerId:
        salt = next(_numbers).to_bytes(32, "big")
        self.send("register(bytes32,bytes32,string)", salt, b"\x0d" * 32, "", account=account)
        types = ["uint256", "address", "address", "bytes32"]
        values = [CHAIN.number, self.address.to_hex(), self.accounts[account], salt]
        return IssuerId(keccak256(encode(types, values)))

    def anchor(self, receipt: Receipt, size: int = SIZE, account: int = 0) -> None:
        arguments = (receipt.issuer_id, receipt.root, size, b"\x0e" * 32)
        self.send("anchor(bytes32,bytes32,uint32,bytes32)", *arguments, account=account)

    def change(self, receipt: Receipt, change: int, index: int = INDEX) -> None:
        lanes = list(masks([index]).items())
        signature = "changeStatus(bytes32,bytes32,uint8,(uint256,uint256)[])"
        self.send(signature, receipt.issuer_id, receipt.root, change, lanes)


def _split(types: str) -> list[str]:
    """Top-level types of a signature; one tuple array at most, and at the end."""
    plain, found, tuples = types.partition("(")
    return [one for one in plain.split(",") if one] + ([found + tuples] if found else [])


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with DevChain(tmp_path_factory.mktemp("chain")).use() as url, Node(url) as node:
        yield deploy(node, url)


def deploy(node: Node, url: str) -> Registry:
    accounts = node.call("eth_accounts", [])
    assert isinstance(accounts, list)
    contract = artifact.load()
    deployed = Registry(node, url, contract.address, [str(one) for one in accounts])
    deployed.transact(artifact.FACTORY.to_hex(), artifact.SALT + contract.creation_code)
    return deployed


@pytest.fixture(scope="module")
def university(registry: Registry) -> IssuerId:
    return registry.register()


def credential(**changed: JsonValue) -> JsonObject:
    document: JsonObject = {
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "id": f"urn:example:{next(_numbers)}",
        "type": ["VerifiableCredential"],
        "issuer": UNIVERSITY,
        "validFrom": "2020-01-01T00:00:00Z",
        "credentialSubject": {"id": "did:example:learner"},
    }
    unsigned = {**document, **changed}
    if unsigned["issuer"] != UNIVERSITY:
        return unsigned
    created = datetime(2020, 1, 1, tzinfo=UTC)
    return sign(unsigned, PUBLIC, KEY.sign, proof_id="urn:example:p", created=created)


def seal(registry: Registry, issuer_id: IssuerId, document: JsonObject) -> Receipt:
    salt = Salt(sha256(str(next(_numbers)).encode()).digest())
    leaves = [LeafHash(sha256(bytes([n])).digest()) for n in range(SIZE)]
    leaves[INDEX] = leaf_hash(issuer_id, INDEX, salt, credential_digest(document))
    tree = MerkleTree(b"".join(leaves))
    place = (CHAIN, registry.address, issuer_id)
    return Receipt(*place, INDEX, SIZE, salt, tree.path(INDEX), tree.root)


def trust(registry: Registry, issuer_id: IssuerId, **changed: str) -> str:
    values = {
        "chain": str(CHAIN),
        "address": registry.address.to_hex(),
        "code_hash": artifact.load().code_hash.to_hex(),
    } | changed
    return f"""
[[trust.registries]]
chain = "{values["chain"]}"
address = "{values["address"]}"
code_hash = "{values["code_hash"]}"
[[trust.issuers]]
chain = "{values["chain"]}"
registry = "{values["address"]}"
issuer_id = "{issuer_id}"
speaks_for = ["{UNIVERSITY}"]
name = "Example University"
"""


@dataclass
class Desk:
    """An employer's desk: a policy that trusts the university, and a node to ask."""

    folder: Path
    registry: Registry
    capsys: pytest.CaptureFixture[str]

    def verify(self, document: JsonObject, receipt: Receipt, *options: str) -> Any:
        """The one report. Its verdict must agree with the exit code."""
        file = self.folder / "credential.json"
        file.write_text(json.dumps(embed(document, receipt)))
        policy = ["--policy", str(self.folder / "policy.toml")]
        asked = options or ("--rpc", self.registry.url)
        code = cli.main(["verify", "--json", *policy, *asked, str(file)])
        (report,) = json.loads(self.capsys.readouterr().out)["reports"]
        codes = {"VALID": 0, "MALFORMED": 2, "CANNOT_CHECK": 3, "PENDING": 3}
        assert code == codes.get(report["verdict"], 1)
        return report

    def verdict(self, document: JsonObject, receipt: Receipt, *options: str) -> str:
        return str(self.verify(document, receipt, *options)["verdict"])


@pytest.fixture
def desk(
    tmp_path: Path, registry: Registry, university: IssuerId, capsys: pytest.CaptureFixture[str]
) -> Desk:
    (tmp_path / "policy.toml").write_text(trust(registry, university))
    return Desk(tmp_path, registry, capsys)


def issued(registry: Registry, issuer_id: IssuerId) -> tuple[JsonObject, Receipt]:
    """A credential whose anchor is final."""
    document = credential()
    receipt = seal(registry, issuer_id, document)
    registry.anchor(receipt)
    registry.finalize()
    return document, receipt


def test_from_nothing_to_pending_to_valid(
    desk: Desk, registry: Registry, university: IssuerId
) -> None:
    document = credential()
    receipt = seal(registry, university, document)
    assert desk.verdict(document, receipt) == "NOT_ANCHORED"
    registry.anchor(receipt)
    assert desk.verdict(document, receipt) == "PENDING"
    registry.finalize()
    report = desk.verify(document, receipt)
    assert report["verdict"] == "VALID"
    assert report["sentence"].startswith("VALID: issued by Example University, anchored 20")
    assert report["sentence"].endswith(f"on the word of one node, {registry.url}.")
    outcomes = [check["outcome"] for check in report["checks"]]
    assert outcomes == ["VALID", "SKIPPED", *["VALID"] * 9]
    assert report["record"]["didHash"] == "0x" + "0d" * 32


def test_a_revocation_counts_before_it_is_final_and_for_ever(
    desk: Desk, registry: Registry, university: IssuerId
) -> None:
    document, receipt = issued(registry, university)
    registry.change(receipt, REVOKE, INDEX + 1)
    registry.change(receipt, REVOKE, INDEX - 1)
    registry.finalize()
    assert desk.verdict(document, receipt) == "VALID"
    registry.change(receipt, REVOKE)
    report = desk.verify(document, receipt)
    assert report["verdict"] == "REVOKED"
    assert "not final yet" in report["sentence"]
    registry.finalize()
    report = desk.verify(document, receipt)
    assert report["verdict"] == "REVOKED"
    assert "not final yet" not in report["sentence"]


def test_a_suspension_lasts_until_its_end_is_final(
    desk: Desk, registry: Registry, university: IssuerId
) -> None:
    document, receipt = issued(registry, university)
    registry.change(receipt, SUSPEND)
    assert desk.verdict(document, receipt) == "SUSPENDED"
    registry.finalize()
    registry.change(receipt, REINSTATE)
    report = desk.verify(document, receipt)
    assert report["verdict"] == "SUSPENDED"
    assert (report["record"]["status"], report["record"]["finalStatus"]) == ("active", "suspended")
    registry.finalize()
    assert desk.verdict(document, receipt) == "VALID"


def test_a_whole_batch_can_be_revoked(desk: Desk, registry: Registry, university: IssuerId) -> None:
    document, receipt = issued(registry, university)
    registry.send("revokeBatch(bytes32,bytes32)", university, receipt.root)
    assert desk.verdict(document, receipt) == "REVOKED"


def test_a_size_that_is_not_the_stored_one_is_not_anchored(
    desk: Desk, registry: Registry, university: IssuerId
) -> None:
    document = credential()
    receipt = seal(registry, university, document)
    registry.anchor(receipt, size=SIZE + 1)
    registry.finalize()
    assert desk.verdict(document, receipt) == "NOT_ANCHORED"


def test_a_famous_name_under_a_strangers_issuer_id_is_untrusted(
    desk: Desk, registry: Registry
) -> None:
    stranger = registry.register(account=1)
    forged = credential(issuer="https://another.university.example")
    for document in (forged, credential()):
        receipt = seal(registry, stranger, document)
        registry.anchor(receipt, account=1)
        registry.finalize()
        report = desk.verify(document, receipt)
        assert report["verdict"] == "ISSUER_UNTRUSTED"
        assert [c["step"] for c in report["checks"] if c["outcome"] == "INVALID"] == [8]


def test_a_trusted_issuer_cannot_speak_for_another(
    desk: Desk, registry: Registry, university: IssuerId
) -> None:
    document = credential(issuer="https://another.university.example")
    receipt = seal(registry, university, document)
    registry.anchor(receipt)
    registry.finalize()
    assert desk.verdict(document, receipt) == "ISSUER_UNTRUSTED"


def test_a_revoked_credential_anchored_again_by_its_holder_is_untrusted(
    desk: Desk, registry: Registry, university: IssuerId
) -> None:
    document, receipt = issued(registry, university)
    registry.change(receipt, REVOKE)
    holder = registry.register(account=2)
    second = seal(registry, holder, document)
    registry.anchor(second, account=2)
    registry.finalize()
    assert desk.verdict(document, receipt) == "REVOKED"
    assert desk.verdict(document, second) == "ISSUER_UNTRUSTED"


def test_a_distrusted_time_covers_what_was_anchored_since(desk: Desk, registry: Registry) -> None:
    leaked = registry.register()
    (desk.folder / "policy.toml").write_text(trust(registry, leaked))
    document, receipt = issued(registry, leaked)
    assert desk.verdict(document, receipt) == "VALID"
    registry.send("distrust(bytes32,uint40)", leaked, anchored_at(registry, receipt))
    report = desk.verify(document, receipt)
    assert report["verdict"] == "ISSUER_UNTRUSTED"
    assert "not final yet" in report["sentence"]


def test_retired_and_paused_issuers_stay_trusted(desk: Desk, registry: Registry) -> None:
    issuer_id = registry.register()
    (desk.folder / "policy.toml").write_text(trust(registry, issuer_id))
    document, receipt = issued(registry, issuer_id)
    registry.send("pause(bytes32)", issuer_id)
    registry.finalize()
    assert desk.verdict(document, receipt) == "VALID"
    registry.send("retire(bytes32)", issuer_id)
    registry.finalize()
    report = desk.verify(document, receipt)
    assert report["verdict"] == "VALID"
    assert "retired" in report["checks"][7]["sentence"]


def test_another_contract_or_none_is_never_believed(
    desk: Desk, registry: Registry, university: IssuerId
) -> None:
    document, receipt = issued(registry, university)
    policy = desk.folder / "policy.toml"
    policy.write_text(trust(registry, university, code_hash="0x" + "ab" * 32))
    assert desk.verdict(document, receipt) == "ISSUER_UNTRUSTED"
    nowhere = Address(b"\x0f" * 20)
    policy.write_text(trust(registry, university, address=nowhere.to_hex()))
    assert desk.verdict(document, receipt) == "ISSUER_UNTRUSTED"
    report = desk.verify(document, replace(receipt, registry=nowhere))
    assert report["verdict"] == "CANNOT_CHECK"
    assert "no contract" in report["sentence"]


def test_a_node_of_another_chain_cannot_check(
    desk: Desk, registry: Registry, university: IssuerId
) -> None:
    document, receipt = issued(registry, university)
    elsewhere = replace(receipt, chain=ChainId(1))
    (desk.folder / "policy.toml").write_text(trust(registry, university, chain="eip155:1"))
    report = desk.verify(document, elsewhere)
    assert report["verdict"] == "CANNOT_CHECK"
    assert "serves eip155:31337, not eip155:1" in report["sentence"]


def test_a_node_that_is_down_cannot_check(
    desk: Desk, registry: Registry, university: IssuerId
) -> None:
    document, receipt = issued(registry, university)
    report = desk.verify(document, receipt, "--rpc", "http://127.0.0.1:9")
    assert report["verdict"] == "CANNOT_CHECK"


def test_a_head_older_than_max_age_cannot_check(
    desk: Desk, registry: Registry, university: IssuerId, monkeypatch: pytest.MonkeyPatch
) -> None:
    document, receipt = issued(registry, university)
    head = registry.node.call("eth_getBlockByNumber", ["latest", False])
    assert isinstance(head, dict)
    newest = int(str(head["timestamp"]), 16)

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Clock:
            return cls.fromtimestamp(newest + 60, tz)

    monkeypatch.setattr(verify, "datetime", Clock)
    asked = ("--rpc", registry.url, "--max-age")
    assert desk.verdict(document, receipt, *asked, "59") == "CANNOT_CHECK"
    assert desk.verdict(document, receipt, *asked, "1m") == "VALID"


def test_many_files_of_one_batch_are_asked_for_together(
    desk: Desk, registry: Registry, university: IssuerId
) -> None:
    document, receipt = issued(registry, university)
    names = [str(desk.folder / f"{number}.json") for number in range(30)]
    for name in names:
        Path(name).write_text(json.dumps(embed(document, receipt)))
    policy = str(desk.folder / "policy.toml")
    assert cli.main(["verify", "--policy", policy, "--rpc", registry.url, *names]) == 0
    assert desk.capsys.readouterr().out.splitlines()[-1] == "30 credentials: 30 VALID"


def test_a_workspaces_chain_is_started_when_needed_and_stopped_after(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = workspace.new_config_text(
        chain=CHAIN, embedded=True, rpc=(), did=UNIVERSITY, name="Example University", url=None
    )
    file = tmp_path / workspace.FILE
    file.write_text(text)
    chain = DevChain(tmp_path)
    with chain.use() as url, Node(url) as node:
        contract = deploy(node, url)
        issuer_id = contract.register()
        document, receipt = issued(contract, issuer_id)
    file.write_text(text + trust(contract, issuer_id))
    credential_file = tmp_path / "diploma.json"
    credential_file.write_text(json.dumps(document))
    (tmp_path / "diploma.receipt.json").write_bytes(receipt.serialize())

    assert chain.running() is None
    assert cli.main(["-w", str(tmp_path), "verify", str(credential_file)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"{credential_file}: VALID: issued by Example University")
    assert len(lines) == 12
    assert chain.running() is None
    assert cli.main(["-w", str(tmp_path), "verify", "--offline", str(credential_file)]) == 3
    assert not (tmp_path / "chain" / "anvil.json").exists()


def test_of_a_workspaces_nodes_the_first_that_answers_is_asked(
    tmp_path: Path,
    registry: Registry,
    university: IssuerId,
    capsys: pytest.CaptureFixture[str],
) -> None:
    document, receipt = issued(registry, university)
    for name, one in (("here", receipt), ("elsewhere", replace(receipt, chain=ChainId(1)))):
        (tmp_path / f"{name}.json").write_text(json.dumps(embed(document, one)))
    files = [str(tmp_path / f"{name}.json") for name in ("here", "elsewhere")]
    trusted = trust(registry, university) + trust(registry, university, chain="eip155:1")
    for nodes, verdict in (
        (("http://127.0.0.1:9", registry.url), "VALID"),
        (("http://127.0.0.1:9",), "CANNOT_CHECK"),
    ):
        text = workspace.new_config_text(
            chain=CHAIN, embedded=False, rpc=nodes, did=UNIVERSITY, name="Example", url=None
        )
        (tmp_path / workspace.FILE).write_text(text + trusted)
        assert cli.main(["-w", str(tmp_path), "verify", "--json", *files]) == 3
        here, elsewhere = json.loads(capsys.readouterr().out)["reports"]
        assert here["verdict"] == verdict
        assert elsewhere["verdict"] == "CANNOT_CHECK"
        assert "anchored on eip155:1" in elsewhere["sentence"]


def test_the_chain_in_the_foreground_ends_with_a_signal_and_leaves_nothing(tmp_path: Path) -> None:
    text = workspace.new_config_text(
        chain=CHAIN, embedded=True, rpc=(), did=UNIVERSITY, name="Example University", url=None
    )
    (tmp_path / workspace.FILE).write_text(text)
    program = "import sys; from registry.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", program, "-w", str(tmp_path), "devchain"]
    for ending in (signal.SIGINT, signal.SIGTERM):
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("eip155:31337 at http://127.0.0.1:")
            process.send_signal(ending)
            try:
                assert process.wait(timeout=30) == 0
            finally:
                process.kill()  # else leaving would wait for it without end
        assert DevChain(tmp_path).running() is None


def anchored_at(registry: Registry, receipt: Receipt) -> int:
    slot = batch_slot(receipt.issuer_id, receipt.root).to_hex()
    value = registry.node.call("eth_getStorageAt", [registry.address.to_hex(), slot, "latest"])
    record = decode_batch(bytes.fromhex(str(value)[2:]))
    assert record is not None
    return record.anchored_at
