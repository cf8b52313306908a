// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BatchRoot, ICredentialRegistry} from "../../contracts/interfaces/ICredentialRegistry.sol";
import {Layout} from "./support/Layout.sol";
import {SignedOperations} from "./support/SignedOperations.sol";
import {AnchorMessage, StatusMessage, TypedData} from "./support/TypedData.sol";
import {bounded, vm} from "./support/Vm.sol";
import {
    AnsweringWallet,
    BurningWallet,
    FloodingWallet,
    ReenteringWallet,
    RevertingWallet,
    SharedWallet,
    YesWallet
} from "./support/Wallets.sol";

/// @dev What holds for both signed operations alike.
contract SignaturesTest is SignedOperations {
    uint256 private constant CURVE_ORDER =
        0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
    bytes4 private constant YES = 0x1626ba7e;

    struct Attempt {
        bytes call;
        bytes32 digest;
    }

    /// @dev Which domain is signed, where it isn't the one that the contract hashes.
    bytes32 private _signedDomain;
    bytes private _junk;
    uint8 private _v;

    function setUp() public override {
        super.setUp();
        _anchor(ROOT, 300);
    }

    function test_WhenTheDeadlineIsNow_Lands() public {
        _lands(owner, _byOwner);
    }

    function testFuzz_WhenTheDeadlineHasPassed_RevertsWithSignatureExpired(uint256 late) public {
        late = bounded(late, 1, type(uint64).max);
        Attempt[2] memory attempts = _attempts(owner, _byOwner);
        vm.warp(NOW + late);
        bytes4 reason = ICredentialRegistry.SignatureExpired.selector;
        for (uint256 i = 0; i < 2; ++i) {
            _refused(relayer, attempts[i].call, abi.encodeWithSelector(reason, NOW, NOW + late));
        }
    }

    function test_WhenTheSignatureIsAnotherAccounts_RevertsWithInvalidSignature() public {
        _grant(stranger, BOTH, NEVER);
        _fails(owner, _byStranger);
        _fails(stranger, _byOwner);
    }

    function testFuzz_WhenItWasMadeForAnotherChain_RevertsWithInvalidSignature(uint256 chain)
        public
    {
        vm.assume(chain != block.chainid);
        _signedDomain = TypedData.domain("CredAnchor", "1", chain, address(registry));
        _fails(owner, _byOwner);
    }

    function testFuzz_WhenItWasMadeForAnotherRegistry_RevertsWithInvalidSignature(address other)
        public
    {
        vm.assume(other != address(registry));
        _signedDomain = TypedData.domain("CredAnchor", "1", block.chainid, other);
        _fails(owner, _byOwner);
        _signedDomain = TypedData.domain("CredAnchor", "2", block.chainid, address(registry));
        _fails(owner, _byOwner);
        _signedDomain = TypedData.domain("Another", "1", block.chainid, address(registry));
        _fails(owner, _byOwner);
    }

    function test_WhenItWasMadeForAnotherIssuer_RevertsWithInvalidSignature() public {
        AnchorMessage memory anchorMessage = _anchorMessage(owner);
        bytes memory anchorSignature = _sign(owner, _digest(anchorMessage));
        StatusMessage memory statusMessage = _statusMessage(owner);
        bytes memory statusSignature = _sign(owner, _digest(statusMessage));

        id = _register(owner, "another of the same owner");
        anchorMessage.issuerId = id;
        statusMessage.issuerId = id;
        _refused(
            relayer,
            _anchorSigned(anchorMessage, anchorSignature),
            _invalid(owner, _digest(anchorMessage))
        );
        _anchor(ROOT, 300);
        _refused(
            relayer,
            _changeStatusSigned(statusMessage, statusSignature),
            _invalid(owner, _digest(statusMessage))
        );
    }

    function test_WhenItWasMadeForTheOtherOperation_RevertsWithInvalidSignature() public {
        AnchorMessage memory anchorMessage = _anchorMessage(owner);
        StatusMessage memory statusMessage = _statusMessage(owner);
        bytes32 anchorDigest = _digest(anchorMessage);
        bytes32 statusDigest = _digest(statusMessage);
        _refused(
            relayer,
            _anchorSigned(anchorMessage, _sign(owner, statusDigest)),
            _invalid(owner, anchorDigest)
        );
        _refused(
            relayer,
            _changeStatusSigned(statusMessage, _sign(owner, anchorDigest)),
            _invalid(owner, statusDigest)
        );
    }

    function test_WhenItWasMadeInAnEarlierEpoch_RevertsWithInvalidSignature() public {
        Attempt[2] memory before = _attempts(owner, _byOwner);
        vm.prank(owner);
        registry.bumpEpoch(id);
        Attempt[2] memory now_ = _attempts(owner, _byOwner);
        _refused(relayer, before[0].call, _invalid(owner, now_[0].digest));
        _refused(relayer, before[1].call, _invalid(owner, now_[1].digest));
        _lands(owner, _byOwner);
    }

    function test_WhenItsSIsTheHighOne_RevertsWithInvalidSignature() public {
        _fails(owner, _byOwnerWithHighS);
    }

    function testFuzz_WhenItsLengthIsNot65_RevertsWithInvalidSignature(bytes calldata junk) public {
        vm.assume(junk.length != 65);
        _junk = junk;
        _fails(owner, _byJunk);
        _fails(owner, _byOwnerIn64Bytes);
        _fails(owner, _byOwnerIn66Bytes);
        _fails(owner, _byNobody);
    }

    function testFuzz_WhenItsVIsNeither27Nor28_RevertsWithInvalidSignature(uint8 v) public {
        vm.assume(v != 27 && v != 28);
        _v = v;
        _fails(owner, _byOwnerWithV);
    }

    function test_WhenTheSignerIsZero_RevertsWithInvalidSignature() public {
        _fails(address(0), _byNobody);
        _v = 0;
        _fails(address(0), _byOwnerWithV);
    }

    function test_WhenTheSignerIsAWalletThatSaysYes_LandsForAWalletThatOwns() public {
        address wallet = _sharedWallet();
        _handOver(wallet);
        _lands(wallet, _byTwoOfThree);
    }

    function test_WhenTheSignerIsAWalletThatSaysYes_LandsForAWalletThatIsADelegate() public {
        address wallet = _sharedWallet();
        _grant(wallet, BOTH, NEVER);
        _lands(wallet, _byTwoOfThree);
    }

    function testFuzz_WhenTheSignerIsAWalletThatSaysYes_TakesAnAnswerWithMoreBehindIt(bytes calldata more)
        public
    {
        _lands(_answering(bytes.concat(bytes32(YES), more)), _byNobody);
    }

    function test_WhenTheSignerIsAWalletThatChangesItsMind_AsksAnewEachTime() public {
        AnsweringWallet wallet = new AnsweringWallet(bytes.concat(bytes32(YES)));
        _grant(address(wallet), BOTH, NEVER);
        Attempt[2] memory attempts = _attempts(address(wallet), _byNobody);
        _accepted(relayer, attempts[0].call);
        wallet.setAnswer(bytes.concat(bytes32(0)));
        _refused(relayer, attempts[1].call, _invalid(address(wallet), attempts[1].digest));
        wallet.setAnswer(bytes.concat(bytes32(YES)));
        _accepted(relayer, attempts[1].call);
    }

    function test_WhenTheSignerIsAWalletThatSaysNo_RevertsWithInvalidSignature() public {
        address wallet = _sharedWallet();
        _grant(wallet, BOTH, NEVER);
        _fails(wallet, _byOwner);
        _fails(wallet, _byTwoOfThreeInWrongOrder);
    }

    function test_WhenTheSignerIsAWalletThatReverts_RevertsWithInvalidSignature() public {
        address wallet = address(new RevertingWallet());
        _grant(wallet, BOTH, NEVER);
        _fails(wallet, _byNobody);
    }

    function test_WhenTheSignerIsAWalletThatBurnsAllGas_RevertsAndChangesNothing() public {
        _failsWithin(address(new BurningWallet()), 100_000);
        _failsWithin(address(new BurningWallet()), 10_000_000);
    }

    function testFuzz_WhenTheSignerIsAWalletThatAnswersJunk_RevertsWithInvalidSignature(
        bytes32 first,
        bytes calldata more
    ) public {
        vm.assume(first != bytes32(YES));
        _fails(_answering(bytes.concat(first, more)), _byNobody);
        _fails(_answering(bytes.concat(bytes32(YES) | bytes32(uint256(1)), more)), _byNobody);
        _fails(_answering(bytes.concat(bytes32(uint256(uint32(YES))))), _byNobody);
    }

    function testFuzz_WhenTheSignerIsAWalletThatAnswersTooLittle_RevertsWithInvalidSignature(uint256 length)
        public
    {
        bytes memory answer = new bytes(bounded(length, 4, 31));
        for (uint256 i = 0; i < 4; ++i) {
            answer[i] = YES[i];
        }
        _fails(_answering(answer), _byNobody);
        _fails(_answering(""), _byNobody);
    }

    function test_WhenTheSignerIsAWalletThatAnswersWithoutEnd_RevertsAndChangesNothing() public {
        _failsWithin(address(new FloodingWallet()), 1_000_000);
        _failsWithin(address(new FloodingWallet()), 10_000_000);
    }

    function test_WhenTheSignerIsAWalletThatTriesToReEnter_LandsWhatWasSignedAndNothingElse()
        public
    {
        bytes memory call =
            abi.encodeCall(registry.anchor, (id, BatchRoot.wrap("smuggled"), 1, META));
        ReenteringWallet wallet = new ReenteringWallet(address(registry), call);
        _grant(address(wallet), BOTH, NEVER);
        uint40 before = registry.issuer(id).operations;
        _lands(address(wallet), _byNobody);
        vm.assertEq(registry.issuer(id).operations, before + 2, "operations");
        vm.assertEq(registry.batch(id, BatchRoot.wrap("smuggled")).anchoredAt, 0, "smuggled");
        wallet.callDirectly();
        _assertFolded();
    }

    /// forge-config: default.evm_version = "prague"
    function test_WhenTheSignerIsAnAccountWithDelegatedCode_TakesTheAccountsOwnKeyFirst() public {
        _delegateCode(address(new RevertingWallet()));
        _lands(owner, _byOwner);
    }

    /// forge-config: default.evm_version = "prague"
    function test_WhenTheSignerIsAnAccountWithDelegatedCode_TakesWhatTheCodeAcceptsToo() public {
        _delegateCode(address(new YesWallet()));
        _lands(owner, _byStranger);
    }

    /// forge-config: default.evm_version = "prague"
    function test_WhenTheSignerIsAnAccountWithDelegatedCode_DoesNotTakeWhatNeitherAccepts() public {
        _delegateCode(address(new RevertingWallet()));
        _fails(owner, _byStranger);
        _fails(owner, _byOwnerWithHighS);
    }

    // ---------------------------------------------------------------------- who signs, and how

    function _byOwner(bytes32 digest) private view returns (bytes memory) {
        return _sign(owner, digest);
    }

    function _byStranger(bytes32 digest) private view returns (bytes memory) {
        return _sign(stranger, digest);
    }

    function _byNobody(bytes32) private pure returns (bytes memory) {
        return "";
    }

    function _byJunk(bytes32) private view returns (bytes memory) {
        return _junk;
    }

    function _byOwnerWithHighS(bytes32 digest) private view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keyOf[owner], digest);
        bytes32 high = bytes32(CURVE_ORDER - uint256(s));
        // The precompile takes it: it is the contract that must not.
        vm.assertEq(ecrecover(digest, 55 - v, r, high), owner, "recovered");
        return abi.encodePacked(r, high, 55 - v);
    }

    function _byOwnerWithV(bytes32 digest) private view returns (bytes memory) {
        (, bytes32 r, bytes32 s) = vm.sign(keyOf[owner], digest);
        return abi.encodePacked(r, s, _v);
    }

    /// @dev ERC-2098: v's parity in the top bit of s.
    function _byOwnerIn64Bytes(bytes32 digest) private view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keyOf[owner], digest);
        return abi.encodePacked(r, s | bytes32(uint256(v - 27) << 255));
    }

    function _byOwnerIn66Bytes(bytes32 digest) private view returns (bytes memory) {
        return bytes.concat(_sign(owner, digest), hex"00");
    }

    function _byTwoOfThree(bytes32 digest) private view returns (bytes memory) {
        (address first, address second) =
            anchorer < keeper ? (anchorer, keeper) : (keeper, anchorer);
        return bytes.concat(_sign(first, digest), _sign(second, digest));
    }

    function _byTwoOfThreeInWrongOrder(bytes32 digest) private view returns (bytes memory) {
        (address first, address second) =
            anchorer < keeper ? (keeper, anchorer) : (anchorer, keeper);
        return bytes.concat(_sign(first, digest), _sign(second, digest));
    }

    // ------------------------------------------------------------------- what is tried with it

    /// @dev An anchor of OTHER_ROOT and a status change of ROOT, signed in the same way.
    function _attempts(address signer, function(bytes32) internal view returns (bytes memory) sign)
        private
        view
        returns (Attempt[2] memory attempts)
    {
        bytes32 domain = _signedDomain == 0 ? _domain() : _signedDomain;
        AnchorMessage memory anchorMessage = _anchorMessage(signer);
        anchorMessage.root = OTHER_ROOT;
        bytes memory signature = sign(TypedData.digest(domain, anchorMessage));
        attempts[0] = Attempt(_anchorSigned(anchorMessage, signature), _digest(anchorMessage));

        StatusMessage memory statusMessage = _statusMessage(signer);
        signature = sign(TypedData.digest(domain, statusMessage));
        attempts[1] = Attempt(_changeStatusSigned(statusMessage, signature), _digest(statusMessage));
    }

    function _lands(address signer, function(bytes32) internal view returns (bytes memory) sign)
        private
    {
        Attempt[2] memory attempts = _attempts(signer, sign);
        _accepted(relayer, attempts[0].call);
        _accepted(relayer, attempts[1].call);
    }

    function _fails(address signer, function(bytes32) internal view returns (bytes memory) sign)
        private
    {
        Attempt[2] memory attempts = _attempts(signer, sign);
        _refused(relayer, attempts[0].call, _invalid(signer, attempts[0].digest));
        _refused(relayer, attempts[1].call, _invalid(signer, attempts[1].digest));
    }

    /// @dev Whether the rest of the gas suffices for an error or not: nothing is changed.
    function _failsWithin(address wallet, uint256 gas) private {
        _grant(wallet, BOTH, NEVER);
        uint256 history = _slot(Layout.history(id));
        Attempt[2] memory attempts = _attempts(wallet, _byNobody);
        for (uint256 i = 0; i < 2; ++i) {
            (bool done,) = address(registry).call{gas: gas}(attempts[i].call);
            vm.assertFalse(done, "accepted");
        }
        vm.assertEq(_slot(Layout.history(id)), history, "history");
        _assertFolded();
    }

    function _answering(bytes memory answer) private returns (address wallet) {
        wallet = address(new AnsweringWallet(answer));
        _grant(wallet, BOTH, NEVER);
    }

    function _sharedWallet() private returns (address) {
        address[] memory owners = new address[](3);
        (owners[0], owners[1], owners[2]) = (anchorer, keeper, relayer);
        return address(new SharedWallet(owners, 2));
    }

    /// @dev EIP-7702's delegation designator, on the owner's account.
    function _delegateCode(address code) private {
        vm.etch(owner, bytes.concat(hex"ef0100", bytes20(code)));
    }
}
