// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICredentialRegistry} from "../../../contracts/interfaces/ICredentialRegistry.sol";
import {RegistryTest} from "./RegistryTest.sol";
import {AnchorMessage, StatusMessage, TypedData} from "./TypedData.sol";
import {vm} from "./Vm.sol";

/// @dev Messages as a signer would sign them now, and the calls that carry them.
abstract contract SignedOperations is RegistryTest {
    function _anchorMessage(address signer) internal view returns (AnchorMessage memory message) {
        message.issuerId = id;
        message.signer = signer;
        message.epoch = registry.issuer(id).epoch;
        message.root = ROOT;
        message.size = 300;
        message.metaHash = META;
        message.deadline = block.timestamp;
    }

    /// @dev Suspends credential 5 of ROOT, which must be anchored.
    function _statusMessage(address signer) internal view returns (StatusMessage memory message) {
        message.issuerId = id;
        message.signer = signer;
        message.epoch = registry.issuer(id).epoch;
        message.root = ROOT;
        message.change = ICredentialRegistry.StatusChange.Suspend;
        message.lanes = _lanes(0, _bit(5));
        message.nonce = 1;
        message.deadline = block.timestamp;
    }

    function _domain() internal view returns (bytes32) {
        return TypedData.domain("CredAnchor", "1", block.chainid, address(registry));
    }

    function _digest(AnchorMessage memory message) internal view returns (bytes32) {
        return TypedData.digest(_domain(), message);
    }

    function _digest(StatusMessage memory message) internal view returns (bytes32) {
        return TypedData.digest(_domain(), message);
    }

    /// @dev 65 bytes, as wallets give them: r, s, v.
    function _sign(address signer, bytes32 digest) internal view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(keyOf[signer], digest);
        return abi.encodePacked(r, s, v);
    }

    function _anchorSigned(AnchorMessage memory message) internal view returns (bytes memory) {
        return _anchorSigned(message, _sign(message.signer, _digest(message)));
    }

    function _anchorSigned(AnchorMessage memory m, bytes memory signature)
        internal
        view
        returns (bytes memory)
    {
        return abi.encodeCall(
            registry.anchorSigned,
            (m.issuerId, m.root, m.size, m.metaHash, m.signer, m.deadline, signature)
        );
    }

    function _changeStatusSigned(StatusMessage memory message)
        internal
        view
        returns (bytes memory)
    {
        return _changeStatusSigned(message, _sign(message.signer, _digest(message)));
    }

    function _changeStatusSigned(StatusMessage memory m, bytes memory signature)
        internal
        view
        returns (bytes memory)
    {
        return abi.encodeCall(
            registry.changeStatusSigned,
            (m.issuerId, m.root, m.change, m.lanes, m.signer, m.nonce, m.deadline, signature)
        );
    }

    function _invalid(address signer, bytes32 digest) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(ICredentialRegistry.InvalidSignature.selector, signer, digest);
    }
}
