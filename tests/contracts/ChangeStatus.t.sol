// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BatchRoot, ICredentialRegistry} from "../../contracts/interfaces/ICredentialRegistry.sol";
import {Authority} from "./support/Authority.sol";
import {Layout} from "./support/Layout.sol";
import {bounded, vm} from "./support/Vm.sol";

contract ChangeStatusTest is Authority {
    ICredentialRegistry.StatusChange private constant SUSPEND =
    ICredentialRegistry.StatusChange.Suspend;
    ICredentialRegistry.StatusChange private constant REINSTATE =
    ICredentialRegistry.StatusChange.Reinstate;
    ICredentialRegistry.StatusChange private constant REVOKE =
    ICredentialRegistry.StatusChange.Revoke;
    uint256 private constant EVEN = type(uint256).max / 3;

    function setUp() public override {
        super.setUp();
        _anchor(ROOT, 300);
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
        return (account, _call(ICredentialRegistry.StatusChange.Suspend, _lanes(0, _bit(5))));
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

    function test_WhenTheBatchIsNotAnchored_RevertsWithBatchNotAnchored() public {
        _refused(
            owner,
            abi.encodeCall(registry.changeStatus, (id, OTHER_ROOT, REVOKE, _lanes(0, 1))),
            abi.encodeWithSelector(ICredentialRegistry.BatchNotAnchored.selector, id, OTHER_ROOT)
        );
    }

    function testFuzz_WhenTheMaskHasOddBits_RevertsWithMaskOutsideBatch(
        uint8 change,
        uint256 mask,
        uint256 bit
    ) public {
        mask |= 2 << (2 * bounded(bit, 0, 127));
        _refusedAsOutside(_change(change), 0, mask, 300);
    }

    function testFuzz_WhenTheMaskGoesBeyondTheSize_RevertsWithMaskOutsideBatch(
        uint8 change,
        uint32 size,
        uint256 index,
        uint256 mask
    ) public {
        size = uint32(bounded(size, 1, type(uint32).max));
        _anchor(OTHER_ROOT, size);
        index = bounded(index, size, 1 << 32);
        mask = mask & EVEN | _bit(index);
        bytes4 reason = ICredentialRegistry.MaskOutsideBatch.selector;
        _refused(
            owner,
            abi.encodeCall(
                registry.changeStatus, (id, OTHER_ROOT, _change(change), _lanes(index / 128, mask))
            ),
            abi.encodeWithSelector(reason, OTHER_ROOT, index / 128, mask, size)
        );
    }

    function testFuzz_WhenTheMaskGoesBeyondTheSize_TakesTheLastCredentialAndRefusesTheNext(uint32 size)
        public
    {
        vm.assume(size != 0);
        _anchor(OTHER_ROOT, size);
        _takesTheLast(size);
    }

    function test_WhenTheMaskGoesBeyondTheSize_TakesTheLastCredentialOfTheLargestBatch() public {
        _anchor(OTHER_ROOT, type(uint32).max);
        _takesTheLast(type(uint32).max);
    }

    function testFuzz_WhenTheWordGoesBeyondAnyBatch_RevertsWithMaskOutsideBatch(
        uint256 word,
        uint256 mask
    ) public {
        _refusedAsOutside(REVOKE, bounded(word, 1 << 25, type(uint256).max), mask, 300);
        // 128 * word wraps round to a word that exists.
        _refusedAsOutside(REVOKE, 1 << 249, 1, 300);
        _refusedAsOutside(REVOKE, (1 << 249) + 1, 1, 300);
        _refusedAsOutside(REVOKE, type(uint256).max, 1, 300);
    }

    function testFuzz_WhenActiveCredentialsAreSuspended_SetsTheirLowBits(uint256 mask) public {
        mask = _some(mask);
        _expectStatusChanged(SUSPEND, 3, mask);
        _accepted(owner, _call(SUSPEND, _lanes(1, mask)));
        vm.assertEq(_slot(Layout.lanes(id, ROOT, 1)), mask, "lanes");
    }

    function testFuzz_WhenSuspendedCredentialsAreReinstated_ClearsTheirLowBits(
        uint256 suspended,
        uint256 mask
    ) public {
        suspended = _some(suspended);
        mask = _some(mask);
        vm.assume(suspended & mask != 0);
        _accepted(owner, _call(SUSPEND, _lanes(1, suspended)));
        _expectStatusChanged(REINSTATE, 4, mask);
        _accepted(owner, _call(REINSTATE, _lanes(1, mask)));
        vm.assertEq(_slot(Layout.lanes(id, ROOT, 1)), suspended & ~mask, "lanes");
    }

    function testFuzz_WhenCredentialsAreRevoked_SetsTheirHighBitsAndKeepsTheLowOnes(
        uint256 suspended,
        uint256 mask
    ) public {
        suspended = _some(suspended);
        mask = _some(mask);
        _accepted(owner, _call(SUSPEND, _lanes(1, suspended)));
        _expectStatusChanged(REVOKE, 4, mask);
        _accepted(owner, _call(REVOKE, _lanes(1, mask)));
        vm.assertEq(_slot(Layout.lanes(id, ROOT, 1)), suspended | mask << 1, "lanes");
    }

    function test_WhenCredentialsAreRevoked_TakesActiveSuspendedAndRevokedOnesTogether() public {
        _accepted(owner, _call(SUSPEND, _lanes(0, _bit(0))));
        _accepted(owner, _call(REVOKE, _lanes(0, _bit(1))));
        _accepted(owner, _call(REVOKE, _lanes(0, _bit(0) | _bit(1) | _bit(2))));
        vm.assertEq(_slot(Layout.lanes(id, ROOT, 0)), 0x2b, "lanes");
    }

    function testFuzz_GivenACredentialIsRevoked_CannotBeSuspended(uint256 index, uint256 mask)
        public
    {
        _refusedAsRevoked(SUSPEND, bounded(index, 128, 255), _some(mask));
    }

    function testFuzz_GivenACredentialIsRevoked_CannotBeReinstated(uint256 index, uint256 mask)
        public
    {
        _refusedAsRevoked(REINSTATE, bounded(index, 128, 255), _some(mask));
    }

    function test_GivenACredentialIsRevoked_CannotBeRevokedAgainAlone() public {
        _accepted(owner, _call(REVOKE, _lanes(0, _bit(9))));
        _refusedAsUnchanged(REVOKE, _lanes(0, _bit(9)));
    }

    function test_GivenTheBatchIsRevoked_CannotBeSuspendedOrReinstated() public {
        _accepted(owner, _call(SUSPEND, _lanes(0, _bit(1))));
        _accepted(owner, abi.encodeCall(registry.revokeBatch, (id, ROOT)));
        bytes memory reason =
            abi.encodeWithSelector(ICredentialRegistry.BatchIsRevoked.selector, id, ROOT);
        _refused(owner, _call(SUSPEND, _lanes(0, _bit(2))), reason);
        _refused(owner, _call(REINSTATE, _lanes(0, _bit(1))), reason);
    }

    function test_GivenTheBatchIsRevoked_CanBeRevokedAllTheSame() public {
        _accepted(owner, abi.encodeCall(registry.revokeBatch, (id, ROOT)));
        _accepted(owner, _call(REVOKE, _lanes(0, _bit(2))));
        vm.assertEq(_slot(Layout.lanes(id, ROOT, 0)), _bit(2) << 1, "lanes");
    }

    function test_WhenNothingWouldChange_RevertsWithNothingChanged() public {
        _refusedAsUnchanged(REINSTATE, _lanes(0, _bit(3)));
        _refusedAsUnchanged(SUSPEND, _lanes(0, 0));
        _accepted(owner, _call(SUSPEND, _lanes(0, _bit(3))));
        _refusedAsUnchanged(SUSPEND, _lanes(0, _bit(3)));
    }

    function test_WhenNothingWouldChange_RevertsWithNothingChangedWithoutLanesToo() public {
        _refusedAsUnchanged(REVOKE, new ICredentialRegistry.Lanes[](0));
    }

    function test_WhenOnlyAPartWouldChange_LetsTheRestStand() public {
        _accepted(owner, _call(SUSPEND, _lanes(0, _bit(0) | _bit(1))));
        _accepted(owner, _call(SUSPEND, _lanes(0, _bit(1) | _bit(2))));
        vm.assertEq(_slot(Layout.lanes(id, ROOT, 0)), _bit(0) | _bit(1) | _bit(2), "suspended");
        _accepted(owner, _call(REINSTATE, _lanes(0, _bit(2) | _bit(3))));
        vm.assertEq(_slot(Layout.lanes(id, ROOT, 0)), _bit(0) | _bit(1), "reinstated");
    }

    function test_WhenAWordIsNamedTwice_AppliesBothInTurn() public {
        ICredentialRegistry.Lanes[] memory lanes = new ICredentialRegistry.Lanes[](2);
        lanes[0] = ICredentialRegistry.Lanes(0, _bit(0));
        lanes[1] = ICredentialRegistry.Lanes(0, _bit(0) | _bit(1));
        _accepted(owner, _call(REVOKE, lanes));
        vm.assertEq(_slot(Layout.lanes(id, ROOT, 0)), (_bit(0) | _bit(1)) << 1, "lanes");
    }

    function testFuzz_WhenManyWordsAreNamed_ChangesAllOfThemInOneOperation(uint256[3] memory masks)
        public
    {
        ICredentialRegistry.Lanes[] memory lanes = new ICredentialRegistry.Lanes[](3);
        for (uint256 word = 0; word < 3; ++word) {
            uint256 inUse = word == 2 ? (1 << 88) - 1 : type(uint256).max;
            lanes[2 - word] = ICredentialRegistry.Lanes(word, (masks[word] & EVEN | 1) & inUse);
        }
        _expectEmit();
        emit ICredentialRegistry.StatusChanged(id, ROOT, 3, NOW, owner, REVOKE, 0, lanes);
        _accepted(owner, _call(REVOKE, lanes));
        for (uint256 i = 0; i < 3; ++i) {
            uint256 slot = _slot(Layout.lanes(id, ROOT, lanes[i].word));
            vm.assertEq(slot, lanes[i].mask << 1, "lanes");
        }
    }

    function test_WhenAnyOneOfThemIsWrong_ChangesNoneOfThem() public {
        ICredentialRegistry.Lanes[] memory lanes = new ICredentialRegistry.Lanes[](2);
        lanes[0] = ICredentialRegistry.Lanes(0, _bit(0));
        lanes[1] = ICredentialRegistry.Lanes(2, _bit(300));
        bytes4 reason = ICredentialRegistry.MaskOutsideBatch.selector;
        _refused(
            owner, _call(REVOKE, lanes), abi.encodeWithSelector(reason, ROOT, 2, _bit(300), 300)
        );
        vm.assertEq(_slot(Layout.lanes(id, ROOT, 0)), 0, "lanes");
    }

    /// @dev Property 12, the part within forge: bits against a table with one row a credential.
    function testFuzz_WhenAnySequenceOfChangesIsMade_AgreesWithAModelThatKeepsOneStatusPerCredential(
        uint8[12] memory changes,
        uint256[12] memory seeds
    ) public {
        ICredentialRegistry.Status[] memory model = new ICredentialRegistry.Status[](300);
        for (uint256 i = 0; i < 300; ++i) {
            model[i] = ICredentialRegistry.Status.Active;
        }
        for (uint256 step = 0; step < 12; ++step) {
            _step(model, _change(changes[step]), seeds[step]);
        }
        for (uint256 i = 0; i < 300; ++i) {
            vm.assertTrue(registry.statusOf(id, ROOT, i) == model[i], "status");
        }
    }

    /// @dev One change of up to four credentials, in the contract and in the model.
    function _step(
        ICredentialRegistry.Status[] memory model,
        ICredentialRegistry.StatusChange change,
        uint256 seed
    ) private {
        ICredentialRegistry.Lanes[] memory lanes = new ICredentialRegistry.Lanes[](4);
        bool changes = false;
        bool refused = false;
        uint256[4] memory indexes;
        for (uint256 i = 0; i < 4; ++i) {
            indexes[i] = (seed >> (32 * i)) % 300;
            lanes[i] = ICredentialRegistry.Lanes(indexes[i] / 128, _bit(indexes[i]));
            (bool moves, bool breaks) = _effect(model[indexes[i]], change);
            changes = changes || moves;
            refused = refused || breaks;
        }
        vm.prank(owner);
        (bool done,) = address(registry).call(_call(change, lanes));
        vm.assertEq(done, changes && !refused, "answer");
        if (!done) return;
        for (uint256 i = 0; i < 4; ++i) {
            (bool moves,) = _effect(model[indexes[i]], change);
            if (moves) model[indexes[i]] = _after(change);
        }
    }

    function _effect(ICredentialRegistry.Status status, ICredentialRegistry.StatusChange change)
        private
        pure
        returns (bool moves, bool breaks)
    {
        if (status == ICredentialRegistry.Status.Revoked) return (false, change != REVOKE);
        return (_after(change) != status, false);
    }

    function _after(ICredentialRegistry.StatusChange change)
        private
        pure
        returns (ICredentialRegistry.Status)
    {
        if (change == REVOKE) return ICredentialRegistry.Status.Revoked;
        return change == SUSPEND
            ? ICredentialRegistry.Status.Suspended
            : ICredentialRegistry.Status.Active;
    }

    function _call(
        ICredentialRegistry.StatusChange change,
        ICredentialRegistry.Lanes[] memory lanes
    ) private view returns (bytes memory) {
        return abi.encodeCall(registry.changeStatus, (id, ROOT, change, lanes));
    }

    function _change(uint8 seed) private pure returns (ICredentialRegistry.StatusChange) {
        return ICredentialRegistry.StatusChange(seed % 3);
    }

    /// @dev A mask with one lane at least.
    function _some(uint256 seed) private pure returns (uint256) {
        uint256 mask = seed & EVEN;
        return mask == 0 ? 1 : mask;
    }

    function _expectStatusChanged(
        ICredentialRegistry.StatusChange change,
        uint40 operation,
        uint256 mask
    ) private {
        _expectEmit();
        emit ICredentialRegistry.StatusChanged(
            id, ROOT, operation, NOW, owner, change, 0, _lanes(1, mask)
        );
    }

    function _takesTheLast(uint32 size) private {
        uint256 last = uint256(size) - 1;
        _accepted(
            owner,
            abi.encodeCall(
                registry.changeStatus, (id, OTHER_ROOT, REVOKE, _lanes(last / 128, _bit(last)))
            )
        );
        bytes4 reason = ICredentialRegistry.MaskOutsideBatch.selector;
        _refused(
            owner,
            abi.encodeCall(
                registry.changeStatus,
                (id, OTHER_ROOT, REVOKE, _lanes(uint256(size) / 128, _bit(size)))
            ),
            abi.encodeWithSelector(reason, OTHER_ROOT, uint256(size) / 128, _bit(size), size)
        );
    }

    function _refusedAsOutside(
        ICredentialRegistry.StatusChange change,
        uint256 word,
        uint256 mask,
        uint32 size
    ) private {
        bytes4 reason = ICredentialRegistry.MaskOutsideBatch.selector;
        _refused(
            owner,
            _call(change, _lanes(word, mask)),
            abi.encodeWithSelector(reason, ROOT, word, mask, size)
        );
    }

    function _refusedAsRevoked(ICredentialRegistry.StatusChange change, uint256 index, uint256 mask)
        private
    {
        _accepted(owner, _call(REVOKE, _lanes(1, _bit(index))));
        bytes4 reason = ICredentialRegistry.LanesAreRevoked.selector;
        _refused(
            owner,
            _call(change, _lanes(1, mask | _bit(index))),
            abi.encodeWithSelector(reason, ROOT, 1, _bit(index) << 1)
        );
    }

    function _refusedAsUnchanged(
        ICredentialRegistry.StatusChange change,
        ICredentialRegistry.Lanes[] memory lanes
    ) private {
        _refused(owner, _call(change, lanes), _error(ICredentialRegistry.NothingChanged.selector));
    }
}
