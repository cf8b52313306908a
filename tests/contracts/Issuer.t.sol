// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICredentialRegistry, IssuerId} from "../../contracts/interfaces/ICredentialRegistry.sol";
import {Layout} from "./support/Layout.sol";
import {RegistryTest} from "./support/RegistryTest.sol";
import {vm} from "./support/Vm.sol";

contract IssuerTest is RegistryTest {
    function testFuzz_WhenTheIssuerIsNotRegistered_IsAllZero(IssuerId unknown) public view {
        vm.assume(IssuerId.unwrap(unknown) != IssuerId.unwrap(id));
        vm.assertEq(abi.encode(registry.issuer(unknown)), new bytes(9 * 32), "record");
    }

    /// @dev Any bits in the slots, whether operations could have written them or not.
    function testFuzz_WhenTheIssuerIsRegistered_IsWhatTheSlotsSay(
        ICredentialRegistry.IssuerRecord memory wanted
    ) public {
        uint256 flags = (wanted.paused ? 1 : 0) | (wanted.retired ? 2 : 0);
        uint256 slot = uint160(wanted.owner) | flags << 160 | uint256(wanted.epoch) << 168
            | uint256(wanted.distrustAfter) << 200;
        vm.store(address(registry), Layout.owner(id), bytes32(slot));
        slot = uint256(bytes32(wanted.history)) | wanted.operations;
        vm.store(address(registry), Layout.history(id), bytes32(slot));
        vm.store(address(registry), Layout.didHash(id), wanted.didHash);
        slot = uint160(wanted.pendingOwner);
        vm.store(address(registry), Layout.pendingOwner(id), bytes32(slot));
        vm.assertEq(abi.encode(registry.issuer(id)), abi.encode(wanted), "record");
    }
}
