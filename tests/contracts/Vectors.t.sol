// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    BatchRoot,
    ICredentialRegistry as R,
    IssuerId
} from "../../contracts/interfaces/ICredentialRegistry.sol";
import {Replay} from "./support/Replay.sol";
import {AnchorMessage, StatusMessage, TypedData} from "./support/TypedData.sol";
import {Vm, vm} from "./support/Vm.sol";

/// @dev The released vectors against the very code that the other suites hold against the contract:
/// so what the contract folds and hashes is what Python and JavaScript read from the same files.
contract VectorsTest is Replay {
    function test_WhenLeavesAreHashedByTheFormatsDefinition_GivesTheReleasedLeaves() public view {
        string memory json = _read("leaf-v1");
        bytes32[] memory leaves = vm.parseJsonBytes32Array(json, ".leaves");
        vm.assertGe(leaves.length, 5, "rows");
        for (uint256 i = 0; i < leaves.length; ++i) {
            vm.assertEq(_leaf(json, i), leaves[i], "leaf");
        }
    }

    function test_WhenLeavesAreHashedByTheFormatsDefinition_NeverGivesWhatIsReleasedAsNoLeaf()
        public
        view
    {
        string memory json = _read("leaf-v1");
        bytes32 leaf = _leaf(json, vm.parseJsonUint(json, ".notLeavesOfCase"));
        bytes32[] memory others = vm.parseJsonBytes32Array(json, ".notLeaves");
        vm.assertGe(others.length, 5, "rows");
        for (uint256 i = 0; i < others.length; ++i) {
            vm.assertNotEq(others[i], leaf, "leaf");
        }
    }

    function test_WhenReleasedLogsAreFoldedByTheInterfacesDefinition_GivesTheReleasedHistories()
        public
    {
        string memory json = _read("history-v1");
        vm.chainId(vm.parseJsonUint(json, ".chainId"));
        _startReplay(vm.parseJsonAddress(json, ".registry"));
        string[] memory histories = vm.parseJsonStringArray(json, ".histories");
        string[] memory registrations = vm.parseJsonStringArray(json, ".registrations.histories");
        vm.assertGe(histories.length, 14, "rows, one a kind at least");
        for (uint256 i = 0; i < histories.length; ++i) {
            Vm.Log memory log;
            log.topics = vm.parseJsonBytes32Array(json, _at("logs", i, "topics"));
            log.data = vm.parseJsonBytes(json, _at("logs", i, "data"));
            _fold(log);
            bytes memory wanted = vm.parseJsonBytes(json, _at("histories", i));
            bytes27 folded = replayed[IssuerId.wrap(log.topics[1])].fold;
            vm.assertEq(bytes.concat(folded), wanted, "history");
            if (log.topics[0] != R.IssuerRegistered.selector) continue;
            wanted = vm.parseJsonBytes(
                json, _at("registrations.histories", replayedRegistrations.count - 1)
            );
            vm.assertEq(bytes.concat(replayedRegistrations.fold), wanted, "registrations");
        }
        vm.assertEq(replayedRegistrations.count, registrations.length, "registrations");
    }

    function test_WhenReleasedMessagesAreHashedByEIP712_GivesTheReleasedDigests() public view {
        string memory json = _read("typed_data-v1");
        uint256 cases = 0;
        for (; vm.keyExistsJson(json, _at("cases", cases, "digest")); ++cases) {
            bytes32 wanted = vm.parseJsonBytes32(json, _at("cases", cases, "digest"));
            vm.assertEq(_digest(json, cases), wanted, "digest");
        }
        vm.assertGe(cases, 10, "rows");
    }

    function test_WhenReleasedMessagesAreHashedByEIP712_RecoversTheReleasedSigner() public view {
        string memory json = _read("typed_data-v1");
        address signer = vm.parseJsonAddress(json, ".signer");
        for (uint256 i = 0; vm.keyExistsJson(json, _at("cases", i, "digest")); ++i) {
            bytes memory signature = vm.parseJsonBytes(json, _at("cases", i, "signature"));
            bytes32 r;
            bytes32 s;
            assembly ("memory-safe") {
                r := mload(add(signature, 0x20))
                s := mload(add(signature, 0x40))
            }
            vm.assertEq(ecrecover(_digest(json, i), uint8(signature[64]), r, s), signer, "signer");
        }
    }

    function _leaf(string memory json, uint256 i) private pure returns (bytes32) {
        return sha256(
            abi.encodePacked(
                hex"0001",
                vm.parseJsonBytes32(json, _at("issuerIds", i)),
                uint64(vm.parseJsonUint(json, _at("indexes", i))),
                vm.parseJsonBytes32(json, _at("salts", i)),
                vm.parseJsonBytes32(json, _at("digests", i))
            )
        );
    }

    function _digest(string memory json, uint256 i) private view returns (bytes32) {
        bytes32 domain = TypedData.domain(
            "CredAnchor",
            "1",
            vm.parseJsonUint(json, _at("cases", i, "chainId")),
            vm.parseJsonAddress(json, _at("cases", i, "registry"))
        );
        string memory kind = vm.parseJsonString(json, _at("cases", i, "primaryType"));
        return keccak256(bytes(kind)) == keccak256("Anchor")
            ? TypedData.digest(domain, _anchorMessage(json, _at("cases", i, "message.")))
            : TypedData.digest(domain, _statusMessage(json, _at("cases", i, "message.")));
    }

    function _anchorMessage(string memory json, string memory key)
        private
        pure
        returns (AnchorMessage memory message)
    {
        message.issuerId = IssuerId.wrap(vm.parseJsonBytes32(json, string.concat(key, "issuerId")));
        message.signer = vm.parseJsonAddress(json, string.concat(key, "signer"));
        message.epoch = uint32(vm.parseJsonUint(json, string.concat(key, "epoch")));
        message.root = BatchRoot.wrap(vm.parseJsonBytes32(json, string.concat(key, "root")));
        message.size = uint32(vm.parseJsonUint(json, string.concat(key, "size")));
        message.metaHash = vm.parseJsonBytes32(json, string.concat(key, "metaHash"));
        message.deadline = vm.parseJsonUint(json, string.concat(key, "deadline"));
    }

    function _statusMessage(string memory json, string memory key)
        private
        view
        returns (StatusMessage memory message)
    {
        message.issuerId = IssuerId.wrap(vm.parseJsonBytes32(json, string.concat(key, "issuerId")));
        message.signer = vm.parseJsonAddress(json, string.concat(key, "signer"));
        message.epoch = uint32(vm.parseJsonUint(json, string.concat(key, "epoch")));
        message.root = BatchRoot.wrap(vm.parseJsonBytes32(json, string.concat(key, "root")));
        message.change = R.StatusChange(vm.parseJsonUint(json, string.concat(key, "change")));
        message.lanes = _lanes(json, string.concat(key, "lanes"));
        message.nonce = vm.parseJsonUint(json, string.concat(key, "nonce"));
        message.deadline = vm.parseJsonUint(json, string.concat(key, "deadline"));
    }

    function _lanes(string memory json, string memory key)
        private
        view
        returns (R.Lanes[] memory lanes)
    {
        uint256 count = 0;
        while (vm.keyExistsJson(json, string.concat(key, "[", vm.toString(count), "].word"))) {
            ++count;
        }
        lanes = new R.Lanes[](count);
        for (uint256 i = 0; i < count; ++i) {
            string memory place = string.concat(key, "[", vm.toString(i), "]");
            lanes[i] = R.Lanes(
                vm.parseJsonUint(json, string.concat(place, ".word")),
                vm.parseJsonUint(json, string.concat(place, ".mask"))
            );
        }
    }

    function _read(string memory name) private view returns (string memory) {
        return vm.readFile(string.concat("tests/vectors/", name, ".json"));
    }

    function _at(string memory list, uint256 i) private pure returns (string memory) {
        return string.concat(".", list, "[", vm.toString(i), "]");
    }

    function _at(string memory list, uint256 i, string memory member)
        private
        pure
        returns (string memory)
    {
        return string.concat(_at(list, i), ".", member);
    }
}
