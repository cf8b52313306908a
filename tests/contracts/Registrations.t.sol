// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICredentialRegistry} from "../../contracts/interfaces/ICredentialRegistry.sol";
import {Layout} from "./support/Layout.sol";
import {RegistryTest} from "./support/RegistryTest.sol";
import {vm} from "./support/Vm.sol";

contract RegistrationsTest is RegistryTest {
    function test_WhenNobodyRegistered_IsAllZero() public {
        registry = ICredentialRegistry(vm.deployCode("CredentialRegistry.sol:CredentialRegistry"));
        (uint40 count, bytes27 history) = registry.registrations();
        vm.assertEq(count, 0, "count");
        vm.assertEq(bytes32(history), 0, "history");
    }

    function testFuzz_WhenIssuersRegistered_IsWhatTheSlotSays(uint40 count, bytes27 history)
        public
    {
        bytes32 slot = bytes32(history) | bytes32(uint256(count));
        vm.store(address(registry), Layout.REGISTRATIONS, slot);
        (uint40 gotCount, bytes27 gotHistory) = registry.registrations();
        vm.assertEq(gotCount, count, "count");
        vm.assertEq(bytes32(gotHistory), bytes32(history), "history");
    }
}
