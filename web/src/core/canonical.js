// RFC 8785. It was written after ECMAScript: sort() and JSON.stringify are the rule itself.

import { utf8 } from "./bytes.js";

/**
 * The canonical text of a value that `readJson` gave.
 * @param {import("./strict-json.js").JsonValue} value
 * @returns {string}
 */
export function canonicalText(value) {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(",")}]`;
  const members = Object.keys(value)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalText(value[key])}`);
  return `{${members.join(",")}}`;
}

/** @param {import("./strict-json.js").JsonValue} value */
export const canonicalize = (value) => utf8(canonicalText(value));
