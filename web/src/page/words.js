// Sentences in the reader's language: catalogues, values put into them, dates and lists.

import ar from "../languages/ar.js";
import de from "../languages/de.js";
import en from "../languages/en.js";
import es from "../languages/es.js";
import fr from "../languages/fr.js";
import { Fault } from "../core/fault.js";

/** Each names itself in its own language. */
export const LANGUAGES = {
  en: { name: "English", words: en, locale: "en-GB" },
  de: { name: "Deutsch", words: de, locale: "de" },
  fr: { name: "Français", words: fr, locale: "fr" },
  es: { name: "Español", words: es, locale: "es" },
  ar: { name: "العربية", words: ar, locale: "ar", direction: "rtl" },
};

let current = "en";

export const language = () => current;

/** The first wanted language that there is a catalogue for. @param {readonly string[]} wanted */
export const choose = (wanted) =>
  wanted.map((tag) => tag.toLowerCase().split("-")[0]).find((tag) => Object.hasOwn(LANGUAGES, tag)) ?? "en";

/** @param {string} tag */
export function speak(tag) {
  current = choose([tag]);
  document.documentElement.lang = current;
  document.documentElement.dir = LANGUAGES[current].direction ?? "ltr";
}

/**
 * A sentence of the catalogue. Values from files are made harmless and kept apart from the text
 * around them: neither control nor direction characters of theirs reach it.
 * @param {string} key
 * @param {Record<string, unknown>} [values]
 * @returns {string}
 */
export function say(key, values = {}) {
  const text = LANGUAGES[current].words[key];
  if (text === undefined) throw new Error(`no words for ${key}`);
  return text.replace(/\{(\w+)\}/g, (_, name) => told(values[name], name));
}

/** @returns {string} */
function told(value, name) {
  if (value instanceof Fault) return sayFault(value);
  if (Array.isArray(value)) return new Intl.ListFormat(locale(), { type: "unit" }).format(value.map((one) => told(one, name)));
  if (typeof value === "number") return value.toLocaleString(locale());
  if (typeof value !== "object" || value === null) return isolated(printable(String(value)));
  if ("unix" in value) return isolated(date(value.unix * 1000));
  if ("moment" in value) return isolated(date(Number(value.moment / 1000n)));
  if ("seconds" in value) return isolated(duration(value.seconds));
  if ("kind" in value) return say(`source.${value.kind}`, value);
  return say(value.key, value.values);
}

/** @param {Fault} fault */
export function sayFault(fault) {
  const what = { key: `fault.${fault.code}`, values: fault.values };
  const { line, column, pointer } = fault.place;
  if (line !== undefined) return say("place.line", { what, line, column });
  return pointer ? say("place.member", { what, pointer }) : say(what.key, what.values);
}

const locale = () => LANGUAGES[current].locale;

/** In UTC, and saying so: the same moment for every reader. @param {number} milliseconds */
export function date(milliseconds) {
  if (Math.abs(milliseconds) > 8.64e15) return String(milliseconds / 1000);
  const form = { dateStyle: "long", timeStyle: "short", timeZone: "UTC" };
  return new Intl.DateTimeFormat(locale(), form).format(milliseconds) + " UTC";
}

function duration(seconds) {
  const [unit, size] = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]].find(([, size]) => seconds % size === 0);
  return new Intl.NumberFormat(locale(), { style: "unit", unit, unitDisplay: "long" }).format(seconds / size);
}

/**
 * Text from a stranger's file as one harmless line: control, direction and other invisible characters
 * are spelled out, long text is cut.
 * @param {string} text @param {number} [limit]
 */
export function printable(text, limit = 160) {
  const characters = [...text];
  const cut = characters.length > limit ? [...characters.slice(0, limit - 1), "…"] : characters;
  return cut.map((one) => (one === " " || !/[\p{C}\p{Z}]/u.test(one) ? one : spelled(one))).join("");
}

const spelled = (character) => `\\u{${character.codePointAt(0).toString(16)}}`;

/** First-strong isolate: whatever direction a value has, the sentence around it keeps its own. */
const isolated = (text) => `\u2068${text}\u2069`;
