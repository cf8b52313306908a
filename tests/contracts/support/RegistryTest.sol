// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    BatchRoot,
    ICredentialRegistry,
    IssuerId
} from "../../../contracts/interfaces/ICredentialRegistry.sol";
import {Layout} from "./Layout.sol";
import {Replay} from "./Replay.sol";
import {vm} from "./Vm.sol";

/// @dev One registry as released, one issuer, and accounts whose keys are known.
abstract contract RegistryTest is Replay {
    uint8 internal constant ANCHOR = 1;
    uint8 internal constant STATUS = 2;
    uint8 internal constant BOTH = 3;
    uint40 internal constant NOW = 1_800_000_000;
    uint40 internal constant NEVER = type(uint40).max;
    IssuerId internal constant UNKNOWN =
        IssuerId.wrap(keccak256("an issuer that nobody registered"));
    BatchRoot internal constant ROOT = BatchRoot.wrap(keccak256("a root"));
    BatchRoot internal constant OTHER_ROOT = BatchRoot.wrap(keccak256("another root"));
    bytes32 internal constant META = keccak256("a manifest");
    bytes32 internal constant DID = keccak256("a DID document");
    string internal constant URI = "https://alma.example/profile.json";

    ICredentialRegistry internal registry;
    IssuerId internal id;
    address internal owner;
    address internal anchorer;
    address internal keeper;
    address internal stranger;
    address internal relayer;
    mapping(address account => uint256) internal keyOf;

    function setUp() public virtual {
        vm.warp(NOW);
        registry = ICredentialRegistry(vm.deployCode("CredentialRegistry.sol:CredentialRegistry"));
        owner = _account("owner");
        anchorer = _account("anchorer");
        keeper = _account("keeper");
        stranger = _account("stranger");
        relayer = _account("relayer");
        _startReplay(address(registry));
        id = _register(owner, "alma");
    }

    function _account(string memory name) internal returns (address account) {
        uint256 key = uint256(keccak256(bytes(name)));
        account = vm.addr(key);
        keyOf[account] = key;
        vm.label(account, name);
    }

    function _register(address registrant, bytes32 salt) internal returns (IssuerId) {
        vm.prank(registrant);
        return registry.register(salt, DID, URI);
    }

    function _grant(address account, uint8 roles, uint40 expiry) internal {
        vm.prank(registry.issuer(id).owner);
        registry.setDelegate(id, account, roles, expiry);
    }

    function _anchor(BatchRoot root, uint32 size) internal {
        vm.prank(owner);
        registry.anchor(id, root, size, META);
    }

    function _pause() internal {
        vm.prank(owner);
        registry.pause(id);
    }

    function _retire() internal {
        vm.prank(owner);
        registry.retire(id);
    }

    function _distrust(uint40 since) internal {
        vm.prank(owner);
        registry.distrust(id, since);
    }

    function _handOver(address newOwner) internal {
        vm.prank(owner);
        registry.transferOwnership(id, newOwner);
        vm.prank(newOwner);
        registry.acceptOwnership(id);
    }

    /// @dev Suspends, reinstates and revokes credential 5 of ROOT as `keeper`, and revokes the batch.
    function _changesEveryStatus() internal {
        ICredentialRegistry.Lanes[] memory lanes = _lanes(0, _bit(5));
        for (uint8 change = 0; change < 3; ++change) {
            _accepted(
                keeper,
                abi.encodeCall(
                    registry.changeStatus,
                    (id, ROOT, ICredentialRegistry.StatusChange(change), lanes)
                )
            );
        }
        _accepted(owner, abi.encodeCall(registry.revokeBatch, (id, ROOT)));
    }

    /// @dev The number that the issuer's next operation gets.
    function _nextOperation() internal view returns (uint40) {
        return registry.issuer(id).operations + 1;
    }

    function _expectEmit() internal {
        vm.expectEmit(address(registry));
    }

    function _slot(bytes32 slot) internal view returns (uint256) {
        return uint256(vm.load(address(registry), slot));
    }

    /// @dev Succeeds, and leaves histories that are the fold of all logs.
    function _accepted(address sender, bytes memory call) internal {
        vm.prank(sender);
        (bool done, bytes memory answer) = address(registry).call(call);
        vm.assertTrue(done, string.concat("refused: ", string(answer)));
        _assertFolded();
    }

    /// @dev Reverts with exactly this reason, and logs nothing.
    function _refused(address sender, bytes memory call, bytes memory reason) internal {
        bytes32 history = vm.load(address(registry), Layout.history(id));
        vm.prank(sender);
        (bool done, bytes memory answer) = address(registry).call(call);
        vm.assertFalse(done, "accepted");
        vm.assertEq(answer, reason, "reason");
        vm.assertEq(vm.load(address(registry), Layout.history(id)), history, "history");
    }

    function _lanes(uint256 word, uint256 mask)
        internal
        pure
        returns (ICredentialRegistry.Lanes[] memory lanes)
    {
        lanes = new ICredentialRegistry.Lanes[](1);
        lanes[0] = ICredentialRegistry.Lanes(word, mask);
    }

    /// @dev The mask of one credential in its word.
    function _bit(uint256 index) internal pure returns (uint256) {
        return 1 << (2 * (index % 128));
    }

    function _error(bytes4 selector) internal view returns (bytes memory) {
        return abi.encodeWithSelector(selector, id);
    }
}
