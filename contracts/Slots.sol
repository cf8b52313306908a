// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev Two records that fill one storage slot each, packed by hand: the compiler would write the
/// slot once for each member. Members stand from the low bits up; light clients read these slots.

/// @dev count 40 | fold 216: how many operations, and the high 216 bits of their last hash.
type HistorySlot is uint256;

/// @dev anchoredAt 40 | operation 40 | size 32 | flags 8.
type BatchSlot is uint256;

using {count, fold} for HistorySlot global;
using {anchoredAt, operation, size, isRevoked, revoked} for BatchSlot global;

uint256 constant REVOKED_FLAG = 1 << 112;

function toHistorySlot(uint40 count_, bytes32 hash) pure returns (HistorySlot) {
    return HistorySlot.wrap(uint256(hash) & ~uint256(type(uint40).max) | count_);
}

function count(HistorySlot self) pure returns (uint40) {
    return uint40(HistorySlot.unwrap(self));
}

function fold(HistorySlot self) pure returns (bytes27) {
    return bytes27(bytes32(HistorySlot.unwrap(self)));
}

function toBatchSlot(uint40 anchoredAt_, uint40 operation_, uint32 size_) pure returns (BatchSlot) {
    return BatchSlot.wrap(uint256(anchoredAt_) | uint256(operation_) << 40 | uint256(size_) << 80);
}

/// @dev Zero where there is no batch: no block has time zero.
function anchoredAt(BatchSlot self) pure returns (uint40) {
    return uint40(BatchSlot.unwrap(self));
}

function operation(BatchSlot self) pure returns (uint40) {
    return uint40(BatchSlot.unwrap(self) >> 40);
}

function size(BatchSlot self) pure returns (uint32) {
    return uint32(BatchSlot.unwrap(self) >> 80);
}

function isRevoked(BatchSlot self) pure returns (bool) {
    return BatchSlot.unwrap(self) & REVOKED_FLAG != 0;
}

function revoked(BatchSlot self) pure returns (BatchSlot) {
    return BatchSlot.wrap(BatchSlot.unwrap(self) | REVOKED_FLAG);
}
