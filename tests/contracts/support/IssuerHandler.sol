// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICredentialRegistry} from "../../../contracts/interfaces/ICredentialRegistry.sol";
import {Draws} from "./Draws.sol";
import {Layout} from "./Layout.sol";
import {vm} from "./Vm.sol";

/// @dev One step of a campaign, and the operations on issuers. Each step is compared with what Store
/// says of it: whether it succeeds, what it writes, and what it logs.
abstract contract IssuerHandler is Draws {
    uint256 private constant MOST_ISSUERS = 5;

    mapping(bytes32 operation => uint256) public done;
    mapping(bytes32 operation => uint256) public refused;
    mapping(bytes32 slot => uint256 step) private _allowedAt;
    uint256 private _step;

    function passTime(uint256 entropy) external {
        uint256 seed = _mixed(entropy);
        vm.warp(block.timestamp + seed % 3 days);
    }

    function register(uint256 entropy) external {
        uint256 seed = _mixed(entropy);
        address account = _anyone(seed);
        bool again = seed % 4 == 0 || ids.length >= MOST_ISSUERS;
        bytes32 salt = again ? bytes32("alma") : bytes32(ids.length);
        if (again) account = owner;
        id = registry.issuerIdOf(account, salt);
        _allow(Layout.REGISTRATIONS);
        _allow(Layout.owner(id));
        _allow(Layout.didHash(id));
        if (_try("register", account, abi.encodeCall(registry.register, (salt, DID, URI)), !again))
        {
            _adopt(account);
        }
    }

    function setDid(uint256 entropy) external {
        uint256 seed = _mixed(entropy);
        address account = _drawOwner(seed);
        _allow(Layout.didHash(id));
        bytes32 didHash = bytes32(seed);
        bytes memory call = abi.encodeCall(registry.setDid, (id, didHash, _text(seed)));
        if (_try("setDid", account, call, _isOwner(account))) issuers[id].didHash = didHash;
    }

    function transferOwnership(uint256 entropy) external {
        uint256 seed = _mixed(entropy);
        address account = _drawOwner(seed);
        address newOwner = (seed >> 64) % 6 == 0 ? address(0) : _anyone(seed >> 72);
        _allow(Layout.pendingOwner(id));
        bool wanted = _isOwner(account) && newOwner != issuers[id].pendingOwner;
        bytes memory call = abi.encodeCall(registry.transferOwnership, (id, newOwner));
        if (_try("transferOwnership", account, call, wanted)) issuers[id].pendingOwner = newOwner;
    }

    function acceptOwnership(uint256 entropy) external {
        uint256 seed = _mixed(entropy);
        _drawIssuer(seed, _isOffered);
        address pending = issuers[id].pendingOwner;
        address account = seed % 8 == 0 || pending == address(0) ? _anyone(seed) : pending;
        _allow(Layout.owner(id));
        _allow(Layout.pendingOwner(id));
        bytes memory call = abi.encodeCall(registry.acceptOwnership, (id));
        if (_try("acceptOwnership", account, call, account == pending)) {
            issuers[id].owner = account;
            issuers[id].pendingOwner = address(0);
            ++issuers[id].epoch;
        }
    }

    function setDelegate(uint256 entropy) external {
        uint256 seed = _mixed(entropy);
        address account = _drawOwner(seed);
        address to = _anyone(seed >> 64);
        Grant memory grant = Grant(uint8((seed >> 72) % 5), issuers[id].epoch, 0);
        if (grant.roles == 0) grant.epoch = 0;
        else grant.expiry = uint40(block.timestamp + (seed >> 80) % 30 days);
        Grant memory before = grants[id][to];
        bool wanted = _isOwner(account) && grant.roles < 4
            && (grant.roles == 0 || grant.expiry > block.timestamp)
            && keccak256(abi.encode(grant)) != keccak256(abi.encode(before));
        _allow(Layout.delegate(id, to));
        bytes memory call =
            abi.encodeCall(registry.setDelegate, (id, to, grant.roles, grant.expiry));
        if (_try("setDelegate", account, call, wanted)) grants[id][to] = grant;
    }

    function bumpEpoch(uint256 entropy) external {
        uint256 seed = _mixed(entropy);
        address account = _drawOwner(seed);
        _allow(Layout.owner(id));
        bytes memory call = abi.encodeCall(registry.bumpEpoch, (id));
        if (_try("bumpEpoch", account, call, _isOwner(account))) ++issuers[id].epoch;
    }

    function pause(uint256 entropy) external {
        uint256 seed = _mixed(entropy);
        address account = _drawOwner(seed, _isNotPaused);
        _allow(Layout.owner(id));
        bool wanted = _isOwner(account) && !issuers[id].paused;
        if (_try("pause", account, abi.encodeCall(registry.pause, (id)), wanted)) {
            issuers[id].paused = true;
        }
    }

    function unpause(uint256 entropy) external {
        uint256 seed = _mixed(entropy);
        address account = _drawOwner(seed, _isPaused);
        _allow(Layout.owner(id));
        bool wanted = _isOwner(account) && issuers[id].paused;
        if (_try("unpause", account, abi.encodeCall(registry.unpause, (id)), wanted)) {
            issuers[id].paused = false;
        }
    }

    function distrust(uint256 entropy) external {
        uint256 seed = _mixed(entropy);
        address account = _drawMortal(seed);
        uint256 since = block.timestamp + 9 hours - (seed >> 64) % 1 days;
        uint40 current = issuers[id].distrustAfter;
        bool wanted =
            _isOwner(account) && since <= block.timestamp && (current == 0 || since < current);
        _allow(Layout.owner(id));
        bytes memory call = abi.encodeCall(registry.distrust, (id, uint40(since)));
        if (_try("distrust", account, call, wanted)) issuers[id].distrustAfter = uint40(since);
    }

    function retire(uint256 entropy) external {
        uint256 seed = _mixed(entropy);
        address account = _drawMortal(seed);
        _allow(Layout.owner(id));
        bool wanted = _isOwner(account) && !issuers[id].retired;
        if (_try("retire", account, abi.encodeCall(registry.retire, (id)), wanted)) {
            issuers[id].retired = true;
        }
    }

    function cancelNonces(uint256 entropy) external {
        uint256 seed = _mixed(entropy);
        address account = _drawOwner(seed);
        address signer = _anyone(seed >> 64);
        uint256 nonce = (seed >> 72) % 256;
        if (seed % 3 == 0) account = signer;
        bool wanted = !usedNonces[id][signer][nonce]
            && (account == signer ? _may(signer, STATUS) : _isOwner(account));
        _allow(Layout.nonces(id, signer, 0));
        bytes memory call = abi.encodeCall(registry.cancelNonces, (id, signer, 0, 1 << nonce));
        if (_try("cancelNonces", account, call, wanted)) usedNonces[id][signer][nonce] = true;
    }

    /// @dev Calls as `account`. The call must succeed if `wanted`, write to no slots but the issuer's
    /// history and those allowed (property 5), and log what its history says.
    function _try(bytes32 name, address account, bytes memory call, bool wanted)
        internal
        returns (bool)
    {
        _allow(Layout.history(id));
        vm.recordLogs();
        vm.record();
        vm.prank(account);
        (bool succeeded, bytes memory answer) = address(registry).call(call);
        (, bytes32[] memory writes) = vm.accesses(address(registry));
        vm.assertEq(succeeded, wanted, string.concat(string(bytes.concat(name)), string(answer)));
        if (!succeeded) {
            ++refused[name];
            ++_step;
            return false;
        }
        for (uint256 i = 0; i < writes.length; ++i) {
            vm.assertEq(_allowedAt[writes[i]], _step + 1, "a slot of somebody else");
        }
        vm.assertGe(_foldNewLogs(), 1, "logs");
        ++_step;
        ++done[name];
        return true;
    }

    function _allow(bytes32 slot) internal {
        _allowedAt[slot] = _step + 1;
    }

    function _adopt(address account) internal {
        ids.push(id);
        issuers[id].owner = account;
        issuers[id].didHash = DID;
    }
}
