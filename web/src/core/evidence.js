// Facts about one anchor, as of a block, each with how it is known.

import { equal, unhex } from "./bytes.js";
import { batchRecord, issuerRecord, slotsOf } from "./storage.js";
import { accountAt, EMPTY_CODE_HASH, slotAt, wordHex } from "./trie.js";

/**
 * How facts are known, strongest first: a storage proof under a block that the reader trusts (given),
 * under a final block that k of n nodes agree on (quorum), one node's word.
 * @typedef {{kind: "given"} | {kind: "quorum", agreed: number, asked: number} | {kind: "node", name: string}} Source
 */

/**
 * What the registry's storage holds about one anchor as of one block; null where there is no record.
 * @typedef {object} Snapshot
 * @property {import("./header.js").Block} block
 * @property {import("./storage.js").IssuerRecord | null} issuer
 * @property {string} didHash
 * @property {import("./storage.js").BatchRecord | null} batch
 * @property {bigint} word 128 lanes of status, so that a node does not learn which
 * @property {Source} source
 */

/**
 * @typedef {object} Evidence
 * @property {string} chain
 * @property {string} registry
 * @property {string} issuerId hex
 * @property {string} root hex
 * @property {number} word number of the status word
 * @property {string} codeHash as of the head block
 * @property {Snapshot} head the newest block
 * @property {Snapshot} finalized the newest block that cannot be undone
 * @property {import("./past.js").IssuerHistory | null} history up to the final block; only a question about the past needs it
 */

/** The newest snapshot that is known as well as any: what a claim of freshness rests on. */
export const surest = (/** @type {Evidence} */ { head, finalized }) =>
  finalized.source.kind !== "node" && head.source.kind === "node" ? finalized : head;

/** @typedef {{reason: [string, Record<string, unknown>]}} NoEvidence key and values of a sentence */

/**
 * Proves from a header's state root what the registry holds about a receipt's anchor. Slots are asked
 * for in a fixed order: issuer, DID hash, batch, word, which is the order of a bundle's nodes.
 * @param {ReturnType<typeof import("./header.js").readHeader>} header
 * @param {import("./receipt.js").Receipt} receipt
 * @param {import("./trie.js").Nodes} nodes
 * @param {Source} source
 * @returns {{codeHash: string, snapshot: Snapshot, storageRoot: Uint8Array | null}} Throws Fault.
 */
export function proveSnapshot(header, receipt, nodes, source) {
  const { stateRoot, ...block } = header;
  const account = accountAt(stateRoot, unhex(receipt.registry, 20), nodes);
  const slots = slotsOf(receipt.issuerId, receipt.root, receipt.index);
  const [record, didHash, batch, word] = [slots.record, slots.didHash, slots.batch, slots.word].map((slot) =>
    account === null ? 0n : slotAt(account.storageRoot, slot, nodes),
  );
  const snapshot = {
    block,
    issuer: issuerRecord(record),
    didHash: wordHex(didHash),
    batch: batchRecord(batch),
    word,
    source,
  };
  return { codeHash: account?.codeHash ?? EMPTY_CODE_HASH, snapshot, storageRoot: account?.storageRoot ?? null };
}

/** Whether trie nodes are exactly those that a proof used, each once, in order of first use. */
export const exactlyUsed = (/** @type {Uint8Array[]} */ given, /** @type {Set<Uint8Array>} */ used) =>
  given.length === used.size && [...used].every((node, place) => equal(node, given[place]));
