"""What an account and its storage hold, proven from a block's state root (EIP-1186).

Both tries are keyed by keccak-256, the accounts by address, the storage by slot (Yellow Paper
§4.1). A slot that is absent holds zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from registry.errors import BrokenProof
from registry.keccak import keccak256
from registry.proofs import rlp
from registry.proofs.trie_proof import MAX_NODE_BYTES
from registry.values import CodeHash, StorageRoot

if TYPE_CHECKING:
    from registry.proofs.trie_proof import Witness
    from registry.values import Address, Slot, StateRoot

_ACCOUNT_FIELDS = 4
_WORD_BYTES = 32


@dataclass(frozen=True, slots=True)
class Account:
    """balance: wei."""

    nonce: int
    balance: int
    storage_root: StorageRoot
    code_hash: CodeHash


def prove_account(witness: Witness, state_root: StateRoot, address: Address) -> Account | None:
    """None where there is no such account. Raises BrokenProof and MalformedRlp."""
    value = witness.value(state_root, keccak256(address))
    return None if value is None else decode_account(value)


def prove_slot(witness: Witness, storage_root: StorageRoot, slot: Slot) -> bytes:
    """The slot's 32 bytes. Raises BrokenProof and MalformedRlp."""
    value = witness.value(storage_root, keccak256(slot))
    return bytes(_WORD_BYTES) if value is None else decode_word(value)


def decode_account(value: bytes) -> Account:
    """Read an account's leaf. Raises BrokenProof and MalformedRlp."""
    fields = rlp.decode_list(value, max_bytes=MAX_NODE_BYTES, max_depth=1)
    if len(fields) != _ACCOUNT_FIELDS:
        raise BrokenProof(f"an account of {len(fields)} fields")
    nonce, balance, storage_root, code_hash = fields
    if not (isinstance(storage_root, bytes) and isinstance(code_hash, bytes)):
        raise BrokenProof("an account whose hashes are lists")
    if not len(storage_root) == len(code_hash) == _WORD_BYTES:
        raise BrokenProof("an account whose hashes are not of 32 bytes")
    return Account(
        rlp.integer(nonce, max_bytes=8),
        rlp.integer(balance),
        StorageRoot(storage_root),
        CodeHash(code_hash),
    )


def decode_word(value: bytes) -> bytes:
    """Read a slot's leaf: a number, as 32 bytes. Raises MalformedRlp.

    Ethereum stores no zero, but a development chain (anvil) keeps slots that have become zero.
    """
    number = rlp.integer(rlp.decode(value, max_bytes=_WORD_BYTES + 1, max_depth=0))
    return number.to_bytes(_WORD_BYTES, "big")
