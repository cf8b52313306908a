// A block's header: its hash is that of its RLP. The first fifteen fields are those of every fork; what
// later forks append is covered by the hash and read by nobody here. A header names no chain.

import { hex, keccak256, unhex } from "./bytes.js";
import { Fault } from "./fault.js";
import { decodeRlp, encodeRlp, scalar } from "./rlp.js";

const MAX_HEADER_BYTES = 64 * 1024;
const LENGTHS = { 0: 32, 1: 32, 2: 20, 3: 32, 4: 32, 5: 32, 6: 256, 13: 32, 14: 8 };
const STATE_ROOT = 3;
const NUMBER = 8;
const TIMESTAMP = 11;

/** @typedef {{number: number, hash: string, time: number}} Block time: Unix seconds */

/**
 * @param {Uint8Array} raw
 * @returns {Block & {stateRoot: Uint8Array}} Throws Fault.
 */
export function readHeader(raw) {
  if (raw.length > MAX_HEADER_BYTES) throw new Fault("not_a_header");
  const fields = decodeRlp(raw);
  if (!Array.isArray(fields) || fields.length < 15 || fields.length > 64 || fields.some(Array.isArray))
    throw new Fault("not_a_header");
  for (const [place, length] of Object.entries(LENGTHS))
    if (fields[place].length !== length) throw new Fault("not_a_header");
  for (const place of [7, 8, 9, 10, 11]) scalar(fields[place], 32);
  return {
    number: whole(scalar(fields[NUMBER], 8)),
    hash: hex(keccak256(raw)),
    time: whole(scalar(fields[TIMESTAMP], 8)),
    stateRoot: fields[STATE_ROOT],
  };
}

/** No block that anyone will see has a number or a time beyond 2^53. */
function whole(number) {
  if (number > BigInt(Number.MAX_SAFE_INTEGER)) throw new Fault("not_a_header");
  return Number(number);
}

/** Names in eth_getBlockByNumber; those that forks have added are there or not, and zero is there. */
const MEMBERS = [
  "parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom",
  "#difficulty", "#number", "#gasLimit", "#gasUsed", "#timestamp", "extraData", "mixHash", "nonce",
  "#baseFeePerGas", "withdrawalsRoot", "#blobGasUsed", "#excessBlobGas", "parentBeaconBlockRoot",
  "requestsHash", "blockAccessListHash", "#slotNumber",
];

/**
 * The RLP of the header that a node tells by its fields. Throws Fault unless they give its hash.
 * @param {Record<string, string>} answer of eth_getBlockByNumber
 */
export function headerOf(answer) {
  const fields = MEMBERS.flatMap((member, place) => {
    const value = answer[member.replace("#", "")];
    if (value === undefined || value === null) {
      if (place < 15) throw new Fault("not_a_header");
      return [];
    }
    return [member.startsWith("#") ? quantity(value) : unhex(value)];
  });
  const raw = encodeRlp(fields);
  if (hex(keccak256(raw)) !== answer.hash) throw new Fault("header_hash");
  return raw;
}

/** JSON-RPC's quantity as RLP has it: 0x0 is empty. */
function quantity(text) {
  if (typeof text !== "string" || !/^0x[0-9a-f]+$/.test(text)) throw new Fault("not_hex");
  const digits = text.slice(2).replace(/^0+/, "");
  return unhex("0x" + (digits.length % 2 ? "0" : "") + digits);
}
