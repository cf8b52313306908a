// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {
    BatchRoot,
    ICredentialRegistry,
    IssuerId
} from "../../../contracts/interfaces/ICredentialRegistry.sol";

/// @dev Members stand in the order of the EIP-712 type, so that abi.encode is encodeData.
struct AnchorMessage {
    IssuerId issuerId;
    address signer;
    uint32 epoch;
    BatchRoot root;
    uint32 size;
    bytes32 metaHash;
    uint256 deadline;
}

struct StatusMessage {
    IssuerId issuerId;
    address signer;
    uint32 epoch;
    BatchRoot root;
    ICredentialRegistry.StatusChange change;
    ICredentialRegistry.Lanes[] lanes;
    uint256 nonce;
    uint256 deadline;
}

/// @dev EIP-712, written from the standard and not from the contract.
library TypedData {
    function digest(bytes32 domain_, AnchorMessage memory message) internal pure returns (bytes32) {
        bytes32 kind = keccak256(
            "Anchor(bytes32 issuerId,address signer,uint32 epoch,bytes32 root,uint32 size,bytes32 metaHash,uint256 deadline)"
        );
        return _digest(domain_, keccak256(abi.encode(kind, message)));
    }

    function digest(bytes32 domain_, StatusMessage memory message) internal pure returns (bytes32) {
        bytes32 kind = keccak256(
            "Status(bytes32 issuerId,address signer,uint32 epoch,bytes32 root,uint8 change,Lanes[] lanes,uint256 nonce,uint256 deadline)Lanes(uint256 word,uint256 mask)"
        );
        bytes memory head =
            abi.encode(kind, message.issuerId, message.signer, message.epoch, message.root);
        bytes memory tail =
            abi.encode(message.change, _lanes(message.lanes), message.nonce, message.deadline);
        return _digest(domain_, keccak256(bytes.concat(head, tail)));
    }

    function domain(string memory name, string memory version, uint256 chainId, address registry)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                ),
                keccak256(bytes(name)),
                keccak256(bytes(version)),
                chainId,
                registry
            )
        );
    }

    function _digest(bytes32 domain_, bytes32 message) private pure returns (bytes32) {
        return keccak256(bytes.concat(hex"1901", domain_, message));
    }

    function _lanes(ICredentialRegistry.Lanes[] memory lanes) private pure returns (bytes32) {
        bytes memory hashes;
        for (uint256 i = 0; i < lanes.length; ++i) {
            bytes32 hash =
                keccak256(abi.encode(keccak256("Lanes(uint256 word,uint256 mask)"), lanes[i]));
            hashes = bytes.concat(hashes, hash);
        }
        return keccak256(hashes);
    }
}
