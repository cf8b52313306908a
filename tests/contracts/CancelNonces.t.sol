// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICredentialRegistry} from "../../contracts/interfaces/ICredentialRegistry.sol";
import {Layout} from "./support/Layout.sol";
import {SignedOperations} from "./support/SignedOperations.sol";
import {StatusMessage} from "./support/TypedData.sol";
import {vm} from "./support/Vm.sol";

contract CancelNoncesTest is SignedOperations {
    uint40 private constant EXPIRY = NOW + 1 days;

    function test_WhenTheIssuerIsNotRegistered_RevertsWithIssuerNotRegistered() public {
        bytes memory call = abi.encodeCall(registry.cancelNonces, (UNKNOWN, stranger, 0, 2));
        bytes memory reason =
            abi.encodeWithSelector(ICredentialRegistry.IssuerNotRegistered.selector, UNKNOWN);
        _refused(stranger, call, reason);
        call = abi.encodeCall(registry.cancelNonces, (UNKNOWN, address(0), 0, 2));
        _refused(address(0), call, reason);
    }

    function testFuzz_WhenTheOwnerCancels_MarksTheNoncesOfAnySignerAsUsed(
        address signer,
        uint256 word,
        uint256 mask
    ) public {
        vm.assume(mask != 0);
        _expectEmit();
        emit ICredentialRegistry.NoncesCancelled(id, 2, NOW, owner, signer, word, mask);
        _accepted(owner, _call(signer, word, mask));
        vm.assertEq(_slot(Layout.nonces(id, signer, word)), mask, "used nonces");
    }

    function test_WhenTheOwnerCancels_MarksItsOwnNoncesAsUsed() public {
        _accepted(owner, _call(owner, 1, 5));
        vm.assertEq(_slot(Layout.nonces(id, owner, 1)), 5, "used nonces");
    }

    function test_WhenACurrentStatusDelegateCancelsItsOwn_MarksThemAsUsed() public {
        _grant(keeper, STATUS, EXPIRY);
        vm.warp(EXPIRY - 1);
        _expectEmit();
        emit ICredentialRegistry.NoncesCancelled(id, 3, EXPIRY - 1, keeper, keeper, 7, 3);
        _accepted(keeper, _call(keeper, 7, 3));
        vm.assertEq(_slot(Layout.nonces(id, keeper, 7)), 3, "used nonces");
    }

    function testFuzz_WhenTheCallerIsNeitherTheOwnerNorTheSigner_RevertsWithNotOwner(
        address caller,
        address signer
    ) public {
        vm.assume(caller != owner && caller != signer);
        _refusedAsNotOwner(caller, signer);
    }

    function test_WhenTheCallerIsNeitherTheOwnerNorTheSigner_RevertsEvenForAStatusDelegate()
        public
    {
        _grant(keeper, BOTH, NEVER);
        _grant(anchorer, BOTH, NEVER);
        _refusedAsNotOwner(keeper, anchorer);
        _refusedAsNotOwner(keeper, owner);
    }

    function testFuzz_WhenTheSignerHasNoStatusRoleNow_RevertsForAStranger(address signer) public {
        vm.assume(signer != owner);
        _refusedWithout(signer, 0);
    }

    function test_WhenTheSignerHasNoStatusRoleNow_RevertsForAnAnchorDelegate() public {
        _grant(anchorer, ANCHOR, NEVER);
        _refusedWithout(anchorer, ANCHOR);
    }

    function test_WhenTheSignerHasNoStatusRoleNow_RevertsFromTheExpiryOn() public {
        _grant(keeper, STATUS, EXPIRY);
        vm.warp(EXPIRY);
        _refusedWithout(keeper, 0);
    }

    function test_WhenTheSignerHasNoStatusRoleNow_RevertsAfterAnEpochBump() public {
        _grant(keeper, STATUS, NEVER);
        vm.prank(owner);
        registry.bumpEpoch(id);
        _refusedWithout(keeper, 0);
    }

    function test_WhenTheMaskIsZero_RevertsWithNothingChanged() public {
        _refused(owner, _call(keeper, 0, 0), _error(ICredentialRegistry.NothingChanged.selector));
    }

    function testFuzz_GivenAllTheNoncesAreUsed_RevertsWithNothingChanged(uint256 used, uint256 mask)
        public
    {
        vm.assume(used != 0);
        _accepted(owner, _call(keeper, 0, used));
        bytes memory reason = _error(ICredentialRegistry.NothingChanged.selector);
        _refused(owner, _call(keeper, 0, used & mask), reason);
    }

    function testFuzz_GivenSomeOfTheNoncesAreUsed_MarksTheOthers(uint256 used, uint256 mask)
        public
    {
        vm.assume(used != 0 && mask & ~used != 0);
        _accepted(owner, _call(keeper, 0, used));
        _expectEmit();
        emit ICredentialRegistry.NoncesCancelled(id, 3, NOW, owner, keeper, 0, mask);
        _accepted(owner, _call(keeper, 0, mask));
        vm.assertEq(_slot(Layout.nonces(id, keeper, 0)), used | mask, "used nonces");
    }

    function testFuzz_GivenASignatureWithSuchANonce_DoesNotLand(uint256 nonce) public {
        vm.assume(nonce != 0);
        _anchor(ROOT, 300);
        _grant(keeper, STATUS, NEVER);
        StatusMessage memory message = _statusMessage(keeper);
        message.nonce = nonce;
        bytes memory call = _changeStatusSigned(message);
        _accepted(keeper, _call(keeper, nonce >> 8, 1 << (nonce & 0xff)));
        bytes4 reason = ICredentialRegistry.NonceNotUsable.selector;
        _refused(relayer, call, abi.encodeWithSelector(reason, id, keeper, nonce));
    }

    function _call(address signer, uint256 word, uint256 mask) private view returns (bytes memory) {
        return abi.encodeCall(registry.cancelNonces, (id, signer, word, mask));
    }

    function _refusedAsNotOwner(address caller, address signer) private {
        bytes4 reason = ICredentialRegistry.NotOwner.selector;
        _refused(caller, _call(signer, 0, 2), abi.encodeWithSelector(reason, id, caller, owner));
    }

    function _refusedWithout(address signer, uint8 roles) private {
        bytes4 reason = ICredentialRegistry.NotAuthorized.selector;
        bytes memory answer = abi.encodeWithSelector(reason, id, signer, STATUS, roles);
        _refused(signer, _call(signer, 0, 2), answer);
    }
}
