// Bytes to JSON values, or a refusal that names the place (RFC 8259 with the limits of I-JSON).
//
// Refused: a byte-order mark, invalid UTF-8, trailing data, duplicate keys (also keys equal after
// unescaping), NaN, Infinity and numbers that overflow to it, integers beyond ±(2^53-1), lone
// surrogates, more than 64 levels, more bytes than the caller allows.

import { Fault, pointer } from "./fault.js";

/** @typedef {null | boolean | number | string | JsonValue[] | JsonObject} JsonValue */
/** @typedef {{[member: string]: JsonValue}} JsonObject without a prototype: any key is a plain key */

export const MAX_DEPTH = 64;
/** Of a credential's canonical form without its anchor proofs. */
export const MAX_CREDENTIAL_BYTES = 2 ** 20;
/** Of a file: a credential, white space, an anchor proof. */
export const MAX_FILE_BYTES = MAX_CREDENTIAL_BYTES + 64 * 1024;

const NUMBER = /(-?(?:0|[1-9][0-9]*))(\.[0-9]+)?([eE][+-]?[0-9]+)?/y;
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const ESCAPES = { '"': '"', "\\": "\\", "/": "/", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };
const LITERALS = { t: ["true", true], f: ["false", false], n: ["null", null] };

/** Where a number was written as a double (1.0, 1e0): JavaScript itself forgets that. */
const doubles = new WeakMap();

/**
 * Whether a member is a number that was written as an integer.
 * @param {JsonObject | JsonValue[]} holder
 * @param {string | number} key
 */
export const isInteger = (holder, key) =>
  Number.isSafeInteger(holder[key]) && !doubles.get(holder)?.has(String(key));

/** Objects and arrays within one another; the top level is 1. @param {JsonValue} value @returns {number} */
export const depthOf = (value) =>
  typeof value === "object" && value !== null
    ? 1 + Object.values(value).reduce((deepest, one) => Math.max(deepest, depthOf(one)), 0)
    : 0;

/** @param {unknown} value @returns {value is JsonObject} */
export const isObject = (value) =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * @param {Uint8Array} raw
 * @param {number} [maxBytes]
 * @param {number} [maxDepth] levels of objects and arrays; the top level is 1
 * @returns {JsonValue}
 */
export function readJson(raw, maxBytes = MAX_FILE_BYTES, maxDepth = MAX_DEPTH) {
  if (raw.length > maxBytes) throw new Fault("too_many_bytes", { found: raw.length, limit: maxBytes });
  return new Reader(decode(raw), maxDepth).document();
}

/** @param {Uint8Array} raw */
function decode(raw) {
  if (raw[0] === 0xef && raw[1] === 0xbb && raw[2] === 0xbf)
    throw new Fault("byte_order_mark", {}, { line: 1, column: 1, pointer: "" });
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(raw);
  } catch {
    const start = firstInvalid(raw);
    const before = new TextDecoder().decode(raw.subarray(0, start));
    const byte = "0x" + raw[start].toString(16).padStart(2, "0");
    throw new Fault("not_utf8", { byte }, { ...lineAndColumn(before, before.length), pointer: "" });
  }
}

/** Where the first ill-formed sequence begins (Unicode, table 3-7). @param {Uint8Array} raw */
function firstInvalid(raw) {
  let at = 0;
  for (;;) {
    const lead = raw[at];
    const length = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
    const least = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
    const most = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
    const rest = raw.subarray(at + 1, at + length);
    const fits = (byte, place) => (place ? byte >= 0x80 && byte <= 0xbf : byte >= least && byte <= most);
    if (length === 0 || rest.length !== length - 1 || !rest.every(fits)) return at;
    at += length;
  }
}

/** Counted from 1, in characters. @param {string} text @param {number} at */
function lineAndColumn(text, at) {
  const lines = text.slice(0, at).split("\n");
  return { line: lines.length, column: [...lines.at(-1)].length + 1 };
}

/** Recursive descent; `at` is the cursor, `path` leads to the value that is being read. */
class Reader {
  at = 0;
  /** @type {(string | number)[]} */
  path = [];

  /** @param {string} text @param {number} maxDepth */
  constructor(text, maxDepth) {
    this.text = text;
    this.maxDepth = maxDepth;
  }

  /** @returns {never} */
  fail(code, at = this.at, values = {}) {
    throw new Fault(code, values, { ...lineAndColumn(this.text, at), pointer: pointer(this.path) });
  }

  document() {
    if (this.next() === "") this.fail("no_value");
    const value = this.value(1);
    if (this.next() !== "") this.fail("trailing_data");
    return value;
  }

  /** Skips white space and returns the character that follows it, "" at the end. */
  next() {
    while (" \t\n\r".includes(this.text[this.at] ?? "!")) this.at += 1;
    return this.text[this.at] ?? "";
  }

  /** The cursor stands on the value's first character. */
  value(depth) {
    const first = this.text[this.at];
    if (first === '"') return this.string();
    if (first === "{" || first === "[") {
      if (depth > this.maxDepth) this.fail("too_deep", this.at, { limit: this.maxDepth });
      this.at += 1;
      return first === "{" ? this.object(depth) : this.array(depth);
    }
    const [word, meaning] = LITERALS[first] ?? [];
    if (word !== undefined && this.text.startsWith(word, this.at)) {
      this.at += word.length;
      return meaning;
    }
    return this.number();
  }

  member(holder, key, depth) {
    this.path.push(key);
    this.next();
    const start = this.at;
    const value = this.value(depth);
    if (typeof value === "number" && /[.eE]/.test(this.text.slice(start, this.at))) {
      if (!doubles.has(holder)) doubles.set(holder, new Set());
      doubles.get(holder).add(String(key));
    }
    holder[key] = value;
    this.path.pop();
  }

  object(depth) {
    const members = Object.create(null);
    if (this.ends("}")) return members;
    do {
      if (this.next() !== '"') this.fail("key_expected");
      const start = this.at;
      const key = this.string();
      if (key in members) this.fail("duplicate_key", start, { key });
      if (this.next() !== ":") this.fail("colon_expected");
      this.at += 1;
      this.member(members, key, depth + 1);
    } while (this.goesOn("}"));
    return members;
  }

  array(depth) {
    const items = [];
    if (this.ends("]")) return items;
    do {
      this.member(items, items.length, depth + 1);
    } while (this.goesOn("]"));
    return items;
  }

  ends(bracket) {
    if (this.next() !== bracket) return false;
    this.at += 1;
    return true;
  }

  goesOn(bracket) {
    if (this.ends(bracket)) return false;
    if (this.text[this.at] !== ",") this.fail("comma_expected", this.at, { bracket });
    this.at += 1;
    return true;
  }

  number() {
    NUMBER.lastIndex = this.at;
    const match = NUMBER.exec(this.text);
    if (match === null) this.fail(/^-?(NaN|Infinity)/.test(this.text.slice(this.at, this.at + 9)) ? "not_finite" : "value_expected");
    const [spelled, , fraction, exponent] = match;
    const end = this.at + spelled.length;
    if (/[0-9]/.test(this.text[end] ?? "")) this.fail("leading_zero");
    const value = Number(spelled);
    if (!Number.isFinite(value)) this.fail(fraction ?? exponent ? "overflow" : "big_integer");
    if (fraction === undefined && exponent === undefined && !Number.isSafeInteger(value)) this.fail("big_integer");
    this.at = end;
    return value;
  }

  /** The cursor stands on the opening quote. */
  string() {
    const start = this.at;
    let text = "";
    this.at += 1;
    for (;;) {
      PLAIN.lastIndex = this.at;
      const run = PLAIN.exec(this.text)[0];
      text += run;
      this.at += run.length;
      const stop = this.text[this.at];
      if (stop === '"') {
        this.at += 1;
        return text;
      }
      if (stop === undefined) this.fail("open_string", start);
      if (stop !== "\\") this.fail("control_character");
      text += this.escape();
    }
  }

  /** The cursor stands on the backslash. */
  escape() {
    const letter = this.text[this.at + 1] ?? "";
    if (Object.hasOwn(ESCAPES, letter)) {
      this.at += 2;
      return ESCAPES[letter];
    }
    if (letter !== "u") this.fail("unknown_escape");
    let text = this.codeUnit(this.at);
    if (/[\ud800-\udbff]/.test(text) && this.text.startsWith("\\u", this.at + 6)) text += this.codeUnit(this.at + 6);
    if (!text.isWellFormed()) this.fail("lone_surrogate");
    this.at += 6 * text.length;
    return text;
  }

  codeUnit(at) {
    const digits = this.text.slice(at + 2, at + 6);
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) this.fail("four_digits_expected", at);
    return String.fromCharCode(parseInt(digits, 16));
  }
}
