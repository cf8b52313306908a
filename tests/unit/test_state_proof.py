"""Accounts and slots out of one set of nodes, against tries of the `trie` package."""

from __future__ import annotations

from secrets import token_bytes

import pytest
import rlp as peer
from tries import Trie, account_leaf, storage_trie

from registry.errors import UnsoundEvidence
from registry.keccak import keccak256
from registry.proofs.state_proof import (
    Account,
    decode_account,
    decode_word,
    prove_account,
    prove_slot,
)
from registry.proofs.trie_proof import EMPTY_TRIE, Witness
from registry.values import Address, CodeHash, Slot, StateRoot, StorageRoot

CODE = CodeHash(b"\xcc" * 32)


def test_an_account_and_its_slots_come_from_one_witness() -> None:
    slots = {Slot(token_bytes(32)): token_bytes(32) for _ in range(100)}
    small = Slot(b"\1" * 32)
    slots[small] = (5).to_bytes(32, "big")
    storage = storage_trie(slots)
    addresses = [Address(token_bytes(20)) for _ in range(100)]
    leaf = account_leaf(storage.root, CODE, nonce=7, balance=10**20)
    accounts = Trie({keccak256(address): leaf for address in addresses})
    asked = [small, *list(slots)[:3], absent := Slot(b"\2" * 32)]
    nodes = list(
        dict.fromkeys(
            node
            for part in [
                accounts.proof(keccak256(addresses[0])),
                *(storage.proof(keccak256(slot)) for slot in asked),
            ]
            for node in part
        )
    )
    witness = Witness(nodes)
    account = prove_account(witness, StateRoot(accounts.root), addresses[0])
    assert account == Account(7, 10**20, StorageRoot(storage.root), CODE)
    for slot in asked:
        assert prove_slot(witness, account.storage_root, slot) == slots.get(slot, bytes(32))
    assert absent not in slots
    witness.require_exactly(nodes)


def test_an_account_that_is_not_there_is_proven_absent() -> None:
    accounts = Trie({keccak256(token_bytes(20)): account_leaf(EMPTY_TRIE, CODE) for _ in range(50)})
    nowhere = Address(b"\x77" * 20)
    witness = Witness(accounts.proof(keccak256(nowhere)))
    assert prove_account(witness, StateRoot(accounts.root), nowhere) is None
    assert prove_slot(Witness([]), StorageRoot(EMPTY_TRIE), Slot(bytes(32))) == bytes(32)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\x80",
        peer.encode([1, 2, bytes(32)]),
        peer.encode([1, 2, bytes(32), bytes(32), b""]),
        peer.encode([1, 2, bytes(31), bytes(32)]),
        peer.encode([1, 2, [bytes(32)], bytes(32)]),
        peer.encode([b"\0", 2, bytes(32), bytes(32)]),
        peer.encode([b"\1" * 9, 2, bytes(32), bytes(32)]),
        peer.encode([1, b"\1" * 33, bytes(32), bytes(32)]),
    ],
)
def test_what_is_no_account_is_refused(value: bytes) -> None:
    with pytest.raises(UnsoundEvidence):
        decode_account(value)


@pytest.mark.parametrize(
    "value",
    [b"", b"\0", b"\x81\x05", b"\x82\0\1", b"\xa1" + b"\1" * 33, b"\xc1\5", b"\5\5"],
)
def test_what_is_no_stored_word_is_refused(value: bytes) -> None:
    with pytest.raises(UnsoundEvidence):
        decode_word(value)


def test_a_slot_that_is_kept_though_it_holds_nothing_is_zero() -> None:
    assert decode_word(b"\x80") == bytes(32)
