// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ISettlementRules} from "src/interfaces/ISettlementRules.sol";
import {RulesFixture} from "test/helpers/RulesFixture.sol";

/// @notice What the published words must say. Every settlement here is claimed and proven for exactly what it publishes, so each is
/// refused for what it says and nothing else: in both modes, in one call and in one a segment.
contract WordsTest is RulesFixture {
    address private recipient = makeAddr("recipient");

    /// @dev Leaf 0 and an opened account; instruments 3, 7 and 9 are open.
    function setUp() public {
        _deploy();
        instruments = [3, 7, 9];
        _plain(0);
        _touch(1, 100e6, 0xa11ce, 0, address(0));
    }

    // ------------------------------------------------------------------------------------------------------------ touches

    function test_a_batch_without_leaf_0_is_refused() public {
        delete touches;
        _plain(1);
        _refused(_make(0), abi.encodeWithSelector(ISettlementRules.FundMissing.selector, 1));
    }

    function test_touches_that_were_not_sealed_are_refused() public {
        for (uint256 i = 2; i < 5; ++i) {
            _plain(i);
        }
        ISettlementRules.Statement memory statement = _statement(0);
        for (uint256 i = 0; i < 5; ++i) {
            uint256 kept = touches[i][1];
            touches[i][1] ^= 1;
            _refused(_make(statement), _sealMismatch(statement.sealRoot));
            touches[i][1] = kept;
        }
        touches[3][0] = 7 + 2 ** 21;
        _refused(_make(statement), _sealMismatch(statement.sealRoot));
    }

    function test_sealed_touches_in_another_order_are_refused() public {
        _plain(2);
        ISettlementRules.Statement memory statement = _statement(0);
        uint256[5] memory kept = touches[1];
        touches[1] = touches[2];
        touches[2] = kept;
        _refused(_make(statement), _sealMismatch(statement.sealRoot));
    }

    function test_a_sealed_touch_cannot_be_left_out() public {
        _plain(2);
        _plain(3);
        ISettlementRules.Statement memory statement = _statement(0);
        touches.pop();
        _refused(_make(statement), abi.encodeWithSelector(ISettlementRules.WrongTouch.selector, 3, 0));
    }

    function test_a_touch_more_than_sealed_is_refused() public {
        _plain(2);
        ISettlementRules.Statement memory statement = _statement(0);
        _plain(3);
        _refused(_make(statement), abi.encodeWithSelector(ISettlementRules.WrongTouch.selector, 3, touches[3][0]));
    }

    function test_padding_acts_by_no_word() public {
        _plain(2);
        Made memory made = _make(0);
        for (uint256 k = 0; k < 5; ++k) {
            _setWord(made.words, _place(3, k), 2 ** 30);
            _claimData(made);
            _prove(made);
            _refused(made, abi.encodeWithSelector(ISettlementRules.WrongTouch.selector, 3, 2 ** 30));
            _setWord(made.words, _place(3, k), 0);
        }
        _claimData(made);
        _prove(made);
        _accepted(made);
    }

    function test_padding_between_touches_is_refused() public {
        _plain(2);
        touches[1][0] = 0;
        _refused(_make(0), abi.encodeWithSelector(ISettlementRules.WrongTouch.selector, 1, 0));
    }

    function test_a_touch_that_is_not_live_is_refused() public {
        touches[1][0] ^= 2 ** 21;
        _refused(_make(0), abi.encodeWithSelector(ISettlementRules.WrongTouch.selector, 1, touches[1][0]));
    }

    function test_bits_above_the_touch_word_are_refused() public {
        uint256 kept = touches[0][0];
        for (uint256 bit = 162; bit < 256; bit += 13) {
            touches[0][0] = kept | 2 ** bit;
            _refused(_make(0), abi.encodeWithSelector(ISettlementRules.WrongTouch.selector, 0, touches[0][0]));
        }
    }

    function test_the_next_index_claimed_is_one_more_than_the_last_live_index() public {
        _plain(2);
        Made memory made = _make(0);
        for (uint256 j = 0; j < 2; ++j) {
            uint256 kept = made.claim.segments[j].nextIndex;
            made.claim.segments[j].nextIndex = kept + 1;
            _prove(made);
            _refused(made, abi.encodeWithSelector(ISettlementRules.WrongNextIndex.selector, j, kept, kept + 1));
            for (uint256 k = 1; k <= 5; ++k) {
                made.claim.segments[j].nextIndex = kept + k * P;
                _prove(made);
                _refused(made, abi.encodeWithSelector(ISettlementRules.WrongNextIndex.selector, j, kept, kept + k * P));
            }
            made.claim.segments[j].nextIndex = kept;
        }
    }

    // ------------------------------------------------------------------------------------------- owners and recipients

    function test_an_account_does_not_open_for_the_owner_zero() public {
        touches[1][3] = 0;
        _refused(_make(0), abi.encodeWithSelector(ISettlementRules.WrongOwnerWord.selector, 1, 0));
    }

    function test_an_owner_is_published_by_the_opening_touch_only() public {
        _plain(2);
        touches[2][3] = 0xb0b;
        _refused(_make(0), abi.encodeWithSelector(ISettlementRules.WrongOwnerWord.selector, 2, 0xb0b));
        _exit(3, 5, 5);
        (touches[2][3], touches[3][3]) = (0, 0xb0b);
        _refused(_make(0), abi.encodeWithSelector(ISettlementRules.WrongOwnerWord.selector, 3, 0xb0b));
    }

    function test_an_account_opens_with_a_deposit_only() public {
        _touch(2, 0, 0xb0b, 0, address(0));
        _refused(_make(0), abi.encodeWithSelector(ISettlementRules.OpenedWithoutDeposit.selector, 2));
    }

    function test_an_exit_opens_nothing() public {
        _exit(2, 10, 0);
        touches[2][0] |= 2 ** 23;
        touches[2][3] = 0xb0b;
        _refused(_make(0), abi.encodeWithSelector(ISettlementRules.OpenedWithoutDeposit.selector, 2));
    }

    function test_a_recipient_that_is_no_address_is_refused() public {
        _touch(2, 0, 0, 30e6, recipient);
        _plain(3);
        for (uint256 i = 2; i < 4; ++i) {
            uint256 kept = touches[i][4];
            touches[i][4] |= 2 ** 160;
            _refused(_make(0), abi.encodeWithSelector(ISettlementRules.WrongRecipient.selector, i, touches[i][4]));
            touches[i][4] = kept;
        }
        _accepted(_make(0));
    }

    function test_an_exit_names_no_recipient_of_its_own() public {
        _exit(2, 10, 10);
        touches[2][4] = 1;
        _refused(_make(0), abi.encodeWithSelector(ISettlementRules.WrongRecipient.selector, 2, 1));
    }

    // ------------------------------------------------------------------------------------------------------ closing words

    function test_risk_rows_are_the_instruments_of_the_epoch() public {
        ISettlementRules.Statement memory statement = _statement(0);
        instruments[1] = 8;
        _refused(_make(statement), _wrongInstruments(statement));
        instruments = [7, 3, 9];
        _refused(_make(statement), _wrongInstruments(statement));
        instruments = [3, 7, 9];
        _accepted(_make(statement));
    }

    function test_a_risk_row_of_the_epoch_cannot_be_left_out() public {
        ISettlementRules.Statement memory statement = _statement(0);
        instruments.pop();
        Made memory made = _make(statement);
        instruments.push(0);
        _refused(made, _wrongInstruments(statement));
    }

    function test_a_risk_row_more_than_the_epoch_has_is_refused() public {
        ISettlementRules.Statement memory statement = _statement(0);
        instruments.push(12);
        Made memory made = _make(statement);
        uint256 word = _word(made.closingWords, 3);
        _refused(made, abi.encodeWithSelector(ISettlementRules.UnusedRow.selector, 3, word));
    }

    function test_an_epoch_fills_the_table() public {
        for (uint32 id = 10; instruments.length < M; ++id) {
            instruments.push(id);
        }
        settledRows = [8, 100];
        _accepted(_make(0));
    }

    function test_an_epoch_of_more_instruments_than_rows_is_refused() public {
        for (uint32 id = 10; instruments.length < M; ++id) {
            instruments.push(id);
        }
        ISettlementRules.Statement memory statement = _statement(0);
        statement.instruments = uint32(M) + 1;
        statement.instrumentsHash = keccak256(abi.encodePacked(instruments, uint256(100)));
        settledRows = [100];
        _refused(_make(statement), _wrongInstruments(statement));
    }

    function test_settled_rows_increase_from_above_0() public {
        settledRows = [8, 4 + 2 ** 27 * 1_500_000];
        _refusedRow(1);
        settledRows = [4, 4];
        _refusedRow(1);
        settledRows = [2 ** 27 * 5];
        _refusedRow(0);
        settledRows = [4, 8];
        _accepted(_make(0));
    }

    function test_settled_rows_come_before_unused_ones() public {
        settledRows = [0, 8];
        _refusedRow(1);
        settledRows = [4, 0, 8];
        _refusedRow(2);
    }

    function test_an_instrument_of_the_epoch_is_no_settled_row() public {
        for (uint256 i = 0; i < 3; ++i) {
            delete settledRows;
            settledRows.push(instruments[i] + 2 ** 27 * 5);
            _refused(_make(0), abi.encodeWithSelector(ISettlementRules.SettledInstrumentOpen.selector, instruments[i]));
        }
        settledRows = [1, 2, 7, 8];
        _refused(_make(0), abi.encodeWithSelector(ISettlementRules.SettledInstrumentOpen.selector, 7));
        settledRows = [2, 4, 8, 10];
        _accepted(_make(0));
    }

    // ------------------------------------------------------------------------------------------------------------ helpers

    function _sealMismatch(bytes32 sealed_) private view returns (bytes memory) {
        return abi.encodeWithSelector(ISettlementRules.SealMismatch.selector, _sealRoot(), sealed_);
    }

    function _wrongInstruments(ISettlementRules.Statement memory statement) private view returns (bytes memory) {
        uint256 published = statement.instruments < M ? statement.instruments : M;
        bytes memory ids;
        for (uint256 i = 0; i < published; ++i) {
            ids = abi.encodePacked(ids, uint256(instruments[i]));
        }
        return
            abi.encodeWithSelector(
                ISettlementRules.WrongInstruments.selector, keccak256(ids), statement.instrumentsHash
            );
    }

    function _refusedRow(uint256 row) private {
        _refused(
            _make(0), abi.encodeWithSelector(ISettlementRules.SettledRowOutOfOrder.selector, row, settledRows[row])
        );
    }
}
