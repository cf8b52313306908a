// Asks the nodes that the reader names, and nobody else. What a node says of a block counts by the
// block's hash; what it says of the registry counts by proof under that block.

import { hex, unhex } from "../core/bytes.js";
import { evidenceOf } from "../core/bundle.js";
import { lost } from "../core/chain-checks.js";
import { proveSnapshot } from "../core/evidence.js";
import { Fault } from "../core/fault.js";
import { headerOf, readHeader } from "../core/header.js";
import { slotsOf } from "../core/storage.js";
import { Nodes } from "../core/trie.js";

const TIMEOUT_MS = 15_000;
const TRIES = 3;
const MAX_ANSWER = 4 * 2 ** 20;

/** @typedef {import("../core/receipt.js").Receipt} Receipt */

/** Why a node gave nothing to judge by; key and values of a sentence. */
class NodeFault extends Error {
  constructor(key, values = {}) {
    super(key);
    this.say = { key, values };
  }
}

/** Scheme, host and port: a path or a user name may hold a provider's key. @param {string} url */
export const nameOf = (url) => new URL(url).origin;

/**
 * Evidence under a block that the reader trusts: the node cannot lie about it.
 * @param {string[]} urls @param {Receipt} receipt @param {string} hash
 */
export const askUnderBlock = (urls, receipt, hash) =>
  firstAnswer(urls, async (node) => {
    await node.serves(receipt.chain);
    const header = await node.header("eth_getBlockByHash", [hash, false]);
    if (header.hash !== hash) throw new Fault("header_hash");
    const { codeHash, snapshot } = await node.prove(header, receipt, { kind: "given" });
    return evidenceOf(receipt, codeHash, snapshot, snapshot);
  });

/**
 * Evidence of now. With agree above 1 so many nodes have to name the same final block.
 * @param {string[]} urls @param {Receipt} receipt @param {number} agree
 */
export async function askNow(urls, receipt, agree) {
  if (agree > 1) return askQuorum(urls, receipt, agree);
  return firstAnswer(urls, async (node, name) => {
    await node.serves(receipt.chain);
    const source = { kind: "node", name };
    const finalized = await node.prove(await node.header("eth_getBlockByNumber", ["finalized", false]), receipt, source);
    const head = await node.prove(await node.header("eth_getBlockByNumber", ["latest", false]), receipt, source);
    return evidenceOf(receipt, head.codeHash, head.snapshot, finalized.snapshot);
  });
}

async function askQuorum(urls, receipt, agree) {
  const nodes = urls.map((url) => ({ url, node: new Node(url) }));
  const tips = await settled(nodes, async ({ node }) => {
    await node.serves(receipt.chain);
    return (await node.header("eth_getBlockByNumber", ["finalized", false])).number;
  });
  // Some nodes are behind: all are asked about the newest block that is final to every one of them.
  const common = Math.min(...tips.answers.map(({ answer }) => answer));
  const told = await settled(
    tips.answers.map(({ from }) => from),
    ({ node }) => node.header("eth_getBlockByNumber", ["0x" + common.toString(16), false]),
  );
  const camps = Map.groupBy(told.answers, ({ answer }) => answer.hash);
  const camp = [...camps.values()].sort((one, other) => other.length - one.length)[0] ?? [];
  if (camp.length < agree) {
    const failures = [...tips.failures, ...told.failures];
    if (camp.length === 0) return { reason: ["unread.nodes", { failures }] };
    return { reason: ["unread.disagree", { agreed: camp.length, asked: urls.length, needed: agree }] };
  }
  const source = { kind: "quorum", agreed: camp.length, asked: urls.length };
  return firstAnswer(camp.map(({ from }) => from.url), async (node, name) => {
    const final = await node.prove(camp[0].answer, receipt, source);
    const head = await newest(node, receipt, { kind: "node", name });
    // No one's word undoes a proof: what does not follow from the final block is not used.
    const follows = head && head.codeHash === final.codeHash && !lost(final.snapshot, head.snapshot);
    const isNewer = follows && head.snapshot.block.number > final.snapshot.block.number;
    return evidenceOf(receipt, final.codeHash, isNewer ? head.snapshot : final.snapshot, final.snapshot);
  });
}

/** What a node says of its newest block; null where it says nothing of use. */
async function newest(node, receipt, source) {
  try {
    return await node.prove(await node.header("eth_getBlockByNumber", ["latest", false]), receipt, source);
  } catch (error) {
    if (error instanceof NodeFault || error instanceof Fault) return null;
    throw error;
  }
}

/** The first node's answer that holds; the failures, each named, where none does. */
async function firstAnswer(urls, question) {
  const failures = [];
  for (const url of urls) {
    try {
      return await question(new Node(url), nameOf(url));
    } catch (error) {
      failures.push(failureOf(url, error));
    }
  }
  return { reason: ["unread.nodes", { failures }] };
}

async function settled(items, question) {
  const results = await Promise.allSettled(items.map(question));
  const answers = [];
  const failures = [];
  for (const [place, result] of results.entries())
    if (result.status === "fulfilled") answers.push({ from: items[place], answer: result.value });
    else failures.push(failureOf(items[place].url, result.reason));
  return { answers, failures };
}

function failureOf(url, error) {
  const reason = error instanceof NodeFault ? error.say : error instanceof Fault ? error : null;
  if (reason === null) throw error;
  return { key: "node.failed", values: { name: nameOf(url), reason } };
}

class Node {
  /** @param {string} url */
  constructor(url) {
    this.url = url;
  }

  async serves(chain) {
    const answer = await this.call("eth_chainId", []);
    const found = `eip155:${/^0x[0-9a-f]{1,16}$/.test(answer) ? BigInt(answer) : "?"}`;
    if (found !== chain) throw new NodeFault("node.chain", { chain: found });
  }

  async header(method, parameters) {
    const answer = await this.call(method, parameters);
    if (typeof answer !== "object" || answer === null) throw new NodeFault("node.refused", { method });
    return readHeader(headerOf(answer));
  }

  /** Asks for whole slots, so that the node does not learn which credential is meant. */
  async prove(header, receipt, source) {
    const slots = slotsOf(receipt.issuerId, receipt.root, receipt.index);
    const keys = [slots.record, slots.didHash, slots.batch, slots.word].map(hex);
    const answer = await this.call("eth_getProof", [receipt.registry, keys, "0x" + header.number.toString(16)]);
    const proofs = [answer?.accountProof, ...[answer?.storageProof ?? []].flat().map((one) => one?.proof)];
    if (!proofs.every(Array.isArray)) throw new NodeFault("node.refused", { method: "eth_getProof" });
    return proveSnapshot(header, receipt, new Nodes(proofs.flat().map((node) => unhex(node))), source);
  }

  async call(method, params) {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
    let fault;
    for (let tries = 0; tries < TRIES; tries += 1) {
      if (tries) await new Promise((done) => setTimeout(done, 250 * 4 ** (tries - 1)));
      try {
        return await this.send(method, body);
      } catch (error) {
        if (!(error instanceof NodeFault) || !error.again) throw error;
        fault = error;
      }
    }
    throw fault;
  }

  async send(method, body) {
    let response, text;
    try {
      response = await fetch(this.url, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
        credentials: "omit",
        referrerPolicy: "no-referrer",
        cache: "no-store",
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      text = await response.text();
    } catch {
      throw again(new NodeFault("node.unreachable"));
    }
    if (!response.ok) {
      const fault = new NodeFault("node.status", { status: response.status });
      throw response.status === 429 || response.status > 499 ? again(fault) : fault;
    }
    const answer = text.length > MAX_ANSWER ? null : parsed(text);
    if (answer?.result === undefined) throw new NodeFault("node.refused", { method });
    return answer.result;
  }
}

const again = (fault) => Object.assign(fault, { again: true });

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
