// The contract's storage: where a record's slot is, and what its word says. Everything needed stands
// in plain slots (Solidity documentation, "Layout of State Variables in Storage"). Of one issuer,
// from base = keccak256(issuerId ‖ uint256(0)); bit 0 is the lowest:
//
//   +0  owner 0..159 | flags 160..167 (1 paused, 2 retired) | epoch 168..199 | distrustAfter 200..239
//   +1  operations 0..39 | history 40..255
//   +2  didHash
//   +5  batches: root -> +0 anchoredAt 0..39 | operation 40..79 | size 80..111
//                           | flags 112..119 (1 whole batch revoked)
//                        +1 words: index / 128 -> 128 lanes of 2 bits (suspended, revoked)

import { bigEndian, bigint, hex, joined, keccak256 } from "./bytes.js";
import { Fault } from "./fault.js";

export const LANES_PER_WORD = 128;
export const STATUS = ["unanchored", "active", "suspended", "revoked"];

/** @typedef {{owner: string, paused: boolean, retired: boolean, epoch: number, distrustAfter: number}} IssuerRecord */
/** @typedef {{anchoredAt: number, operation: number, size: number, revoked: boolean}} BatchRecord times are Unix seconds */

/** @param {Uint8Array} issuerId @param {number} offset */
const issuerSlot = (issuerId, offset) => shifted(keccak256(joined(issuerId, bigEndian(0, 32))), offset);

const shifted = (slot, offset) => bigEndian((bigint(slot) + BigInt(offset)) % 2n ** 256n, 32);

/**
 * The slots that judging one credential takes, as the contract's storage trie has them.
 * @param {Uint8Array} issuerId @param {Uint8Array} root @param {number} index
 */
export function slotsOf(issuerId, root, index) {
  const batch = keccak256(joined(root, issuerSlot(issuerId, 5)));
  const word = bigEndian(Math.floor(index / LANES_PER_WORD), 32);
  return {
    record: issuerSlot(issuerId, 0),
    didHash: issuerSlot(issuerId, 2),
    batch,
    word: keccak256(joined(word, shifted(batch, 1))),
    history: issuerSlot(issuerId, 1),
  };
}

const bits = (word, from, count) => Number((word >> BigInt(from)) & (2n ** BigInt(count) - 1n));

/** null where nobody is registered. @param {bigint} word @returns {IssuerRecord | null} */
export function issuerRecord(word) {
  if (word === 0n) return null;
  const owner = word & (2n ** 160n - 1n);
  const flags = bits(word, 160, 8);
  if (owner === 0n || flags > 3 || word >> 240n) throw new Fault("not_the_contracts_word");
  return {
    owner: hex(bigEndian(owner, 20)),
    paused: (flags & 1) !== 0,
    retired: (flags & 2) !== 0,
    epoch: bits(word, 168, 32),
    distrustAfter: bits(word, 200, 40),
  };
}

/** null where the issuer has anchored no such root. @param {bigint} word @returns {BatchRecord | null} */
export function batchRecord(word) {
  if (word === 0n) return null;
  const record = {
    anchoredAt: bits(word, 0, 40),
    operation: bits(word, 40, 40),
    size: bits(word, 80, 32),
    revoked: bits(word, 112, 1) === 1,
  };
  if (!record.anchoredAt || !record.operation || !record.size || word >> 113n)
    throw new Fault("not_the_contracts_word");
  return record;
}

/**
 * Position in STATUS. Revoked stays revoked whatever the suspended bit says.
 * @param {BatchRecord | null} batch @param {bigint} word @param {number} index
 */
export function statusOf(batch, word, index) {
  if (batch === null) return 0;
  const lane = bits(word, 2 * (index % LANES_PER_WORD), 2);
  return batch.revoked || lane > 1 ? 3 : 1 + lane;
}
