// Solidity's ABI, as far as the registry's events and histories need it (Solidity documentation, "Contract
// ABI Specification"): whole words, texts and lanes. A head of one word a member, in which a dynamic
// member has its offset; then the dynamic members' content, in order.

import { bigEndian, bigint, equal, hex, joined, unhex } from "./bytes.js";
import { Fault } from "./fault.js";

const WORD = 32;

/**
 * One member of a tuple: its type's name in signatures, and its value to and from one word; a dynamic
 * one's to and from its content: a length and what follows it, in whole words. `unit`: bytes that one of
 * that length takes.
 * @typedef {{name: string, unit?: number, write: (value: any) => Uint8Array, read: (word: Uint8Array) => any}} Member
 */

/** A number where it is exact as one, else a bigint. @param {number} bits @returns {Member} */
export const uint = (bits) => ({
  name: `uint${bits}`,
  write: (value) => bigEndian(value, WORD),
  read: (word) => (bits > 53 ? bigint(word) : Number(bigint(word) & (2n ** BigInt(bits) - 1n))),
});

/** Bytes as hex; a short one lies at the word's end or, as bytesN do, at its beginning. */
const fixed = (name, length, start) => ({
  name,
  write: (text) => joined(new Uint8Array(start), unhex(text, length), new Uint8Array(WORD - length - start)),
  read: (word) => hex(word.subarray(start, start + length)),
});

export const BYTES32 = fixed("bytes32", 32, 0);
export const BYTES27 = fixed("bytes27", 27, 0);
export const ADDRESS = fixed("address", 20, 12);

/** As bytes: no contract checks that a string is UTF-8. @type {Member} */
export const TEXT = {
  name: "string",
  unit: 1,
  write: (bytes) => joined(bigEndian(bytes.length, WORD), bytes, new Uint8Array(-bytes.length & (WORD - 1))),
  read: (content) => content.slice(WORD, WORD + Number(bigint(content.subarray(0, WORD)))),
};

/** Credentials of status words: bit 2i of `mask` for the one at 128 * `word` + i. @type {Member} */
export const LANES = {
  name: "(uint256,uint256)[]",
  unit: 2 * WORD,
  write: (lanes) => joined(...[lanes.length, ...lanes.flatMap(({ word, mask }) => [word, mask])].map((one) => bigEndian(one, WORD))),
  read: (content) => pairs(wordsOf(content).slice(1).map(bigint)),
};

const wordsOf = (bytes) => Array.from({ length: bytes.length / WORD }, (_, place) => bytes.subarray(WORD * place, WORD * (place + 1)));

const pairs = (numbers) => numbers.flatMap((word, place) => (place % 2 ? [] : [{ word, mask: numbers[place + 1] }]));

/** @param {Member[]} members @param {unknown[]} values one for each, in its range */
export function encodeAbi(members, values) {
  const contents = members.map(({ write }, place) => write(values[place]));
  let offset = WORD * members.length;
  const head = members.map(({ unit }, place) => {
    if (unit === undefined) return contents[place];
    offset += contents[place].length;
    return bigEndian(offset - contents[place].length, WORD);
  });
  return joined(...head, ...contents.filter((_, place) => members[place].unit !== undefined));
}

/**
 * One value for each member. Throws Fault unless `data` is what `encodeAbi` makes of them: there is one
 * spelling, so that a bent byte is refused or shows.
 * @param {Member[]} members @param {Uint8Array} data
 */
export function decodeAbi(members, data) {
  let end = WORD * members.length;
  if (data.length < end) throw new Fault("not_a_log");
  const values = members.map(({ unit, read }, place) => {
    if (unit === undefined) return read(data.subarray(WORD * place, WORD * (place + 1)));
    const length = bigint(data.subarray(end, end + WORD));
    const size = BigInt(WORD) + ((length * BigInt(unit) + 31n) / 32n) * 32n;
    // Looked at first: a lying length may be any number of 256 bits.
    if (BigInt(end) + size > BigInt(data.length)) throw new Fault("not_a_log");
    const content = data.subarray(end, end + Number(size));
    end += Number(size);
    return read(content);
  });
  if (!equal(encodeAbi(members, values), data)) throw new Fault("not_a_log");
  return values;
}
