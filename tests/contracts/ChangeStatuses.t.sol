// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BatchRoot, ICredentialRegistry} from "../../contracts/interfaces/ICredentialRegistry.sol";
import {Authority} from "./support/Authority.sol";
import {Layout} from "./support/Layout.sol";
import {vm} from "./support/Vm.sol";

contract ChangeStatusesTest is Authority {
    ICredentialRegistry.StatusChange private constant REVOKE =
    ICredentialRegistry.StatusChange.Revoke;

    function setUp() public override {
        super.setUp();
        _anchor(ROOT, 300);
        _anchor(OTHER_ROOT, 7);
    }

    function _role() internal pure override returns (uint8) {
        return STATUS;
    }

    function _by(address account)
        internal
        view
        override
        returns (address sender, bytes memory call)
    {
        return (account, _call(REVOKE, _batches(ROOT, _bit(5), OTHER_ROOT, _bit(6))));
    }

    function test_WhenTheIssuerIsNotRegistered_RevertsWithIssuerNotRegistered() public {
        id = UNKNOWN;
        (address sender, bytes memory call) = _by(owner);
        _refused(sender, call, _error(ICredentialRegistry.IssuerNotRegistered.selector));
    }

    function test_WhenTheAccountHasAuthority_AcceptsTheOwner() public {
        _acceptsOwner();
    }

    function test_WhenTheAccountHasAuthority_AcceptsAStatusDelegate() public {
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

    function test_WhenTheAccountHasNoAuthority_RefusesAnAnchorDelegate() public {
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

    function test_WhenSeveralBatchesChange_MakesEachAnOperationOfItsOwn() public {
        _grant(keeper, STATUS, NEVER);
        _expectEmit();
        emit ICredentialRegistry.StatusChanged(
            id, ROOT, 5, NOW, keeper, REVOKE, 0, _lanes(0, _bit(5))
        );
        _expectEmit();
        emit ICredentialRegistry.StatusChanged(
            id, OTHER_ROOT, 6, NOW, keeper, REVOKE, 0, _lanes(0, _bit(6))
        );
        _accepts(keeper);
        vm.assertEq(_slot(Layout.lanes(id, ROOT, 0)), _bit(5) << 1, "one");
        vm.assertEq(_slot(Layout.lanes(id, OTHER_ROOT, 0)), _bit(6) << 1, "other");
    }

    function test_WhenABatchWouldNotChange_PassesOverThat() public {
        vm.prank(owner);
        registry.changeStatus(id, ROOT, REVOKE, _lanes(0, _bit(5)));
        _expectEmit();
        emit ICredentialRegistry.StatusChanged(
            id, OTHER_ROOT, 5, NOW, owner, REVOKE, 0, _lanes(0, _bit(6))
        );
        _accepts(owner);
        vm.assertEq(registry.issuer(id).operations, 5, "operations");
    }

    function test_WhenNoneWouldChange_RevertsWithNothingChanged() public {
        _accepts(owner);
        (, bytes memory call) = _by(owner);
        _refused(owner, call, _error(ICredentialRegistry.NothingChanged.selector));
    }

    function test_WhenNoneWouldChange_RevertsWithNothingChangedWithoutBatchesToo() public {
        bytes memory call = _call(REVOKE, new ICredentialRegistry.BatchLanes[](0));
        _refused(owner, call, _error(ICredentialRegistry.NothingChanged.selector));
    }

    function test_WhenAnyOneBatchIsWrong_ChangesNoneOfThem() public {
        BatchRoot absent = BatchRoot.wrap("absent");
        bytes4 reason = ICredentialRegistry.BatchNotAnchored.selector;
        _refused(
            owner,
            _call(REVOKE, _batches(ROOT, 1, absent, 1)),
            abi.encodeWithSelector(reason, id, absent)
        );
        reason = ICredentialRegistry.MaskOutsideBatch.selector;
        _refused(
            owner,
            _call(REVOKE, _batches(ROOT, 1, OTHER_ROOT, _bit(7))),
            abi.encodeWithSelector(reason, OTHER_ROOT, 0, _bit(7), 7)
        );
        vm.assertEq(_slot(Layout.lanes(id, ROOT, 0)), 0, "lanes");
    }

    function test_WhenABatchIsNamedTwice_MakesTwoOperations() public {
        _accepted(owner, _call(REVOKE, _batches(ROOT, _bit(1), ROOT, _bit(2))));
        vm.assertEq(registry.issuer(id).operations, 5, "operations");
        vm.assertEq(_slot(Layout.lanes(id, ROOT, 0)), (_bit(1) | _bit(2)) << 1, "lanes");
    }

    function _call(
        ICredentialRegistry.StatusChange change,
        ICredentialRegistry.BatchLanes[] memory batches
    ) private view returns (bytes memory) {
        return abi.encodeCall(registry.changeStatuses, (id, change, batches));
    }

    function _batches(BatchRoot one, uint256 mask, BatchRoot other, uint256 otherMask)
        private
        pure
        returns (ICredentialRegistry.BatchLanes[] memory batches)
    {
        batches = new ICredentialRegistry.BatchLanes[](2);
        batches[0] = ICredentialRegistry.BatchLanes(one, _lanes(0, mask));
        batches[1] = ICredentialRegistry.BatchLanes(other, _lanes(0, otherMask));
    }
}
