// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICredentialRegistry, IssuerId} from "../../contracts/interfaces/ICredentialRegistry.sol";
import {Layout} from "./support/Layout.sol";
import {OwnerOnly} from "./support/OwnerOnly.sol";
import {bounded, vm} from "./support/Vm.sol";

contract SetDelegateTest is OwnerOnly {
    function _call(IssuerId issuerId) internal view override returns (bytes memory) {
        return _grantCall(issuerId, anchorer, ANCHOR, NEVER);
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

    function testFuzz_WhenTheRolesAreNoneThatExist_RevertsWithUnknownRoles(uint8 roles) public {
        roles = uint8(bounded(roles, BOTH + 1, type(uint8).max));
        _refused(
            owner,
            _grantCall(id, keeper, roles, NEVER),
            abi.encodeWithSelector(ICredentialRegistry.UnknownRoles.selector, roles)
        );
    }

    function testFuzz_WhenTheExpiryIsNotInTheFuture_RevertsWithExpiryPassed(
        uint8 roles,
        uint40 expiry
    ) public {
        roles = uint8(bounded(roles, ANCHOR, BOTH));
        expiry = uint40(bounded(expiry, 0, NOW));
        _refused(owner, _grantCall(id, keeper, roles, expiry), _expired(expiry));
        _refused(owner, _grantCall(id, keeper, roles, NOW), _expired(NOW));
    }

    function testFuzz_WhenRolesAreGranted_StoresRolesEpochAndExpiry(
        address account,
        uint8 roles,
        uint40 expiry
    ) public {
        roles = uint8(bounded(roles, ANCHOR, BOTH));
        expiry = uint40(bounded(expiry, NOW + 1, NEVER));
        _bump();
        _expectEmit();
        emit ICredentialRegistry.DelegateSet(id, 3, NOW, owner, account, roles, expiry, 1);
        _accepted(owner, _grantCall(id, account, roles, expiry));
        uint256 slot = uint256(roles) | 1 << 8 | uint256(expiry) << 40;
        vm.assertEq(_slot(Layout.delegate(id, account)), slot, "grant");
    }

    function test_WhenRolesAreGranted_HasAuthorityUntilTheExpiry() public {
        _grant(anchorer, ANCHOR, NOW + 1);
        bytes memory call = abi.encodeCall(registry.anchor, (id, ROOT, 1, META));
        _accepted(anchorer, call);
        vm.warp(NOW + 1);
        bytes4 reason = ICredentialRegistry.NotAuthorized.selector;
        _refused(anchorer, call, abi.encodeWithSelector(reason, id, anchorer, ANCHOR, 0));
    }

    function test_WhenRolesAreEnded_ClearsTheSlot() public {
        _grant(keeper, BOTH, NEVER);
        _bump();
        _expectEmit();
        emit ICredentialRegistry.DelegateSet(id, 4, NOW, owner, keeper, 0, 0, 0);
        _accepted(owner, _grantCall(id, keeper, 0, 0));
        vm.assertEq(_slot(Layout.delegate(id, keeper)), 0, "grant");
    }

    function testFuzz_WhenRolesAreEnded_RevertsWithExpiryPassedIfAnExpiryIsGiven(uint40 expiry)
        public
    {
        vm.assume(expiry != 0);
        _grant(keeper, BOTH, NEVER);
        _refused(owner, _grantCall(id, keeper, 0, expiry), _expired(expiry));
    }

    function test_WhenRolesAreEnded_RevertsWithNothingChangedIfThereIsNoGrant() public {
        _refused(owner, _grantCall(id, keeper, 0, 0), _nothingChanged());
    }

    function test_GivenTheSameGrantStands_RevertsWithNothingChanged() public {
        _grant(keeper, STATUS, NEVER);
        _refused(owner, _grantCall(id, keeper, STATUS, NEVER), _nothingChanged());
    }

    function test_GivenAnotherGrantStands_ReplacesThat() public {
        _grant(keeper, BOTH, NEVER);
        _accepted(owner, _grantCall(id, keeper, STATUS, NEVER));
        _accepted(owner, _grantCall(id, keeper, STATUS, NOW + 1));
        _accepted(owner, _grantCall(id, keeper, ANCHOR, NOW + 1));
        uint256 slot = ANCHOR | uint256(NOW + 1) << 40;
        vm.assertEq(_slot(Layout.delegate(id, keeper)), slot, "grant");
    }

    function test_GivenTheSameGrantStandsFromAnEarlierEpoch_GrantsAnew() public {
        _grant(keeper, STATUS, NEVER);
        _bump();
        _accepted(owner, _grantCall(id, keeper, STATUS, NEVER));
        vm.assertTrue(registry.delegate(id, keeper).current, "current");
    }

    function _grantCall(IssuerId issuerId, address account, uint8 roles, uint40 expiry)
        private
        view
        returns (bytes memory)
    {
        return abi.encodeCall(registry.setDelegate, (issuerId, account, roles, expiry));
    }

    function _bump() private {
        vm.prank(owner);
        registry.bumpEpoch(id);
    }

    function _expired(uint40 expiry) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ICredentialRegistry.ExpiryPassed.selector, expiry, NOW);
    }

    function _nothingChanged() private view returns (bytes memory) {
        return _error(ICredentialRegistry.NothingChanged.selector);
    }
}
