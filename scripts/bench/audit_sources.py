"""Long histories to audit: written to a real anvil, or told by a node that is made up.

    python scripts/bench/audit_sources.py LOGS

serves the made-up one and prints its URL. In both a tenth of the operations are anchors and the
rest revocations of one credential each, by ten issuers. The made-up node gives no proofs and has no
receipts, as one that prunes; its headers hash and its storage is what its logs give.
"""

from __future__ import annotations

import json
import sys
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from registry.formats import events as ev
from registry.formats import storage
from registry.formats.abi import Lanes
from registry.formats.history import (
    HistoryHash,
    fold,
    fold_registration,
    issuer_id_of,
    issuer_start,
    registrations_start,
)
from registry.formats.log_slices import fold_log
from registry.formats.state import Batch, Issuer, batch_value, issuer_value
from registry.keccak import keccak256
from registry.proofs import rlp
from registry.values import Address, BatchRoot, Bytes32, ChainId, DidHash, IssuerId, MetaHash
from registry.workspaces import artifact

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "tests" / "integration"))
from audited_chain import META, Registry  # noqa: E402 - beside this folder, not in a package
from contract_views import calldata  # noqa: E402
from contract_walk import CALLS  # noqa: E402

CHAIN = ChainId(31337)
REGISTRY = artifact.load().address
ISSUERS = 10
SIZE = 128
REVOKED = 9
"""Credentials of each batch, one operation each; with the anchor ten operations a batch."""
_AT_ONCE = 25
_FIRST_BLOCK, _BEGAN, _BLOCK_S = 10, 1_700_000_000, 12


def write_history(registry: Registry, operations: int) -> None:
    """So many operations on a real chain, its ten issuers registered first, and all of it final."""
    issuers = [registry.register(who) for who in range(ISSUERS)]
    registry.rpc("evm_setAutomine", False)
    for number in range(operations // (_AT_ONCE * (1 + REVOKED))):
        who = number % ISSUERS
        _write_batches(registry, who, issuers[who], number)
        if number % 4 == 3:
            registry.rpc("evm_mine")
    registry.rpc("evm_mine")
    registry.rpc("evm_setAutomine", True)
    registry.settle()


def _write_batches(registry: Registry, who: int, issuer: IssuerId, number: int) -> None:
    roots = [keccak256(b"%d %d" % (number, place)) for place in range(_AT_ONCE)]
    calls = [("anchor", [issuer, root, SIZE, META], 200_000) for root in roots]
    for leaf in range(REVOKED):
        lanes = [(root, [(0, 1 << 2 * leaf)]) for root in roots]
        calls.append(("change_statuses", [issuer, int(ev.StatusChange.REVOKE), lanes], 3_000_000))
    registry.rpc.batch(
        [
            (
                "eth_sendTransaction",
                [
                    {
                        "from": registry.people[who],
                        "to": str(REGISTRY),
                        "gas": hex(gas),
                        "data": "0x" + calldata(CALLS[name], arguments).hex(),
                    }
                ],
            )
            for name, arguments, gas in calls
        ]
    )


class MadeUp:
    """A chain of as many logs as wished, each block worked out when it is asked for."""

    def __init__(self, logs: int) -> None:
        self.nights = logs // (1 + REVOKED)
        self.final = _FIRST_BLOCK + self.nights
        self._owners = [Address(bytes([who + 1]) * 20) for who in range(ISSUERS)]
        self.issuers = [issuer_id_of(CHAIN, REGISTRY, one, _SALT) for one in self._owners]
        self._code = "0x" + artifact.load().deployed_code.hex()
        self._slots: dict[str, str] = {}
        self._samples = [self._sample_night(who) for who in range(ISSUERS)]
        self._work_out_storage()

    def answer(self, method: str, params: list[Any]) -> Any:
        match method:
            case "eth_chainId":
                return hex(CHAIN.number)
            case "eth_getCode":
                return self._code if self._number(params[1]) >= _FIRST_BLOCK else "0x"
            case "eth_getBlockByNumber":
                return self.header(self._number(params[0]))
            case "eth_getLogs":
                first, last = (int(params[0][name], 16) for name in ("fromBlock", "toBlock"))
                blocks = range(max(first, _FIRST_BLOCK), min(last, self.final) + 1)
                return [log for block in blocks for log in self.logs(block)]
            case "eth_getStorageAt":
                return self._slots.get(params[1], "0x" + "00" * 32)
        raise KeyError(method)

    def _number(self, block: Any) -> int:
        if isinstance(block, dict):
            return self.final
        return self.final if block in ("latest", "finalized") else int(block, 16)

    def logs(self, block: int) -> Iterator[dict[str, Any]]:
        block_hash, address = self.header(block)["hash"], str(REGISTRY)
        for index, (_, topics, data) in enumerate(self.written(block)):
            yield {
                "address": address,
                "topics": ["0x" + topic.hex() for topic in topics],
                "data": "0x" + data.hex(),
                "blockNumber": hex(block),
                "blockHash": block_hash,
                "transactionHash": f"0x{block:064x}",
                "transactionIndex": "0x0",
                "logIndex": hex(index),
                "removed": False,
            }

    def written(self, block: int) -> Iterator[tuple[ev.Kind, list[bytes], bytes]]:
        """Each log's kind, topics and data: of a night, copies of the first but for three words."""
        if block == _FIRST_BLOCK:
            for event in self.registrations():
                yield event.KIND, *ev.write_log(event)
            return
        who, operation, root = self._night(block)
        at = (_BEGAN + _BLOCK_S * block).to_bytes(32, "big")
        for number, (kind, topics, data) in enumerate(self._samples[who], operation):
            yield kind, [*topics[:2], root], number.to_bytes(32, "big") + at + data[64:]

    def registrations(self) -> Iterator[ev.IssuerRegistered]:
        at, salt = _BEGAN + _BLOCK_S * _FIRST_BLOCK, ev.RegistrantSalt(_SALT)
        for who, (issuer, owner) in enumerate(zip(self.issuers, self._owners, strict=True)):
            yield ev.IssuerRegistered(issuer, 1, at, owner, who + 1, salt, _DID, b"")

    def _sample_night(self, who: int) -> list[tuple[ev.Kind, list[bytes], bytes]]:
        head = self.issuers[who], 0, 0, self._owners[who], BatchRoot(bytes(32))
        events: list[ev.Event] = [ev.Anchored(*head, SIZE, MetaHash(META))]
        for leaf in range(REVOKED):
            lanes = (Lanes(0, 1 << 2 * leaf),)
            events.append(ev.StatusChanged(*head, ev.StatusChange.REVOKE, 0, lanes))
        return [(event.KIND, *ev.write_log(event)) for event in events]

    def _night(self, block: int) -> tuple[int, int, BatchRoot]:
        """Whose it is, the number of its first operation, and the root."""
        night, who = divmod(block - _FIRST_BLOCK - 1, ISSUERS)
        return who, 2 + night * (1 + REVOKED), BatchRoot(block.to_bytes(32, "little"))

    @lru_cache(maxsize=20_000)  # noqa: B019 - there is one, for the process's life
    def header(self, block: int) -> dict[str, str]:
        at = _BEGAN + _BLOCK_S * block
        zero = bytes(32)
        fields: dict[str, bytes | int] = {
            "parentHash": zero, "sha3Uncles": zero, "miner": bytes(20), "stateRoot": zero,
            "transactionsRoot": zero, "receiptsRoot": zero, "logsBloom": bytes(256),
            "difficulty": 0, "number": block, "gasLimit": 0, "gasUsed": 0, "timestamp": at,
            "extraData": b"", "mixHash": zero, "nonce": bytes(8),
        }  # fmt: skip
        told, packed = {}, []
        for name, value in fields.items():
            told[name] = hex(value) if isinstance(value, int) else "0x" + value.hex()
            packed.append(rlp.scalar(value) if isinstance(value, int) else value)
        return {**told, "hash": "0x" + keccak256(rlp.encode(packed)).hex()}

    def _work_out_storage(self) -> None:
        histories = [issuer_start(CHAIN, REGISTRY, one) for one in self.issuers]
        counts = [1] * ISSUERS
        registrations = registrations_start(CHAIN, REGISTRY)
        for who, event in enumerate(self.registrations()):
            registrations = fold_registration(registrations, event)
            histories[who] = fold(histories[who], event)
        for block in range(_FIRST_BLOCK + 1, self.final + 1):
            who, operation, root = self._night(block)
            for kind, _, data in self.written(block):
                histories[who] = fold_log(histories[who], kind, root, data)
            counts[who] += 1 + REVOKED
            self._anchored(self.issuers[who], root, _BEGAN + _BLOCK_S * block, operation)
        self._put(storage.REGISTRATIONS_SLOT, _history(ISSUERS, registrations))
        for who, issuer in enumerate(self.issuers):
            slots = storage.issuer_slots(issuer)
            self._put(slots.history, _history(counts[who], histories[who]))
            issuer_now = Issuer(self._owners[who], _DID, b"", counts[who], histories[who])
            self._put(slots.record, issuer_value(issuer_now))

    def _anchored(self, issuer: IssuerId, root: BatchRoot, at: int, operation: int) -> None:
        batch = Batch(at, operation, SIZE, MetaHash(META))
        self._put(storage.batch_slot(issuer, root), batch_value(batch))
        word = sum(1 << 2 * leaf + 1 for leaf in range(REVOKED))
        self._put(storage.word_slot(issuer, root, 0), word.to_bytes(32, "big"))

    def _put(self, slot: Bytes32, value: bytes) -> None:
        self._slots["0x" + slot.hex()] = "0x" + value.hex()


_SALT = Bytes32(bytes(32))
_DID = DidHash(bytes(32))


def _history(count: int, history: HistoryHash) -> bytes:
    return history + count.to_bytes(5, "big")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    made_up: MadeUp

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        told = [self._one(call) for call in asked] if isinstance(asked, list) else self._one(asked)
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _one(self, call: dict[str, Any]) -> dict[str, Any]:
        head = {"jsonrpc": "2.0", "id": call["id"]}
        try:
            return {**head, "result": self.made_up.answer(call["method"], call["params"])}
        except KeyError as method:
            return {**head, "error": {"code": -32601, "message": f"there is no {method}"}}

    def log_request(self, code: object = "-", size: object = "-") -> None:
        """Silence."""


def main() -> None:
    _Handler.made_up = MadeUp(int(sys.argv[1]))
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        print(f"http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
