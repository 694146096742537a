// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Bn254} from "src/libraries/Bn254.sol";
import {Challenges} from "src/libraries/Challenges.sol";
import {Test} from "test/helpers/Test.sol";

contract ChallengesTest is Test {
    function test_the_tag_is_the_text_padded_on_the_right() public pure {
        assertEq(Challenges.TAG, bytes32(bytes("tacit.settlement.1")), "tag");
    }

    function testFuzz_the_first_round_hashes_the_words_and_nothing_else(uint256 a, uint256 b, uint256 c) public pure {
        uint256[] memory words = new uint256[](3);
        (words[0], words[1], words[2]) = (a, b, c);
        assertEq(Challenges.first(words), keccak256(abi.encodePacked(a, b, c)), "r1");
    }

    function testFuzz_challenges_are_those_of_the_protocol(bytes32 r1, uint256 transcript) public pure {
        bytes32 r2 = Challenges.second(r1, transcript);
        assertEq(r2, keccak256(abi.encodePacked(r1, transcript)), "r2");
        Challenges.Points memory points = Challenges.points(r1, r2);
        assertEq(points.y, _point(r1, 1), "y");
        assertEq(points.theta, _point(r1, 2), "theta");
        assertEq(points.gamma, _point(r1, 3), "gamma");
        assertEq(points.z, _point(r1, 4), "z");
        assertEq(points.beta, _point(r2, 5), "beta");
    }

    function _point(bytes32 round, uint256 number) private pure returns (uint256) {
        return uint256(keccak256(abi.encodePacked(round, number))) % Bn254.P;
    }
}
