// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Bonds} from "src/Bonds.sol";
import {PoseidonConstants} from "src/PoseidonConstants.sol";
import {IBonds} from "src/interfaces/IBonds.sol";
import {Test} from "test/helpers/Test.sol";

/// @notice The cheat code by which storage holds anything.
interface VmStorage {
    function setArbitraryStorage(address account) external;
}

/// @notice Bonds whose vault is the test.
abstract contract BondsSymbolic is Test {
    uint32 internal constant BATCH = 1;
    uint128 internal constant BASE = 1 ether;
    uint128 internal constant PER_ORDER = 0.01 ether;
    uint256 internal constant FUNDS = 100 ether;
    address internal constant OPERATOR = address(0x0904);

    IBonds internal bonds;

    function setUp() public {
        IBonds.Terms memory terms = IBonds.Terms(BASE, PER_ORDER, 0.05 ether, 7 days, 1 days);
        address constants = address(new PoseidonConstants());
        bonds = new Bonds(OPERATOR, address(0x516e), terms, 0x7ac17, "separator", 2, constants);
        vm.deal(address(this), FUNDS);
        bonds.fund{value: FUNDS}();
    }
}

/// @notice For any storage of the bonds, any time, any caller and any arguments: only the vault says what becomes of a batch, and only the
/// operator takes from the free balance.
contract BondsAccessSymbolicTest is BondsSymbolic {
    function check_only_the_vault_tells_of_an_opening(address caller, uint40 time, uint32 batch) public {
        _onlyVault(caller, time, abi.encodeCall(bonds.onOpened, (batch)));
    }

    function check_only_the_vault_tells_of_a_seal(
        address caller,
        uint40 time,
        uint32 batch,
        uint32 orders,
        bytes32 sealed_,
        bytes32 receipts
    ) public {
        _onlyVault(caller, time, abi.encodeCall(bonds.onSealed, (batch, orders, sealed_, receipts)));
    }

    function check_only_the_vault_tells_of_a_settlement(
        address caller,
        uint40 time,
        uint32 batch,
        address beneficiary,
        uint32 share
    ) public {
        _onlyVault(caller, time, abi.encodeCall(bonds.onSettled, (batch, beneficiary, share)));
    }

    function check_only_the_vault_tells_of_an_expiry(address caller, uint40 time, uint32 batch) public {
        _onlyVault(caller, time, abi.encodeCall(bonds.onExpired, (batch)));
    }

    function check_only_the_vault_tells_of_a_void(address caller, uint40 time, uint32 batch) public {
        _onlyVault(caller, time, abi.encodeCall(bonds.onVoided, (batch)));
    }

    function check_only_the_vault_owes(address caller, uint40 time, address account) public {
        _onlyVault(caller, time, abi.encodeCall(bonds.owe, (account)));
    }

    function check_only_the_operator_withdraws(address caller, uint40 time, uint256 amount) public {
        vm.assume(caller != OPERATOR);
        assertFalse(_call(caller, time, abi.encodeCall(bonds.withdraw, (amount))), "withdrawn");
    }

    /// @dev The vault of these bonds is this test.
    function _onlyVault(address caller, uint40 time, bytes memory data) private {
        vm.assume(caller != address(this));
        assertFalse(_call(caller, time, data), "told");
    }

    function _call(address caller, uint40 time, bytes memory data) private returns (bool ok) {
        VmStorage(address(vm)).setArbitraryStorage(address(bonds));
        vm.warp(time);
        vm.prank(caller);
        (ok,) = address(bonds).call(data);
    }
}

/// @notice For any share of a batch of 1,000 orders: what a settled batch locked is what it gives back and what it pays, to the wei.
contract BondsShareSymbolicTest is BondsSymbolic {
    function check_a_late_settlement_is_paid_at_most_half_and_no_wei_is_lost(uint32 share) public {
        uint32 orders = 1000;
        address beneficiary = address(0xbe);
        bonds.onOpened(BATCH);
        bonds.onSealed(BATCH, orders, "root", "receipts");
        uint256 locked = bonds.bonds(BATCH).amount;
        assertEq(locked, uint256(BASE) + uint256(PER_ORDER) * orders, "locked");
        bonds.onSettled(BATCH, beneficiary, share);
        uint256 reward = bonds.owed(beneficiary);
        assertLe(reward, locked / 2, "half");
        assertEq(bonds.bonds(BATCH).amount + reward, locked, "kept");
        assertEq(bonds.free(), FUNDS - locked, "free");
    }
}
