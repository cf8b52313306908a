// All of the verifier without its page: what tests, and other programs, use.

export * from "./core/acceptance.js";
export * from "./core/bundle.js";
export * from "./core/bytes.js";
export * from "./core/canonical.js";
export * from "./core/chain-checks.js";
export * from "./core/credential.js";
export * from "./core/did-document.js";
export * from "./core/evidence.js";
export * from "./core/examination.js";
export * from "./core/fault.js";
export * from "./core/header.js";
export * from "./core/keys.js";
export * from "./core/ladder.js";
export * from "./core/moments.js";
export * from "./core/open-badges.js";
export * from "./core/policy.js";
export * from "./core/receipt.js";
export * from "./core/report.js";
export * from "./core/rlp.js";
export * from "./core/signature.js";
export * from "./core/status-list.js";
export * from "./core/storage.js";
export * from "./core/strict-json.js";
export * from "./core/tree.js";
export * from "./core/trie.js";
export { paired, verify } from "./page/verifying.js";
