// Places in W3C Bitstring Status Lists (Recommendation of 2025-05-15) that a credential names. This page
// fetches no list, so the chain alone decides, and the page says so; an entry that cannot be read leaves
// the status open: it is never taken for good news.

import { unknown } from "./report.js";
import { isObject } from "./strict-json.js";

const INDEX = /^(?:0|[1-9][0-9]{0,15})$/;
const MAX_ENTRIES = 8;
const PURPOSES = ["revocation", "suspension"];

/**
 * Of the entries that count for validity, whether each can be read.
 * @param {import("./strict-json.js").JsonObject} document
 */
const readable = (document) =>
  [document.credentialStatus]
    .flat()
    .filter((entry) => isObject(entry) && [entry.type].flat().includes("BitstringStatusListEntry"))
    .map((entry) => ({ entry, holds: holds(entry) }))
    .filter(({ entry, holds }) => !holds || PURPOSES.includes(entry.statusPurpose))
    .map(({ holds }) => holds);

function holds({ statusListCredential: url, statusPurpose: purpose, statusListIndex: index, statusSize: size = 1 }) {
  const texts = [url, purpose, index].every((text) => typeof text === "string");
  return texts && INDEX.test(index) && (size === 1 || size === true || !PURPOSES.includes(purpose));
}

/**
 * The chain's check of step 9, or what the credential's status lists make of it.
 * Of a past moment a list says nothing: it tells how things are now.
 * @param {import("./report.js").Check} check
 * @param {import("./strict-json.js").JsonObject} document
 * @param {boolean} isPast
 * @returns {import("./report.js").Check}
 */
export function withStatusLists(check, document, isPast) {
  const entries = readable(document);
  if (entries.length === 0) return check;
  const [key, values] = check.say;
  const chain = { key, values };
  if (isPast) return { ...check, say: ["status.list_past", { chain }] };
  const isOpen = entries.includes(false) || entries.length > MAX_ENTRIES;
  if (isOpen && check.outcome === "VALID") return unknown("status", "status.list_fault", { chain });
  return { ...check, say: ["status.list_unread", { chain }] };
}
