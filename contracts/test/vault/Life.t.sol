// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {VaultFixture} from "test/helpers/VaultFixture.sol";

/// @notice The life of money in a vault, from deposit to claim.
contract LifeTest is VaultFixture {
    function setUp() public {
        _deploy();
    }

    function test_money_comes_in_is_cleared_and_goes_out() public {
        uint32 index = _credited(ALICE, 5_000_000);
        assertEq(vault.pendingDeposits(), 0, "no deposit waits");
        _requestExit(index, 3_000_000, recipient);
        _sealAll();
        _settle(_one(_touch(index, true, 3_000_000, 0, 3_000_000, address(0))));
        assertEq(vault.claimable(recipient), 3_000_000, "claimable");
        assertEq(vault.claim(recipient), 3_000_000, "claimed");
        assertEq(token.balanceOf(recipient), 3_000_000, "recipient");
        assertEq(token.balanceOf(address(vault)), 2_000_000, "vault");
    }
}
