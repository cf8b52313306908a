// A bundle: credential, receipt and evidence in one file, verifiable with no network.

import { hex, unhex } from "./bytes.js";
import { readDidDocument } from "./did-document.js";
import { exactlyUsed, proveSnapshot } from "./evidence.js";
import { Fault } from "./fault.js";
import { readHeader } from "./header.js";
import { closeHistory } from "./past.js";
import { receiptOf } from "./receipt.js";
import { isInteger, isObject, readJson } from "./strict-json.js";
import { LANES_PER_WORD, slotsOf } from "./storage.js";
import { Nodes, slotAt } from "./trie.js";

export const MAX_BUNDLE_BYTES = 4 * 2 ** 20;
const MAX_DEPTH = 66;
const MAX_NODES = 512;
const MAX_NODE_BYTES = 1024;
const MAX_HEADER_BYTES = 64 * 1024;
const MAX_TOPICS = 4;
const MAX_LOG_BYTES = 64 * 1024;
const MAX_LOGS = 16_384;
const MEMBERS = ["type", "version", "credential", "receipt", "evidence"];
const OPTIONAL = ["didDocument", "history"];

/**
 * @typedef {object} Bundle
 * @property {import("./strict-json.js").JsonObject} credential as issued, perhaps with the anchor proof inside
 * @property {import("./receipt.js").Receipt} receipt
 * @property {Uint8Array} header RLP
 * @property {Uint8Array[]} nodes
 * @property {import("./strict-json.js").JsonObject | null} didDocument
 * @property {import("./events.js").Log[] | null} history every log of the issuer, from its registration up to the header's block
 */

/**
 * The JSON of a file that means to be a bundle, of whatever version; null for what is none.
 * @param {Uint8Array} raw @param {string} text the same, decoded
 */
export function bundleJson(raw, text) {
  if (!text.includes('"CredAnchorBundle"')) return null; // most files, which are then read once
  try {
    const json = readJson(raw, MAX_BUNDLE_BYTES, MAX_DEPTH);
    return isObject(json) && json.type === "CredAnchorBundle" ? json : null;
  } catch (fault) {
    if (fault instanceof Fault) return null;
    throw fault;
  }
}

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
  const nodes = array(evidence.nodes, "/evidence/nodes", MAX_NODES);
  if ("didDocument" in json && !isObject(json.didDocument)) throw new Fault("not_an_object", {}, { pointer: "/didDocument" });
  return {
    credential,
    receipt: placed(() => receiptOf(json.receipt), "/receipt"),
    header: bytes(evidence.header, "/evidence/header", MAX_HEADER_BYTES),
    nodes: nodes.map((node, place) => bytes(node, `/evidence/nodes/${place}`, MAX_NODE_BYTES)),
    didDocument: json.didDocument ?? null,
    history: "history" in json ? logsOf(json.history) : null,
  };
}

/** Their shape alone: what they say is read where somebody asks about the past. */
function logsOf(history) {
  return array(history, "/history", MAX_LOGS).map((log, number) => {
    const place = `/history/${number}`;
    closed(log, ["topics", "data"], [], place);
    const topics = array(log.topics, `${place}/topics`, MAX_TOPICS);
    return {
      topics: topics.map((topic) => placed(() => unhex(topic, 32), `${place}/topics`)),
      data: bytes(log.data, `${place}/data`, MAX_LOG_BYTES),
    };
  });
}

function array(value, place, limit) {
  if (!Array.isArray(value)) throw new Fault("not_an_array", {}, { pointer: place });
  if (value.length > limit) throw new Fault("too_many_entries", { found: value.length, limit }, { pointer: place });
  return value;
}

function bytes(text, place, limit) {
  const value = placed(() => unhex(text), place);
  if (value.length > limit) throw new Fault("too_many_bytes", { found: value.length, limit }, { pointer: place });
  return value;
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
 * @param {Bundle} bundle @param {boolean} withHistory for a question about the past
 * @returns {{block: import("./header.js").Block, evidence: import("./evidence.js").Evidence}} Throws Fault.
 */
export function proveBundle({ receipt, header, nodes, history }, withHistory) {
  const source = /** @type {const} */ ({ kind: "given" });
  const set = new Nodes(nodes);
  const { codeHash, snapshot, storageRoot } = proveSnapshot(readHeader(header), receipt, set, source);
  const { chain, registry, issuerId, root, index } = receipt;
  const slot = history && storageRoot ? slotAt(storageRoot, slotsOf(issuerId, root, index).history, set) : 0n;
  if (!exactlyUsed(nodes, set.used)) throw new Fault("nodes_unused");
  const evidence = evidenceOf(receipt, codeHash, snapshot, snapshot);
  const { block } = snapshot;
  if (history && withHistory)
    evidence.history = closeHistory({ chain, registry, issuerId: hex(issuerId) }, history, block, slot, source);
  return { block, evidence };
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
    word: Math.floor(receipt.index / LANES_PER_WORD),
    codeHash,
    head,
    finalized,
    history: null,
  };
}

/**
 * What a bundle carries of the issuer's own. Whoever carries a bundle may have written it, so what cannot
 * be read says nothing.
 * @param {Bundle} bundle
 * @returns {import("./acceptance.js").IssuerWord}
 */
export function bundleWord({ didDocument }) {
  if (didDocument === null) return { documents: [] };
  try {
    return { documents: [{ document: readDidDocument(didDocument), carried: true }] };
  } catch (fault) {
    if (fault instanceof Fault) return { documents: [] };
    throw fault;
  }
}
