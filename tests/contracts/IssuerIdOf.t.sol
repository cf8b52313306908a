// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IssuerId} from "../../contracts/interfaces/ICredentialRegistry.sol";
import {RegistryTest} from "./support/RegistryTest.sol";
import {vm} from "./support/Vm.sol";

contract IssuerIdOfTest is RegistryTest {
    function testFuzz_WhenItIsAsked_CommitsToChainRegistryRegistrantAndSalt(
        uint64 chain,
        address registrant,
        bytes32 salt
    ) public {
        vm.chainId(chain);
        bytes memory preimage = bytes.concat(
            bytes32(uint256(chain)),
            bytes32(uint256(uint160(address(registry)))),
            bytes32(uint256(uint160(registrant))),
            salt
        );
        bytes32 answer = IssuerId.unwrap(registry.issuerIdOf(registrant, salt));
        vm.assertEq(answer, keccak256(preimage), "id");
    }
}
