"""Bundles: sound ones, and ones changed in a place, each with the outcome of every step.

Tries are built by the `trie` package, headers by `rlp`, signatures by `cryptography`; slots are
computed and packed by hand from the interface's notes, and outcomes are worked out by hand.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import rlp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from eth_utils.crypto import keccak
from trie.hexary import HexaryTrie

from vector_cases import oracles, past_cases
from vector_cases.contract_cases import CHAIN, OWNER, REGISTRY, SALT, issuer_id
from vector_cases.oracles import Json, filler, hex0x, raw_entry

KEY = Ed25519PrivateKey.from_private_bytes(filler("key of the bundles"))
CODE_HASH = filler("code")
ISSUER = issuer_id(CHAIN, REGISTRY, OWNER, SALT)
SIZE, INDEX = 256, 133  # word 1, lane 5
LANE = 10
ANCHORED, BLOCK_TIME = 1_790_000_000, 1_790_600_000
NOW = "2026-09-28T14:00:00Z"
EMPTY_CODE = keccak(b"")
VALID = "VVVVVVVVVVV"
NO_PROOF = "VVVVVUSSSVS"
UNREADABLE = "ISSSSSSSSSS"
CHANGED = "VVVVISSSSVS"


def base58(data: bytes) -> str:
    digits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    number, text = int.from_bytes(data), ""
    while number:
        number, digit = divmod(number, 58)
        text = digits[digit] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


MULTIKEY = "z" + base58(b"\xed\x01" + KEY.public_key().public_bytes_raw())
DID = f"did:key:{MULTIKEY}"


def unsigned(**changed: Any) -> Json:
    document: Json = {
        "@context": [
            "https://www.w3.org/ns/credentials/v2",
            "https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json",
        ],
        "id": "urn:uuid:6ba7b813-9dad-41d1-80b4-00c04fd430c8",
        "type": ["VerifiableCredential", "OpenBadgeCredential"],
        "name": "Sols du monde",
        "issuer": {"id": DID, "type": ["Profile"], "name": "École d'Exemple"},
        "validFrom": "2026-01-15T09:00:00Z",
        "credentialSubject": {
            "id": "did:example:learner",
            "type": ["AchievementSubject"],
            "achievement": {
                "id": "https://school.example/soils",
                "type": ["Achievement"],
                "name": "Sols du monde",
                "description": "Soils of the world.",
                "criteria": {"narrative": "Passed the examination."},
            },
        },
    }
    return {**document, **changed}


def signed(document: Json) -> Json:
    """With an eddsa-jcs-2022 proof (EdDSA Cryptosuites v1.0 §3.3)."""
    options: Json = {
        "@context": document["@context"],
        "type": "DataIntegrityProof",
        "cryptosuite": "eddsa-jcs-2022",
        "created": "2026-09-20T10:00:00Z",
        "verificationMethod": f"{DID}#{MULTIKEY}",
        "proofPurpose": "assertionMethod",
    }
    hashed = [sha256(oracles.canonical(part)).digest() for part in (options, document)]
    signature = "z" + base58(KEY.sign(b"".join(hashed)))
    return {**document, "proof": {**options, "proofValue": signature}}


def receipt_of(document: Json, label: str = "bundle") -> Json:
    salt = filler(f"salt of the {label}")
    leaves = [filler(f"leaf of the {label} {place}") for place in range(SIZE)]
    leaves[INDEX] = oracles.leaf(ISSUER, INDEX, salt, oracles.digest(document))
    return {
        "version": 1,
        "chain": f"eip155:{CHAIN}",
        "registry": hex0x(REGISTRY),
        "issuerId": hex0x(ISSUER),
        "index": INDEX,
        "treeSize": SIZE,
        "salt": hex0x(salt),
        "path": [hex0x(sibling) for sibling in oracles.path(INDEX, leaves)],
        "root": hex0x(oracles.root(leaves)),
    }


def slots(receipt: Json) -> dict[str, bytes]:
    """In the order in which a bundle's nodes prove them; history last."""
    base = int.from_bytes(keccak(ISSUER + bytes(32)))
    batch = keccak(bytes.fromhex(receipt["root"][2:]) + (base + 5).to_bytes(32))
    word = keccak((INDEX // 128).to_bytes(32) + (int.from_bytes(batch) + 1).to_bytes(32))
    return {
        "issuer": base.to_bytes(32),
        "didHash": (base + 2).to_bytes(32),
        "batch": batch,
        "word": word,
        "history": (base + 1).to_bytes(32),
    }


WORDS: dict[str, int] = {
    "issuer": int.from_bytes(OWNER),
    "didHash": int.from_bytes(filler("DID document")),
    "batch": ANCHORED | 2 << 40 | SIZE << 80,
    "word": 0b10 << LANE + 2 | 0b11 << LANE - 2,  # the neighbours are revoked
    "history": 2 | 7 << 40,
}


@dataclass
class Block:
    """A block of a chain made up here. words: the registry's slots by name."""

    words: dict[str, int]
    receipt: Json
    others: int = 6
    code_hash: bytes = CODE_HASH
    address: bytes = REGISTRY
    number: int = 21_000
    time: int = BLOCK_TIME
    later_fields: int = 6
    header: bytes = field(init=False)

    def __post_init__(self) -> None:
        self._slots = slots(self.receipt)
        self._storage: Any = HexaryTrie({})
        for other in range(self.others):
            self._storage[keccak(filler(f"slot {other}"))] = rlp.encode(other + 1)
        for name, word in self.words.items():
            if word:
                self._storage[keccak(self._slots[name])] = rlp.encode(word)
        self._accounts: Any = HexaryTrie({})
        for other in range(self.others):
            account = [other, 10**18, filler(f"storage {other}"), EMPTY_CODE]
            self._accounts[keccak(filler(f"account {other}")[:20])] = rlp.encode(account)
        account = [1, 0, self._storage.root_hash, self.code_hash]
        self._accounts[keccak(self.address)] = rlp.encode(account)
        self.header = self._header()

    def _header(self) -> bytes:
        hashes = [filler(f"header {place}") for place in range(9)]
        first = [hashes[0], hashes[1], hashes[2][:20], self._accounts.root_hash, *hashes[3:5]]
        numbers = [0, self.number, 30_000_000, 21_000, self.time]
        later = [7, hashes[6], 0, 0, *hashes[7:9]]
        last = [b"vectors", hashes[5], bytes(8), *later[: self.later_fields]]
        raw: bytes = rlp.encode([*first, bytes(256), *numbers, *last])
        return raw

    @property
    def trusted(self) -> str:
        return f"eip155:{CHAIN}:{hex0x(keccak(self.header))}"

    def nodes(self, *, history: bool = False) -> list[str]:
        walks = [self._accounts.get_proof(keccak(REGISTRY))]
        if self.address == REGISTRY:
            names = list(self._slots)[: 5 if history else 4]
            walks += [self._storage.get_proof(keccak(self._slots[name])) for name in names]
        raw = [rlp.encode(node) for walk in walks for node in walk]
        return list(dict.fromkeys(hex0x(node) for node in raw))


def bundle(document: Json, block: Block, **more: Any) -> Json:
    evidence = {"header": hex0x(block.header), "nodes": block.nodes(history="history" in more)}
    return {
        "type": "CredAnchorBundle",
        "version": 1,
        "credential": document,
        "receipt": block.receipt,
        "evidence": evidence,
        **more,
    }


SOUND = signed(unsigned())
RECEIPT = receipt_of(SOUND)
BLOCK = Block(WORDS, RECEIPT)
OTHER_BLOCK = Block(WORDS, receipt_of(SOUND, "other batch"))


def bundles() -> Json:
    return {
        "policy": policy(),
        "now": NOW,
        "trusted": [BLOCK.trusted],
        "cases": [*_true(), *_standing(), *_changed(), *_unproven(), *_misshapen(), *_then()],
        "pending": _pending(),
    }


def limits() -> Json:
    """How many proofs of its issuer a credential may carry, the anchor's apart."""
    unsecured = unsigned()
    most = {**unsecured, "proof": [signed(unsecured)["proof"]] * 16}
    receipt = receipt_of(most)
    anchored = {**most, "proof": [*most["proof"], oracles.anchor_proof(most, receipt)]}
    block = Block(WORDS, receipt)
    broken = flipped_signature(SOUND["proof"])
    last = {**most, "proof": [*most["proof"][:15], broken]}
    more = {**most, "proof": [*most["proof"], broken]}
    unknown: Json = {"type": "DataIntegrityProof", "cryptosuite": "later"}
    return {
        "policy": policy(),
        "now": NOW,
        "trusted": [BLOCK.trusted],
        "cases": [
            of(most, "sixteen proofs", "VALID", VALID),
            case(
                "sixteen proofs and the anchor's",
                "VALID",
                VALID,
                bundle(anchored, block),
                trusted=[block.trusted],
            ),
            of(last, "sixteen proofs, one broken", "TAMPERED", "VVIVVVVVVVV"),
            of(more, "seventeen proofs, one broken", "MALFORMED", UNREADABLE),
            of(
                {**SOUND, "proof": [unknown] * 17},
                "seventeen proofs of an unknown suite",
                "MALFORMED",
                UNREADABLE,
            ),
        ],
    }


def flipped_signature(proof: Json) -> Json:
    """The same proof with a signature that fits nothing."""
    text = proof["proofValue"]
    return {**proof, "proofValue": text[:-1] + ("2" if text[-1] != "2" else "3")}


def policy(**changed: Any) -> Json:
    return {
        "chain": f"eip155:{CHAIN}",
        "registry": hex0x(REGISTRY),
        "codeHash": hex0x(CODE_HASH),
        "issuerId": hex0x(ISSUER),
        "speaksFor": [DID],
        "name": "École d'Exemple",
        "maxAgeS": 7 * 86400,
        **changed,
    }


def case(name: str, verdict: str, outcomes: str, value: Json | bytes, **more: Any) -> Json:
    """more: `now`, `trusted`, `policy` and `at`, where they are not the file's."""
    raw = value if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False).encode()
    return {"name": name, "verdict": verdict, "outcomes": outcomes, **more, **raw_entry(raw)}


def of(document: Json, name: str, verdict: str, outcomes: str, **more: Any) -> Json:
    """A sound bundle of another document."""
    block = Block(WORDS, receipt_of(document))
    return case(name, verdict, outcomes, bundle(document, block), trusted=[block.trusted], **more)


def stored(name: str, verdict: str, outcomes: str, **words: int) -> Json:
    """The sound credential, while the registry's slots hold something else."""
    block = Block({**WORDS, **words}, RECEIPT)
    return case(name, verdict, outcomes, bundle(SOUND, block), trusted=[block.trusted])


def _true() -> list[Json]:
    sound = bundle(SOUND, BLOCK)
    embedded = {**SOUND, "proof": [SOUND["proof"], oracles.anchor_proof(SOUND, RECEIPT)]}
    reversed_ = dict(reversed(sound.items()))
    lone, deep = Block(WORDS, RECEIPT, others=0), Block(WORDS, RECEIPT, others=200)
    old = Block(WORDS, RECEIPT, later_fields=0)
    carried = bundle(SOUND, BLOCK, didDocument={"id": "did:web:school.example"})
    elsewhere = f"eip155:1:{BLOCK.trusted.split(':')[2]}"
    return [
        case("sound", "VALID", VALID, sound),
        case("the anchor proof inside too", "VALID", VALID, bundle(embedded, BLOCK)),
        case("white space and order", "VALID", VALID, json.dumps(reversed_, indent=3).encode()),
        case("a DID document and no history", "VALID", VALID, carried),
        case("one of several blocks", "VALID", VALID, sound, trusted=[elsewhere, BLOCK.trusted]),
        case("one account", "VALID", VALID, bundle(SOUND, lone), trusted=[lone.trusted]),
        case("two hundred accounts", "VALID", VALID, bundle(SOUND, deep), trusted=[deep.trusted]),
        case("an early fork's header", "VALID", VALID, bundle(SOUND, old), trusted=[old.trusted]),
        of(unsigned(), "unsigned", "VALID", "VVSVVVVVVVV"),
        of(signed(unsigned(type=["VerifiableCredential"])), "no schema", "VALID", "VSVVVVVVVVV"),
        stored("paused", "VALID", VALID, issuer=WORDS["issuer"] | 1 << 160),
        stored("retired", "VALID", VALID, issuer=WORDS["issuer"] | 2 << 160),
        stored("later distrust", "VALID", VALID, issuer=WORDS["issuer"] | ANCHORED + 1 << 200),
    ]


def _standing() -> list[Json]:
    """What the chain, the policy and the clock say against it."""
    expired = signed(unsigned(validUntil="2026-09-28T13:59:59Z"))
    early = signed(unsigned(validFrom="2026-09-28T14:00:01Z"))
    sound, late = bundle(SOUND, BLOCK), "2026-10-06T00:00:00Z"
    whole = WORDS["batch"] | 1 << 112
    gone = "VVVVVVVVIVV"
    refused = "VVVVVVVIVVV"
    aged = Block({**WORDS, "word": 2 << LANE}, RECEIPT)
    return [
        stored("revoked", "REVOKED", gone, word=2 << LANE),
        stored("revoked and suspended", "REVOKED", gone, word=3 << LANE),
        stored("suspended", "SUSPENDED", gone, word=1 << LANE),
        stored("the whole batch revoked", "REVOKED", gone, batch=whole),
        stored("not anchored", "NOT_ANCHORED", "VVVVVVIVSVS", batch=0),
        stored("other size", "NOT_ANCHORED", "VVVVVVIVVVV", batch=WORDS["batch"] + (1 << 80)),
        stored("not registered", "NOT_ANCHORED", "VVVVVVIISVS", batch=0, issuer=0),
        stored("distrusted", "ISSUER_UNTRUSTED", refused, issuer=WORDS["issuer"] | ANCHORED << 200),
        case("a stranger", "ISSUER_UNTRUSTED", refused, sound, policy=policy(issuerId=hex0x(SALT))),
        case(
            "for another", "ISSUER_UNTRUSTED", refused, sound, policy=policy(speaksFor=["did:x:y"])
        ),
        case(
            "another code",
            "ISSUER_UNTRUSTED",
            "VVVVVVSISVS",
            sound,
            policy=policy(codeHash=hex0x(SALT)),
        ),
        of(expired, "expired", "EXPIRED", "VVVVVVVVVIV"),
        of(early, "not yet valid", "NOT_YET_VALID", "VVVVVVVVVIV"),
        case("too old", "CANNOT_CHECK", "VVVVVUVVUVV", sound, now=late),
        case(
            "too old and revoked",
            "REVOKED",
            "VVVVVUVVIVV",
            bundle(SOUND, aged),
            trusted=[aged.trusted],
            now=late,
        ),
        case("no age is too old", "VALID", VALID, sound, now=late, policy=policy(maxAgeS=2**31)),
    ]


def altered(*path: str | int, to: Any) -> Json:
    value = copy.deepcopy(bundle(SOUND, BLOCK))
    holder: Any = value
    for step in path[:-1]:
        holder = holder[step]
    if to is None:
        del holder[path[-1]]
    else:
        holder[path[-1]] = to
    return value


def flipped(text: str, at: int = -1) -> str:
    """Another hex digit in one place."""
    digits = list(text)
    digits[at] = f"{int(digits[at], 16) ^ 1:x}"
    return "".join(digits)


def _changed() -> list[Json]:
    """A document or a receipt that is not what was anchored."""
    plain = unsigned()
    block = Block(WORDS, receipt_of(plain))
    forged = bundle({**plain, "name": "Sols de la lune"}, block)
    other = {**SOUND, "proof": [SOUND["proof"], oracles.anchor_proof(SOUND, OTHER_BLOCK.receipt)]}
    bad = signed(unsigned(credentialSubject={"type": ["AchievementSubject"]}))
    path = RECEIPT["path"]
    tampered = {
        "index": INDEX - 1,
        "salt": flipped(RECEIPT["salt"]),
        "root": flipped(RECEIPT["root"]),
        "issuerId": flipped(RECEIPT["issuerId"]),
        "path": [flipped(path[0]), *path[1:]],
    }
    return [
        case(
            "another document", "TAMPERED", "VVIVISSSSVS", altered("credential", "name", to="Sols")
        ),
        case(
            "another document, unsigned",
            "TAMPERED",
            "VVSVISSSSVS",
            forged,
            trusted=[block.trusted],
        ),
        case(
            "a dropped proof",
            "TAMPERED",
            "VVSVISSSSVS",
            altered("credential", "proof", to=None),
        ),
        *(
            case(f"another {member}", "TAMPERED", CHANGED, altered("receipt", member, to=value))
            for member, value in tampered.items()
        ),
        case("receipts that differ", "TAMPERED", CHANGED, bundle(other, BLOCK)),
        of(bad, "refused by its schema", "MALFORMED", "VIVVVVVVVVV"),
        *(
            case(f"another {member}", "ISSUER_UNTRUSTED", "VVVVVUSISVS", value)
            for member, value in (
                ("registry", altered("receipt", "registry", to=flipped(hex0x(REGISTRY)))),
                ("chain", altered("receipt", "chain", to="eip155:1")),
            )
        ),
    ]


def _unproven() -> list[Json]:
    """Proofs that do not hold say nothing of the credential."""
    nodes, header = BLOCK.nodes(), hex0x(BLOCK.header)
    foreign = [node for node in OTHER_BLOCK.nodes() if node not in nodes]
    fields = rlp.decode(BLOCK.header)
    lists: dict[str, list[str]] = {
        "no nodes": [],
        "the first node missing": nodes[1:],
        "the last node missing": nodes[:-1],
        "a node twice": [*nodes, nodes[-1]],
        "a node too many": [*nodes, foreign[-1]],
        "nodes in another order": [nodes[0], *nodes[:0:-1]],
        "a node altered": [*nodes[:-1], flipped(nodes[-1])],
        "a node cut short": [*nodes[:-1], nodes[-1][:-2]],
        "nodes of another batch": OTHER_BLOCK.nodes(),
    }
    headers = {
        "a header altered": flipped(header),
        "a header cut short": header[:-2],
        "a header with more after it": header + "00",
        "an empty header": "0x",
        "a header of fourteen fields": hex0x(rlp.encode(fields[:14])),
        "a header with a leading zero": hex0x(
            rlp.encode([*fields[:8], b"\0" + fields[8], *fields[9:]])
        ),
    }
    absent = Block(WORDS, RECEIPT, address=filler("another account")[:20])
    early = Block(WORDS, RECEIPT, time=ANCHORED - 1)
    empty = Block(WORDS, RECEIPT, code_hash=EMPTY_CODE)
    sound = bundle(SOUND, BLOCK)
    other = f"eip155:1:{BLOCK.trusted.split(':')[2]}"

    def unproven(name: str, value: Json, **more: Any) -> Json:
        return case(name, "CANNOT_CHECK", NO_PROOF, value, **more)

    return [
        *(unproven(name, altered("evidence", "nodes", to=value)) for name, value in lists.items()),
        *(
            unproven(
                name,
                altered("evidence", "header", to=value),
                trusted=[f"eip155:{CHAIN}:{hex0x(keccak(bytes.fromhex(value[2:])))}"],
            )
            for name, value in headers.items()
            if name != "a header altered"
        ),
        unproven("a header altered", altered("evidence", "header", to=headers["a header altered"])),
        unproven("no block is trusted", sound, trusted=[]),
        unproven("its block, of another chain", sound, trusted=[other]),
        unproven("another block", sound, trusted=[OTHER_BLOCK.trusted]),
        unproven("no such account", bundle(SOUND, absent), trusted=[absent.trusted]),
        unproven("an account without code", bundle(SOUND, empty), trusted=[empty.trusted]),
        unproven("anchored after the block", bundle(SOUND, early), trusted=[early.trusted]),
        unproven(
            "a history whose slot is not proven",
            {**sound, "history": []},
        ),
    ]


def _misshapen() -> list[Json]:
    text = json.dumps(bundle(SOUND, BLOCK))
    deep: Any = 1
    for _ in range(64):
        deep = [deep]
    nodes = BLOCK.nodes()
    log: Json = {"topics": [hex0x(filler("topic"))], "data": "0x"}
    values: dict[str, tuple[tuple[str | int, ...], Any]] = {
        "another type": (("type",), "CredAnchorBundles"),
        "version 2": (("version",), 2),
        "version 1.0": (("version",), 1.0),
        "version true": (("version",), True),
        "an unknown member": (("note",), "x"),
        "an unknown member of evidence": (("evidence", "note"), "x"),
        "an unknown member of the receipt": (("receipt", "note"), "x"),
        "a receipt without salt": (("receipt", "salt"), None),
        "a path too short": (("receipt", "path"), RECEIPT["path"][1:]),
        "a credential that is a text": (("credential",), "x"),
        "a credential without issuer": (("credential", "issuer"), None),
        "a credential of 65 levels": (("credential", "extra"), deep),
        "upper-case hex": (("evidence", "header"), "0x" + hex0x(BLOCK.header)[2:].upper()),
        "odd hex": (("evidence", "nodes", 0), nodes[0][:-1]),
        "hex without 0x": (("evidence", "nodes", 0), nodes[0][2:]),
        "a node that is a number": (("evidence", "nodes", 0), 1),
        "nodes that are a text": (("evidence", "nodes"), nodes[0]),
        "513 nodes": (("evidence", "nodes"), ["0x"] * 513),
        "a node of 1025 bytes": (("evidence", "nodes", 0), "0x" + "00" * 1025),
        "a DID document that is a text": (("didDocument",), "x"),
        "a history that is an object": (("history",), {}),
        "a log with an address": (("history",), [{**log, "address": hex0x(REGISTRY)}]),
        "a log with five topics": (("history",), [{**log, "topics": log["topics"] * 5}]),
        "a topic of 31 bytes": (("history",), [{**log, "topics": [log["topics"][0][:-2]]}]),
    }
    for member in ("type", "version", "credential", "receipt", "evidence"):
        values[f"no {member}"] = ((member,), None)
    for member in ("header", "nodes"):
        values[f"no {member}"] = (("evidence", member), None)
    texts = {
        "trailing data": text + "{}",
        "a member twice": text[:-1] + ', "version": 1}',
        "a member twice, escaped": text[:-1] + ', "versi\\u006fn": 1}',
        "cut short": text[:-1],
        "a list": f"[{text}]",
        "a byte-order mark": "\ufeff" + text,
        "not a number": text.replace('"version": 1', '"version": NaN'),
    }
    return [
        *(
            case(name, "MALFORMED", UNREADABLE, altered(*path, to=value))
            for name, (path, value) in values.items()
        ),
        *(case(name, "MALFORMED", UNREADABLE, raw.encode()) for name, raw in texts.items()),
        case("not UTF-8", "MALFORMED", UNREADABLE, text.encode()[:-1] + b"\xff}"),
    ]


def _then() -> list[Json]:
    """Of a past moment, by the history that the bundle carries."""
    root = bytes.fromhex(RECEIPT["root"][2:])
    deeds = [
        past_cases.registered(),
        past_cases.anchored("2026-09-21T14:13:20Z"),
        past_cases.status("2026-09-25T12:00:00Z", past_cases.REVOKE),
    ]
    for deed in deeds:  # theirs is another batch
        fields = [(kind, name, root if name == "root" else v) for kind, name, v in deed.fields]
        deed.fields = fields
    words = {name: int(word, 16) for name, word in past_cases.storage(deeds).items()}
    logs = [one.log() for one in past_cases.operations(deeds)]
    block = Block(words, RECEIPT)
    whole = bundle(SOUND, block, history=logs)
    short = bundle(SOUND, block, history=logs[:-1])
    moments = [
        ("before it was anchored", whole, "2026-09-20T00:00:00Z", "NOT_ANCHORED", "VVVVVVIVSVV"),
        ("before it was revoked", whole, "2026-09-22T00:00:00Z", "VALID", VALID),
        ("after it was revoked", whole, "2026-09-26T00:00:00Z", "REVOKED", "VVVVVVVVIVV"),
        ("a log left out", short, "2026-09-22T00:00:00Z", "CANNOT_CHECK", NO_PROOF),
        ("a log left out, asked about now", short, None, "REVOKED", "VVVVVVVVIVV"),
        ("no history", bundle(SOUND, block), "2026-09-22T00:00:00Z", "CANNOT_CHECK", NO_PROOF),
    ]
    return [
        case(
            f"at a past moment: {name}",
            verdict,
            outcomes,
            value,
            trusted=[block.trusted],
            **({"at": at} if at else {}),
        )
        for name, value, at, verdict, outcomes in moments
    ]


def _pending() -> Json:
    """What no bundle can show, since its one block is final: two blocks, one node's word."""

    def facts(number: int, time: int, **words: int) -> Json:
        held = {**WORDS, **words}
        return {
            "block": {
                "number": number,
                "hash": hex0x(filler(f"block {number}")),
                "timestamp": time,
            },
            "slots": {name: hex0x(word.to_bytes(32)) for name, word in held.items()},
        }

    return {
        "credential": json.dumps(SOUND, ensure_ascii=False),
        "receipt": RECEIPT,
        "finalized": facts(20_000, BLOCK_TIME - 600, batch=0, word=0),
        "head": facts(20_050, BLOCK_TIME),
        "verdict": "PENDING",
        "outcomes": "VVVVVVVVVVI",
    }
