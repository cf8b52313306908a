// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICredentialRegistry, IssuerId} from "../../contracts/interfaces/ICredentialRegistry.sol";
import {Layout} from "./support/Layout.sol";
import {OwnerOnly} from "./support/OwnerOnly.sol";
import {vm} from "./support/Vm.sol";

contract TransferOwnershipTest is OwnerOnly {
    function _call(IssuerId issuerId) internal view override returns (bytes memory) {
        return abi.encodeCall(registry.transferOwnership, (issuerId, anchorer));
    }

    function test_WhenTheIssuerIsNotRegistered_RevertsWithIssuerNotRegistered() public {
        _refusesUnregistered();
    }

    function testFuzz_WhenTheCallerIsNotTheOwner_RevertsWithNotOwner(address caller) public {
        _refuses(caller);
    }

    function test_WhenTheCallerIsNotTheOwner_RevertsForThoseWithOtherRights() public {
        _refusesThoseWithOtherRights();
    }

    function test_WhenTheCallerIsNotTheOwner_RevertsForAFormerOwner() public {
        _refusesFormerOwner();
    }

    function testFuzz_WhenAnAccountIsOfferedOwnership_StoresTheOfferAndChangesNothingElse(address newOwner)
        public
    {
        vm.assume(newOwner != address(0));
        _grant(keeper, BOTH, NEVER);
        uint256 before = _slot(Layout.owner(id));
        _expectEmit();
        emit ICredentialRegistry.OwnershipOffered(id, 3, NOW, owner, newOwner);
        _accepted(owner, abi.encodeCall(registry.transferOwnership, (id, newOwner)));
        vm.assertEq(_slot(Layout.pendingOwner(id)), uint160(newOwner), "pending owner");
        vm.assertEq(_slot(Layout.owner(id)), before, "owner and epoch");
        vm.assertTrue(registry.delegate(id, keeper).current, "delegate");
    }

    function test_GivenAnOfferStands_IsReplacedByAnOfferToAnotherAccount() public {
        _accepted(owner, _call(id));
        _expectEmit();
        emit ICredentialRegistry.OwnershipOffered(id, 3, NOW, owner, stranger);
        _accepted(owner, abi.encodeCall(registry.transferOwnership, (id, stranger)));
        vm.assertEq(registry.issuer(id).pendingOwner, stranger, "pending owner");
    }

    function test_GivenAnOfferStands_IsWithdrawnByAnOfferToZero() public {
        _accepted(owner, _call(id));
        _expectEmit();
        emit ICredentialRegistry.OwnershipOffered(id, 3, NOW, owner, address(0));
        _accepted(owner, abi.encodeCall(registry.transferOwnership, (id, address(0))));
        vm.assertEq(_slot(Layout.pendingOwner(id)), 0, "pending owner");
    }

    function test_GivenAnOfferStands_IsNotMadeTwice() public {
        _accepted(owner, _call(id));
        _refused(owner, _call(id), _error(ICredentialRegistry.NothingChanged.selector));
    }

    function test_GivenNoOfferStands_RevertsOnAnOfferToZero() public {
        _refused(
            owner,
            abi.encodeCall(registry.transferOwnership, (id, address(0))),
            _error(ICredentialRegistry.NothingChanged.selector)
        );
    }
}
