// Merkle-Patricia proofs (yellow paper, appendices C and D): what a trie with a known root holds at a
// key. Every node is found by its hash, so whoever gives the nodes can leave out, but never lie.

import { bigEndian, equal, hex, keccak256, unhex } from "./bytes.js";
import { Fault } from "./fault.js";
import { decodeRlp, encodeRlp, scalar } from "./rlp.js";

/** keccak256 of the RLP of nothing: a trie without entries. */
const EMPTY_ROOT = unhex("0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");
/** keccak256 of nothing: there is no contract. */
export const EMPTY_CODE_HASH = "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470";
const MAX_NODE_BYTES = 1024;

/** Trie nodes by hash; remembers which of them were walked through, in order of first use. */
export class Nodes {
  /** @type {Set<Uint8Array>} */
  used = new Set();

  /** @param {Iterable<Uint8Array>} nodes */
  constructor(nodes) {
    this.byHash = new Map([...nodes].map((node) => [hex(keccak256(node)), node]));
  }

  /** @param {Uint8Array} hash @param {boolean} isRoot */
  get(hash, isRoot) {
    const node = this.byHash.get(hex(hash));
    if (node === undefined) throw new Fault("node_missing");
    if (node.length > MAX_NODE_BYTES || (node.length < 32 && !isRoot)) throw new Fault("not_a_node");
    this.used.add(node);
    return decodeRlp(node);
  }
}

/**
 * The value at keccak256(key); null where the nodes prove that there is none. Throws Fault where they
 * prove neither.
 * @param {Uint8Array} root @param {Uint8Array} key @param {Nodes} nodes
 * @returns {Uint8Array | null}
 */
export function valueAt(root, key, nodes) {
  if (equal(root, EMPTY_ROOT)) return null;
  let path = nibblesOf(keccak256(key));
  let node = nodes.get(root, true);
  while (node !== null) {
    if (!Array.isArray(node)) throw new Fault("not_a_node");
    if (node.length === 17) {
      if (path.length === 0) return bytesOf(node[16]);
      node = child(node[path[0]], nodes);
      path = path.slice(1);
    } else if (node.length === 2) {
      const { isLeaf, piece } = hexPrefix(node[0]);
      const shared = piece.every((nibble, place) => nibble === path[place]);
      if (isLeaf) return shared && piece.length === path.length ? valueOf(node[1]) : null;
      if (!shared) return null;
      path = path.slice(piece.length);
      node = child(node[1], nodes);
      if (node === null) throw new Fault("not_a_node"); // an extension that leads nowhere
    } else throw new Fault("not_a_node");
  }
  return null;
}

const nibblesOf = (bytes) => [...bytes].flatMap((byte) => [byte >> 4, byte & 15]);

/** A child is named by its hash, or, below 32 bytes, stands there itself. */
function child(reference, nodes) {
  if (Array.isArray(reference)) {
    if (encodeRlp(reference).length >= 32) throw new Fault("not_a_node");
    return reference;
  }
  if (reference.length === 0) return null;
  if (reference.length !== 32) throw new Fault("not_a_node");
  return nodes.get(reference, false);
}

function bytesOf(value) {
  if (Array.isArray(value)) throw new Fault("not_a_node");
  return value.length ? value : null;
}

function valueOf(value) {
  const bytes = bytesOf(value);
  if (bytes === null) throw new Fault("not_a_node");
  return bytes;
}

function hexPrefix(bytes) {
  if (Array.isArray(bytes) || bytes.length === 0 || bytes.length > 33) throw new Fault("not_a_node");
  const flag = bytes[0] >> 4;
  if (flag > 3 || (flag % 2 === 0 && bytes[0] & 15)) throw new Fault("not_a_node");
  const piece = nibblesOf(bytes).slice(flag % 2 ? 1 : 2);
  if (flag < 2 && piece.length === 0) throw new Fault("not_a_node");
  return { isLeaf: flag > 1, piece };
}

/**
 * An account, proven from a block's state root (EIP-1186); null where there is none.
 * @param {Uint8Array} stateRoot @param {Uint8Array} address @param {Nodes} nodes
 * @returns {{storageRoot: Uint8Array, codeHash: string} | null}
 */
export function accountAt(stateRoot, address, nodes) {
  const value = valueAt(stateRoot, address, nodes);
  if (value === null) return null;
  const fields = decodeRlp(value);
  if (!Array.isArray(fields) || fields.length !== 4 || fields.some(Array.isArray)) throw new Fault("not_a_node");
  const [nonce, balance, storageRoot, codeHash] = fields;
  scalar(nonce, 8);
  scalar(balance, 32);
  if (storageRoot.length !== 32 || codeHash.length !== 32) throw new Fault("not_a_node");
  return { storageRoot, codeHash: hex(codeHash) };
}

/**
 * What a slot holds; an absent one holds zero. Ethereum stores none, but a development chain (anvil) keeps
 * slots that have become zero.
 * @param {Uint8Array} storageRoot @param {Uint8Array} slot @param {Nodes} nodes
 * @returns {bigint}
 */
export function slotAt(storageRoot, slot, nodes) {
  const value = valueAt(storageRoot, slot, nodes);
  return value === null ? 0n : scalar(decodeRlp(value), 32);
}

/** @param {bigint} word */
export const wordHex = (word) => hex(bigEndian(word, 32));
