// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MerklePath} from "../../../contracts/MerklePath.sol";

/// @dev The library alone, compiled as the contract is, so that sizes which no batch can have are
/// tried too, and its gas can be measured.
contract PathHarness {
    function verifies(
        bytes32 root,
        uint256 size,
        bytes32 leaf,
        uint256 index,
        bytes32[] calldata path
    ) external view returns (bool) {
        return MerklePath.verifies(root, size, leaf, index, path);
    }
}
