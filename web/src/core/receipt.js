// The receipt: what joins one credential to its anchor, beside it as a file or inside as a proof.

import { base64url, fromBase64url, hex, unhex } from "./bytes.js";
import { canonicalize, canonicalText } from "./canonical.js";
import { anchorProofs, issuerProofs } from "./credential.js";
import { Fault } from "./fault.js";
import { isInteger, isObject, readJson } from "./strict-json.js";
import { MAX_SIZE, pathLength } from "./tree.js";

export const ANCHOR_SUITE = "credanchor-merkle-jcs-2026";
export const MAX_RECEIPT_BYTES = 64 * 1024;

const MEMBERS = ["chain", "index", "issuerId", "path", "registry", "root", "salt", "treeSize", "version"];
const CHAIN = /^eip155:(?:0|[1-9][0-9]{0,31})$/;

/**
 * @typedef {object} Receipt
 * @property {string} chain CAIP-2
 * @property {string} registry address, lower-case hex
 * @property {Uint8Array} issuerId
 * @property {number} index
 * @property {number} treeSize
 * @property {Uint8Array} salt
 * @property {Uint8Array[]} path leaf end first
 * @property {Uint8Array} root
 * @property {import("./strict-json.js").JsonObject} json as it was read
 */

/** @param {Uint8Array} raw @returns {Receipt} */
export const readReceipt = (raw) => receiptOf(readJson(raw, MAX_RECEIPT_BYTES));

/**
 * Shape alone is checked; where the path leads is for the ladder.
 * @param {import("./strict-json.js").JsonValue} json
 * @returns {Receipt} Throws Fault with the member at fault.
 */
export function receiptOf(json) {
  if (!isObject(json)) throw new Fault("not_an_object");
  const at = (member) => ({ pointer: `/${member}` });
  const missing = MEMBERS.find((member) => !(member in json));
  if (missing) throw new Fault("missing_member", {}, at(missing));
  const unknown = Object.keys(json).sort().find((member) => !MEMBERS.includes(member));
  if (unknown !== undefined)
    throw new Fault("unknown_member", {}, at(unknown.replaceAll("~", "~0").replaceAll("/", "~1")));
  for (const member of ["version", "index", "treeSize"])
    if (!isInteger(json, member)) throw new Fault("not_an_integer", {}, at(member));
  if (json.version !== 1) throw new Fault("unknown_version", {}, at("version"));
  if (typeof json.chain !== "string" || !CHAIN.test(json.chain)) throw new Fault("not_a_chain", {}, at("chain"));
  if (!Array.isArray(json.path)) throw new Fault("not_an_array", {}, at("path"));
  const fixed = (text, length, place) => placed(() => unhex(text, length), place);
  const receipt = {
    chain: json.chain,
    registry: hex(fixed(json.registry, 20, "registry")),
    issuerId: fixed(json.issuerId, 32, "issuerId"),
    index: json.index,
    treeSize: json.treeSize,
    salt: fixed(json.salt, 32, "salt"),
    path: json.path.map((text, place) => fixed(text, 32, `path/${place}`)),
    root: fixed(json.root, 32, "root"),
    json,
  };
  checkPlace(receipt);
  return receipt;
}

function placed(read, place) {
  try {
    return read();
  } catch (fault) {
    if (fault instanceof Fault) throw new Fault(fault.code, fault.values, { pointer: `/${place}` });
    throw fault;
  }
}

function checkPlace({ index, treeSize, path }) {
  if (treeSize < 1 || treeSize > MAX_SIZE) throw new Fault("size_outside", {}, { pointer: "/treeSize" });
  if (index < 0 || index >= treeSize) throw new Fault("index_outside", {}, { pointer: "/index" });
  const expected = pathLength(index, treeSize);
  if (path.length !== expected)
    throw new Fault("path_length", { found: path.length, expected }, { pointer: "/path" });
}

/** @param {Receipt} one @param {Receipt} other */
export const sameReceipt = (one, other) => canonicalText(one.json) === canonicalText(other.json);

/**
 * The receipt inside a document; null if it carries no anchor proof of this suite. The proof's
 * other members follow from the receipt: any difference is a Fault, and so are two proofs of a suite.
 * @param {import("./strict-json.js").JsonObject} document
 * @returns {Receipt | null}
 */
export function embeddedReceipt(document) {
  const proofs = anchorProofs(document);
  if (new Set(proofs.map((proof) => proof.cryptosuite)).size !== proofs.length)
    throw new Fault("two_anchors", {}, { pointer: "/proof" });
  const proof = proofs.find((one) => one.cryptosuite === ANCHOR_SUITE);
  if (proof === undefined) return null;
  if (typeof proof.proofValue !== "string") throw new Fault("no_receipt_inside", {}, { pointer: "/proof" });
  const receipt = readReceipt(fromBase64url(proof.proofValue.slice(1)));
  if (canonicalText(proof) !== canonicalText(anchorProof(document, receipt)))
    throw new Fault("anchor_wrapper", {}, { pointer: "/proof" });
  return receipt;
}

/** Suites of anchor proofs that a newer program may read. */
export const unknownSuites = (/** @type {import("./strict-json.js").JsonObject} */ document) =>
  anchorProofs(document)
    .map((proof) => String(proof.cryptosuite))
    .filter((suite) => suite !== ANCHOR_SUITE);

/** The one anchor proof that a document and a receipt can have. */
export function anchorProof(document, receipt) {
  const previous = issuerProofs(document)
    .map((proof) => proof.id)
    .filter((id) => typeof id === "string");
  return {
    type: "DataIntegrityProof",
    cryptosuite: ANCHOR_SUITE,
    proofPurpose: "assertionMethod",
    verificationMethod: `did:pkh:${receipt.chain}:${receipt.registry}#${hex(receipt.issuerId)}`,
    proofValue: "u" + base64url(canonicalize(receipt.json)),
    ...(previous.length ? { previousProof: previous.length > 1 ? previous : previous[0] } : {}),
  };
}
