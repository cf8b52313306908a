// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    BatchRoot,
    ICredentialRegistry,
    IssuerId
} from "../../contracts/interfaces/ICredentialRegistry.sol";
import {Authority} from "./support/Authority.sol";
import {Layout} from "./support/Layout.sol";
import {vm} from "./support/Vm.sol";

contract AnchorTest is Authority {
    function _role() internal pure override returns (uint8) {
        return ANCHOR;
    }

    function _by(address account)
        internal
        view
        override
        returns (address sender, bytes memory call)
    {
        return (account, abi.encodeCall(registry.anchor, (id, ROOT, 300, META)));
    }

    function test_WhenTheIssuerIsNotRegistered_RevertsWithIssuerNotRegistered() public {
        id = UNKNOWN;
        (address sender, bytes memory call) = _by(owner);
        _refused(sender, call, _error(ICredentialRegistry.IssuerNotRegistered.selector));
    }

    function test_WhenTheAccountHasAuthority_AcceptsTheOwner() public {
        _acceptsOwner();
    }

    function test_WhenTheAccountHasAuthority_AcceptsAnAnchorDelegate() public {
        _acceptsDelegate();
    }

    function test_WhenTheAccountHasAuthority_AcceptsADelegateWithBothRoles() public {
        _acceptsDelegateWithBothRoles();
    }

    function test_WhenTheAccountHasAuthority_AcceptsADelegateInItsLastSecond() public {
        _acceptsDelegateInItsLastSecond();
    }

    function test_WhenTheAccountHasNoAuthority_RefusesAStranger() public {
        _refusesStranger();
    }

    function test_WhenTheAccountHasNoAuthority_RefusesAStatusDelegate() public {
        _refusesDelegateOfOtherRole();
    }

    function test_WhenTheAccountHasNoAuthority_RefusesADelegateFromItsExpiryOn() public {
        _refusesDelegateFromItsExpiryOn();
    }

    function test_WhenTheAccountHasNoAuthority_RefusesADelegateOfAnEarlierEpoch() public {
        _refusesDelegateOfEarlierEpoch();
    }

    function test_WhenTheAccountHasNoAuthority_RefusesADelegateWhoseGrantEnded() public {
        _refusesDelegateWhoseGrantEnded();
    }

    function test_WhenTheAccountHasNoAuthority_RefusesADelegateOfAnotherIssuer() public {
        _refusesDelegateOfAnotherIssuer();
    }

    function test_WhenTheAccountHasNoAuthority_RefusesAFormerOwnerAndItsDelegates() public {
        _refusesFormerOwnerAndItsDelegates();
    }

    function test_WhenTheBatchIsNew_PacksTimeNumberAndSizeIntoOneSlot() public {
        _grant(anchorer, ANCHOR, NEVER);
        _expectEmit();
        emit ICredentialRegistry.Anchored(id, ROOT, 3, NOW, anchorer, 300, META);
        _accepts(anchorer);
        vm.assertEq(_slot(Layout.batch(id, ROOT)), NOW | 3 << 40 | 300 << 80, "batch");
    }

    function testFuzz_WhenTheBatchIsNew_TakesAnyRootSizeAndManifestHash(
        BatchRoot root,
        uint32 size,
        bytes32 metaHash
    ) public {
        vm.assume(BatchRoot.unwrap(root) != 0 && size != 0);
        _expectEmit();
        emit ICredentialRegistry.Anchored(id, root, 2, NOW, owner, size, metaHash);
        _accepted(owner, abi.encodeCall(registry.anchor, (id, root, size, metaHash)));
        vm.assertEq(_slot(Layout.batch(id, root)), NOW | 2 << 40 | uint256(size) << 80, "batch");
    }

    function testFuzz_WhenTheRootIsZero_RevertsWithEmptyBatch(uint32 size) public {
        _refusedAsEmpty(BatchRoot.wrap(0), size);
    }

    function testFuzz_WhenTheSizeIsZero_RevertsWithEmptyBatch(BatchRoot root) public {
        _refusedAsEmpty(root, 0);
    }

    function testFuzz_GivenTheRootIsAnchored_RevertsWithWhatIsStored(
        uint32 size,
        bytes32 metaHash,
        uint32 later
    ) public {
        vm.assume(size != 0);
        _accepts(owner);
        vm.warp(uint256(NOW) + later);
        _refused(
            owner, abi.encodeCall(registry.anchor, (id, ROOT, size, metaHash)), _alreadyAnchored()
        );
    }

    function test_GivenTheRootIsAnchored_RevertsWithWhatIsStoredForARevokedBatchToo() public {
        _accepts(owner);
        _accepted(owner, abi.encodeCall(registry.revokeBatch, (id, ROOT)));
        _refusedToOwner(_alreadyAnchored());
    }

    function test_GivenAnotherIssuerAnchoredTheRoot_AnchorsABatchOfItsOwn() public {
        IssuerId other = _register(stranger, "other");
        vm.prank(stranger);
        registry.anchor(other, ROOT, 7, META);
        _accepts(owner);
        vm.assertEq(registry.batch(id, ROOT).size, 300, "ours");
        vm.assertEq(registry.batch(other, ROOT).size, 7, "theirs");
    }

    function test_GivenTheIssuerIsPaused_RevertsWithIssuerIsPaused() public {
        _pause();
        _refusedToOwner(_error(ICredentialRegistry.IssuerIsPaused.selector));
    }

    function test_GivenTheIssuerIsDistrusted_RevertsWithIssuerIsDistrusted() public {
        _distrust(NOW - 3);
        _pause();
        bytes4 reason = ICredentialRegistry.IssuerIsDistrusted.selector;
        _refusedToOwner(abi.encodeWithSelector(reason, id, NOW - 3));
    }

    function test_GivenTheIssuerIsRetired_RevertsWithIssuerIsRetired() public {
        _distrust(NOW - 3);
        _pause();
        _retire();
        _refusedToOwner(_error(ICredentialRegistry.IssuerIsRetired.selector));
    }

    function _alreadyAnchored() private view returns (bytes memory) {
        bytes4 reason = ICredentialRegistry.BatchAlreadyAnchored.selector;
        return abi.encodeWithSelector(reason, id, ROOT, NOW, 2, 300);
    }

    function _refusedAsEmpty(BatchRoot root, uint32 size) private {
        _refused(
            owner,
            abi.encodeCall(registry.anchor, (id, root, size, META)),
            abi.encodeWithSelector(ICredentialRegistry.EmptyBatch.selector, root, size)
        );
    }

    function _refusedToOwner(bytes memory reason) private {
        (address sender, bytes memory call) = _by(owner);
        _refused(sender, call, reason);
    }
}
