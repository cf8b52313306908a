// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SignedOperations} from "./support/SignedOperations.sol";
import {AnchorMessage, TypedData} from "./support/TypedData.sol";
import {vm} from "./support/Vm.sol";

contract Eip712DomainTest is SignedOperations {
    function test_WhenItIsRead_IsTheDomainThatIsHashed() public {
        AnchorMessage memory message = _anchorMessage(owner);
        bytes memory signature = _sign(owner, TypedData.digest(_readDomain(), message));
        _accepted(relayer, _anchorSigned(message, signature));
    }

    function testFuzz_GivenAnotherChain_NamesThatChain(uint64 chain) public {
        vm.assume(chain != 0);
        vm.chainId(chain);
        AnchorMessage memory message = _anchorMessage(owner);
        bytes memory signature = _sign(owner, TypedData.digest(_readDomain(), message));
        vm.prank(relayer);
        (bool done,) = address(registry).call(_anchorSigned(message, signature));
        vm.assertTrue(done, "refused");
    }

    function _readDomain() private view returns (bytes32) {
        (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 chain,
            address verifier,
            bytes32 salt,
            uint256[] memory extensions
        ) = registry.eip712Domain();
        vm.assertEq(bytes32(fields), bytes32(hex"0f"), "fields");
        vm.assertEq(name, "CredAnchor", "name");
        vm.assertEq(version, "1", "version");
        vm.assertEq(chain, block.chainid, "chain");
        vm.assertEq(verifier, address(registry), "contract");
        vm.assertEq(salt, 0, "salt");
        vm.assertEq(extensions.length, 0, "extensions");
        return TypedData.domain(name, version, chain, verifier);
    }
}
