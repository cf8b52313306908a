// Rebuilds one issuer from its events. The contract's rules are kept here once more, written from its
// interface: an event that it could not have emitted after those before it breaks the history, and so does
// one left out, doubled or moved.

import { REVOKE, SUSPEND } from "./events.js";
import { Fault } from "./fault.js";
import { fold, issuerIdOf, issuerStart } from "./history.js";
import { LANES_PER_WORD } from "./storage.js";

/** @typedef {import("./events.js").Event} Event */
/** @typedef {{anchoredAt: number, operation: number, size: number, revoked: boolean, words: Map<bigint, bigint>}} Batch */

/**
 * @typedef {object} Issuer
 * @property {number} operations how many so far
 * @property {string} history their fold, hex
 * @property {string} owner
 * @property {string} pendingOwner
 * @property {string} didHash
 * @property {boolean} paused
 * @property {boolean} retired
 * @property {number} epoch
 * @property {number} distrustAfter
 * @property {Map<string, {roles: number, epoch: number, expiry: number}>} delegates
 * @property {Map<string, Batch>} batches by root
 * @property {Map<string, bigint>} usedNonces by signer and word
 */

const NOBODY = "0x" + "0".repeat(40);
const NO_ROOT = "0x" + "0".repeat(64);
const NO_GRANT = { roles: 0, epoch: 0, expiry: 0 };
const ROLE_ANCHOR = 1;
const ROLE_STATUS = 2;
const EVEN_BITS = (2n ** 256n - 1n) / 3n;
const MAX_WORDS = BigInt(2 ** 32 / LANES_PER_WORD);

/**
 * The issuer after all of its own events, from its registration on; null without any. Throws Fault at the
 * first that cannot follow those before it.
 * @param {{chain: string, registry: string, issuerId: string}} home
 * @param {Event[]} events
 * @returns {Issuer | null}
 */
export function replayIssuer(home, events) {
  let issuer = null;
  let before = 0;
  for (const event of events) {
    require(event, event.issuerId === home.issuerId && event.timestamp >= before);
    require(event, event.operation === (issuer?.operations ?? 0) + 1);
    require(event, (issuer === null) === (event.name === "IssuerRegistered"));
    if (issuer === null) issuer = registered(home, event);
    else CHANGES[event.name](issuer, event);
    issuer.operations = event.operation;
    issuer.history = fold(issuer.history, event);
    before = event.timestamp;
  }
  return issuer;
}

/** @param {number} change @param {bigint} word @param {bigint} mask */
export function changedWord(change, word, mask) {
  if (change === REVOKE) return word | (mask << 1n);
  return change === SUSPEND ? word | mask : word & ~mask;
}

function registered({ chain, registry, issuerId }, event) {
  const chainId = BigInt(chain.slice("eip155:".length));
  require(event, issuerIdOf(chainId, registry, event.actor, event.salt) === issuerId);
  return {
    operations: 0,
    history: issuerStart(chainId, registry, issuerId),
    owner: event.actor,
    pendingOwner: NOBODY,
    didHash: event.didHash,
    paused: false,
    retired: false,
    epoch: 0,
    distrustAfter: 0,
    delegates: new Map(),
    batches: new Map(),
    usedNonces: new Map(),
  };
}

/** What each kind of event demands of the issuer, and makes of it. */
const CHANGES = {
  DidChanged(issuer, event) {
    ownerOnly(issuer, event);
    issuer.didHash = event.didHash;
  },

  OwnershipOffered(issuer, event) {
    ownerOnly(issuer, event);
    require(event, event.pendingOwner !== issuer.pendingOwner);
    issuer.pendingOwner = event.pendingOwner;
  },

  OwnershipTransferred(issuer, event) {
    require(event, event.actor === issuer.pendingOwner && event.previousOwner === issuer.owner);
    issuer.owner = event.actor;
    issuer.pendingOwner = NOBODY;
    nextEpoch(issuer, event);
  },

  DelegateSet(issuer, event) {
    ownerOnly(issuer, event);
    const { delegate, roles, epoch, expiry, timestamp } = event;
    if (roles === 0) require(event, epoch === 0 && expiry === 0);
    else require(event, roles <= (ROLE_ANCHOR | ROLE_STATUS) && epoch === issuer.epoch && expiry > timestamp);
    const before = issuer.delegates.get(delegate) ?? NO_GRANT;
    require(event, roles !== before.roles || epoch !== before.epoch || expiry !== before.expiry);
    issuer.delegates.set(delegate, { roles, epoch, expiry });
  },

  EpochBumped(issuer, event) {
    ownerOnly(issuer, event);
    nextEpoch(issuer, event);
  },

  Paused(issuer, event) {
    ownerOnly(issuer, event);
    require(event, !issuer.paused);
    issuer.paused = true;
  },

  Unpaused(issuer, event) {
    ownerOnly(issuer, event);
    require(event, issuer.paused);
    issuer.paused = false;
  },

  Distrusted(issuer, event) {
    ownerOnly(issuer, event);
    const { distrustAfter: since, timestamp } = event;
    require(event, since > 0 && since <= timestamp);
    require(event, issuer.distrustAfter === 0 || since < issuer.distrustAfter);
    issuer.distrustAfter = since;
  },

  Retired(issuer, event) {
    ownerOnly(issuer, event);
    require(event, !issuer.retired);
    issuer.retired = true;
  },

  NoncesCancelled(issuer, event) {
    if (event.actor === event.signer) authorized(issuer, event, ROLE_STATUS);
    else ownerOnly(issuer, event);
    useNonces(issuer, event, event.signer, event.word, event.mask);
  },

  Anchored(issuer, event) {
    authorized(issuer, event, ROLE_ANCHOR);
    require(event, !issuer.paused && !issuer.retired && !issuer.distrustAfter);
    const { root, size, timestamp: anchoredAt, operation } = event;
    require(event, size > 0 && root !== NO_ROOT && !issuer.batches.has(root));
    issuer.batches.set(root, { anchoredAt, operation, size, revoked: false, words: new Map() });
  },

  StatusChanged(issuer, event) {
    authorized(issuer, event, ROLE_STATUS);
    const { actor, change, nonce, lanes } = event;
    const batch = batchOf(issuer, event);
    require(event, change === REVOKE || !batch.revoked);
    if (nonce) useNonces(issuer, event, actor, nonce >> 8n, 1n << (nonce & 255n));
    let isChanged = false;
    for (const { word, mask } of lanes) {
      const before = batch.words.get(word) ?? 0n;
      const after = changedWord(change, before, mask);
      require(event, isInside(batch, word, mask) && (change === REVOKE || !(before & (mask << 1n))));
      isChanged ||= after !== before;
      batch.words.set(word, after);
    }
    require(event, isChanged);
  },

  BatchRevoked(issuer, event) {
    ownerOnly(issuer, event);
    const batch = batchOf(issuer, event);
    require(event, !batch.revoked);
    batch.revoked = true;
  },
};

function require({ name, operation }, holds) {
  if (!holds) throw new Fault("history_broken", { event: name, operation });
}

const ownerOnly = (issuer, event) => require(event, event.actor === issuer.owner);

function authorized(issuer, event, role) {
  if (event.actor === issuer.owner) return;
  const { roles, epoch, expiry } = issuer.delegates.get(event.actor) ?? NO_GRANT;
  require(event, epoch === issuer.epoch && event.timestamp < expiry && roles & role);
}

function nextEpoch(issuer, event) {
  require(event, event.epoch === issuer.epoch + 1);
  issuer.epoch = event.epoch;
}

function batchOf(issuer, event) {
  const batch = issuer.batches.get(event.root);
  require(event, batch !== undefined);
  return batch;
}

function isInside({ size }, word, mask) {
  const count = Math.min(size - LANES_PER_WORD * Number(word), LANES_PER_WORD);
  const inUse = count > 0 ? EVEN_BITS & (2n ** BigInt(2 * count) - 1n) : 0n;
  return (mask & ~inUse) === 0n && word < MAX_WORDS;
}

function useNonces(issuer, event, signer, word, mask) {
  const place = `${signer} ${word}`;
  const used = issuer.usedNonces.get(place) ?? 0n;
  require(event, (used | mask) !== used);
  issuer.usedNonces.set(place, used | mask);
}
