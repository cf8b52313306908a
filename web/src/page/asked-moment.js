// The moment that the reader asks about: a date and perhaps a time, in the reader's own time zone. Empty
// means now. It is never kept: an answer about the past must not surprise anyone later.

import { byId, showState } from "./dom.js";
import { say } from "./words.js";

/**
 * What the fields ask about: at in microseconds since 1970, null for now; or why they give no moment, as key
 * and values of a sentence.
 * @typedef {{at: bigint | null, fault: [string, Record<string, unknown>] | null}} Asked
 */

/** @type {Asked} */
export const NOW = { at: null, fault: null };

const refused = (key, values = {}) => ({ at: null, fault: [key, values] });

/** Microseconds; null where the fields hold no whole date. Without a zone in it, a text is read as local time. */
function local() {
  const moment = new Date(`${byId("past-date").value}T${byId("past-time").value || "00:00"}`).getTime();
  return Number.isNaN(moment) ? null : BigInt(moment) * 1000n;
}

/** @param {bigint} now microseconds since 1970 @returns {Asked} */
export function readAsked(now) {
  const [date, time] = [byId("past-date"), byId("past-time")];
  if (date.value === "" && time.value === "" && !date.validity.badInput && !time.validity.badInput) return NOW;
  const at = local();
  if (at === null || time.validity.badInput) return refused("past.incomplete");
  return at > now ? refused("past.to_come", { at: { moment: at } }) : { at, fault: null };
}

/** @param {Asked} asked */
export function showAsked({ at, fault }) {
  for (const id of ["past-date", "past-time"]) byId(id).setAttribute("aria-invalid", String(fault !== null));
  if (fault) showState("past-state", "fault", say(...fault));
  else if (at === null) showState("past-state", "open", say("past.state_now"));
  else showState("past-state", "good", say("past.state", { at: { moment: at } }));
  showZone();
}

/** What the fields mean in UTC, while they are being filled in. */
export function showZone() {
  const { timeZone: zone } = Intl.DateTimeFormat().resolvedOptions();
  const moment = local();
  byId("past-zone").textContent = say(moment === null ? "past.zone" : "past.utc", { zone, at: { moment } });
}

/** Brings the reader to what has to be mended. */
export function focusAsked() {
  byId("past").open = true;
  byId("past-date").focus();
}

export function forgetAsked() {
  byId("past-date").value = byId("past-time").value = "";
}
