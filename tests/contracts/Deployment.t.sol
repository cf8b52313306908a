// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RegistryTest} from "./support/RegistryTest.sol";
import {vm} from "./support/Vm.sol";

contract DeploymentTest is RegistryTest {
    address private constant DEPLOYER = 0x4e59b44847b379578588920cA78FbF26c0B4956C;
    bytes private constant DEPLOYER_CODE =
        hex"7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3";
    string private constant ARTIFACT = "CredentialRegistry.sol:CredentialRegistry";

    function testFuzz_WhenDeployedThroughTheDeterministicDeployerOnTwoChains_HasOneAddressAndOneCode(
        uint64 chain,
        uint64 otherChain
    ) public {
        vm.etch(DEPLOYER, DEPLOYER_CODE);
        vm.assume(chain != otherChain);
        bytes32 start = keccak256(vm.getCode(ARTIFACT));
        bytes memory preimage = bytes.concat(hex"ff", bytes20(DEPLOYER), bytes32(0), start);
        address wanted = address(uint160(uint256(keccak256(preimage))));
        bytes32 code = keccak256(vm.getDeployedCode(ARTIFACT));
        _deploysTo(wanted, code, chain);
        _deploysTo(wanted, code, otherChain);
    }

    function test_WhenDeployed_FitsBelowTheLimitOfCodeSize() public view {
        // EIP-170 and EIP-3860.
        vm.assertLt(address(registry).code.length, 24_576, "code");
        vm.assertLt(vm.getCode(ARTIFACT).length, 49_152, "init code");
    }

    /// @dev Property 11. None but STATICCALL reaches other code, and none sends ether.
    function test_WhenDeployed_HoldsNoInstructionThatCouldHandControlOrStorageOver() public view {
        bytes memory code = address(registry).code;
        for (uint256 i = 0; i < code.length; ++i) {
            uint8 instruction = uint8(code[i]);
            bool isCall = instruction == 0xf1 || instruction == 0xf2 || instruction == 0xf4;
            bool isCreate = instruction == 0xf0 || instruction == 0xf5;
            vm.assertFalse(isCall || isCreate || instruction == 0xff, "instruction");
            // PUSH1 to PUSH32 carry 1 to 32 bytes of data.
            if (instruction >= 0x60 && instruction <= 0x7f) i += instruction - 0x5f;
        }
    }

    function test_WhenDeployed_StartsWithEmptyStorage() public {
        vm.record();
        address made = vm.deployCode(ARTIFACT);
        (, bytes32[] memory writes) = vm.accesses(made);
        vm.assertEq(writes.length, 0, "writes");
    }

    function testFuzz_WhenEtherIsSent_IsRefusedByEveryFunction(uint96 value) public {
        vm.assume(value != 0);
        vm.deal(address(this), type(uint128).max);
        bytes4[27] memory selectors = _selectors();
        for (uint256 i = 0; i < selectors.length; ++i) {
            bytes memory call = bytes.concat(selectors[i], new bytes(1024));
            (bool done, bytes memory answer) = address(registry).call{value: value}(call);
            vm.assertFalse(done, "accepted");
            vm.assertEq(answer, "", "refused before the function is entered");
        }
        vm.prank(owner);
        (bool registered,) = address(registry).call(abi.encodeCall(registry.setDid, (id, 0, "")));
        vm.assertTrue(registered, "the same without ether");
        vm.assertEq(address(registry).balance, 0, "balance");
    }

    function testFuzz_WhenACallNamesNoFunction_IsRefused(bytes calldata call, uint96 value) public {
        bytes4[27] memory selectors = _selectors();
        for (uint256 i = 0; i < selectors.length; ++i) {
            vm.assume(call.length < 4 || bytes4(call[:4]) != selectors[i]);
        }
        vm.deal(address(this), value);
        (bool done,) = address(registry).call{value: value}(call);
        vm.assertFalse(done, "accepted");
        (done,) = address(registry).call{value: value}("");
        vm.assertFalse(done, "accepted without data");
    }

    function _deploysTo(address wanted, bytes32 code, uint64 chain) private {
        uint256 before = vm.snapshotState();
        vm.chainId(chain);
        (bool done, bytes memory answer) =
            DEPLOYER.call(bytes.concat(bytes32(0), vm.getCode(ARTIFACT)));
        vm.assertTrue(done, "refused");
        vm.assertEq(address(bytes20(answer)), wanted, "address");
        vm.assertEq(wanted.codehash, code, "code");
        vm.revertToState(before);
    }

    function _selectors() private view returns (bytes4[27] memory) {
        return [
            registry.register.selector,
            registry.setDid.selector,
            registry.transferOwnership.selector,
            registry.acceptOwnership.selector,
            registry.setDelegate.selector,
            registry.bumpEpoch.selector,
            registry.pause.selector,
            registry.unpause.selector,
            registry.distrust.selector,
            registry.retire.selector,
            registry.cancelNonces.selector,
            registry.anchor.selector,
            registry.anchorSigned.selector,
            registry.revokeBatch.selector,
            registry.changeStatus.selector,
            registry.changeStatuses.selector,
            registry.changeStatusSigned.selector,
            registry.issuer.selector,
            registry.issuerIdOf.selector,
            registry.delegate.selector,
            registry.isNonceUsed.selector,
            registry.batch.selector,
            registry.statusWords.selector,
            registry.statusOf.selector,
            registry.verifyLeaf.selector,
            registry.registrations.selector,
            registry.eip712Domain.selector
        ];
    }
}
