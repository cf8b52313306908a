// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICredentialRegistry, IssuerId} from "../../contracts/interfaces/ICredentialRegistry.sol";
import {Layout} from "./support/Layout.sol";
import {OwnerOnly} from "./support/OwnerOnly.sol";
import {bounded, vm} from "./support/Vm.sol";

contract DistrustTest is OwnerOnly {
    function _call(IssuerId issuerId) internal view override returns (bytes memory) {
        return abi.encodeCall(registry.distrust, (issuerId, NOW));
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

    function test_WhenTheTimeIsZero_RevertsWithDistrustAfterNotAllowed() public {
        _refusedTime(0, 0);
        _distrust(9);
        _refusedTime(0, 9);
    }

    function testFuzz_WhenTheTimeIsInTheFuture_RevertsWithDistrustAfterNotAllowed(uint40 since)
        public
    {
        _refusedTime(uint40(bounded(since, NOW + 1, NEVER)), 0);
        _refusedTime(NOW + 1, 0);
    }

    function testFuzz_WhenTheTimeIsNowOrPast_StoresTheTime(uint40 since) public {
        since = uint40(bounded(since, 1, NOW));
        _expectEmit();
        emit ICredentialRegistry.Distrusted(id, 2, NOW, owner, since);
        _accepted(owner, abi.encodeCall(registry.distrust, (id, since)));
        vm.assertEq(_slot(Layout.owner(id)), uint160(owner) | uint256(since) << 200, "time");
    }

    function test_GivenATimeStands_IsLowered() public {
        _accepted(owner, _call(id));
        _expectEmit();
        emit ICredentialRegistry.Distrusted(id, 3, NOW, owner, NOW - 1);
        _accepted(owner, abi.encodeCall(registry.distrust, (id, NOW - 1)));
        vm.assertEq(registry.issuer(id).distrustAfter, NOW - 1, "time");
    }

    function testFuzz_GivenATimeStands_IsNeverRaisedNorSetToTheSame(uint40 current, uint40 since)
        public
    {
        current = uint40(bounded(current, 1, NOW));
        _distrust(current);
        _refusedTime(uint40(bounded(since, current, NOW)), current);
        _refusedTime(current, current);
    }

    function test_GivenTheIssuerIsDistrusted_NeverBlocksAStatusChange() public {
        _anchor(ROOT, 300);
        _grant(keeper, STATUS, NEVER);
        _accepted(owner, _call(id));
        _changesEveryStatus();
    }

    function _refusedTime(uint40 since, uint40 current) private {
        bytes4 reason = ICredentialRegistry.DistrustAfterNotAllowed.selector;
        _refused(
            owner,
            abi.encodeCall(registry.distrust, (id, since)),
            abi.encodeWithSelector(reason, since, current, NOW)
        );
    }
}
