// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BatchRoot, ICredentialRegistry} from "../../contracts/interfaces/ICredentialRegistry.sol";
import {Authority} from "./support/Authority.sol";
import {SignedOperations} from "./support/SignedOperations.sol";
import {AnchorMessage} from "./support/TypedData.sol";
import {bounded, vm} from "./support/Vm.sol";

contract AnchorSignedTest is Authority, SignedOperations {
    function _role() internal pure override returns (uint8) {
        return ANCHOR;
    }

    function _by(address account)
        internal
        view
        override
        returns (address sender, bytes memory call)
    {
        return (relayer, _anchorSigned(_anchorMessage(account)));
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

    /// @dev Property 8. The same logs and the same slots, whoever sends it.
    function testFuzz_WhenAnybodySendsIt_WritesAndLogsWhatADirectAnchorDoes(
        address sender,
        BatchRoot root,
        uint32 size,
        bytes32 metaHash
    ) public {
        vm.assume(BatchRoot.unwrap(root) != 0 && size != 0);
        _grant(anchorer, ANCHOR, NEVER);
        _assertFolded();
        AnchorMessage memory message = _anchorMessage(anchorer);
        (message.root, message.size, message.metaHash) = (root, size, metaHash);
        bytes memory call = _anchorSigned(message);

        bytes32 signed = _effects(sender, call);
        call = abi.encodeCall(registry.anchor, (id, root, size, metaHash));
        vm.assertEq(signed, _effects(anchorer, call), "logs and slots");
    }

    function testFuzz_WhenAnyMemberDiffersFromWhatWasSigned_RevertsWithInvalidSignature(
        uint256 member,
        uint256 bit
    ) public {
        AnchorMessage memory message = _anchorMessage(owner);
        message.deadline = NEVER;
        bytes memory signature = _sign(owner, _digest(message));
        member = bounded(member, 0, 4);
        if (member == 0) message.root = BatchRoot.wrap(_flipped(BatchRoot.unwrap(ROOT), bit, 256));
        if (member == 1) message.size = uint32(uint256(_flipped(bytes32(uint256(300)), bit, 32)));
        if (member == 2) message.metaHash = _flipped(META, bit, 256);
        if (member == 3) message.deadline ^= 1 << bounded(bit, 41, 255);
        if (member == 4) {
            message.signer = address(uint160(owner) ^ uint160(1 << bounded(bit, 0, 159)));
        }
        _refused(
            relayer, _anchorSigned(message, signature), _invalid(message.signer, _digest(message))
        );
    }

    function test_GivenTheRootIsAnchored_RevertsWithWhatIsStored() public {
        _accepts(owner);
        bytes4 reason = ICredentialRegistry.BatchAlreadyAnchored.selector;
        _refusedToOwner(abi.encodeWithSelector(reason, id, ROOT, NOW, 2, 300));
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

    function test_WhenTheBatchIsEmpty_RevertsWithEmptyBatch() public {
        AnchorMessage memory message = _anchorMessage(owner);
        message.size = 0;
        bytes4 reason = ICredentialRegistry.EmptyBatch.selector;
        _refused(relayer, _anchorSigned(message), abi.encodeWithSelector(reason, ROOT, 0));
        message.size = 1;
        message.root = BatchRoot.wrap(0);
        _refused(relayer, _anchorSigned(message), abi.encodeWithSelector(reason, 0, 1));
    }

    /// @dev Hash of all logs of a call, and of the slots that it wrote with what it wrote there. The
    /// call itself is undone.
    function _effects(address sender, bytes memory call) private returns (bytes32) {
        uint256 before = vm.snapshotState();
        vm.record();
        vm.prank(sender);
        (bool done,) = address(registry).call(call);
        vm.assertTrue(done, "refused");
        (, bytes32[] memory writes) = vm.accesses(address(registry));
        bytes memory written;
        for (uint256 i = 0; i < writes.length; ++i) {
            written = bytes.concat(written, writes[i], vm.load(address(registry), writes[i]));
        }
        bytes memory logs = abi.encode(vm.getRecordedLogs());
        vm.revertToState(before);
        return keccak256(bytes.concat(written, logs));
    }

    function _flipped(bytes32 value, uint256 bit, uint256 width) private pure returns (bytes32) {
        return value ^ bytes32(1 << bounded(bit, 0, width - 1));
    }

    function _refusedToOwner(bytes memory reason) private {
        (address sender, bytes memory call) = _by(owner);
        _refused(sender, call, reason);
    }
}
