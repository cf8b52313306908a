// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Inclusion paths of RFC 9162 trees over SHA-256
library MerklePath {
    /// @notice Whether `leaf` stands at `index` in the tree of `size` leaves with that `root`.
    /// @dev RFC 9162 section 2.1.3.2. A path of another length than index and size demand fails: so
    /// no inner node passes for a leaf of the same tree, and a leaf has one path only.
    function verifies(
        bytes32 root,
        uint256 size,
        bytes32 leaf,
        uint256 index,
        bytes32[] calldata path
    ) internal view returns (bool) {
        if (index >= size) return false;
        uint256 node = index; // fn, the position of `hash` in its level
        uint256 last = size - 1; // sn, the last position of that level
        bytes32 hash = leaf;
        for (uint256 i = 0; i < path.length; ++i) {
            if (last == 0) return false; // longer than the way to the root
            if (node & 1 == 1 || node == last) {
                hash = _parent(path[i], hash);
                // The last node of a level of odd length rises until it has a left sibling.
                while (node & 1 == 0 && node != 0) {
                    node >>= 1;
                    last >>= 1;
                }
            } else {
                hash = _parent(hash, path[i]);
            }
            node >>= 1;
            last >>= 1;
        }
        return last == 0 && hash == root;
    }

    /// @dev SHA-256(0x01 || left || right), in the free memory that it leaves free: a path of any
    /// length needs no more than one node's room.
    function _parent(bytes32 left, bytes32 right) private view returns (bytes32 hash) {
        assembly ("memory-safe") {
            let input := mload(0x40)
            mstore8(input, 0x01)
            mstore(add(input, 0x01), left)
            mstore(add(input, 0x21), right)
            // Address 2 is SHA-256. It fails only when gas runs out, and then so must we: scratch
            // memory would otherwise hand an old hash on.
            if iszero(staticcall(gas(), 2, input, 0x41, 0x00, 0x20)) { revert(0, 0) }
            hash := mload(0x00)
        }
    }
}
