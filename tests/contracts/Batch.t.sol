// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BatchRoot, ICredentialRegistry} from "../../contracts/interfaces/ICredentialRegistry.sol";
import {Layout} from "./support/Layout.sol";
import {RegistryTest} from "./support/RegistryTest.sol";
import {vm} from "./support/Vm.sol";

contract BatchTest is RegistryTest {
    function testFuzz_WhenTheBatchIsNotAnchored_IsAllZero(BatchRoot root) public view {
        vm.assertEq(abi.encode(registry.batch(id, root)), new bytes(4 * 32), "record");
    }

    function testFuzz_WhenTheBatchIsAnchored_IsWhatTheSlotSays(
        BatchRoot root,
        ICredentialRegistry.BatchRecord memory wanted
    ) public {
        uint256 slot = uint256(wanted.anchoredAt) | uint256(wanted.operation) << 40
            | uint256(wanted.size) << 80 | (wanted.revoked ? 1 << 112 : 0);
        vm.store(address(registry), Layout.batch(id, root), bytes32(slot));
        vm.assertEq(abi.encode(registry.batch(id, root)), abi.encode(wanted), "record");
    }
}
