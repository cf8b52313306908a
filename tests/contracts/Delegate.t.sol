// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICredentialRegistry} from "../../contracts/interfaces/ICredentialRegistry.sol";
import {RegistryTest} from "./support/RegistryTest.sol";
import {bounded, vm} from "./support/Vm.sol";

contract DelegateTest is RegistryTest {
    function testFuzz_WhenThereIsNoGrant_IsAllZero(address account) public view {
        vm.assertEq(abi.encode(registry.delegate(id, account)), new bytes(4 * 32), "record");
        vm.assertEq(abi.encode(registry.delegate(UNKNOWN, account)), new bytes(4 * 32), "unknown");
    }

    function testFuzz_GivenAGrant_IsCurrentUntilItsExpiry(uint8 roles, uint40 expiry) public {
        roles = uint8(bounded(roles, ANCHOR, BOTH));
        expiry = uint40(bounded(expiry, NOW + 1, NEVER));
        _grant(keeper, roles, expiry);
        _is(ICredentialRegistry.DelegateRecord(roles, 0, expiry, true));
        vm.warp(expiry - 1);
        _is(ICredentialRegistry.DelegateRecord(roles, 0, expiry, true));
        vm.warp(expiry);
        _is(ICredentialRegistry.DelegateRecord(roles, 0, expiry, false));
    }

    function test_GivenAGrant_IsNotCurrentInALaterEpoch() public {
        _grant(keeper, BOTH, NEVER);
        vm.prank(owner);
        registry.bumpEpoch(id);
        _is(ICredentialRegistry.DelegateRecord(BOTH, 0, NEVER, false));
        _grant(keeper, STATUS, NEVER);
        _is(ICredentialRegistry.DelegateRecord(STATUS, 1, NEVER, true));
    }

    function test_WhenTheOwnerIsAsked_HasNoGrantAndNeedsNone() public view {
        vm.assertEq(abi.encode(registry.delegate(id, owner)), new bytes(4 * 32), "record");
    }

    function _is(ICredentialRegistry.DelegateRecord memory wanted) private view {
        vm.assertEq(abi.encode(registry.delegate(id, keeper)), abi.encode(wanted), "record");
    }
}
