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

const snapshot = (told) => told && { ...told, word: BigInt(told.word) };

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
  judge: ({ raw, sidecar, evidence, policy, now }) => {
    const facts = evidence && { ...evidence, head: snapshot(evidence.head), finalized: snapshot(evidence.finalized) };
    const trusted = policy === null ? core.NOBODY : core.readPolicy(policy);
    const examination = core.examine(bytes(raw), bytes(sidecar));
    const report = core.judge(examination, facts ?? { reason: ["unread.nobody", {}] }, trusted, BigInt(now));
    return { verdict: report.verdict, outcomes: lines(report.checks), keys: report.checks.map(({ say }) => say[0]) };
  },
  bundle: async ({ raw, trusted, policy, now }) => {
    const blocks = trusted.map((text) => ({ chain: text.slice(0, -67), hash: text.slice(-66) }));
    const settings = { policy: core.readPolicy(policy), blocks, nodes: [], agree: 1 };
    const { report } = await core.verify({ bytes: bytes(raw), receipt: null }, settings, BigInt(now));
    return { verdict: report.verdict, outcomes: lines(report.checks), keys: report.checks.map(({ say }) => say[0]) };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { ask, ...request } = JSON.parse(line);
  process.stdout.write(JSON.stringify(await REQUESTS[ask](request)) + "\n");
}
