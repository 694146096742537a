// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IVault} from "src/interfaces/IVault.sol";
import {AccountVerifierMock} from "test/helpers/AccountVerifierMock.sol";
import {VaultFixture} from "test/helpers/VaultFixture.sol";

/// @notice The end of a vault: retirement, freeze, and how what is left is shared.
contract EscapesTest is VaultFixture {
    uint64 private constant AMOUNT = 5_000_000;
    uint256 private constant WINDOW = 7 days;
    uint256 private _frozen;

    function setUp() public {
        _deploy();
    }

    // ---------------------------------------------------------------------------------------------------- retirement

    function test_the_operator_announces_the_end_once() public {
        _refused(abi.encodeWithSelector(IVault.OnlyOperator.selector, stranger));
        vm.prank(stranger);
        vault.retire(address(1));
        vm.expectEmit(true, true, true, true, address(vault));
        emit IVault.Retiring(address(1), uint40(START + 30 days));
        vm.startPrank(operator);
        vault.retire(address(1));
        (address successor, uint40 time) = vault.retirement();
        assertEq(successor, address(1), "successor");
        assertEq(time, START + 30 days, "time");
        _refused(_enc(IVault.AlreadyRetiring.selector, START + 30 days));
        vault.retire(address(2));
        vm.stopPrank();
    }

    // -------------------------------------------------------------------------------------------------------- freezing

    function testFuzz_anyone_freezes_a_vault_whose_end_has_come(uint256 waited) public {
        waited = bound(waited, 0, 60 days);
        vm.prank(operator);
        vault.retire(address(0));
        vm.warp(START + waited);
        if (waited < 30 days) _refused(abi.encodeWithSelector(IVault.NoReasonToFreeze.selector));
        vm.prank(stranger);
        vault.freeze();
        assertEq(vault.frozenAt(), waited < 30 days ? 0 : START + waited, "frozen");
    }

    function test_a_freeze_says_what_escapes_are_measured_by() public {
        _freezeAfter(_credited(ALICE, AMOUNT));
        _refused(abi.encodeWithSelector(IVault.VaultFrozen.selector));
        vault.freeze();
    }

    /// @dev Requests an exit of account `index` and lets it be late.
    function _freezeAfter(uint32 index) private {
        _requestExit(index, AMOUNT, recipient);
        _frozen = block.timestamp + 1 days + 1;
        vm.warp(_frozen);
        (uint256 root, uint32 epoch) = (vault.root(), vault.lastSettledEpoch());
        vm.expectEmit(true, true, true, true, address(vault));
        emit IVault.Frozen(root, epoch, uint40(_frozen + WINDOW));
        vault.freeze();
    }

    function test_a_seal_that_can_be_settled_is_waited_for_and_an_expired_one_is_void() public {
        uint32 index = _credited(ALICE, AMOUNT);
        _requestExit(index, AMOUNT, recipient);
        vm.warp(START + 1 days);
        uint32 number = _seal(1, 0);
        vm.warp(START + 1 days + 30 minutes);
        _refused(_enc(IVault.SealInForce.selector, number));
        vault.freeze();
        vm.warp(START + 1 days + 30 minutes + 1);
        vm.expectEmit(true, true, true, true, address(vault));
        emit IVault.BatchVoided(number);
        vault.freeze();
        assertEq(vault.currentSeal().touches, 0, "no seal");
        assertEq(bonds.lastCall(), bonds.onVoided.selector, "its bond is burnt");
    }

    function test_a_frozen_vault_runs_no_batch() public {
        _freezeAfter(_credited(ALICE, AMOUNT));
        bytes memory reason = abi.encodeWithSelector(IVault.VaultFrozen.selector);
        vm.startPrank(operator);
        _refused(reason);
        vault.open();
        _refused(reason);
        vault.seal(_request(0, 0));
        _refused(reason);
        vault.retire(address(0));
        vm.stopPrank();
    }

    // ------------------------------------------------------------------------------------------------------- escaping

    function _claimOf(uint32 index, uint64 equity, address to) private pure returns (IVault.EscapeClaim memory claim) {
        (claim.index, claim.equity, claim.recipient) = (index, equity, to);
        claim.settled = new uint256[](2);
    }

    function _approve(IVault.EscapeClaim memory claim) private {
        bytes memory inputs = abi.encodePacked(
            _domain(),
            vault.root(),
            vault.epochs(vault.lastSettledEpoch()).riskRoot,
            uint256(claim.index),
            uint256(uint160(claim.recipient)),
            uint256(claim.equity)
        );
        accountVerifier.approve(abi.encodePacked(inputs, claim.settled));
    }

    function _escape(uint32 index, uint64 equity, address to) private {
        IVault.EscapeClaim memory claim = _claimOf(index, equity, to);
        _approve(claim);
        vault.escape(claim);
    }

    function _to(uint256 number) private pure returns (address) {
        return address(uint160(0xbeef0000 + number));
    }

    /// @dev Accounts 1 … with what they hold, in a vault that is frozen then.
    function _frozenWith(uint64[3] memory cash) private {
        for (uint256 i = 0; i < 3; ++i) {
            _credited(0xa001 + i, cash[i]);
        }
        _freezeAfter(1);
    }

    function test_only_a_frozen_vault_is_left() public {
        _credited(ALICE, AMOUNT);
        _refused(abi.encodeWithSelector(IVault.NotFrozen.selector));
        vault.escape(_claimOf(1, AMOUNT, recipient));
        _refused(_enc(IVault.NotEscaped.selector, 1));
        vault.payEscape(1);
    }

    function test_an_escape_is_registered_once_an_account() public {
        _freezeAfter(_credited(ALICE, AMOUNT));
        IVault.EscapeClaim memory claim = _claimOf(1, AMOUNT, recipient);
        _approve(claim);
        vm.expectEmit(true, true, true, true, address(vault));
        emit IVault.EscapeRegistered(1, recipient, AMOUNT, true);
        vm.prank(stranger);
        vault.escape(claim);
        assertEq(abi.encode(vault.escapes(1)), abi.encode(IVault.Escape(recipient, AMOUNT, true, false)), "registered");
        _refused(_enc(IVault.AlreadyEscaped.selector, 1));
        vault.escape(claim);
    }

    /// The mock accepts exactly what the owner proved: any other input is another statement. So sending it first gains nothing.
    function test_only_what_the_owner_proved_is_registered() public {
        _freezeAfter(_credited(ALICE, AMOUNT));
        IVault.EscapeClaim memory claim = _claimOf(1, AMOUNT, recipient);
        _approve(claim);
        claim.recipient = stranger;
        _unproven(claim);
        claim.recipient = recipient;
        claim.equity = AMOUNT + 1;
        _unproven(claim);
        claim.equity = AMOUNT;
        claim.index = 0;
        _unproven(claim);
        claim.index = 1;
        vault.escape(claim);
    }

    function _unproven(IVault.EscapeClaim memory claim) private {
        vm.expectPartialRevert(AccountVerifierMock.NotApproved.selector);
        vault.escape(claim);
    }

    function test_escapes_are_of_accounts_to_somebody_in_the_words_of_the_circuit() public {
        _freezeAfter(_credited(ALICE, AMOUNT));
        _refused(_enc(IVault.NoSuchAccount.selector, 2));
        vault.escape(_claimOf(2, AMOUNT, recipient));
        _refused(abi.encodeWithSelector(IVault.InvalidRecipient.selector, address(0)));
        vault.escape(_claimOf(1, AMOUNT, address(0)));
        _refused(abi.encodeWithSelector(IVault.InvalidRecipient.selector, address(vault)));
        vault.escape(_claimOf(1, AMOUNT, address(vault)));
        IVault.EscapeClaim memory claim = _claimOf(1, AMOUNT, recipient);
        claim.settled = new uint256[](3);
        _refused(_enc(IVault.WrongWords.selector, 3, 2));
        vault.escape(claim);
    }

    function test_where_nothing_was_settled_there_is_nothing_but_refunds() public {
        _deposit(ALICE, AMOUNT);
        _freezeAfter(1);
        _refused(abi.encodeWithSelector(IVault.NoEpoch.selector));
        vault.escape(_claimOf(1, AMOUNT, recipient));
        vault.returnDeposit(0);
        assertEq(vault.claim(trader), AMOUNT, "refund");
    }

    /// @dev Instrument 3 left with epoch 2, which is that of the last settled batch; 9 left with epoch 3.
    function _frozenWithSettled() private {
        _credited(ALICE, AMOUNT);
        IVault.SettledInstrument[] memory settled = new IVault.SettledInstrument[](1);
        vm.warp(START + 60);
        settled[0] = IVault.SettledInstrument(3, 4_000_000);
        _post(_postOf(_ids(9, 11), settled));
        _seal(1, 0);
        _settle(_none());
        vm.warp(START + 120);
        settled[0] = IVault.SettledInstrument(9, 7_000_000);
        _post(_postOf(_ids(11, 0), settled));
        _freezeAfter(1);
    }

    function test_settled_positions_are_valued_by_the_vault() public {
        _frozenWithSettled();
        uint256 good = 3 + 2 ** 27 * 4_000_000;
        for (uint256 slot = 0; slot < 6; ++slot) {
            IVault.EscapeClaim memory claim = _claimOf(1, AMOUNT, recipient);
            uint256 shift = 69 * (slot % 3);
            claim.settled[slot / 3] = (3 + 2 ** 27 * 4_000_001) << shift;
            _refused(_enc(IVault.WrongSettlementValue.selector, 3, 4_000_001));
            vault.escape(claim);
            claim.settled[slot / 3] = (9 + 2 ** 27 * 7_000_000) << shift;
            _refused(_enc(IVault.WrongSettlementValue.selector, 9, 7_000_000));
            vault.escape(claim);
            claim.settled[slot / 3] = (2 ** 27 * 4_000_000) << shift;
            _refused(_enc(IVault.WrongSettlementValue.selector, 0, 4_000_000));
            vault.escape(claim);
            claim.settled[slot / 3] = good << shift;
            _approve(claim);
            uint256 state = vm.snapshotState();
            vault.escape(claim);
            vm.revertToState(state);
        }
    }

    function test_words_hold_three_positions_and_nothing_above() public {
        _frozenWithSettled();
        IVault.EscapeClaim memory claim = _claimOf(1, AMOUNT, recipient);
        claim.settled[0] = 2 ** 207;
        _refused(_enc(IVault.WrongSettlementValue.selector, 0, 2 ** 42));
        vault.escape(claim);
    }

    // --------------------------------------------------------------------------------------------------------- sharing

    function test_all_are_paid_in_full_where_the_pot_covers_them() public {
        _frozenWith([AMOUNT, 2 * AMOUNT, 3 * AMOUNT]);
        for (uint32 i = 1; i <= 3; ++i) {
            _escape(i, i * AMOUNT, _to(i));
        }
        vm.warp(_frozen + WINDOW);
        _refused(_enc(IVault.WindowOpen.selector, _frozen + WINDOW));
        vault.payEscape(1);
        vm.warp(_frozen + WINDOW + 1);
        vm.expectEmit(true, true, true, true, address(vault));
        emit IVault.PotFixed(6 * AMOUNT, 6 * AMOUNT);
        vm.expectEmit(true, true, true, true, address(vault));
        emit IVault.EscapePaid(1, _to(1), AMOUNT);
        vault.payEscape(1);
        (uint256 pot, uint256 total) = vault.pot();
        assertEq(pot, 6 * AMOUNT, "pot");
        assertEq(total, 6 * AMOUNT, "worth");
        for (uint32 i = 2; i <= 3; ++i) {
            vault.payEscape(i);
        }
        for (uint32 i = 1; i <= 3; ++i) {
            assertEq(vault.claim(_to(i)), i * AMOUNT, "share");
        }
        assertEq(token.balanceOf(address(vault)), 0, "nothing is left");
    }

    /// What everybody is paid is fixed once: a token that does not tell what is held must not fix it at nothing.
    function test_no_pot_is_fixed_while_the_token_does_not_tell_what_is_held() public {
        _frozenWith([AMOUNT, AMOUNT, AMOUNT]);
        _escape(1, AMOUNT, _to(1));
        vm.warp(_frozen + WINDOW + 1);
        bytes memory question = abi.encodeCall(token.balanceOf, (address(vault)));
        vm.mockCallRevert(address(token), question, "");
        _refused(_enc(IVault.TokenMissing.selector, 0, 3 * AMOUNT));
        vault.payEscape(1);
        vm.clearMockedCalls();
        vault.payEscape(1);
        (uint256 pot,) = vault.pot();
        assertEq(pot, 3 * AMOUNT, "pot");
        assertEq(vault.claim(_to(1)), AMOUNT, "share");
    }

    function test_an_escape_is_paid_once() public {
        _frozenWith([AMOUNT, AMOUNT, AMOUNT]);
        _escape(1, AMOUNT, _to(1));
        vm.warp(_frozen + WINDOW + 1);
        vault.payEscape(1);
        assertTrue(vault.escapes(1).paid, "paid");
        _refused(_enc(IVault.EscapeAlreadyPaid.selector, 1));
        vault.payEscape(1);
        _refused(_enc(IVault.NotEscaped.selector, 2));
        vault.payEscape(2);
    }

    function testFuzz_a_pot_that_does_not_cover_them_is_shared_by_worth(
        uint64[3] memory equity,
        uint64 lost,
        uint256 order
    ) public {
        _frozenWith([AMOUNT, AMOUNT, AMOUNT]);
        token.burn(address(vault), bound(lost, 0, 3 * AMOUNT));
        uint256 held = token.balanceOf(address(vault));
        uint256 total = 0;
        for (uint32 i = 1; i <= 3; ++i) {
            equity[i - 1] = uint64(bound(equity[i - 1], 0, 4 * AMOUNT));
            _escape(i, equity[i - 1], _to(i));
            total += equity[i - 1];
        }
        vm.warp(_frozen + WINDOW + 1);
        uint256 paid = 0;
        for (uint256 i = 0; i < 3; ++i) {
            uint32 index = uint32(1 + (order % 3 + i) % 3);
            vault.payEscape(index);
            uint256 fair = total <= held ? equity[index - 1] : uint256(equity[index - 1]) * held / total;
            assertEq(vault.claimable(_to(index)), fair, "share");
            paid += fair;
        }
        assertLe(paid, held, "no more than there is");
        if (total >= held && total != 0) assertLt(held - paid, 3, "dust below one unit an account");
        (uint256 pot,) = vault.pot();
        assertEq(pot, held, "pot");
    }

    function test_deposits_that_wait_and_withdrawals_not_claimed_are_not_shared() public {
        uint32 index = _credited(ALICE, 3 * AMOUNT);
        _seal(1, 0);
        _settle(_one(_touch(index, false, 0, 0, AMOUNT, recipient)));
        _deposit(BOB, 7 * AMOUNT);
        _freezeAfter(index);
        _escape(index, 3 * AMOUNT, _to(1));
        vm.warp(_frozen + WINDOW + 1);
        vault.returnDeposit(1);
        vault.payEscape(index);
        assertEq(vault.claimable(_to(1)), 2 * AMOUNT, "the rest");
        assertEq(vault.claim(recipient), AMOUNT, "the withdrawal");
        assertEq(vault.claim(trader), 7 * AMOUNT, "the refund");
        assertEq(vault.claim(_to(1)), 2 * AMOUNT, "the share");
    }

    function test_who_comes_after_the_window_is_paid_from_what_it_left_in_order() public {
        _frozenWith([AMOUNT, AMOUNT, AMOUNT]);
        _escape(1, AMOUNT, _to(1));
        vm.warp(_frozen + WINDOW + 1);
        _escape(2, AMOUNT + 1, _to(2));
        _escape(3, AMOUNT, _to(3));
        assertFalse(vault.escapes(2).inWindow, "late");
        vault.payEscape(3);
        vault.payEscape(2);
        vault.payEscape(1);
        assertEq(vault.claimable(_to(1)), AMOUNT, "the window's in full, whenever it is paid");
        assertEq(vault.claimable(_to(3)), AMOUNT, "first of the late ones");
        assertEq(vault.claimable(_to(2)), AMOUNT, "second, as far as it goes");
    }

    function test_the_last_second_of_the_window_is_in_it() public {
        _frozenWith([AMOUNT, AMOUNT, AMOUNT]);
        vm.warp(_frozen + WINDOW);
        _escape(1, AMOUNT, _to(1));
        assertTrue(vault.escapes(1).inWindow, "in the window");
    }

    function test_the_fund_comes_last() public {
        _frozenWith([AMOUNT, AMOUNT, AMOUNT]);
        _escape(0, 2 * AMOUNT, _to(0));
        _escape(1, AMOUNT, _to(1));
        assertFalse(vault.escapes(0).inWindow, "whenever it registers");
        vm.warp(_frozen + WINDOW + 1);
        _escape(2, AMOUNT, _to(2));
        vault.payEscape(1);
        _refused(_enc(IVault.WindowOpen.selector, _frozen + 2 * WINDOW));
        vault.payEscape(0);
        vault.payEscape(2);
        vm.warp(_frozen + 2 * WINDOW + 1);
        vault.payEscape(0);
        assertEq(vault.claimable(_to(0)), AMOUNT, "what the others left");
        (, uint256 total) = vault.pot();
        assertEq(total, AMOUNT, "and counts for nothing in the window's worth");
    }
}
