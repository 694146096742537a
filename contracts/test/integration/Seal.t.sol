// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {LocalSettlement} from "src/LocalSettlement.sol";
import {ISettlement} from "src/interfaces/ISettlement.sol";
import {SettlementFixture} from "test/helpers/SettlementFixture.sol";
import {Vm} from "test/helpers/Test.sol";
import {Verifier} from "test/helpers/ToyVerifier.sol";

/// @notice What may be sealed, by whom, and what a new contract starts from.
contract SealTest is SettlementFixture {
    uint256 private constant ALICE = 0xa11ce;

    function setUp() public {
        _deploy();
        uint32[] memory ids = new uint32[](1);
        ids[0] = 3;
        _post(777, ids);
        _plain(0);
    }

    function test_a_seal_fixes_everything_about_the_batch() public {
        _deposit(ALICE, 5);
        _sealAll(2);
        ISettlement.Seal memory held = settlement.currentSeal();
        assertEq(held.sealRoot, _sealRoot(), "seal root");
        assertEq(held.batch, 1, "batch");
        assertEq(held.touches, 1, "touches");
        assertEq(held.orders, 2, "orders");
        assertEq(held.depositEnd, 1, "deposit end");
        assertEq(held.exitEnd, 0, "exit end");
        assertEq(held.lastVoid, 0, "last void");
        assertEq(held.epoch, 1, "epoch");
        assertEq(held.time, 1_700_000_000, "time");
    }

    function test_one_batch_is_sealed_at_a_time() public {
        _sealAll(0);
        ISettlement.SealRequest memory request = _request(0, 0, 0);
        _expect(abi.encodeWithSelector(ISettlement.SealInForce.selector, 1));
        settlement.seal(request);
    }

    function test_no_seal_before_the_first_epoch() public {
        settlement = _deployUnder(_terms());
        ISettlement.SealRequest memory request = _request(0, 0, 0);
        _expect(abi.encodeWithSelector(ISettlement.NoEpoch.selector));
        settlement.seal(request);
    }

    function test_touches_are_bounded() public {
        ISettlement.SealRequest memory request = _request(0, 0, 0);
        request.touches = 0;
        _expect(abi.encodeWithSelector(ISettlement.TouchesOutOfRange.selector, 0, 128));
        settlement.seal(request);
        request.touches = 129;
        _expect(abi.encodeWithSelector(ISettlement.TouchesOutOfRange.selector, 129, 128));
        settlement.seal(request);
    }

    function test_orders_are_bounded_by_the_touches() public {
        ISettlement.SealRequest memory request = _request(3, 0, 0);
        _expect(abi.encodeWithSelector(ISettlement.OrdersOutOfRange.selector, 3, 2));
        settlement.seal(request);
    }

    function test_queue_ends_lie_between_head_and_tail() public {
        _deposit(ALICE, 5);
        ISettlement.SealRequest memory request = _request(0, 2, 0);
        _expect(abi.encodeWithSelector(ISettlement.QueueEndOutOfRange.selector, 2, 0, 1));
        settlement.seal(request);
        request = _request(0, 1, 1);
        _expect(abi.encodeWithSelector(ISettlement.QueueEndOutOfRange.selector, 1, 0, 0));
        settlement.seal(request);
        _touch(1, 5, ALICE, 0, address(0));
        _sealAll(0);
        _settle(_prove());
        request = _request(0, 0, 0);
        _expect(abi.encodeWithSelector(ISettlement.QueueEndOutOfRange.selector, 0, 1, 1));
        settlement.seal(request);
    }

    /// @dev With three words more, the fee rate and ratio that an operator would like, the call is the same call.
    function test_a_seal_chooses_no_terms() public {
        bytes memory call = abi.encodeCall(settlement.seal, (_request(0, 0, 0)));
        assertEq(call.length, 4 + 5 * 32, "a request has no room for terms");
        ISettlement.Seal memory expected = ISettlement.Seal({
            sealRoot: _sealRoot(),
            batch: 1,
            touches: 1,
            orders: 0,
            depositEnd: 0,
            exitEnd: 0,
            lastVoid: 0,
            epoch: 1,
            time: 1_700_000_000
        });
        vm.expectEmit(true, true, true, true, address(settlement));
        emit ISettlement.BatchSealed(1, GENESIS, expected, _terms());
        vm.prank(operator);
        (bool ok,) = address(settlement).call(bytes.concat(call, abi.encode(9_999, 5, 1)));
        assertTrue(ok, "sealed");
        assertEq(abi.encode(settlement.terms()), abi.encode(_terms()), "terms");
    }

    function test_a_void_needs_a_seal() public {
        _expect(abi.encodeWithSelector(ISettlement.NoSeal.selector));
        settlement.voidBatch();
    }

    function test_a_void_uses_the_number_up() public {
        _sealAll(0);
        vm.expectEmit(true, true, true, true, address(settlement));
        emit ISettlement.BatchVoided(1);
        vm.prank(operator);
        settlement.voidBatch();
        _sealAll(0);
        assertEq(settlement.batch(), 2, "batch");
        assertEq(settlement.currentSeal().lastVoid, 1, "last void");
    }

    function test_only_the_operator_posts_seals_voids_and_queues() public {
        bytes memory reason = abi.encodeWithSelector(LocalSettlement.NotOperator.selector, address(this));
        ISettlement.SealRequest memory request = _request(0, 0, 0);
        vm.expectRevert(reason);
        settlement.seal(request);
        vm.expectRevert(reason);
        settlement.voidBatch();
        vm.expectRevert(reason);
        settlement.postEpoch(1, instruments, instruments, new ISettlement.SettledInstrument[](0));
        vm.expectRevert(reason);
        settlement.enqueueDeposit(ALICE, 1, payer);
        vm.expectRevert(reason);
        settlement.returnDeposit(0);
        vm.expectRevert(reason);
        settlement.requestExit(1, 1, payer);
    }

    // ------------------------------------------------------------------------------------------------------ a new contract

    function test_the_domain_is_a_hash_of_chain_and_address() public view {
        bytes32 hash = keccak256(abi.encode(bytes32("tacit.domain.1"), uint256(31337), address(settlement)));
        assertEq(settlement.domain(), uint256(hash) % P, "domain");
    }

    function test_the_genesis_tells_the_terms() public {
        vm.recordLogs();
        LocalSettlement made = _deployUnder(_terms());
        Vm.Log[] memory logs = vm.getRecordedLogs();
        bytes memory told = abi.encode(GENESIS, made.domain(), address(verifier), FUND, _terms());
        assertEq(logs[logs.length - 1].topics[0], ISettlement.Genesis.selector, "event");
        assertEq(logs[logs.length - 1].data, told, "what it tells");
    }

    function testFuzz_a_contract_keeps_the_terms_it_was_made_with(uint16 feeRate, uint8 num, uint8 den) public {
        den = uint8(bound(den, 1, 4));
        ISettlement.Terms memory terms =
            ISettlement.Terms(uint16(bound(feeRate, 0, 9_999)), uint8(bound(num, den, 5)), den);
        settlement = _deployUnder(terms);
        assertEq(abi.encode(settlement.terms()), abi.encode(terms), "terms");
        delete instruments;
        _post(777, instruments);
        _sealAll(0);
        assertEq(abi.encode(settlement.terms()), abi.encode(terms), "terms of a sealed batch");
        _settle(_prove());
        assertEq(abi.encode(settlement.terms()), abi.encode(terms), "terms after a batch");
    }

    function test_a_fee_rate_is_below_the_whole() public {
        ISettlement.Terms memory terms = _terms();
        terms.feeRate = 9_999;
        _deployUnder(terms);
        for (uint256 rate = 10_000; rate <= type(uint16).max; rate = rate * 2 - 1) {
            terms.feeRate = uint16(rate);
            vm.expectRevert(abi.encodeWithSelector(ISettlement.FeeRateOutOfRange.selector, rate));
            _deployUnder(terms);
        }
        terms.feeRate = type(uint16).max;
        vm.expectRevert(abi.encodeWithSelector(ISettlement.FeeRateOutOfRange.selector, type(uint16).max));
        _deployUnder(terms);
    }

    function test_ratios_are_those_of_the_protocol() public {
        for (uint8 num = 0; num < 8; ++num) {
            for (uint8 den = 0; den < 8; ++den) {
                _deployWithRatio(num, den);
            }
        }
    }

    function testFuzz_ratios_are_those_of_the_protocol(uint8 num, uint8 den) public {
        _deployWithRatio(num, den);
    }

    function test_other_terms_are_another_contract_and_another_domain() public {
        ISettlement.Terms memory terms = _terms();
        terms.den = 1;
        assertNotEq(_deployUnder(terms).domain(), settlement.domain(), "domain");
    }

    function test_a_genesis_root_is_a_field_element() public {
        vm.expectRevert(abi.encodeWithSelector(ISettlement.NotReduced.selector, P));
        new LocalSettlement(verifier, operator, P, FUND, _terms());
    }

    function test_the_fund_has_an_owner() public {
        vm.expectRevert(abi.encodeWithSelector(ISettlement.InvalidOwner.selector, 0));
        new LocalSettlement(verifier, operator, GENESIS, 0, _terms());
    }

    function test_development_keys_are_refused_off_a_local_chain() public {
        Verifier toy = new Verifier();
        vm.chainId(1);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.DevelopmentKeys.selector, 1));
        new LocalSettlement(toy, operator, GENESIS, FUND, _terms());
    }

    function _deployWithRatio(uint8 num, uint8 den) private {
        bool right = den >= 1 && den <= 4 && num >= den && num <= 5;
        if (!right) vm.expectRevert(abi.encodeWithSelector(ISettlement.RatioOutOfRange.selector, num, den));
        _deployUnder(ISettlement.Terms(0, num, den));
    }

    function _expect(bytes memory reason) private {
        vm.expectRevert(reason);
        vm.prank(operator);
    }
}
