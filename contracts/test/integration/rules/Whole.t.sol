// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {ISettlementRules} from "src/interfaces/ISettlementRules.sol";
import {RulesFixture} from "test/helpers/RulesFixture.sol";

/// @notice A settlement that holds is accepted and answered with what it asks of the vault: the same in both modes, in one call or
/// in several.
contract WholeTest is RulesFixture {
    address private recipient = makeAddr("recipient");

    function setUp() public {
        _deploy();
        instruments = [3, 7, 9];
    }

    function test_a_batch_of_the_fund_alone_is_accepted() public {
        _plain(0);
        Made memory made = _make(0);
        _accepted(made);
        ISettlementRules.Effects memory effects = _check(rollup, made);
        assertEq(effects.accounts.length, 0, "nothing concerns the vault");
        assertEq(effects.settledRows.length, 0, "no settled rows");
    }

    function test_effects_are_root_hashes_accounts_and_settled_rows() public {
        _plain(0);
        _touch(1, 120e6, 0xa11ce, 0, address(0));
        _touch(2, 0, 0, 30e6, recipient);
        _plain(3);
        _exit(4, 60e6, 0);
        _exit(5, 0, 0);
        _touch(6, 1, 0, 0, address(0));
        settledRows = [4 + 2 ** 27 * 1_500_000, 8];
        Made memory made = _make(5);
        _accepted(made);
        ISettlementRules.Effects memory effects = _check(validium, made);
        assertEq(effects.r1, _challenges(made).r1, "r1");
        assertEq(effects.root, made.claim.segments[3].root, "root");
        bytes memory hashes;
        for (uint256 j = 0; j < 4; ++j) {
            hashes = abi.encodePacked(hashes, made.claim.segments[j].dataHash);
        }
        assertEq(effects.dataHash, keccak256(abi.encodePacked(hashes, made.claim.closingHash)), "data hash");
        bytes memory accounts;
        uint8[5] memory concerned = [1, 2, 4, 5, 6];
        for (uint256 i = 0; i < concerned.length; ++i) {
            uint256[5] memory touch = touches[concerned[i]];
            accounts = abi.encodePacked(accounts, touch[0], touch[3], touch[4]);
        }
        assertEq(abi.encodePacked(effects.accounts), accounts, "accounts");
        assertEq(abi.encodePacked(effects.settledRows), abi.encodePacked(settledRows), "settled rows");
    }

    /// forge-config: default.fuzz.runs = 48
    function testFuzz_parts_of_any_size_say_what_the_whole_says(uint256 count, uint256 size, uint256 seed) public {
        (count, size) = (bound(count, 1, 14), bound(size, 1, 7));
        _plain(0);
        for (uint256 i = 1; i < count; ++i) {
            uint256 kind = uint256(keccak256(abi.encode(seed, i))) % 4;
            if (kind == 0) _plain(i);
            else if (kind == 1) _touch(i, i, i, 0, address(0));
            else if (kind == 2) _exit(i, i, 1);
            else _touch(i, 0, 0, i, recipient);
        }
        Made memory made = _make(uint32(seed % (2 * count + 1)));
        ISettlementRules.Effects memory effects = _check(rollup, made);
        bytes memory accounts;
        for (uint256 i = 0; i < count; ++i) {
            if (touches[i][0] >> 22 == 0) continue;
            accounts = abi.encodePacked(accounts, touches[i][0], touches[i][3], touches[i][4]);
        }
        assertEq(abi.encodePacked(effects.accounts), accounts, "accounts");
        bytes memory expected = abi.encode(effects);
        assertEq(abi.encode(_check(validium, made)), expected, "validium");
        assertEq(abi.encode(this.checkInParts(rollup, made, size)), expected, "rollup in parts");
        assertEq(abi.encode(this.checkInParts(validium, made, size)), expected, "validium in parts");
    }

    function test_progress_says_how_far_it_is() public {
        for (uint256 i = 0; i < 5; ++i) {
            _plain(i);
        }
        Made memory made = _make(5);
        ISettlementRules.Progress memory progress = rollup.begin(made.statement, made.claim);
        assertEq(progress.r1, _challenges(made).r1, "r1");
        assertEq(progress.segment, 0, "no segment");
        progress = rollup.advance(made.statement, made.claim, progress, _part(rollup, made, 0, 2));
        assertEq(progress.segment, 2, "segments");
        assertEq(progress.touch, 4, "touches");
        progress = rollup.advance(made.statement, made.claim, progress, _part(rollup, made, 2, 1));
        assertEq(progress.segment, 3, "all segments");
        assertEq(progress.touch, 5, "live touches only");
    }
}
