// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICredentialRegistry, IssuerId} from "../../contracts/interfaces/ICredentialRegistry.sol";
import {Layout} from "./support/Layout.sol";
import {RegistryTest} from "./support/RegistryTest.sol";
import {vm} from "./support/Vm.sol";

contract RegisterTest is RegistryTest {
    function test_WhenTheSaltIsFresh_MakesTheCallerTheOwnerOfANewIssuer() public {
        IssuerId made = registry.issuerIdOf(stranger, "salt");
        _expectEmit();
        emit ICredentialRegistry.IssuerRegistered(made, 1, NOW, stranger, 2, "salt", DID, URI);
        vm.prank(stranger);
        IssuerId answer = registry.register("salt", DID, URI);

        vm.assertEq(IssuerId.unwrap(answer), IssuerId.unwrap(made), "id");
        vm.assertEq(_slot(Layout.owner(made)), uint160(stranger), "owner, and nothing beside it");
        vm.assertEq(_slot(Layout.didHash(made)), uint256(DID), "document");
        vm.assertEq(_slot(Layout.pendingOwner(made)), 0, "pending owner");
        _assertFolded();
    }

    function testFuzz_WhenTheSaltIsFresh_TakesAnySaltDocumentHashAndProfileAddress(
        address registrant,
        bytes32 salt,
        bytes32 didHash,
        string calldata uri
    ) public {
        vm.assume(registrant != address(0) && registrant != owner);
        IssuerId made = registry.issuerIdOf(registrant, salt);
        _expectEmit();
        emit ICredentialRegistry.IssuerRegistered(made, 1, NOW, registrant, 2, salt, didHash, uri);
        _accepted(registrant, abi.encodeCall(registry.register, (salt, didHash, uri)));
        vm.assertEq(registry.issuer(made).owner, registrant, "owner");
        vm.assertEq(registry.issuer(made).didHash, didHash, "document");
    }

    function test_WhenTheCallerUsedTheSaltBefore_RevertsWithIssuerAlreadyRegistered() public {
        _refused(
            owner,
            abi.encodeCall(registry.register, ("alma", 0, "")),
            _error(ICredentialRegistry.IssuerAlreadyRegistered.selector)
        );
    }

    function test_WhenTheCallerUsedTheSaltBefore_RevertsEvenAfterTheIssuerChangedHands() public {
        _handOver(stranger);
        _refused(
            owner,
            abi.encodeCall(registry.register, ("alma", 0, "")),
            _error(ICredentialRegistry.IssuerAlreadyRegistered.selector)
        );
        // Nor does the new owner's registration with that salt touch the issuer.
        IssuerId other = _register(stranger, "alma");
        vm.assertNotEq(IssuerId.unwrap(other), IssuerId.unwrap(id), "id");
    }

    function testFuzz_WhenAnotherAccountUsesTheSameSalt_MakesAnotherIssuer(address squatter)
        public
    {
        vm.assume(squatter != owner && squatter != address(0));
        IssuerId other = _register(squatter, "alma");
        vm.assertNotEq(IssuerId.unwrap(other), IssuerId.unwrap(id), "id");
        vm.assertEq(registry.issuer(id).owner, owner, "owner");
    }

    function testFuzz_GivenAnotherChain_MakesAnotherIssuer(uint64 chain) public {
        vm.assume(chain != block.chainid && chain != 0);
        vm.chainId(chain);
        vm.assertNotEq(IssuerId.unwrap(_register(owner, "alma")), IssuerId.unwrap(id), "id");
    }

    function test_GivenAnotherRegistry_MakesAnotherIssuer() public {
        registry = ICredentialRegistry(vm.deployCode("CredentialRegistry.sol:CredentialRegistry"));
        vm.assertNotEq(IssuerId.unwrap(_register(owner, "alma")), IssuerId.unwrap(id), "id");
    }

    function test_GivenEarlierRegistrations_NumbersAndFoldsEachIntoTheGlobalHistory() public {
        _register(stranger, "one");
        _register(stranger, "two");
        _register(owner, "three");
        _assertFolded();
        (uint40 count,) = registry.registrations();
        vm.assertEq(count, 4, "registrations");
    }
}
