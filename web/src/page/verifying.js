// From files to reports: which receipt belongs to which credential, and where each one's facts come from.

import { NO_WORD } from "../core/acceptance.js";
import { bundleOf, bundleWord, isBundle, MAX_BUNDLE_BYTES, proveBundle, readBundleJson } from "../core/bundle.js";
import { examine, examineBundle, unreadable } from "../core/examination.js";
import { surest } from "../core/evidence.js";
import { Fault } from "../core/fault.js";
import { judge } from "../core/ladder.js";
import { ofUnix } from "../core/moments.js";
import { registryAt } from "../core/policy.js";
import { askNow, askUnderBlock } from "./nodes.js";

/** @typedef {{name: string, bytes: Uint8Array}} Opened */

const RECEIPT = ".receipt.json";

/** diploma.json, diploma.receipt.json. @param {string} credential a file's name */
export const receiptName = (credential) => credential.replace(/\.(json|jsonld)$/, "") + RECEIPT;

/** The most that any file of ours may have, and one byte more: enough to be refused. */
export const MOST_BYTES = MAX_BUNDLE_BYTES + 1;

/**
 * Pairs credentials with their receipts by name.
 * @param {Opened[]} files
 * @returns {{name: string, bytes: Uint8Array, receipt: Uint8Array | null, lonely: boolean}[]}
 */
export function paired(files) {
  const byName = new Map(files.map((file) => [file.name, file.bytes]));
  const taken = new Set(files.map(({ name }) => receiptName(name)).filter((name) => byName.has(name)));
  return files
    .filter(({ name }) => !taken.has(name))
    .map(({ name, bytes }) => ({
      name,
      bytes,
      receipt: byName.get(receiptName(name)) ?? null,
      lonely: name.endsWith(RECEIPT),
    }));
}

/**
 * @param {{bytes: Uint8Array, receipt: Uint8Array | null}} file
 * @param {import("./settings.js").Settings} settings
 * @param {bigint} now microseconds since 1970
 * @param {bigint | null} [at] the same, of the moment to judge as of; null for now
 */
export async function verify({ bytes, receipt }, settings, now, at = null) {
  const { examination, bundle, text } = open(bytes, receipt);
  const evidence = examination.sealed
    ? await gather(examination.sealed, bundle, settings, now, at)
    : { reason: ["unread.nobody", {}] };
  return { report: judge(examination, evidence, settings.policy, now, at, bundle ? bundleWord(bundle) : NO_WORD), text };
}

function open(bytes, receipt) {
  const text = new TextDecoder().decode(bytes.subarray(0, MOST_BYTES));
  let json;
  try {
    json = readBundleJson(bytes);
  } catch (fault) {
    if (!(fault instanceof Fault)) throw fault;
    json = null; // the credential's own reader says what is wrong with it
  }
  if (!isBundle(json)) return { examination: examine(bytes, receipt), bundle: null, text };
  try {
    const bundle = bundleOf(json);
    return { examination: examineBundle(bundle), bundle, text };
  } catch (fault) {
    if (fault instanceof Fault) return { examination: unreadable("parse.bundle", fault), bundle: null, text };
    throw fault;
  }
}

/** The strongest evidence that there is; fresh before stale. */
async function gather(receipt, bundle, settings, now, at) {
  const { policy, blocks, nodes, agree } = settings;
  if (!registryAt(policy, receipt.chain, receipt.registry)) return { reason: ["unread.untrusted", {}] };
  const trusted = blocks.filter(({ chain }) => chain === receipt.chain).map(({ hash }) => hash);
  // Nodes are asked for what is; what was, a bundle's history alone tells here.
  if (at !== null) return bundle ? fromBundle(bundle, trusted, true) : { reason: ["unread.history", {}] };
  const isFresh = (evidence) =>
    "head" in evidence && now - ofUnix(surest(evidence).block.time) <= BigInt(policy.maxAgeS) * 1_000_000n;
  const ways = [
    ...(bundle ? [() => fromBundle(bundle, trusted, false)] : []),
    ...(nodes.length ? [...trusted.toReversed().map((hash) => () => askUnderBlock(nodes, receipt, hash))] : []),
    ...(nodes.length ? [() => askNow(nodes, receipt, agree)] : []),
  ];
  let best = null;
  for (const way of ways) {
    const evidence = await way();
    if (isFresh(evidence)) return evidence;
    if (best === null || (!("head" in best) && "head" in evidence)) best = evidence;
  }
  return best ?? { reason: ["unread.nobody", {}] };
}

function fromBundle(bundle, trusted, withHistory) {
  try {
    const { block, evidence } = proveBundle(bundle, withHistory);
    return trusted.includes(block.hash) ? evidence : { reason: ["unread.block", { number: block.number, hash: block.hash }] };
  } catch (fault) {
    if (fault instanceof Fault) return { reason: ["unread.proof", { fault }] };
    throw fault;
  }
}
