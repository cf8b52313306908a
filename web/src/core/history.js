// The fold of operations into history hashes, as the contract computes it. With ‖ for concatenation by
// Solidity's abi.encode, and each h keeping the high 27 bytes:
//
//   h(0) = keccak256(keccak256("credanchor.history.issuer.1") ‖ chain id ‖ registry ‖ issuerId)
//   h(n) = keccak256(h(n-1) ‖ n ‖ kind ‖ timestamp ‖ actor ‖ fields...)
//
// `fields` are the event's other members in their declared order, root included and issuerId not.
// Registrations have such a history of their own, over all issuers.

import { ADDRESS, BYTES27, BYTES32, encodeAbi, TEXT, uint } from "./abi.js";
import { hex, keccak256, utf8 } from "./bytes.js";
import { folded } from "./events.js";

const tag = (text) => hex(keccak256(utf8(text)));
const ISSUER_TAG = tag("credanchor.history.issuer.1");
const REGISTRATIONS_TAG = tag("credanchor.history.registrations.1");
const REGISTRATION = [BYTES27, uint(40), uint(40), ADDRESS, BYTES32, BYTES32, BYTES32, TEXT];

const high27 = (members, values) => hex(keccak256(encodeAbi(members, values)).subarray(0, 27));

/** An issuer's history before its registration, which is operation 1. @param {bigint} chainId */
export const issuerStart = (chainId, registry, issuerId) =>
  high27([BYTES32, uint(256), ADDRESS, BYTES32], [ISSUER_TAG, chainId, registry, issuerId]);

/** The history of registrations before the first. @param {bigint} chainId */
export const registrationsStart = (chainId, registry) =>
  high27([BYTES32, uint(256), ADDRESS], [REGISTRATIONS_TAG, chainId, registry]);

/** @param {string} history hex of 27 bytes @param {import("./events.js").Event} event */
export function fold(history, event) {
  const [members, values] = folded(event);
  return high27([BYTES27, ...members], [history, ...values]);
}

/** @param {string} history hex of 27 bytes @param {import("./events.js").Event} event of a registration */
export const foldRegistration = (history, { registration, timestamp, actor, issuerId, salt, didHash, profileURI }) =>
  high27(REGISTRATION, [history, registration, timestamp, actor, issuerId, salt, didHash, profileURI]);

/** An issuer's id: keccak256(chain id ‖ registry ‖ registrant ‖ salt). @param {bigint} chainId */
export const issuerIdOf = (chainId, registry, registrant, salt) =>
  hex(keccak256(encodeAbi([uint(256), ADDRESS, ADDRESS, BYTES32], [chainId, registry, registrant, salt])));
