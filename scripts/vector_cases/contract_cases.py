"""Events, histories and signed messages, by eth_abi and eth_account."""

from __future__ import annotations

from typing import Any, TypeAlias

from eth_abi.abi import encode
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak

from vector_cases.oracles import Json, filler, hex0x

Field: TypeAlias = tuple[str, str, Any]
"""Solidity type, name, value"""

CHAIN = 31337
LANES = "(uint256,uint256)[]"
KINDS = [
    "None",
    "IssuerRegistered",
    "DidChanged",
    "OwnershipOffered",
    "OwnershipTransferred",
    "DelegateSet",
    "EpochBumped",
    "Paused",
    "Unpaused",
    "Distrusted",
    "Retired",
    "NoncesCancelled",
    "Anchored",
    "StatusChanged",
    "BatchRevoked",
]
FULL = (2**256 - 1) // 3
FOREVER = 2**40 - 1


def account(label: str) -> bytes:
    return filler(label)[12:]


REGISTRY, OWNER, HEIR, DELEGATE = map(account, ("registry", "owner", "heir", "delegate"))
SALT, OTHER_SALT = filler("registrant salt"), filler("another registrant salt")


def issuer_id(chain: int, registry: bytes, registrant: bytes, salt: bytes) -> bytes:
    types = ["uint256", "address", "address", "bytes32"]
    return keccak(encode(types, [chain, registry, registrant, salt]))


class Operation:
    """One event of one issuer. A root, where there is one, is the first field."""

    def __init__(self, issuer: bytes, number: int, time: int, actor: bytes, name: str) -> None:
        self.issuer, self.number, self.time, self.actor = issuer, number, time, actor
        self.name = name
        self.fields: list[Field] = []

    def having(self, *fields: Field) -> Operation:
        self.fields = list(fields)
        return self

    @property
    def roots(self) -> list[Field]:
        return [field for field in self.fields if field[1] == "root"]

    @property
    def rest(self) -> list[Field]:
        return [field for field in self.fields if field[1] != "root"]

    def log(self) -> Json:
        """`topics` and `data` as the contract emits them."""
        types = ["bytes32" for _ in [self.issuer, *self.roots]]
        types += ["uint40", "uint40", "address", *(field[0] for field in self.rest)]
        topic = keccak(text=f"{self.name}({','.join(types)})")
        values = [self.number, self.time, self.actor, *(field[2] for field in self.rest)]
        return {
            "topics": [hex0x(topic), hex0x(self.issuer), *(hex0x(root[2]) for root in self.roots)],
            "data": hex0x(encode(types[1 + len(self.roots) :], values)),
        }

    def preimage(self, history: bytes) -> bytes:
        """What is hashed into the issuer's history after `history`."""
        types = ["bytes27", "uint40", "uint8", "uint40", "address"]
        kind = KINDS.index(self.name)
        values: list[Any] = [history, self.number, kind, self.time, self.actor]
        return encode(
            [*types, *(field[0] for field in self.fields)],
            [*values, *(field[2] for field in self.fields)],
        )

    def registration_preimage(self, history: bytes) -> bytes:
        number, salt, did_hash, profile = (field[2] for field in self.fields)
        types = ["bytes27", "uint40", "uint40", "address", "bytes32", "bytes32", "bytes32"]
        values = [history, number, self.time, self.actor, self.issuer, salt, did_hash, profile]
        return encode([*types, "string"], values)

    def to_json(self) -> Json:
        always: list[Field] = [
            ("bytes32", "issuerId", self.issuer),
            ("uint40", "operation", self.number),
            ("uint40", "timestamp", self.time),
            ("address", "actor", self.actor),
        ]
        shown = {name: _shown(kind, value) for kind, name, value in [*always, *self.fields]}
        return {"event": self.name, **self.log(), "fields": shown}


def _shown(kind: str, value: Any) -> Any:
    if kind == LANES:
        return [{"word": str(word), "mask": str(mask)} for word, mask in value]
    return value if isinstance(value, str) else hex0x(value) if kind[0] in "ab" else str(value)


def _registration(issuer: bytes, time: int, salt: bytes, number: int, profile: str) -> Operation:
    return Operation(issuer, 1, time, OWNER, "IssuerRegistered").having(
        ("uint40", "registration", number),
        ("bytes32", "salt", salt),
        ("bytes32", "didHash", filler(f"DID document {number}")),
        ("string", "profileURI", profile),
    )


def _batches(issuer: bytes, one: bytes, two: bytes) -> list[Operation]:
    """From operation 4 on: two batches, of 5 and of 300 leaves, and their status."""
    lanes = [(0, 1 | 1 << 254), (2, 1 << 86)]
    suspended = ("uint8", "change", 0)
    reinstated = ("uint8", "change", 1)
    revoked = ("uint8", "change", 2)

    def anchored(number: int, actor: bytes, root: bytes, size: int) -> Operation:
        return Operation(issuer, number, 1_900_000_300, actor, "Anchored").having(
            ("bytes32", "root", root),
            ("uint32", "size", size),
            ("bytes32", "metaHash", filler(f"manifest {size}")),
        )

    def status(number: int, root: bytes, change: Field, nonce: int, words: Any) -> Operation:
        time = 1_900_000_400 + number
        return Operation(issuer, number, time, DELEGATE, "StatusChanged").having(
            ("bytes32", "root", root), change, ("uint256", "nonce", nonce), (LANES, "lanes", words)
        )

    return [
        anchored(4, DELEGATE, one, 5),
        anchored(5, OWNER, two, 300),
        status(6, two, suspended, 2**256 - 1, lanes),
        status(7, two, reinstated, 7, lanes[:1]),
        status(8, two, revoked, 0, [(1, FULL), (2, 1)]),
        Operation(issuer, 9, 1_900_000_500, DELEGATE, "NoncesCancelled").having(
            ("address", "signer", DELEGATE), ("uint256", "word", 2**248 - 1), ("uint256", "mask", 1)
        ),
        Operation(issuer, 10, 1_900_000_500, OWNER, "BatchRevoked").having(
            ("bytes32", "root", one)
        ),
    ]


def operations() -> list[Operation]:
    """A history that the contract can have: two issuers, every kind of event."""
    one = issuer_id(CHAIN, REGISTRY, OWNER, SALT)
    two = issuer_id(CHAIN, REGISTRY, OWNER, OTHER_SALT)

    def plain(number: int, actor: bytes, name: str, *fields: Field) -> Operation:
        return Operation(one, number, 1_900_000_000 + 100 * number, actor, name).having(*fields)

    return [
        _registration(one, 1_900_000_100, SALT, 1, "https://example.edu/profile?lang=de&name=Ä"),
        plain(
            2, OWNER, "DidChanged", ("bytes32", "didHash", bytes(32)), ("string", "profileURI", "")
        ),
        _registration(two, 1_900_000_200, OTHER_SALT, 2, "u" * 32),
        plain(
            3,
            OWNER,
            "DelegateSet",
            ("address", "delegate", DELEGATE),
            ("uint8", "roles", 3),
            ("uint40", "expiry", FOREVER),
            ("uint32", "epoch", 0),
        ),
        *_batches(one, filler("root 5"), filler("root 300")),
        plain(11, OWNER, "Paused"),
        plain(12, OWNER, "Unpaused"),
        plain(13, OWNER, "EpochBumped", ("uint32", "epoch", 1)),
        plain(14, OWNER, "OwnershipOffered", ("address", "pendingOwner", HEIR)),
        plain(
            15,
            HEIR,
            "OwnershipTransferred",
            ("address", "previousOwner", OWNER),
            ("uint32", "epoch", 2),
        ),
        plain(16, HEIR, "Distrusted", ("uint40", "distrustAfter", 1_900_000_450)),
        plain(17, HEIR, "Retired"),
    ]


def history() -> Json:
    start = {
        issuer: encode(
            ["bytes32", "uint256", "address", "bytes32"],
            [keccak(text="credanchor.history.issuer.1"), CHAIN, REGISTRY, issuer],
        )
        for issuer in (operation.issuer for operation in operations())
    }
    first = encode(
        ["bytes32", "uint256", "address"],
        [keccak(text="credanchor.history.registrations.1"), CHAIN, REGISTRY],
    )
    now = {issuer: _cut(preimage) for issuer, preimage in start.items()}
    everyone = _cut(first)
    rows: Json = {"logs": [], "issuerIds": [], "preimages": [], "histories": []}
    registrations: Json = {
        "startPreimage": hex0x(first),
        "start": hex0x(everyone),
        "preimages": [],
        "histories": [],
    }
    for operation in operations():
        preimage = operation.preimage(now[operation.issuer])
        now[operation.issuer] = _cut(preimage)
        rows["logs"].append(operation.log())
        rows["issuerIds"].append(hex0x(operation.issuer))
        rows["preimages"].append(hex0x(preimage))
        rows["histories"].append(hex0x(now[operation.issuer]))
        if operation.name == "IssuerRegistered":
            preimage = operation.registration_preimage(everyone)
            everyone = _cut(preimage)
            registrations["preimages"].append(hex0x(preimage))
            registrations["histories"].append(hex0x(everyone))
    return {
        "chainId": CHAIN,
        "registry": hex0x(REGISTRY),
        "starts": {
            "issuerIds": [hex0x(issuer) for issuer in start],
            "preimages": [hex0x(preimage) for preimage in start.values()],
            "histories": [hex0x(_cut(preimage)) for preimage in start.values()],
        },
        **rows,
        "registrations": registrations,
    }


def _cut(preimage: bytes) -> bytes:
    return keccak(preimage)[:27]


def events() -> Json:
    listed = operations()
    return {"logs": [one.to_json() for one in listed], "refused": _refused(listed)}


def _refused(listed: list[Operation]) -> list[Json]:
    """Logs that the contract cannot have written."""
    by_name = {one.name: one.log() for one in reversed(listed)}
    rows: list[Json] = []

    def bend(name: str, reason: str, at: int, byte: int) -> None:
        data = bytearray.fromhex(by_name[name]["data"][2:])
        data[at] = byte
        rows.append(
            {"reason": reason, "topics": by_name[name]["topics"], "data": hex0x(bytes(data))}
        )

    def replace(reason: str, topics: list[str], data: str) -> None:
        rows.append({"reason": reason, "topics": topics, "data": data})

    bend("Anchored", "operation of more than 40 bits", 26, 1)
    bend("Anchored", "timestamp of more than 40 bits", 32, 0x80)
    bend("Anchored", "actor of more than 20 bytes", 64 + 11, 1)
    bend("Anchored", "size of more than 32 bits", 96 + 27, 1)
    bend("DelegateSet", "roles of more than 8 bits", 4 * 32 + 30, 1)
    bend("DelegateSet", "epoch of more than 32 bits", 6 * 32 + 27, 1)
    bend("StatusChanged", "a change that is none", 3 * 32 + 31, 3)
    bend("StatusChanged", "lanes at another offset", 5 * 32 + 31, 0xE0)
    bend("StatusChanged", "more lanes than there are", 6 * 32 + 31, 9)
    bend("StatusChanged", "fewer lanes than there are", 6 * 32 + 31, 0)
    bend("StatusChanged", "a length of 2^248 and more", 6 * 32, 1)
    bend("IssuerRegistered", "text at another offset", 6 * 32 + 31, 0xC0)
    bend("IssuerRegistered", "text that is longer than the data", 7 * 32 + 31, 0x61)
    bend("IssuerRegistered", "text whose filling is not zero", -1, 1)
    anchored, paused = by_name["Anchored"], by_name["Paused"]
    topics, data = anchored["topics"], anchored["data"]
    replace("a byte short", topics, data[:-2])
    replace("a word short", topics, data[:-64])
    replace("a word too many", topics, data + "00" * 32)
    replace("no data", topics, "0x")
    replace("a topic short", topics[:2], data)
    replace("a topic too many", [*topics, topics[2]], data)
    replace("no topics", [], data)
    replace("a topic too many", [*paused["topics"], topics[2]], paused["data"])
    replace("an event of no such name", [hex0x(keccak(text="Frozen()"))], "0x")
    replace("issuer id of 31 bytes", [topics[0], topics[1][:-2], topics[2]], data)
    return rows


def typed_data() -> Json:
    key = filler("a key that everyone knows")
    signer = Account.from_key(key).address.lower()
    issuer = hex0x(issuer_id(CHAIN, REGISTRY, OWNER, SALT))
    shared = {"issuerId": issuer, "signer": signer, "epoch": 3, "root": hex0x(filler("root 300"))}
    anchor = {
        **shared,
        "size": 300,
        "metaHash": hex0x(filler("manifest 300")),
        "deadline": "1900000000",
    }
    most = str(2**256 - 1)
    widest = {**anchor, "epoch": 2**32 - 1, "size": 2**32 - 1, "deadline": most}

    def status(change: int, nonce: str, *lanes: tuple[int, int]) -> Json:
        listed = [{"word": str(word), "mask": str(mask)} for word, mask in lanes]
        last = {"nonce": nonce, "deadline": "1900000000"}
        return {**shared, "change": change, "lanes": listed, **last}

    revoking = status(2, "1", (0, 1), (1, FULL), (2, 1 << 86))
    other = hex0x(account("another registry"))
    return {
        "key": hex0x(key),
        "signer": signer,
        "cases": [
            _signed("Anchor", anchor, key),
            _signed("Anchor", widest, key),
            _signed("Anchor", anchor, key, chain=1),
            _signed("Anchor", anchor, key, registry=other),
            _signed("Status", status(0, "7", (0, 1)), key),
            _signed("Status", status(1, most, (2**25 - 1, FULL)), key),
            _signed("Status", revoking, key),
            _signed("Status", status(2, "1"), key),
            _signed("Status", revoking, key, chain=10),
            _signed("Status", revoking, key, registry=other),
        ],
    }


TYPES = {
    "Anchor": "bytes32 issuerId,address signer,uint32 epoch,bytes32 root,uint32 size,"
    "bytes32 metaHash,uint256 deadline",
    "Status": "bytes32 issuerId,address signer,uint32 epoch,bytes32 root,uint8 change,"
    "Lanes[] lanes,uint256 nonce,uint256 deadline",
    "Lanes": "uint256 word,uint256 mask",
}
DOMAIN = "string name,string version,uint256 chainId,address verifyingContract"


def _signed(
    primary: str, message: Json, key: bytes, chain: int = CHAIN, registry: str = hex0x(REGISTRY)
) -> Json:
    used = [primary] if primary == "Anchor" else [primary, "Lanes"]
    domain = {"name": "CredAnchor", "version": "1"}
    request = {
        "types": {"EIP712Domain": _members(DOMAIN)}
        | {name: _members(TYPES[name]) for name in used},
        "primaryType": primary,
        "domain": {**domain, "chainId": chain, "verifyingContract": registry},
        "message": message,
    }
    signable = encode_typed_data(full_message=request)
    signed = Account.sign_message(signable, key)
    return {
        "primaryType": primary,
        "chainId": chain,
        "registry": registry,
        "message": message,
        "domainSeparator": hex0x(bytes(signable.header)),
        "messageHash": hex0x(bytes(signable.body)),
        "digest": hex0x(bytes(signed.message_hash)),
        "signature": hex0x(bytes(signed.signature)),
        "request": request,
    }


def _members(text: str) -> list[Json]:
    pairs = (member.split(" ") for member in text.split(","))
    return [{"name": name, "type": kind} for kind, name in pairs]
