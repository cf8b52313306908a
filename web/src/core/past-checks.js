// Steps 7 to 9 of the ladder as of a past moment. What the issuer's closed history says of then is certain,
// for it is final. What came since does not count, with one exception: distrust reaches back, and the
// answer says when it became known.

import { changesOf, distrustThen, statusThen } from "./past.js";
import { invalid, skipped, unknown, valid } from "./report.js";
import { STATUS, statusOf } from "./storage.js";

/** @typedef {import("./past.js").Past} Past */

const [UNANCHORED, ACTIVE, , REVOKED] = STATUS.keys();
/** Changes in one sentence: of a credential that was suspended a hundred times, the last ones. */
const TOLD_AT_MOST = 6;

const NOTHING = { key: "note.none", values: {} };

/** An operation as a sentence names it. @param {import("./events.js").Event} event */
const told = ({ operation, timestamp }) => ({ operation, time: { unix: timestamp } });

/** @param {import("./past.js").Change} change */
const sayChange = ({ done, event }) => ({ key: `change.${done}`, values: told(event) });

/** A note about these changes, the last ones where they are many; nothing without any. */
function story(key, changes) {
  if (changes.length === 0) return NOTHING;
  const leftOut = changes.length - TOLD_AT_MOST;
  const earlier = leftOut > 0 ? [{ key: "change.earlier", values: { count: leftOut } }] : [];
  return { key, values: { changes: [...earlier, ...changes.slice(-TOLD_AT_MOST).map(sayChange)] } };
}

/** (7) Where it was not anchored yet; else null. @param {Past} past */
export const anchorThen = ({ second }, batch, values) =>
  batch.anchoredAt > second ? invalid("anchor", "NOT_ANCHORED", "anchor.not_yet", values) : null;

/** (8) How the issuer stood. @param {Past} past */
export const standingThen = ({ issuer }) =>
  issuer?.retired ? "standing.retired_then" : issuer?.paused ? "standing.paused_then" : "standing.valid";

/** (8) By which operation an anchor of this time is distrusted; null where the history has none. */
export function distrustedThen(past, anchoredAt, values) {
  const event = distrustThen(past, anchoredAt);
  if (event === null) return null;
  const isLater = event.timestamp > past.second;
  return [isLater ? "standing.distrusted_since" : "standing.distrusted_then", { ...values, ...told(event), at: { moment: past.at } }];
}

/** (9) Was it active then? @param {Past} past */
export function statusCheckThen(past, receipt, facts) {
  const status = statusThen(past, receipt);
  if (facts.head.batch.anchoredAt > past.second) return skipped("status", "status.not_yet");
  if (!past.covered || status === UNANCHORED) return notFinalThen(past, receipt, facts, status);
  const { before, since } = changesOf(past, receipt);
  const values = { source: past.history.source, since: story("note.since", since) };
  if (status === ACTIVE) return valid("status", "status.valid_then", { ...values, before: story("note.before", before) });
  const ended = { ...values, change: sayChange(before.at(-1)), before: story("note.before", before.slice(0, -1)) };
  return invalid("status", STATUS[status].toUpperCase(), "status.ended_then", ended);
}

/** The moment is later than the history's end: only what is for ever can be said. */
function notFinalThen(past, receipt, { head }, status) {
  const isRevoked = head.block.time <= past.second && statusOf(head.batch, head.word, receipt.index) === REVOKED;
  if (status === REVOKED) {
    const { before } = changesOf(past, receipt);
    const values = { change: sayChange(before.at(-1)), before: NOTHING, since: NOTHING, source: head.source };
    return invalid("status", "REVOKED", "status.ended_then", values);
  }
  if (isRevoked) return invalid("status", "REVOKED", "status.revoked_lately", { source: head.source });
  const values = { end: { unix: past.history.block.time }, at: { moment: past.at } };
  return unknown("status", "status.open_then", values);
}

/** What a reader of a good verdict about the past must not miss; nothing where nothing came. @param {Past} past */
export function laterRevocation(past, receipt) {
  const change = changesOf(past, receipt).since.find(({ status }) => status === REVOKED);
  return change ? { key: "note.but", values: { change: sayChange(change) } } : NOTHING;
}
