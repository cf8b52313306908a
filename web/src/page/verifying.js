// From files to reports: which receipt belongs to which credential, and where each one's facts come from.

import { NO_WORD } from "../core/acceptance.js";
import { bundleJson, bundleOf, bundleWord, MAX_BUNDLE_BYTES, proveBundle } from "../core/bundle.js";
import { examine, examineBundle, unreadable } from "../core/examination.js";
import { surest } from "../core/evidence.js";
import { Fault } from "../core/fault.js";
import { judge } from "../core/ladder.js";
import { ofUnix } from "../core/moments.js";
import { registryAt } from "../core/policy.js";
import { kindOf } from "./kinds.js";
import { askNow, askUnderBlock } from "./nodes.js";

/** A file's beginning, as much as is read of any; size: all of it. @typedef {{name: string, bytes: Uint8Array, size: number}} Opened */

const RECEIPT = ".receipt.json";

/** diploma.json, diploma.receipt.json. @param {string} credential a file's name */
export const receiptName = (credential) => credential.replace(/\.(json|jsonld)$/, "") + RECEIPT;

/** The most that any file of ours may have, and one byte more: enough to be refused. */
export const MOST_BYTES = MAX_BUNDLE_BYTES + 1;

/**
 * Pairs credentials with their receipts by name.
 * @param {Opened[]} files
 * @returns {(Opened & {receipt: Uint8Array | null, lonely: boolean})[]}
 */
export function paired(files) {
  const byName = new Map(files.map((file) => [file.name, file.bytes]));
  const taken = new Set(files.map(({ name }) => receiptName(name)).filter((name) => byName.has(name)));
  return files
    .filter(({ name }) => !taken.has(name))
    .map((file) => ({
      ...file,
      receipt: byName.get(receiptName(file.name)) ?? null,
      lonely: file.name.endsWith(RECEIPT),
    }));
}

/**
 * @param {{bytes: Uint8Array, receipt: Uint8Array | null, size?: number}} file size: where more than bytes is there
 * @param {import("./settings.js").Settings} settings
 * @param {bigint} now microseconds since 1970
 * @param {bigint | null} [at] the same, of the moment to judge as of; null for now
 */
export async function verify({ bytes, receipt, size = bytes.length }, settings, now, at = null) {
  const { examination, bundle, text } = open(bytes, receipt, size);
  const evidence = examination.sealed
    ? await gather(examination.sealed, bundle, settings, now, at)
    : { reason: ["unread.nobody", {}] };
  return { report: judge(examination, evidence, settings.policy, now, at, bundle ? bundleWord(bundle) : NO_WORD), text };
}

function open(bytes, receipt, size) {
  const text = new TextDecoder().decode(bytes);
  const refused = (examination) => ({ examination, bundle: null, text });
  const kind = kindOf(bytes);
  if (kind) return refused(unreadable("parse.kind", { kind: { key: `kind.${kind}`, values: {} } }));
  if (size > MAX_BUNDLE_BYTES)
    return refused(unreadable("parse.unreadable", { fault: new Fault("too_many_bytes", { found: size, limit: MAX_BUNDLE_BYTES }) }));
  const json = bundleJson(bytes, text);
  if (json === null) return refused(examine(bytes, receipt)); // it also says what is wrong with JSON that is none
  try {
    const bundle = bundleOf(json);
    return { examination: examineBundle(bundle), bundle, text };
  } catch (fault) {
    if (fault instanceof Fault) return refused(unreadable("parse.bundle", { fault }));
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
