// Whether the reader's policy accepts who anchored a credential, to speak for its `issuer.id`: by an
// entry that names both; or by one that names the issuer id or the DID alone, where the two name each
// other: the DID's own document names the issuer id, and the registry holds that document's hash.

import { hex } from "./bytes.js";
import { homeOf } from "./did-document.js";
import { didAt, issuerAt } from "./policy.js";

/** @typedef {{documents: {document: import("./did-document.js").DidDocument, carried: boolean}[]}} IssuerWord what is at hand of the issuer's own; carried: whoever brought the credential may have written it */

/** @type {IssuerWord} */
export const NO_WORD = { documents: [] };

/**
 * @typedef {object} Acceptance
 * @property {"VALID" | "INVALID" | "UNKNOWN"} outcome
 * @property {string} name what policy calls the issuer; empty unless VALID
 * @property {[string, Record<string, unknown>]} say why not; empty when VALID
 */

const BINDINGS = {
  refused: ["INVALID", "standing.did_refused"],
  uncommitted: ["UNKNOWN", "standing.did_uncommitted"],
  unread: ["UNKNOWN", "standing.did_unread"],
};

/**
 * @param {import("./policy.js").TrustPolicy} policy @param {import("./receipt.js").Receipt} receipt
 * @param {string} issuer the credential's `issuer.id`
 * @param {IssuerWord} word @param {string | null} didHash as the registry holds it
 * @returns {Acceptance}
 */
export function accept(policy, receipt, issuer, word, didHash) {
  const entry = issuerAt(policy, receipt.chain, receipt.registry, hex(receipt.issuerId));
  const trusted = didAt(policy, issuer);
  if (entry?.speaksFor.includes(issuer)) return { outcome: "VALID", name: entry.name, say: ["", {}] };
  if (!trusted && (!entry || entry.speaksFor.length || !issuer.startsWith("did:"))) {
    const say = entry
      ? ["standing.cannot_speak", { claimed: issuer, name: entry.name }]
      : ["standing.issuer_unknown", { issuer: hex(receipt.issuerId) }];
    return { outcome: "INVALID", name: "", say };
  }
  const binding = bind(word, issuer, homeOf(receipt), didHash);
  if (binding === "bound") return { outcome: "VALID", name: (trusted ?? entry).name, say: ["", {}] };
  const [outcome, key] = BINDINGS[binding];
  return { outcome, name: "", say: [key, { did: issuer, issuer: hex(receipt.issuerId) }] };
}

function bind({ documents }, did, home, didHash) {
  const own = documents.filter(({ document, carried }) => document.did === did && (!carried || document.isSelfSigned));
  if (own.length === 0) return "unread";
  const naming = own.filter(({ document }) => document.homes.has(home));
  if (naming.length === 0) return "refused";
  return naming.some(({ document }) => document.hash === didHash) ? "bound" : "uncommitted";
}

/**
 * The issuer's keys, where policy accepts it and its committed DID document is at hand.
 * @param {Acceptance} acceptance @param {string} issuer @param {IssuerWord} word
 * @param {string | null} didHash @param {number | null} anchoredAt
 * @returns {import("./signature.js").KnownKeys | null}
 */
export function issuerKeys(acceptance, issuer, { documents }, didHash, anchoredAt) {
  if (acceptance.outcome !== "VALID" || didHash === null) return null;
  const speaksFor = ({ did, alsoKnownAs }) => did === issuer || alsoKnownAs.includes(issuer);
  const known = documents.find(({ document }) => document.hash === didHash && speaksFor(document));
  return known ? { issuer, keys: known.document.keys, at: anchoredAt } : null;
}
