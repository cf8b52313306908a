// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev RFC 9162 sections 2.1.1 and 2.1.3 as they are defined there: by recursion, from the top.
library Rfc9162 {
    function root(bytes32[] memory leaves) internal pure returns (bytes32) {
        return _root(leaves, 0, leaves.length);
    }

    /// @return siblings Leaf end first.
    function path(bytes32[] memory leaves, uint256 index)
        internal
        pure
        returns (bytes32[] memory siblings)
    {
        return _path(leaves, index, 0, leaves.length);
    }

    function node(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(bytes1(0x01), left, right));
    }

    /// @dev The node that `steps` of the path of leaf `index` lead up to.
    function ancestor(bytes32[] memory leaves, uint256 index, uint256 steps)
        internal
        pure
        returns (bytes32)
    {
        uint256 down = path(leaves, index).length - steps;
        (uint256 from, uint256 to) = (0, leaves.length);
        for (uint256 i = 0; i < down; ++i) {
            uint256 middle = from + _leftOf(to - from);
            (from, to) = index < middle ? (from, middle) : (middle, to);
        }
        return _root(leaves, from, to);
    }

    /// @dev The root that a path of a tree of `size` leaves leads to; zero if it has another length.
    function climb(bytes32 leaf, uint256 index, uint256 size, bytes32[] memory siblings)
        internal
        pure
        returns (bytes32)
    {
        if (index >= size) return 0;
        if (size == 1) return siblings.length == 0 ? leaf : bytes32(0);
        if (siblings.length == 0) return 0;
        uint256 left = _leftOf(size);
        bytes32 sibling = siblings[siblings.length - 1];
        bytes32[] memory rest = _without(siblings);
        bool isLeft = index < left;
        bytes32 below =
            isLeft ? climb(leaf, index, left, rest) : climb(leaf, index - left, size - left, rest);
        if (below == 0) return 0;
        return isLeft ? node(below, sibling) : node(sibling, below);
    }

    function _root(bytes32[] memory leaves, uint256 from, uint256 to)
        private
        pure
        returns (bytes32)
    {
        if (to - from == 1) return leaves[from];
        uint256 middle = from + _leftOf(to - from);
        return node(_root(leaves, from, middle), _root(leaves, middle, to));
    }

    function _path(bytes32[] memory leaves, uint256 index, uint256 from, uint256 to)
        private
        pure
        returns (bytes32[] memory)
    {
        if (to - from == 1) return new bytes32[](0);
        uint256 middle = from + _leftOf(to - from);
        return index < middle
            ? _with(_path(leaves, index, from, middle), _root(leaves, middle, to))
            : _with(_path(leaves, index, middle, to), _root(leaves, from, middle));
    }

    /// @dev The largest power of two below `size`, which is at least two.
    function _leftOf(uint256 size) private pure returns (uint256 left) {
        left = 1;
        while (2 * left < size) left *= 2;
    }

    function _with(bytes32[] memory list, bytes32 last)
        private
        pure
        returns (bytes32[] memory all)
    {
        all = new bytes32[](list.length + 1);
        for (uint256 i = 0; i < list.length; ++i) {
            all[i] = list[i];
        }
        all[list.length] = last;
    }

    function _without(bytes32[] memory list) private pure returns (bytes32[] memory rest) {
        rest = new bytes32[](list.length - 1);
        for (uint256 i = 0; i < rest.length; ++i) {
            rest[i] = list[i];
        }
    }
}
