// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {SettlementRules} from "src/SettlementRules.sol";
import {IAccountVerifier} from "src/interfaces/IAccountVerifier.sol";
import {IBonds} from "src/interfaces/IBonds.sol";
import {ISettlementRules} from "src/interfaces/ISettlementRules.sol";
import {IVault} from "src/interfaces/IVault.sol";
import {Groth16} from "src/libraries/Groth16.sol";
import {EpochSigning} from "test/helpers/EpochSigning.sol";
import {RulesFixture} from "test/helpers/RulesFixture.sol";
import {TestToken} from "test/helpers/TestToken.sol";
import {ToyProver} from "test/helpers/ToyProver.sol";

// Made from compiled code.
import "src/PoseidonConstants.sol";
import "src/Vault.sol";
import "test/helpers/ToyAccountVerifier.sol";

/// @notice The vault with its real parts: rules, bonds and keys, for which the toy prover proves what they ask.
contract VaultIntegrationTest is RulesFixture {
    uint256 private constant FUND = 0xf0d;
    uint256 private constant ALICE = 0xa11ce;
    uint256 private constant BOB = 0xb0b;
    uint64 private constant AMOUNT = 5_000_000;
    uint256 private constant SIGNER = 7;

    address private operator = makeAddr("operator");
    address private trader = makeAddr("trader");
    address private stranger = makeAddr("stranger");
    address private recipient = makeAddr("recipient");
    IVault private vault;
    TestToken private token;

    function setUp() public {
        vm.warp(1_700_000_000);
        _deploy();
        _found(rollup);
    }

    function _found(SettlementRules rules) private {
        token = TestToken(_create(vm.getCode("TestToken.sol:TestToken"), ""));
        vault = IVault(_create(vm.getCode("Vault.sol:Vault"), abi.encode(_config(rules))));
        IBonds bonds = vault.bonds();
        vm.deal(operator, 100 ether);
        vm.prank(operator);
        bonds.fund{value: 100 ether}();
        token.mint(trader, 100 * AMOUNT);
        vm.prank(trader);
        token.approve(address(vault), 100 * AMOUNT);
    }

    function _create(bytes memory code, bytes memory arguments) private returns (address made) {
        code = bytes.concat(code, arguments);
        assembly ("memory-safe") {
            made := create(0, add(code, 0x20), mload(code))
        }
        assertTrue(made != address(0), "made");
    }

    function _config(SettlementRules rules) private returns (IVault.Config memory config) {
        config.token = address(token);
        config.rules = rules;
        config.accountVerifier = IAccountVerifier(_create(vm.getCode("ToyAccountVerifier.sol:AccountVerifier"), ""));
        config.poseidon = _create(vm.getCode("PoseidonConstants.sol:PoseidonConstants"), "");
        config.genesisRoot = _element("genesis", 0);
        config.fundOwner = FUND;
        config.terms = IVault.Terms({feeRate: 30, num: 5, den: 4});
        address[] memory signers = new address[](1);
        signers[0] = vm.addr(SIGNER);
        config.roles = IVault.Roles(operator, makeAddr("receipt signer"), signers, 1);
        config.delays = IVault.Delays({
            epochAge: 1 hours,
            openTime: 10 minutes,
            settleTime: 30 minutes,
            rewardStart: 10 minutes,
            depositTime: 2 days,
            exitTime: 1 days,
            claimWindow: 7 days,
            notice: 30 days
        });
        config.limits = IVault.Limits({minDeposit: 1, depositCap: 2 ** 60, exitsPerPeriod: 4, exitFee: 0});
        config.bonds = IBonds.Terms(1 ether, 0.01 ether, 0.1 ether, 1 days, 1 days);
    }

    // ----------------------------------------------------------------------------------------------------- what is done

    function _deposit(uint256 owner, uint64 amount) private returns (uint32 index) {
        vm.prank(trader);
        (, index) = vault.deposit(owner, amount);
    }

    /// @dev Puts a table in force, once, and opens a batch.
    function _open() private {
        if (vault.currentEpoch() == 0) {
            instruments = [3, 7, 9];
            IVault.EpochPost memory post;
            post.number = 1;
            post.riskRoot = _element("risk root", 0);
            post.ids = instruments;
            for (uint256 i = 0; i < 3; ++i) {
                post.rows = abi.encodePacked(post.rows, uint256(instruments[i]), uint256(0), uint256(0));
            }
            post.time = uint40(block.timestamp);
            bytes memory signatures = _signature(SIGNER, EpochSigning.digest(post, address(vault)));
            vm.prank(stranger, stranger);
            vault.postEpoch(post, signatures);
        }
        vm.prank(operator);
        vault.open();
    }

    /// @dev Opens and seals `touches` with everything that is queued, and proves the batch.
    function _sealed(uint32 orders) private returns (Made memory) {
        _open();
        (, uint64 depositEnd) = vault.depositQueue();
        (, uint64 exitEnd) = vault.exitQueue();
        vm.prank(operator);
        vault.seal(IVault.SealRequest(_sealRoot(), "receipts", uint32(touches.length), orders, depositEnd, exitEnd));
        return _make(_stated(orders, depositEnd, exitEnd));
    }

    /// @dev The statement that an honest prover takes from the chain.
    function _stated(uint32 orders, uint64 depositEnd, uint64 exitEnd)
        private
        view
        returns (ISettlementRules.Statement memory s)
    {
        s.separator = EpochSigning.separator(address(vault));
        s.domain = uint256(keccak256(abi.encode(bytes32("tacit.domain.1"), block.chainid, address(vault)))) % P;
        s.context = vault.batch() + 2 ** 64 * block.timestamp + 2 ** 104 * 30 + 2 ** 118 * 5 + 2 ** 121 * 4;
        s.root = vault.root();
        s.sealRoot = _sealRoot();
        (s.touches, s.orders, s.depositEnd, s.exitEnd) = (uint32(touches.length), orders, depositEnd, exitEnd);
        (s.riskRoot, s.instruments) = (_element("risk root", 0), 3);
        s.instrumentsHash = keccak256(abi.encodePacked(instruments));
    }

    function _settle(SettlementRules rules, Made memory made) private {
        ISettlementRules.Part memory part = _whole(rules, made);
        vm.prank(stranger, stranger);
        vault.settle(made.claim, part, made.closingProof, made.closingWords);
    }

    function _drawDeposits() private {
        _deposit(ALICE, AMOUNT);
        _deposit(BOB, 2 * AMOUNT);
        _plain(0);
        _touch(1, AMOUNT, ALICE, 0, address(0));
        _touch(2, 2 * AMOUNT, BOB, 1_000_000, recipient);
    }

    function _exitInputs(uint32 index, uint64 amount) private view returns (uint256[] memory inputs) {
        inputs = new uint256[](6);
        (inputs[0], inputs[1], inputs[2]) = (vault.domain(), vault.ownerOf(index), index);
        (inputs[3], inputs[4], inputs[5]) = (uint160(recipient), amount, vault.exitCount(index));
    }

    // --------------------------------------------------------------------------------------------------------- settling

    function test_a_proven_batch_settles_with_deposits_and_a_withdrawal() public {
        _drawDeposits();
        Made memory made = _sealed(5);
        _settle(rollup, made);
        assertEq(vault.root(), made.claim.segments[1].root, "root");
        assertEq(vault.pendingDeposits(), 0, "credited");
        assertEq(vault.claim(recipient), 1_000_000, "withdrawal");
        IBonds.Bond memory bond = vault.bonds().bonds(1);
        assertEq(uint256(bond.stage), uint256(IBonds.Stage.Ended), "the bond's window runs");
        assertEq(bond.amount, 1.05 ether, "bond");
    }

    function test_the_same_batch_settles_in_parts() public {
        _drawDeposits();
        Made memory made = _sealed(5);
        ISettlementRules.Part[2] memory parts = [_part(rollup, made, 0, 1), _part(rollup, made, 1, 1)];
        vm.startPrank(stranger, stranger);
        ISettlementRules.Progress memory progress = vault.beginSettlement(made.claim);
        progress = vault.advanceSettlement(made.claim, progress, parts[0]);
        progress = vault.advanceSettlement(made.claim, progress, parts[1]);
        assertEq(vault.pendingDeposits(), 3 * AMOUNT, "nothing has changed");
        vault.finishSettlement(made.claim, progress, made.closingProof, made.closingWords);
        vm.stopPrank();
        assertEq(vault.root(), made.claim.segments[1].root, "root");
        assertEq(vault.pendingDeposits(), 0, "credited");
    }

    function test_the_same_batch_settles_with_data_at_replicas() public {
        _found(validium);
        _drawDeposits();
        Made memory made = _sealed(5);
        _settle(validium, made);
        assertEq(vault.root(), made.claim.segments[1].root, "root");
    }

    function test_a_settlement_serves_once() public {
        _drawDeposits();
        Made memory made = _sealed(5);
        _settle(rollup, made);
        delete touches;
        _plain(0);
        _plain(1);
        _plain(2);
        _sealed(5);
        ISettlementRules.Part memory part = _whole(rollup, made);
        vm.expectRevert();
        vm.prank(stranger, stranger);
        vault.settle(made.claim, part, made.closingProof, made.closingWords);
    }

    function test_a_proof_for_other_data_is_refused() public {
        _drawDeposits();
        Made memory made = _sealed(5);
        made.claim.beneficiary = stranger;
        ISettlementRules.Part memory part = _whole(rollup, made);
        vm.expectRevert(Groth16.ProofsRefused.selector);
        vm.prank(stranger, stranger);
        vault.settle(made.claim, part, made.closingProof, made.closingWords);
    }

    function test_who_settles_late_is_paid_out_of_the_bond() public {
        _drawDeposits();
        Made memory made = _sealed(5);
        vm.warp(block.timestamp + 20 minutes);
        _settle(rollup, made);
        IBonds bonds = vault.bonds();
        uint256 reward = 1.05 ether / 4;
        assertEq(bonds.owed(beneficiary), reward, "half the time, half of the half");
        bonds.pay(beneficiary);
        assertEq(beneficiary.balance, reward, "paid");
    }

    // ------------------------------------------------------------------------------------------------------ the way out

    function test_an_owner_asks_is_answered_and_paid() public {
        _drawDeposits();
        _settle(rollup, _sealed(5));
        uint256[8] memory proof = ToyProver.prove("exit", _exitInputs(1, AMOUNT), 0);
        vault.requestExit(1, AMOUNT, recipient, proof);
        delete touches;
        _plain(0);
        _exit(1, AMOUNT, AMOUNT - 7);
        _settle(rollup, _sealed(0));
        assertEq(vault.claimable(recipient), AMOUNT - 7 + 1_000_000, "paid");
        vm.expectRevert(Groth16.ProofsRefused.selector);
        vault.requestExit(1, AMOUNT, recipient, proof);
    }

    function test_with_the_operator_gone_everyone_leaves() public {
        _drawDeposits();
        _settle(rollup, _sealed(5));
        vault.requestExit(1, AMOUNT, recipient, ToyProver.prove("exit", _exitInputs(1, AMOUNT), 0));
        vm.warp(block.timestamp + 1 days + 1);
        vault.freeze();
        address[3] memory heirs = [address(0xf1), address(0xa1), address(0xb1)];
        uint64[3] memory equity = [uint64(1_000_000), 4_000_000, 9_000_000];
        for (uint32 i = 0; i < 3; ++i) {
            _escape(i, heirs[i], equity[i]);
        }
        vm.warp(block.timestamp + 14 days + 1);
        for (uint32 i = 3; i > 0; --i) {
            vault.payEscape(i - 1);
            if (vault.claimable(heirs[i - 1]) != 0) vault.claim(heirs[i - 1]);
        }
        // 15 came in, 1 is withdrawn: 13 of the traders are covered, and 1 of the fund.
        for (uint256 i = 0; i < 3; ++i) {
            assertEq(token.balanceOf(heirs[i]), equity[i], "paid in full");
        }
        vault.claim(recipient);
        assertEq(token.balanceOf(address(vault)), 0, "nothing is left");
    }

    function _escape(uint32 index, address to, uint64 equity) private {
        uint256[] memory inputs = new uint256[](8);
        (inputs[0], inputs[1], inputs[2]) = (vault.domain(), vault.root(), vault.epochs(1).riskRoot);
        (inputs[3], inputs[4], inputs[5]) = (index, uint160(to), equity);
        IVault.EscapeClaim memory claim;
        (claim.index, claim.recipient, claim.equity, claim.settled) = (index, to, equity, new uint256[](2));
        claim.proof = ToyProver.prove("escape", inputs, index);
        vault.escape(claim);
    }
}
