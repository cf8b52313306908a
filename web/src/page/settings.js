// What the reader has set, kept in this browser where it lets us: policy, blocks, nodes.

import { NOBODY, readPolicy } from "../core/policy.js";

/**
 * @typedef {object} Settings
 * @property {import("../core/policy.js").TrustPolicy} policy
 * @property {string} policyText
 * @property {boolean} given whether the policy came with the page
 * @property {{chain: string, hash: string}[]} blocks
 * @property {string} blocksText
 * @property {string[]} nodes
 * @property {string} nodesText
 * @property {number} agree how many nodes must name the same final block
 */

const PREFIX = "credanchor.";
const BLOCK = /^(eip155:(?:0|[1-9][0-9]{0,31})):(0x[0-9a-f]{64})$/;

/** A line that cannot be read. */
export class LineFault extends Error {
  constructor(line) {
    super(`line ${line}`);
    this.line = line;
  }
}

/** Lines without comments and blanks, each read; throws LineFault. */
function lines(text, read) {
  return text.split("\n").flatMap((whole, place) => {
    const line = whole.replace(/(^|\s)#.*/, "").trim();
    if (line === "") return [];
    const value = read(line);
    if (value === null) throw new LineFault(place + 1);
    return [value];
  });
}

/** `eip155:N:0xHASH`, one a line. @param {string} text */
export const readBlocks = (text) =>
  lines(text, (line) => {
    const match = BLOCK.exec(line);
    return match && { chain: match[1], hash: match[2] };
  });

/** @param {string} text */
export const readNodes = (text) =>
  lines(text, (line) => (/^https?:\/\//.test(line) && URL.canParse(line) ? line : null));

/** localStorage; where the browser keeps none for this page, the page itself, until it is closed. */
const kept = (() => {
  try {
    localStorage.setItem(`${PREFIX}probe`, "1");
    localStorage.removeItem(`${PREFIX}probe`);
    return localStorage;
  } catch {
    return null;
  }
})();
const fleeting = new Map();
const store = kept ?? {
  getItem: (name) => fleeting.get(name) ?? null,
  setItem: (name, value) => fleeting.set(name, value),
  removeItem: (name) => fleeting.delete(name),
};

export const isKept = kept !== null;

/** @param {string} name */
export const recall = (name) => store.getItem(PREFIX + name);

/** @param {string} name @param {string | null} value */
export function keep(name, value) {
  if (value === null) store.removeItem(PREFIX + name);
  else store.setItem(PREFIX + name, value);
}

/** What was kept; what can no longer be read counts as not there. @param {string} givenPolicy */
export function loadSettings(givenPolicy) {
  const own = recall("policy");
  const policyText = own ?? givenPolicy;
  const attempt = (read, text, otherwise) => {
    try {
      return text ? read(text) : otherwise;
    } catch {
      return otherwise;
    }
  };
  const [blocksText, nodesText] = [recall("blocks") ?? "", recall("nodes") ?? ""];
  return {
    policy: attempt(readPolicy, policyText, NOBODY),
    policyText,
    given: own === null && givenPolicy !== "",
    blocks: attempt(readBlocks, blocksText, []),
    blocksText,
    nodes: attempt(readNodes, nodesText, []),
    nodesText,
    agree: Math.max(1, Number.parseInt(recall("agree") ?? "1", 10) || 1),
  };
}
