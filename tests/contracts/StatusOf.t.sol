// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICredentialRegistry} from "../../contracts/interfaces/ICredentialRegistry.sol";
import {Layout} from "./support/Layout.sol";
import {RegistryTest} from "./support/RegistryTest.sol";
import {bounded, vm} from "./support/Vm.sol";

contract StatusOfTest is RegistryTest {
    function testFuzz_WhenTheBatchIsNotAnchored_IsUnanchored(uint256 index) public view {
        _is(index, ICredentialRegistry.Status.Unanchored);
    }

    function testFuzz_WhenTheIndexIsBeyondTheBatch_IsUnanchored(uint32 size, uint256 index) public {
        vm.assume(size != 0);
        _anchor(ROOT, size);
        _is(size, ICredentialRegistry.Status.Unanchored);
        _is(bounded(index, size, type(uint256).max), ICredentialRegistry.Status.Unanchored);
        _is(uint256(size) - 1, ICredentialRegistry.Status.Active);
    }

    function testFuzz_WhenTheIndexIsInTheBatch_IsWhatItsLaneSays(uint256 bits, uint256 index)
        public
    {
        _anchor(ROOT, 300);
        index = bounded(index, 128, 255);
        vm.store(address(registry), Layout.lanes(id, ROOT, 1), bytes32(bits));
        uint256 lane = bits / _bit(index) % 4;
        // A revoked credential stays so, suspended before or not.
        if (lane == 0) _is(index, ICredentialRegistry.Status.Active);
        if (lane == 1) _is(index, ICredentialRegistry.Status.Suspended);
        if (lane >= 2) _is(index, ICredentialRegistry.Status.Revoked);
    }

    function testFuzz_GivenTheBatchIsRevoked_IsRevokedForEveryCredentialAndUnanchoredBeyond(uint256 index)
        public
    {
        _anchor(ROOT, 300);
        _accepted(owner, abi.encodeCall(registry.revokeBatch, (id, ROOT)));
        _is(bounded(index, 0, 299), ICredentialRegistry.Status.Revoked);
        _is(bounded(index, 300, type(uint256).max), ICredentialRegistry.Status.Unanchored);
    }

    function _is(uint256 index, ICredentialRegistry.Status wanted) private view {
        vm.assertTrue(registry.statusOf(id, ROOT, index) == wanted, "status");
    }
}
