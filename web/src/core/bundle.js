// A bundle: credential, receipt and evidence in one file, verifiable with no network.

import { hex, unhex } from "./bytes.js";
import { canonicalize, canonicalText } from "./canonical.js";
import { exactlyUsed, proveSnapshot } from "./evidence.js";
import { Fault } from "./fault.js";
import { readHeader } from "./header.js";
import { receiptOf } from "./receipt.js";
import { isInteger, isObject, readJson } from "./strict-json.js";
import { Nodes } from "./trie.js";

export const MAX_BUNDLE_BYTES = 4 * 2 ** 20;
const MAX_DEPTH = 66;
const MEMBERS = ["type", "version", "credential", "receipt", "evidence"];
const OPTIONAL = ["didDocument", "history"];

/**
 * @typedef {object} Bundle
 * @property {Uint8Array} credential its canonical form
 * @property {import("./receipt.js").Receipt} receipt
 * @property {Uint8Array} header RLP
 * @property {Uint8Array[]} nodes
 */

/** Whether a file means to be a bundle. @param {import("./strict-json.js").JsonValue} json */
export const isBundle = (json) => isObject(json) && json.type === "CredAnchorBundle";

/** @param {Uint8Array} raw */
export const readBundleJson = (raw) => readJson(raw, MAX_BUNDLE_BYTES, MAX_DEPTH);

/**
 * @param {import("./strict-json.js").JsonValue} json
 * @returns {Bundle} Throws Fault with the member at fault.
 */
export function bundleOf(json) {
  closed(json, MEMBERS, OPTIONAL, "");
  const { credential, evidence } = json;
  if (!isInteger(json, "version") || json.version !== 1) throw new Fault("unknown_version", {}, { pointer: "/version" });
  if (!isObject(credential)) throw new Fault("not_an_object", {}, { pointer: "/credential" });
  closed(evidence, ["header", "nodes"], [], "/evidence");
  if (!Array.isArray(evidence.nodes)) throw new Fault("not_an_array", {}, { pointer: "/evidence/nodes" });
  return {
    credential: canonicalize(credential),
    receipt: placed(() => receiptOf(json.receipt), "/receipt"),
    header: placed(() => unhex(evidence.header), "/evidence/header"),
    nodes: evidence.nodes.map((node, place) => placed(() => unhex(node), `/evidence/nodes/${place}`)),
  };
}

function closed(value, members, optional, place) {
  if (!isObject(value)) throw new Fault("not_an_object", {}, { pointer: place });
  const missing = members.find((member) => !(member in value));
  if (missing) throw new Fault("missing_member", {}, { pointer: `${place}/${missing}` });
  const unknown = Object.keys(value).find((member) => !members.includes(member) && !optional.includes(member));
  if (unknown !== undefined) throw new Fault("unknown_member", {}, { pointer: `${place}/${unknown}` });
}

function placed(read, place) {
  try {
    return read();
  } catch (fault) {
    if (!(fault instanceof Fault)) throw fault;
    throw new Fault(fault.code, fault.values, { pointer: place + (fault.place.pointer ?? "") });
  }
}

/**
 * What a bundle proves, under its own header: believed only where that header's hash is trusted.
 * @param {Bundle} bundle
 * @returns {{block: import("./header.js").Block, evidence: import("./evidence.js").Evidence}} Throws Fault.
 */
export function proveBundle({ receipt, header, nodes }) {
  const read = readHeader(header);
  const set = new Nodes(nodes);
  const { codeHash, snapshot } = proveSnapshot(read, receipt, set, { kind: "given" });
  if (!exactlyUsed(nodes, set.used)) throw new Fault("nodes_unused");
  return { block: snapshot.block, evidence: evidenceOf(receipt, codeHash, snapshot, snapshot) };
}

/**
 * @param {import("./receipt.js").Receipt} receipt @param {string} codeHash
 * @param {import("./evidence.js").Snapshot} head @param {import("./evidence.js").Snapshot} finalized
 * @returns {import("./evidence.js").Evidence}
 */
export function evidenceOf(receipt, codeHash, head, finalized) {
  return {
    chain: receipt.chain,
    registry: receipt.registry,
    issuerId: hex(receipt.issuerId),
    root: hex(receipt.root),
    word: Math.floor(receipt.index / 128),
    codeHash,
    head,
    finalized,
  };
}

/** The receipt's file, for the ladder. @param {Bundle} bundle */
export const receiptFile = ({ receipt }) => new TextEncoder().encode(canonicalText(receipt.json));
