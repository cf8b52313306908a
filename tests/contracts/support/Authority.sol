// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICredentialRegistry, IssuerId} from "../../../contracts/interfaces/ICredentialRegistry.sol";
import {RegistryTest} from "./RegistryTest.sol";
import {vm} from "./Vm.sol";

/// @dev Who may and who may not use a function that asks for the owner or a delegate with a role.
abstract contract Authority is RegistryTest {
    uint40 private constant EXPIRY = NOW + 1 days;

    function _role() internal pure virtual returns (uint8);

    /// @dev A call by the authority of `account`, and who sends it.
    function _by(address account) internal view virtual returns (address sender, bytes memory call);

    function _accepts(address account) internal {
        (address sender, bytes memory call) = _by(account);
        _accepted(sender, call);
    }

    function _refuses(address account, uint8 roles) internal {
        (address sender, bytes memory call) = _by(account);
        bytes4 reason = ICredentialRegistry.NotAuthorized.selector;
        _refused(sender, call, abi.encodeWithSelector(reason, id, account, _role(), roles));
    }

    function _acceptsOwner() internal {
        _accepts(owner);
    }

    function _acceptsDelegate() internal {
        _grant(keeper, _role(), EXPIRY);
        _accepts(keeper);
    }

    function _acceptsDelegateWithBothRoles() internal {
        _grant(keeper, BOTH, EXPIRY);
        _accepts(keeper);
    }

    function _acceptsDelegateInItsLastSecond() internal {
        _grant(keeper, _role(), EXPIRY);
        vm.warp(EXPIRY - 1);
        _accepts(keeper);
    }

    function _refusesStranger() internal {
        _refuses(stranger, 0);
    }

    function _refusesDelegateOfOtherRole() internal {
        _grant(keeper, BOTH ^ _role(), EXPIRY);
        _refuses(keeper, BOTH ^ _role());
    }

    function _refusesDelegateFromItsExpiryOn() internal {
        _grant(keeper, BOTH, EXPIRY);
        vm.warp(EXPIRY);
        _refuses(keeper, 0);
        vm.warp(EXPIRY + 1);
        _refuses(keeper, 0);
    }

    function _refusesDelegateOfEarlierEpoch() internal {
        _grant(keeper, BOTH, NEVER);
        vm.prank(owner);
        registry.bumpEpoch(id);
        _refuses(keeper, 0);
    }

    function _refusesDelegateWhoseGrantEnded() internal {
        _grant(keeper, BOTH, NEVER);
        _grant(keeper, 0, 0);
        _refuses(keeper, 0);
    }

    function _refusesDelegateOfAnotherIssuer() internal {
        IssuerId other = _register(stranger, "other");
        vm.prank(stranger);
        registry.setDelegate(other, keeper, BOTH, NEVER);
        _refuses(keeper, 0);
    }

    function _refusesFormerOwnerAndItsDelegates() internal {
        _grant(keeper, BOTH, NEVER);
        _handOver(stranger);
        _refuses(owner, 0);
        _refuses(keeper, 0);
        _accepts(stranger);
    }
}
