"""Leaf, tree and manifest. Flat arrays, so that a Solidity test can read them as they are."""

from __future__ import annotations

from hashlib import sha256
from typing import TypeAlias

from vector_cases import oracles
from vector_cases.oracles import Json, filler, hex0x

SIZES = [*range(1, 18), 31, 32, 33, 63, 64, 65, 100, 127, 128, 129, 255, 256, 257, 384]

Row: TypeAlias = tuple[bytes, int, int, list[bytes], bytes, str]
"""leaf, index, size, path, root, and what is wrong with it, if anything is"""


def leaf() -> Json:
    cases = [
        (filler("issuer a"), 0, filler("salt 0"), filler("digest 0")),
        (filler("issuer a"), 1, filler("salt 0"), filler("digest 0")),
        (filler("issuer b"), 0, filler("salt 0"), filler("digest 0")),
        (filler("issuer a"), 0, filler("salt 1"), filler("digest 0")),
        (filler("issuer a"), 0, filler("salt 0"), filler("digest 1")),
        (filler("issuer a"), 256, filler("salt 2"), filler("digest 2")),
        (filler("issuer a"), 2**32 - 2, filler("salt 3"), filler("digest 3")),
        (bytes(32), 2**64 - 1, bytes(32), bytes(32)),
    ]
    issuer, _, salt, digest = cases[1]
    one = (1).to_bytes(8, "big")
    wrong = {
        "no version byte": b"\x00" + issuer + one + salt + digest,
        "prefix of an inner node": b"\x01\x01" + issuer + one + salt + digest,
        "another version": b"\x00\x02" + issuer + one + salt + digest,
        "index little-endian": b"\x00\x01" + issuer + one[::-1] + salt + digest,
        "index in 4 bytes": b"\x00\x01" + issuer + one[4:] + salt + digest,
        "no salt": b"\x00\x01" + issuer + one + digest,
        "salt and digest swapped": b"\x00\x01" + issuer + one + digest + salt,
        "no issuer": b"\x00\x01" + one + salt + digest,
    }
    return {
        "issuerIds": [hex0x(case[0]) for case in cases],
        "indexes": [str(case[1]) for case in cases],
        "salts": [hex0x(case[2]) for case in cases],
        "digests": [hex0x(case[3]) for case in cases],
        "leaves": [hex0x(oracles.leaf(*case)) for case in cases],
        "notLeavesOfCase": 1,
        "notLeaves": [hex0x(sha256(data).digest()) for data in wrong.values()],
        "notLeafReasons": list(wrong),
        "refusedIndexes": ["-1", str(2**64)],
    }


def tree() -> Json:
    leaves = [filler(f"leaf {index}") for index in range(max(SIZES))]
    good = _Rows()
    for size in SIZES:
        indexes = range(size) if size <= 17 else sorted({0, 1, size // 2, size - 2, size - 1})
        for index in indexes:
            path = oracles.path(index, leaves[:size])
            good.add(leaves[index], index, size, path, oracles.root(leaves[:size]), "")
    return {
        "leaves": [hex0x(leaf) for leaf in leaves],
        "sizes": SIZES,
        "roots": [hex0x(oracles.root(leaves[:size])) for size in SIZES],
        "paths": good.columns(),
        "refused": _refused(leaves).columns(),
        "misleading": _misleading(leaves).columns(),
        "refusedLeafBytes": [0, 1, 31, 33, 63, 65],
    }


def _refused(leaves: list[bytes]) -> _Rows:
    """Paths of a wrong length, and places outside the tree: refused without a hash."""
    rows = _Rows()
    seven = leaves[:7]
    root = oracles.root(seven)
    path = oracles.path(2, seven)
    last = oracles.path(6, seven)
    rows.add(leaves[2], 2, 7, path[:-1], root, "a hash short at the root end")
    rows.add(leaves[2], 2, 7, path[1:], root, "a hash short at the leaf end")
    rows.add(leaves[2], 2, 7, [*path, root], root, "a hash too many")
    rows.add(leaves[2], 2, 7, [], root, "no path")
    rows.add(leaves[6], 6, 7, [*last, leaves[0]], root, "the last leaf has a shorter path")
    rows.add(leaves[0], 0, 1, [leaves[1]], root, "one leaf, yet a path")
    rows.add(root, 0, 7, [], root, "the root as a leaf")
    rows.add(oracles.node(*seven[2:4]), 1, 7, path[1:], root, "an inner node as a leaf")
    rows.add(leaves[2], 7, 7, path, root, "index equal to size")
    rows.add(leaves[2], 10, 7, path, root, "index beyond size")
    rows.add(leaves[2], 2, 0, path, root, "empty tree")
    rows.add(leaves[2], 2, 2**32, path * 11, root, "size of 2^32")
    rows.add(leaves[6], 6, 8, last, root, "a size that asks for a longer path")
    rows.add(leaves[2], 2, 7, [*path[:2], *([path[2]] * 31)], root, "33 hashes")
    return rows


def _misleading(leaves: list[bytes]) -> _Rows:
    """Paths of the right length that lead to another root than the one given."""
    rows = _Rows()
    seven = leaves[:7]
    root = oracles.root(seven)
    path = oracles.path(2, seven)
    rows.add(leaves[3], 2, 7, path, root, "another leaf")
    rows.add(leaves[2], 3, 7, path, root, "neighbouring index")
    rows.add(leaves[2], 0, 7, path, root, "index in another subtree")
    rows.add(leaves[2], 2, 7, path[::-1], root, "path back to front")
    rows.add(leaves[2], 2, 7, [path[1], path[0], path[2]], root, "siblings swapped")
    rows.add(leaves[2], 2, 7, [leaves[2], *path[1:]], root, "the leaf as its own sibling")
    rows.add(oracles.node(*seven[:2]), 0, 3, path[1:], root, "inner node at an index it never had")
    for bit in (0, 7, 128, 255):
        rows.add(_flip(leaves[2], bit), 2, 7, path, root, f"bit {bit} of the leaf")
        for place in range(3):
            bent = [*path[:place], _flip(path[place], bit), *path[place + 1 :]]
            rows.add(leaves[2], 2, 7, bent, root, f"bit {bit} of sibling {place}")
        rows.add(leaves[2], 2, 7, path, _flip(root, bit), f"bit {bit} of the root")
    return rows


def _flip(data: bytes, bit: int) -> bytes:
    return (int.from_bytes(data) ^ (1 << bit)).to_bytes(len(data))


class _Rows:
    """Rows as columns; all paths in one array, one after the other."""

    def __init__(self) -> None:
        self.rows: list[Row] = []

    def add(self, *row: *Row) -> None:
        self.rows.append(row)

    def columns(self) -> Json:
        columns: Json = {
            "leaves": [hex0x(row[0]) for row in self.rows],
            "indexes": [row[1] for row in self.rows],
            "sizes": [row[2] for row in self.rows],
            "pathLengths": [len(row[3]) for row in self.rows],
            "pathHashes": [hex0x(sibling) for row in self.rows for sibling in row[3]],
            "roots": [hex0x(row[4]) for row in self.rows],
        }
        if any(row[5] for row in self.rows):
            columns["reasons"] = [row[5] for row in self.rows]
        return columns


def manifest() -> Json:
    issuer = filler("issuer a")
    cases = []
    for size in (1, 2, 3, 128):
        leaves = [filler(f"leaf {index}") for index in range(size)]
        form = oracles.canonical(
            {
                "version": 1,
                "issuerId": hex0x(issuer),
                "treeSize": size,
                "root": hex0x(oracles.root(leaves)),
                "leaves": hex0x(sha256(b"".join(leaves)).digest()),
            }
        )
        cases.append(
            {
                "issuerId": hex0x(issuer),
                "root": hex0x(oracles.root(leaves)),
                "leafFile": hex0x(b"".join(leaves)),
                "manifest": form.decode(),
                "metaHash": hex0x(sha256(form).digest()),
            }
        )
    return {"cases": cases, "refusedLeafBytes": [0, 1, 31, 33, 65]}
