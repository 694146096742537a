// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IAccountVerifier} from "src/interfaces/IAccountVerifier.sol";
import {IBonds} from "src/interfaces/IBonds.sol";
import {ISettlementRules} from "src/interfaces/ISettlementRules.sol";
import {IVault} from "src/interfaces/IVault.sol";
import {AccountVerifierMock} from "test/helpers/AccountVerifierMock.sol";
import {RulesMock} from "test/helpers/RulesMock.sol";
import {Test} from "test/helpers/Test.sol";
import {TestToken} from "test/helpers/TestToken.sol";

/// @notice The cheat code by which storage holds anything.
interface VmStorage {
    function setArbitraryStorage(address account) external;
}

/// @notice For any storage of the vault (delays and limits are in it), any time, any caller and any arguments: who is refused what, and that
/// these calls keep the root. Rules, bonds, token and keys are the mocks.
contract VaultSymbolicTest is Test {
    address private constant OPERATOR = address(0x0904);

    IVault private vault;

    function setUp() public {
        IVault.Config memory config;
        config.token = address(new TestToken());
        config.rules = ISettlementRules(address(new RulesMock()));
        config.accountVerifier = IAccountVerifier(address(new AccountVerifierMock()));
        (config.genesisRoot, config.fundOwner) = (1, 2);
        config.terms = IVault.Terms({feeRate: 30, num: 5, den: 4});
        address[] memory signers = new address[](1);
        signers[0] = address(0x5196);
        config.roles = IVault.Roles(OPERATOR, address(0x4ece), signers, 1);
        config.delays = IVault.Delays(1 hours, 10 minutes, 30 minutes, 10 minutes, 2 days, 1 days, 7 days, 30 days);
        config.limits = IVault.Limits(1e6, 2 ** 60, 4, 0.001 ether);
        config.bonds = IBonds.Terms(1 ether, 0.01 ether, 0.1 ether, 1 days, 1 days);
        bytes memory code = bytes.concat(vm.getCode("VaultUnderTest.sol:VaultUnderTest"), abi.encode(config));
        address made;
        assembly ("memory-safe") {
            made := create(0, add(code, 0x20), mload(code))
        }
        vault = IVault(made);
        assertEq(vault.root(), 1, "made");
    }

    // ------------------------------------------------------------------------------------------------------------ access

    function check_only_the_operator_opens(address caller, uint40 time) public {
        vm.assume(caller != OPERATOR);
        assertFalse(_call(caller, time, abi.encodeCall(vault.open, ())), "opened");
    }

    function check_only_the_operator_seals(address caller, uint40 time, IVault.SealRequest memory request) public {
        vm.assume(caller != OPERATOR);
        assertFalse(_call(caller, time, abi.encodeCall(vault.seal, (request))), "sealed");
    }

    function check_only_the_operator_retires_the_vault(address caller, uint40 time, address successor) public {
        vm.assume(caller != OPERATOR);
        assertFalse(_call(caller, time, abi.encodeCall(vault.retire, (successor))), "retired");
    }

    /// @dev As long as a batch can be settled, only the operator gives it up.
    function check_only_the_operator_voids_a_batch_before_its_time_is_over(address caller, uint40 time) public {
        vm.assume(caller != OPERATOR);
        _anyStorage();
        bool over = time > uint256(vault.currentSeal().time) + vault.delays().settleTime;
        assertTrue(!_callNow(caller, time, abi.encodeCall(vault.voidSeal, ())) || over, "voided early");
    }

    /// @dev Until its time has come, only the operator returns a deposit, unless the vault is frozen.
    function check_only_the_operator_returns_a_deposit_before_its_time(address caller, uint40 time, uint64 entry)
        public
    {
        vm.assume(caller != OPERATOR);
        _anyStorage();
        bool due = time >= uint256(vault.deposits(entry).time) + vault.delays().depositTime;
        bool frozen = vault.frozenAt() != 0;
        bool done = _callNow(caller, time, abi.encodeCall(vault.returnDeposit, (entry)));
        assertTrue(!done || due || frozen, "returned early");
    }

    // ---------------------------------------------------------------------------------------------------------- the root

    function check_opening_keeps_the_root(uint40 time) public {
        _keepsRoot(OPERATOR, time, abi.encodeCall(vault.open, ()));
    }

    function check_voiding_keeps_the_root(address caller, uint40 time) public {
        _keepsRoot(caller, time, abi.encodeCall(vault.voidSeal, ()));
    }

    function check_retiring_keeps_the_root(uint40 time, address successor) public {
        _keepsRoot(OPERATOR, time, abi.encodeCall(vault.retire, (successor)));
    }

    function check_returning_a_deposit_keeps_the_root(address caller, uint40 time, uint64 entry) public {
        _keepsRoot(caller, time, abi.encodeCall(vault.returnDeposit, (entry)));
    }

    // --------------------------------------------------------------------------------------------------------- the vault

    function _anyStorage() private {
        VmStorage(address(vm)).setArbitraryStorage(address(vault));
    }

    /// @dev Whether the call succeeds, from any storage.
    function _call(address caller, uint40 time, bytes memory data) private returns (bool) {
        _anyStorage();
        return _callNow(caller, time, data);
    }

    function _callNow(address caller, uint40 time, bytes memory data) private returns (bool ok) {
        vm.warp(time);
        vm.prank(caller, caller);
        (ok,) = address(vault).call(data);
    }

    function _keepsRoot(address caller, uint40 time, bytes memory data) private {
        _anyStorage();
        uint256 before = vault.root();
        _callNow(caller, time, data);
        assertEq(vault.root(), before, "root");
    }
}
