// Judges a credential: pure, so that the same bytes, facts, policy and time give one answer. Every step
// that can be judged is judged, whatever became of the others.

import { hex } from "./bytes.js";
import { checkAnchor, checkEvidence, checkFinality, checkStanding, checkStatus, openCase } from "./chain-checks.js";
import { NO_WORD } from "./acceptance.js";
import { signatureStep } from "./examination.js";
import { surest } from "./evidence.js";
import { Fault } from "./fault.js";
import { readMoment } from "./moments.js";
import { laterRevocation } from "./past-checks.js";
import { decidingCheck, invalid, skipped, STEPS, unknown, valid, verdictOf } from "./report.js";
import { withStatusLists } from "./status-list.js";
import { STATUS, statusOf } from "./storage.js";

/** Members that bound validity: of the W3C data model 2.0 (§4.9) and of 1.1 (§4.6, §4.8). */
const STARTS = ["validFrom", "issuanceDate"];
const ENDS = ["validUntil", "expirationDate"];

/**
 * @typedef {object} Report
 * @property {string} verdict
 * @property {[string, Record<string, unknown>]} say one sentence: what the verdict rests on
 * @property {import("./report.js").Check[]} checks
 * @property {bigint} checkedAt microseconds since 1970
 * @property {bigint | null} at the moment that was asked about, likewise; null for now
 * @property {boolean} isPast whether the verdict is as of that moment: what the file alone decides is of none
 * @property {Record<string, unknown>} facts what the judgement rests on; no salt, so it may be published
 */

/**
 * Completes an examination.
 * @param {import("./examination.js").Examination} examination
 * @param {import("./evidence.js").Evidence | import("./evidence.js").NoEvidence} evidence
 * @param {import("./policy.js").TrustPolicy} policy
 * @param {bigint} now microseconds since 1970
 * @param {bigint | null} [at] the moment to judge as of, not after now, for which the evidence needs the issuer's history
 * @param {import("./acceptance.js").IssuerWord} [word] what is at hand of the issuer's own
 * @returns {Report}
 */
export function judge(examination, evidence, policy, now, at = null, word = NO_WORD) {
  if (at !== null && at > now) throw new RangeError("what will be at a time to come cannot be judged");
  const { sealed, credential } = examination;
  const chainCase = sealed && openCase(sealed, credential.issuer, evidence, policy, now, at, word);
  const checks = [
    ...fileChecks(examination, chainCase),
    ...(chainCase
      ? [checkEvidence(chainCase), checkAnchor(chainCase), checkStanding(chainCase), withStatusLists(checkStatus(chainCase), credential.document, chainCase.past !== null)]
      : withoutReceipt(examination)),
    checkValidity(credential, at ?? now),
    chainCase ? checkFinality(chainCase) : skipped("finality", "no_receipt"),
  ];
  const verdict = verdictOf(checks);
  const decided = decidingCheck(checks);
  const isPast = at !== null && (decided === null || STEPS.indexOf(decided.step) >= STEPS.indexOf("evidence"));
  const say = sentence(decided, chainCase, isPast ? at : null);
  return { verdict, say, checks, checkedAt: now, at, isPast, facts: factsOf(examination, chainCase) };
}

/** Steps 1 to 5; the signature once more where the issuer's DID document says more of it. */
function fileChecks({ checks, credential }, chainCase) {
  const keys = chainCase?.keys;
  if (!keys) return checks;
  const { outcome } = checks[2];
  const settled = outcome === "VALID" && !keys.keys.some(({ retiredAt }) => retiredAt !== null);
  if (settled || outcome === "INVALID" || outcome === "SKIPPED") return checks;
  return checks.toSpliced(2, 1, signatureStep(credential, keys));
}

function withoutReceipt({ credential, hasReceipt }) {
  const bare = credential !== null && !hasReceipt;
  return [
    skipped("evidence", "no_receipt"),
    bare ? invalid("anchor", "NOT_ANCHORED", "anchor.no_receipt") : skipped("anchor", "no_receipt"),
    skipped("standing", "no_receipt"),
    skipped("status", "no_receipt"),
  ];
}

/** (10) Is the moment within the period that the credential gives itself? */
function checkValidity(credential, now) {
  if (credential === null) return skipped("validity", "no_credential");
  let starts, ends;
  try {
    starts = moments(credential.document, STARTS);
    ends = moments(credential.document, ENDS);
  } catch (fault) {
    if (fault instanceof Fault) return unknown("validity", "validity.unreadable", { member: fault.place.pointer.slice(1) });
    throw fault;
  }
  const [since, until] = [starts.at(-1), ends[0]];
  if (until !== undefined && now > until) return invalid("validity", "EXPIRED", "validity.expired", { until: { moment: until } });
  if (since !== undefined && now < since) return invalid("validity", "NOT_YET_VALID", "validity.early", { since: { moment: since } });
  const kind = (since === undefined ? "" : "_since") + (until === undefined ? "" : "_until");
  return valid("validity", `validity.valid${kind}`, { since: { moment: since }, until: { moment: until } });
}

/** In ascending order. */
function moments(document, members) {
  const read = (member) => {
    try {
      return readMoment(document[member]);
    } catch (fault) {
      throw fault instanceof Fault ? new Fault(fault.code, {}, { pointer: `/${member}` }) : fault;
    }
  };
  return members.filter((member) => member in document).map(read).sort((one, other) => (one < other ? -1 : 1));
}

/** One line for people: what the verdict rests on. then: the moment that it is as of; null for now. */
function sentence(decided, chainCase, then) {
  const at = { moment: then };
  if (decided !== null) {
    const [key, values] = decided.say;
    return then === null ? decided.say : ["as_of", { at, said: { key, values } }];
  }
  const { believed, past, receipt, acceptance } = chainCase;
  const { source, block } = surest(believed);
  const values = { name: acceptance.name, anchored: { unix: believed.head.batch.anchoredAt }, chain: receipt.chain, source };
  return past ? ["valid_then", { ...values, at, later: laterRevocation(past, receipt) }] : ["valid", { ...values, time: { unix: block.time } }];
}

function factsOf({ credential, receipt }, chainCase) {
  const facts = {};
  if (credential)
    facts.credential = { id: credential.id, name: credential.name, issuer: credential.issuer, digest: hex(credential.digest) };
  if (receipt) {
    const { chain, registry, issuerId, root, index, treeSize } = receipt;
    facts.receipt = { chain, registry, issuerId: hex(issuerId), root: hex(root), index, treeSize };
  }
  const known = chainCase?.believed;
  if (!known) return facts;
  const { head, finalized } = known;
  const { past } = chainCase;
  facts.evidence = { source: head.source, finalSource: finalized.source, head: head.block, finalized: finalized.block };
  if (past) {
    const { block, count, hash } = past.history;
    facts.history = { block: block.number, operations: count, operationsThen: past.issuer?.operations ?? 0, hash };
  }
  if (head.batch)
    facts.record = {
      ...head.batch,
      final: finalized.batch !== null,
      status: STATUS[statusOf(head.batch, head.word, receipt.index)],
      finalStatus: STATUS[statusOf(finalized.batch, finalized.word, receipt.index)],
      didHash: head.didHash,
    };
  return facts;
}
