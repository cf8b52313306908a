// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BatchRoot, IssuerId} from "../../../contracts/interfaces/ICredentialRegistry.sol";

/// @dev Storage slots by the formulas of ICredentialRegistry's documentation, worked out by hand, so
/// that a layout which moves is noticed.
library Layout {
    bytes32 internal constant REGISTRATIONS = bytes32(uint256(1));

    function owner(IssuerId id) internal pure returns (bytes32) {
        return _issuer(id, 0);
    }

    function history(IssuerId id) internal pure returns (bytes32) {
        return _issuer(id, 1);
    }

    function didHash(IssuerId id) internal pure returns (bytes32) {
        return _issuer(id, 2);
    }

    function pendingOwner(IssuerId id) internal pure returns (bytes32) {
        return _issuer(id, 3);
    }

    function delegate(IssuerId id, address account) internal pure returns (bytes32) {
        return keccak256(bytes.concat(_padded(account), _issuer(id, 4)));
    }

    function batch(IssuerId id, BatchRoot root) internal pure returns (bytes32) {
        return keccak256(bytes.concat(BatchRoot.unwrap(root), _issuer(id, 5)));
    }

    function lanes(IssuerId id, BatchRoot root, uint256 word) internal pure returns (bytes32) {
        return keccak256(bytes.concat(bytes32(word), _plus(batch(id, root), 1)));
    }

    function nonces(IssuerId id, address signer, uint256 word) internal pure returns (bytes32) {
        return keccak256(
            bytes.concat(bytes32(word), keccak256(bytes.concat(_padded(signer), _issuer(id, 6))))
        );
    }

    function _issuer(IssuerId id, uint256 offset) private pure returns (bytes32) {
        return _plus(keccak256(bytes.concat(IssuerId.unwrap(id), bytes32(0))), offset);
    }

    function _plus(bytes32 slot, uint256 offset) private pure returns (bytes32) {
        return bytes32(uint256(slot) + offset);
    }

    function _padded(address account) private pure returns (bytes32) {
        return bytes32(uint256(uint160(account)));
    }
}
