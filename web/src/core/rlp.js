// RLP (Ethereum yellow paper, appendix B), in its one shortest spelling.

import { bigint, joined } from "./bytes.js";
import { Fault } from "./fault.js";

/** @typedef {Uint8Array | Rlp[]} Rlp */

const MAX_DEPTH = 8;

/** @param {Uint8Array} bytes @returns {Rlp} Throws Fault. */
export function decodeRlp(bytes) {
  const [item, end] = itemAt(bytes, 0, 0);
  if (end !== bytes.length) throw new Fault("not_rlp");
  return item;
}

function itemAt(bytes, at, depth) {
  const first = bytes[at];
  if (first === undefined || depth > MAX_DEPTH) throw new Fault("not_rlp");
  if (first < 0x80) return [bytes.slice(at, at + 1), at + 1];
  const isList = first >= 0xc0;
  const [start, end] = payload(bytes, at + 1, first - (isList ? 0xc0 : 0x80));
  if (!isList) {
    if (end - start === 1 && bytes[start] < 0x80) throw new Fault("not_rlp");
    return [bytes.slice(start, end), end];
  }
  const items = [];
  for (let next = start; next < end; ) {
    const [item, after] = itemAt(bytes.subarray(0, end), next, depth + 1);
    items.push(item);
    next = after;
  }
  return [items, end];
}

function payload(bytes, at, tag) {
  let [start, length] = [at, tag];
  if (tag > 55) {
    start = at + tag - 55;
    if (tag - 55 > 4 || start > bytes.length || bytes[at] === 0) throw new Fault("not_rlp");
    length = bytes.slice(at, start).reduce((number, byte) => number * 256 + byte, 0);
    if (length < 56) throw new Fault("not_rlp");
  }
  if (start + length > bytes.length) throw new Fault("not_rlp");
  return [start, start + length];
}

/** @param {Rlp} item @returns {Uint8Array} */
export function encodeRlp(item) {
  if (Array.isArray(item)) return prefixed(0xc0, joined(...item.map(encodeRlp)));
  return item.length === 1 && item[0] < 0x80 ? item : prefixed(0x80, item);
}

function prefixed(base, content) {
  if (content.length < 56) return joined(Uint8Array.of(base + content.length), content);
  const length = [];
  for (let rest = content.length; rest; rest = Math.floor(rest / 256)) length.unshift(rest % 256);
  return joined(Uint8Array.of(base + 55 + length.length, ...length), content);
}

/**
 * A number: big-endian and shortest, so zero is empty.
 * @param {Rlp} item @param {number} maxBytes
 */
export function scalar(item, maxBytes) {
  if (Array.isArray(item) || item.length > maxBytes || item[0] === 0) throw new Fault("not_rlp");
  return bigint(item);
}
