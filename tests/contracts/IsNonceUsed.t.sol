// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IssuerId} from "../../contracts/interfaces/ICredentialRegistry.sol";
import {SignedOperations} from "./support/SignedOperations.sol";
import {StatusMessage} from "./support/TypedData.sol";
import {vm} from "./support/Vm.sol";

contract IsNonceUsedTest is SignedOperations {
    function testFuzz_WhenTheNonceIsZero_IsUsed(IssuerId any, address signer) public view {
        vm.assertTrue(registry.isNonceUsed(any, signer, 0), "nonce");
    }

    function testFuzz_WhenTheNonceIsAnyOther_IsUsedOnceAnOperationOrACancellationUsedIt(uint256 nonce)
        public
    {
        vm.assume(nonce != 0);
        _anchor(ROOT, 300);
        vm.assertFalse(registry.isNonceUsed(id, owner, nonce), "before");
        StatusMessage memory message = _statusMessage(owner);
        message.nonce = nonce;
        _accepted(relayer, _changeStatusSigned(message));
        vm.assertTrue(registry.isNonceUsed(id, owner, nonce), "used");

        vm.assertFalse(registry.isNonceUsed(id, keeper, nonce), "another signer");
        uint256 bit = 1 << (nonce & 0xff);
        _accepted(owner, abi.encodeCall(registry.cancelNonces, (id, keeper, nonce >> 8, bit)));
        vm.assertTrue(registry.isNonceUsed(id, keeper, nonce), "cancelled");
        unchecked {
            bool zero = nonce + 1 == 0;
            vm.assertEq(registry.isNonceUsed(id, keeper, nonce + 1), zero, "neighbour");
        }
    }
}
