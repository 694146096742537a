// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Bn254} from "./Bn254.sol";

/// @title Groth16: many proofs of one circuit and one of another in a single pairing product, or one proof alone
/// @notice A proof (A, B, C) of inputs x holds when e(A, B) = e(α, β) · e(Σ xⱼ·ICⱼ, γ) · e(C, δ), with x₀ = 1. Proof i is raised
/// to a weight wᵢ below 2¹²⁸ and all equations are multiplied: a pairing a proof and three for each key in use, so N + 7 for N
/// segments and their closing proof (N + 6 where both keys have one α and β), N + 3 for segments alone. The first weight is 1, the
/// others are a hash of a seed, of every input and of every proof of the call (`weight`): if any proof but the first fails, the product
/// is one for at most one weight of it in 2¹²⁸, and if only the first fails, for none.
///
/// Guaranteed here: every public input is below p, every point is one of its group, and all equations hold. What the inputs mean
/// is left to the caller. No answer of a precompile goes unchecked: a product that failed, if only for want of gas, would be the
/// point at infinity, and the input it stands for bound by nothing.
library Groth16 {
    /// @dev A verifying key is its words one after the other: α (2), β (4), γ (4), δ (4), then two for each point of IC, which are one for
    /// the constant 1 and one for each public input. Points of the second group have their imaginary parts first (x₁, x₀, y₁, y₀).
    uint256 private constant BETA = 0x40;
    uint256 private constant GAMMA = 0xc0;
    uint256 private constant DELTA = 0x140;
    uint256 private constant IC = 0x1c0;
    uint256 private constant POINT = 0x40;

    /// @notice The proofs of one call so far, and the pairs made from them.
    struct Product {
        bytes32 seed;
        uint256 proofs;
        uint256[] pairs;
        uint256 filled;
    }

    /// @notice Words of a proof: A (2), B (4), C (2).
    uint256 internal constant PROOF_WORDS = 8;
    /// @dev Words of a pair of points.
    uint256 private constant PAIR_WORDS = 6;
    /// @dev Pairs that a key adds: with β, γ and δ.
    uint256 private constant KEY_PAIRS = 3;

    /// @notice There is no proof, or the words given are not those of the proofs and inputs of whole segments, a closing proof or both.
    error WrongLengths(uint256 proofWords, uint256 inputWords);
    /// @notice Input `index` of proof `proof` is `value`, which is not below p.
    error InputNotReduced(uint256 proof, uint256 index, uint256 value);
    /// @notice A or C of proof `proof` is no point of the curve.
    error NotOnCurve(uint256 proof);
    /// @notice A point of a verifying key is none of the curve.
    error KeyNotOnCurve();
    /// @notice At least one proof does not hold for its inputs, or its B is no point of the second group.
    error ProofsRefused();

    /// @notice Checks the proofs of any number of segments and, last, at most one closing proof; reverts unless all hold. Which of
    /// them a call has follows from the number of inputs, so the two keys must not have the same.
    /// @param r2 What the weights' seed starts from.
    /// @param segment Words of the segments' verifying key.
    /// @param closing Words of the closing proof's.
    /// @param proofs Eight words a proof: A.x, A.y, B.x₁, B.x₀, B.y₁, B.y₀, C.x, C.y.
    /// @param inputs Public inputs of segment 1, …, segment N, closing.
    function check(
        bytes32 r2,
        bytes memory segment,
        bytes memory closing,
        uint256[] calldata proofs,
        uint256[] calldata inputs
    ) internal view {
        uint256 width = _inputs(segment);
        uint256 all = proofs.length / PROOF_WORDS;
        uint256 segments = _segments(width, _inputs(closing), proofs.length, inputs.length);
        Product memory product;
        product.seed = keccak256(abi.encodePacked(r2, inputs, proofs));
        product.pairs = new uint256[](PAIR_WORDS * (all + 2 * KEY_PAIRS));
        uint256 weights = 0;
        if (segments > 0) {
            weights = _fold(product, segment, proofs[:segments * PROOF_WORDS], inputs[:segments * width]);
            if (segments == all || !_startAlike(segment, closing)) {
                _pushStart(product, segment, weights);
                weights = 0;
            }
        }
        if (segments < all) {
            weights = addmod(
                weights, _fold(product, closing, proofs[segments * PROOF_WORDS:], inputs[segments * width:]), Bn254.P
            );
            _pushStart(product, closing, weights);
        }
        if (!_isOne(product)) revert ProofsRefused();
    }

    /// @notice Checks one proof of one circuit; reverts unless it holds. The only proof needs no weight.
    /// @param key Words of its verifying key.
    /// @param proof Eight words, as in `check`.
    /// @param inputs Public inputs; the key says how many.
    function checkOne(bytes memory key, uint256[PROOF_WORDS] calldata proof, uint256[] memory inputs) internal view {
        if (inputs.length != _inputs(key)) revert WrongLengths(PROOF_WORDS, inputs.length);
        uint256[] memory scalars = new uint256[](inputs.length + 1);
        scalars[0] = 1;
        for (uint256 j = 0; j < inputs.length; ++j) {
            if (inputs[j] >= Bn254.P) revert InputNotReduced(0, j, inputs[j]);
            scalars[j + 1] = inputs[j];
        }
        Product memory product;
        product.pairs = new uint256[](PAIR_WORDS * (1 + KEY_PAIRS));
        uint256 from;
        assembly ("memory-safe") {
            from := proof
        }
        Bn254.G1 memory c;
        _addProof(product, from, c, 1);
        _pushEnd(product, key, scalars, c);
        _pushStart(product, key, 1);
        if (!_isOne(product)) revert ProofsRefused();
    }

    /// @notice Weight of proof `proof`: 1 of the first, else the low 128 bits of keccak(seed ‖ proof), seed = keccak(r₂ ‖ inputs ‖ proofs).
    function weight(bytes32 seed, uint256 proof) internal pure returns (uint256) {
        if (proof == 0) return 1;
        return uint128(uint256(keccak256(abi.encodePacked(seed, proof))));
    }

    /// @dev Number of segments among the proofs; the rest, one or none, is the closing proof.
    function _segments(uint256 segmentInputs, uint256 closingInputs, uint256 proofWords, uint256 inputWords)
        private
        pure
        returns (uint256)
    {
        uint256 all = proofWords / PROOF_WORDS;
        if (all == 0 || all * PROOF_WORDS != proofWords) revert WrongLengths(proofWords, inputWords);
        if (inputWords == all * segmentInputs) return all;
        if (inputWords != (all - 1) * segmentInputs + closingInputs) revert WrongLengths(proofWords, inputWords);
        return all - 1;
    }

    /// @dev Number of public inputs of a key.
    function _inputs(bytes memory key) private pure returns (uint256) {
        return (key.length - IC) / POINT - 1;
    }

    /// @dev Whether two keys have the same α and β, as keys made from one file of powers have: then one pair serves both.
    function _startAlike(bytes memory one, bytes memory other) private pure returns (bool alike) {
        assembly ("memory-safe") {
            alike := eq(keccak256(add(one, 0x20), GAMMA), keccak256(add(other, 0x20), GAMMA))
        }
    }

    /// @dev Adds to the product the equations of all proofs of one key, but for the pair of its α and β; gives the sum of the weights.
    function _fold(Product memory product, bytes memory key, uint256[] calldata proofs, uint256[] calldata inputs)
        private
        view
        returns (uint256)
    {
        uint256[] memory scalars = new uint256[](_inputs(key) + 1);
        Bn254.G1 memory c;
        (uint256 proof, uint256 input, uint256 end) = (0, 0, 0);
        assembly ("memory-safe") {
            proof := proofs.offset
            input := inputs.offset
            end := add(proof, shl(5, proofs.length))
        }
        for (; proof < end; proof += 32 * PROOF_WORDS) {
            uint256 w = weight(product.seed, product.proofs);
            _addInputs(scalars, input, w, product.proofs);
            _addProof(product, proof, c, w);
            input += 32 * (scalars.length - 1);
        }
        _pushEnd(product, key, scalars, c);
        return scalars[0];
    }

    /// @dev scalars += w · (1, inputs); the inputs, one fewer than scalars, stand in calldata at `from`.
    function _addInputs(uint256[] memory scalars, uint256 from, uint256 w, uint256 proof) private pure {
        uint256 p = Bn254.order();
        bool reduced = true;
        assembly ("memory-safe") {
            let scalar := add(scalars, 0x20)
            let end := add(scalar, shl(5, mload(scalars)))
            mstore(scalar, addmod(mload(scalar), w, p))
            // Input j stands as far behind `from` as scalar j + 1 behind the second.
            let shift := sub(from, add(scalar, 0x20))
            scalar := add(scalar, 0x20)
            if and(sub(end, scalar), 0x20) {
                let x := calldataload(from)
                reduced := lt(x, p)
                mstore(scalar, addmod(mload(scalar), mulmod(w, x, p), p))
                scalar := add(scalar, 0x20)
            }
            for {} lt(scalar, end) { scalar := add(scalar, 0x40) } {
                let x := calldataload(add(scalar, shift))
                reduced := and(reduced, lt(x, p))
                mstore(scalar, addmod(mload(scalar), mulmod(w, x, p), p))
                let next := add(scalar, 0x20)
                x := calldataload(add(next, shift))
                reduced := and(reduced, lt(x, p))
                mstore(next, addmod(mload(next), mulmod(w, x, p), p))
            }
        }
        if (!reduced) _refuseInputs(from, scalars.length - 1, proof);
    }

    function _refuseInputs(uint256 from, uint256 count, uint256 proof) private pure {
        for (uint256 j = 0; j < count; ++j) {
            uint256 input;
            assembly ("memory-safe") {
                input := calldataload(add(from, shl(5, j)))
            }
            if (input >= Bn254.P) revert InputNotReduced(proof, j, input);
        }
    }

    /// @dev Pushes (w·A, B) and adds w·C to c; the proof stands in calldata at `from`.
    function _addProof(Product memory product, uint256 from, Bn254.G1 memory c, uint256 w) private view {
        uint256 pair = _nextPair(product);
        bool ok = w == 1
            ? Bn254.copyTo(pair, from) && Bn254.addCalldata(c, from + 0xc0)
            : Bn254.mulTo(pair, from, w) && Bn254.addProductOfCalldata(c, from + 0xc0, w);
        if (!ok) revert NotOnCurve(product.proofs);
        assembly ("memory-safe") {
            calldatacopy(add(pair, 0x40), add(from, 0x40), 0x80)
        }
        ++product.proofs;
    }

    /// @dev Pushes (−Σ scalarsⱼ·ICⱼ, γ) and (−c, δ).
    function _pushEnd(Product memory product, bytes memory key, uint256[] memory scalars, Bn254.G1 memory c)
        private
        view
    {
        Bn254.G1 memory inputs;
        if (!Bn254.addProducts(inputs, _at(key, IC), scalars)) revert KeyNotOnCurve();
        _push(product, inputs, _at(key, GAMMA));
        _push(product, c, _at(key, DELTA));
    }

    /// @dev Pushes (−w·α, β) for the sum of weights w.
    function _pushStart(Product memory product, bytes memory key, uint256 w) private view {
        Bn254.G1 memory alpha;
        uint256[] memory scalars = new uint256[](1);
        scalars[0] = w;
        if (!Bn254.addProducts(alpha, _at(key, 0), scalars)) revert KeyNotOnCurve();
        _push(product, alpha, _at(key, BETA));
    }

    /// @dev Where in memory a part of a key stands.
    function _at(bytes memory key, uint256 part) private pure returns (uint256 place) {
        assembly ("memory-safe") {
            place := add(add(key, 0x20), part)
        }
    }

    /// @dev Pushes the pair of −g1 and the point of the second group at `g2`.
    function _push(Product memory product, Bn254.G1 memory g1, uint256 g2) private pure {
        Bn254.G1 memory negative = Bn254.negate(g1);
        uint256 pair = _nextPair(product);
        assembly ("memory-safe") {
            mcopy(pair, negative, 0x40)
            mcopy(add(pair, 0x40), g2, 0x80)
        }
    }

    /// @dev Where in memory the next pair goes; `pairs` was made for all that a call can have.
    function _nextPair(Product memory product) private pure returns (uint256 pair) {
        uint256[] memory pairs = product.pairs;
        uint256 start = product.filled;
        product.filled = start + PAIR_WORDS;
        assembly ("memory-safe") {
            pair := add(add(pairs, 0x20), shl(5, start))
        }
    }

    /// @dev Whether the product of the pairs so far is one.
    function _isOne(Product memory product) private view returns (bool) {
        uint256[] memory pairs = product.pairs;
        uint256 filled = product.filled;
        assembly ("memory-safe") {
            mstore(pairs, filled) // not longer than it was made
        }
        return Bn254.pairingIsOne(pairs);
    }
}
