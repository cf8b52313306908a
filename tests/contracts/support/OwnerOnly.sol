// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ICredentialRegistry, IssuerId} from "../../../contracts/interfaces/ICredentialRegistry.sol";
import {RegistryTest} from "./RegistryTest.sol";
import {vm} from "./Vm.sol";

/// @dev Who may not call a function that is the owner's alone.
abstract contract OwnerOnly is RegistryTest {
    /// @dev A call that the owner of `issuerId` may make.
    function _call(IssuerId issuerId) internal view virtual returns (bytes memory);

    function _refusesUnregistered() internal {
        bytes memory reason =
            abi.encodeWithSelector(ICredentialRegistry.IssuerNotRegistered.selector, UNKNOWN);
        _refused(owner, _call(UNKNOWN), reason);
        _refused(address(0), _call(UNKNOWN), reason);
    }

    function _refuses(address caller) internal {
        vm.assume(caller != owner);
        _refused(
            caller,
            _call(id),
            abi.encodeWithSelector(ICredentialRegistry.NotOwner.selector, id, caller, owner)
        );
    }

    /// @dev A delegate with all roles, the pending owner, and another issuer's owner.
    function _refusesThoseWithOtherRights() internal {
        _grant(keeper, BOTH, NEVER);
        vm.prank(owner);
        registry.transferOwnership(id, relayer);
        _register(stranger, "other");
        _refuses(keeper);
        _refuses(relayer);
        _refuses(stranger);
    }

    function _refusesFormerOwner() internal {
        _handOver(stranger);
        _refused(
            owner,
            _call(id),
            abi.encodeWithSelector(ICredentialRegistry.NotOwner.selector, id, owner, stranger)
        );
    }
}
