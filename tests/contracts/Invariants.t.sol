// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Handler} from "./support/Handler.sol";
import {vm} from "./support/Vm.sol";

/// @dev INVARIANTS.md says in words what holds, and where each property is tested.
contract InvariantsTest {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    Handler private _handler;

    function setUp() public {
        _handler = new Handler();
    }

    /// @dev forge asks for these two by name.
    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(_handler);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        bytes4[20] memory operations = _operations();
        targets = new FuzzSelector[](1);
        targets[0].addr = address(_handler);
        targets[0].selectors = new bytes4[](operations.length);
        for (uint256 i = 0; i < operations.length; ++i) {
            targets[0].selectors[i] = operations[i];
        }
    }

    /// @dev One campaign for all: forge would start one anew for each function of this prefix.
    function invariant_AllPropertiesHold() public view {
        _handler.property1WriteOnce();
        _handler.property2RevocationsStay();
        _handler.property3NothingBeyondTheSize();
        _handler.property4HistoriesAreTheLogs();
        _handler.property10RecordsAreAsOperationsSay();
        _handler.property11NoEther();
    }

    /// @dev A campaign that never did an operation would prove nothing of it: the same handler, from
    /// fixed seeds, does each of them and is refused each of them.
    function test_EveryOperationIsDoneAndIsRefused() public {
        bytes4[20] memory operations = _operations();
        for (uint256 i = 0; i < 2000; ++i) {
            bytes4 operation = operations[i % operations.length];
            (bool completed, bytes memory answer) =
                address(_handler).call(abi.encodeWithSelector(operation, i));
            vm.assertTrue(completed, string(answer));
        }
        invariant_AllPropertiesHold();
        bytes32[19] memory names = _handler.operationNames();
        uint256 done = 0;
        for (uint256 i = 0; i < names.length; ++i) {
            string memory name = string(bytes.concat(names[i]));
            bool never = names[i] == "replay" || names[i] == "sendEther";
            vm.assertEq(_handler.done(names[i]) > 0, !never, string.concat("never done: ", name));
            vm.assertGe(_handler.refused(names[i]), 1, string.concat("never refused: ", name));
            done += _handler.done(names[i]);
        }
        vm.assertGe(done, 1000, "operations done");
    }

    function _operations() private view returns (bytes4[20] memory) {
        return [
            _handler.passTime.selector,
            _handler.register.selector,
            _handler.setDid.selector,
            _handler.transferOwnership.selector,
            _handler.acceptOwnership.selector,
            _handler.setDelegate.selector,
            _handler.bumpEpoch.selector,
            _handler.pause.selector,
            _handler.unpause.selector,
            _handler.distrust.selector,
            _handler.retire.selector,
            _handler.cancelNonces.selector,
            _handler.anchor.selector,
            _handler.anchorSigned.selector,
            _handler.revokeBatch.selector,
            _handler.changeStatus.selector,
            _handler.changeStatuses.selector,
            _handler.changeStatusSigned.selector,
            _handler.replay.selector,
            _handler.sendEther.selector
        ];
    }
}
