"""How CredentialRegistry writes things: refusals, logs, folds, slots, signed messages.

From the interface's notes, by eth_abi and keccak, without a line of `registry`.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, TypeAlias

from eth_abi.abi import encode
from eth_utils.crypto import keccak

Log: TypeAlias = tuple[tuple[bytes, ...], bytes]
"""topics, data"""

LANES = "(uint256,uint256)[]"

ERRORS = {
    "IssuerAlreadyRegistered": "bytes32",
    "IssuerNotRegistered": "bytes32",
    "NotOwner": "bytes32,address,address",
    "NotPendingOwner": "bytes32,address,address",
    "NotAuthorized": "bytes32,address,uint8,uint8",
    "InvalidSignature": "address,bytes32",
    "SignatureExpired": "uint256,uint256",
    "NonceNotUsable": "bytes32,address,uint256",
    "IssuerIsPaused": "bytes32",
    "IssuerIsRetired": "bytes32",
    "IssuerIsDistrusted": "bytes32,uint40",
    "BatchAlreadyAnchored": "bytes32,bytes32,uint40,uint40,uint32",
    "BatchNotAnchored": "bytes32,bytes32",
    "BatchIsRevoked": "bytes32,bytes32",
    "EmptyBatch": "bytes32,uint32",
    "MaskOutsideBatch": "bytes32,uint256,uint256,uint32",
    "LanesAreRevoked": "bytes32,uint256,uint256",
    "NothingChanged": "bytes32",
    "DistrustAfterNotAllowed": "uint40,uint40,uint256",
    "UnknownRoles": "uint8",
    "ExpiryPassed": "uint40,uint256",
}

# Kind's number, and the types after (operation, timestamp, actor): root, if there is one, first.
EVENTS = {
    "IssuerRegistered": (1, ["uint40", "bytes32", "bytes32", "string"]),
    "DidChanged": (2, ["bytes32", "string"]),
    "OwnershipOffered": (3, ["address"]),
    "OwnershipTransferred": (4, ["address", "uint32"]),
    "DelegateSet": (5, ["address", "uint8", "uint40", "uint32"]),
    "EpochBumped": (6, ["uint32"]),
    "Paused": (7, []),
    "Unpaused": (8, []),
    "Distrusted": (9, ["uint40"]),
    "Retired": (10, []),
    "NoncesCancelled": (11, ["address", "uint256", "uint256"]),
    "Anchored": (12, ["bytes32", "uint32", "bytes32"]),
    "StatusChanged": (13, ["bytes32", "uint8", "uint256", LANES]),
    "BatchRevoked": (14, ["bytes32"]),
}
WITH_ROOT = {"Anchored", "StatusChanged", "BatchRevoked"}


class Refused(Exception):
    def __init__(self, name: str, *arguments: Any) -> None:
        super().__init__(name, *arguments)
        types = ERRORS[name]
        self.data = keccak(text=f"{name}({types})")[:4] + encode(types.split(","), arguments)


def written(types: list[str], values: list[Any]) -> bytes:
    """abi.encode; texts are given as bytes, since a contract takes any for a string."""
    return encode(["bytes" if one == "string" else one for one in types], values)


def log(name: str, issuer_id: bytes, always: list[Any], fields: list[Any]) -> Log:
    """always: operation, timestamp, actor."""
    types = EVENTS[name][1]
    roots = name in WITH_ROOT
    data = ["uint40", "uint40", "address", *types[roots:]]
    signature = ",".join(["bytes32", *types[:roots], *data])
    topics = keccak(text=f"{name}({signature})"), issuer_id, *fields[:roots]
    return topics, written(data, [*always, *fields[roots:]])


def fold(history: bytes, name: str, always: list[Any], fields: list[Any]) -> bytes:
    """h(n) from h(n-1)."""
    kind, types = EVENTS[name]
    operation, *rest = always
    head = ["bytes27", "uint40", "uint8", "uint40", "address"]
    return cut(written([*head, *types], [history, operation, kind, *rest, *fields]))


def cut(folded: bytes) -> bytes:
    return keccak(folded)[:27]


def start(tag: str, home: list[Any]) -> bytes:
    """h(0). home: chain id, registry, and for an issuer's own history its id."""
    types = ["bytes32", "uint256", "address", "bytes32"]
    return cut(encode(types[: 1 + len(home)], [keccak(text=tag), *home]))


def signing_digest(
    chain: int, registry: bytes, kind: str, members: list[tuple[str, str, Any]], inner: str = ""
) -> bytes:
    """EIP-712. members: type in the message's own words, type as encoded, value."""
    names = ["string name", "string version", "uint256 chainId", "address verifyingContract"]
    hashes = [keccak(text=text) for text in (f"EIP712Domain({','.join(names)})", "CredAnchor", "1")]
    domain = encode(["bytes32"] * 3 + ["uint256", "address"], [*hashes, chain, registry])
    signature = f"{kind}({','.join(member[0] for member in members)}){inner}"
    types = ["bytes32", *(member[1] for member in members)]
    message = encode(types, [keccak(text=signature), *(member[2] for member in members)])
    return keccak(b"\x19\x01" + keccak(domain) + keccak(message))


def slot(key: bytes, mapping: int) -> int:
    return int.from_bytes(keccak(key.rjust(32, b"\0") + mapping.to_bytes(32)))


def tree_root(leaves: list[bytes]) -> bytes:
    """RFC 9162 section 2.1.1, over leaf hashes."""
    if len(leaves) == 1:
        return leaves[0]
    k = 1 << (len(leaves) - 1).bit_length() - 1
    return _node(tree_root(leaves[:k]), tree_root(leaves[k:]))


def tree_path(index: int, leaves: list[bytes]) -> list[bytes]:
    """RFC 9162 section 2.1.3.1: siblings, leaf end first."""
    if len(leaves) == 1:
        return []
    k = 1 << (len(leaves) - 1).bit_length() - 1
    if index < k:
        return [*tree_path(index, leaves[:k]), tree_root(leaves[k:])]
    return [*tree_path(index - k, leaves[k:]), tree_root(leaves[:k])]


def leads_to(root: bytes, size: int, leaf: bytes, index: int, path: list[bytes]) -> bool:
    """RFC 9162 section 2.1.3.2, with its own letters."""
    if index >= size:
        return False
    fn, sn, r = index, size - 1, leaf
    for p in path:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            r = _node(p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = _node(r, p)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and r == root


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()
