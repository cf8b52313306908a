// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICredentialRegistry, IssuerId} from "../../contracts/interfaces/ICredentialRegistry.sol";
import {Layout} from "./support/Layout.sol";
import {OwnerOnly} from "./support/OwnerOnly.sol";
import {SignedOperations} from "./support/SignedOperations.sol";
import {AnchorMessage} from "./support/TypedData.sol";
import {vm} from "./support/Vm.sol";

contract BumpEpochTest is OwnerOnly, SignedOperations {
    function _call(IssuerId issuerId) internal view override returns (bytes memory) {
        return abi.encodeCall(registry.bumpEpoch, (issuerId));
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

    function test_WhenTheCallerIsTheOwner_RaisesTheEpochByOne() public {
        for (uint32 epoch = 1; epoch <= 3; ++epoch) {
            _expectEmit();
            emit ICredentialRegistry.EpochBumped(id, epoch + 1, NOW, owner, epoch);
            _accepted(owner, _call(id));
            vm.assertEq(_slot(Layout.owner(id)), uint160(owner) | uint256(epoch) << 168, "epoch");
        }
    }

    function test_WhenTheCallerIsTheOwner_EndsAllDelegatesAtOnce() public {
        _grant(anchorer, ANCHOR, NEVER);
        _grant(keeper, STATUS, NEVER);
        _accepted(owner, _call(id));
        vm.assertFalse(registry.delegate(id, anchorer).current, "anchorer");
        vm.assertFalse(registry.delegate(id, keeper).current, "keeper");
    }

    function test_WhenTheCallerIsTheOwner_EndsAllSignaturesThatHaveNotLanded() public {
        AnchorMessage memory message = _anchorMessage(owner);
        bytes memory call = _anchorSigned(message);
        _accepted(owner, _call(id));
        message.epoch = 1;
        _refused(relayer, call, _invalid(owner, _digest(message)));
    }

    function test_GivenTheLastEpoch_RevertsAndNeverStartsAgainAtZero() public {
        uint256 last = uint160(owner) | uint256(type(uint32).max) << 168;
        vm.store(address(registry), Layout.owner(id), bytes32(last));
        _refused(owner, _call(id), abi.encodeWithSignature("Panic(uint256)", 0x11));
    }
}
