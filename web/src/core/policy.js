// Whom the reader trusts: registries by code, issuers by id, and for whom each may speak. TOML, as the
// command line's policy files have it. A misspelt member must not silently widen what is trusted.

import { parse, TomlError } from "smol-toml";
import { Fault } from "./fault.js";

const DEFAULT_MAX_AGE_S = 7 * 86400;
const CHAIN = /^eip155:(?:0|[1-9][0-9]{0,31})$/;

/** @typedef {{chain: string, address: string, codeHash: string, purposes: string[]}} TrustedRegistry */
/** @typedef {{chain: string, registry: string, issuerId: string, speaksFor: string[], name: string, purposes: string[]}} TrustedIssuer */
/** @typedef {{did: string, name: string, purposes: string[]}} TrustedDid */
/** @typedef {{registries: TrustedRegistry[], issuers: TrustedIssuer[], dids: TrustedDid[], maxAgeS: number}} TrustPolicy */

/** @type {TrustPolicy} */
export const NOBODY = { registries: [], issuers: [], dids: [], maxAgeS: DEFAULT_MAX_AGE_S };

/** @param {string} text of a TOML file with a table [trust] @returns {TrustPolicy} Throws Fault. */
export function readPolicy(text) {
  let document;
  try {
    document = parse(text, { integersAsBigInt: true });
  } catch (error) {
    if (error instanceof TomlError) throw new Fault("not_toml", { reason: error.message.split("\n")[0] }, { line: error.line, column: error.column });
    throw error;
  }
  if (!isTable(document.trust)) throw new Fault("no_trust_table", {}, { pointer: "/trust" });
  const trust = table(document.trust, "/trust", ["registries", "issuers", "dids", "max_age_s"]);
  const policy = {
    registries: trust.tables("registries").map(registryOf),
    issuers: trust.tables("issuers").map(issuerOf),
    dids: trust.tables("dids").map(didOf),
    maxAgeS: trust.seconds("max_age_s"),
  };
  refuseContradictions(policy);
  return policy;
}

// An entry for some purposes counts only where one of them is named, and this page names none.
const holding = (entry) => (entry?.purposes.length ? undefined : entry);

/** @param {TrustPolicy} policy @param {string} chain @param {string} address */
export const registryAt = (policy, chain, address) =>
  holding(policy.registries.find((entry) => entry.chain === chain && entry.address === address));

/** @param {TrustPolicy} policy @param {string} did */
export const didAt = (policy, did) => holding(policy.dids.find((entry) => entry.did === did));

/** @param {TrustPolicy} policy @param {string} chain @param {string} registry @param {string} issuerId */
export const issuerAt = (policy, chain, registry, issuerId) =>
  holding(
    policy.issuers.find((entry) => entry.chain === chain && entry.registry === registry && entry.issuerId === issuerId),
  );

const isTable = (value) => typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);

function registryOf([members, place]) {
  const entry = table(members, place, ["chain", "address", "code_hash", "purposes"]);
  return {
    chain: entry.chain("chain"),
    address: entry.address("address"),
    codeHash: entry.hash("code_hash"),
    purposes: entry.someTexts("purposes"),
  };
}

function issuerOf([members, place]) {
  const entry = table(members, place, ["chain", "registry", "issuer_id", "speaks_for", "name", "purposes"]);
  return {
    chain: entry.chain("chain"),
    registry: entry.address("registry"),
    issuerId: entry.hash("issuer_id"),
    speaksFor: entry.someTexts("speaks_for"),
    name: entry.text("name"),
    purposes: entry.someTexts("purposes"),
  };
}

function didOf([members, place]) {
  const entry = table(members, place, ["did", "name", "purposes"]);
  return { did: entry.did("did"), name: entry.text("name"), purposes: entry.someTexts("purposes") };
}

/** A TOML table whose every refusal names the member at fault. */
function table(members, place, known) {
  const fail = (code, member) => {
    throw new Fault(code, {}, { pointer: `${place}/${member}` });
  };
  const unknown = Object.keys(members).find((member) => !known.includes(member));
  if (unknown !== undefined) fail("unknown_member", unknown);
  const isText = (value) => typeof value === "string" && value !== "";
  const get = (member) => (Object.hasOwn(members, member) ? members[member] : fail("missing_member", member));
  const text = (member) => (isText(get(member)) ? members[member] : fail("not_text", member));
  const matching = (member, pattern, code) => (pattern.test(text(member)) ? members[member] : fail(code, member));
  return {
    text,
    chain: (member) => matching(member, CHAIN, "not_a_chain"),
    address: (member) => matching(member, /^0x[0-9a-fA-F]{40}$/, "not_hex").toLowerCase(),
    hash: (member) => matching(member, /^0x[0-9a-f]{64}$/, "not_hex"),
    did: (member) => matching(member, /^did:[^#]*$/s, "not_a_did"),
    // Left out it is empty; an empty list could mean all or nothing.
    someTexts: (member) => {
      if (!Object.hasOwn(members, member)) return [];
      const values = members[member];
      return Array.isArray(values) && values.length && values.every(isText) ? values : fail("not_texts", member);
    },
    tables: (member) => {
      const entries = members[member] ?? [];
      if (!Array.isArray(entries) || !entries.every(isTable)) fail("not_tables", member);
      return entries.map((entry, number) => [entry, `${place}/${member}/${number}`]);
    },
    seconds: (member) => {
      const value = members[member] ?? BigInt(DEFAULT_MAX_AGE_S);
      if (typeof value !== "bigint" || value <= 0n) fail("not_seconds", member);
      return Number(value);
    },
  };
}

function refuseContradictions({ registries, issuers, dids }) {
  const places = registries.map(({ chain, address }) => `${chain}:${address}`);
  const ids = issuers.map(({ chain, registry, issuerId }) => `${chain}:${registry}:${issuerId}`);
  const second = (keys) => keys.findIndex((key, place) => keys.indexOf(key) !== place);
  const fail = (code, pointer) => {
    throw new Fault(code, {}, { pointer });
  };
  if (second(places) >= 0) fail("listed_twice", `/trust/registries/${second(places)}`);
  const homeless = issuers.findIndex(({ chain, registry }) => !places.includes(`${chain}:${registry}`));
  if (homeless >= 0) fail("unknown_registry", `/trust/issuers/${homeless}`);
  if (second(ids) >= 0) fail("listed_twice", `/trust/issuers/${second(ids)}`);
  const names = dids.map(({ did }) => did);
  if (second(names) >= 0) fail("listed_twice", `/trust/dids/${second(names)}`);
}
