// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    BatchRoot,
    ICredentialRegistry,
    IssuerId
} from "../../../contracts/interfaces/ICredentialRegistry.sol";
import {Layout} from "./Layout.sol";
import {SignedOperations} from "./SignedOperations.sol";
import {vm} from "./Vm.sol";

/// @dev What the registry must hold, kept as plainly as can be: one row an issuer, a grant, a batch
/// and a credential. Says beforehand whether an operation succeeds.
abstract contract Store is SignedOperations {
    uint256 private constant EVEN = type(uint256).max / 3;

    struct IssuerRow {
        address owner;
        address pendingOwner;
        bool paused;
        bool retired;
        uint32 epoch;
        uint40 distrustAfter;
        bytes32 didHash;
    }

    struct Grant {
        uint8 roles;
        uint32 epoch;
        uint40 expiry;
    }

    struct BatchRow {
        IssuerId issuerId;
        BatchRoot root;
        uint40 anchoredAt;
        uint40 operation;
        uint32 size;
        bool revoked;
    }

    struct Word {
        uint256 batch;
        uint256 word;
    }

    IssuerId[] internal ids;
    mapping(IssuerId id => IssuerRow) internal issuers;
    mapping(IssuerId id => mapping(address account => Grant)) internal grants;
    mapping(IssuerId id => mapping(address signer => mapping(uint256 nonce => bool))) internal
        usedNonces;
    BatchRow[] internal batches;
    mapping(uint256 batch => mapping(uint256 index => bool)) internal suspended;
    mapping(uint256 batch => mapping(uint256 index => bool)) internal revoked;
    Word[] internal touchedWords;
    mapping(uint256 batch => mapping(uint256 word => bool)) private _isTouched;
    /// @dev Every revoked bit that was ever read in a word's slot.
    mapping(uint256 batch => mapping(uint256 word => uint256)) internal seenRevoked;

    // ------------------------------------------------------------------------ what must happen

    function _isOwner(address account) internal view returns (bool) {
        return account == issuers[id].owner;
    }

    function _may(address account, uint8 role) internal view returns (bool) {
        Grant memory grant = grants[id][account];
        bool current = grant.epoch == issuers[id].epoch && block.timestamp < grant.expiry;
        return _isOwner(account) || (current && grant.roles & role != 0);
    }

    function _mayAnchorNow() internal view returns (bool) {
        IssuerRow memory row = issuers[id];
        return !row.paused && !row.retired && row.distrustAfter == 0;
    }

    /// @dev Whether a change of these credentials of one batch does something, and whether it names
    /// any that must not be changed so.
    function _effect(
        uint256 batch,
        ICredentialRegistry.StatusChange change,
        uint256[] memory indexes
    ) internal view returns (bool moves, bool breaks) {
        bool revoking = change == ICredentialRegistry.StatusChange.Revoke;
        if (!revoking && batches[batch].revoked) breaks = true;
        for (uint256 i = 0; i < indexes.length; ++i) {
            uint256 index = indexes[i];
            if (index >= batches[batch].size) breaks = true;
            if (!revoking && revoked[batch][index]) breaks = true;
            if (revoking) moves = moves || !revoked[batch][index];
            else moves = moves || suspended[batch][index] != _suspends(change);
        }
    }

    function _apply(
        uint256 batch,
        ICredentialRegistry.StatusChange change,
        uint256[] memory indexes
    ) internal {
        for (uint256 i = 0; i < indexes.length; ++i) {
            uint256 index = indexes[i];
            if (change == ICredentialRegistry.StatusChange.Revoke) revoked[batch][index] = true;
            else suspended[batch][index] = _suspends(change);
        }
        for (uint256 i = 0; i < indexes.length; ++i) {
            _touch(batch, indexes[i] / 128);
        }
    }

    function _suspends(ICredentialRegistry.StatusChange change) private pure returns (bool) {
        return change == ICredentialRegistry.StatusChange.Suspend;
    }

    function _touch(uint256 batch, uint256 word) private {
        uint256 slot = _slot(Layout.lanes(batches[batch].issuerId, batches[batch].root, word));
        vm.assertEq(slot, _wantedWord(batch, word), "lanes, by the model");
        seenRevoked[batch][word] |= slot & ~EVEN;
        if (_isTouched[batch][word]) return;
        _isTouched[batch][word] = true;
        touchedWords.push(Word(batch, word));
    }

    function _wantedWord(uint256 batch, uint256 word) private view returns (uint256 wanted) {
        for (uint256 lane = 0; lane < 128; ++lane) {
            uint256 index = 128 * word + lane;
            if (suspended[batch][index]) wanted |= 1 << (2 * lane);
            if (revoked[batch][index]) wanted |= 2 << (2 * lane);
        }
    }

    // ------------------------------------------------------------- properties (INVARIANTS.md)

    /// @notice 1. Time, number and size of a batch stay as they were anchored.
    function property1WriteOnce() public view {
        for (uint256 i = 0; i < batches.length; ++i) {
            BatchRow memory row = batches[i];
            uint256 wanted = uint256(row.anchoredAt) | uint256(row.operation) << 40
                | uint256(row.size) << 80 | (row.revoked ? 1 << 112 : 0);
            vm.assertEq(_slot(Layout.batch(row.issuerId, row.root)), wanted, "batch");
        }
    }

    /// @notice 2. Revoked bits, once read, are read ever after.
    function property2RevocationsStay() public view {
        for (uint256 i = 0; i < touchedWords.length; ++i) {
            (uint256 batch, uint256 word) = (touchedWords[i].batch, touchedWords[i].word);
            uint256 seen = seenRevoked[batch][word];
            vm.assertEq(_lanesOf(batch, word) & seen, seen, "revoked bits");
        }
    }

    /// @notice 3. No lane at or beyond a batch's size is set.
    function property3NothingBeyondTheSize() public view {
        for (uint256 i = 0; i < batches.length; ++i) {
            uint256 last = uint256(batches[i].size) / 128;
            uint256 beyond = type(uint256).max << (2 * (batches[i].size % 128));
            vm.assertEq(_lanesOf(i, last) & beyond, 0, "lanes in the last word");
            vm.assertEq(_lanesOf(i, last + 1), 0, "the word after it");
        }
    }

    /// @notice 4. Histories are the fold of the logs, and their counts the number of logs.
    function property4HistoriesAreTheLogs() public view {
        for (uint256 i = 0; i < ids.length; ++i) {
            _assertFolded(ids[i]);
        }
    }

    /// @notice 10. Owner and pending owner, and the rest of the record, are as the accepted
    /// operations say.
    function property10RecordsAreAsOperationsSay() public view {
        for (uint256 i = 0; i < ids.length; ++i) {
            IssuerRow memory row = issuers[ids[i]];
            ICredentialRegistry.IssuerRecord memory got = registry.issuer(ids[i]);
            vm.assertEq(got.owner, row.owner, "owner");
            vm.assertEq(got.pendingOwner, row.pendingOwner, "pending owner");
            vm.assertEq(got.paused, row.paused, "paused");
            vm.assertEq(got.retired, row.retired, "retired");
            vm.assertEq(got.epoch, row.epoch, "epoch");
            vm.assertEq(got.distrustAfter, row.distrustAfter, "distrusted");
            vm.assertEq(got.didHash, row.didHash, "document");
        }
    }

    /// @notice 11. The registry holds no ether.
    function property11NoEther() public view {
        vm.assertEq(address(registry).balance, 0, "balance");
    }

    function _lanesOf(uint256 batch, uint256 word) private view returns (uint256) {
        return _slot(Layout.lanes(batches[batch].issuerId, batches[batch].root, word));
    }
}
