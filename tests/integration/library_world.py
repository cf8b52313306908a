"""A year at two offices on a real chain, as `test_verdict_docs` has it, for the library's tests."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from shutil import copyfile
from typing import TYPE_CHECKING

from bare_chain import BareChain, bare_chain
from test_verdict_docs import CHAIN, NOW, REGISTRY, live, noon

from anchor_service.operating.bundling import Bundler
from anchor_service.store.store import Placed
from registry import Verifier
from registry.formats.credential import Credential
from registry.formats.receipt import extract
from registry.formats.storage import LANES_PER_WORD
from registry.nodes.rpc import Node
from registry.workspaces import artifact

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path
    from typing import Any

    from registry.proofs.proven_evidence import TrustedBlock


@dataclass
class World:
    """In `folder`: ada.json (VALID), ben.json (REVOKED), cleo.json (ISSUER_UNTRUSTED), altered.json
    (TAMPERED), ada.bundle.json, blocks.txt, trust.toml, and diplomas/ with ada and ben.
    """

    folder: Path
    rpc: BareChain
    block: TrustedBlock

    @property
    def url(self) -> str:
        return self.rpc.url

    def file(self, name: str) -> Path:
        return self.folder / name

    def verifier(self, *, policy: Any = "trust.toml", **options: Any) -> Verifier:
        """At NOW; with the node if no other way is named."""
        if not {"rpc", "own_node", "trusted_blocks", "checkpoints"} & options.keys():
            options["rpc"] = self.url
        return Verifier(self.folder / policy, clock=now, **options)


def now() -> datetime:
    return NOW


@contextmanager
def world(folder: Path) -> Iterator[World]:
    with bare_chain(CHAIN.number, "--timestamp", str(noon("2026-01-09"))) as rpc:
        people = rpc("eth_accounts")
        deploy = "0x" + (artifact.SALT + artifact.load().creation_code).hex()
        transaction = {"from": people[0], "to": str(artifact.FACTORY), "data": deploy}
        rpc("evm_setNextBlockTimestamp", noon("2026-01-09") + 60)
        rpc("eth_sendTransactionSync", transaction)
        live(rpc, folder, people)
        rpc("evm_setNextBlockTimestamp", int(NOW.timestamp()) - 30)
        rpc("anvil_mine", hex(4))
        block = _write_bundle(folder, rpc.url)
        (folder / "blocks.txt").write_text(f"# what our own node called final\n{block}\n")
        (folder / "diplomas").mkdir()
        for name in ("ada", "ben"):
            copyfile(folder / f"{name}.json", folder / "diplomas" / f"{name}.json")
        yield World(folder, rpc, block)


def _write_bundle(folder: Path, url: str) -> TrustedBlock:
    raw = (folder / "ada.json").read_bytes()
    credential = Credential.parse(raw)
    receipt = extract(credential.document)
    assert receipt is not None
    placed = Placed(None, None, credential.digest, raw, receipt.index, receipt.salt)
    with Node(url) as node:
        bundler = Bundler.open(node, CHAIN)
        word = receipt.index // LANES_PER_WORD
        place = (REGISTRY, receipt.issuer_id, receipt.root)
        bundle = bundler.batch(*place, [word], with_history=True).bundle(placed, receipt)
    (folder / "ada.bundle.json").write_bytes(bundle.serialize())
    return bundler.block
