// Bytes and their text forms. Each form has one spelling; every other one is refused.

import { sha256 } from "@noble/hashes/sha2.js";
import { keccak_256 } from "@noble/hashes/sha3.js";
import { bytesToHex, concatBytes, hexToBytes } from "@noble/hashes/utils.js";
import { Fault } from "./fault.js";

export { concatBytes as joined, sha256, keccak_256 as keccak256 };

const BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
// Conversion takes quadratic time; a signature has 88 characters and nothing here is longer.
const MAX_BASE58 = 256;

/** @param {string} text */
export const utf8 = (text) => new TextEncoder().encode(text);

/** @param {Uint8Array} bytes */
export const hex = (bytes) => "0x" + bytesToHex(bytes);

/**
 * Reads 0x and lower-case hex.
 * @param {unknown} text
 * @param {number} [length] how many bytes it has to have
 */
export function unhex(text, length) {
  if (typeof text !== "string" || !/^0x(?:[0-9a-f]{2})*$/.test(text)) throw new Fault("not_hex");
  if (length !== undefined && text.length !== 2 + 2 * length)
    throw new Fault("wrong_length", { found: text.length / 2 - 1, expected: length });
  return hexToBytes(text.slice(2));
}

/** @param {Uint8Array} one @param {Uint8Array} other */
export const equal = (one, other) =>
  one.length === other.length && one.every((byte, place) => byte === other[place]);

/** @param {Uint8Array} bytes big-endian */
export const bigint = (bytes) => (bytes.length ? BigInt(hex(bytes)) : 0n);

/** @param {bigint | number} number @param {number} length */
export const bigEndian = (number, length) =>
  hexToBytes(BigInt(number).toString(16).padStart(2 * length, "0"));

/** Unpadded base64url (RFC 4648 §5). @param {Uint8Array} bytes */
export function base64url(bytes) {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** The inverse; lenient where more than one text gives the same bytes. @param {string} text */
export function fromBase64url(text) {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) throw new Fault("not_base64url");
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

/** Bitcoin's base 58; each leading zero byte becomes a leading 1. @param {Uint8Array} bytes */
export function base58(bytes) {
  let digits = "";
  for (let number = bigint(bytes); number > 0n; number /= 58n)
    digits = BASE58[Number(number % 58n)] + digits;
  const content = bytes.findIndex((byte) => byte !== 0);
  return "1".repeat(content < 0 ? bytes.length : content) + digits;
}

/** @param {string} text */
export function fromBase58(text) {
  if (text.length > MAX_BASE58) throw new Fault("not_base58");
  let number = 0n;
  for (const character of text) {
    const digit = BASE58.indexOf(character);
    if (digit < 0) throw new Fault("not_base58");
    number = number * 58n + BigInt(digit);
  }
  const zeros = /^1*/.exec(text)[0].length;
  const digits = number === 0n ? "" : number.toString(16);
  return hexToBytes("00".repeat(zeros) + (digits.length % 2 ? "0" : "") + digits);
}
