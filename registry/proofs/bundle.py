"""PERMANENT. The bundle: a credential, its receipt and the chain's facts in one file.

One strict-JSON object with a closed set of members:

    {"type": "CredAnchorBundle", "version": 1,
     "credential": {…}, "receipt": {…},
     "evidence": {"header": "0x…", "nodes": ["0x…", …]},
     "didDocument": {…}, "history": [{"topics": ["0x…", …], "data": "0x…"}, …]}

`header` is the RLP of a block's header. `nodes` are the trie nodes of the walks from its state root
to the registry's account and on to the slots of the issuer's record, its DID hash, the batch, the
credential's status word and, with `history`, the issuer's history slot: each node once, in order of
first use, and no other. `didDocument` and `history` may be absent; `history` is every log of the
issuer from its registration up to that block, in order. What is in a bundle is believed no more
than the same facts from elsewhere: it all hangs on the block's hash, which the verifier must trust.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple, Self

from registry.errors import MalformedBundle, MalformedReceipt
from registry.formats.exact_json import pointer
from registry.formats.receipt import Receipt
from registry.formats.strict_json import JsonObject, JsonValue, read
from registry.proofs.block_header import MAX_HEADER_BYTES
from registry.proofs.trie_proof import MAX_NODE_BYTES

BUNDLE_TYPE = "CredAnchorBundle"
BUNDLE_VERSION = 1
BUNDLE_SUFFIX = ".bundle.json"

MAX_BUNDLE_BYTES = 4 * 2**20
MAX_BUNDLE_DEPTH = 66
"""Of the JSON: a credential of 64 levels lies one level down."""
MAX_NODES = 512
"""Six walks of at most 65 nodes each have 390."""
MAX_TOPICS = 4
MAX_LOG_BYTES = 64 * 1024
MAX_LOGS = 16_384
"""More than MAX_BUNDLE_BYTES hold of the registry's: the shortest takes 400 characters."""

_MEMBERS = frozenset(("type", "version", "credential", "receipt", "evidence"))
_OPTIONAL = frozenset(("didDocument", "history"))
_TOPIC_BYTES = 32


class BundledLog(NamedTuple):
    """One log of the registry as the chain has it."""

    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Bundle:
    """Its shape is checked here; what it says is the verifier's to judge.

    credential: the document as issued, perhaps with the anchor proof inside. header: RLP. nodes:
    RLP each. history: None where it was left out.
    """

    credential: JsonObject
    receipt: Receipt
    header: bytes
    nodes: tuple[bytes, ...]
    did_document: JsonObject | None = None
    history: tuple[BundledLog, ...] | None = None

    @classmethod
    def parse(cls, raw: bytes) -> Self:
        """Read a bundle file. Raises MalformedJson and MalformedBundle."""
        return cls.from_json(read(raw, max_bytes=MAX_BUNDLE_BYTES, max_depth=MAX_BUNDLE_DEPTH))

    @classmethod
    def from_json(cls, value: JsonValue) -> Self:
        """Raises MalformedBundle, with the member at fault, for any other shape than to_json's."""
        bundle = _object(value, "", _MEMBERS, _OPTIONAL)
        if bundle["type"] != BUNDLE_TYPE:
            raise MalformedBundle(f"not {BUNDLE_TYPE}", "/type")
        version = bundle["version"]
        if type(version) is not int or version != BUNDLE_VERSION:
            raise MalformedBundle("unknown version: a newer program may read it", "/version")
        evidence = _object(bundle["evidence"], "/evidence", frozenset(("header", "nodes")))
        nodes = _list(evidence["nodes"], "/evidence/nodes", MAX_NODES)
        return cls(
            credential=_document(bundle, "credential"),
            receipt=_receipt(bundle["receipt"]),
            header=_hex(evidence["header"], "/evidence/header", MAX_HEADER_BYTES),
            nodes=tuple(
                _hex(node, f"/evidence/nodes/{place}", MAX_NODE_BYTES)
                for place, node in enumerate(nodes)
            ),
            did_document=_document(bundle, "didDocument") if "didDocument" in bundle else None,
            history=_history(bundle["history"]) if "history" in bundle else None,
        )

    def to_json(self) -> JsonObject:
        value: JsonObject = {
            "type": BUNDLE_TYPE,
            "version": BUNDLE_VERSION,
            "credential": self.credential,
            "receipt": self.receipt.to_json(),
            "evidence": {
                "header": _text(self.header),
                "nodes": [_text(node) for node in self.nodes],
            },
        }
        if self.did_document is not None:
            value["didDocument"] = self.did_document
        if self.history is not None:
            value["history"] = [
                {"topics": [_text(topic) for topic in log.topics], "data": _text(log.data)}
                for log in self.history
            ]
        return value

    def serialize(self) -> bytes:
        """Return a file for people and programs: every value as it is, indented."""
        return (json.dumps(self.to_json(), indent=2, ensure_ascii=False) + "\n").encode()


def is_bundle(value: JsonValue) -> bool:
    """Whether a JSON value means to be a bundle, of whatever version; no credential does."""
    return isinstance(value, dict) and value.get("type") == BUNDLE_TYPE


def _object(
    value: JsonValue, place: str, members: frozenset[str], optional: frozenset[str] = frozenset()
) -> JsonObject:
    if not isinstance(value, dict):
        raise MalformedBundle("not an object", place)
    if missing := sorted(members - value.keys()):
        raise MalformedBundle("missing", f"{place}/{missing[0]}")
    if unknown := sorted(value.keys() - members - optional):
        raise MalformedBundle("unknown member", place + pointer(unknown[:1]))
    return value


def _document(bundle: JsonObject, member: str) -> JsonObject:
    value = bundle[member]
    if not isinstance(value, dict):
        raise MalformedBundle("not an object", f"/{member}")
    return value


def _receipt(value: JsonValue) -> Receipt:
    try:
        return Receipt.from_json(value)
    except MalformedReceipt as fault:
        raise MalformedBundle(fault.reason, f"/receipt{fault.place}") from None


def _history(value: JsonValue) -> tuple[BundledLog, ...]:
    logs = []
    for number, entry in enumerate(_list(value, "/history", MAX_LOGS)):
        place = f"/history/{number}"
        log = _object(entry, place, frozenset(("topics", "data")))
        topics = _list(log["topics"], f"{place}/topics", MAX_TOPICS)
        read_topics = [_hex(topic, f"{place}/topics", _TOPIC_BYTES) for topic in topics]
        if not all(len(topic) == _TOPIC_BYTES for topic in read_topics):
            raise MalformedBundle("a topic has 32 bytes", f"{place}/topics")
        data = _hex(log["data"], f"{place}/data", MAX_LOG_BYTES)
        logs.append(BundledLog(tuple(read_topics), data))
    return tuple(logs)


def _list(value: JsonValue, place: str, limit: int) -> list[JsonValue]:
    if not isinstance(value, list):
        raise MalformedBundle("not an array", place)
    if len(value) > limit:
        raise MalformedBundle(f"{len(value)} entries, where at most {limit} are read", place)
    return value


def _hex(value: JsonValue, place: str, limit: int) -> bytes:
    if isinstance(value, str) and value.startswith("0x"):
        if len(value) > 2 + 2 * limit:
            reason = f"{len(value) // 2 - 1} bytes, where at most {limit} are read"
            raise MalformedBundle(reason, place)
        with suppress(ValueError):
            data = bytes.fromhex(value[2:])
            if data.hex() == value[2:]:  # else upper case, or white space
                return data
    raise MalformedBundle("not lower-case hex with 0x in front", place)


def _text(data: bytes) -> str:
    return "0x" + data.hex()
