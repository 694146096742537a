// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IBonds} from "src/interfaces/IBonds.sol";
import {PoseidonSponge} from "src/libraries/PoseidonSponge.sol";
import {BondsFixture} from "test/bonds/BondsFixture.sol";

/// @notice Takes no coins until it is told to.
contract Refuser {
    bool private _willing;

    function relent() external {
        _willing = true;
    }

    receive() external payable {
        require(_willing, "no");
    }
}

/// @notice Asks for its money again while it is being paid.
contract Greedy {
    IBonds private immutable BONDS;
    bytes public refusal;

    constructor(IBonds bonds) {
        BONDS = bonds;
    }

    receive() external payable {
        try BONDS.pay(address(this)) {}
        catch (bytes memory reason) {
            refusal = reason;
        }
    }
}

/// @notice What a bond is from the opening of a batch to its end, and where every coin of it goes.
contract BondsLifeTest is BondsFixture {
    address private beneficiary;

    function setUp() public {
        _deploy(4);
        beneficiary = makeAddr("beneficiary");
    }

    // ------------------------------------------------------------------------------------------------------ being made

    function test_the_creator_is_the_vault_and_everything_else_is_as_given() public view {
        assertEq(bonds.vault(), address(this), "vault");
        assertEq(bonds.operator(), operator, "operator");
        assertEq(bonds.receiptSigner(), vm.addr(SIGNER_KEY), "signer");
        assertEq(abi.encode(bonds.terms()), abi.encode(_terms()), "terms");
    }

    function test_terms_are_bounded() public {
        IBonds.Terms memory terms = _terms();
        terms.base = 0;
        _refused(terms, "base", 0, 1, type(uint96).max);
        terms = _terms();
        terms.perOrder = 2 ** 96;
        _refused(terms, "perOrder", 2 ** 96, 0, type(uint96).max);
        terms = _terms();
        terms.stake = 0;
        _refused(terms, "stake", 0, 1, type(uint96).max);
        terms = _terms();
        terms.challengeTime = 59 minutes;
        _refused(terms, "challengeTime", 59 minutes, 1 hours, 90 days);
        terms = _terms();
        terms.answerTime = 31 days;
        _refused(terms, "answerTime", 31 days, 1 hours, 30 days);
    }

    function _refused(IBonds.Terms memory terms, bytes32 name, uint256 value, uint256 least, uint256 most) private {
        _expect(abi.encodeWithSelector(IBonds.TermOutOfBounds.selector, name, value, least, most));
        _make(terms);
    }

    function test_constants_that_are_not_the_permutations_are_refused() public {
        constants = makeAddr("no constants");
        _expect(abi.encodeWithSelector(PoseidonSponge.WrongConstants.selector, constants, bytes32(0)));
        _make(_terms());
    }

    function test_nobody_cannot_be_the_signer_of_receipts() public {
        _expect(abi.encodeWithSelector(IBonds.NotSigned.selector, address(0), address(0)));
        _makeFor(address(0), _terms());
    }

    // ---------------------------------------------------------------------------------------------------- the vault alone

    function test_only_the_vault_tells_what_becomes_of_batches() public {
        bytes[] memory hooks = new bytes[](6);
        hooks[0] = abi.encodeCall(IBonds.onOpened, (1));
        hooks[1] = abi.encodeCall(IBonds.onSealed, (1, 1, 0, 0));
        hooks[2] = abi.encodeCall(IBonds.onSettled, (1, challenger, 1));
        hooks[3] = abi.encodeCall(IBonds.onExpired, (1));
        hooks[4] = abi.encodeCall(IBonds.onVoided, (1));
        hooks[5] = abi.encodeCall(IBonds.owe, (challenger));
        for (uint256 i = 0; i < hooks.length; ++i) {
            vm.prank(operator);
            (bool done, bytes memory reason) = address(bonds).call(hooks[i]);
            assertFalse(done, "the operator is not the vault");
            assertEq(reason, abi.encodeWithSelector(IBonds.OnlyVault.selector, operator), "reason");
        }
    }

    function test_hooks_out_of_order_are_refused() public {
        _expectStage(IBonds.Stage.None);
        bonds.onSealed(BATCH, 1, 0, 0);
        _expectStage(IBonds.Stage.None);
        bonds.onExpired(BATCH);
        bonds.onOpened(BATCH);
        _expectStage(IBonds.Stage.Opened);
        bonds.onOpened(BATCH);
        _expectStage(IBonds.Stage.Opened);
        bonds.onSettled(BATCH, beneficiary, 0);
        _expectStage(IBonds.Stage.Opened);
        bonds.onVoided(BATCH);
        bonds.onSealed(BATCH, 1, 0, 0);
        _expectStage(IBonds.Stage.Sealed);
        bonds.onExpired(BATCH);
        bonds.onSettled(BATCH, beneficiary, 0);
        _expectStage(IBonds.Stage.Ended);
        bonds.onSettled(BATCH, beneficiary, 0);
    }

    function _expectStage(IBonds.Stage stage) private {
        _expect(abi.encodeWithSelector(IBonds.WrongStage.selector, BATCH, stage));
    }

    // ------------------------------------------------------------------------------------------------------ the balance

    function test_anyone_funds_and_only_the_operator_withdraws() public {
        vm.prank(challenger);
        vm.expectEmit();
        emit IBonds.Deposited(challenger, 3 ether);
        bonds.fund{value: 3 ether}();
        assertEq(bonds.free(), FUNDS + 3 ether, "free");

        vm.prank(challenger);
        _expect(abi.encodeWithSelector(IBonds.OnlyOperator.selector, challenger));
        bonds.withdraw(1);

        uint256 before = operator.balance;
        vm.expectEmit();
        emit IBonds.Withdrawn(operator, 5 ether);
        vm.prank(operator);
        bonds.withdraw(5 ether);
        assertEq(operator.balance, before + 5 ether, "withdrawn");
        assertEq(bonds.free(), FUNDS - 2 ether, "rest");
    }

    function test_what_is_locked_cannot_be_withdrawn() public {
        bonds.onOpened(BATCH);
        vm.prank(operator);
        _expect(abi.encodeWithSelector(IBonds.BondNotCovered.selector, FUNDS - BASE, FUNDS));
        bonds.withdraw(FUNDS);
    }

    function test_an_operator_that_cannot_be_sent_coins_keeps_them_here() public {
        operator = address(new Refuser());
        bonds = _make(_terms());
        bonds.fund{value: 1 ether}();
        vm.prank(operator);
        _expect(abi.encodeWithSelector(IBonds.PaymentFailed.selector, operator));
        bonds.withdraw(1 ether);
        assertEq(bonds.free(), 1 ether, "free");
    }

    // ------------------------------------------------------------------------------------------------------ life of a bond

    function test_opening_locks_the_base_and_sealing_more_by_order() public {
        vm.expectEmit();
        emit IBonds.BondLocked(BATCH, BASE);
        bonds.onOpened(BATCH);
        _assertBond(BASE, IBonds.Stage.Opened);
        vm.expectEmit();
        emit IBonds.BondLocked(BATCH, BASE + 7 * PER_ORDER);
        bonds.onSealed(BATCH, 7, "root", "receipts");
        _assertBond(BASE + 7 * PER_ORDER, IBonds.Stage.Sealed);
        assertEq(bonds.bonds(BATCH).orders, 7, "orders");
        assertEq(bonds.free(), FUNDS - BASE - 7 * PER_ORDER, "free");
    }

    function test_a_balance_that_does_not_cover_the_lock_opens_and_seals_nothing() public {
        vm.prank(operator);
        bonds.withdraw(FUNDS - BASE - PER_ORDER);
        bonds.onOpened(BATCH);
        _expect(abi.encodeWithSelector(IBonds.BondNotCovered.selector, PER_ORDER, 2 * PER_ORDER));
        bonds.onSealed(BATCH, 2, 0, 0);
        _expect(abi.encodeWithSelector(IBonds.BondNotCovered.selector, PER_ORDER, BASE));
        bonds.onOpened(2);
        _expect(
            abi.encodeWithSelector(IBonds.BondNotCovered.selector, PER_ORDER, uint256(type(uint32).max) * PER_ORDER)
        );
        bonds.onSealed(BATCH, type(uint32).max, 0, 0);
    }

    function test_a_settled_batch_gets_its_bond_back_after_the_window() public {
        _openAndSeal(BATCH, 3, 1);
        bonds.onSettled(BATCH, beneficiary, 0);
        uint40 until = uint40(block.timestamp + CHALLENGE_TIME);
        assertEq(bonds.bonds(BATCH).until, until, "until");
        vm.warp(until);
        _expect(abi.encodeWithSelector(IBonds.NotReleasable.selector, BATCH, IBonds.Stage.Ended, until, 0));
        bonds.release(BATCH);
        vm.warp(until + 1);
        vm.expectEmit();
        emit IBonds.BondReleased(BATCH, BASE + 3 * PER_ORDER);
        bonds.release(BATCH);
        assertEq(bonds.free(), FUNDS, "free");
        _assertBond(0, IBonds.Stage.Released);
        _expect(abi.encodeWithSelector(IBonds.NotReleasable.selector, BATCH, IBonds.Stage.Released, until, 0));
        bonds.release(BATCH);
    }

    function test_an_opening_that_expired_gets_its_bond_back_after_the_window() public {
        bonds.onOpened(BATCH);
        bonds.onExpired(BATCH);
        vm.warp(block.timestamp + CHALLENGE_TIME + 1);
        bonds.release(BATCH);
        assertEq(bonds.free(), FUNDS, "free");
    }

    function test_nothing_is_released_before_the_batch_has_ended() public {
        _expect(abi.encodeWithSelector(IBonds.NotReleasable.selector, BATCH, IBonds.Stage.None, 0, 0));
        bonds.release(BATCH);
        bonds.onOpened(BATCH);
        vm.warp(block.timestamp + 365 days);
        _expect(abi.encodeWithSelector(IBonds.NotReleasable.selector, BATCH, IBonds.Stage.Opened, 0, 0));
        bonds.release(BATCH);
        bonds.onSealed(BATCH, 0, 0, 0);
        _expect(abi.encodeWithSelector(IBonds.NotReleasable.selector, BATCH, IBonds.Stage.Sealed, 0, 0));
        bonds.release(BATCH);
    }

    function test_a_void_batch_burns_its_whole_bond() public {
        _openAndSeal(BATCH, 3, 1);
        vm.expectEmit();
        emit IBonds.BondLost(BATCH, BASE + 3 * PER_ORDER, 0, address(0));
        bonds.onVoided(BATCH);
        _assertBond(0, IBonds.Stage.Lost);
        assertEq(bonds.owed(BURN), BASE + 3 * PER_ORDER, "burnt");
        bonds.pay(BURN);
        assertEq(BURN.balance, BASE + 3 * PER_ORDER, "at the address of nobody");
        assertEq(bonds.free(), FUNDS - BASE - 3 * PER_ORDER, "free");
    }

    function testFuzz_who_settles_late_gets_a_share_of_half_the_bond(uint32 share, uint16 orders) public {
        uint256 amount = BASE + uint256(orders % 1000) * PER_ORDER;
        bonds.onOpened(BATCH);
        bonds.onSealed(BATCH, orders % 1000, 0, 0);
        bonds.onSettled(BATCH, beneficiary, share);
        uint256 reward = amount / 2 * share / 2 ** 32;
        assertEq(bonds.owed(beneficiary), reward, "reward");
        _assertBond(amount - reward, IBonds.Stage.Ended);
        assertLe(amount / 2, bonds.bonds(BATCH).amount, "half stays for the receipts");
    }

    function test_the_operator_is_paid_for_settling_late_like_anyone() public {
        _openAndSeal(BATCH, 0, 1);
        vm.expectEmit();
        emit IBonds.RewardPaid(BATCH, operator, BASE / 4);
        bonds.onSettled(BATCH, operator, 2 ** 31);
        assertEq(bonds.owed(operator), BASE / 4, "owed");
    }

    // -------------------------------------------------------------------------------------------------------- what is owed

    function test_what_is_owed_is_sent_to_its_owner_whoever_asks() public {
        bonds.owe{value: 2 ether}(beneficiary);
        vm.expectEmit();
        emit IBonds.Withdrawn(beneficiary, 2 ether);
        vm.prank(challenger);
        assertEq(bonds.pay(beneficiary), 2 ether, "paid");
        assertEq(beneficiary.balance, 2 ether, "received");
        _expect(abi.encodeWithSelector(IBonds.NothingOwed.selector, beneficiary));
        bonds.pay(beneficiary);
    }

    function test_a_receiver_that_refuses_stays_owed() public {
        Refuser refuser = new Refuser();
        bonds.owe{value: 1 ether}(address(refuser));
        _expect(abi.encodeWithSelector(IBonds.PaymentFailed.selector, address(refuser)));
        bonds.pay(address(refuser));
        assertEq(bonds.owed(address(refuser)), 1 ether, "owed");
        refuser.relent();
        bonds.pay(address(refuser));
        assertEq(address(refuser).balance, 1 ether, "received");
    }

    function test_a_receiver_that_comes_back_is_paid_once() public {
        Greedy greedy = new Greedy(bonds);
        bonds.owe{value: 1 ether}(address(greedy));
        bonds.pay(address(greedy));
        assertEq(address(greedy).balance, 1 ether, "received");
        assertEq(greedy.refusal(), abi.encodeWithSelector(IBonds.NothingOwed.selector, address(greedy)), "refused");
    }

    function _assertBond(uint256 amount, IBonds.Stage stage) private view {
        IBonds.Bond memory bond = bonds.bonds(BATCH);
        assertEq(bond.amount, amount, "amount");
        assertEq(uint256(bond.stage), uint256(stage), "stage");
    }
}
