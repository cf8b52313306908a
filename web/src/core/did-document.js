// An issuer's DID document: its keys for assertions, and the registry issuers that it names. Read
// strictly where a verdict rests on it, and only there. (W3C Decentralized Identifiers 1.0 §5, Controlled
// Identifiers 1.0 §2; services of type CredAnchorIssuer are ours.)

import { base64url, fromBase64url, hex, sha256 } from "./bytes.js";
import { canonicalize } from "./canonical.js";
import { Fault } from "./fault.js";
import { fromMultikey, p256Of } from "./keys.js";
import { readMoment } from "./moments.js";
import { checkProofs } from "./signature.js";
import { depthOf, isObject, MAX_DEPTH } from "./strict-json.js";

const MAX_BYTES = 256 * 1024;
const MAX_ENTRIES = 256;
const HOME = /^did:pkh:eip155:(?:0|[1-9][0-9]{0,31}):0x[0-9a-f]{40}#0x[0-9a-f]{64}$/;
const MULTIBASE_TYPES = ["Multikey", "Ed25519VerificationKey2020"];
const JWK_TYPES = ["JsonWebKey", "JsonWebKey2020"];

/**
 * A verification method for assertions. retiredAt: microseconds since 1970; from then on it signs nothing.
 * @typedef {{url: string, key: import("./keys.js").PublicKey, retiredAt: bigint | null}} IssuerKey
 */

/**
 * @typedef {object} DidDocument
 * @property {string} did
 * @property {string} hash what the registry must hold for it to count
 * @property {IssuerKey[]} keys
 * @property {Set<string>} homes where its controller anchors: `did:pkh:<chain>:<registry>#<issuer id>`
 * @property {string[]} alsoKnownAs
 * @property {boolean} isSelfSigned a did:key's document with a proof by that very key: nobody else can have made it
 */

/** Where a receipt's issuer anchors, as a DID document names it. */
export const homeOf = (/** @type {import("./receipt.js").Receipt} */ { chain, registry, issuerId }) =>
  `did:pkh:${chain}:${registry}#${hex(issuerId)}`;

const fail = (place) => {
  throw new Fault("not_a_did_document", {}, { pointer: place });
};

/** @param {import("./strict-json.js").JsonObject} document @returns {DidDocument} Throws Fault. */
export function readDidDocument(document) {
  const did = document.id;
  if (typeof did !== "string" || !did.startsWith("did:") || did.includes("#")) fail("/id");
  const also = document.alsoKnownAs ?? [];
  if (!Array.isArray(also) || document.alsoKnownAs === null) fail("/alsoKnownAs");
  const form = canonicalize(document);
  if (form.length > MAX_BYTES || depthOf(document) > MAX_DEPTH) fail("");
  return {
    did,
    hash: hex(sha256(form)),
    keys: assertionKeys(document, did),
    homes: new Set(homes(document)),
    alsoKnownAs: also.filter((one) => typeof one === "string"),
    isSelfSigned: isSelfSigned(document, did),
  };
}

function isSelfSigned(document, did) {
  try {
    return checkProofs(document).some(({ signer }) => signer === did);
  } catch (fault) {
    if (fault instanceof Fault) return false;
    throw fault;
  }
}

function entries(document, member) {
  const values = member in document ? document[member] : [];
  if (!Array.isArray(values) || values.length > MAX_ENTRIES) fail(`/${member}`);
  return values;
}

function urlOf(method, did, place) {
  if (!isObject(method) || typeof method.id !== "string") fail(place);
  return absolute(did, method.id);
}

const absolute = (did, url) => (url.startsWith("#") ? did + url : url);

function assertionKeys(document, did) {
  const listed = new Map();
  for (const [number, method] of entries(document, "verificationMethod").entries()) {
    const place = `/verificationMethod/${number}`;
    const url = urlOf(method, did, place);
    if (listed.has(url)) fail(place);
    listed.set(url, [method, place]);
  }
  const keys = new Map();
  for (const [number, entry] of entries(document, "assertionMethod").entries()) {
    const place = `/assertionMethod/${number}`;
    if (typeof entry !== "string" && listed.has(urlOf(entry, did, place))) fail(place);
    const found = typeof entry === "string" ? listed.get(absolute(did, entry)) : [entry, place];
    const key = found === undefined ? null : keyOf(...found, did);
    if (key !== null) keys.set(key.url, key);
  }
  return [...keys.values()];
}

/** null for a method of a kind that is not known here, or under another's control. */
function keyOf(method, place, did) {
  if (method.controller !== did) return null;
  const key = publicKey(method);
  if (key === null) fail(place);
  if (key === undefined) return null;
  const ends = ["revoked", "expires"].filter((member) => member in method).map((member) => {
    try {
      return readMoment(method[member]);
    } catch {
      return fail(`${place}/${member}`);
    }
  });
  return { url: absolute(did, method.id), key, retiredAt: ends.length ? ends.reduce((a, b) => (a < b ? a : b)) : null };
}

/** undefined for a kind that is not known; null where it is malformed. */
function publicKey({ type, publicKeyMultibase, publicKeyJwk }) {
  if (MULTIBASE_TYPES.includes(type)) return fromMultikey(publicKeyMultibase);
  if (!JWK_TYPES.includes(type)) return undefined;
  const { kty, crv, x, y, ...rest } = isObject(publicKeyJwk) ? publicKeyJwk : {};
  if ("d" in rest) return null;
  if (kty === "OKP" && crv === "Ed25519") {
    const bytes = coordinate(x);
    return bytes && { kind: "ed25519", bytes };
  }
  if (kty !== "EC" || crv !== "P-256") return undefined;
  const [bytesX, bytesY] = [coordinate(x), coordinate(y)];
  return bytesX && bytesY && p256Of(bytesX, bytesY);
}

function coordinate(text) {
  try {
    const bytes = fromBase64url(text);
    return bytes.length === 32 && base64url(bytes) === text ? bytes : null;
  } catch {
    return null;
  }
}

function homes(document) {
  return entries(document, "service").flatMap((service, number) => {
    if (!isObject(service) || ![service.type].flat().includes("CredAnchorIssuer")) return [];
    const endpoints = [service.serviceEndpoint].flat();
    if (!endpoints.every((text) => typeof text === "string" && HOME.test(text))) fail(`/service/${number}/serviceEndpoint`);
    return endpoints;
  });
}
