// Steps 1 to 5 of the ladder: what the files alone say, with no chain, policy or clock.

import { equal, hex } from "./bytes.js";
import { covered, credentialOf, digestText, readCredential } from "./credential.js";
import { Fault } from "./fault.js";
import { schemaFault } from "./open-badges.js";
import { embeddedReceipt, readReceipt, sameReceipt, unknownSuites } from "./receipt.js";
import { invalid, skipped, STEPS, unknown, valid } from "./report.js";
import { checkSignature } from "./signature.js";
import { leafHash, rootFromPath } from "./tree.js";

/**
 * @typedef {object} Examination
 * @property {import("./report.js").Check[]} checks of steps 1 to 5
 * @property {import("./credential.js").Credential | null} credential null if it could not be read
 * @property {import("./receipt.js").Receipt | null} receipt as given, wherever it leads
 * @property {boolean} hasReceipt whether anything at all claims to be one
 * @property {import("./receipt.js").Receipt | null} sealed the receipt, if the credential is proven to be its leaf
 */

/**
 * @param {Uint8Array} raw a credential's file
 * @param {Uint8Array | null} sidecar the receipt's file beside it
 * @returns {Examination}
 */
export function examine(raw, sidecar) {
  const read = attempt(() => readCredential(raw));
  if (read.fault) return unreadable("parse.unreadable", { fault: read.fault });
  const beside = sidecar === null ? { value: null } : attempt(() => readReceipt(sidecar));
  return examineWith(read.value, beside, sidecar !== null);
}

/** Judges a bundle's credential and receipt. @param {import("./bundle.js").Bundle} bundle @returns {Examination} */
export function examineBundle(bundle) {
  const read = attempt(() => credentialOf(bundle.credential));
  if (read.fault) return unreadable("parse.unreadable", { fault: read.fault });
  return examineWith(read.value, { value: bundle.receipt }, true);
}

function examineWith(credential, beside, hasSidecar) {
  const inside = attempt(() => embeddedReceipt(credential.document));
  const strangers = unknownSuites(credential.document);
  const checks = [
    beside.fault
      ? invalid("parse", "MALFORMED", "parse.receipt", { fault: beside.fault })
      : valid("parse", "parse.valid"),
    checkSchema(credential),
    signatureStep(credential),
    valid("digest", "digest.valid", { digest: digestText(credential) }),
    checkInclusion(credential, inside, beside, strangers),
  ];
  const receipt = inside.value ?? beside.value ?? null;
  return {
    checks,
    credential,
    receipt,
    hasReceipt: hasSidecar || Boolean(inside.value ?? inside.fault) || strangers.length > 0,
    sealed: checks[4].outcome === "VALID" ? receipt : null,
  };
}

/** A value, or why there is none. */
function attempt(read) {
  try {
    return { value: read() };
  } catch (fault) {
    if (fault instanceof Fault) return { fault };
    throw fault;
  }
}

/** Of what is no credential: key and values say why. @returns {Examination} */
export function unreadable(key, values) {
  const checks = [
    invalid("parse", "MALFORMED", key, values),
    ...STEPS.slice(1, 5).map((step) => skipped(step, "no_credential")),
  ];
  return { checks, credential: null, receipt: null, hasReceipt: false, sealed: null };
}

function checkSchema(credential) {
  const found = schemaFault(covered(credential.document));
  if (found === undefined) return skipped("schema", "schema.none");
  if (found === null) return valid("schema", "schema.valid");
  return invalid("schema", "MALFORMED", "schema.refused", { place: found.pointer || "/", rule: found.rule });
}

const SIGNATURE_OUTCOMES = {
  valid, undated: unknown, stranger: unknown, unbound: unknown, key_unknown: unknown, suite_unknown: skipped, absent: skipped,
};

/**
 * Step 3. known: the issuer's keys, where its DID document is at hand and counts.
 * @param {import("./credential.js").Credential} credential
 * @param {import("./signature.js").KnownKeys | null} [known]
 */
export function signatureStep(credential, known = null) {
  const { state, values } = checkSignature(credential.document, known);
  if (["malformed", "wrong", "retired"].includes(state)) return invalid("signature", "TAMPERED", `signature.${state}`, values);
  return SIGNATURE_OUTCOMES[state]("signature", `signature.${state}`, values);
}

function checkInclusion(credential, inside, beside, strangers) {
  if (inside.fault) return invalid("inclusion", "TAMPERED", "inclusion.wrapper", { fault: inside.fault });
  if (inside.value && beside.value && !sameReceipt(inside.value, beside.value))
    return invalid("inclusion", "TAMPERED", "inclusion.differ");
  const receipt = inside.value ?? beside.value;
  if (receipt) return climb(credential, receipt);
  if (strangers.length) return unknown("inclusion", "inclusion.newer", { suite: strangers[0] });
  return skipped("inclusion", "inclusion.none");
}

function climb(credential, { issuerId, index, treeSize, salt, path, root }) {
  const leaf = leafHash(issuerId, index, salt, credential.digest);
  if (!equal(rootFromPath(leaf, index, treeSize, path), root)) return invalid("inclusion", "TAMPERED", "inclusion.wrong");
  return valid("inclusion", "inclusion.valid", { index, size: treeSize, root: hex(root) });
}
