// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Bn254} from "src/libraries/Bn254.sol";
import {DataWords} from "src/libraries/DataWords.sol";
import {SealTree} from "src/libraries/SealTree.sol";
import {SegmentWords} from "src/libraries/SegmentWords.sol";
import {Test} from "test/helpers/Test.sol";

contract SegmentWordsTest is Test {
    uint256 private constant P = Bn254.P;

    /// @dev Brings words into calldata.
    function read(bytes calldata words, uint256 from, uint256 live, bytes32[] memory earlier, uint256 z)
        external
        pure
        returns (uint256 value, bool plain, bytes32 root)
    {
        bytes32[] memory peaks = new bytes32[](SealTree.heights(earlier.length + live));
        for (uint256 i = 0; i < earlier.length; ++i) {
            SealTree.append(peaks, i, earlier[i]);
        }
        uint256 free = _free();
        (value, plain) = SegmentWords.read(words, from, live, peaks, earlier.length, z);
        assertEq(_free(), free, "the free memory pointer");
        root = SealTree.close(peaks, earlier.length + live);
    }

    function hash(bytes calldata words, uint256 from, uint256 touches, uint256 cipher) external pure returns (bytes32) {
        return SegmentWords.hash(words, from, touches, cipher);
    }

    function hashOpen(bytes calldata words, uint256 from, uint256 touches) external pure returns (bytes32, bytes32) {
        return SegmentWords.hashOpen(words, from, touches);
    }

    // -------------------------------------------------------------------------------------------------------------- hash

    function testFuzz_the_hash_is_of_open_words_and_of_the_hash_of_cipher_words(
        uint256 from,
        uint256 touches,
        uint256 cipher,
        bytes32 seed
    ) public view {
        (from, touches, cipher) = (bound(from, 0, 9), bound(touches, 1, 5), bound(cipher, 1, 9));
        bytes memory words = _words(from + touches * (5 + cipher), seed);
        bytes memory open = _cut(words, from, touches * 5);
        bytes32 inner = keccak256(_cut(words, from + touches * 5, touches * cipher));
        bytes32 expected = keccak256(bytes.concat(open, inner));
        assertEq(this.hash(words, from, touches, cipher), expected, "with the words");
        bytes memory elsewhere = bytes.concat(_cut(words, 0, from), open, inner);
        (bytes32 digest, bytes32 cipherHash) = this.hashOpen(elsewhere, from, touches);
        assertEq(digest, expected, "with their hash");
        assertEq(cipherHash, inner, "the hash itself");
    }

    // ------------------------------------------------------------------------------------------------------------- value

    /// @dev The definition: one run over the open words, whatever stands behind them.
    function testFuzz_the_value_is_that_of_the_open_words_alone(
        uint256 from,
        uint256 touches,
        uint256 cipher,
        uint256 z,
        bytes32 seed
    ) public view {
        (from, touches, cipher) = (bound(from, 0, 9), bound(touches, 1, 5), bound(cipher, 0, 9));
        z = bound(z, 0, P - 1);
        bytes memory words = _words(from + touches * (5 + cipher), seed);
        for (uint256 i = 0; i < touches; ++i) {
            // Both ways past words 3 and 4.
            if (uint256(seed) >> i & 1 == 0) continue;
            _setWord(words, from + 5 * i + 3, 0);
            if (uint256(seed) >> i & 32 == 0) _setWord(words, from + 5 * i + 4, 0);
        }
        uint256 expected = 0;
        for (uint256 i = 0; i < 5 * touches; ++i) {
            expected = addmod(mulmod(expected, z, P), _word(words, from + i), P);
        }
        (uint256 value,,) = this.read(words, from, touches, new bytes32[](0), z);
        assertEq(value, expected, "value");
    }

    function test_the_largest_words_at_the_largest_point_do_not_wrap() public view {
        bytes memory words;
        for (uint256 i = 0; i < 10; ++i) {
            words = abi.encodePacked(words, P - 1);
        }
        // At z = −1 words of −1 have the values −1, 0, −1, …
        (uint256 value,,) = this.read(words, 0, 1, new bytes32[](0), P - 1);
        assertEq(value, P - 1, "one touch");
        (value,,) = this.read(words, 0, 2, new bytes32[](0), P - 1);
        assertEq(value, 0, "two touches");
    }

    function test_words_1_to_3_in_another_encoding_are_refused() public {
        for (uint256 k = 1; k <= 5; ++k) {
            for (uint256 word = 1; word <= 3; ++word) {
                bytes memory words = new bytes(32 * 12);
                _setWord(words, 1 + 5 + word, 2 + k * P);
                vm.expectRevert(abi.encodeWithSelector(DataWords.WordNotReduced.selector, 6 + word, 2 + k * P));
                this.read(words, 1, 2, new bytes32[](0), 9);
            }
        }
    }

    // -------------------------------------------------------------------------------------------------------------- seal

    function testFuzz_touches_are_appended_to_the_seals_tree(uint256 earlier, uint256 live, bytes32 seed) public view {
        (earlier, live) = (bound(earlier, 0, 40), bound(live, 1, 30));
        bytes32[] memory leaves = new bytes32[](earlier + live);
        bytes32[] memory before = new bytes32[](earlier);
        bytes memory words = _words(5 * live, seed);
        for (uint256 i = 0; i < earlier + live; ++i) {
            if (i < earlier) {
                leaves[i] = before[i] = keccak256(abi.encode(seed, i));
                continue;
            }
            uint256 start = 5 * (i - earlier);
            leaves[i] = SealTree.leaf(_word(words, start) & (2 ** 21 - 1), _word(words, start + 1));
        }
        (,, bytes32 root) = this.read(words, 0, live, before, 9);
        assertEq(root, SealTree.root(leaves), "root");
    }

    /// @dev Against the plain form, in which any touch may be unusual: two touches are read at once where they are children of one node.
    function testFuzz_read_is_append_and_evaluate(uint256 earlier, uint256 live, uint256 z, uint256 usual, bytes32 seed)
        public
        view
    {
        (earlier, live, z) = (bound(earlier, 0, 40), bound(live, 0, 30), bound(z, 0, P - 1));
        bytes memory words = _plainWords(live);
        bytes32[] memory leaves = new bytes32[](earlier + live);
        bytes32[] memory before = new bytes32[](earlier);
        bool allPlain = true;
        uint256 expected = 0;
        for (uint256 i = 0; i < earlier; ++i) {
            leaves[i] = before[i] = keccak256(abi.encode(seed, i));
        }
        for (uint256 i = 0; i < live; ++i) {
            // One in 32 touches has an unusual word 0, 3 or 4.
            if (uint8(uint256(keccak256(abi.encode(usual, i)))) < 8) {
                uint256 odd = uint256(keccak256(abi.encode(usual, i))) >> 8 & 3;
                _setWord(words, 5 * i + (odd < 2 ? 0 : odd + 1), 2 ** 24 + i);
                allPlain = false;
            }
            _setWord(words, 5 * i + 1, uint256(keccak256(abi.encode(seed, "L", i))) % P);
            _setWord(words, 5 * i + 2, uint256(keccak256(abi.encode(seed, "leaf", i))) % P);
            leaves[earlier + i] = SealTree.leaf(_word(words, 5 * i) & (2 ** 21 - 1), _word(words, 5 * i + 1));
            for (uint256 k = 0; k < 5; ++k) {
                expected = addmod(mulmod(expected, z, P), _word(words, 5 * i + k), P);
            }
        }
        if (earlier + live == 0) return;
        (uint256 value, bool plain, bytes32 root) = this.read(words, 0, live, before, z);
        assertEq(value, expected, "value");
        assertEq(plain, allPlain, "plain");
        assertEq(root, SealTree.root(leaves), "root");
    }

    // ------------------------------------------------------------------------------------------------------------- plain

    function test_a_touch_is_plain_if_it_is_live_and_nothing_else() public view {
        for (uint256 i = 0; i < 3; ++i) {
            // 2²⁵⁴ is above p: such words are refused, plain or not.
            for (uint256 bit = 0; bit < 254; ++bit) {
                bytes memory words = _plainWords(3);
                _setWord(words, 5 * i, _word(words, 5 * i) ^ 2 ** bit);
                assertEq(_isPlain(words), bit < 21, "word 0");
                words = _plainWords(3);
                _setWord(words, 5 * i + 4, 2 ** bit);
                assertFalse(_isPlain(words), "word 4");
                words = _plainWords(3);
                _setWord(words, 5 * i + 3, 2 ** bit);
                assertFalse(_isPlain(words), "word 3");
            }
        }
        assertTrue(_isPlain(_plainWords(3)), "plain");
    }

    // ------------------------------------------------------------------------------------------------------------ helpers

    function _free() private pure returns (uint256 free) {
        assembly ("memory-safe") {
            free := mload(0x40)
        }
    }

    function _isPlain(bytes memory words) private view returns (bool plain) {
        (, plain,) = this.read(words, 0, 3, new bytes32[](0), 9);
    }

    function _plainWords(uint256 touches) private pure returns (bytes memory words) {
        words = new bytes(32 * 5 * touches);
        for (uint256 i = 0; i < touches; ++i) {
            _setWord(words, 5 * i, 2 ** 21 + 7 * i);
            _setWord(words, 5 * i + 1, 1000 + i);
        }
    }

    function _words(uint256 count, bytes32 seed) private pure returns (bytes memory words) {
        words = new bytes(32 * count);
        for (uint256 i = 0; i < count; ++i) {
            _setWord(words, i, uint256(keccak256(abi.encode(seed, i))) % P);
        }
    }

    function _cut(bytes memory words, uint256 from, uint256 count) private pure returns (bytes memory cut) {
        cut = new bytes(32 * count);
        for (uint256 i = 0; i < count; ++i) {
            _setWord(cut, i, _word(words, from + i));
        }
    }

    function _word(bytes memory words, uint256 position) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(add(words, 0x20), mul(position, 0x20)))
        }
    }

    function _setWord(bytes memory words, uint256 position, uint256 word) private pure {
        assembly ("memory-safe") {
            mstore(add(add(words, 0x20), mul(position, 0x20)), word)
        }
    }
}
