// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @dev A wallet of several keys, as a Safe is: as many signatures as the threshold, each 65 bytes,
/// ordered by signer.
contract SharedWallet {
    mapping(address account => bool) private _owners;
    uint256 private immutable _threshold;

    constructor(address[] memory owners, uint256 threshold) {
        for (uint256 i = 0; i < owners.length; ++i) {
            _owners[owners[i]] = true;
        }
        _threshold = threshold;
    }

    function isValidSignature(bytes32 digest, bytes calldata signatures)
        external
        view
        returns (bytes4)
    {
        if (signatures.length != 65 * _threshold) return 0xffffffff;
        address last = address(0);
        for (uint256 i = 0; i < _threshold; ++i) {
            bytes calldata one = signatures[65 * i:65 * i + 65];
            (bytes32 r, bytes32 s) = abi.decode(one[:64], (bytes32, bytes32));
            address signer = ecrecover(digest, uint8(one[64]), r, s);
            if (signer <= last || !_owners[signer]) return 0xffffffff;
            last = signer;
        }
        return this.isValidSignature.selector;
    }
}

/// @dev Answers every signature with the same bytes, whatever they are.
contract AnsweringWallet {
    bytes private _answer;

    constructor(bytes memory answer) {
        _answer = answer;
    }

    function setAnswer(bytes calldata answer) external {
        _answer = answer;
    }

    fallback() external {
        bytes memory answer = _answer;
        assembly ("memory-safe") {
            return(add(answer, 0x20), mload(answer))
        }
    }
}

/// @dev Answers yes without storage, so that it also serves as code of a delegating account.
contract YesWallet {
    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        return this.isValidSignature.selector;
    }
}

contract RevertingWallet {
    fallback() external {
        revert("not by me");
    }
}

contract BurningWallet {
    fallback() external {
        assembly ("memory-safe") {
            invalid()
        }
    }
}

/// @dev Answers with a megabyte of zeros.
contract FloodingWallet {
    fallback() external {
        assembly ("memory-safe") {
            return(0, 1000000)
        }
    }
}

/// @dev Says yes, after it tried to make a call of its own while it was asked.
contract ReenteringWallet {
    address private immutable _target;
    bytes private _call;

    constructor(address target, bytes memory call) {
        _target = target;
        _call = call;
    }

    /// @dev So that a test can see the very same call succeed when it comes by itself.
    function callDirectly() external {
        (bool done,) = _target.call(_call);
        require(done, "refused");
    }

    function isValidSignature(bytes32, bytes calldata) external returns (bytes4) {
        (bool done,) = _target.call{gas: 200_000}(_call);
        return done ? bytes4(0) : this.isValidSignature.selector;
    }
}
