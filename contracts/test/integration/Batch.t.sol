// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ISettlement} from "src/interfaces/ISettlement.sol";
import {SettlementFixture} from "test/helpers/SettlementFixture.sol";

/// @notice What the published words must say. Every batch here is proven for exactly what it publishes, so each is refused for
/// what it says and nothing else.
contract BatchTest is SettlementFixture {
    uint256 private constant ALICE = 0xa11ce;
    uint256 private constant BOB = 0xb0b;
    uint256 private constant CAROL = 0xca401;
    address private recipient = makeAddr("recipient");

    /// @dev Alice (1) and Bob (2) have accounts; instruments 3 and 9 are open, 7 is settled at 1.5, 8 at 0.
    function setUp() public {
        _deploy();
        uint32[] memory ids = new uint32[](4);
        (ids[0], ids[1], ids[2], ids[3]) = (3, 7, 8, 9);
        _post(777, ids);
        _deposit(ALICE, 100e6);
        _deposit(BOB, 50e6);
        _plain(0);
        _touch(1, 100e6, ALICE, 0, address(0));
        _touch(2, 50e6, BOB, 0, address(0));
        _sealAll(0);
        _settle(_prove());
        _postTwo(778);
        delete touches;
        _plain(0);
    }

    // ------------------------------------------------------------------------------------------------------------ touches

    function test_a_batch_without_leaf_0_is_refused() public {
        delete touches;
        _plain(1);
        _sealAll(0);
        _refused(_prove(), abi.encodeWithSelector(ISettlement.FundMissing.selector, 1));
    }

    function test_touches_that_were_not_sealed_are_refused() public {
        _plain(1);
        _sealAll(0);
        bytes32 sealRoot = _sealRoot();
        touches[1][1] ^= 1;
        _refused(_prove(), abi.encodeWithSelector(ISettlement.SealMismatch.selector, _sealRoot(), sealRoot));
    }

    function test_a_sealed_touch_cannot_be_left_out() public {
        _plain(1);
        _sealAll(0);
        touches.pop();
        Submission memory made = _prove();
        _refused(made, abi.encodeWithSelector(ISettlement.WrongTouch.selector, 1, 0));
    }

    function test_a_touch_more_than_sealed_is_refused() public {
        _sealAll(0);
        _plain(1);
        Submission memory made = _prove();
        _refused(made, abi.encodeWithSelector(ISettlement.WrongTouch.selector, 1, touches[1][0]));
    }

    function test_padding_between_touches_is_refused() public {
        _plain(1);
        _plain(2);
        touches[1][0] = 0;
        _sealAll(0);
        _refused(_prove(), abi.encodeWithSelector(ISettlement.WrongTouch.selector, 1, 0));
    }

    function test_bits_above_the_touch_word_are_refused() public {
        touches[0][0] |= 2 ** 162;
        _sealAll(0);
        _refused(_prove(), abi.encodeWithSelector(ISettlement.WrongTouch.selector, 0, touches[0][0]));
    }

    function test_a_recipient_that_is_no_address_is_refused() public {
        _touch(1, 0, 0, 30e6, recipient);
        touches[1][4] |= 2 ** 160;
        _sealAll(0);
        _refused(_prove(), abi.encodeWithSelector(ISettlement.WrongRecipient.selector, 1, touches[1][4]));
    }

    // ----------------------------------------------------------------------------------------------------------- deposits

    function test_a_locked_deposit_that_is_not_credited_is_refused() public {
        _deposit(ALICE, 10);
        _plain(1);
        _sealAll(0);
        _refused(_prove(), abi.encodeWithSelector(ISettlement.QueueEntryMissing.selector, 2, 1));
    }

    function test_a_locked_deposit_whose_account_is_not_touched_is_refused() public {
        _deposit(BOB, 10);
        _plain(1);
        _sealAll(0);
        _refused(_prove(), abi.encodeWithSelector(ISettlement.QueueEntryMissing.selector, 2, 2));
    }

    function test_a_deposit_credited_in_part_is_refused() public {
        _deposit(ALICE, 10);
        _touch(1, 9, 0, 0, address(0));
        _sealAll(0);
        _refused(_prove(), abi.encodeWithSelector(ISettlement.QueueEntryMissing.selector, 2, 1));
    }

    function test_more_than_the_deposit_is_refused() public {
        _deposit(ALICE, 10);
        _touch(1, 11, 0, 0, address(0));
        _sealAll(0);
        _refused(_prove(), abi.encodeWithSelector(ISettlement.NotInQueue.selector, 1, 0));
    }

    function test_a_deposit_behind_the_end_is_not_credited() public {
        _deposit(ALICE, 10);
        _touch(1, 10, 0, 0, address(0));
        _sealWith(_request(0, 2, 0));
        _refused(_prove(), abi.encodeWithSelector(ISettlement.NotInQueue.selector, 10, 0));
    }

    function test_a_deposit_credited_to_another_account_is_refused() public {
        _deposit(ALICE, 10);
        _touch(2, 10, 0, 0, address(0));
        _sealAll(0);
        _refused(_prove(), abi.encodeWithSelector(ISettlement.QueueEntryMissing.selector, 2, 1));
    }

    function test_a_returned_deposit_is_not_credited() public {
        _deposit(ALICE, 10);
        vm.prank(operator);
        settlement.returnDeposit(2);
        _touch(1, 10, 0, 0, address(0));
        _sealAll(0);
        _refused(_prove(), abi.encodeWithSelector(ISettlement.NotInQueue.selector, 10, 0));
    }

    function test_a_returned_deposit_blocks_nothing() public {
        _deposit(ALICE, 10);
        _deposit(ALICE, 5);
        vm.prank(operator);
        settlement.returnDeposit(2);
        _touch(1, 5, 0, 0, address(0));
        _sealAll(0);
        _settle(_prove());
    }

    function test_the_fund_takes_deposits() public {
        _deposit(FUND, 10);
        delete touches;
        _touch(0, 10, 0, 0, address(0));
        _sealAll(0);
        _settle(_prove());
    }

    // ------------------------------------------------------------------------------------------------------------- owners

    function test_an_account_opens_for_its_own_owner_only() public {
        _deposit(CAROL, 10);
        _touch(3, 10, BOB, 0, address(0));
        _sealAll(0);
        _refused(_prove(), abi.encodeWithSelector(ISettlement.WrongOwner.selector, 1, BOB, CAROL));
    }

    function test_an_account_nobody_was_assigned_to_does_not_open() public {
        _touch(3, 10, CAROL, 0, address(0));
        _sealAll(0);
        _refused(_prove(), abi.encodeWithSelector(ISettlement.WrongOwner.selector, 1, CAROL, 0));
    }

    function test_an_account_does_not_open_for_the_owner_zero() public {
        _touch(3, 10, 1, 0, address(0));
        touches[1][3] = 0;
        _sealAll(0);
        _refused(_prove(), abi.encodeWithSelector(ISettlement.WrongOwner.selector, 1, 0, 0));
    }

    function test_an_account_opens_with_a_deposit_only() public {
        _touch(1, 0, ALICE, 0, address(0));
        _sealAll(0);
        _refused(_prove(), abi.encodeWithSelector(ISettlement.OpenedWithoutDeposit.selector, 1));
    }

    function test_an_exit_opens_nothing() public {
        _requestExit(1, 10, recipient);
        _exit(1, 10, 0);
        touches[1][0] |= 2 ** 23;
        touches[1][3] = ALICE;
        _sealAll(0);
        _refused(_prove(), abi.encodeWithSelector(ISettlement.OpenedWithoutDeposit.selector, 1));
    }

    function test_an_owner_is_published_by_the_opening_touch_only() public {
        _plain(1);
        touches[1][3] = ALICE;
        _sealAll(0);
        _refused(_prove(), abi.encodeWithSelector(ISettlement.WrongOwner.selector, 1, ALICE, 0));
    }

    // -------------------------------------------------------------------------------------------------------------- exits

    function test_an_exit_pays_the_recipient_of_the_request() public {
        _requestExit(1, 10, recipient);
        _exit(1, 10, 7);
        _sealAll(0);
        _settle(_prove());
        assertEq(settlement.claimable(recipient), 7, "claimable");
    }

    function test_an_exit_that_pays_nothing_is_answered() public {
        _requestExit(1, 10, recipient);
        _exit(1, 10, 0);
        _sealAll(0);
        _settle(_prove());
        assertEq(settlement.claimable(recipient), 0, "claimable");
        _requestExit(1, 10, recipient);
    }

    function test_a_locked_exit_that_is_not_answered_is_refused() public {
        _requestExit(1, 10, recipient);
        _plain(1);
        _sealAll(0);
        _refused(_prove(), abi.encodeWithSelector(ISettlement.QueueEntryMissing.selector, 0, 1));
    }

    function test_a_locked_exit_whose_account_is_not_touched_is_refused() public {
        _requestExit(1, 10, recipient);
        _sealAll(0);
        _refused(_prove(), abi.encodeWithSelector(ISettlement.QueueEntryMissing.selector, 0, 1));
    }

    function test_an_exit_of_another_amount_is_refused() public {
        _requestExit(1, 10, recipient);
        _exit(1, 9, 9);
        _sealAll(0);
        _refused(_prove(), abi.encodeWithSelector(ISettlement.QueueEntryMissing.selector, 0, 1));
    }

    function test_an_exit_nobody_asked_for_is_refused() public {
        _exit(1, 10, 10);
        _sealAll(0);
        _refused(_prove(), abi.encodeWithSelector(ISettlement.NotInQueue.selector, 0, 1));
    }

    function test_an_exit_cannot_stand_for_a_deposit() public {
        _deposit(ALICE, 10);
        _exit(1, 10, 0);
        _sealAll(0);
        _refused(_prove(), abi.encodeWithSelector(ISettlement.QueueEntryMissing.selector, 2, 1));
    }

    function test_a_deposit_cannot_stand_for_an_exit() public {
        _requestExit(1, 10, recipient);
        _touch(1, 10, 0, 0, address(0));
        _sealAll(0);
        _refused(_prove(), abi.encodeWithSelector(ISettlement.QueueEntryMissing.selector, 0, 1));
    }

    function test_an_exit_names_no_recipient_of_its_own() public {
        _requestExit(1, 10, recipient);
        _exit(1, 10, 10);
        touches[1][4] = uint160(beneficiary);
        _sealAll(0);
        _refused(_prove(), abi.encodeWithSelector(ISettlement.WrongRecipient.selector, 1, touches[1][4]));
    }

    // ------------------------------------------------------------------------------------------------------ closing words

    function test_a_batch_may_need_settled_instruments() public {
        settledRows.push(7 + 2 ** 27 * 1_500_000);
        settledRows.push(8);
        _sealAll(0);
        _settle(_prove());
    }

    function test_settled_rows_have_the_recorded_value() public {
        settledRows.push(7 + 2 ** 27 * 1_500_001);
        _sealAll(0);
        _refused(_prove(), abi.encodeWithSelector(ISettlement.WrongSettledRow.selector, 0, settledRows[0]));
    }

    function test_an_instrument_that_never_settled_is_no_settled_row() public {
        settledRows.push(6);
        _sealAll(0);
        _refused(_prove(), abi.encodeWithSelector(ISettlement.WrongSettledRow.selector, 0, 6));
    }

    function test_an_open_instrument_is_no_settled_row() public {
        settledRows.push(9);
        _sealAll(0);
        _refused(_prove(), abi.encodeWithSelector(ISettlement.WrongSettledRow.selector, 0, 9));
    }

    function test_a_value_recorded_after_the_seals_epoch_does_not_count() public {
        // 9 leaves the table while the batch that trades it is sealed.
        settledRows.push(9 + 2 ** 27 * 5);
        _sealAll(0);
        Submission memory made = _prove();
        uint32[] memory ids = new uint32[](1);
        ids[0] = 3;
        ISettlement.SettledInstrument[] memory settled = new ISettlement.SettledInstrument[](1);
        settled[0] = ISettlement.SettledInstrument(9, 5);
        _post(779, ids, settled);
        _refused(made, abi.encodeWithSelector(ISettlement.WrongSettledRow.selector, 0, settledRows[0]));
    }

    function test_settled_rows_increase() public {
        settledRows.push(8);
        settledRows.push(7 + 2 ** 27 * 1_500_000);
        _sealAll(0);
        _refused(_prove(), abi.encodeWithSelector(ISettlement.WrongSettledRow.selector, 1, settledRows[1]));
    }

    function test_a_settled_row_stands_once() public {
        settledRows.push(8);
        settledRows.push(8);
        _sealAll(0);
        _refused(_prove(), abi.encodeWithSelector(ISettlement.WrongSettledRow.selector, 1, 8));
    }

    function test_settled_rows_come_before_unused_ones() public {
        settledRows.push(0);
        settledRows.push(8);
        _sealAll(0);
        _refused(_prove(), abi.encodeWithSelector(ISettlement.WrongSettledRow.selector, 1, 8));
    }

    function test_risk_rows_are_the_instruments_of_the_epoch() public {
        _sealAll(0);
        instruments[1] = 10;
        _refused(_prove(), ISettlement.WrongInstruments.selector);
        instruments[1] = 9;
        _settle(_prove());
    }

    function test_a_risk_row_of_the_epoch_cannot_be_left_out() public {
        _sealAll(0);
        instruments.pop();
        _refused(_prove(), ISettlement.WrongInstruments.selector);
    }

    function test_a_risk_row_more_than_the_epoch_has_is_refused() public {
        _sealAll(0);
        instruments.push(12);
        _refused(_prove(), ISettlement.UnusedRow.selector);
    }

    /// @dev Instruments 7 and 8 leave; 3 and 9 stay.
    function _postTwo(uint256 riskRoot) private {
        uint32[] memory ids = new uint32[](2);
        (ids[0], ids[1]) = (3, 9);
        ISettlement.SettledInstrument[] memory settled = new ISettlement.SettledInstrument[](2);
        settled[0] = ISettlement.SettledInstrument(7, 1_500_000);
        settled[1] = ISettlement.SettledInstrument(8, 0);
        _post(riskRoot, ids, settled);
    }
}
