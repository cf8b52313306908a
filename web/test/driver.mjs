// The page's verifier for another program: one JSON request a line in, one answer a line out.
import { createInterface } from "node:readline";
import * as core from "../../build/web/core.mjs";

const bytes = (text) => (text === null ? null : new Uint8Array(Buffer.from(text, "base64")));
const lines = (checks) => checks.map(({ outcome }) => outcome[0]).join("");

/** What a Fault refuses is an answer; any other error ends this program. */
function orRefused(read) {
  try {
    return read();
  } catch (fault) {
    if (fault instanceof core.Fault) return { refused: fault.code, ...fault.place };
    throw fault;
  }
}

const moment = (text) => (text ? BigInt(text) : null);
const told = ({ verdict, checks }) => ({ verdict, outcomes: lines(checks), keys: checks.map(({ say }) => say[0]) });
const snapshot = (told) => told && { ...told, word: BigInt(told.word) };

/** A history as the wire has it: logs in hex, and what the contract's slot holds of it. */
function historyOf({ history, finalized, chain, registry, issuerId }) {
  if (!history) return null;
  const logs = history.logs.map(({ topics, data }) => ({ topics: topics.map((topic) => core.unhex(topic)), data: core.unhex(data) }));
  return core.closeHistory({ chain, registry, issuerId }, logs, finalized.block, BigInt(history.slot), finalized.source);
}

const REQUESTS = {
  json: ({ raw }) => orRefused(() => ({ canonical: core.canonicalText(core.readJson(bytes(raw))) })),
  receipt: ({ raw }) => orRefused(() => ({ canonical: core.canonicalText(core.readReceipt(bytes(raw)).json) })),
  moment: ({ text }) => orRefused(() => ({ stamp: core.stamp(core.readMoment(text)), micros: String(core.readMoment(text)) })),
  policy: ({ text }) => orRefused(() => ({ policy: core.readPolicy(text) })),
  signed: ({ key, signature, message }) => ({ holds: core.verifies({ kind: "ed25519", bytes: bytes(key) }, bytes(signature), bytes(message)) }),
  header: ({ raw }) =>
    orRefused(() => {
      const { number, hash, time, stateRoot } = core.readHeader(bytes(raw));
      return { number, hash, time, stateRoot: core.hex(stateRoot) };
    }),
  trie: ({ root, key, nodes }) =>
    orRefused(() => {
      const value = core.valueAt(bytes(root), bytes(key), new core.Nodes(nodes.map(bytes)));
      return { value: value && core.hex(value) };
    }),
  judge: ({ raw, sidecar, evidence, policy, now, at }) => {
    const facts = evidence && { ...evidence, head: snapshot(evidence.head), finalized: snapshot(evidence.finalized), history: historyOf(evidence) };
    const trusted = policy === null ? core.NOBODY : core.readPolicy(policy);
    const examination = core.examine(bytes(raw), bytes(sidecar));
    return told(core.judge(examination, facts ?? { reason: ["unread.nobody", {}] }, trusted, BigInt(now), moment(at)));
  },
  bundle: async ({ raw, trusted, policy, now, at }) => {
    const blocks = trusted.map((text) => ({ chain: text.slice(0, -67), hash: text.slice(-66) }));
    const settings = { policy: core.readPolicy(policy), blocks, nodes: [], agree: 1 };
    return told((await core.verify({ bytes: bytes(raw), receipt: null }, settings, BigInt(now), moment(at))).report);
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { ask, ...request } = JSON.parse(line);
  process.stdout.write(JSON.stringify(await REQUESTS[ask](request)) + "\n");
}
