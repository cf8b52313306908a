// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    BatchRoot,
    ICredentialRegistry,
    IssuerId
} from "../../../contracts/interfaces/ICredentialRegistry.sol";
import {IssuerHandler} from "./IssuerHandler.sol";
import {Layout} from "./Layout.sol";
import {AnchorMessage, StatusMessage} from "./TypedData.sol";
import {vm} from "./Vm.sol";

/// @dev Any operation by anybody at any time, each from one number.
contract Handler is IssuerHandler {
    bytes[] private _landed;

    constructor() {
        setUp();
        for (uint256 i = 0; i < 5; ++i) {
            accounts.push([owner, anchorer, keeper, stranger, relayer][i]);
        }
        _adopt(owner);
        id = _register(anchorer, "second");
        _adopt(anchorer);
        _assertFolded();
    }

    function operationNames() public pure returns (bytes32[19] memory) {
        return [
            bytes32("register"),
            "setDid",
            "transferOwnership",
            "acceptOwnership",
            "setDelegate",
            "bumpEpoch",
            "pause",
            "unpause",
            "distrust",
            "retire",
            "cancelNonces",
            "anchor",
            "anchorSigned",
            "revokeBatch",
            "changeStatus",
            "changeStatuses",
            "changeStatusSigned",
            "replay",
            "sendEther"
        ];
    }

    function anchor(uint256 entropy) external {
        uint256 seed = _mixed(entropy);
        address account = _drawAnchorer(seed);
        BatchRoot root = _drawRoot(seed);
        uint32 size = uint32((seed >> 64) % 320);
        bool wanted = _may(account, ANCHOR) && _isAnchorable(root, size);
        _allow(Layout.batch(id, root));
        bytes memory call = abi.encodeCall(registry.anchor, (id, root, size, META));
        if (_try("anchor", account, call, wanted)) _keepBatch(root, size);
    }

    function anchorSigned(uint256 entropy) external {
        uint256 seed = _mixed(entropy);
        AnchorMessage memory message = _anchorMessage(_drawAnchorer(seed));
        message.root = _drawRoot(seed);
        message.size = uint32((seed >> 64) % 320);
        message.metaHash = bytes32(seed);
        message.deadline += seed % 1 days;
        message.epoch = issuers[id].epoch;
        message.issuerId = id;
        bytes memory call = _anchorSigned(message);
        _allow(Layout.batch(id, message.root));
        bool wanted = _may(message.signer, ANCHOR) && _isAnchorable(message.root, message.size);
        if (_try("anchorSigned", _anyone(seed >> 8), call, wanted)) {
            _keepBatch(message.root, message.size);
            _landed.push(call);
        }
    }

    function revokeBatch(uint256 entropy) external {
        uint256 seed = _mixed(entropy);
        if (batches.length == 0) return;
        uint256 batch = _drawBatch(seed);
        // One in four at most: a revoked batch can only be revoked further.
        batch -= batch % 4;
        id = batches[batch].issuerId;
        address account = seed % 8 == 0 ? _anyone(seed >> 24) : issuers[id].owner;
        BatchRow storage row = batches[batch];
        _allow(Layout.batch(id, row.root));
        bytes memory call = abi.encodeCall(registry.revokeBatch, (id, row.root));
        bool wanted = _isOwner(account) && !row.revoked;
        if (_try("revokeBatch", account, call, wanted)) row.revoked = true;
    }

    function changeStatus(uint256 entropy) external {
        uint256 seed = _mixed(entropy);
        if (batches.length == 0) return;
        uint256 batch = _drawBatch(seed);
        address account = _drawKeeper(seed, batch);
        uint256[] memory indexes = _drawIndexes(seed, batch);
        ICredentialRegistry.StatusChange change = _drawChange(seed, batch, indexes);
        (bool moves, bool breaks) = _effect(batch, change, indexes);
        BatchRoot root = batches[batch].root;
        bytes memory call =
            abi.encodeCall(registry.changeStatus, (id, root, change, _lanesAt(root, indexes)));
        bool wanted = _may(account, STATUS) && moves && !breaks;
        if (_try("changeStatus", account, call, wanted)) _apply(batch, change, indexes);
    }

    function changeStatuses(uint256 entropy) external {
        uint256 seed = _mixed(entropy);
        if (batches.length == 0) return;
        uint256 otherSeed = seed >> 96;
        uint256[2] memory both = [_drawBatch(seed), _drawBatch(otherSeed)];
        // The second is drawn last and names the issuer; the first must be of the same.
        if (IssuerId.unwrap(batches[both[0]].issuerId) != IssuerId.unwrap(id)) both[0] = both[1];
        address account = _drawKeeper(seed, both[1]);
        uint256[][2] memory indexes =
            [_drawIndexes(seed, both[0]), _drawIndexes(otherSeed, both[1])];
        ICredentialRegistry.StatusChange change = _drawChange(seed, both[1], indexes[1]);
        ICredentialRegistry.BatchLanes[] memory lanes = new ICredentialRegistry.BatchLanes[](2);
        bool wanted = false;
        bool breaks = !_may(account, STATUS);
        for (uint256 i = 0; i < 2; ++i) {
            (bool movesOne, bool breaksOne) = _effect(both[i], change, indexes[i]);
            wanted = wanted || movesOne;
            breaks = breaks || breaksOne;
            BatchRoot root = batches[both[i]].root;
            lanes[i] = ICredentialRegistry.BatchLanes(root, _lanesAt(root, indexes[i]));
        }
        bytes memory call = abi.encodeCall(registry.changeStatuses, (id, change, lanes));
        if (_try("changeStatuses", account, call, wanted && !breaks)) {
            _apply(both[0], both[1], change, indexes);
        }
    }

    function changeStatusSigned(uint256 entropy) external {
        uint256 seed = _mixed(entropy);
        if (batches.length == 0) return;
        uint256 batch = _drawBatch(seed);
        StatusMessage memory message = _statusMessage(_drawKeeper(seed, batch));
        message.root = batches[batch].root;
        uint256[] memory indexes = _drawIndexes(seed, batch);
        message.lanes = _lanesAt(message.root, indexes);
        message.change = _drawChange(seed, batch, indexes);
        message.nonce = (seed >> 72) % 256;
        message.deadline += seed % 1 days;
        bytes memory call = _changeStatusSigned(message);
        (bool moves, bool breaks) = _effect(batch, message.change, indexes);
        bool wanted = _may(message.signer, STATUS) && moves && !breaks && message.nonce != 0
            && !usedNonces[id][message.signer][message.nonce];
        _allow(Layout.nonces(id, message.signer, 0));
        if (_try("changeStatusSigned", _anyone(seed >> 8), call, wanted)) {
            usedNonces[id][message.signer][message.nonce] = true;
            _apply(batch, message.change, indexes);
            _landed.push(call);
        }
    }

    /// @dev Property 7: nothing that landed lands again, at no later time, whoever sends it.
    function replay(uint256 entropy) external {
        uint256 seed = _mixed(entropy);
        if (_landed.length == 0) return;
        _try("replay", _anyone(seed), _landed[seed % _landed.length], false);
    }

    function sendEther(uint256 entropy) external {
        uint256 seed = _mixed(entropy);
        address account = _anyone(seed);
        uint256 value = 1 + (seed >> 64) % 1 ether;
        vm.deal(account, value);
        _drawIssuer(seed);
        bytes memory call = seed % 2 == 0 ? bytes("") : abi.encodeCall(registry.bumpEpoch, (id));
        vm.prank(account);
        (bool accepted,) = address(registry).call{value: value}(call);
        vm.assertFalse(accepted, "ether");
        ++refused["sendEther"];
    }

    function _keepBatch(BatchRoot root, uint32 size) private {
        uint40 operation = registry.issuer(id).operations;
        batches.push(BatchRow(id, root, uint40(block.timestamp), operation, size, false));
    }

    /// @dev One after the other: the same batch may stand in both places.
    function _apply(
        uint256 one,
        uint256 other,
        ICredentialRegistry.StatusChange change,
        uint256[][2] memory indexes
    ) private {
        if (one != other) {
            _apply(one, change, indexes[0]);
            _apply(other, change, indexes[1]);
            return;
        }
        uint256 first = indexes[0].length;
        uint256[] memory all = new uint256[](first + indexes[1].length);
        for (uint256 i = 0; i < all.length; ++i) {
            all[i] = i < first ? indexes[0][i] : indexes[1][i - first];
        }
        _apply(one, change, all);
    }

    /// @dev Also allows their words to be written.
    function _lanesAt(BatchRoot root, uint256[] memory indexes)
        private
        returns (ICredentialRegistry.Lanes[] memory lanes)
    {
        lanes = new ICredentialRegistry.Lanes[](indexes.length);
        for (uint256 i = 0; i < indexes.length; ++i) {
            lanes[i] = ICredentialRegistry.Lanes(indexes[i] / 128, _bit(indexes[i]));
            _allow(Layout.lanes(id, root, indexes[i] / 128));
        }
    }
}
