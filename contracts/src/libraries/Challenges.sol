// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Bn254} from "./Bn254.sol";

/// @title Challenges of a settlement (protocol, section 7)
/// @notice Two rounds of keccak. The first absorbs everything fixed before any challenge; the second adds the commitment of the
/// closing proof to what depends on the first challenges only. Nothing is left out: whoever changes a byte of what is settled
/// draws other challenges. Arguments are words in the order of the protocol; gathering them is left to the caller.
library Challenges {
    /// @notice The challenges, each below p.
    struct Points {
        uint256 y;
        uint256 theta;
        uint256 gamma;
        uint256 z;
        uint256 beta;
    }

    /// @notice First word of the first round: keeps these hashes apart from all others.
    bytes32 internal constant TAG = "tacit.settlement.1";

    /// @notice `r₁`, the hash of all words of the transcript; the first word is `TAG`.
    function first(uint256[] memory transcript) internal pure returns (bytes32 r1) {
        assembly ("memory-safe") {
            r1 := keccak256(add(transcript, 0x20), mul(mload(transcript), 0x20))
        }
    }

    /// @notice `r₂ = keccak(r₁ ‖ τ_G)`.
    function second(bytes32 r1, uint256 closingTranscript) internal pure returns (bytes32) {
        return _hash(r1, closingTranscript);
    }

    /// @notice All challenges: y, θ, γ, z from r₁ with 1, 2, 3, 4 and β from r₂ with 5.
    function points(bytes32 r1, bytes32 r2) internal pure returns (Points memory) {
        return
            Points({
                y: _point(r1, 1), theta: _point(r1, 2), gamma: _point(r1, 3), z: _point(r1, 4), beta: _point(r2, 5)
            });
    }

    function _point(bytes32 round, uint256 number) private pure returns (uint256) {
        return uint256(_hash(round, number)) % Bn254.P;
    }

    function _hash(bytes32 left, uint256 right) private pure returns (bytes32 digest) {
        assembly ("memory-safe") {
            mstore(0x00, left)
            mstore(0x20, right)
            digest := keccak256(0x00, 0x40)
        }
    }
}
