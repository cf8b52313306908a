// What the registry's logs say: one kind of event for each thing that can happen to an issuer. A log is
// taken only in the one form that the contract writes.

import { ADDRESS, BYTES32, decodeAbi, encodeAbi, LANES, TEXT, uint } from "./abi.js";
import { hex, keccak256, unhex, utf8 } from "./bytes.js";
import { Fault } from "./fault.js";

/**
 * One operation of one issuer, with further members by its kind: those of EVENTS, in hex where they are
 * bytes, as a bigint where they may be beyond 2^53.
 * @typedef {object} Event
 * @property {string} name
 * @property {number} kind as histories fold it
 * @property {string} issuerId
 * @property {number} operation its number in the issuer's history, from 1
 * @property {number} timestamp its block's, Unix seconds
 * @property {string} actor whose authority was used
 */

/** @typedef {{topics: Uint8Array[], data: Uint8Array}} Log */

export const SUSPEND = 0;
export const REINSTATE = 1;
export const REVOKE = 2;

const CHANGE = { ...uint(8), read: changeOf };

function changeOf(word) {
  if (word.subarray(0, 31).some(Boolean) || word[31] > REVOKE) throw new Fault("not_a_log");
  return word[31];
}

const ALWAYS = { operation: uint(40), timestamp: uint(40), actor: ADDRESS };

/** Kinds in the order of their numbers, from 1. A root is a topic of its own; all else is data. */
const EVENTS = {
  IssuerRegistered: { registration: uint(40), salt: BYTES32, didHash: BYTES32, profileURI: TEXT },
  DidChanged: { didHash: BYTES32, profileURI: TEXT },
  OwnershipOffered: { pendingOwner: ADDRESS },
  OwnershipTransferred: { previousOwner: ADDRESS, epoch: uint(32) },
  DelegateSet: { delegate: ADDRESS, roles: uint(8), expiry: uint(40), epoch: uint(32) },
  EpochBumped: { epoch: uint(32) },
  Paused: {},
  Unpaused: {},
  Distrusted: { distrustAfter: uint(40) },
  Retired: {},
  NoncesCancelled: { signer: ADDRESS, word: uint(256), mask: uint(256) },
  Anchored: { root: BYTES32, size: uint(32), metaHash: BYTES32 },
  StatusChanged: { root: BYTES32, change: CHANGE, nonce: uint(256), lanes: LANES },
  BatchRevoked: { root: BYTES32 },
};

const FORMS = Object.entries(EVENTS).map(([name, own], place) => {
  const { root, ...rest } = own;
  const topics = root ? [root] : [];
  const data = { ...ALWAYS, ...rest };
  const types = [BYTES32, ...topics, ...Object.values(data)].map((member) => member.name);
  return { name, kind: place + 1, own, hasRoot: topics.length === 1, data, topic: hex(keccak256(utf8(`${name}(${types})`))) };
});
const BY_TOPIC = new Map(FORMS.map((form) => [form.topic, form]));

/** @param {Log} log @returns {Event} Throws Fault for one that the registry cannot have written. */
export function readLog({ topics, data }) {
  const form = topics.length ? BY_TOPIC.get(hex(topics[0])) : undefined;
  if (form === undefined || topics.length !== (form.hasRoot ? 3 : 2) || topics.some((one) => one.length !== 32)) throw new Fault("not_a_log");
  const values = decodeAbi(Object.values(form.data), data);
  const members = Object.fromEntries(Object.keys(form.data).map((member, place) => [member, values[place]]));
  const root = form.hasRoot ? { root: hex(topics[2]) } : {};
  return { name: form.name, kind: form.kind, issuerId: hex(topics[1]), ...members, ...root };
}

/** Topics and data as the contract emits them: the inverse of `readLog`. @param {Event} event @returns {Log} */
export function writeLog(event) {
  const { topic, hasRoot, data } = FORMS[event.kind - 1];
  const topics = [topic, event.issuerId, ...(hasRoot ? [event.root] : [])].map((text) => unhex(text, 32));
  return { topics, data: encodeAbi(Object.values(data), Object.keys(data).map((member) => event[member])) };
}

/**
 * Types and values of what a history folds of an event after its history so far: number, kind,
 * timestamp, actor, then every other member but the issuer id.
 * @param {Event} event @returns {[import("./abi.js").Member[], unknown[]]}
 */
export function folded(event) {
  const { own } = FORMS[event.kind - 1];
  const { operation, timestamp, actor } = ALWAYS;
  return [
    [operation, uint(8), timestamp, actor, ...Object.values(own)],
    [event.operation, event.kind, event.timestamp, event.actor, ...Object.keys(own).map((member) => event[member])],
  ];
}
