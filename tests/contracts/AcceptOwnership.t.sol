// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICredentialRegistry} from "../../contracts/interfaces/ICredentialRegistry.sol";
import {Layout} from "./support/Layout.sol";
import {RegistryTest} from "./support/RegistryTest.sol";
import {vm} from "./support/Vm.sol";

contract AcceptOwnershipTest is RegistryTest {
    function setUp() public override {
        super.setUp();
        _offer(anchorer);
    }

    function test_WhenTheIssuerIsNotRegistered_RevertsWithIssuerNotRegistered() public {
        bytes memory call = abi.encodeCall(registry.acceptOwnership, (UNKNOWN));
        bytes memory reason =
            abi.encodeWithSelector(ICredentialRegistry.IssuerNotRegistered.selector, UNKNOWN);
        _refused(stranger, call, reason);
        _refused(address(0), call, reason);
    }

    function testFuzz_WhenTheCallerIsNotTheOneToWhomOwnershipIsOffered_RevertsWithNotPendingOwner(address caller)
        public
    {
        vm.assume(caller != anchorer);
        _refusedTo(caller, anchorer);
    }

    function test_GivenNoOfferStands_RevertsForTheOwnerItself() public {
        _accepted(anchorer, _call());
        _refusedTo(anchorer, address(0));
    }

    function test_GivenTheOfferWasWithdrawn_RevertsWithNotPendingOwner() public {
        _offer(address(0));
        _refusedTo(anchorer, address(0));
    }

    function test_GivenTheOfferWasReplaced_RevertsForTheFirstAccount() public {
        _offer(stranger);
        _refusedTo(anchorer, stranger);
        _accepted(stranger, _call());
    }

    function test_WhenThePendingOwnerAccepts_MovesOwnershipClearsTheOfferAndStartsANewEpoch()
        public
    {
        _expectEmit();
        emit ICredentialRegistry.OwnershipTransferred(id, 3, NOW, anchorer, owner, 1);
        _accepted(anchorer, _call());
        vm.assertEq(_slot(Layout.owner(id)), uint160(anchorer) | 1 << 168, "owner and epoch");
        vm.assertEq(_slot(Layout.pendingOwner(id)), 0, "pending owner");
    }

    function test_WhenThePendingOwnerAccepts_EndsAllDelegates() public {
        _grant(keeper, BOTH, NEVER);
        _grant(anchorer, BOTH, NEVER);
        _accepted(anchorer, _call());
        vm.assertFalse(registry.delegate(id, keeper).current, "keeper");
        vm.assertFalse(registry.delegate(id, anchorer).current, "anchorer");
    }

    function test_WhenThePendingOwnerAccepts_KeepsPauseRetirementDistrustAndDocument() public {
        _pause();
        _retire();
        _distrust(NOW - 7);
        _accepted(anchorer, _call());
        uint256 slot = uint160(anchorer) | 3 << 160 | 1 << 168 | uint256(NOW - 7) << 200;
        vm.assertEq(_slot(Layout.owner(id)), slot, "record");
        vm.assertEq(_slot(Layout.didHash(id)), uint256(DID), "document");
    }

    function test_WhenThePendingOwnerAccepts_IsNotRepeatable() public {
        _accepted(anchorer, _call());
        _refusedTo(anchorer, address(0));
        _refusedTo(owner, address(0));
    }

    function _call() private view returns (bytes memory) {
        return abi.encodeCall(registry.acceptOwnership, (id));
    }

    function _offer(address newOwner) private {
        vm.prank(owner);
        registry.transferOwnership(id, newOwner);
    }

    function _refusedTo(address caller, address pending) private {
        bytes4 reason = ICredentialRegistry.NotPendingOwner.selector;
        _refused(caller, _call(), abi.encodeWithSelector(reason, id, caller, pending));
    }
}
