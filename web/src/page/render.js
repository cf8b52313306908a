// A report as a reader sees it: the sentence first, then the ladder, then raw evidence.

import { decidingCheck } from "../core/report.js";
import { h, mark } from "./dom.js";
import { date, printable, say } from "./words.js";

const UNDECIDED = ["CANNOT_CHECK", "PENDING"];

const markOf = (verdict) => (verdict === "VALID" ? "VALID" : UNDECIDED.includes(verdict) ? "UNKNOWN" : "INVALID");

/** What a reader can do about a check that is not valid; null where nothing is wrong. */
function advice({ step, outcome, verdict, say: [key, values] }, asked) {
  if (outcome !== "INVALID" && outcome !== "UNKNOWN") return null;
  if (key === "parse.kind") return kindAdvice(values.kind);
  const then = asked === null ? undefined : (ADVICE_THEN[key] ?? ADVICE_THEN[verdict]);
  if (then) return say(then);
  if (outcome === "INVALID") return say(`next.${verdict}`);
  if (key === "status.list_fault") return say("next.validity");
  if (asked !== null && CHAIN_STEPS.includes(step)) return say("next.past");
  if (key === "evidence.unread" && values.reason.key === "unread.nodes") return say("next.nodes");
  const isStale = step === "anchor" || step === "status" || key === "standing.not_then";
  return say(`next.${isStale ? "stale" : step}`);
}

const kindAdvice = ({ key }) =>
  key === "kind.policy" ? say("next.policy", { title: { key: "trust.title", values: {} } }) : say("next.kind");

const CHAIN_STEPS = ["evidence", "anchor", "status"];

/** Of a past moment, what a step's sentence or verdict calls for. */
const ADVICE_THEN = {
  "anchor.not_yet": "next.later",
  "status.open_then": "next.earlier",
  NOT_YET_VALID: "next.later",
  SUSPENDED: "next.today",
};

/** The verdict in words, with the moment where it is of one that has passed. */
const heading = ({ verdict, at, isPast }) => {
  const words = { key: `verdict.${verdict}`, values: {} };
  return isPast ? say("verdict.then", { verdict: words, at: { moment: at } }) : say(words.key);
};

/** One line for a screen reader. */
export const spoken = (name, report) => `${printable(name)}: ${heading(report)}. ${say(...report.say)}`;

/**
 * @param {string} name of the file @param {import("../core/ladder.js").Report} report
 * @param {string} text the file's @param {boolean} open whether the ladder is shown at once
 */
export function reportCard(name, report, text, open) {
  const { verdict, checks } = report;
  const decided = decidingCheck(checks);
  const todo = decided && advice(decided, report.at);
  return h(
    "article.result",
    { "data-verdict": verdict, "aria-label": printable(name) },
    h(
      "div.answer",
      {},
      mark(markOf(verdict)),
      h("h3.verdict", {}, heading(report), h("code", { dir: "ltr", "aria-hidden": "true" }, verdict)),
      h("p.sentence", {}, say(...report.say)),
    ),
    h(
      "div.body",
      {},
      todo && h("p.todo", {}, h("b", {}, say("ladder.next")), todo),
      factList(name, report),
      h(
        "details.steps",
        { open },
        h("summary", {}, say("ladder.title")),
        h("ol.ladder", {}, ...checks.map((check) => stepItem(check, report.at))),
      ),
      rawDetails(report, text),
    ),
  );
}

/** Raw evidence, written when it is first opened: of many large files it takes long, and few look at it. */
function rawDetails({ verdict, facts }, text) {
  const details = h("details.raw", {}, h("summary", {}, say("raw.title")));
  const part = (key, content) => [
    h("h4", {}, say(key)),
    h("pre", { tabindex: 0, role: "group", "aria-label": say(key), dir: "ltr" }, visible(content)),
  ];
  details.addEventListener(
    "toggle",
    () => details.append(...part("raw.report", pretty({ verdict, ...facts })), ...part("raw.document", text)),
    { once: true },
  );
  return details;
}

function stepItem(check, asked) {
  const { step, outcome } = check;
  const todo = advice(check, asked);
  return h(
    "li",
    { "data-outcome": outcome, "data-step": step },
    mark(outcome),
    h(
      "div",
      {},
      h("p.step", {}, say(`step.${step}`), h("span", {}, say(`outcome.${outcome}`))),
      h("p", {}, say(...check.say)),
      todo && h("p.next", {}, todo),
    ),
  );
}

function factList(name, { facts, checkedAt, at }) {
  const { credential, evidence, record } = facts;
  const rows = [
    ["credential", credential?.name],
    ["issuer", credential?.issuer],
    ["anchored", record && date(record.anchoredAt * 1000)],
    ["known", evidence && date(evidence.head.time * 1000)],
    ["asked", at !== null && date(Number(at / 1000n))],
    ["checked", date(Number(checkedAt / 1000n))],
    ["file", name],
  ];
  const shown = rows.filter(([, value]) => value);
  return h(
    "dl.facts",
    {},
    ...shown.flatMap(([key, value]) => [h("dt", {}, say(`fact.${key}`)), h("dd", {}, h("bdi", {}, printable(value)))]),
  );
}

const pretty = (value) => JSON.stringify(value, (_, one) => (typeof one === "bigint" ? one.toString() : one), 2);

/** Line by line, with what cannot be seen spelled out. */
const visible = (text) =>
  text.slice(0, 200_000).split("\n").map((line) => printable(line.replaceAll("\t", "  "), 20_000)).join("\n");

/** A file about which there is nothing to judge. */
export const noteCard = (key, values) => h("p.plain", { role: "note" }, say(key, values));
