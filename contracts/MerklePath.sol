// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Inclusion paths of RFC 9162 trees over SHA-256
library MerklePath {
    /// @notice Whether `leaf` stands at `index` in the tree of `size` leaves with that `root`.
    /// @dev RFC 9162 section 2.1.3.2. A path of another length than index and size demand fails: so
    /// no inner node passes for a leaf of the same tree, and a leaf has one path only.
    ///
    /// In assembly because a view that other contracts call is paid for at each level: the same loop
    /// in Solidity cost about a third more. Names are the RFC's: `fn` is the position of
    /// `hash` in its level and `sn` the last position of that level.
    function verifies(
        bytes32 root,
        uint256 size,
        bytes32 leaf,
        uint256 index,
        bytes32[] calldata path
    ) internal view returns (bool included) {
        if (index >= size) return false;
        assembly ("memory-safe") {
            // One node's preimage, 0x01 || left || right, in free memory that stays free.
            let node := mload(0x40)
            let left := add(node, 0x01)
            let right := add(node, 0x21)
            mstore8(node, 0x01)

            let hash := leaf
            let fn := index
            let sn := sub(size, 1)
            let next := path.offset
            let end := add(next, shl(5, path.length))
            // Stops early, with siblings left over, where the path is longer than the way up.
            for {} and(lt(next, end), gt(sn, 0)) { next := add(next, 0x20) } {
                switch or(and(fn, 1), eq(fn, sn))
                case 0 {
                    mstore(left, hash)
                    mstore(right, calldataload(next))
                }
                default {
                    mstore(left, calldataload(next))
                    mstore(right, hash)
                    // The last node of a level of odd length rises until it has a left sibling.
                    for {} iszero(or(and(fn, 1), iszero(fn))) {} {
                        fn := shr(1, fn)
                        sn := shr(1, sn)
                    }
                }
                // Address 2 is SHA-256. It fails only where gas runs out, and then so must we:
                // scratch memory would hand an old hash on.
                if iszero(staticcall(gas(), 2, node, 0x41, 0x00, 0x20)) { revert(0, 0) }
                hash := mload(0x00)
                fn := shr(1, fn)
                sn := shr(1, sn)
            }
            included := and(and(eq(next, end), iszero(sn)), eq(hash, root))
        }
    }
}
