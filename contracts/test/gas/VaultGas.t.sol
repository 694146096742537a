// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {SettlementRules} from "src/SettlementRules.sol";
import {IAccountVerifier} from "src/interfaces/IAccountVerifier.sol";
import {IBonds} from "src/interfaces/IBonds.sol";
import {ISettlementRules} from "src/interfaces/ISettlementRules.sol";
import {IVault} from "src/interfaces/IVault.sol";
import {IVerifier} from "src/interfaces/IVerifier.sol";
import {Bill} from "test/gas/Bill.sol";
import {AccountVerifierMock} from "test/helpers/AccountVerifierMock.sol";
import {RulesFixture} from "test/helpers/RulesFixture.sol";
import {TestToken} from "test/helpers/TestToken.sol";

/// @notice The vault with its own bonds and rules, settled by batches of full touches with toy keys: their proofs cost what real ones
/// cost. Every touch but leaf 0's has an order in each place, so that an order's share is one of a full batch. A settlement that
/// outgrows a transaction goes in several. A batch settled before pays for storage that was empty.
contract VaultGasTest is RulesFixture, Bill {
    struct Sizes {
        string name;
        uint256 touches;
        uint256 riskRows;
        uint256 settledRows;
    }

    /// @notice The largest transaction of a settlement that holds as much as traders can put into it.
    event Largest(uint256 gas_, uint256 bytes_);

    uint256 private constant ORDERS = 4;
    uint256 private constant WORDS = 12;
    uint256 private constant ROW_WORDS = 6;
    uint256 private constant FUND = 0xf0d;
    /// @dev What a part's calldata has besides its segments and the claim: progress, offsets, signatures.
    uint256 private constant PART_SPARE = 4096;

    address private operator = makeAddr("operator");
    address private relayer = makeAddr("relayer");
    address private trader = makeAddr("trader");
    SettlementRules private rules;
    IVault private vault;
    TestToken private token;
    AccountVerifierMock private accountVerifier;
    Sizes private sizes;

    // -------------------------------------------------------------------------------------------------------- settlements

    function test_standard_in_rollup() public {
        _settlements(_standard(), false);
    }

    function test_standard_in_validium() public {
        _settlements(_standard(), true);
    }

    function test_large_in_rollup_up_to_16_segments() public {
        _deployVault(_large(), false);
        _settled(1);
        _settled(4);
        _settled(16);
    }

    function test_large_in_rollup_64_segments() public {
        _deployVault(_large(), false);
        _settled(64);
    }

    function test_large_in_validium_up_to_16_segments() public {
        _deployVault(_large(), true);
        _settled(1);
        _settled(4);
        _settled(16);
    }

    function test_large_in_validium_64_segments() public {
        _deployVault(_large(), true);
        _settled(64);
    }

    function _settlements(Sizes memory chosen, bool isValidium) private {
        _deployVault(chosen, isValidium);
        _settled(1);
        _settled(4);
        _settled(16);
        _settled(64);
    }

    /// @dev What traders may have a relayer take into one batch (relayer/pipeline/batching.py).
    uint32 private constant DEPOSITS = 384;
    uint32 private constant EXITS = 96;
    uint32 private constant WITHDRAWALS = 160;

    /// However many parts a settlement has, its last transaction does all that the touches ask of the vault: it must fit, or traders could
    /// have a batch sealed that nobody can settle.
    function test_all_that_traders_may_put_into_a_batch_is_settled_by_transactions_that_fit() public {
        _deployVault(_large(), false);
        _openAccounts(EXITS + WITHDRAWALS);
        _queue(EXITS + WITHDRAWALS, DEPOSITS);
        for (uint32 i = 1; i <= EXITS; ++i) {
            _requestExit(i);
        }
        _open();
        delete touches;
        _plain(0);
        for (uint32 i = 1; i <= EXITS + WITHDRAWALS + DEPOSITS; ++i) {
            if (i <= EXITS) _exit(i, 5e6, 5e6);
            else if (i <= EXITS + WITHDRAWALS) _touch(i, 0, 0, 5e6, _somebody(i));
            else _touch(i, 10e6, i, 0, address(0));
        }
        Sum memory sum;
        bytes memory seal = _sealCall(0, EXITS + WITHDRAWALS + DEPOSITS, EXITS);
        _pay(sum, operator, address(vault), 0, seal);
        _settleInParts(0, sum);
        emit Largest(sum.largestGas, sum.largestBytes);
        assertEq(vault.claimable(_somebody(1)), 5e6, "exits are paid");
        assertEq(vault.claimable(_somebody(EXITS + WITHDRAWALS)), 5e6, "withdrawals are paid");
        assertEq(vault.pendingDeposits(), 0, "deposits are booked");
    }

    /// @dev Accounts 1 to `count`, each with its first deposit in a settled batch.
    function _openAccounts(uint32 count) private {
        _queue(0, count);
        _open();
        delete touches;
        _plain(0);
        for (uint32 i = 1; i <= count; ++i) {
            _touch(i, 10e6, i, 0, address(0));
        }
        vm.prank(operator);
        (bool ok,) = address(vault).call(_sealCall(0, count, 0));
        assertTrue(ok, "seals");
        Sum memory unpaid;
        _settleInParts(0, unpaid);
    }

    /// @dev Deposits of `count` new owners, who get the accounts after `before`.
    function _queue(uint32 before, uint32 count) private {
        token.mint(trader, uint256(count) * 10e6);
        vm.startPrank(trader);
        token.approve(address(vault), uint256(count) * 10e6);
        for (uint256 i = 1; i <= count; ++i) {
            vault.deposit(before + i, 10e6);
        }
        vm.stopPrank();
    }

    function _requestExit(uint32 index) private {
        address to = _somebody(index);
        uint256[6] memory inputs = [vault.domain(), index, index, uint160(to), 5e6, 0];
        accountVerifier.approve(abi.encodePacked(inputs));
        uint256[8] memory proof;
        vm.deal(trader, 0.001 ether);
        vm.prank(trader);
        vault.requestExit{value: 0.001 ether}(index, 5e6, to, proof);
    }

    /// @dev A recipient of its own for each account, as dear as can be.
    function _somebody(uint256 index) private pure returns (address) {
        return address(uint160(uint256(keccak256(abi.encode("somebody", index)))));
    }

    /// @dev Opens, seals and settles a full batch.
    function _settled(uint256 segments) private {
        uint32 orders = _fillBatch(segments);
        Sum memory sum;
        if (_fits(segments)) {
            _settleAtOnce(orders, sum);
        } else {
            _settleInParts(orders, sum);
        }
        emit Measured("settle", sizes.name, rules.validium(), segments, orders, sum);
    }

    /// @dev Whether all segments fit into the calldata of one transaction.
    function _fits(uint256 segments) private view returns (bool) {
        return _claimBytes(segments) + segments * _segmentBytes() + 32 * (M + K) + PART_SPARE <= TRANSACTION_BYTES;
    }

    function _segmentBytes() private view returns (uint256) {
        return 32 * (rules.validium() ? T * 5 + 2 : T * W) + 256;
    }

    function _claimBytes(uint256 segments) private pure returns (uint256) {
        return 160 * segments;
    }

    function _settleAtOnce(uint32 orders, Sum memory sum) private {
        Made memory made = _make(_stated(orders));
        bytes memory data =
            abi.encodeCall(vault.settle, (made.claim, _whole(rules, made), made.closingProof, made.closingWords));
        _pay(sum, relayer, address(vault), 0, data);
        assertEq(vault.root(), made.claim.segments[made.claim.segments.length - 1].root, "root");
    }

    function _settleInParts(uint32 orders, Sum memory sum) private {
        Made memory made = _make(_stated(orders));
        uint256 n = made.claim.segments.length;
        uint256 room = TRANSACTION_BYTES - PART_SPARE - _claimBytes(n) - 96 * _concerned();
        uint256 size = room / _segmentBytes();
        bytes memory answer = _pay(sum, relayer, address(vault), 0, abi.encodeCall(vault.beginSettlement, (made.claim)));
        for (uint256 first = 0; first < n; first += size) {
            ISettlementRules.Progress memory progress = abi.decode(answer, (ISettlementRules.Progress));
            ISettlementRules.Part memory part = _part(rules, made, first, n - first < size ? n - first : size);
            bytes memory data = abi.encodeCall(vault.advanceSettlement, (made.claim, progress, part));
            answer = _pay(sum, relayer, address(vault), 0, data);
        }
        _finishSettlement(made, abi.decode(answer, (ISettlementRules.Progress)), sum);
        assertEq(vault.root(), made.claim.segments[n - 1].root, "root");
    }

    /// @dev Touches that a part tells the next of.
    function _concerned() private view returns (uint256 count) {
        for (uint256 i = 0; i < touches.length; ++i) {
            if (touches[i][0] >> 22 != 0) ++count;
        }
    }

    function _finishSettlement(Made memory made, ISettlementRules.Progress memory progress, Sum memory sum) private {
        bytes memory data =
            abi.encodeCall(vault.finishSettlement, (made.claim, progress, made.closingProof, made.closingWords));
        _pay(sum, relayer, address(vault), 0, data);
    }

    // -------------------------------------------------------------------------------------------------------- other calls

    function test_calls_at_standard() public {
        _calls(_standard());
    }

    function test_calls_at_large() public {
        _calls(_large());
    }

    function _calls(Sizes memory chosen) private {
        _deployVault(chosen, false);
        token.mint(trader, 100e6);
        vm.prank(trader);
        token.approve(address(vault), 100e6);
        _deposit("", 1);
        _deposit("deposit, first of an account", 2);
        _deposit("deposit, a further one", 2);
        vm.prank(operator);
        vault.returnDeposit(1);
        _single("claim", relayer, abi.encodeCall(vault.claim, (trader)));
        _postEpoch("postEpoch");
        _single("open", operator, abi.encodeCall(vault.open, ()));
        delete touches;
        _plain(0);
        _single("seal", operator, _sealCall(0));
        _single("voidSeal", operator, abi.encodeCall(vault.voidSeal, ()));
    }

    function _deposit(string memory name, uint256 owner) private {
        _single(name, trader, abi.encodeCall(vault.deposit, (owner, 10e6)));
    }

    function _single(string memory name, address sender, bytes memory data) private {
        Sum memory sum;
        _pay(sum, sender, address(vault), 0, data);
        if (bytes(name).length != 0) emit Measured(name, sizes.name, false, 0, 0, sum);
    }

    // ---------------------------------------------------------------------------------------------------------- the vault

    function _standard() private pure returns (Sizes memory) {
        return Sizes("standard", 7, 64, 16);
    }

    function _large() private pure returns (Sizes memory) {
        return Sizes("large", 28, 256, 64);
    }

    function _deployVault(Sizes memory chosen, bool isValidium) private {
        vm.warp(1_700_000_000);
        sizes = chosen;
        _deploySized(chosen.touches, WORDS, chosen.riskRows, chosen.settledRows);
        rules = isValidium ? validium : rollup;
        token = new TestToken();
        IVerifier.Parameters memory parameters = verifier.parameters();
        (parameters.depth, parameters.touches, parameters.orders) = (7, T, ORDERS);
        (parameters.wordsPerTouch, parameters.riskRows, parameters.settledRows) = (W, M, K);
        vm.mockCall(address(verifier), abi.encodeCall(IVerifier.parameters, ()), abi.encode(parameters));
        vault = IVault(_create(bytes.concat(vm.getCode("Vault.sol:Vault"), abi.encode(_config()))));
        vm.clearMockedCalls();
        vault.bonds().fund{value: 10_000 ether}();
        for (uint32 i = 0; i < M; ++i) {
            instruments.push(1000 + 3 * i);
        }
        _postEpoch("");
        _settleEmptyBatch();
    }

    function _config() private returns (IVault.Config memory config) {
        accountVerifier = new AccountVerifierMock();
        IAccountVerifier.Parameters memory own = accountVerifier.parameters();
        (own.depth, own.positions, own.scenarios, own.riskRows) = (7, 16, 24, M);
        accountVerifier.setParameters(own);
        config.token = address(token);
        config.rules = rules;
        config.accountVerifier = IAccountVerifier(address(accountVerifier));
        config.poseidon = _create(vm.getCode("PoseidonConstants.sol:PoseidonConstants"));
        (config.genesisRoot, config.fundOwner) = (_element("genesis", 0), FUND);
        config.terms = IVault.Terms({feeRate: 30, num: 5, den: 4});
        address[] memory signers = new address[](replicaKeys.length);
        for (uint256 i = 0; i < signers.length; ++i) {
            signers[i] = vm.addr(replicaKeys[i]);
        }
        config.roles = IVault.Roles(operator, makeAddr("receipt signer"), signers, 2);
        config.delays = IVault.Delays(1 days, 1 hours, 12 hours, 1 hours, 2 days, 7 days, 7 days, 14 days);
        config.limits = IVault.Limits(1e6, 2 ** 60, 64, 0.001 ether);
        config.bonds = IBonds.Terms(1 ether, 0.01 ether, 0.1 ether, 7 days, 1 days);
    }

    /// @dev A table of as many instruments as there are rows, with dense words.
    function _postEpoch(string memory name) private {
        vm.warp(block.timestamp + 1);
        bytes memory rows = new bytes(32 * ROW_WORDS * M);
        for (uint256 i = 0; i < M; ++i) {
            _setWord(rows, ROW_WORDS * i, instruments[i] + (_element("mark and minimum", i) >> 146 << 27));
            for (uint256 j = 1; j < ROW_WORDS; ++j) {
                _setWord(rows, ROW_WORDS * i + j, _element("row", ROW_WORDS * i + j) >> 1);
            }
        }
        uint32 number = vault.currentEpoch() + 1;
        IVault.EpochPost memory post = IVault.EpochPost({
            number: number,
            riskRoot: _element("risk root", number),
            ids: instruments,
            previousIds: number == 1 ? new uint32[](0) : instruments,
            settled: new IVault.SettledInstrument[](0),
            rows: rows,
            time: uint40(block.timestamp)
        });
        _single(name, relayer, abi.encodeCall(vault.postEpoch, (post, _epochSignatures(post))));
    }

    function _epochSignatures(IVault.EpochPost memory post) private view returns (bytes memory) {
        bytes32 kind =
            keccak256("Epoch(uint32 number,uint256 riskRoot,bytes32 ids,bytes32 settled,bytes32 rows,uint40 time)");
        bytes32 ids = keccak256(abi.encodePacked(post.ids));
        bytes memory encoded =
            abi.encode(kind, post.number, post.riskRoot, ids, keccak256(""), keccak256(post.rows), post.time);
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", vault.separator(), keccak256(encoded)));
        return bytes.concat(_signature(replicaKeys[0], digest), _signature(replicaKeys[1], digest));
    }

    // ---------------------------------------------------------------------------------------------------------- a batch

    function _settleEmptyBatch() private {
        _open();
        delete touches;
        _plain(0);
        _sealBatch(0);
        Sum memory unpaid;
        _settleAtOnce(0, unpaid);
    }

    /// @dev Opens and seals a batch of full touches; its orders.
    function _fillBatch(uint256 segments) private returns (uint32 orders) {
        _open();
        delete touches;
        for (uint256 i = 0; i < T * segments; ++i) {
            _plain(i);
        }
        orders = uint32(ORDERS * (T * segments - 1));
        _sealBatch(orders);
    }

    function _open() private {
        vm.prank(operator);
        vault.open();
    }

    function _sealBatch(uint32 orders) private {
        vm.prank(operator);
        (bool ok,) = address(vault).call(_sealCall(orders));
        assertTrue(ok, "seals");
    }

    function _sealCall(uint32 orders) private view returns (bytes memory) {
        return _sealCall(orders, 0, 0);
    }

    function _sealCall(uint32 orders, uint64 depositEnd, uint64 exitEnd) private view returns (bytes memory) {
        uint32 count = uint32(touches.length);
        IVault.SealRequest memory request =
            IVault.SealRequest(_sealRoot(), keccak256("receipts"), count, orders, depositEnd, exitEnd);
        return abi.encodeCall(vault.seal, (request));
    }

    /// @dev What the vault states of the batch that it has sealed.
    function _stated(uint32 orders) private view returns (ISettlementRules.Statement memory s) {
        IVault.Seal memory held = vault.currentSeal();
        s = _statement(orders);
        (s.separator, s.domain, s.root) = (vault.separator(), vault.domain(), vault.root());
        s.context = held.batch + 2 ** 32 * uint256(held.lastVoid) + 2 ** 64 * uint256(held.time) + 2 ** 104 * 30 + 2
            ** 118 * 5 + 2 ** 121 * 4;
        (s.depositEnd, s.exitEnd) = (held.depositEnd, held.exitEnd);
        s.riskRoot = vault.epochs(held.epoch).riskRoot;
    }
}
