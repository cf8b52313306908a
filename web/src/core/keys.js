// Public keys as text: multibase, Multikey, did:key. Every key has one text; every other is refused.

import { ed25519 } from "@noble/curves/ed25519.js";
import { p256 } from "@noble/curves/nist.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { base58, equal, fromBase58, joined } from "./bytes.js";

/** Multicodec prefix, length of the key. */
const KINDS = {
  ed25519: { prefix: Uint8Array.of(0xed, 0x01), length: 32 },
  p256: { prefix: Uint8Array.of(0x80, 0x24), length: 33 },
};
const DID_KEY = "did:key:";

/** @typedef {{kind: "ed25519" | "p256", bytes: Uint8Array}} PublicKey p256: compressed, perhaps no point */

/** @param {PublicKey} key */
export const multikey = ({ kind, bytes }) => "z" + base58(joined(KINDS[kind].prefix, bytes));

/** @param {PublicKey} key */
export const didKey = (key) => DID_KEY + multikey(key);

/** Only base58btc is read; null for anything else. @param {unknown} text */
export function fromMultibase(text) {
  try {
    return typeof text === "string" && text.startsWith("z") ? fromBase58(text.slice(1)) : null;
  } catch {
    return null;
  }
}

/**
 * The key; undefined for a kind that is not known here; null for no Multikey at all.
 * @param {unknown} text @returns {PublicKey | null | undefined}
 */
export function fromMultikey(text) {
  const data = fromMultibase(text);
  if (data === null) return null;
  for (const [kind, { prefix, length }] of Object.entries(KINDS))
    if (equal(data.subarray(0, 2), prefix)) return data.length === 2 + length ? { kind, bytes: data.slice(2) } : null;
  return undefined;
}

/** The key that a did:key's verification method names, else null. @param {string} url */
export function keyOfMethod(url) {
  const key = fromMultikey(url.slice(url.indexOf("#") + 1));
  return key && url === `${didKey(key)}#${multikey(key)}` ? key : null;
}

/** @param {PublicKey} key @param {Uint8Array} signature 64 bytes @param {Uint8Array} message */
export const verifies = (key, signature, message) =>
  (key.kind === "p256" ? verifiesP256 : verifiesEd25519)(key.bytes, signature, message);

/** ECDSA with SHA-256; r and s, 32 bytes each. A point off the curve has signed nothing. */
function verifiesP256(key, signature, message) {
  try {
    return p256.verify(signature, message, key, { lowS: false });
  } catch {
    return false;
  }
}

/**
 * As RFC 8032 §5.1.7 without the cofactor, which is what OpenSSL does: a crafted signature must not be
 * good in one implementation and bad in the other.
 */
function verifiesEd25519(key, signature, message) {
  const { Point } = ed25519;
  const littleEndian = (bytes) => bytes.reduceRight((number, byte) => (number << 8n) | BigInt(byte), 0n);
  const [R, s] = [signature.slice(0, 32), littleEndian(signature.slice(32))];
  const order = Point.Fn.ORDER;
  if (s >= order) return false;
  let A;
  try {
    A = Point.fromBytes(key, true);
  } catch {
    return false; // no point of the curve
  }
  const k = littleEndian(sha512(joined(R, key, message))) % order;
  return equal(Point.BASE.multiplyUnsafe(s).subtract(A.multiplyUnsafe(k)).toBytes(), R);
}

/** P-256 from its coordinates, 32 bytes each; null off the curve. */
export function p256Of(/** @type {Uint8Array} */ x, /** @type {Uint8Array} */ y) {
  try {
    return { kind: "p256", bytes: p256.Point.fromBytes(joined(Uint8Array.of(4), x, y)).toBytes(true) };
  } catch {
    return null;
  }
}
