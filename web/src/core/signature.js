// The issuer's signature: W3C Data Integrity with the cryptosuite eddsa-jcs-2022, by did:key.
//
// Source: Verifiable Credential Data Integrity 1.0 §4, Data Integrity EdDSA Cryptosuites v1.0 §3.3. A
// proof is judged on the document without any `proof`; what it leaves uncovered, the digest covers.

import { ed25519 } from "@noble/curves/ed25519.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { base58, equal, fromBase58, joined, sha256 } from "./bytes.js";
import { canonicalize, canonicalText } from "./canonical.js";
import { issuerProofs } from "./credential.js";
import { Fault } from "./fault.js";
import { readMoment } from "./moments.js";
import { isObject } from "./strict-json.js";

const ED25519_MULTICODEC = Uint8Array.of(0xed, 0x01);
const DID_KEY = "did:key:";

/** Of several proofs the first in this order is told: what is broken, then who signed. */
const STATES = ["malformed", "wrong", "valid", "stranger", "unbound", "key_unknown", "suite_unknown", "absent"];

/**
 * @typedef {object} Signature
 * @property {string} state one of STATES
 * @property {Record<string, unknown>} values for the sentence `signature.<state>`
 */

/** @param {import("./strict-json.js").JsonObject} document @returns {Signature} */
export function checkSignature(document) {
  const judged = issuerProofs(document).map((proof) => checkProof(document, proof));
  const rank = (signature) => STATES.indexOf(signature.state);
  return judged.sort((one, other) => rank(one) - rank(other))[0] ?? { state: "absent", values: {} };
}

function checkProof(document, proof) {
  const suite = proof.type === "DataIntegrityProof" ? proof.cryptosuite : proof.type;
  if (suite !== "eddsa-jcs-2022" || "previousProof" in proof)
    return { state: "suite_unknown", values: { suite: typeof suite === "string" ? suite : "?" } };
  let signature;
  try {
    signature = readOptions(document, proof);
  } catch (fault) {
    if (fault instanceof Fault) return { state: "malformed", values: { member: fault.place.pointer } };
    throw fault;
  }
  const key = keyOfMethod(proof.verificationMethod);
  if (key === null) return { state: "key_unknown", values: { key: proof.verificationMethod } };
  if (!isSigned(document, proof, key, signature)) return { state: "wrong", values: {} };
  return whose(document, didKey(key));
}

/** The signature's 64 bytes. Throws Fault with the member at fault. */
function readOptions(document, proof) {
  const demand = (member, holds) => {
    if (!holds) throw new Fault("proof_option", {}, { pointer: member });
  };
  demand("proofPurpose", proof.proofPurpose === "assertionMethod");
  for (const member of ["created", "expires"]) if (member in proof) demand(member, isMoment(proof[member]));
  for (const member of ["verificationMethod", "proofValue"]) demand(member, typeof proof[member] === "string");
  if ("@context" in proof) demand("@context", beginsWith(document["@context"], proof["@context"]));
  const signature = fromMultibase(proof.proofValue);
  demand("proofValue", signature?.length === 64);
  return signature;
}

function isMoment(value) {
  try {
    readMoment(value);
    return true;
  } catch {
    return false;
  }
}

function beginsWith(whole, beginning) {
  const first = [beginning].flat();
  return canonicalText([whole ?? null].flat().slice(0, first.length)) === canonicalText(first);
}

function isSigned(document, proof, key, signature) {
  const { proof: _, ...unsecured } = document;
  // The suite asks for it: contexts that are added after signing do not break the signature.
  if ("@context" in proof) unsecured["@context"] = proof["@context"];
  const { proofValue: __, ...options } = proof;
  return verifies(key, signature, joined(sha256(canonicalize(options)), sha256(canonicalize(unsecured))));
}

/**
 * Ed25519 as RFC 8032 §5.1.7 without the cofactor, which is what OpenSSL does: a crafted signature
 * must not be good in one implementation and bad in the other.
 * @param {Uint8Array} key @param {Uint8Array} signature @param {Uint8Array} message
 */
export function verifies(key, signature, message) {
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

function whose(document, signer) {
  const issuer = isObject(document.issuer) ? document.issuer.id : document.issuer;
  if (issuer === signer) return { state: "valid", values: {} };
  const strange = typeof issuer === "string" && issuer.startsWith(DID_KEY);
  return { state: strange ? "stranger" : "unbound", values: { signer, issuer } };
}

/** @param {Uint8Array} key */
export const didKey = (key) => DID_KEY + multikey(key);

const multikey = (key) => "z" + base58(joined(ED25519_MULTICODEC, key));

/** Only base58btc is read; null for anything else. @param {string} text */
function fromMultibase(text) {
  try {
    return text.startsWith("z") ? fromBase58(text.slice(1)) : null;
  } catch {
    return null;
  }
}

/** The Ed25519 key that a did:key's verification method names, else null. @param {string} url */
function keyOfMethod(url) {
  const fragment = url.slice(url.indexOf("#") + 1);
  const key = fromMultibase(fragment)?.slice(2);
  return key?.length === 32 && url === `${didKey(key)}#${multikey(key)}` ? key : null;
}
