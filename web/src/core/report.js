// Steps, outcomes, verdicts. A verdict follows from the checks by `verdictOf` alone.

/** The ladder, in order: step 1 is parse. */
export const STEPS = [
  "parse", "schema", "signature", "digest", "inclusion", "evidence",
  "anchor", "standing", "status", "validity", "finality",
];

/** Steps that the anchor vouches for without; any other must be VALID for the verdict VALID. */
const MAY_BE_SKIPPED = ["schema", "signature"];

/**
 * One step's outcome. `say` is a sentence of the catalogues: its key and the values in it. `verdict`
 * is what the step makes of the credential, set only when INVALID.
 * @typedef {object} Check
 * @property {string} step one of STEPS
 * @property {"VALID" | "INVALID" | "UNKNOWN" | "SKIPPED"} outcome
 * @property {[string, Record<string, unknown>]} say
 * @property {string} [verdict]
 */

const check = (outcome) => (step, key, values = {}) => ({ step, outcome, say: [key, values] });
export const valid = check("VALID");
/** It could not be judged, and it matters. */
export const unknown = check("UNKNOWN");
/** Nothing to judge here, or an earlier step took its ground away. */
export const skipped = check("SKIPPED");
/** @returns {Check} */
export const invalid = (step, verdict, key, values = {}) => ({ step, outcome: "INVALID", verdict, say: [key, values] });

/**
 * The check that settles the verdict: the first INVALID, else the first UNKNOWN; null when nothing
 * stands against VALID. What was skipped without leave counts as UNKNOWN: a gap never looks valid.
 * @param {Check[]} checks
 * @returns {Check | null}
 */
export const decidingCheck = (checks) =>
  checks.find(({ outcome }) => outcome === "INVALID") ??
  checks.find(({ step, outcome }) => outcome === "UNKNOWN" || (outcome === "SKIPPED" && !MAY_BE_SKIPPED.includes(step))) ??
  null;

/** @param {Check[]} checks one for every step, in order */
export function verdictOf(checks) {
  if (checks.map(({ step }) => step).join() !== STEPS.join()) throw new Error("one check for every step, in order");
  const decided = decidingCheck(checks);
  return decided === null ? "VALID" : (decided.verdict ?? "CANNOT_CHECK");
}
