// A credential as received, and its digest, which leaves out the anchor proofs alone.

import { hex, sha256 } from "./bytes.js";
import { canonicalize } from "./canonical.js";
import { Fault } from "./fault.js";
import { depthOf, isObject, MAX_CREDENTIAL_BYTES, MAX_DEPTH, readJson } from "./strict-json.js";

/** @typedef {import("./strict-json.js").JsonObject} JsonObject */

const MAX_ISSUER_PROOFS = 16;

/**
 * @typedef {object} Credential
 * @property {JsonObject} document exactly as received
 * @property {Uint8Array} digest
 * @property {string | null} id
 * @property {string} issuer URL or DID
 * @property {string | null} name its own, else its achievement's
 */

/** Members of the top-level `proof`. Throws Fault unless it is an object or an array of them. */
export function proofsOf(/** @type {JsonObject} */ document) {
  if (!("proof" in document)) return [];
  const { proof } = document;
  if (isObject(proof)) return [proof];
  if (!Array.isArray(proof)) throw new Fault("proof_shape", {}, { pointer: "/proof" });
  const odd = proof.findIndex((member) => !isObject(member));
  if (odd >= 0) throw new Fault("proof_shape", {}, { pointer: `/proof/${odd}` });
  return proof;
}

/** Whatever its version: what later programs write is set aside today already. */
export const isAnchorProof = (/** @type {JsonObject} */ proof) =>
  proof.type === "DataIntegrityProof" &&
  typeof proof.cryptosuite === "string" &&
  proof.cryptosuite.startsWith("credanchor-");

export const anchorProofs = (/** @type {JsonObject} */ document) => proofsOf(document).filter(isAnchorProof);

/** All others, in order. Throws Fault for more than are read: each costs hashing the whole document. */
export function issuerProofs(/** @type {JsonObject} */ document) {
  const proofs = proofsOf(document).filter((proof) => !isAnchorProof(proof));
  if (proofs.length > MAX_ISSUER_PROOFS)
    throw new Fault("too_many_entries", { found: proofs.length, limit: MAX_ISSUER_PROOFS }, { pointer: "/proof" });
  return proofs;
}

/** What the digest covers: the proofs that are left are absent if none, bare if one. */
export function covered(/** @type {JsonObject} */ document) {
  const { proof: _, ...rest } = document;
  const kept = issuerProofs(document);
  if (kept.length) rest.proof = kept.length > 1 ? kept : kept[0];
  return Object.assign(Object.create(null), rest);
}

/**
 * @param {Uint8Array} raw a file
 * @returns {Credential} Throws Fault.
 */
export function readCredential(raw) {
  const document = readJson(raw);
  if (!isObject(document)) throw new Fault("not_an_object");
  return credentialOf(document);
}

/**
 * Takes a document that was read, perhaps as a part of a larger one, under the limits of a file.
 * @param {JsonObject} document
 * @returns {Credential} Throws Fault.
 */
export function credentialOf(document) {
  if (depthOf(document) > MAX_DEPTH) throw new Fault("too_deep", { limit: MAX_DEPTH });
  const form = canonicalize(covered(document));
  if (form.length > MAX_CREDENTIAL_BYTES)
    throw new Fault("too_many_bytes", { found: form.length, limit: MAX_CREDENTIAL_BYTES });
  const id = text(document, "id");
  const issuer = issuerOf(document);
  text(document, "validFrom", "issuanceDate");
  text(document, "validUntil", "expirationDate");
  return { document, digest: sha256(form), id, issuer, name: nameOf(document) };
}

/** The first of `keys` that is there; what is no string must not look absent. */
function text(document, ...keys) {
  const key = keys.find((name) => name in document);
  if (key === undefined) return null;
  if (typeof document[key] !== "string") throw new Fault("not_text", {}, { pointer: `/${key}` });
  return document[key];
}

function issuerOf(document) {
  const issuer = isObject(document.issuer) ? document.issuer.id : document.issuer;
  if (typeof issuer !== "string") throw new Fault("no_issuer", {}, { pointer: "/issuer" });
  return issuer;
}

function nameOf(document) {
  const achievement = isObject(document.credentialSubject) ? document.credentialSubject.achievement : null;
  const holder = [document, achievement].find((one) => isObject(one) && typeof one.name === "string");
  return holder?.name ?? null;
}

/** As reports and receipts write it. */
export const digestText = (/** @type {Credential} */ credential) => hex(credential.digest);
