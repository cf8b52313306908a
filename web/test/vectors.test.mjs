// The released vectors hold for the page's verifier as they do for the library's.
//
//   node --test web/test/*.test.mjs      after: node web/build.mjs build/web
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import * as core from "../../build/web/core.mjs";

const FOLDER = join(import.meta.dirname, "../../tests/vectors");
const load = (name) => JSON.parse(readFileSync(join(FOLDER, `${name}.json`), "utf8"));
const rawOf = ({ text, base64 }) => (text === undefined ? new Uint8Array(Buffer.from(base64, "base64")) : core.utf8(text));
const { unhex, hex, canonicalText, readJson } = core;

/** The Fault that reading ends in. */
function faultOf(read) {
  try {
    read();
  } catch (fault) {
    assert.ok(fault instanceof core.Fault, String(fault?.stack));
    return fault;
  }
  return assert.fail("nothing was refused");
}

test("strict JSON: accepted", () => {
  for (const entry of load("strict_json-v1").accepted)
    assert.equal(canonicalText(readJson(rawOf(entry))), entry.canonical, entry.name);
});

test("strict JSON: refused, at the place", () => {
  for (const entry of load("strict_json-v1").refused) {
    const { place } = faultOf(() => readJson(rawOf(entry)));
    const { line, column, pointer } = entry;
    assert.deepEqual({ ...place }, { line, column, pointer }, entry.name);
  }
});

test("canonical form: texts and doubles", () => {
  const forms = load("canonical-v1");
  for (const entry of forms.pairs) assert.equal(canonicalText(readJson(rawOf(entry))), entry.canonical, entry.name);
  for (const { bits, canonical } of forms.doubles) {
    const number = Buffer.from(bits, "hex").readDoubleBE();
    if (canonical !== null) assert.equal(canonicalText(number), canonical, bits);
    else assert.ok(!Number.isFinite(number), bits); // no JSON text is read as one
  }
});

test("credential digest", () => {
  const { groups, refused } = load("digest-v1");
  for (const group of groups)
    for (const { name, text } of group.documents) {
      const form = core.canonicalize(core.covered(readJson(core.utf8(text))));
      assert.equal(new TextDecoder().decode(form), group.canonical, name);
      assert.equal(hex(core.sha256(form)), group.digest, name);
    }
  for (const { name, text, pointer } of refused)
    assert.equal(faultOf(() => core.covered(readJson(core.utf8(text)))).place.pointer, pointer, name);
});

test("leaf", () => {
  const leaf = load("leaf-v1");
  const hashOf = (place, index = leaf.indexes[place]) =>
    core.leafHash(unhex(leaf.issuerIds[place]), BigInt(index), unhex(leaf.salts[place]), unhex(leaf.digests[place]));
  for (const [place, expected] of leaf.leaves.entries()) assert.equal(hex(hashOf(place)), expected);
  for (const wrong of leaf.notLeaves) assert.notEqual(hex(hashOf(leaf.notLeavesOfCase)), wrong);
  for (const index of leaf.refusedIndexes) faultOf(() => hashOf(0, index));
});

test("tree: paths lead to the root, or are refused, or mislead and show it", () => {
  const tree = load("tree-v1");
  const rows = (table) => {
    let start = 0;
    return table.leaves.map((leaf, place) => {
      const path = table.pathHashes.slice(start, (start += table.pathLengths[place])).map((text) => unhex(text));
      const climb = () => hex(core.rootFromPath(unhex(leaf), table.indexes[place], table.sizes[place], path));
      return { climb, root: table.roots[place], why: table.reasons?.[place] };
    });
  };
  for (const { climb, root } of rows(tree.paths)) assert.equal(climb(), root);
  for (const { climb } of rows(tree.refused)) faultOf(climb);
  for (const { climb, root, why } of rows(tree.misleading)) assert.notEqual(climb(), root, why);
});

test("receipt: valid and invalid, with the member at fault", () => {
  const receipts = load("receipt-v1");
  for (const { text, canonical, name } of receipts.valid)
    assert.equal(canonicalText(core.readReceipt(core.utf8(text)).json), canonical, name);
  for (const entry of receipts.invalid) {
    const fault = faultOf(() => core.readReceipt(rawOf(entry)));
    if (entry.pointer !== undefined) assert.equal(fault.place.pointer ?? "", entry.pointer, entry.name);
  }
});

test("anchor proof: embedded is read back, what was changed is refused", () => {
  const anchors = load("anchor_proof-v1");
  for (const { name, document, anchored } of anchors.embedded) {
    const [plain, sealed] = [document, anchored].map((text) => readJson(core.utf8(text)));
    const receipt = core.embeddedReceipt(sealed);
    assert.equal(canonicalText(receipt.json), canonicalText(anchors.receipt), name);
    assert.equal(canonicalText(core.covered(sealed)), canonicalText(core.covered(plain)), name);
    assert.equal(core.embeddedReceipt(plain), null, name);
  }
  for (const { name, text } of anchors.refused) {
    assert.ok(text, name);
    faultOf(() => core.embeddedReceipt(readJson(core.utf8(text))));
  }
});

test("manifest", () => {
  for (const { issuerId, root, leafFile, manifest, metaHash } of load("manifest-v1").cases) {
    const leaves = unhex(leafFile);
    const content = { version: 1, issuerId, treeSize: leaves.length / 32, root, leaves: hex(core.sha256(leaves)) };
    assert.equal(canonicalText(content), manifest);
    assert.equal(hex(core.sha256(core.utf8(manifest))), metaHash);
  }
});

const letters = ({ checks }) => checks.map(({ outcome }) => outcome[0]).join("");

const trusting = ({ chain, registry, codeHash, issuerId, speaksFor, name, maxAgeS }) => ({
  registries: [{ chain, address: registry, codeHash, purposes: [] }],
  issuers: [{ chain, registry, issuerId, speaksFor, name, purposes: [] }],
  dids: [],
  maxAgeS,
});

async function bundlesHold(vectors, atLeast) {
  const blockOf = (text) => ({ chain: text.slice(0, text.lastIndexOf(":")), hash: text.slice(text.lastIndexOf(":") + 1) });
  assert.ok(vectors.cases.length >= atLeast);
  for (const entry of vectors.cases) {
    const settings = {
      policy: trusting(entry.policy ?? vectors.policy),
      blocks: (entry.trusted ?? vectors.trusted).map(blockOf),
      nodes: [],
      agree: 1,
    };
    const now = core.readMoment(entry.now ?? vectors.now);
    const at = "at" in entry ? core.readMoment(entry.at) : null;
    const { report } = await core.verify({ bytes: rawOf(entry), receipt: null }, settings, now, at);
    assert.deepEqual([report.verdict, letters(report)], [entry.verdict, entry.outcomes], entry.name);
  }
}

test("bundles: every verdict, the outcome of every step", () => bundlesHold(load("bundle-v1"), 100));

test("bundles: as many proofs as are read, and more", () => bundlesHold(load("limits-v1"), 5));

/** A snapshot of storage as the vectors have it, on one node's word. */
const snapshotOf = ({ block: { number, hash, timestamp }, slots }) => ({
  block: { number, hash, time: timestamp },
  issuer: core.issuerRecord(BigInt(slots.issuer)),
  didHash: slots.didHash,
  batch: core.batchRecord(BigInt(slots.batch)),
  word: BigInt(slots.word),
  source: { kind: "node", name: "http://node.example" },
});

test("an anchor that is not final yet is pending", () => {
  const { pending, policy, now } = load("bundle-v1");
  const receipt = core.receiptOf(readJson(core.utf8(JSON.stringify(pending.receipt))));
  const [head, finalized] = [pending.head, pending.finalized].map(snapshotOf);
  const evidence = core.evidenceOf(receipt, policy.codeHash, head, finalized);
  const examination = core.examine(core.utf8(pending.credential), core.canonicalize(receipt.json));
  const report = core.judge(examination, evidence, trusting(policy), core.readMoment(now));
  assert.deepEqual([report.verdict, letters(report)], [pending.verdict, pending.outcomes]);
});

const logOf = ({ topics, data }) => ({ topics: topics.map((topic) => unhex(topic)), data: unhex(data) });

test("events: a log reads as its vector says and writes back, or is refused", () => {
  const { logs, refused } = load("events-v1");
  const shown = (value) =>
    value instanceof Uint8Array
      ? new TextDecoder().decode(value)
      : Array.isArray(value)
        ? value.map(({ word, mask }) => ({ word: String(word), mask: String(mask) }))
        : String(value);
  for (const entry of logs) {
    const event = core.readLog(logOf(entry));
    const { name, kind, ...fields } = event;
    assert.equal(name, entry.event);
    assert.deepEqual(Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, shown(value)])), entry.fields);
    assert.ok(kind >= 1 && kind <= 14);
    assert.deepEqual(core.writeLog(event), logOf(entry), name);
  }
  for (const entry of refused) assert.equal(faultOf(() => core.readLog(logOf(entry))).code, "not_a_log", entry.reason);
});

test("histories: every operation folds as released", () => {
  const { chainId, registry, starts, logs, issuerIds, histories, registrations } = load("history-v1");
  const chain = BigInt(chainId);
  const soFar = {};
  for (const [place, issuerId] of starts.issuerIds.entries()) {
    assert.equal((soFar[issuerId] = core.issuerStart(chain, registry, issuerId)), starts.histories[place]);
  }
  const events = logs.map((log) => core.readLog(logOf(log)));
  for (const [place, event] of events.entries()) {
    assert.equal(event.issuerId, issuerIds[place]);
    soFar[event.issuerId] = core.fold(soFar[event.issuerId], event);
    assert.equal(soFar[event.issuerId], histories[place], event.name);
  }
  let all = core.registrationsStart(chain, registry);
  assert.equal(all, registrations.start);
  const registered = events.filter(({ name }) => name === "IssuerRegistered");
  for (const [place, event] of registered.entries()) {
    assert.equal(core.issuerIdOf(chain, registry, event.actor, event.salt), event.issuerId);
    assert.equal((all = core.foldRegistration(all, event)), registrations.histories[place]);
  }
  assert.equal(registered.length, registrations.histories.length);
});

test("histories: each issuer's operations replay to what they fold to", () => {
  const { chainId, registry, starts, logs, issuerIds, histories } = load("history-v1");
  const events = logs.map((log) => core.readLog(logOf(log)));
  for (const issuerId of starts.issuerIds) {
    const own = events.filter((event) => event.issuerId === issuerId);
    const issuer = core.replayIssuer({ chain: `eip155:${chainId}`, registry, issuerId }, own);
    assert.equal(issuer?.history, histories[issuerIds.lastIndexOf(issuerId)]);
    for (const place of own.keys()) {
      const home = { chain: `eip155:${chainId}`, registry, issuerId };
      if (place < own.length - 1) faultOf(() => core.replayIssuer(home, own.toSpliced(place, 1)));
      faultOf(() => core.replayIssuer(home, own.toSpliced(place, 0, own[place])));
    }
  }
});

test("past moments: each has the released verdict", () => {
  const { policy, credential, cases } = load("at_time-v1");
  const examination = core.examine(core.utf8(credential), null);
  const { chain, registry, issuerId } = policy;
  for (const { name, finalized, head, history, moments, now } of cases) {
    const evidence = core.evidenceOf(examination.sealed, policy.codeHash, snapshotOf(head), snapshotOf(finalized));
    const { block, source } = evidence.finalized;
    const slot = BigInt(finalized.slots.history);
    evidence.history = core.closeHistory({ chain, registry, issuerId }, history.map(logOf), block, slot, source);
    for (const { at, verdict } of moments) {
      const report = core.judge(examination, evidence, trusting(policy), core.readMoment(now), core.readMoment(at));
      assert.equal(report.verdict, verdict, `${name}, ${at}`);
    }
  }
});

test("a moment to come is not judged", () => {
  const [now, at] = ["2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"].map(core.readMoment);
  assert.throws(() => core.judge(core.examine(core.utf8("{}"), null), { reason: ["unread.nobody", {}] }, core.NOBODY, now, at), RangeError);
});

/** Vectors of what a page that only verifies has no use for, and why. */
const NOT_OURS = { "typed_data-v1": "messages that an issuer's wallet signs: the contract checks them, a verifier sees what came of them in logs" };

test("every released file is held to here, or named with the reason why not", () => {
  const own = readFileSync(import.meta.filename, "utf8");
  for (const file of readdirSync(FOLDER).filter((name) => name.endsWith(".json"))) {
    const name = file.replace(".json", "");
    assert.notEqual(own.includes(`load("${name}")`), Object.hasOwn(NOT_OURS, name), name);
  }
});

const asRead = (value) => readJson(core.utf8(JSON.stringify(value)));
const homeText = ({ chain, registry, issuerId }) => `did:pkh:${chain}:${registry}#${issuerId}`;

test("DID documents: what is read from them, what is refused", () => {
  const vectors = load("identity-v1");
  for (const { name, document, hash, did, keys, homes } of vectors.documents) {
    const found = core.readDidDocument(asRead(document));
    assert.deepEqual([found.hash, found.did], [hash, did], name);
    assert.deepEqual(found.homes, new Set(homes.map(homeText)), name);
    const told = found.keys.map(({ url, key, retiredAt }) => ({
      url,
      kind: { ed25519: "Ed25519", p256: "P-256" }[key.kind],
      publicKey: hex(key.bytes),
      retiredAt: retiredAt === null ? null : core.stamp(retiredAt),
    }));
    assert.deepEqual(told, keys, name);
  }
  for (const { name, text, pointer } of vectors.refusedDocuments)
    assert.equal(faultOf(() => core.readDidDocument(readJson(core.utf8(text)))).place.pointer, pointer, name);
});

test("who may speak for whom, and with which keys", () => {
  const vectors = load("identity-v1");
  const documents = Object.fromEntries(vectors.documents.map(({ name, document }) => [name, document]));
  for (const entry of vectors.cases) {
    const { chain, registry } = entry.home;
    const policy = {
      registries: [],
      issuers: entry.policy.issuers.map((one) => ({ chain, registry, purposes: [], ...one })),
      dids: entry.policy.dids.map((one) => ({ purposes: [], ...one })),
    };
    const word = {
      documents: entry.documents.map(({ name, origin }) => ({
        document: core.readDidDocument(asRead(documents[name])),
        carried: origin === "carried",
      })),
    };
    const credential = core.readCredential(core.utf8(JSON.stringify(entry.credential)));
    const receipt = { chain, registry, issuerId: unhex(entry.home.issuerId) };
    const accepted = core.accept(policy, receipt, credential.issuer, word, entry.didHash);
    assert.equal(accepted.outcome, entry.standing.outcome, entry.name);
    const at = entry.anchoredAt === null ? null : Number(core.readMoment(entry.anchoredAt) / 1_000_000n);
    const keys = core.issuerKeys(accepted, credential.issuer, word, entry.didHash, at);
    assert.equal(core.signatureStep(credential, keys).outcome, entry.signature.outcome, entry.name);
  }
});
