// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {
    BatchRoot,
    ICredentialRegistry,
    IssuerId,
    LeafHash
} from "./interfaces/ICredentialRegistry.sol";
import {MerklePath} from "./MerklePath.sol";
import {BatchSlot, HistorySlot, toBatchSlot, toHistorySlot} from "./Slots.sol";

/// @title CredentialRegistry
/// @notice See ICredentialRegistry, which is the manual.
/// @dev No constructor arguments and no immutables: the code, and with CREATE2 the address, are the
/// same on every chain. So the EIP-712 domain is computed in each call.
contract CredentialRegistry is ICredentialRegistry {
    struct Delegate {
        uint8 roles;
        uint32 epoch;
        uint40 expiry;
    }

    struct Batch {
        BatchSlot slot;
        mapping(uint256 word => uint256 lanes) words;
    }

    struct Issuer {
        address owner;
        uint8 flags;
        uint32 epoch;
        uint40 distrustAfter;
        HistorySlot history;
        bytes32 didHash;
        address pendingOwner;
        mapping(address account => Delegate) delegates;
        mapping(BatchRoot root => Batch) batches;
        mapping(address signer => mapping(uint256 word => uint256 bits)) usedNonces;
    }

    uint8 private constant ANCHOR = 1;
    uint8 private constant STATUS = 2;

    uint8 private constant PAUSED = 1; // Issuer.flags
    uint8 private constant RETIRED = 2; // Issuer.flags

    uint256 private constant LANES = 128; // in a status word
    uint256 private constant MAX_WORDS = 1 << 25; // of the largest batch, 2^32 - 1 leaves
    uint256 private constant EVEN_BITS = type(uint256).max / 3; // 0x5555...

    bytes32 private constant ISSUER_HISTORY = keccak256("credanchor.history.issuer.1");
    bytes32 private constant REGISTRATIONS_HISTORY =
        keccak256("credanchor.history.registrations.1");

    string private constant DOMAIN_NAME = "CredAnchor";
    string private constant DOMAIN_VERSION = "1";
    bytes32 private constant DOMAIN_TYPE = keccak256(
        "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    );
    bytes32 private constant ANCHOR_TYPE = keccak256(
        "Anchor(bytes32 issuerId,address signer,uint32 epoch,bytes32 root,uint32 size,bytes32 metaHash,uint256 deadline)"
    );
    bytes32 private constant LANES_TYPE = keccak256("Lanes(uint256 word,uint256 mask)");
    bytes32 private constant STATUS_TYPE = keccak256(
        "Status(bytes32 issuerId,address signer,uint32 epoch,bytes32 root,uint8 change,Lanes[] lanes,uint256 nonce,uint256 deadline)Lanes(uint256 word,uint256 mask)"
    );

    mapping(IssuerId issuerId => Issuer) private _issuers;
    HistorySlot private _registrations;

    // ----------------------------------------------------------------------------------- issuers

    /// @inheritdoc ICredentialRegistry
    function register(bytes32 salt, bytes32 didHash, string calldata profileURI)
        external
        returns (IssuerId issuerId)
    {
        issuerId = issuerIdOf(msg.sender, salt);
        Issuer storage self = _issuers[issuerId];
        if (self.owner != address(0)) revert IssuerAlreadyRegistered(issuerId);

        self.owner = msg.sender;
        self.didHash = didHash;

        uint40 time = uint40(block.timestamp);
        uint40 registration = _registrations.count() + 1;
        bytes27 start = registration == 1
            ? bytes27(keccak256(abi.encode(REGISTRATIONS_HISTORY, block.chainid, address(this))))
            : _registrations.fold();
        _registrations = toHistorySlot(
            registration,
            keccak256(
                abi.encode(
                    start, registration, time, msg.sender, issuerId, salt, didHash, profileURI
                )
            )
        );

        bytes27 h =
            bytes27(keccak256(abi.encode(ISSUER_HISTORY, block.chainid, address(this), issuerId)));
        _fold(
            self,
            1,
            keccak256(
                abi.encode(
                    h,
                    uint40(1),
                    Kind.IssuerRegistered,
                    time,
                    msg.sender,
                    registration,
                    salt,
                    didHash,
                    profileURI
                )
            )
        );
        emit IssuerRegistered(
            issuerId, 1, time, msg.sender, registration, salt, didHash, profileURI
        );
    }

    /// @inheritdoc ICredentialRegistry
    function setDid(IssuerId issuerId, bytes32 didHash, string calldata profileURI) external {
        Issuer storage self = _owned(issuerId);
        self.didHash = didHash;

        (bytes27 h, uint40 n, uint40 time) = _next(self);
        _fold(
            self,
            n,
            keccak256(abi.encode(h, n, Kind.DidChanged, time, msg.sender, didHash, profileURI))
        );
        emit DidChanged(issuerId, n, time, msg.sender, didHash, profileURI);
    }

    /// @inheritdoc ICredentialRegistry
    function transferOwnership(IssuerId issuerId, address newOwner) external {
        Issuer storage self = _owned(issuerId);
        if (self.pendingOwner == newOwner) revert NothingChanged(issuerId);
        self.pendingOwner = newOwner;

        (bytes27 h, uint40 n, uint40 time) = _next(self);
        _fold(
            self, n, keccak256(abi.encode(h, n, Kind.OwnershipOffered, time, msg.sender, newOwner))
        );
        emit OwnershipOffered(issuerId, n, time, msg.sender, newOwner);
    }

    /// @inheritdoc ICredentialRegistry
    function acceptOwnership(IssuerId issuerId) external {
        Issuer storage self = _registered(issuerId);
        if (self.pendingOwner != msg.sender) {
            revert NotPendingOwner(issuerId, msg.sender, self.pendingOwner);
        }
        address previous = self.owner;
        uint32 epoch = self.epoch + 1;
        self.owner = msg.sender;
        self.epoch = epoch;
        self.pendingOwner = address(0);

        (bytes27 h, uint40 n, uint40 time) = _next(self);
        _fold(
            self,
            n,
            keccak256(
                abi.encode(h, n, Kind.OwnershipTransferred, time, msg.sender, previous, epoch)
            )
        );
        emit OwnershipTransferred(issuerId, n, time, msg.sender, previous, epoch);
    }

    /// @inheritdoc ICredentialRegistry
    function setDelegate(IssuerId issuerId, address account, uint8 roles, uint40 expiry) external {
        Issuer storage self = _owned(issuerId);
        if (roles > ANCHOR | STATUS) revert UnknownRoles(roles);
        // Without roles nothing is left to expire, and the slot goes back to zero.
        bool ends = roles == 0;
        if (ends ? expiry != 0 : expiry <= block.timestamp) {
            revert ExpiryPassed(expiry, block.timestamp);
        }
        uint32 epoch = ends ? 0 : self.epoch;
        Delegate storage grant = self.delegates[account];
        if (grant.roles == roles && grant.epoch == epoch && grant.expiry == expiry) {
            revert NothingChanged(issuerId);
        }
        grant.roles = roles;
        grant.epoch = epoch;
        grant.expiry = expiry;

        (bytes27 h, uint40 n, uint40 time) = _next(self);
        _fold(
            self,
            n,
            keccak256(
                abi.encode(h, n, Kind.DelegateSet, time, msg.sender, account, roles, expiry, epoch)
            )
        );
        emit DelegateSet(issuerId, n, time, msg.sender, account, roles, expiry, epoch);
    }

    /// @inheritdoc ICredentialRegistry
    function bumpEpoch(IssuerId issuerId) external {
        Issuer storage self = _owned(issuerId);
        uint32 epoch = self.epoch + 1;
        self.epoch = epoch;

        (bytes27 h, uint40 n, uint40 time) = _next(self);
        _fold(self, n, keccak256(abi.encode(h, n, Kind.EpochBumped, time, msg.sender, epoch)));
        emit EpochBumped(issuerId, n, time, msg.sender, epoch);
    }

    /// @inheritdoc ICredentialRegistry
    function pause(IssuerId issuerId) external {
        (uint40 n, uint40 time) = _setFlags(issuerId, PAUSED, true, Kind.Paused);
        emit Paused(issuerId, n, time, msg.sender);
    }

    /// @inheritdoc ICredentialRegistry
    function unpause(IssuerId issuerId) external {
        (uint40 n, uint40 time) = _setFlags(issuerId, PAUSED, false, Kind.Unpaused);
        emit Unpaused(issuerId, n, time, msg.sender);
    }

    /// @inheritdoc ICredentialRegistry
    function distrust(IssuerId issuerId, uint40 since) external {
        Issuer storage self = _owned(issuerId);
        uint40 current = self.distrustAfter;
        if (since == 0 || since > block.timestamp || (current != 0 && since >= current)) {
            revert DistrustAfterNotAllowed(since, current, block.timestamp);
        }
        self.distrustAfter = since;

        (bytes27 h, uint40 n, uint40 time) = _next(self);
        _fold(self, n, keccak256(abi.encode(h, n, Kind.Distrusted, time, msg.sender, since)));
        emit Distrusted(issuerId, n, time, msg.sender, since);
    }

    /// @inheritdoc ICredentialRegistry
    function retire(IssuerId issuerId) external {
        (uint40 n, uint40 time) = _setFlags(issuerId, RETIRED, true, Kind.Retired);
        emit Retired(issuerId, n, time, msg.sender);
    }

    /// @inheritdoc ICredentialRegistry
    function cancelNonces(IssuerId issuerId, address signer, uint256 word, uint256 mask) external {
        Issuer storage self = _registered(issuerId);
        // A stranger may not write into this history, not even about nonces of its own.
        if (msg.sender == signer) _authorize(self, issuerId, signer, STATUS);
        else if (msg.sender != self.owner) revert NotOwner(issuerId, msg.sender, self.owner);

        uint256 used = self.usedNonces[signer][word];
        if (used | mask == used) revert NothingChanged(issuerId);
        self.usedNonces[signer][word] = used | mask;

        (bytes27 h, uint40 n, uint40 time) = _next(self);
        _fold(
            self,
            n,
            keccak256(abi.encode(h, n, Kind.NoncesCancelled, time, msg.sender, signer, word, mask))
        );
        emit NoncesCancelled(issuerId, n, time, msg.sender, signer, word, mask);
    }

    // ----------------------------------------------------------------------------------- batches

    /// @inheritdoc ICredentialRegistry
    function anchor(IssuerId issuerId, BatchRoot root, uint32 size, bytes32 metaHash) external {
        Issuer storage self = _registered(issuerId);
        _authorize(self, issuerId, msg.sender, ANCHOR);
        _anchor(self, issuerId, root, size, metaHash, msg.sender);
    }

    /// @inheritdoc ICredentialRegistry
    function anchorSigned(
        IssuerId issuerId,
        BatchRoot root,
        uint32 size,
        bytes32 metaHash,
        address signer,
        uint256 deadline,
        bytes calldata signature
    ) external {
        Issuer storage self = _registered(issuerId);
        bytes32 message = keccak256(
            abi.encode(ANCHOR_TYPE, issuerId, signer, self.epoch, root, size, metaHash, deadline)
        );
        _checkSignature(message, signer, deadline, signature);
        _authorize(self, issuerId, signer, ANCHOR);
        _anchor(self, issuerId, root, size, metaHash, signer);
    }

    /// @inheritdoc ICredentialRegistry
    function revokeBatch(IssuerId issuerId, BatchRoot root) external {
        Issuer storage self = _owned(issuerId);
        Batch storage b = self.batches[root];
        BatchSlot slot = b.slot;
        if (slot.anchoredAt() == 0) revert BatchNotAnchored(issuerId, root);
        if (slot.isRevoked()) revert NothingChanged(issuerId);
        b.slot = slot.revoked();

        (bytes27 h, uint40 n, uint40 time) = _next(self);
        _fold(self, n, keccak256(abi.encode(h, n, Kind.BatchRevoked, time, msg.sender, root)));
        emit BatchRevoked(issuerId, root, n, time, msg.sender);
    }

    // ------------------------------------------------------------------------------------ status

    /// @inheritdoc ICredentialRegistry
    function changeStatus(
        IssuerId issuerId,
        BatchRoot root,
        StatusChange change,
        Lanes[] calldata lanes
    ) external {
        Issuer storage self = _registered(issuerId);
        _authorize(self, issuerId, msg.sender, STATUS);
        if (!_changeStatus(self, issuerId, root, change, lanes, msg.sender, 0)) {
            revert NothingChanged(issuerId);
        }
    }

    /// @inheritdoc ICredentialRegistry
    function changeStatuses(IssuerId issuerId, StatusChange change, BatchLanes[] calldata batches)
        external
    {
        Issuer storage self = _registered(issuerId);
        _authorize(self, issuerId, msg.sender, STATUS);
        bool changed = false;
        for (uint256 i = 0; i < batches.length; ++i) {
            BatchLanes calldata b = batches[i];
            if (_changeStatus(self, issuerId, b.root, change, b.lanes, msg.sender, 0)) {
                changed = true;
            }
        }
        if (!changed) revert NothingChanged(issuerId);
    }

    /// @inheritdoc ICredentialRegistry
    function changeStatusSigned(
        IssuerId issuerId,
        BatchRoot root,
        StatusChange change,
        Lanes[] calldata lanes,
        address signer,
        uint256 nonce,
        uint256 deadline,
        bytes calldata signature
    ) external {
        Issuer storage self = _registered(issuerId);
        bytes32 message = keccak256(
            abi.encode(
                STATUS_TYPE,
                issuerId,
                signer,
                self.epoch,
                root,
                change,
                _hashLanes(lanes),
                nonce,
                deadline
            )
        );
        _checkSignature(message, signer, deadline, signature);
        _authorize(self, issuerId, signer, STATUS);
        _useNonce(self, issuerId, signer, nonce);
        if (!_changeStatus(self, issuerId, root, change, lanes, signer, nonce)) {
            revert NothingChanged(issuerId);
        }
    }

    // ------------------------------------------------------------------------------------- views

    /// @inheritdoc ICredentialRegistry
    function issuer(IssuerId issuerId) external view returns (IssuerRecord memory) {
        Issuer storage self = _issuers[issuerId];
        return IssuerRecord({
            owner: self.owner,
            pendingOwner: self.pendingOwner,
            paused: self.flags & PAUSED != 0,
            retired: self.flags & RETIRED != 0,
            epoch: self.epoch,
            distrustAfter: self.distrustAfter,
            didHash: self.didHash,
            operations: self.history.count(),
            history: self.history.fold()
        });
    }

    /// @inheritdoc ICredentialRegistry
    function issuerIdOf(address registrant, bytes32 salt) public view returns (IssuerId) {
        return IssuerId.wrap(keccak256(abi.encode(block.chainid, address(this), registrant, salt)));
    }

    /// @inheritdoc ICredentialRegistry
    function delegate(IssuerId issuerId, address account)
        external
        view
        returns (DelegateRecord memory)
    {
        Issuer storage self = _issuers[issuerId];
        Delegate memory grant = self.delegates[account];
        return DelegateRecord({
            roles: grant.roles,
            epoch: grant.epoch,
            expiry: grant.expiry,
            current: grant.roles != 0 && _isCurrent(self, grant)
        });
    }

    /// @inheritdoc ICredentialRegistry
    function isNonceUsed(IssuerId issuerId, address signer, uint256 nonce)
        external
        view
        returns (bool)
    {
        return nonce == 0
            || (_issuers[issuerId].usedNonces[signer][nonce >> 8] >> (nonce & 0xff)) & 1 == 1;
    }

    /// @inheritdoc ICredentialRegistry
    function batch(IssuerId issuerId, BatchRoot root) external view returns (BatchRecord memory) {
        BatchSlot slot = _issuers[issuerId].batches[root].slot;
        return BatchRecord({
            anchoredAt: slot.anchoredAt(),
            operation: slot.operation(),
            size: slot.size(),
            revoked: slot.isRevoked()
        });
    }

    /// @inheritdoc ICredentialRegistry
    function statusWords(IssuerId issuerId, BatchRoot root, uint256 first, uint256 count)
        external
        view
        returns (uint256[] memory words)
    {
        Batch storage b = _issuers[issuerId].batches[root];
        words = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            words[i] = b.words[first + i];
        }
    }

    /// @inheritdoc ICredentialRegistry
    function statusOf(IssuerId issuerId, BatchRoot root, uint256 index)
        external
        view
        returns (Status)
    {
        return _statusOf(_issuers[issuerId].batches[root], index);
    }

    /// @inheritdoc ICredentialRegistry
    function verifyLeaf(
        IssuerId issuerId,
        BatchRoot root,
        LeafHash leaf,
        uint256 index,
        bytes32[] calldata path
    ) external view returns (LeafRecord memory record) {
        Issuer storage self = _issuers[issuerId];
        Batch storage b = self.batches[root];
        uint8 flags = self.flags;
        uint40 distrustAfter = self.distrustAfter;
        record.anchoredAt = b.slot.anchoredAt();
        record.paused = flags & PAUSED != 0;
        record.retired = flags & RETIRED != 0;
        record.included = MerklePath.verifies(
            BatchRoot.unwrap(root), b.slot.size(), LeafHash.unwrap(leaf), index, path
        );
        if (record.included) {
            record.status = _statusOf(b, index);
            record.distrusted = distrustAfter != 0 && record.anchoredAt >= distrustAfter;
        }
    }

    /// @inheritdoc ICredentialRegistry
    function registrations() external view returns (uint40 count, bytes27 history) {
        return (_registrations.count(), _registrations.fold());
    }

    /// @inheritdoc IERC5267
    function eip712Domain()
        external
        view
        returns (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 chainId,
            address verifyingContract,
            bytes32 salt,
            uint256[] memory extensions
        )
    {
        // 0x0f: name, version, chainId and verifyingContract are used.
        return (
            hex"0f",
            DOMAIN_NAME,
            DOMAIN_VERSION,
            block.chainid,
            address(this),
            bytes32(0),
            new uint256[](0)
        );
    }

    // --------------------------------------------------------------------------------- authority

    function _registered(IssuerId issuerId) private view returns (Issuer storage self) {
        self = _issuers[issuerId];
        if (self.owner == address(0)) revert IssuerNotRegistered(issuerId);
    }

    function _owned(IssuerId issuerId) private view returns (Issuer storage self) {
        self = _registered(issuerId);
        if (self.owner != msg.sender) revert NotOwner(issuerId, msg.sender, self.owner);
    }

    function _isCurrent(Issuer storage self, Delegate memory grant) private view returns (bool) {
        return grant.epoch == self.epoch && block.timestamp < grant.expiry;
    }

    /// @dev The issuer must be registered: zero would otherwise pass for the owner of none.
    function _authorize(Issuer storage self, IssuerId issuerId, address account, uint8 role)
        private
        view
    {
        if (account == self.owner) return;
        Delegate memory grant = self.delegates[account];
        uint8 roles = _isCurrent(self, grant) ? grant.roles : 0;
        if (roles & role == 0) revert NotAuthorized(issuerId, account, role, roles);
    }

    /// @dev ECDSA first: an account with EIP-7702 code still signs with its key. A contract account
    /// is asked by staticcall, so that a hostile one can refuse or burn gas but change nothing.
    function _checkSignature(
        bytes32 message,
        address signer,
        uint256 deadline,
        bytes calldata signature
    ) private view {
        if (block.timestamp > deadline) {
            revert SignatureExpired(deadline, block.timestamp);
        }
        bytes32 domain = keccak256(
            abi.encode(
                DOMAIN_TYPE,
                keccak256(bytes(DOMAIN_NAME)),
                keccak256(bytes(DOMAIN_VERSION)),
                block.chainid,
                address(this)
            )
        );
        bytes32 digest = MessageHashUtils.toTypedDataHash(domain, message);
        (address recovered, ECDSA.RecoverError failure,) =
            ECDSA.tryRecoverCalldata(digest, signature);
        if (failure == ECDSA.RecoverError.NoError && recovered == signer) return;
        if (SignatureChecker.isValidERC1271SignatureNowCalldata(signer, digest, signature)) return;
        revert InvalidSignature(signer, digest);
    }

    /// @dev EIP-712's hash of an array of structs: of the concatenated hashes of its members.
    function _hashLanes(Lanes[] calldata lanes) private pure returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](lanes.length);
        for (uint256 i = 0; i < lanes.length; ++i) {
            hashes[i] = keccak256(abi.encode(LANES_TYPE, lanes[i].word, lanes[i].mask));
        }
        return keccak256(abi.encodePacked(hashes));
    }

    function _useNonce(Issuer storage self, IssuerId issuerId, address signer, uint256 nonce)
        private
    {
        uint256 bit = 1 << (nonce & 0xff);
        uint256 used = self.usedNonces[signer][nonce >> 8];
        if (nonce == 0 || used & bit != 0) revert NonceNotUsable(issuerId, signer, nonce);
        self.usedNonces[signer][nonce >> 8] = used | bit;
    }

    // -------------------------------------------------------------------------------- operations

    /// @dev What the next operation folds onto: history so far, its own number, and its time.
    function _next(Issuer storage self)
        private
        view
        returns (bytes27 history, uint40 operation, uint40 time)
    {
        return (self.history.fold(), self.history.count() + 1, uint40(block.timestamp));
    }

    function _fold(Issuer storage self, uint40 operation, bytes32 folded) private {
        self.history = toHistorySlot(operation, folded);
    }

    function _setFlags(IssuerId issuerId, uint8 flag, bool on, Kind kind)
        private
        returns (uint40 n, uint40 time)
    {
        Issuer storage self = _owned(issuerId);
        uint8 flags = self.flags;
        uint8 wanted = on ? flags | flag : flags & ~flag;
        if (wanted == flags) revert NothingChanged(issuerId);
        self.flags = wanted;

        bytes27 h;
        (h, n, time) = _next(self);
        _fold(self, n, keccak256(abi.encode(h, n, kind, time, msg.sender)));
    }

    function _anchor(
        Issuer storage self,
        IssuerId issuerId,
        BatchRoot root,
        uint32 size,
        bytes32 metaHash,
        address actor
    ) private {
        uint8 flags = self.flags;
        if (flags & RETIRED != 0) revert IssuerIsRetired(issuerId);
        if (self.distrustAfter != 0) revert IssuerIsDistrusted(issuerId, self.distrustAfter);
        if (flags & PAUSED != 0) revert IssuerIsPaused(issuerId);
        if (size == 0 || BatchRoot.unwrap(root) == 0) revert EmptyBatch(root, size);
        Batch storage b = self.batches[root];
        BatchSlot stored = b.slot;
        if (stored.anchoredAt() != 0) {
            revert BatchAlreadyAnchored(
                issuerId, root, stored.anchoredAt(), stored.operation(), stored.size()
            );
        }

        (bytes27 h, uint40 n, uint40 time) = _next(self);
        b.slot = toBatchSlot(time, n, size);
        _fold(
            self, n, keccak256(abi.encode(h, n, Kind.Anchored, time, actor, root, size, metaHash))
        );
        emit Anchored(issuerId, root, n, time, actor, size, metaHash);
    }

    /// @return changed Whether any lane was changed; if none, nothing is folded or emitted.
    function _changeStatus(
        Issuer storage self,
        IssuerId issuerId,
        BatchRoot root,
        StatusChange change,
        Lanes[] calldata lanes,
        address actor,
        uint256 nonce
    ) private returns (bool changed) {
        Batch storage b = self.batches[root];
        uint32 size = b.slot.size();
        if (size == 0) revert BatchNotAnchored(issuerId, root);
        if (change != StatusChange.Revoke && b.slot.isRevoked()) {
            revert BatchIsRevoked(issuerId, root);
        }
        for (uint256 i = 0; i < lanes.length; ++i) {
            (uint256 word, uint256 mask) = (lanes[i].word, lanes[i].mask);
            if (word >= MAX_WORDS || mask & ~_lanesInUse(word, size) != 0) {
                revert MaskOutsideBatch(root, word, mask, size);
            }
            uint256 before = b.words[word];
            uint256 wanted = _apply(root, change, word, mask, before);
            if (wanted != before) {
                b.words[word] = wanted;
                changed = true;
            }
        }
        if (!changed) return false;

        (bytes27 h, uint40 n, uint40 time) = _next(self);
        _fold(
            self,
            n,
            keccak256(abi.encode(h, n, Kind.StatusChanged, time, actor, root, change, nonce, lanes))
        );
        emit StatusChanged(issuerId, root, n, time, actor, change, nonce, lanes);
    }

    /// @dev The even bits of a word's lanes below the batch's size. The word is below MAX_WORDS.
    function _lanesInUse(uint256 word, uint256 size) private pure returns (uint256) {
        unchecked {
            uint256 first = word * LANES;
            if (first >= size) return 0;
            uint256 count = size - first;
            return count >= LANES ? EVEN_BITS : EVEN_BITS & ((1 << (2 * count)) - 1);
        }
    }

    function _apply(BatchRoot root, StatusChange change, uint256 word, uint256 mask, uint256 before)
        private
        pure
        returns (uint256)
    {
        uint256 revoking = mask << 1;
        if (change == StatusChange.Revoke) return before | revoking;
        if (before & revoking != 0) revert LanesAreRevoked(root, word, before & revoking);
        return change == StatusChange.Suspend ? before | mask : before & ~mask;
    }

    function _statusOf(Batch storage b, uint256 index) private view returns (Status) {
        if (index >= b.slot.size()) return Status.Unanchored;
        if (b.slot.isRevoked()) return Status.Revoked;
        uint256 lane = (b.words[index / LANES] >> (2 * (index % LANES))) & 3;
        if (lane & 2 != 0) return Status.Revoked;
        return lane == 1 ? Status.Suspended : Status.Active;
    }
}
