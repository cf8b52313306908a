// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICredentialRegistry, IssuerId} from "../../contracts/interfaces/ICredentialRegistry.sol";
import {Layout} from "./support/Layout.sol";
import {OwnerOnly} from "./support/OwnerOnly.sol";
import {vm} from "./support/Vm.sol";

contract UnpauseTest is OwnerOnly {
    function _call(IssuerId issuerId) internal view override returns (bytes memory) {
        return abi.encodeCall(registry.unpause, (issuerId));
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

    function test_GivenTheIssuerIsPaused_ClearsTheFlag() public {
        _pause();
        _expectEmit();
        emit ICredentialRegistry.Unpaused(id, 3, NOW, owner);
        _accepted(owner, _call(id));
        vm.assertEq(_slot(Layout.owner(id)), uint160(owner), "flags");
    }

    function test_GivenTheIssuerIsPaused_LetsAnchoringGoOn() public {
        _pause();
        _accepted(owner, _call(id));
        _accepted(owner, abi.encodeCall(registry.anchor, (id, ROOT, 1, META)));
    }

    function test_GivenTheIssuerIsNotPaused_RevertsWithNothingChanged() public {
        _refused(owner, _call(id), _error(ICredentialRegistry.NothingChanged.selector));
    }

    function test_GivenTheIssuerIsRetiredToo_ClearsItsOwnFlagAlone() public {
        _pause();
        _retire();
        _accepted(owner, _call(id));
        vm.assertEq(_slot(Layout.owner(id)), uint160(owner) | 2 << 160, "flags");
    }
}
