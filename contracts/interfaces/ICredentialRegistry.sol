// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";

/// @dev keccak256(abi.encode(chain id, registry, registrant, salt)): one home, not squattable.
type IssuerId is bytes32;

/// @dev Root of a batch's RFC 9162 tree over SHA-256.
type BatchRoot is bytes32;

/// @dev A leaf of that tree, already hashed. The preimage holds a secret and never goes on a chain.
type LeafHash is bytes32;

/// @title Registry of anchored batches of credentials, and of their status
/// @notice Issuers anchor the Merkle roots of their batches and keep the status of each credential.
/// Nothing about a person is ever stored or emitted: only issuers, roots, sizes and status bits.
///
/// What it promises
///  - A batch, once anchored, keeps its time, size and number for ever. Nobody can take another
///    issuer's root: batches are keyed by (issuer, root).
///  - A revoked credential stays revoked. No pause, distrust or retirement blocks a revocation.
///  - Nobody but an issuer's owner and unexpired delegates changes anything of that issuer. There is
///    no administrator, no upgrade, no global pause.
///  - Each change is one log with one number, folded into the issuer's history hash: whoever replays
///    the logs and compares that one slot knows that none was left out, added or moved.
///
/// What it does not promise
///  - Anchoring proves existence, not truth: that a root existed no later than its block, and under
///    whose authority. It vouches for no content, and for no name: anyone may register, and who
///    is trusted is the reader's own policy, keyed by (chain, registry, issuer id).
///  - It keeps times, never block numbers: on some L2s a block number means something else.
///  - `since when` and `by whom` are answered by the logs, not by storage.
///
/// @dev History. With || for concatenation by abi.encode:
///   h(0) = keccak256(abi.encode(keccak256("credanchor.history.issuer.1"), chain id, registry, issuerId))
///   h(n) = keccak256(abi.encode(h(n-1), n, kind, timestamp, actor, fields...))
/// where each h keeps its high 216 bits (bytes27) and `fields` are the event's other arguments in
/// their declared order, root included and issuerId not: it is in h(0). The global history of
/// registrations starts from the tag "credanchor.history.registrations.1" without issuerId and
/// folds (g, registration, timestamp, actor, issuerId, salt, didHash, profileURI).
///
/// Storage, for light clients (EIP-1186 proofs). keccak(k, p) is keccak256(k || p), 32 bytes each:
///   slot 1                   registrations: count (40 low bits), history (216 high bits)
///   B = keccak(issuerId, 0)
///   B + 0                    owner 160 | flags 8 (1 paused, 2 retired) | epoch 32 | distrustAfter 40
///   B + 1                    operations 40 | history 216
///   B + 2                    didHash
///   B + 3                    pendingOwner
///   keccak(delegate, B + 4)  roles 8 | epoch 32 | expiry 40
///   C = keccak(root, B + 5)  anchoredAt 40 | operation 40 | size 32 | flags 8 (1 revoked)
///   keccak(word, C + 1)      128 lanes of 2 bits: lane i has bit 2i suspended and bit 2i+1 revoked
///   keccak(word, keccak(signer, B + 6))  256 used nonces a word
/// Fields are listed from the low bits up.
interface ICredentialRegistry is IERC5267 {
    // ------------------------------------------------------------------------------------- types

    /// @notice What happened, as folded into histories. The numbers are permanent.
    enum Kind {
        None,
        IssuerRegistered,
        DidChanged,
        OwnershipOffered,
        OwnershipTransferred,
        DelegateSet,
        EpochBumped,
        Paused,
        Unpaused,
        Distrusted,
        Retired,
        NoncesCancelled,
        Anchored,
        StatusChanged,
        BatchRevoked
    }

    /// @notice What a status operation does to the lanes in its masks.
    enum StatusChange {
        Suspend,
        Reinstate,
        Revoke
    }

    /// @notice Status of one credential. Unanchored also stands for an index beyond the batch.
    enum Status {
        Unanchored,
        Active,
        Suspended,
        Revoked
    }

    /// @param owner Zero where no such issuer is registered.
    /// @param epoch Delegates set in an earlier epoch have no authority.
    /// @param distrustAfter Anchors at or after this time (seconds) are distrusted; zero: none are.
    /// @param operations How many operations the issuer has, registration included.
    /// @param history The fold of those operations.
    struct IssuerRecord {
        address owner;
        address pendingOwner;
        bool paused;
        bool retired;
        uint32 epoch;
        uint40 distrustAfter;
        bytes32 didHash;
        uint40 operations;
        bytes27 history;
    }

    /// @param anchoredAt Time of the anchor's block, in seconds; zero where there is no such batch.
    /// @param operation Number of the anchoring operation in its issuer's history.
    /// @param size Leaves in the tree, random filling included.
    /// @param revoked Whether the batch as a whole was revoked.
    struct BatchRecord {
        uint40 anchoredAt;
        uint40 operation;
        uint32 size;
        bool revoked;
    }

    /// @param roles As granted, even if `current` is false.
    /// @param current Whether the delegate has authority now: this epoch's, and not expired.
    struct DelegateRecord {
        uint8 roles;
        uint32 epoch;
        uint40 expiry;
        bool current;
    }

    /// @notice Credentials of a batch by their lanes in one status word.
    /// @param word Index of the word: credentials 128 * word to 128 * word + 127.
    /// @param mask Bit 2i for the credential at 128 * word + i. Odd bits must be zero.
    struct Lanes {
        uint256 word;
        uint256 mask;
    }

    struct BatchLanes {
        BatchRoot root;
        Lanes[] lanes;
    }

    /// @param included Whether the leaf stands in the batch at the index. If false, `status` and
    /// `distrusted` say nothing and are zero.
    /// @param distrusted Whether the batch was anchored at or after the issuer's distrustAfter.
    struct LeafRecord {
        bool included;
        Status status;
        bool distrusted;
        bool paused;
        bool retired;
        uint40 anchoredAt;
    }

    // ------------------------------------------------------------------------------------ events
    // One log = one operation = one number. `timestamp` is the block's, so that logs alone
    // reproduce the history. `actor` is whose authority was used: the signer of a signed operation,
    // never its relayer.

    /// @param registration Number among all registrations of this contract, from 1.
    event IssuerRegistered(
        IssuerId indexed issuerId,
        uint40 operation,
        uint40 timestamp,
        address actor,
        uint40 registration,
        bytes32 salt,
        bytes32 didHash,
        string profileURI
    );
    event DidChanged(
        IssuerId indexed issuerId,
        uint40 operation,
        uint40 timestamp,
        address actor,
        bytes32 didHash,
        string profileURI
    );
    event OwnershipOffered(
        IssuerId indexed issuerId,
        uint40 operation,
        uint40 timestamp,
        address actor,
        address pendingOwner
    );
    event OwnershipTransferred(
        IssuerId indexed issuerId,
        uint40 operation,
        uint40 timestamp,
        address actor,
        address previousOwner,
        uint32 epoch
    );
    event DelegateSet(
        IssuerId indexed issuerId,
        uint40 operation,
        uint40 timestamp,
        address actor,
        address delegate,
        uint8 roles,
        uint40 expiry,
        uint32 epoch
    );
    event EpochBumped(
        IssuerId indexed issuerId, uint40 operation, uint40 timestamp, address actor, uint32 epoch
    );
    event Paused(IssuerId indexed issuerId, uint40 operation, uint40 timestamp, address actor);
    event Unpaused(IssuerId indexed issuerId, uint40 operation, uint40 timestamp, address actor);
    event Distrusted(
        IssuerId indexed issuerId,
        uint40 operation,
        uint40 timestamp,
        address actor,
        uint40 distrustAfter
    );
    event Retired(IssuerId indexed issuerId, uint40 operation, uint40 timestamp, address actor);
    event NoncesCancelled(
        IssuerId indexed issuerId,
        uint40 operation,
        uint40 timestamp,
        address actor,
        address signer,
        uint256 word,
        uint256 mask
    );
    /// @param metaHash SHA-256 of the batch's manifest; bound by the history, not stored.
    event Anchored(
        IssuerId indexed issuerId,
        BatchRoot indexed root,
        uint40 operation,
        uint40 timestamp,
        address actor,
        uint32 size,
        bytes32 metaHash
    );
    /// @param nonce The used-up nonce of a signed operation; zero if the actor sent it directly.
    event StatusChanged(
        IssuerId indexed issuerId,
        BatchRoot indexed root,
        uint40 operation,
        uint40 timestamp,
        address actor,
        StatusChange change,
        uint256 nonce,
        Lanes[] lanes
    );
    event BatchRevoked(
        IssuerId indexed issuerId,
        BatchRoot indexed root,
        uint40 operation,
        uint40 timestamp,
        address actor
    );

    // ------------------------------------------------------------------------------------ errors

    /// @notice The registrant used this salt before.
    error IssuerAlreadyRegistered(IssuerId issuerId);
    error IssuerNotRegistered(IssuerId issuerId);
    /// @notice The account is not the issuer's owner.
    error NotOwner(IssuerId issuerId, address account, address owner);
    /// @notice The account is not the one to which ownership is offered.
    error NotPendingOwner(IssuerId issuerId, address account, address pendingOwner);
    /// @notice Neither the owner nor a current delegate with that role. `roles` are the account's
    /// current ones.
    error NotAuthorized(IssuerId issuerId, address account, uint8 role, uint8 roles);
    /// @notice The signature is not the signer's over this digest. The digest is computed with the
    /// issuer's epoch of now: a signature of an earlier epoch fails here.
    error InvalidSignature(address signer, bytes32 digest);
    /// @notice The deadline (inclusive, in seconds) has passed.
    error SignatureExpired(uint256 deadline, uint256 timestamp);
    /// @notice Used or cancelled, or zero, which stands for operations that are sent directly.
    error NonceNotUsable(IssuerId issuerId, address signer, uint256 nonce);
    error IssuerIsPaused(IssuerId issuerId);
    error IssuerIsRetired(IssuerId issuerId);
    error IssuerIsDistrusted(IssuerId issuerId, uint40 distrustAfter);
    error BatchAlreadyAnchored(
        IssuerId issuerId, BatchRoot root, uint40 anchoredAt, uint40 operation, uint32 size
    );
    error BatchNotAnchored(IssuerId issuerId, BatchRoot root);
    error BatchIsRevoked(IssuerId issuerId, BatchRoot root);
    /// @notice A tree has at least one leaf, and its root is never zero.
    error EmptyBatch(BatchRoot root, uint32 size);
    /// @notice The mask has odd bits, or lanes at or beyond the batch's size.
    error MaskOutsideBatch(BatchRoot root, uint256 word, uint256 mask, uint32 size);
    /// @notice Lanes of the mask that are revoked, and so can be neither suspended nor reinstated.
    error LanesAreRevoked(BatchRoot root, uint256 word, uint256 lanes);
    /// @notice The call would change nothing at all.
    error NothingChanged(IssuerId issuerId);
    /// @notice distrustAfter is set once and then only lowered; at most now, and never zero.
    error DistrustAfterNotAllowed(uint40 proposed, uint40 current, uint256 timestamp);
    /// @notice Only ANCHOR (1) and STATUS (2) exist.
    error UnknownRoles(uint8 roles);
    /// @notice The grant would have expired already.
    error ExpiryPassed(uint40 expiry, uint256 timestamp);

    // ----------------------------------------------------------------------------------- issuers

    /// @notice Registers the caller as a new issuer, and as its owner. Open to anyone.
    /// @dev The id commits to this chain, this contract and the caller, so nobody else can take it
    /// and it means nothing elsewhere.
    /// @param salt Any value; one registrant may register several issuers.
    /// @param didHash SHA-256 of the canonical form (RFC 8785) of the issuer's DID document, which
    /// should name this chain, contract and id; zero if there is none yet.
    /// @param profileURI Where people find the issuer's profile. Emitted, not stored; may be empty.
    function register(bytes32 salt, bytes32 didHash, string calldata profileURI)
        external
        returns (IssuerId issuerId);

    /// @notice Replaces the hash of the DID document and the profile's address. Owner only; also
    /// while paused, distrusted or retired, so that documents can keep naming retired keys.
    /// @dev Emits even if both are as before: a profile address is not stored to compare with.
    function setDid(IssuerId issuerId, bytes32 didHash, string calldata profileURI) external;

    /// @notice Offers ownership; nothing changes until `newOwner` accepts. Owner only.
    /// @param newOwner Zero withdraws the offer. A Safe or another contract account may own.
    function transferOwnership(IssuerId issuerId, address newOwner) external;

    /// @notice Accepts an offered ownership, and ends all delegates by a new epoch. Only the account
    /// to which it is offered.
    function acceptOwnership(IssuerId issuerId) external;

    /// @notice Grants roles to an account until `expiry`, or with no roles ends its grant. Replaces
    /// the grant that stood before. Owner only.
    /// @param roles 1 ANCHOR, 2 STATUS, 3 both, 0 none.
    /// @param expiry First second without authority; type(uint40).max for none. With roles 0 it must
    /// be zero.
    function setDelegate(IssuerId issuerId, address account, uint8 roles, uint40 expiry) external;

    /// @notice Ends all delegates, and all signatures not yet landed, in one write. Owner only.
    function bumpEpoch(IssuerId issuerId) external;

    /// @notice Stops anchoring until unpaused. Status operations go on. Owner only.
    function pause(IssuerId issuerId) external;

    /// @notice Lets anchoring go on. Owner only.
    function unpause(IssuerId issuerId) external;

    /// @notice Declares every anchor at or after `since` distrusted, for every reader and for ever,
    /// and ends anchoring. Owner only. For a leaked delegate bump the epoch and revoke the false
    /// batches instead: this ends the id.
    /// @param since In seconds; at most now; lower than what stands.
    function distrust(IssuerId issuerId, uint40 since) external;

    /// @notice Ends anchoring for ever. What was anchored stays as trusted as it was, and status
    /// operations go on. Owner only.
    function retire(IssuerId issuerId) external;

    /// @notice Makes nonces of `signer` unusable, so that signatures not yet landed are called back.
    /// By the owner, or by the signer while it is a current STATUS delegate.
    /// @param word Nonces 256 * word to 256 * word + 255.
    /// @param mask Bit i for nonce 256 * word + i.
    function cancelNonces(IssuerId issuerId, address signer, uint256 word, uint256 mask) external;

    // ----------------------------------------------------------------------------------- batches

    /// @notice Records that `root` existed no later than this block, under the issuer's authority.
    /// By the owner or an ANCHOR delegate; not while paused, and never once distrusted or retired.
    /// @dev Write-once: a second anchor of the root by this issuer reverts with what is stored.
    /// @param root Of the batch's RFC 9162 tree over SHA-256. Not checked: it can't be, here.
    /// @param size Leaves in the tree; bounds the status lanes and fixes the length of paths.
    /// @param metaHash SHA-256 of the batch's manifest. Emitted and folded, not stored.
    function anchor(IssuerId issuerId, BatchRoot root, uint32 size, bytes32 metaHash) external;

    /// @notice The same on `signer`'s EIP-712 signature, sent and paid for by anyone.
    /// @dev Anchor(bytes32 issuerId,address signer,uint32 epoch,bytes32 root,uint32 size,bytes32
    /// metaHash,uint256 deadline), with the issuer's epoch of now. No nonce: the root is write-once,
    /// so any number may be under way. A copied signature lands the same anchor: if this reverts
    /// with BatchAlreadyAnchored, read what is stored and count it as success if it is yours.
    /// @param signature ECDSA (65 bytes) is tried first, then ERC-1271.
    function anchorSigned(
        IssuerId issuerId,
        BatchRoot root,
        uint32 size,
        bytes32 metaHash,
        address signer,
        uint256 deadline,
        bytes calldata signature
    ) external;

    /// @notice Revokes every credential of a batch in one write, for ever. Owner only.
    function revokeBatch(IssuerId issuerId, BatchRoot root) external;

    // ------------------------------------------------------------------------------------ status

    /// @notice Suspends, reinstates or revokes credentials of one batch. By the owner or a STATUS
    /// delegate; also while paused, distrusted or retired.
    /// @dev Lanes that already are as wanted are let stand; a call that would change none reverts.
    /// Suspending and reinstating revert if any credential that they name, or the batch, is revoked.
    function changeStatus(
        IssuerId issuerId,
        BatchRoot root,
        StatusChange change,
        Lanes[] calldata lanes
    ) external;

    /// @notice The same for many batches at once. Each batch in which something changes is an
    /// operation of its own; the others are passed over; if none changes the call reverts.
    function changeStatuses(IssuerId issuerId, StatusChange change, BatchLanes[] calldata batches)
        external;

    /// @notice The same as changeStatus on `signer`'s EIP-712 signature, sent and paid for by anyone.
    /// @dev Status(bytes32 issuerId,address signer,uint32 epoch,bytes32 root,uint8 change,Lanes[]
    /// lanes,uint256 nonce,uint256 deadline)Lanes(uint256 word,uint256 mask), with the issuer's epoch
    /// of now.
    /// @param nonce Any number but zero that (issuer, signer) has neither used nor cancelled.
    /// Nonces have no order: a lost signature blocks nothing.
    function changeStatusSigned(
        IssuerId issuerId,
        BatchRoot root,
        StatusChange change,
        Lanes[] calldata lanes,
        address signer,
        uint256 nonce,
        uint256 deadline,
        bytes calldata signature
    ) external;

    // ------------------------------------------------------------------------------------- views

    /// @notice The issuer's record; all zero where there is none.
    function issuer(IssuerId issuerId) external view returns (IssuerRecord memory);

    /// @notice The id that `registrant` gets, here, with `salt`.
    function issuerIdOf(address registrant, bytes32 salt) external view returns (IssuerId);

    /// @notice A delegate's grant, and whether it has authority now. The owner needs no grant.
    function delegate(IssuerId issuerId, address account)
        external
        view
        returns (DelegateRecord memory);

    /// @notice Whether `signer` can no longer use `nonce`.
    function isNonceUsed(IssuerId issuerId, address signer, uint256 nonce)
        external
        view
        returns (bool);

    /// @notice The batch's record; all zero where there is none.
    function batch(IssuerId issuerId, BatchRoot root) external view returns (BatchRecord memory);

    /// @notice `count` status words from `first` on. Read whole words: asking for one credential
    /// tells the node which one is meant.
    function statusWords(IssuerId issuerId, BatchRoot root, uint256 first, uint256 count)
        external
        view
        returns (uint256[] memory);

    /// @notice Status of the credential at `index`, the whole batch's revocation included.
    function statusOf(IssuerId issuerId, BatchRoot root, uint256 index)
        external
        view
        returns (Status);

    /// @notice Whether a leaf stands in an anchored batch at an index, its status, and the issuer's
    /// standing. Never reverts on a wrong path: it answers.
    /// @dev RFC 9162 section 2.1.3.2 over SHA-256, with the size as stored. Takes the leaf's hash
    /// and path only, never a salt or a digest: calldata is public.
    /// @param path Siblings, leaf end first; exactly as many as index and size demand.
    function verifyLeaf(
        IssuerId issuerId,
        BatchRoot root,
        LeafHash leaf,
        uint256 index,
        bytes32[] calldata path
    ) external view returns (LeafRecord memory);

    /// @notice How many issuers were registered, and the fold of their registrations.
    function registrations() external view returns (uint40 count, bytes27 history);
}
