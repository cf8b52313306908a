// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    BatchRoot,
    ICredentialRegistry,
    IssuerId
} from "../../../contracts/interfaces/ICredentialRegistry.sol";
import {Store} from "./Store.sol";

/// @dev Who acts on what, drawn from a seed: mostly such as may, so that most operations succeed.
abstract contract Draws is Store {
    address[] internal accounts;

    function _anyone(uint256 seed) internal view returns (address) {
        return accounts[seed % accounts.length];
    }

    function _drawIssuer(uint256 seed) internal {
        id = ids[(seed >> 16) % ids.length];
    }

    /// @dev Seven times in eight one that fits, where there is one.
    function _drawIssuer(uint256 seed, function() internal view returns (bool) fits) internal {
        _drawIssuer(seed);
        if (seed % 8 == 0) return;
        for (uint256 i = 1; i <= ids.length && !fits(); ++i) {
            id = ids[((seed >> 16) + i) % ids.length];
        }
    }

    function _isPaused() internal view returns (bool) {
        return issuers[id].paused;
    }

    function _isNotPaused() internal view returns (bool) {
        return !issuers[id].paused;
    }

    function _isOffered() internal view returns (bool) {
        return issuers[id].pendingOwner != address(0);
    }

    /// @dev An issuer and, seven times in eight, its owner.
    function _drawOwner(uint256 seed) internal returns (address) {
        _drawIssuer(seed);
        return seed % 8 == 0 ? _anyone(seed >> 24) : issuers[id].owner;
    }

    function _drawOwner(uint256 seed, function() internal view returns (bool) fits)
        internal
        returns (address)
    {
        _drawIssuer(seed, fits);
        return seed % 8 == 1 ? _anyone(seed >> 24) : issuers[id].owner;
    }

    /// @dev The first two issuers are never ended, so that there is always one to anchor for.
    function _drawMortal(uint256 seed) internal returns (address account) {
        account = _drawOwner(seed);
        if (ids.length == 2 || (seed >> 16) % ids.length < 2) account = address(this);
    }

    function _drawAnchorer(uint256 seed) internal returns (address) {
        _drawIssuer(seed, _mayAnchorNow);
        return _drawAccount(seed >> 3, ANCHOR);
    }

    function _drawKeeper(uint256 seed, uint256 batch) internal returns (address) {
        id = batches[batch].issuerId;
        return _drawAccount(seed, STATUS);
    }

    /// @dev Seven times in eight somebody with the role: a delegate where there is one.
    function _drawAccount(uint256 seed, uint8 role) internal view returns (address account) {
        account = _anyone(seed >> 24);
        if (seed % 8 == 0) return account;
        for (uint256 i = 0; i < accounts.length && !_may(account, role); ++i) {
            account = _anyone((seed >> 24) + i);
        }
        if (!_may(account, role)) account = issuers[id].owner;
    }

    function _drawRoot(uint256 seed) internal view returns (BatchRoot) {
        if (seed % 16 == 0 && batches.length > 0) return batches[seed % batches.length].root;
        return BatchRoot.wrap(seed % 16 == 1 ? bytes32(0) : keccak256(abi.encode(seed)));
    }

    function _isAnchorable(BatchRoot root, uint32 size) internal view returns (bool) {
        for (uint256 i = 0; i < batches.length; ++i) {
            bool same = BatchRoot.unwrap(batches[i].root) == BatchRoot.unwrap(root)
                && IssuerId.unwrap(batches[i].issuerId) == IssuerId.unwrap(id);
            if (same) return false;
        }
        return _mayAnchorNow() && size != 0 && BatchRoot.unwrap(root) != 0;
    }

    /// @return batch Its issuer becomes the one that is acted on.
    function _drawBatch(uint256 seed) internal returns (uint256 batch) {
        batch = (seed >> 32) % batches.length;
        id = batches[batch].issuerId;
    }

    /// @dev One to four credentials; now and then the first one beyond the batch.
    function _drawIndexes(uint256 seed, uint256 batch)
        internal
        view
        returns (uint256[] memory indexes)
    {
        indexes = new uint256[](1 + (seed >> 40) % 4);
        uint256 span = batches[batch].size;
        // Half of the time the first few, so that changes meet earlier ones.
        if (seed >> 48 & 1 == 0 && span > 8 && seed % 32 != 5) span = 8;
        if (seed % 32 == 5) ++span;
        for (uint256 i = 0; i < indexes.length; ++i) {
            indexes[i] = uint256(keccak256(abi.encode(seed, i))) % span;
        }
        if (seed % 32 == 5) indexes[0] = span - 1;
    }

    /// @dev Seven times in eight one that does something and may be done, where there is one.
    function _drawChange(uint256 seed, uint256 batch, uint256[] memory indexes)
        internal
        view
        returns (ICredentialRegistry.StatusChange change)
    {
        for (uint256 i = 0; i < 3; ++i) {
            change = ICredentialRegistry.StatusChange(((seed >> 56) + i) % 3);
            (bool moves, bool breaks) = _effect(batch, change, indexes);
            if (seed % 8 == 2 || (moves && !breaks)) return change;
        }
    }

    /// @dev Up to 99 bytes, and so up to four words.
    function _text(uint256 seed) internal pure returns (string memory) {
        return string(new bytes((seed >> 64) % 100));
    }

    /// @dev forge likes small and round seeds; the draws want all bits alike.
    function _mixed(uint256 entropy) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(entropy)));
    }
}
