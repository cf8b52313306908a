// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICredentialRegistry, IssuerId} from "../../contracts/interfaces/ICredentialRegistry.sol";
import {Layout} from "./support/Layout.sol";
import {OwnerOnly} from "./support/OwnerOnly.sol";
import {vm} from "./support/Vm.sol";

contract PauseTest is OwnerOnly {
    function _call(IssuerId issuerId) internal view override returns (bytes memory) {
        return abi.encodeCall(registry.pause, (issuerId));
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

    function test_WhenTheCallerIsTheOwner_SetsTheFlag() public {
        _expectEmit();
        emit ICredentialRegistry.Paused(id, 2, NOW, owner);
        _accepted(owner, _call(id));
        vm.assertEq(_slot(Layout.owner(id)), uint160(owner) | 1 << 160, "flags");
    }

    function test_WhenTheCallerIsTheOwner_NeverBlocksAStatusChange() public {
        _anchor(ROOT, 300);
        _grant(keeper, STATUS, NEVER);
        _accepted(owner, _call(id));
        _changesEveryStatus();
    }

    function test_GivenTheIssuerIsPaused_RevertsWithNothingChanged() public {
        _accepted(owner, _call(id));
        _refused(owner, _call(id), _error(ICredentialRegistry.NothingChanged.selector));
    }

    function test_GivenTheIssuerIsRetired_SetsItsOwnFlagAlone() public {
        _retire();
        _accepted(owner, _call(id));
        vm.assertEq(_slot(Layout.owner(id)), uint160(owner) | 3 << 160, "flags");
    }
}
