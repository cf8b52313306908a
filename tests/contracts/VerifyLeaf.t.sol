// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    BatchRoot,
    ICredentialRegistry,
    IssuerId,
    LeafHash
} from "../../contracts/interfaces/ICredentialRegistry.sol";
import {Layout} from "./support/Layout.sol";
import {RegistryTest} from "./support/RegistryTest.sol";
import {Rfc9162} from "./support/Rfc9162.sol";
import {bounded, vm} from "./support/Vm.sol";

/// @dev PathHarness, which is compiled as the contract is and so never imported here.
interface Paths {
    function verifies(
        bytes32 root,
        uint256 size,
        bytes32 leaf,
        uint256 index,
        bytes32[] calldata path
    ) external view returns (bool);
}

contract VerifyLeafTest is RegistryTest {
    struct Columns {
        bytes32[] leaves;
        uint256[] indexes;
        uint256[] sizes;
        uint256[] lengths;
        bytes32[] hashes;
        bytes32[] roots;
    }

    Paths private _paths;

    function setUp() public override {
        super.setUp();
        _paths = Paths(vm.deployCode("PathHarness.sol:PathHarness"));
    }

    function testFuzz_WhenThePathIsRight_IsIncludedAtItsIndex(
        uint256 seed,
        uint256 size,
        uint256 index
    ) public {
        bytes32[] memory leaves = _tree(seed, size);
        index = bounded(index, 0, leaves.length - 1);
        _anchor(BatchRoot.wrap(Rfc9162.root(leaves)), uint32(leaves.length));
        ICredentialRegistry.LeafRecord memory got =
            _verify(leaves, leaves[index], index, Rfc9162.path(leaves, index));
        ICredentialRegistry.LeafRecord memory wanted = ICredentialRegistry.LeafRecord(
            true, ICredentialRegistry.Status.Active, false, false, false, NOW
        );
        vm.assertEq(abi.encode(got), abi.encode(wanted), "record");
    }

    function testFuzz_WhenThePathIsRight_AgreesWithTheDefinitionOnAnyTree(
        uint256 seed,
        uint256 size
    ) public view {
        bytes32[] memory leaves = _tree(seed, size);
        bytes32 root = Rfc9162.root(leaves);
        for (uint256 index = 0; index < leaves.length; ++index) {
            bytes32[] memory path = Rfc9162.path(leaves, index);
            bool included = _paths.verifies(root, leaves.length, leaves[index], index, path);
            vm.assertTrue(included, "included");
        }
    }

    function test_WhenThePathIsRight_AgreesWithTheReleasedVectors() public {
        _agrees(_columns("paths"), true);
    }

    function test_WhenThePathIsWrong_AgreesWithTheReleasedVectorsForRefusedOnes() public {
        _agrees(_columns("refused"), false);
    }

    function test_WhenThePathIsWrong_AgreesWithTheReleasedVectorsForMisleadingOnes() public {
        _agrees(_columns("misleading"), false);
    }

    function testFuzz_WhenOneBitOfLeafPathOrRootIsFlipped_IsNotIncluded(
        uint256 seed,
        uint256 size,
        uint256 index,
        uint256 place,
        uint8 bit
    ) public view {
        bytes32[] memory leaves = _tree(seed, size);
        index = bounded(index, 0, leaves.length - 1);
        bytes32[] memory path = Rfc9162.path(leaves, index);
        bytes32 root = Rfc9162.root(leaves);
        place = bounded(place, 0, path.length + 1);
        if (place < path.length) path[place] ^= bytes32(1 << bit);
        if (place == path.length) leaves[index] ^= bytes32(1 << bit);
        if (place == path.length + 1) root ^= bytes32(1 << bit);
        _excluded(root, leaves.length, leaves[index], index, path);
    }

    function testFuzz_WhenThePathIsShorterLongerOrEmpty_IsNotIncluded(
        uint256 seed,
        uint256 size,
        uint256 index,
        uint256 length,
        bytes32 filler
    ) public view {
        bytes32[] memory leaves = _tree(seed, size);
        index = bounded(index, 0, leaves.length - 1);
        bytes32[] memory right = Rfc9162.path(leaves, index);
        bytes32 root = Rfc9162.root(leaves);
        bytes32 leaf = leaves[index];
        uint256 n = right.length;
        _excluded(root, leaves.length, leaf, index, _resized(right, n + 1, filler));
        length = bounded(length, 0, 300);
        vm.assume(length != n);
        _excluded(root, leaves.length, leaf, index, _resized(right, length, filler));
        if (n == 0) return;
        _excluded(root, leaves.length, leaf, index, _resized(right, n - 1, filler));
        _excluded(root, leaves.length, leaf, index, new bytes32[](0));
    }

    /// @dev Every inner node of the tree, with its own right path, at every index.
    function testFuzz_WhenAnInnerNodeIsOfferedAsALeaf_IsNotIncluded(uint256 seed, uint256 size)
        public
        view
    {
        bytes32[] memory leaves = _tree(seed, bounded(size, 2, 24));
        bytes32 root = Rfc9162.root(leaves);
        for (uint256 below = 0; below < leaves.length; ++below) {
            bytes32[] memory path = Rfc9162.path(leaves, below);
            // Climb from the leaf: each step gives an inner node and what is left of the path.
            for (uint256 steps = 1; steps <= path.length; ++steps) {
                bytes32 inner = Rfc9162.ancestor(leaves, below, steps);
                bytes32[] memory rest = _tail(path, steps);
                for (uint256 index = 0; index < leaves.length; ++index) {
                    _excluded(root, leaves.length, inner, index, rest);
                }
            }
        }
    }

    function testFuzz_WhenTheIndexIsALie_IsNotIncluded(
        uint256 seed,
        uint256 size,
        uint256 index,
        uint256 lie
    ) public view {
        bytes32[] memory leaves = _tree(seed, size);
        index = bounded(index, 0, leaves.length - 1);
        vm.assume(lie != index);
        bytes32[] memory path = Rfc9162.path(leaves, index);
        bytes32 root = Rfc9162.root(leaves);
        _excluded(root, leaves.length, leaves[index], lie, path);
        for (uint256 other = 0; other <= 2 * leaves.length; ++other) {
            if (other != index) _excluded(root, leaves.length, leaves[index], other, path);
        }
    }

    function testFuzz_WhenTheSizeIsALie_IsIncludedOnlyWhereTheDefinitionLeadsToTheSameRoot(
        uint256 seed,
        uint256 size,
        uint256 index,
        uint32 far
    ) public view {
        bytes32[] memory leaves = _tree(seed, size);
        index = bounded(index, 0, leaves.length - 1);
        bytes32[] memory path = Rfc9162.path(leaves, index);
        bytes32 root = Rfc9162.root(leaves);
        for (uint256 lie = 0; lie <= 2 * leaves.length + 1; ++lie) {
            bool wanted = Rfc9162.climb(leaves[index], index, lie, path) == root;
            vm.assertEq(_paths.verifies(root, lie, leaves[index], index, path), wanted, "near");
        }
        bool defined = Rfc9162.climb(leaves[index], index, far, path) == root;
        vm.assertEq(_paths.verifies(root, far, leaves[index], index, path), defined, "far");
    }

    function test_WhenTheLeafIsNotIncluded_TellsNeitherStatusNorDistrust() public {
        bytes32[] memory leaves = _tree(1, 7);
        BatchRoot root = BatchRoot.wrap(Rfc9162.root(leaves));
        _anchor(root, 7);
        vm.prank(owner);
        registry.revokeBatch(id, root);
        _distrust(1);
        _pause();
        _retire();
        ICredentialRegistry.LeafRecord memory got =
            _verify(leaves, leaves[2], 3, Rfc9162.path(leaves, 2));
        ICredentialRegistry.LeafRecord memory wanted = ICredentialRegistry.LeafRecord(
            false, ICredentialRegistry.Status.Unanchored, false, true, true, NOW
        );
        vm.assertEq(abi.encode(got), abi.encode(wanted), "record");
    }

    function test_GivenTheIssuerIsPausedDistrustedOrRetired_TellsSoBesideTheAnswer() public {
        bytes32[] memory leaves = _tree(1, 7);
        _anchor(BatchRoot.wrap(Rfc9162.root(leaves)), 7);
        _pause();
        vm.assertTrue(_right(leaves).paused && !_right(leaves).retired, "paused");
        _retire();
        vm.assertTrue(_right(leaves).paused && _right(leaves).retired, "retired");
        vm.assertFalse(_right(leaves).distrusted, "not yet distrusted");
        _distrust(NOW);
        vm.assertTrue(_right(leaves).distrusted && _right(leaves).included, "distrusted");
    }

    function testFuzz_GivenTheIssuerWasDistrustedFromSomeTimeOn_TellsSoForBatchesAtOrAfterIt(uint40 since)
        public
    {
        bytes32[] memory leaves = _tree(1, 7);
        _anchor(BatchRoot.wrap(Rfc9162.root(leaves)), 7);
        vm.warp(NOW + 1 days);
        _distrust(uint40(bounded(since, 1, NOW + 1 days)));
        vm.assertEq(_right(leaves).distrusted, NOW >= registry.issuer(id).distrustAfter, "any");
        vm.assertTrue(_right(leaves).included, "included all the same");
    }

    function test_GivenTheIssuerWasDistrustedFromSomeTimeOn_TellsSoForTheVerySecond() public {
        bytes32[] memory leaves = _tree(1, 7);
        _anchor(BatchRoot.wrap(Rfc9162.root(leaves)), 7);
        vm.warp(NOW + 1);
        _distrust(NOW + 1);
        vm.assertFalse(_right(leaves).distrusted, "a second before");
        _distrust(NOW);
        vm.assertTrue(_right(leaves).distrusted, "the same second");
    }

    function testFuzz_GivenAStatus_TellsTheLanesStatus(uint256 bits) public {
        bytes32[] memory leaves = _tree(1, 7);
        BatchRoot root = BatchRoot.wrap(Rfc9162.root(leaves));
        _anchor(root, 7);
        vm.store(address(registry), Layout.lanes(id, root, 0), bytes32(bits));
        vm.assertTrue(_right(leaves).status == registry.statusOf(id, root, 2), "status");
        vm.assertTrue(_right(leaves).status != ICredentialRegistry.Status.Unanchored, "anchored");
    }

    function test_GivenAStatus_TellsTheBatchsRevocation() public {
        bytes32[] memory leaves = _tree(1, 7);
        BatchRoot root = BatchRoot.wrap(Rfc9162.root(leaves));
        _anchor(root, 7);
        vm.prank(owner);
        registry.revokeBatch(id, root);
        vm.assertTrue(_right(leaves).status == ICredentialRegistry.Status.Revoked, "status");
    }

    function testFuzz_WhenTheBatchIsNotAnchored_IsNotIncluded(
        IssuerId any,
        BatchRoot root,
        LeafHash leaf,
        uint256 index,
        bytes32[] calldata path
    ) public view {
        ICredentialRegistry.LeafRecord memory got =
            registry.verifyLeaf(any, root, leaf, index, path);
        vm.assertEq(abi.encode(got), new bytes(6 * 32), "record");
        // A leaf that is its own root, in a tree of no leaves.
        got = registry.verifyLeaf(
            any, root, LeafHash.wrap(BatchRoot.unwrap(root)), 0, new bytes32[](0)
        );
        vm.assertEq(abi.encode(got), new bytes(6 * 32), "record");
    }

    /// @dev Every amount of gas gives the one answer or a revert.
    function test_WhenGasRunsOutBelowAHash_RevertsAndNeverAnswersFromAStaleOne() public view {
        bytes32[] memory leaves = _tree(1, 40);
        bytes memory call = abi.encodeCall(
            _paths.verifies, (Rfc9162.root(leaves), 40, leaves[9], 9, Rfc9162.path(leaves, 9))
        );
        for (uint256 gas = 1_000; gas < 12_000; gas += 7) {
            (bool done, bytes memory answer) = address(_paths).staticcall{gas: gas}(call);
            if (done) vm.assertTrue(abi.decode(answer, (bool)), "a wrong answer");
        }
    }

    /// @dev Up to 70 leaves, so that all shapes of the last subtree come up.
    function _tree(uint256 seed, uint256 size) private pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](bounded(size, 1, 70));
        for (uint256 i = 0; i < leaves.length; ++i) {
            leaves[i] = keccak256(abi.encode(seed, i));
        }
    }

    function _verify(bytes32[] memory leaves, bytes32 leaf, uint256 index, bytes32[] memory path)
        private
        view
        returns (ICredentialRegistry.LeafRecord memory)
    {
        BatchRoot root = BatchRoot.wrap(Rfc9162.root(leaves));
        return registry.verifyLeaf(id, root, LeafHash.wrap(leaf), index, path);
    }

    /// @dev The true answer for credential 2.
    function _right(bytes32[] memory leaves)
        private
        view
        returns (ICredentialRegistry.LeafRecord memory)
    {
        return _verify(leaves, leaves[2], 2, Rfc9162.path(leaves, 2));
    }

    function _excluded(
        bytes32 root,
        uint256 size,
        bytes32 leaf,
        uint256 index,
        bytes32[] memory path
    ) private view {
        vm.assertFalse(_paths.verifies(root, size, leaf, index, path), "included");
    }

    function _columns(string memory kind) private view returns (Columns memory columns) {
        string memory json = vm.readFile("tests/vectors/tree-v1.json");
        string memory key = string.concat(".", kind);
        columns.leaves = vm.parseJsonBytes32Array(json, string.concat(key, ".leaves"));
        columns.indexes = vm.parseJsonUintArray(json, string.concat(key, ".indexes"));
        columns.sizes = vm.parseJsonUintArray(json, string.concat(key, ".sizes"));
        columns.lengths = vm.parseJsonUintArray(json, string.concat(key, ".pathLengths"));
        columns.hashes = vm.parseJsonBytes32Array(json, string.concat(key, ".pathHashes"));
        columns.roots = vm.parseJsonBytes32Array(json, string.concat(key, ".roots"));
        vm.assertGe(columns.leaves.length, 10, "rows");
    }

    /// @dev The library and, where a batch can have that size, the registry. Each row is another
    /// issuer's, since rows may claim other sizes for one root.
    function _agrees(Columns memory columns, bool wanted) private {
        uint256 start = 0;
        for (uint256 row = 0; row < columns.leaves.length; ++row) {
            uint256 size = columns.sizes[row];
            bytes32[] memory path = _slice(columns.hashes, start, columns.lengths[row]);
            start += columns.lengths[row];
            (bytes32 root, bytes32 leaf, uint256 index) =
                (columns.roots[row], columns.leaves[row], columns.indexes[row]);
            vm.assertEq(_paths.verifies(root, size, leaf, index, path), wanted, "library");
            if (size == 0 || size > type(uint32).max) continue;
            id = _register(owner, bytes32(row));
            _anchor(BatchRoot.wrap(root), uint32(size));
            bool included =
                registry.verifyLeaf(id, BatchRoot.wrap(root), LeafHash.wrap(leaf), index, path)
            .included;
            vm.assertEq(included, wanted, "registry");
        }
        vm.assertEq(start, columns.hashes.length, "hashes");
    }

    function _slice(bytes32[] memory list, uint256 start, uint256 length)
        private
        pure
        returns (bytes32[] memory part)
    {
        part = new bytes32[](length);
        for (uint256 i = 0; i < length; ++i) {
            part[i] = list[start + i];
        }
    }

    function _tail(bytes32[] memory list, uint256 start) private pure returns (bytes32[] memory) {
        return _slice(list, start, list.length - start);
    }

    function _resized(bytes32[] memory list, uint256 length, bytes32 filler)
        private
        pure
        returns (bytes32[] memory other)
    {
        other = new bytes32[](length);
        for (uint256 i = 0; i < length; ++i) {
            other[i] = i < list.length ? list[i] : filler;
        }
    }
}
