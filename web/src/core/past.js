// One moment of the past, as an issuer's whole history tells it. The contract folds every operation of an
// issuer into one hash, kept with their count in one slot: logs that fold to the very slot are complete, in
// order and unaltered, whoever told them. A moment is a Unix second: what has a time at or before it had
// happened. Distrust is the exception, since it reaches back.

import { hex, bigEndian } from "./bytes.js";
import { readLog, REINSTATE, SUSPEND } from "./events.js";
import { Fault } from "./fault.js";
import { changedWord, replayIssuer } from "./replay.js";
import { LANES_PER_WORD, STATUS, statusOf } from "./storage.js";

/** @typedef {import("./events.js").Event} Event */
/** @typedef {import("./replay.js").Issuer} Issuer */

/**
 * All operations of one issuer up to a final block. fault: why the logs are not its whole history.
 * @typedef {object} IssuerHistory
 * @property {{chain: string, registry: string, issuerId: string}} home
 * @property {Event[]} events
 * @property {import("./header.js").Block} block
 * @property {number} count as the contract counts them
 * @property {string} hash as the contract has folded them
 * @property {import("./evidence.js").Source} source how count and hash are known
 * @property {Fault | null} fault
 * @property {Issuer | null} final the issuer at the block; null where it was not registered
 */

/** One change of a credential's status: what was done, by which operation. @typedef {{status: number, done: string, event: Event}} Change */

const ACTIVE = STATUS.indexOf("active");

/**
 * @param {IssuerHistory["home"]} home @param {import("./events.js").Log[]} logs as told, from the registration on
 * @param {import("./header.js").Block} block @param {bigint} slot the issuer's history slot as of that block
 * @param {import("./evidence.js").Source} source
 * @returns {IssuerHistory}
 */
export function closeHistory(home, logs, block, slot, source) {
  const count = Number(slot & (2n ** 40n - 1n));
  const hash = hex(bigEndian(slot >> 40n, 27));
  const told = { home, events: [], block, count, hash, source, fault: null, final: null };
  try {
    told.events = logs.map(readLog);
    told.final = closed(told);
  } catch (fault) {
    if (!(fault instanceof Fault)) throw fault;
    told.fault = fault;
  }
  return told;
}

function closed({ home, events, block, count, hash }) {
  const issuer = replayIssuer(home, events);
  if (events.length !== count) throw new Fault("history_count", { found: events.length, expected: count });
  if ((issuer?.history ?? "0x" + "00".repeat(27)) !== hash) throw new Fault("history_hash");
  if (events.length && events.at(-1).timestamp > block.time) throw new Fault("history_late");
  return issuer;
}

/**
 * Whether a closed history and the storage at hand cannot both be true.
 * @param {import("./evidence.js").Evidence} evidence @param {IssuerHistory} history
 */
export function contradicts({ chain, registry, issuerId, root, word, head, finalized }, { home, block, final }) {
  const isOther =
    [home.chain, home.registry, home.issuerId].join() !== [chain, registry, issuerId].join() ||
    !sameMembers(block, finalized.block, ["number", "hash", "time"]);
  const batch = final?.batches.get(root) ?? null;
  const isSame =
    sameMembers(finalized.issuer, final, ["owner", "paused", "retired", "epoch", "distrustAfter"]) &&
    (final === null || finalized.didHash === final.didHash) &&
    sameMembers(finalized.batch, batch, ["anchoredAt", "operation", "size", "revoked"]) &&
    (batch === null || finalized.word === (batch.words.get(BigInt(word)) ?? 0n));
  // Blocks of one second there are, on some chains; of an earlier second, none after the final one.
  const isLate = batch === null && head.batch !== null && head.batch.anchoredAt < finalized.block.time;
  return isOther || !isSame || isLate;
}

const sameMembers = (one, other, members) =>
  one === null || other === null ? one === other : members.every((member) => one[member] === other[member]);

/**
 * @typedef {object} Past
 * @property {bigint} at the moment that was asked about, microseconds since 1970
 * @property {number} second the same in Unix seconds
 * @property {IssuerHistory} history without fault
 * @property {boolean} covered whether the history goes as far: else what follows is not final yet
 * @property {Issuer | null} issuer as of then
 */

/** @param {bigint} at microseconds @param {IssuerHistory} history @returns {Past} */
export function openPast(at, history) {
  const second = Number(at / 1_000_000n);
  const issuer = replayIssuer(history.home, history.events.filter(({ timestamp }) => timestamp <= second));
  return { at, second, history, covered: second <= history.block.time, issuer };
}

/** Position in STATUS, as of the moment or of the history's end where that is earlier. @param {Past} past */
export function statusThen({ issuer }, { root, index }) {
  const batch = issuer?.batches.get(hex(root)) ?? null;
  return statusOf(batch, batch?.words.get(wordOf(index)) ?? 0n, index);
}

const wordOf = (index) => BigInt(Math.floor(index / LANES_PER_WORD));

/**
 * What was done to one credential's status, in order: up to the moment, and since.
 * @param {Past} past @param {import("./receipt.js").Receipt} receipt
 * @returns {{before: Change[], since: Change[]}}
 */
export function changesOf({ history, second }, { root, index }) {
  const [batch, number] = [hex(root), wordOf(index)];
  const found = { before: [], since: [] };
  let [status, word, revoked] = [ACTIVE, 0n, false];
  for (const event of history.events.filter((one) => one.root === batch)) {
    revoked ||= event.name === "BatchRevoked";
    for (const lanes of event.lanes ?? []) if (lanes.word === number) word = changedWord(event.change, word, lanes.mask);
    const after = statusOf({ revoked }, word, index);
    if (after !== status) found[event.timestamp > second ? "since" : "before"].push({ status: after, done: doneBy(event), event });
    status = after;
  }
  return found;
}

function doneBy({ name, change }) {
  if (name === "BatchRevoked") return "batch_revoked";
  return change === SUSPEND ? "suspended" : change === REINSTATE ? "reinstated" : "revoked";
}

/** The first operation by which an anchor of this time is distrusted, whenever it came. @param {Past} past */
export const distrustThen = ({ history }, anchoredAt) =>
  history.events.find(({ name, distrustAfter }) => name === "Distrusted" && distrustAfter <= anchoredAt) ?? null;
