// The salted leaf, and the way from it to the root: RFC 9162 §2.1 over SHA-256.

import { bigEndian, joined, sha256 } from "./bytes.js";
import { Fault } from "./fault.js";

export const MAX_SIZE = 2 ** 32 - 1;

/**
 * SHA-256(0x00 ‖ 0x01 ‖ issuerId ‖ index, 8 bytes ‖ salt ‖ digest): RFC 9162's prefix of a leaf, our
 * format's version, and all that binds a credential to its one place.
 * @param {Uint8Array} issuerId
 * @param {number | bigint} index 0 to 2^64-1
 * @param {Uint8Array} salt
 * @param {Uint8Array} digest
 */
export function leafHash(issuerId, index, salt, digest) {
  if (BigInt(index) < 0n || BigInt(index) >= 2n ** 64n) throw new Fault("index_outside");
  return sha256(joined(Uint8Array.of(0, 1), issuerId, bigEndian(index, 8), salt, digest));
}

/**
 * How many siblings lead from a leaf to the root. Throws Fault unless 0 <= index < size < 2^32.
 * @param {number} index
 * @param {number} size
 * @returns {number}
 */
export function pathLength(index, size) {
  if (!(index >= 0 && index < size && size <= MAX_SIZE)) throw new Fault("index_outside");
  if (size === 1) return 0;
  // As the RFC recurses: the left part is the largest power of two below the size.
  const left = 2 ** (31 - Math.clz32(size - 1));
  return 1 + (index < left ? pathLength(index, left) : pathLength(index - left, size - left));
}

/**
 * The root that a path leads to; it compares nothing. Throws Fault for a path that is longer or
 * shorter than index and size demand.
 * @param {Uint8Array} leaf
 * @param {number} index
 * @param {number} size
 * @param {readonly Uint8Array[]} path leaf end first
 */
export function rootFromPath(leaf, index, size, path) {
  const expected = pathLength(index, size);
  if (path.length !== expected) throw new Fault("path_length", { found: path.length, expected });
  if (path.some((sibling) => sibling.length !== 32)) throw new Fault("path_length", { found: path.length, expected });
  return climb(index, size, path.length);

  /** The node above the first `height` siblings, of the subtree of `count` leaves around `place`. */
  function climb(place, count, height) {
    if (count === 1) return leaf;
    const left = 2 ** (31 - Math.clz32(count - 1));
    const sibling = path[height - 1];
    return place < left
      ? node(climb(place, left, height - 1), sibling)
      : node(sibling, climb(place - left, count - left, height - 1));
  }
}

/** @param {Uint8Array} left @param {Uint8Array} right */
const node = (left, right) => sha256(joined(Uint8Array.of(1), left, right));
