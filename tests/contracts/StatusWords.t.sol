// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BatchRoot} from "../../contracts/interfaces/ICredentialRegistry.sol";
import {Layout} from "./support/Layout.sol";
import {RegistryTest} from "./support/RegistryTest.sol";
import {bounded, vm} from "./support/Vm.sol";

contract StatusWordsTest is RegistryTest {
    function testFuzz_WhenWordsAreRead_IsWhatTheSlotsSay(
        BatchRoot root,
        uint256 first,
        uint256[] memory words
    ) public {
        first = bounded(first, 0, type(uint256).max - words.length);
        for (uint256 i = 0; i < words.length; ++i) {
            bytes32 slot = Layout.lanes(id, root, first + i);
            vm.store(address(registry), slot, bytes32(words[i]));
        }
        vm.assertEq(registry.statusWords(id, root, first, words.length), words, "words");
    }

    function testFuzz_WhenNoWordsAreAskedFor_IsEmpty(uint256 first) public view {
        vm.assertEq(registry.statusWords(id, ROOT, first, 0).length, 0, "words");
    }
}
