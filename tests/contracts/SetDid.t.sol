// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICredentialRegistry, IssuerId} from "../../contracts/interfaces/ICredentialRegistry.sol";
import {Layout} from "./support/Layout.sol";
import {OwnerOnly} from "./support/OwnerOnly.sol";
import {vm} from "./support/Vm.sol";

contract SetDidTest is OwnerOnly {
    function _call(IssuerId issuerId) internal view override returns (bytes memory) {
        return abi.encodeCall(registry.setDid, (issuerId, "did", "uri"));
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

    function testFuzz_WhenTheCallerIsTheOwner_StoresTheHashAndEmitsTheProfileAddress(
        bytes32 didHash,
        string calldata uri
    ) public {
        _expectEmit();
        emit ICredentialRegistry.DidChanged(id, 2, NOW, owner, didHash, uri);
        _accepted(owner, abi.encodeCall(registry.setDid, (id, didHash, uri)));
        vm.assertEq(_slot(Layout.didHash(id)), uint256(didHash), "document");
    }

    function test_WhenTheCallerIsTheOwner_TakesTheSameValuesAgain() public {
        _expectEmit();
        emit ICredentialRegistry.DidChanged(id, 2, NOW, owner, DID, URI);
        _accepted(owner, abi.encodeCall(registry.setDid, (id, DID, URI)));
    }

    function test_GivenTheIssuerIsPausedDistrustedOrRetired_GoesOn() public {
        _pause();
        _distrust(1);
        _retire();
        _accepted(owner, _call(id));
    }
}
