// Steps 6 to 9 and 11 of the ladder: what the chain's facts and the policy say. What cannot be taken
// back on the chain (an anchor, a revocation, distrust) counts however old the facts are; what can
// change needs fresh ones. What a past moment makes different is in `past-checks.js`.

import { accept, issuerKeys } from "./acceptance.js";
import { hex } from "./bytes.js";
import { surest } from "./evidence.js";
import { ofUnix } from "./moments.js";
import { contradicts, openPast } from "./past.js";
import { anchorThen, distrustedThen, standingThen, statusCheckThen } from "./past-checks.js";
import { registryAt } from "./policy.js";
import { invalid, skipped, unknown, valid } from "./report.js";
import { LANES_PER_WORD, STATUS, statusOf } from "./storage.js";
import { EMPTY_CODE_HASH } from "./trie.js";

/** @typedef {import("./evidence.js").Evidence} Evidence */

const [, ACTIVE, SUSPENDED, REVOKED] = STATUS.keys();

/**
 * A sealed credential before the chain. facts: evidence that can be used. believed: the same, where a
 * contract that policy pins wrote it; what any other contract stores means nothing. past: the moment that
 * was asked about, with the issuer's history; null for now.
 * @param {import("./receipt.js").Receipt} receipt
 * @param {string} claimedIssuer the credential's own `issuer.id`
 * @param {Evidence | import("./evidence.js").NoEvidence} evidence
 * @param {import("./policy.js").TrustPolicy} policy
 * @param {bigint} now microseconds since 1970
 * @param {bigint | null} at the same, of the moment to judge as of; null for now
 * @param {import("./acceptance.js").IssuerWord} word
 */
export function openCase(receipt, claimedIssuer, evidence, policy, now, at, word) {
  const chainCase = factsOf(receipt, evidence, policy, now, at);
  const { believed } = chainCase;
  const didHash = believed?.head.didHash ?? null;
  const acceptance = accept(policy, receipt, claimedIssuer, word, didHash);
  const keys = issuerKeys(acceptance, claimedIssuer, word, didHash, believed?.head.batch?.anchoredAt ?? null);
  const past = believed && at !== null ? openPast(at, believed.history) : null;
  return { ...chainCase, acceptance, keys, past };
}

function factsOf(receipt, evidence, policy, now, at) {
  const pinned = registryAt(policy, receipt.chain, receipt.registry);
  const common = { receipt, policy, pinned };
  if ("reason" in evidence) {
    const [key, values] = evidence.reason;
    const beginning = key === "unread.block" ? "evidence.untrusted" : key === "unread.proof" ? "evidence.unproven" : "evidence.unread";
    return { ...common, fault: [beginning, { reason: { key, values } }], facts: null, believed: null, stale: false };
  }
  const fault = contradiction(receipt, evidence) ?? historyFault(evidence, at);
  const facts = fault ? null : evidence;
  return {
    ...common,
    fault: fault && sayFault(fault, receipt, evidence, at),
    facts,
    believed: facts && pinned?.codeHash === facts.codeHash ? facts : null,
    stale: now - ofUnix(surest(evidence).block.time) > BigInt(policy.maxAgeS) * 1_000_000n,
  };
}

const sayFault = (key, { registry, chain }, { head, history }, at) => [
  key,
  { source: head.source, registry, chain, at: { moment: at }, fault: history?.fault },
];

/** What is wrong with the evidence itself, or null. None of it is the credential's. */
function contradiction(receipt, { chain, registry, issuerId, root, word, codeHash, head, finalized }) {
  const subject = [chain, registry, issuerId, root, word].join();
  const asked = [receipt.chain, receipt.registry, hex(receipt.issuerId), hex(receipt.root), Math.floor(receipt.index / LANES_PER_WORD)];
  if (subject !== asked.join()) return "evidence.other";
  if (codeHash === EMPTY_CODE_HASH) return "evidence.no_contract";
  if (finalized.block.number > head.block.number || finalized.block.time > head.block.time) return "evidence.order";
  if (lost(finalized, head)) return "evidence.lost";
  if (head.batch && head.batch.anchoredAt > head.block.time) return "evidence.future";
  return null;
}

/** Why the past cannot be told, or null: where it can, and where nobody asked. */
function historyFault(evidence, at) {
  if (at === null) return null;
  const { history } = evidence;
  if (history === null) return "evidence.no_history";
  if (history.fault) return "evidence.history_open";
  return contradicts(evidence, history) ? "evidence.history_differs" : null;
}

/** Whether what is written once at the final block is missing or different at the newest. */
export function lost(finalized, head) {
  if (finalized.issuer && !head.issuer) return true;
  if (!finalized.batch) return false;
  return !head.batch || ["anchoredAt", "operation", "size"].some((member) => head.batch[member] !== finalized.batch[member]);
}

/** As of when, and how it is known: values of a sentence. @param {import("./evidence.js").Snapshot} snapshot */
const known = ({ block, source }) => ({ time: { unix: block.time }, source });

/** What is written once is as well known as the final block is. */
const anchorSource = ({ head, finalized }) => (finalized.batch === null ? head : finalized).source;

const whyNotBelieved = (chainCase) => (chainCase.facts === null ? "no_facts" : "not_believed");

/** Whether old facts say all there is to know: of a moment that had passed before them. */
const isSettled = ({ past, stale }) => !stale || Boolean(past?.covered);

/** (6) Are there facts about this anchor, at one with themselves, and fresh? */
export function checkEvidence({ facts, fault, stale, policy, past }) {
  if (facts === null) return unknown("evidence", ...fault);
  const values = { chain: facts.chain, ...known(surest(facts)), limit: { seconds: policy.maxAgeS } };
  const [fresh, old] = past ? ["evidence.valid_then", "evidence.stale_then"] : ["evidence.valid", "evidence.stale"];
  const whole = past ? { ...values, count: past.history.count, number: past.history.block.number } : values;
  return stale ? unknown("evidence", old, whole) : valid("evidence", fresh, whole);
}

/** (7) Did the issuer anchor this root, with this size? */
export function checkAnchor(chainCase) {
  const { believed: facts, receipt, past } = chainCase;
  if (facts === null) return skipped("anchor", whyNotBelieved(chainCase));
  const { batch } = facts.head;
  const source = anchorSource(facts);
  if (batch === null && !isSettled(chainCase)) return unknown("anchor", "anchor.not_then");
  if (batch === null) return invalid("anchor", "NOT_ANCHORED", "anchor.none", { chain: facts.chain, ...known(surest(facts)) });
  if (batch.size !== receipt.treeSize)
    return invalid("anchor", "NOT_ANCHORED", "anchor.size", { found: batch.size, expected: receipt.treeSize, source });
  const values = { time: { unix: batch.anchoredAt }, operation: batch.operation, source };
  return (past && anchorThen(past, batch, values)) ?? valid("anchor", "anchor.valid", values);
}

/** (8) Does policy trust who anchored it, to speak for whom the credential names? */
export function checkStanding(chainCase) {
  const { believed: facts, acceptance, past } = chainCase;
  const refusal = registryRefusal(chainCase) ?? (acceptance.outcome === "INVALID" ? acceptance.say : null);
  if (refusal) return invalid("standing", "ISSUER_UNTRUSTED", ...refusal);
  const isAccepted = acceptance.outcome === "VALID";
  const values = { name: acceptance.name };
  if (facts === null)
    return isAccepted
      ? skipped("standing", `standing.${whyNotBelieved(chainCase)}`, values)
      : skipped("standing", ...acceptance.say);
  const record = facts.head.issuer;
  if (record === null && !isSettled(chainCase)) return unknown("standing", "standing.not_then");
  if (record === null)
    return invalid("standing", "ISSUER_UNTRUSTED", "standing.unregistered", { chain: facts.chain, ...known(surest(facts)) });
  const distrust = distrustOf(facts, past);
  if (distrust) return invalid("standing", "ISSUER_UNTRUSTED", ...distrust);
  if (!isAccepted) return unknown("standing", ...acceptance.say);
  if (past) return valid("standing", standingThen(past), values);
  const state = record.retired ? "retired" : record.paused ? "paused" : "valid";
  return valid("standing", `standing.${state}`, values);
}

function registryRefusal({ receipt, pinned, facts }) {
  const values = { registry: receipt.registry, chain: receipt.chain };
  if (pinned === undefined) return ["standing.registry_unknown", values];
  if (facts && facts.codeHash !== pinned.codeHash)
    return ["standing.registry_code", { ...values, source: surest(facts).source }];
  return null;
}

/** Whether the issuer's own distrust covers this anchor. Its date is only ever lowered. */
function distrustOf(facts, past) {
  const since = facts.head.issuer.distrustAfter;
  const { batch } = facts.head;
  if (!since || batch === null || batch.anchoredAt < since) return null;
  const final = facts.finalized.issuer?.distrustAfter === since;
  const values = { since: { unix: since }, ...known(final ? facts.finalized : facts.head) };
  const told = past && distrustedThen(past, batch.anchoredAt, values);
  if (told) return told;
  return [final ? "standing.distrusted" : "standing.distrusted_lately", values];
}

/** (9) Is it active now? Of the two blocks the worse one counts. */
export function checkStatus(chainCase) {
  const { believed: facts, receipt, stale, past } = chainCase;
  if (facts === null) return skipped("status", whyNotBelieved(chainCase));
  if (facts.head.batch === null) return skipped("status", "status.unanchored");
  if (past) return statusCheckThen(past, receipt, facts);
  const [head, final] = [facts.head, facts.finalized].map((one) => statusOf(one.batch, one.word, receipt.index));
  const worse = Math.max(head, final);
  const note = head > final && head !== ACTIVE ? "note.not_final" : head < final ? "note.newer_differs" : "note.none";
  const telling = head === final ? surest(facts) : head > final ? facts.head : facts.finalized;
  const values = { note: { key: note, values: {} }, ...known(telling) };
  if (worse === REVOKED) return invalid("status", "REVOKED", "status.revoked", values);
  if (stale) return unknown("status", worse === SUSPENDED ? "status.was_suspended" : "status.was_active", values);
  if (worse === SUSPENDED) return invalid("status", "SUSPENDED", "status.suspended", values);
  return valid("status", "status.valid", values);
}

/** (11) Can the anchor still vanish? */
export function checkFinality(chainCase) {
  const { believed: facts } = chainCase;
  if (facts === null) return skipped("finality", whyNotBelieved(chainCase));
  if (facts.head.batch === null) return skipped("finality", "finality.unanchored");
  if (facts.finalized.batch === null) return invalid("finality", "PENDING", "finality.pending");
  return valid("finality", "finality.valid", { number: facts.finalized.block.number });
}
