// The issuer's signature: W3C Data Integrity with eddsa-jcs-2022 or ecdsa-jcs-2019 (P-256), by did:key or
// by the keys of a DID document that counts.
//
// Source: Verifiable Credential Data Integrity 1.0 §4, Data Integrity EdDSA Cryptosuites v1.0 §3.3. A
// proof is judged on the document without any `proof`; what it leaves uncovered, the digest covers.

import { joined, sha256, utf8 } from "./bytes.js";
import { canonicalize, canonicalText } from "./canonical.js";
import { issuerProofs } from "./credential.js";
import { Fault } from "./fault.js";
import { didKey, fromMultibase, keyOfMethod, verifies } from "./keys.js";
import { ofUnix, readMoment } from "./moments.js";
import { isObject } from "./strict-json.js";

const CONTEXT = "@context";
const SUITES = { "eddsa-jcs-2022": "ed25519", "ecdsa-jcs-2019": "p256" };

/** Of several proofs the first in this order is told: what is broken, then who signed. */
const STATES = [
  "malformed", "wrong", "valid", "retired", "undated", "stranger", "unbound", "key_unknown", "suite_unknown", "absent",
];

/**
 * @typedef {object} Signature
 * @property {string} state one of STATES
 * @property {Record<string, unknown>} values for the sentence `signature.<state>`
 * @property {string} [signer] did:key of the key that truly signed
 */

/**
 * The issuer's keys from a document that counts. at: the anchor's time in Unix seconds, by which retired
 * keys are judged, never one that a proof states; null where it is not known.
 * @typedef {{issuer: string, keys: import("./did-document.js").IssuerKey[], at: number | null}} KnownKeys
 */

/**
 * @param {import("./strict-json.js").JsonObject} document
 * @param {KnownKeys | null} [known]
 * @returns {Signature}
 */
export function checkSignature(document, known = null) {
  const judged = checkProofs(document, known);
  const rank = ({ state }) => STATES.indexOf(state);
  return judged.sort((one, other) => rank(one) - rank(other))[0] ?? { state: "absent", values: {} };
}

/** Each proof but the anchor's, in order. @returns {Signature[]} Throws Fault where they are too many. */
export function checkProofs(document, known = null) {
  const hashOf = securedBy(document);
  return issuerProofs(document).map((proof) => checkProof(document, hashOf, proof, known));
}

/**
 * SHA-256 of what a proof secures: all but the proofs, in the context that it was signed in. The suite asks
 * for that: contexts added after signing do not break the signature. What all proofs have in common is
 * written once.
 * @param {import("./strict-json.js").JsonObject} document
 */
function securedBy(document) {
  const members = (holder, keep) => {
    const kept = Object.entries(holder).filter(([name]) => name !== "proof" && keep(name));
    return canonicalText(Object.fromEntries(kept)).slice(1, -1);
  };
  let before, after;
  return (proof) => {
    before ??= members(document, (name) => name < CONTEXT);
    after ??= members(document, (name) => name > CONTEXT);
    const context = members(CONTEXT in proof ? proof : document, (name) => name === CONTEXT);
    return sha256(utf8(`{${[before, context, after].filter(Boolean).join(",")}}`));
  };
}

/** @returns {Signature} */
function checkProof(document, hashOf, proof, known) {
  const suite = proof.type === "DataIntegrityProof" ? proof.cryptosuite : proof.type;
  const isKnown = typeof suite === "string" && Object.hasOwn(SUITES, suite);
  if (!isKnown || "previousProof" in proof)
    return { state: "suite_unknown", values: { suite: typeof suite === "string" ? suite : "?" } };
  let signature, key;
  try {
    signature = readOptions(document, proof);
    key = findKey(proof.verificationMethod, known, SUITES[suite]);
  } catch (fault) {
    if (fault instanceof Fault) return { state: "malformed", values: { member: fault.place.pointer } };
    throw fault;
  }
  if (key === null) return { state: "key_unknown", values: { key: proof.verificationMethod } };
  if (!isSigned(hashOf, proof, key, signature)) return { state: "wrong", values: {} };
  return { ...whose(document, key, known), signer: didKey(key) };
}

function demand(member, holds) {
  if (!holds) throw new Fault("proof_option", {}, { pointer: member });
}

/** The signature's 64 bytes. Throws Fault with the member at fault. */
function readOptions(document, proof) {
  demand("proofPurpose", proof.proofPurpose === "assertionMethod");
  for (const member of ["created", "expires"]) if (member in proof) demand(member, isMoment(proof[member]));
  for (const member of ["verificationMethod", "proofValue"]) demand(member, typeof proof[member] === "string");
  if ("@context" in proof) demand("@context", beginsWith(document["@context"], proof["@context"]));
  const signature = fromMultibase(proof.proofValue);
  demand("proofValue", signature?.length === 64);
  return signature;
}

/** null where it is not known. Throws Fault for a key of another kind than the suite's. */
function findKey(method, known, kind) {
  const key = known?.keys.find(({ url }) => url === method)?.key ?? keyOfMethod(method);
  demand("verificationMethod", key === null || key.kind === kind);
  return key;
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

function isSigned(hashOf, proof, key, signature) {
  const { proofValue: _, ...options } = proof;
  return verifies(key, signature, joined(sha256(canonicalize(options)), hashOf(proof)));
}

function whose(document, key, known) {
  const issuer = isObject(document.issuer) ? document.issuer.id : document.issuer;
  const signer = didKey(key);
  if (known && issuer === known.issuer) {
    const held = known.keys.filter((one) => didKey(one.key) === signer);
    if (held.length) return atTheAnchor(held, known.at);
    if (issuer !== signer) return { state: "stranger", values: { signer } };
  }
  if (issuer === signer) return { state: "valid", values: {} };
  const strange = typeof issuer === "string" && issuer.startsWith("did:key:");
  return { state: strange ? "stranger" : "unbound", values: { signer, issuer } };
}

/** A retired key vouches for what was anchored before, whatever date the proof gives itself. */
function atTheAnchor(held, at) {
  if (held.some(({ retiredAt }) => retiredAt === null)) return { state: "valid", values: {} };
  const { url, retiredAt } = held.reduce((one, other) => (other.retiredAt > one.retiredAt ? other : one));
  const values = { key: url, time: { moment: retiredAt } };
  if (at === null) return { state: "undated", values };
  return ofUnix(at) >= retiredAt ? { state: "retired", values } : { state: "valid", values };
}
