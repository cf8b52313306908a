"""What each operation of the contract costs, measured on an anvil of its own.

Whole transactions: `gasUsed` of the receipt, so 21,000, calldata and execution less refunds.
Everything that is sent is fixed, so the same code gives the same figures to the unit.
"""

from __future__ import annotations

import subprocess
import time
from contextlib import contextmanager
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from eth_abi.abi import encode
from eth_account import Account

from registry.errors import NodeUnreachable
from registry.formats.abi import Lanes
from registry.formats.events import StatusChange
from registry.formats.typed_data import AnchorMessage, Message, StatusMessage, signing_digest
from registry.keccak import keccak256
from registry.nodes.rpc import Node
from registry.values import Address, BatchRoot, ChainId, IssuerId, MetaHash
from registry.workspaces import anvil, artifact

if TYPE_CHECKING:
    from collections.abc import Iterator

HARDFORK = "osaka"
DEADLINE = 2**40 - 1  # seconds; never within a measurement
SIZE = 1_280  # credentials in the batches whose status changes: ten words
DEPTH = 17
LARGE = 100_000  # leaves, so that most paths have DEPTH siblings
ANCHOR, STATUS = 1, 2  # roles


class Receipt(NamedTuple):
    gas: int
    hash: str


class Meter:
    """Sends operations of one issuer to one registry, and says what they used."""

    def __init__(self, node: Node) -> None:
        self.node = node
        accounts: Any = node.call("eth_accounts", [])
        self.owner, self.delegate, self.relayer = (Address.from_hex(a) for a in accounts[:3])
        self.key = keccak256(b"the key of a delegate that signs")
        self.signer = Address.from_hex(Account.from_key(self.key).address.lower())
        self.registry = artifact.load().address
        self.chain = ChainId(ChainId.DEVELOPMENT)
        self.signatures = {
            entry["name"]: [_abi_type(given) for given in entry["inputs"]]
            for entry in artifact.load().abi
            if entry["type"] == "function"
        }
        self.send_raw(artifact.FACTORY, artifact.SALT + artifact.load().creation_code)
        self.call("register", bytes(32), bytes(32), "", sender=self.delegate)
        salt = keccak256(b"salt")
        uri = "https://alma.example/profile.json"
        self.registered = self.call("register", salt, sha256(b"did").digest(), uri)
        words = (self.chain.number, self.registry.to_hex(), self.owner.to_hex(), salt)
        kinds = ["uint256", "address", "address", "bytes32"]
        self.issuer_id = IssuerId(keccak256(encode(kinds, words)))

    def call(self, name: str, *arguments: Any, sender: Address | None = None) -> int:
        """Gas of a transaction, from the owner unless another sender is named."""
        return self.send(name, *arguments, sender=sender).gas

    def send(self, name: str, *arguments: Any, sender: Address | None = None) -> Receipt:
        return self.send_raw(self.registry, self._data(name, arguments), sender)

    def view(self, name: str, *arguments: Any) -> bytes:
        call = {"to": str(self.registry), "data": "0x" + self._data(name, arguments).hex()}
        answer: Any = self.node.call("eth_call", [call, "latest"])  # type: ignore[list-item]  # a JSON object of texts
        return bytes.fromhex(answer[2:])

    def _data(self, name: str, arguments: tuple[Any, ...]) -> bytes:
        kinds = self.signatures[name]
        return keccak256(f"{name}({','.join(kinds)})".encode())[:4] + encode(kinds, arguments)

    def send_raw(self, to: Address, data: bytes, sender: Address | None = None) -> Receipt:
        transaction = {
            "from": str(sender or self.owner),
            "to": str(to),
            "data": "0x" + data.hex(),
            "gas": hex(5_000_000),
        }
        sent: Any = self.node.call("eth_sendTransaction", [transaction])  # type: ignore[list-item]  # a JSON object of texts
        receipt = self._receipt(sent)
        if receipt["status"] != "0x1":
            raise AssertionError(f"{sent} was refused: nothing that is measured may be")
        return Receipt(int(receipt["gasUsed"], 16), sent)

    def _receipt(self, sent: str) -> Any:
        for _ in range(200):  # ten seconds; anvil mines a moment after it answers
            receipt = self.node.call("eth_getTransactionReceipt", [sent])
            if receipt is not None:
                return receipt
            time.sleep(0.05)
        raise AssertionError(f"{sent} was not mined within ten seconds")

    def execution(self, name: str, *arguments: Any) -> int:
        """Gas of a call's execution alone, without 21,000 and calldata."""
        sent = self.send(name, *arguments)
        quiet = {"disableStorage": True, "disableMemory": True, "disableStack": True}
        trace: Any = self.node.call("debug_traceTransaction", [sent.hash, quiet])  # type: ignore[list-item]  # a JSON object of flags
        first, last = trace["structLogs"][0], trace["structLogs"][-1]
        return int(first["gas"]) - int(last["gas"]) + int(last["gasCost"])

    def signature(self, message: Message) -> bytes:
        digest = signing_digest(message, self.chain, self.registry)
        return bytes(Account.unsafe_sign_hash(bytes(digest), self.key).signature)


def measure() -> dict[str, int]:
    """Every figure of the report by its name, in gas."""
    with _anvil() as url, Node(url) as node:
        meter = Meter(node)
        figures = {"register": meter.registered, **_issuer(meter), **_anchors(meter)}
        return figures | _statuses(meter) | _views(meter)


def _issuer(meter: Meter) -> dict[str, int]:
    forever = DEADLINE
    grants = [(meter.delegate, ANCHOR | STATUS), (meter.signer, ANCHOR | STATUS)]
    costs = [
        meter.call("setDelegate", meter.issuer_id, account.to_hex(), roles, forever)
        for account, roles in grants
    ]
    return {"set_delegate": costs[0]}


def _anchors(meter: Meter) -> dict[str, int]:
    meta = MetaHash(sha256(b"manifest").digest())
    arguments = [(meter.issuer_id, _root(name), SIZE, meta) for name in ("a", "b", "c")]
    message = AnchorMessage(meter.issuer_id, meter.signer, 0, _root("c"), SIZE, meta, DEADLINE)
    signed = (meter.signer.to_hex(), DEADLINE, meter.signature(message))
    return {
        "anchor_by_owner": meter.call("anchor", *arguments[0]),
        "anchor_by_delegate": meter.call("anchor", *arguments[1], sender=meter.delegate),
        "anchor_signed": meter.call("anchorSigned", *arguments[2], *signed, sender=meter.relayer),
    }


def _statuses(meter: Meter) -> dict[str, int]:
    whole_word = (4**128 - 1) // 3

    def change(kind: StatusChange, *lanes: tuple[int, int]) -> int:
        call = ("changeStatus", meter.issuer_id, _root("a"), int(kind), list(lanes))
        return meter.call(*call, sender=meter.delegate)

    figures = {
        "revoke_one_new_word": change(StatusChange.REVOKE, (0, 1 << 20)),
        "revoke_one": change(StatusChange.REVOKE, (0, 1 << 40)),
        "suspend_one": change(StatusChange.SUSPEND, (0, 1 << 60)),
        "reinstate_one": change(StatusChange.REINSTATE, (0, 1 << 60)),
        "revoke_128_new_word": change(StatusChange.REVOKE, (1, whole_word)),
        "revoke_640": change(StatusChange.REVOKE, *((word, whole_word) for word in range(2, 7))),
    }
    _signed_revocation(meter, nonce=1, mask=1 << 80)
    figures["revoke_one_signed"] = _signed_revocation(meter, nonce=2, mask=1 << 100)
    figures["revoke_batch"] = meter.call("revokeBatch", meter.issuer_id, _root("b"))
    return figures


def _signed_revocation(meter: Meter, nonce: int, mask: int) -> int:
    change = StatusChange.REVOKE
    message = StatusMessage(
        meter.issuer_id, meter.signer, 0, _root("a"), change, (Lanes(0, mask),), nonce, DEADLINE
    )
    return meter.call(
        "changeStatusSigned",
        *(meter.issuer_id, _root("a"), int(change), [(0, mask)]),
        *(meter.signer.to_hex(), nonce, DEADLINE, meter.signature(message)),
        sender=meter.relayer,
    )


def _views(meter: Meter) -> dict[str, int]:
    """The path alone is what a view of DEPTH siblings costs more than a view of none."""
    leaf = sha256(b"leaf").digest()
    meter.call("anchor", meter.issuer_id, leaf, 1, bytes(32))
    none = meter.execution("verifyLeaf", meter.issuer_id, leaf, leaf, 0, [])
    index = 2**16 - 1  # a right turn on each level but the last: the dearest path
    path = [sha256(bytes([level])).digest() for level in range(DEPTH)]
    root = leaf
    for level, sibling in enumerate(path):
        pair = sibling + root if index >> level & 1 else root + sibling
        root = sha256(b"\x01" + pair).digest()
    meter.call("anchor", meter.issuer_id, root, LARGE, bytes(32))
    if not meter.view("verifyLeaf", meter.issuer_id, root, leaf, index, path)[31]:
        raise AssertionError("the measured path must be a right one")
    view = meter.execution("verifyLeaf", meter.issuer_id, root, leaf, index, path)
    return {"verify_leaf_path": view - none, "verify_leaf": view}


def _root(name: str) -> BatchRoot:
    return BatchRoot(sha256(f"root {name}".encode()).digest())


def _abi_type(given: dict[str, Any]) -> str:
    kind: str = given["type"]
    if not kind.startswith("tuple"):
        return kind
    members = ",".join(_abi_type(member) for member in given["components"])
    return f"({members}){kind.removeprefix('tuple')}"


@contextmanager
def _anvil() -> Iterator[str]:
    port = anvil.free_port()
    url = f"http://127.0.0.1:{port}"
    command = [
        str(anvil.find()),
        "--port",
        str(port),
        "--hardfork",
        HARDFORK,
        "--quiet",
        "--steps-tracing",
    ]
    with subprocess.Popen([*command, "--chain-id", str(ChainId.DEVELOPMENT)]) as process:
        try:
            _wait(url)
            yield url
        finally:
            process.terminate()


def _wait(url: str) -> None:
    for _ in range(200):  # ten seconds
        try:
            with Node(url, timeout_s=2) as node:
                node.call("eth_chainId", [])
        except NodeUnreachable:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("anvil did not answer within ten seconds")
