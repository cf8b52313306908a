"""A stranger's program, written with web3.py and the ABI alone, reads what our own line wrote.

Nothing of `registry` decodes anything here but the credential's file: views, events and storage are
web3's, so that a fault of our encoders and our decoders at once would show.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import anchor_service
from registry.cli import main
from registry.formats.credential import Credential
from registry.formats.leaf import leaf_hash
from registry.formats.receipt import Receipt
from registry.workspaces import artifact
from registry.workspaces.devchain import running_chain

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:websockets")

SAMPLES = Path(anchor_service.__file__).parent / "samples"
ACTIVE, SUSPENDED, REVOKED = 1, 2, 3


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A workspace whose twelve credentials are final, one revoked and one suspended."""
    folder = tmp_path_factory.mktemp("line") / "workspace"
    with running_chain(folder) as url:
        issue = ["--achievement", SAMPLES / "achievement.json", "--roster", SAMPLES / "roster.csv"]
        for words in (
            ["init", "--name", "Example Academy"],
            ["deploy"],
            ["issuer", "register"],
            ["issue", *issue],
            ["anchor"],
            ["export", "--all", "--sidecar", "--out", folder / "out"],
        ):
            assert main(["-w", str(folder), *map(str, words)]) == 0
        revoked, suspended, *_ = credentials(folder)
        assert main(["-w", str(folder), "revoke", credential_id(revoked)]) == 0
        assert main(["-w", str(folder), "suspend", credential_id(suspended)]) == 0
        yield folder, url


def credentials(folder: Path) -> list[Path]:
    files = sorted((folder / "out").glob("*.json"))
    return [file for file in files if not file.name.endswith(".receipt.json")]


def credential_id(file: Path) -> str:
    return str(json.loads(file.read_text("utf-8"))["id"])


def receipt_of(file: Path) -> Receipt:
    return Receipt.parse(file.with_name(file.stem + ".receipt.json").read_bytes())


def contract(folder: Path, url: str) -> Any:
    from web3 import HTTPProvider, Web3

    settings = tomllib.loads((folder / "credanchor.toml").read_text("utf-8"))
    web3 = Web3(HTTPProvider(url))
    address = web3.to_checksum_address(settings["chain"]["registry"])
    return web3.eth.contract(address, abi=artifact.load().abi)


def test_the_contract_itself_finds_every_leaf_and_its_status(line: tuple[Path, str]) -> None:
    folder, url = line
    files = credentials(folder)
    verify_leaf = contract(folder, url).functions.verifyLeaf
    expected = [REVOKED, SUSPENDED, *[ACTIVE] * (len(files) - 2)]
    assert len(files) == 12
    for file, status in zip(files, expected, strict=True):
        receipt = receipt_of(file)
        digest = Credential.parse(file.read_bytes()).digest
        leaf = leaf_hash(receipt.issuer_id, receipt.index, receipt.salt, digest)
        place = (bytes(receipt.issuer_id), bytes(receipt.root))
        path = [bytes(sibling) for sibling in receipt.path]
        included, found, distrusted, *_ = verify_leaf(*place, leaf, receipt.index, path).call()
        assert (included, found, distrusted) == (True, status, False)
        included, found, *_ = verify_leaf(*place, leaf, receipt.index ^ 1, path).call()
        assert (included, found) == (False, 0)


def test_views_and_events_agree_with_the_receipts(line: tuple[Path, str]) -> None:
    folder, url = line
    registry = contract(folder, url)
    receipt = receipt_of(credentials(folder)[0])
    issuer_id, root = bytes(receipt.issuer_id), bytes(receipt.root)
    anchored_at, operation, size, revoked = registry.functions.batch(issuer_id, root).call()
    (event,) = registry.events.Anchored.get_logs(from_block=0)
    assert event.args.issuerId == issuer_id
    assert event.args.root == root
    assert (event.args.timestamp, event.args.operation) == (anchored_at, operation)
    assert event.args.size == size == receipt.tree_size == 128
    assert not revoked
    changes = [log.args.change for log in registry.events.StatusChanged.get_logs(from_block=0)]
    assert changes == [2, 0]  # Revoke, Suspend


def test_the_registered_did_hash_is_that_of_the_document(line: tuple[Path, str]) -> None:
    folder, url = line
    registry = contract(folder, url)
    issuer_id = bytes(receipt_of(credentials(folder)[0]).issuer_id)
    record = registry.functions.issuer(issuer_id).call()
    # The document is ASCII without numbers, so that sorted compact JSON is its canonical form.
    document = json.loads((folder / "did.json").read_text("utf-8"))
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    assert record[6] == hashlib.sha256(canonical).digest()
