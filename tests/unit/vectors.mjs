// The released vectors, computed once more by other means: JSON.parse, String(number), node:crypto.
// Usage: node vectors.mjs FOLDER. Prints how many cases held; throws at the first that does not.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const load = (name) => JSON.parse(readFileSync(join(process.argv[2], `${name}.json`), "utf8"));
const rawOf = (entry) => (entry.text !== undefined ? entry.text : Buffer.from(entry.base64, "base64").toString());
const bytes = (hex) => Buffer.from(hex.slice(2), "hex");
const hex = (buffer) => "0x" + buffer.toString("hex");
const sha256 = (...parts) => createHash("sha256").update(Buffer.concat(parts)).digest();
let held = 0;
const same = (found, expected, what) => {
  assert.deepEqual(found, expected, what);
  held += 1;
};

// RFC 8785 was written after ECMAScript: sort() and JSON.stringify are the rule itself.
function canonical(value) {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`);
  return `{${members.join(",")}}`;
}

const isAnchor = (proof) =>
  proof.type === "DataIntegrityProof" &&
  typeof proof.cryptosuite === "string" &&
  proof.cryptosuite.startsWith("credanchor-");

function covered(document) {
  const { proof = [], ...rest } = document;
  const kept = [proof].flat().filter((member) => !isAnchor(member));
  if (kept.length) rest.proof = kept.length > 1 ? kept : kept[0];
  return rest;
}

// RFC 9162 §2.1.3.2, as it stands there.
function climb(leaf, index, size, path) {
  let [fn, sn, r] = [index, size - 1, leaf];
  if (!(index < size)) return null;
  for (const p of path) {
    if (sn === 0) return null;
    if (fn % 2 === 1 || fn === sn) {
      r = sha256(Buffer.of(1), p, r);
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
    } else r = sha256(Buffer.of(1), r, p);
    [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
  }
  return sn === 0 ? r : null;
}

function* rows(table) {
  let start = 0;
  for (const [place, leaf] of table.leaves.entries()) {
    const end = start + table.pathLengths[place];
    const path = table.pathHashes.slice(start, end).map(bytes);
    const reached = climb(bytes(leaf), table.indexes[place], table.sizes[place], path);
    yield [reached && hex(reached), table.roots[place], table.reasons?.[place]];
    start = end;
  }
}

for (const entry of load("strict_json-v1").accepted)
  same(canonical(JSON.parse(rawOf(entry))), entry.canonical, entry.name);

const forms = load("canonical-v1");
for (const entry of forms.pairs) same(canonical(JSON.parse(rawOf(entry))), entry.canonical, entry.name);
for (const { bits, canonical: text } of forms.doubles) {
  const number = Buffer.from(bits, "hex").readDoubleBE();
  same(Number.isFinite(number) ? JSON.stringify(number) : null, text, bits);
}

for (const group of load("digest-v1").groups)
  for (const { name, text } of group.documents) {
    const form = canonical(covered(JSON.parse(text)));
    same(form, group.canonical, name);
    same(hex(sha256(Buffer.from(form))), group.digest, name);
  }

const leaf = load("leaf-v1");
for (const [place, expected] of leaf.leaves.entries()) {
  const index = Buffer.alloc(8);
  index.writeBigUInt64BE(BigInt(leaf.indexes[place]));
  const [issuer, salt, digest] = ["issuerIds", "salts", "digests"].map((column) => bytes(leaf[column][place]));
  same(hex(sha256(Buffer.of(0, 1), issuer, index, salt, digest)), expected, `leaf ${place}`);
}

const tree = load("tree-v1");
for (const [reached, root] of rows(tree.paths)) same(reached, root);
for (const [reached, , why] of rows(tree.refused)) {
  if (why !== "size of 2^32") same(reached, null, why); // our limit, not the RFC's
}
for (const [reached, root, why] of rows(tree.misleading)) same(reached !== null && reached !== root, true, why);

for (const { text, canonical: form, name } of load("receipt-v1").valid) same(canonical(JSON.parse(text)), form, name);

const anchors = load("anchor_proof-v1");
for (const { name, document, anchored } of anchors.embedded) {
  const proof = [JSON.parse(anchored).proof].flat().at(-1);
  const { chain, registry, issuerId } = anchors.receipt;
  same(Buffer.from(proof.proofValue.slice(1), "base64url").toString(), canonical(anchors.receipt), name);
  same(proof.verificationMethod, `did:pkh:${chain}:${registry}#${issuerId}`, name);
  same(canonical(covered(JSON.parse(anchored))), canonical(covered(JSON.parse(document))), name);
}

for (const { issuerId, root, leafFile, manifest, metaHash } of load("manifest-v1").cases) {
  const leaves = bytes(leafFile);
  const content = { version: 1, issuerId, treeSize: leaves.length / 32, root, leaves: hex(sha256(leaves)) };
  same(canonical(content), manifest);
  same(hex(sha256(Buffer.from(manifest))), metaHash);
}

console.log(held);
