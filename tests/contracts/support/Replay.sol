// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    BatchRoot,
    ICredentialRegistry as R,
    IssuerId
} from "../../../contracts/interfaces/ICredentialRegistry.sol";
import {Layout} from "./Layout.sol";
import {Vm, vm} from "./Vm.sol";

/// @dev Folds logs into histories by the interface's documentation, and compares them with storage.
abstract contract Replay {
    struct History {
        uint40 count;
        bytes27 fold;
    }

    struct Head {
        uint40 operation;
        uint40 timestamp;
        address actor;
    }

    mapping(IssuerId id => History) internal replayed;
    IssuerId[] internal replayedIssuers;
    History internal replayedRegistrations;
    address private _registry;

    /// @dev From here on all logs are kept. Before the registry's first operation.
    function _startReplay(address registry_) internal {
        _registry = registry_;
        vm.recordLogs();
    }

    /// @dev Folds what was logged since the last call, and compares every history with its slot.
    function _assertFolded() internal {
        _foldNewLogs();
        for (uint256 i = 0; i < replayedIssuers.length; ++i) {
            _assertFolded(replayedIssuers[i]);
        }
    }

    function _assertFolded(IssuerId id) internal view {
        History memory wanted = replayed[id];
        bytes32 slot = vm.load(_registry, Layout.history(id));
        vm.assertEq(slot, bytes32(wanted.fold) | bytes32(uint256(wanted.count)), "history");
        slot = vm.load(_registry, Layout.REGISTRATIONS);
        wanted = replayedRegistrations;
        vm.assertEq(slot, bytes32(wanted.fold) | bytes32(uint256(wanted.count)), "registrations");
    }

    /// @return folded How many logs of the registry there were.
    function _foldNewLogs() internal returns (uint256 folded) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i = 0; i < logs.length; ++i) {
            if (logs[i].emitter != _registry) continue;
            _fold(logs[i]);
            ++folded;
        }
    }

    /// @dev `_startReplay` names the registry whose log it is.
    function _fold(Vm.Log memory log) internal {
        IssuerId id = IssuerId.wrap(log.topics[1]);
        if (log.topics[0] == R.IssuerRegistered.selector) _startHistory(id, log.data);
        History storage h = replayed[id];
        Head memory head = abi.decode(log.data, (Head));
        ++h.count;
        vm.assertEq(head.operation, h.count, "number in the log");
        h.fold = bytes27(keccak256(_folded(h.fold, log, head)));
    }

    function _startHistory(IssuerId id, bytes memory data) private {
        replayedIssuers.push(id);
        replayed[id].fold = bytes27(
            keccak256(
                abi.encode(keccak256("credanchor.history.issuer.1"), block.chainid, _registry, id)
            )
        );
        History storage all = replayedRegistrations;
        if (all.count == 0) {
            all.fold = bytes27(
                keccak256(
                    abi.encode(
                        keccak256("credanchor.history.registrations.1"), block.chainid, _registry
                    )
                )
            );
        }
        ++all.count;
        all.fold = bytes27(keccak256(_foldedRegistration(all.fold, id, data)));
    }

    function _foldedRegistration(bytes27 before, IssuerId id, bytes memory data)
        private
        pure
        returns (bytes memory)
    {
        (, uint40 time, address actor, uint40 n, bytes32 salt, bytes32 did, string memory uri) =
            abi.decode(data, (uint40, uint40, address, uint40, bytes32, bytes32, string));
        return abi.encode(before, n, time, actor, id, salt, did, uri);
    }

    /// @dev Events with a string or an array are encoded anew: their offsets count from the start
    /// of what is encoded. All others have one word a field, so the log's own words serve.
    function _folded(bytes27 before, Vm.Log memory log, Head memory head)
        private
        pure
        returns (bytes memory)
    {
        bytes32 topic = log.topics[0];
        if (topic == R.IssuerRegistered.selector) return _registered(before, log.data);
        if (topic == R.DidChanged.selector) return _didChanged(before, log.data);
        if (topic == R.StatusChanged.selector) return _statusChanged(before, log);
        bytes memory start =
            abi.encode(before, head.operation, _kind(topic), head.timestamp, head.actor);
        bytes memory rest = new bytes(log.data.length - 96);
        for (uint256 i = 0; i < rest.length; ++i) {
            rest[i] = log.data[i + 96];
        }
        return log.topics.length == 3
            ? bytes.concat(start, log.topics[2], rest)
            : bytes.concat(start, rest);
    }

    function _kind(bytes32 topic) private pure returns (R.Kind) {
        if (topic == R.OwnershipOffered.selector) return R.Kind.OwnershipOffered;
        if (topic == R.OwnershipTransferred.selector) return R.Kind.OwnershipTransferred;
        if (topic == R.DelegateSet.selector) return R.Kind.DelegateSet;
        if (topic == R.EpochBumped.selector) return R.Kind.EpochBumped;
        if (topic == R.Paused.selector) return R.Kind.Paused;
        if (topic == R.Unpaused.selector) return R.Kind.Unpaused;
        if (topic == R.Distrusted.selector) return R.Kind.Distrusted;
        if (topic == R.Retired.selector) return R.Kind.Retired;
        if (topic == R.NoncesCancelled.selector) return R.Kind.NoncesCancelled;
        if (topic == R.Anchored.selector) return R.Kind.Anchored;
        if (topic == R.BatchRevoked.selector) return R.Kind.BatchRevoked;
        revert("a log that the interface does not name");
    }

    function _registered(bytes27 before, bytes memory data) private pure returns (bytes memory) {
        (
            uint40 op,
            uint40 time,
            address actor,
            uint40 n,
            bytes32 salt,
            bytes32 did,
            string memory uri
        ) = abi.decode(data, (uint40, uint40, address, uint40, bytes32, bytes32, string));
        return abi.encode(before, op, R.Kind.IssuerRegistered, time, actor, n, salt, did, uri);
    }

    function _didChanged(bytes27 before, bytes memory data) private pure returns (bytes memory) {
        (uint40 op, uint40 time, address actor, bytes32 did, string memory uri) =
            abi.decode(data, (uint40, uint40, address, bytes32, string));
        return abi.encode(before, op, R.Kind.DidChanged, time, actor, did, uri);
    }

    function _statusChanged(bytes27 before, Vm.Log memory log) private pure returns (bytes memory) {
        bytes32 root = log.topics[2];
        (
            uint40 op,
            uint40 time,
            address actor,
            uint8 change,
            uint256 nonce,
            R.Lanes[] memory lanes
        ) = abi.decode(log.data, (uint40, uint40, address, uint8, uint256, R.Lanes[]));
        return abi.encode(before, op, R.Kind.StatusChanged, time, actor, root, change, nonce, lanes);
    }
}
