// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    BatchRoot,
    ICredentialRegistry,
    IssuerId
} from "../../contracts/interfaces/ICredentialRegistry.sol";
import {Layout} from "./support/Layout.sol";
import {OwnerOnly} from "./support/OwnerOnly.sol";
import {vm} from "./support/Vm.sol";

contract RevokeBatchTest is OwnerOnly {
    function _call(IssuerId issuerId) internal view override returns (bytes memory) {
        return abi.encodeCall(registry.revokeBatch, (issuerId, ROOT));
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

    function setUp() public override {
        super.setUp();
        _anchor(ROOT, 300);
    }

    function testFuzz_WhenTheBatchIsNotAnchored_RevertsWithBatchNotAnchored(BatchRoot root) public {
        vm.assume(BatchRoot.unwrap(root) != BatchRoot.unwrap(ROOT));
        _refusedAsNotAnchored(root);
    }

    function test_WhenTheBatchIsAnotherIssuers_RevertsWithBatchNotAnchored() public {
        IssuerId other = _register(stranger, "other");
        vm.prank(stranger);
        registry.anchor(other, OTHER_ROOT, 1, META);
        _refusedAsNotAnchored(OTHER_ROOT);
    }

    function test_WhenTheBatchIsAnchored_SetsTheFlagAndKeepsTimeNumberAndSize() public {
        vm.warp(NOW + 9);
        _expectEmit();
        emit ICredentialRegistry.BatchRevoked(id, ROOT, 3, NOW + 9, owner);
        _accepted(owner, _call(id));
        vm.assertEq(_slot(Layout.batch(id, ROOT)), NOW | 2 << 40 | 300 << 80 | 1 << 112, "batch");
    }

    function test_WhenTheBatchIsAnchored_MakesEveryCredentialRevoked() public {
        _accepted(owner, _call(id));
        for (uint256 index = 0; index < 300; ++index) {
            vm.assertTrue(
                registry.statusOf(id, ROOT, index) == ICredentialRegistry.Status.Revoked, "status"
            );
        }
    }

    function test_GivenTheBatchIsRevoked_RevertsWithNothingChanged() public {
        _accepted(owner, _call(id));
        _refused(owner, _call(id), _error(ICredentialRegistry.NothingChanged.selector));
    }

    function test_GivenTheIssuerIsPausedDistrustedOrRetired_GoesOn() public {
        _pause();
        _distrust(1);
        _retire();
        _accepted(owner, _call(id));
    }

    function _refusedAsNotAnchored(BatchRoot root) private {
        _refused(
            owner,
            abi.encodeCall(registry.revokeBatch, (id, root)),
            abi.encodeWithSelector(ICredentialRegistry.BatchNotAnchored.selector, id, root)
        );
    }
}
