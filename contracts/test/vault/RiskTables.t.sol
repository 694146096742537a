// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IVault} from "src/interfaces/IVault.sol";
import {VaultFixture} from "test/helpers/VaultFixture.sol";

/// @notice Risk tables and settlement values: who puts them in force, and that no instrument is ever without a row or a value.
contract RiskTablesTest is VaultFixture {
    uint256 private constant ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    function setUp() public {
        _deploy();
    }

    function test_a_signed_table_is_in_force() public {
        IVault.EpochPost memory post = _postOf(_ids(3, 9), _noneSettled());
        bytes memory signatures = _sign(post);
        vm.expectEmit(true, true, true, true, address(vault));
        emit IVault.EpochPosted(1, post.riskRoot, post.ids, post.settled, uint40(START));
        _send(post, signatures);
        assertEq(vault.currentEpoch(), 1, "number");
        IVault.Epoch memory epoch = vault.epochs(1);
        assertEq(epoch.riskRoot, post.riskRoot, "risk root");
        assertEq(epoch.instrumentsHash, keccak256(abi.encodePacked(post.ids)), "instruments");
        assertEq(epoch.instruments, 2, "count");
        assertEq(epoch.time, START, "time");
    }

    /// Whoever leaves finds the rows in the transaction.
    function test_a_table_is_sent_directly() public {
        IVault.EpochPost memory post = _postOf(_ids(3, 9), _noneSettled());
        bytes memory signatures = _sign(post);
        _refused(abi.encodeWithSelector(IVault.CallDirectly.selector, stranger, trader));
        vm.prank(stranger, trader);
        vault.postEpoch(post, signatures);
        vm.etch(stranger, bytes.concat(hex"ef0100", bytes20(address(vault))));
        _refused(abi.encodeWithSelector(IVault.CallDirectly.selector, stranger, stranger));
        vm.prank(stranger, stranger);
        vault.postEpoch(post, signatures);
    }

    function test_a_table_may_be_empty() public {
        _post(new uint32[](0));
        assertEq(vault.currentEpoch(), 1, "number");
    }

    // ------------------------------------------------------------------------------------------------------ signatures

    function test_the_threshold_of_signers_signs_by_increasing_address() public {
        IVault.EpochPost memory post = _postOf(_ids(3, 9), _noneSettled());
        bytes32 digest = _epochDigest(post);
        bytes[3] memory one;
        for (uint256 i = 0; i < 3; ++i) {
            one[i] = _signature(signerKeys[i], digest);
        }
        _refused(_enc(IVault.WrongSignatures.selector, 65, 130));
        _send(post, one[0]);
        _refused(_enc(IVault.WrongSignatures.selector, 195, 130));
        _send(post, bytes.concat(one[0], one[1], one[2]));
        _refusedSigner(post, bytes.concat(one[1], one[0]), 1, vm.addr(signerKeys[0]));
        _refusedSigner(post, bytes.concat(one[1], one[1]), 1, vm.addr(signerKeys[1]));
        _refusedSigner(post, bytes.concat(one[0], _signature(99, digest)), 1, vm.addr(99));
        _send(post, bytes.concat(one[0], one[2]));
    }

    function test_a_signature_has_one_form() public {
        IVault.EpochPost memory post = _postOf(_ids(3, 9), _noneSettled());
        bytes32 digest = _epochDigest(post);
        bytes memory good = _signature(signerKeys[0], digest);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(signerKeys[1], digest);
        bytes memory high = abi.encodePacked(r, ORDER - uint256(s), v == 27 ? 28 : 27);
        _refusedSigner(post, bytes.concat(good, high), 1, address(0));
        _refusedSigner(post, bytes.concat(good, abi.encodePacked(r, s, v - 27)), 1, address(0));
        _refusedSigner(post, bytes.concat(good, new bytes(65)), 1, address(0));
        _send(post, bytes.concat(good, abi.encodePacked(r, s, v)));
    }

    function _refusedSigner(IVault.EpochPost memory post, bytes memory signatures, uint256 position, address signer)
        private
    {
        _refused(abi.encodeWithSelector(IVault.NotASigner.selector, position, signer));
        _send(post, signatures);
    }

    /// Each field that is signed, changed after the signature.
    function test_what_was_signed_is_what_is_posted() public {
        _post(_ids(3, 9));
        vm.warp(START + 60);
        IVault.EpochPost memory post = _postOf(_ids(9, 11), _settled(3, 4_000_000));
        bytes memory signatures = _sign(post);
        post.riskRoot += 1;
        _refusedPost(post, signatures);
        post.riskRoot -= 1;
        post.settled[0].value += 1;
        _refusedPost(post, signatures);
        post.settled[0].value -= 1;
        post.rows[95] = bytes1(uint8(post.rows[95]) ^ 1);
        _refusedPost(post, signatures);
        post.rows[95] = bytes1(uint8(post.rows[95]) ^ 1);
        post.time -= 1;
        _refusedPost(post, signatures);
        post.time += 1;
        (post.ids[1], post.rows) = (12, _rows(_ids(9, 12)));
        _refusedPost(post, signatures);
        (post.ids[1], post.rows) = (11, _rows(_ids(9, 11)));
        _send(post, signatures);
    }

    function _refusedPost(IVault.EpochPost memory post, bytes memory signatures) private {
        vm.expectPartialRevert(IVault.NotASigner.selector);
        _send(post, signatures);
    }

    function test_a_signature_for_another_vault_is_none_here() public {
        IVault other = _make(_config());
        IVault.EpochPost memory post = _postOf(_ids(3, 9), _noneSettled());
        bytes memory signatures = _sign(post);
        vm.expectPartialRevert(IVault.NotASigner.selector);
        vm.prank(stranger, stranger);
        other.postEpoch(post, signatures);
    }

    // ------------------------------------------------------------------------------------------------- number and time

    function test_epochs_are_numbered_in_order() public {
        IVault.EpochPost memory post = _postOf(_ids(3, 9), _noneSettled());
        bytes memory signatures = _sign(post);
        _send(post, signatures);
        _refused(_enc(IVault.NotTheNextEpoch.selector, 1, 2));
        _send(post, signatures);
        post.number = 3;
        signatures = _sign(post);
        _refused(_enc(IVault.NotTheNextEpoch.selector, 3, 2));
        _send(post, signatures);
    }

    function testFuzz_a_tables_time_is_after_the_last_and_young_and_not_to_come(uint40 gap, uint40 time) public {
        gap = uint40(bound(gap, 0, 3 hours));
        time = uint40(bound(time, START - 2 hours, START + 4 hours));
        _post(_ids(3, 9));
        vm.warp(START + gap);
        IVault.EpochPost memory post = _postOf(_ids(3, 9), _noneSettled());
        post.time = time;
        bytes memory signatures = _sign(post);
        uint256 after_ = gap > 1 hours ? START + gap - 1 hours - 1 : START;
        if (after_ < START) after_ = START;
        if (time <= after_ || time > START + gap) {
            _refused(abi.encodeWithSelector(IVault.EpochTime.selector, time, after_, START + gap));
        }
        _send(post, signatures);
    }

    function test_a_risk_root_is_a_field_element() public {
        IVault.EpochPost memory post = _postOf(_ids(3, 9), _noneSettled());
        post.riskRoot = P;
        bytes memory signatures = _sign(post);
        _refused(_enc(IVault.NotReduced.selector, P));
        _send(post, signatures);
    }

    function test_a_frozen_vault_takes_no_table() public {
        IVault.EpochPost memory post = _postOf(_ids(3, 9), _noneSettled());
        bytes memory signatures = _sign(post);
        vm.prank(operator);
        vault.retire(address(0));
        vm.warp(START + 30 days);
        vault.freeze();
        _refused(abi.encodeWithSelector(IVault.VaultFrozen.selector));
        _send(post, signatures);
    }

    // --------------------------------------------------------------------------------------------------- ids and rows

    function _refusedTable(uint32[] memory ids, bytes memory reason) private {
        IVault.EpochPost memory post = _postOf(ids, _noneSettled());
        bytes memory signatures = _sign(post);
        _refused(reason);
        _send(post, signatures);
    }

    function test_ids_increase_from_1_to_27_bits() public {
        _refusedTable(_ids(3, 3), _enc(IVault.InstrumentOutOfOrder.selector, 1, 3));
        _refusedTable(_ids(9, 3), _enc(IVault.InstrumentOutOfOrder.selector, 1, 3));
        _refusedTable(_ids(0, 3), _enc(IVault.InstrumentOutOfOrder.selector, 0, 0));
        _refusedTable(_ids(3, 2 ** 27), _enc(IVault.InstrumentOutOfOrder.selector, 1, 2 ** 27));
        _refusedTable(new uint32[](9), _enc(IVault.TooManyInstruments.selector, 9, 8));
        _post(_ids(3, 2 ** 27 - 1));
    }

    function test_rows_are_complete_and_of_their_ids() public {
        IVault.EpochPost memory post = _postOf(_ids(3, 9), _noneSettled());
        bytes memory whole = post.rows;
        post.rows = _rows(_ids(3, 0));
        bytes memory signatures = _sign(post);
        _refused(_enc(IVault.WrongRows.selector, 96, 192));
        _send(post, signatures);
        post.rows = _rows(_ids(3, 8));
        signatures = _sign(post);
        _refused(abi.encodeWithSelector(IVault.WrongRow.selector, 1, uint256(8) + 2 ** 27 * 5_000_000, 9));
        _send(post, signatures);
        post.rows = whole;
        _send(post, _sign(post));
    }

    // ----------------------------------------------------------------------------------------------- settlement values

    function test_an_instrument_leaves_with_its_value() public {
        _post(_ids(3, 9));
        vm.warp(START + 60);
        _post(_postOf(_ids(9, 11), _settled(3, 4_000_000)));
        (uint64 value, uint32 epoch) = vault.settlementValue(3);
        assertEq(value, 4_000_000, "value");
        assertEq(epoch, 2, "epoch");
        (, epoch) = vault.settlementValue(9);
        assertEq(epoch, 0, "none of an open instrument");
    }

    function test_no_instrument_leaves_without_a_value() public {
        _post(_ids(3, 9));
        vm.warp(START + 60);
        _refusedTable(_ids(9, 11), _enc(IVault.InstrumentDropped.selector, 3));
        _refusedTable(new uint32[](0), _enc(IVault.InstrumentDropped.selector, 3));
    }

    function test_only_an_instrument_that_leaves_gets_a_value() public {
        _post(_ids(3, 9));
        vm.warp(START + 60);
        IVault.EpochPost memory post = _postOf(_ids(3, 9), _settled(3, 1));
        bytes memory signatures = _sign(post);
        _refused(_enc(IVault.NotLeaving.selector, 3));
        _send(post, signatures);
    }

    function test_no_value_ever_changes() public {
        _post(_ids(3, 9));
        vm.warp(START + 60);
        _post(_postOf(_ids(9, 0), _settled(3, 4_000_000)));
        vm.warp(START + 120);
        _refusedTable(_ids(3, 9), _enc(IVault.AlreadySettled.selector, 3));
    }

    function test_values_have_42_bits() public {
        _post(_ids(3, 9));
        vm.warp(START + 60);
        IVault.EpochPost memory post = _postOf(_ids(9, 0), _settled(3, 2 ** 42));
        bytes memory signatures = _sign(post);
        _refused(_enc(IVault.ValueOutOfRange.selector, 3, 2 ** 42));
        _send(post, signatures);
    }

    function test_the_table_in_force_is_named_in_full() public {
        _post(_ids(3, 9));
        vm.warp(START + 60);
        instruments = _ids(9, 0);
        _refusedTable(_ids(9, 0), _enc(IVault.NotTheEpochInForce.selector, 1));
    }

    function test_before_the_first_table_there_is_none_in_force() public {
        instruments = _ids(9, 0);
        _refusedTable(_ids(9, 0), _enc(IVault.NotTheEpochInForce.selector, 0));
    }

    /// Any two tables after each other: what is dropped has a value, what stays and what is new has none.
    function testFuzz_an_id_is_open_or_has_a_value(uint8 first, uint8 second) public {
        uint32[] memory ids = _fromBits(first);
        _post(ids);
        vm.warp(START + 60);
        uint256 leaving = 0;
        for (uint256 i = 0; i < 8; ++i) {
            if (first & (1 << i) != 0 && second & (1 << i) == 0) ++leaving;
        }
        IVault.SettledInstrument[] memory settled = new IVault.SettledInstrument[](leaving);
        for (uint256 i = 8; i > 0; --i) {
            if (first & (1 << (i - 1)) == 0 || second & (1 << (i - 1)) != 0) continue;
            settled[--leaving] = IVault.SettledInstrument(uint32(i), uint64(1000 + i));
        }
        _post(_postOf(_fromBits(second), settled));
        for (uint32 i = 1; i <= 8; ++i) {
            bool left = first & (1 << (i - 1)) != 0 && second & (1 << (i - 1)) == 0;
            (uint64 value, uint32 epoch) = vault.settlementValue(i);
            assertEq(epoch, left ? 2 : 0, "epoch");
            assertEq(value, left ? 1000 + i : 0, "value");
        }
    }

    function _fromBits(uint8 bits) private pure returns (uint32[] memory ids) {
        ids = new uint32[](8);
        uint256 count = 0;
        for (uint32 i = 0; i < 8; ++i) {
            if (bits & (1 << i) != 0) ids[count++] = i + 1;
        }
        assembly ("memory-safe") {
            mstore(ids, count)
        }
    }

    function _noneSettled() private pure returns (IVault.SettledInstrument[] memory) {
        return new IVault.SettledInstrument[](0);
    }

    function _settled(uint32 id, uint64 value) private pure returns (IVault.SettledInstrument[] memory settled) {
        settled = new IVault.SettledInstrument[](1);
        settled[0] = IVault.SettledInstrument(id, value);
    }
}
