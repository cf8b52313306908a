"""docs/verdicts.md shows what the commands print: its blocks are compared with a real run.

Each block stands after `<!-- run -->`, begins with the command and ends with the exit code. The
chain, its times and the clock are always the same, so the output is too, to the letter. With
CREDANCHOR_WRITE_DOCS=1 in the environment the blocks are written anew instead.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from bare_chain import BareChain, bare_chain
from contract_views import calldata
from contract_walk import CALLS
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from registry import cli
from registry.cli import verify
from registry.documents.data_integrity import sign
from registry.documents.multikey import PublicKey, did_key
from registry.formats.credential import credential_digest
from registry.formats.history import issuer_id_of
from registry.formats.leaf import leaf_hash
from registry.formats.receipt import Receipt, embed
from registry.formats.tree import MerkleTree
from registry.values import Address, ChainId, LeafHash, Salt
from registry.workspaces import artifact

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry.formats.strict_json import JsonObject
    from registry.values import IssuerId

DOCS = Path(__file__).resolve().parents[2] / "docs" / "verdicts.md"
SHOWN_NODE = "http://127.0.0.1:8545"
CHAIN = ChainId(31337)
REGISTRY = artifact.load().address
NOW = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
KEY = Ed25519PrivateKey.from_private_bytes(b"\x2d" * 32)
PUBLIC = PublicKey(KEY.public_key().public_bytes_raw())
SIZE = 128
SUSPEND, REINSTATE, REVOKE = range(3)
_BLOCK = re.compile(r"(?<=<!-- run -->\n```text\n)\$ (.+)\n(?:.*\n)*?(?=```)")


def noon(day: str) -> int:
    return int(datetime.fromisoformat(f"{day}T12:00:00+00:00").timestamp())


@dataclass
class Office:
    """One issuer's way to the chain: an account, and its batch of named credentials."""

    rpc: BareChain
    account: str

    def act(self, day: str, name: str, *arguments: Any) -> None:
        call = {"from": self.account, "to": str(REGISTRY), "gas": hex(3_000_000)}
        call["data"] = "0x" + calldata(CALLS[name], list(arguments)).hex()
        self.rpc("evm_setNextBlockTimestamp", noon(day))
        assert self.rpc("eth_sendTransactionSync", call)["status"] == "0x1"

    def register(self, day: str) -> IssuerId:
        self.act(day, "register", b"\x01" * 32, bytes(32), b"")
        return issuer_id_of(CHAIN, REGISTRY, Address.from_hex(self.account), Salt(b"\x01" * 32))


def badge(learner: str, name: str) -> JsonObject:
    document: JsonObject = {
        "@context": [
            "https://www.w3.org/ns/credentials/v2",
            "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
        ],
        "id": f"urn:example:{learner}",
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "issuer": {"id": did_key(PUBLIC), "type": ["Profile"], "name": "Example University"},
        "validFrom": "2026-01-31T00:00:00Z",
        "name": name,
        "credentialSubject": {
            "id": f"did:example:{learner}",
            "type": ["AchievementSubject"],
            "achievement": {
                "id": "https://university.example/soil",
                "type": ["Achievement"],
                "name": name,
                "description": "Soils of the world.",
                "criteria": {"narrative": "Passed the examination."},
            },
        },
    }
    return sign(document, PUBLIC, KEY.sign, proof_id="urn:example:proof", created=NOW)


def write_batch(folder: Path, issuer_id: IssuerId, files: dict[str, int]) -> Receipt:
    """Credentials with their anchors inside, one a file, at these indexes of one batch."""
    documents = {index: badge(name, "Soil Science") for name, index in files.items()}
    salts = {index: Salt(sha256(b"salt %d" % index).digest()) for index in documents}
    leaves = [LeafHash(sha256(bytes([n])).digest()) for n in range(SIZE)]
    for index, document in documents.items():
        digest = credential_digest(document)
        leaves[index] = leaf_hash(issuer_id, index, salts[index], digest)
    tree = MerkleTree(b"".join(leaves))
    for name, index in files.items():
        place = (CHAIN, REGISTRY, issuer_id, index, SIZE)
        receipt = Receipt(*place, salts[index], tree.path(index), tree.root)
        anchored = embed(documents[index], receipt)
        (folder / f"{name}.json").write_text(json.dumps(anchored, indent=2), encoding="utf-8")
    return receipt


def trust(*issuers: tuple[IssuerId, str]) -> str:
    entries = [
        f"""
[[trust.issuers]]
chain = "{CHAIN}"
registry = "{REGISTRY}"
issuer_id = "{issuer_id}"
speaks_for = ["{did_key(PUBLIC)}"]
name = "{name}"
"""
        for issuer_id, name in issuers
    ]
    return f"""[trust]
[[trust.registries]]
chain = "{CHAIN}"
address = "{REGISTRY}"
code_hash = "{artifact.load().code_hash}"
{"".join(entries)}"""


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BareChain]:
    """A year at two offices, their files in the working directory; then it is NOW."""

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Clock:
            return cls.fromtimestamp(NOW.timestamp(), tz)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(verify, "datetime", Clock)
    with bare_chain(CHAIN.number, "--timestamp", str(noon("2026-01-09"))) as rpc:
        people = rpc("eth_accounts")
        deploy = "0x" + (artifact.SALT + artifact.load().creation_code).hex()
        rpc("evm_setNextBlockTimestamp", noon("2026-01-09") + 60)
        transaction = {"from": people[0], "to": str(artifact.FACTORY), "data": deploy}
        rpc("eth_sendTransactionSync", transaction)
        live(rpc, tmp_path, people)
        rpc("evm_setNextBlockTimestamp", int(NOW.timestamp()) - 30)
        rpc("anvil_mine", hex(4))
        yield rpc


def live(rpc: BareChain, folder: Path, people: list[str]) -> None:
    university, academy = Office(rpc, people[1]), Office(rpc, people[2])
    first, second = university.register("2026-01-10"), academy.register("2026-01-11")
    ada, leaked = {"ada": 5, "ben": 77}, {"cleo": 9}
    mine, theirs = write_batch(folder, first, ada), write_batch(folder, second, leaked)
    changed = (folder / "ada.json").read_text("utf-8").replace("Passed", "Failed")
    (folder / "altered.json").write_text(changed, encoding="utf-8")
    university.act("2026-02-01", "anchor", first, mine.root, SIZE, bytes(32))
    academy.act("2026-02-02", "anchor", second, theirs.root, SIZE, bytes(32))
    university.act("2026-03-01", "change_status", first, mine.root, SUSPEND, [(0, 1 << 10)])
    university.act("2026-05-03", "change_status", first, mine.root, REINSTATE, [(0, 1 << 10)])
    university.act("2026-07-01", "change_status", first, mine.root, REVOKE, [(0, 1 << 154)])
    academy.act("2026-09-15", "distrust", second, noon("2026-02-02"))
    named = (first, "Example University"), (second, "Example Academy")
    (folder / "trust.toml").write_text(trust(*named), encoding="utf-8")


def run(command: str, node: BareChain, capsys: pytest.CaptureFixture[str]) -> str:
    """What a terminal would show, the exit code at the end."""
    words = shlex.split(command)
    assert words[0] == "credanchor"
    words = [node.url if word == SHOWN_NODE else word for word in words[1:]]
    try:
        code = cli.main(words)
    except SystemExit as ended:
        code = int(str(ended.code))
    out, err = capsys.readouterr()
    shown = out if not err else out + err.splitlines(keepends=True)[-1]
    return f"$ {command}\n{shown.replace(node.url, SHOWN_NODE)}exit code {code}\n"


def test_the_documentation_shows_what_the_commands_print(
    node: BareChain, capsys: pytest.CaptureFixture[str]
) -> None:
    text = DOCS.read_text(encoding="utf-8")
    assert len(_BLOCK.findall(text)) >= 8
    found = _BLOCK.sub(lambda block: run(block[1], node, capsys), text)
    if os.environ.get("CREDANCHOR_WRITE_DOCS"):
        DOCS.write_text(found, encoding="utf-8")
        return
    assert found == text, "write it anew with CREDANCHOR_WRITE_DOCS=1"
