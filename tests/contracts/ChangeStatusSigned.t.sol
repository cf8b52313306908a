// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BatchRoot, ICredentialRegistry} from "../../contracts/interfaces/ICredentialRegistry.sol";
import {Authority} from "./support/Authority.sol";
import {Layout} from "./support/Layout.sol";
import {SignedOperations} from "./support/SignedOperations.sol";
import {StatusMessage} from "./support/TypedData.sol";
import {bounded, vm} from "./support/Vm.sol";

contract ChangeStatusSignedTest is Authority, SignedOperations {
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
        return (relayer, _changeStatusSigned(_statusMessage(account)));
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

    function testFuzz_WhenAnybodySendsIt_ChangesWhatWasSignedUnderTheSignersName(
        address sender,
        uint256 nonce,
        uint256 mask
    ) public {
        vm.assume(nonce != 0 && mask & EVEN != 0);
        _grant(keeper, STATUS, NEVER);
        StatusMessage memory message = _statusMessage(keeper);
        message.nonce = nonce;
        message.lanes = _lanes(1, mask & EVEN);
        _expectEmit();
        emit ICredentialRegistry.StatusChanged(
            id, ROOT, 4, NOW, keeper, message.change, nonce, message.lanes
        );
        _accepted(sender, _changeStatusSigned(message));
        vm.assertEq(_slot(Layout.lanes(id, ROOT, 1)), mask & EVEN, "lanes");
        uint256 used = _slot(Layout.nonces(id, keeper, nonce >> 8));
        vm.assertEq(used, 1 << (nonce & 0xff), "used nonces");
    }

    function testFuzz_WhenAnyMemberDiffersFromWhatWasSigned_RevertsWithInvalidSignature(
        uint256 member,
        uint256 bit
    ) public {
        StatusMessage memory message = _statusMessage(owner);
        message.deadline = NEVER;
        bytes memory signature = _sign(owner, _digest(message));
        _differ(message, bounded(member, 0, 7), bounded(bit, 0, 255));
        _refused(
            relayer,
            _changeStatusSigned(message, signature),
            _invalid(message.signer, _digest(message))
        );
    }

    function test_WhenTheNonceIsZero_RevertsWithNonceNotUsable() public {
        StatusMessage memory message = _statusMessage(owner);
        message.nonce = 0;
        _refusedNonce(message);
    }

    function testFuzz_GivenTheNonceIsUsed_RevertsWithNonceNotUsable(uint256 nonce) public {
        vm.assume(nonce != 0);
        StatusMessage memory message = _statusMessage(owner);
        message.nonce = nonce;
        _accepted(relayer, _changeStatusSigned(message));
        _refusedNonce(message);
        // Also in a message that says something else.
        message.lanes = _lanes(0, _bit(9));
        _refusedNonce(message);
    }

    function test_GivenTheNonceIsUsed_StaysUsableForAnotherSignerAndAnotherIssuer() public {
        _grant(keeper, STATUS, NEVER);
        _accepted(relayer, _changeStatusSigned(_statusMessage(owner)));
        StatusMessage memory message = _statusMessage(keeper);
        message.lanes = _lanes(0, _bit(6));
        _accepted(relayer, _changeStatusSigned(message));
        id = _register(owner, "another");
        _anchor(ROOT, 300);
        _accepted(relayer, _changeStatusSigned(_statusMessage(owner)));
    }

    function test_GivenTheNonceIsCancelled_RevertsWithNonceNotUsable() public {
        _accepted(owner, abi.encodeCall(registry.cancelNonces, (id, owner, 0, 2)));
        _refusedNonce(_statusMessage(owner));
    }

    function testFuzz_WhenNoncesComeInAnyOrder_TakesEachOfThemOnce(uint256 first, uint256 second)
        public
    {
        vm.assume(first != 0 && second != 0 && first != second);
        StatusMessage memory message = _statusMessage(owner);
        message.nonce = first;
        _accepted(relayer, _changeStatusSigned(message));
        message.nonce = second;
        message.lanes = _lanes(0, _bit(6));
        _accepted(relayer, _changeStatusSigned(message));
        _refusedNonce(message);
        message.nonce = first;
        _refusedNonce(message);
    }

    function test_WhenNothingWouldChange_RevertsWithNothingChangedAndKeepsTheNonce() public {
        StatusMessage memory message = _statusMessage(owner);
        message.change = ICredentialRegistry.StatusChange.Reinstate;
        bytes memory reason = _error(ICredentialRegistry.NothingChanged.selector);
        _refused(relayer, _changeStatusSigned(message), reason);
        vm.assertFalse(registry.isNonceUsed(id, owner, 1), "nonce");
    }

    function test_WhenItWouldReinstateAfterAReplay_SuspendsReinstatesAndNeverSuspendsAgainByTheOldSignature()
        public
    {
        StatusMessage memory suspend = _statusMessage(owner);
        StatusMessage memory reinstate = _statusMessage(owner);
        reinstate.change = ICredentialRegistry.StatusChange.Reinstate;
        reinstate.nonce = 2;
        _accepted(relayer, _changeStatusSigned(suspend));
        _accepted(relayer, _changeStatusSigned(reinstate));
        _refusedNonce(suspend);
        _refusedNonce(reinstate);
        vm.assertEq(_slot(Layout.lanes(id, ROOT, 0)), 0, "lanes");
    }

    function _differ(StatusMessage memory message, uint256 member, uint256 bit) private view {
        if (member == 0) message.root = BatchRoot.wrap(BatchRoot.unwrap(ROOT) ^ bytes32(1 << bit));
        if (member == 1) message.change = ICredentialRegistry.StatusChange.Revoke;
        if (member == 2) message.lanes[0].word ^= 1 << bit;
        if (member == 3) message.lanes[0].mask ^= 1 << bit;
        if (member == 4) message.nonce ^= 1 << bit;
        if (member == 5) message.deadline ^= 1 << bounded(bit, 41, 255);
        if (member == 6) message.signer = address(uint160(owner) ^ uint160(1 << (bit % 160)));
        if (member == 7) message.lanes = new ICredentialRegistry.Lanes[](bit % 3 * 2);
    }

    function _refusedNonce(StatusMessage memory message) private {
        bytes4 reason = ICredentialRegistry.NonceNotUsable.selector;
        _refused(
            relayer,
            _changeStatusSigned(message),
            abi.encodeWithSelector(reason, id, message.signer, message.nonce)
        );
    }
}
