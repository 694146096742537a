// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ISettlement} from "src/interfaces/ISettlement.sol";
import {SettlementFixture} from "test/helpers/SettlementFixture.sol";

/// @notice An instrument that was listed is open or has a value, never both, never neither, and the value never changes.
contract EpochsTest is SettlementFixture {
    function setUp() public {
        _deploy();
    }

    function test_an_epoch_holds_root_and_instruments() public {
        _post(777, _ids(3, 7, 9));
        ISettlement.Epoch memory epoch = settlement.epochs(1);
        assertEq(settlement.currentEpoch(), 1, "number");
        assertEq(epoch.riskRoot, 777, "risk root");
        assertEq(epoch.instruments, 3, "instruments");
        assertEq(epoch.instrumentsHash, keccak256(abi.encode(3, 7, 9)), "hash of the ids");
        assertEq(epoch.postedAt, block.timestamp, "time");
    }

    function test_an_instrument_leaves_with_its_value() public {
        _post(777, _ids(3, 7, 9));
        _post(778, _ids(3, 9, 20), _settled(7, 2 ** 42 - 1));
        (uint64 value, uint32 epoch) = settlement.settlementValue(7);
        assertEq(value, 2 ** 42 - 1, "value");
        assertEq(epoch, 2, "epoch");
    }

    function test_an_instrument_cannot_be_dropped() public {
        _post(777, _ids(3, 7, 9));
        uint32[] memory ids = _ids(3, 9, 20);
        _expect(abi.encodeWithSelector(ISettlement.InstrumentDropped.selector, 7));
        settlement.postEpoch(778, ids, instruments, new ISettlement.SettledInstrument[](0));
    }

    function test_the_last_instrument_cannot_be_dropped() public {
        _post(777, _ids(3, 7, 9));
        _expect(abi.encodeWithSelector(ISettlement.InstrumentDropped.selector, 3));
        settlement.postEpoch(778, new uint32[](0), instruments, new ISettlement.SettledInstrument[](0));
    }

    function test_an_instrument_that_stays_gets_no_value() public {
        _post(777, _ids(3, 7, 9));
        uint32[] memory ids = _ids(3, 7, 9);
        _expect(abi.encodeWithSelector(ISettlement.NotLeaving.selector, 7));
        settlement.postEpoch(778, ids, instruments, _settled(7, 1));
    }

    function test_a_settled_instrument_never_comes_back() public {
        _post(777, _ids(3, 7, 9));
        _post(778, _ids(3, 9, 20), _settled(7, 0));
        uint32[] memory ids = _ids(3, 7, 9);
        _expect(abi.encodeWithSelector(ISettlement.AlreadySettled.selector, 7));
        settlement.postEpoch(779, ids, instruments, _settled(20, 0));
    }

    function test_a_settled_instrument_never_comes_back_above_all_others() public {
        _post(777, _ids(3, 7, 9));
        _post(778, _ids(1, 3, 7), _settled(9, 0));
        uint32[] memory ids = _ids(3, 7, 9);
        _expect(abi.encodeWithSelector(ISettlement.AlreadySettled.selector, 9));
        settlement.postEpoch(779, ids, instruments, _settled(1, 0));
    }

    function test_the_ids_in_force_must_be_given() public {
        _post(777, _ids(3, 7, 9));
        uint32[] memory ids = _ids(3, 7, 9);
        _expect(abi.encodeWithSelector(ISettlement.NotTheEpochInForce.selector, 1));
        settlement.postEpoch(778, ids, _ids(3, 7, 10), new ISettlement.SettledInstrument[](0));
    }

    function test_nothing_is_in_force_before_the_first_epoch() public {
        uint32[] memory ids = _ids(3, 7, 9);
        _expect(abi.encodeWithSelector(ISettlement.NotTheEpochInForce.selector, 0));
        settlement.postEpoch(778, ids, ids, new ISettlement.SettledInstrument[](0));
    }

    function test_ids_strictly_increase() public {
        _expect(abi.encodeWithSelector(ISettlement.InstrumentOutOfOrder.selector, 1, 3));
        settlement.postEpoch(777, _ids(3, 3, 9), instruments, new ISettlement.SettledInstrument[](0));
    }

    function test_zero_is_no_instrument() public {
        _expect(abi.encodeWithSelector(ISettlement.InstrumentOutOfOrder.selector, 0, 0));
        settlement.postEpoch(777, _ids(0, 3, 9), instruments, new ISettlement.SettledInstrument[](0));
    }

    function test_ids_stay_below_the_sentinel() public {
        _post(777, _ids(3, 9, 2 ** 27 - 1));
        _expect(abi.encodeWithSelector(ISettlement.InstrumentOutOfOrder.selector, 2, 2 ** 27));
        settlement.postEpoch(778, _ids(3, 9, 2 ** 27), instruments, new ISettlement.SettledInstrument[](0));
    }

    function test_a_table_has_no_more_rows_than_the_circuit() public {
        uint32[] memory ids = new uint32[](9);
        for (uint32 i = 0; i < 9; ++i) {
            ids[i] = i + 1;
        }
        _expect(abi.encodeWithSelector(ISettlement.TooManyInstruments.selector, 9, 8));
        settlement.postEpoch(777, ids, instruments, new ISettlement.SettledInstrument[](0));
    }

    function test_a_risk_root_is_a_field_element() public {
        _expect(abi.encodeWithSelector(ISettlement.NotReduced.selector, P));
        settlement.postEpoch(P, _ids(3, 7, 9), instruments, new ISettlement.SettledInstrument[](0));
    }

    function test_values_are_below_two_to_the_42() public {
        _post(777, _ids(3, 7, 9));
        uint32[] memory ids = _ids(3, 9, 20);
        _expect(abi.encodeWithSelector(ISettlement.ValueOutOfRange.selector, 7, 2 ** 42));
        settlement.postEpoch(778, ids, instruments, _settled(7, 2 ** 42));
    }

    /// @dev Any sequence of tables: what was listed before and is not now has a value, what is listed has none.
    function testFuzz_open_or_settled_never_both_never_neither(uint8[6] calldata tables) public {
        uint256 listed = 0;
        for (uint256 t = 0; t < tables.length; ++t) {
            uint8 wanted = tables[t];
            uint32[] memory ids = _bits(wanted);
            ISettlement.SettledInstrument[] memory settled = _leaving(wanted);
            bool back = _anySettled(ids);
            if (back) vm.expectPartialRevert(ISettlement.AlreadySettled.selector);
            vm.prank(operator);
            settlement.postEpoch(t + 1, ids, instruments, settled);
            if (back) continue;
            instruments = ids;
            listed |= wanted;
            for (uint32 id = 1; id <= 8; ++id) {
                (, uint32 since) = settlement.settlementValue(id);
                bool open = wanted & (1 << (id - 1)) != 0;
                bool ever = listed & (1 << (id - 1)) != 0;
                assertEq(since != 0, ever && !open, "settled exactly when it has left");
            }
        }
    }

    function _bits(uint8 wanted) private pure returns (uint32[] memory ids) {
        uint256 count = 0;
        for (uint256 i = 0; i < 8; ++i) {
            if (wanted & (1 << i) != 0) ++count;
        }
        ids = new uint32[](count);
        for (uint32 i = 8; i > 0; --i) {
            if (wanted & (1 << (i - 1)) != 0) ids[--count] = i;
        }
    }

    function _leaving(uint8 wanted) private view returns (ISettlement.SettledInstrument[] memory settled) {
        uint8 leaving = 0;
        for (uint256 i = 0; i < instruments.length; ++i) {
            leaving |= uint8(1 << (instruments[i] - 1));
        }
        uint32[] memory ids = _bits(leaving & ~wanted);
        settled = new ISettlement.SettledInstrument[](ids.length);
        for (uint256 i = 0; i < ids.length; ++i) {
            settled[i] = ISettlement.SettledInstrument(ids[i], 5);
        }
    }

    function _anySettled(uint32[] memory ids) private view returns (bool any) {
        for (uint256 i = 0; i < ids.length; ++i) {
            (, uint32 since) = settlement.settlementValue(ids[i]);
            any = any || since != 0;
        }
    }

    function _expect(bytes memory reason) private {
        vm.expectRevert(reason);
        vm.prank(operator);
    }

    function _ids(uint32 a, uint32 b, uint32 c) private pure returns (uint32[] memory ids) {
        ids = new uint32[](3);
        (ids[0], ids[1], ids[2]) = (a, b, c);
    }

    function _settled(uint32 id, uint64 value) private pure returns (ISettlement.SettledInstrument[] memory settled) {
        settled = new ISettlement.SettledInstrument[](1);
        settled[0] = ISettlement.SettledInstrument(id, value);
    }
}
