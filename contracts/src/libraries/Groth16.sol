// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Bn254} from "./Bn254.sol";

/// @title Groth16: many proofs of one circuit and one of another in a single pairing product, or one proof alone
/// @notice A proof (A, B, C) of inputs x holds when e(A, B) = e(α, β) · e(Σ xⱼ·ICⱼ, γ) · e(C, δ), with x₀ = 1. Proof i is raised
/// to a weight wᵢ below 2¹²⁸ and all equations are multiplied: a pairing a proof and three for each key in use, so N + 7 for N
/// segments and their closing proof, N + 4 for segments alone. If any single proof fails, the product is one for at most one weight
/// in 2¹²⁸; weights are therefore a hash of a seed, of every input and of every proof of the call (`weight`).
///
/// Guaranteed here: every public input is below p, every point is one of its group, and all equations hold. What the inputs mean
/// is left to the caller. No answer of a precompile goes unchecked: a product that failed, if only for want of gas, would be the
/// point at infinity, and the input it stands for bound by nothing.
library Groth16 {
    /// @notice A verifying key. Points of the second group have their imaginary parts first (x₁, x₀, y₁, y₀).
    struct Key {
        Bn254.G1 alpha;
        uint256[4] beta;
        uint256[4] gamma;
        uint256[4] delta;
        /// One point for the constant 1, then one for each public input.
        Bn254.G1[] ic;
    }

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
    /// @param proofs Eight words a proof: A.x, A.y, B.x₁, B.x₀, B.y₁, B.y₀, C.x, C.y.
    /// @param inputs Public inputs of segment 1, …, segment N, closing.
    function check(
        bytes32 r2,
        Key memory segment,
        Key memory closing,
        uint256[] calldata proofs,
        uint256[] calldata inputs
    ) internal view {
        uint256 width = segment.ic.length - 1;
        uint256 all = proofs.length / PROOF_WORDS;
        uint256 segments = _segments(width, closing.ic.length - 1, proofs.length, inputs.length);
        Product memory product;
        product.seed = keccak256(abi.encodePacked(r2, inputs, proofs));
        product.pairs = new uint256[](PAIR_WORDS * (all + KEY_PAIRS * ((segments > 0 ? 1 : 0) + all - segments)));
        if (segments > 0) {
            _fold(product, segment, proofs[:segments * PROOF_WORDS], inputs[:segments * width]);
        }
        if (segments < all) {
            _fold(product, closing, proofs[segments * PROOF_WORDS:], inputs[segments * width:]);
        }
        if (!Bn254.pairingIsOne(product.pairs)) revert ProofsRefused();
    }

    /// @notice Checks one proof of one circuit; reverts unless it holds. The only proof needs no weight.
    /// @param proof Eight words, as in `check`.
    /// @param inputs Public inputs; the key says how many.
    function checkOne(Key memory key, uint256[PROOF_WORDS] calldata proof, uint256[] memory inputs) internal view {
        if (inputs.length + 1 != key.ic.length) revert WrongLengths(PROOF_WORDS, inputs.length);
        uint256[] memory scalars = new uint256[](key.ic.length);
        scalars[0] = 1;
        for (uint256 j = 0; j < inputs.length; ++j) {
            if (inputs[j] >= Bn254.P) revert InputNotReduced(0, j, inputs[j]);
            scalars[j + 1] = inputs[j];
        }
        Product memory product;
        product.pairs = new uint256[](PAIR_WORDS * (1 + KEY_PAIRS));
        Bn254.G1 memory c;
        _addProof(product, proof, c, 1);
        _pushKey(product, key, scalars, c);
        if (!Bn254.pairingIsOne(product.pairs)) revert ProofsRefused();
    }

    /// @notice Weight of proof `proof`: the low 128 bits of keccak(seed ‖ proof), seed = keccak(r₂ ‖ inputs ‖ proofs).
    function weight(bytes32 seed, uint256 proof) internal pure returns (uint256) {
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

    /// @dev Adds to the product the equations of all proofs of one key.
    function _fold(Product memory product, Key memory key, uint256[] calldata proofs, uint256[] calldata inputs)
        private
        view
    {
        uint256 count = proofs.length / PROOF_WORDS;
        uint256 width = key.ic.length - 1;
        uint256[] memory scalars = new uint256[](width + 1);
        Bn254.G1 memory c;
        for (uint256 i = 0; i < count; ++i) {
            uint256 w = weight(product.seed, product.proofs);
            _addInputs(scalars, inputs[i * width:(i + 1) * width], w, product.proofs);
            _addProof(product, _proof(proofs, i), c, w);
        }
        _pushKey(product, key, scalars, c);
    }

    /// @dev Proof `number` of `proofs`, which the caller knows to be that long.
    function _proof(uint256[] calldata proofs, uint256 number)
        private
        pure
        returns (uint256[PROOF_WORDS] calldata proof)
    {
        uint256[] calldata words = proofs[number * PROOF_WORDS:(number + 1) * PROOF_WORDS];
        assembly ("memory-safe") {
            proof := words.offset
        }
    }

    /// @dev scalars += w · (1, inputs), for scalars one longer than inputs.
    function _addInputs(uint256[] memory scalars, uint256[] calldata inputs, uint256 w, uint256 proof) private pure {
        uint256 p = Bn254.order();
        bool reduced = true;
        scalars[0] = addmod(scalars[0], w, p);
        assembly ("memory-safe") {
            let scalar := add(scalars, 0x40)
            let end := add(inputs.offset, shl(5, inputs.length))
            for { let input := inputs.offset } lt(input, end) { input := add(input, 0x20) } {
                let x := calldataload(input)
                reduced := and(reduced, lt(x, p))
                mstore(scalar, addmod(mload(scalar), mulmod(w, x, p), p))
                scalar := add(scalar, 0x20)
            }
        }
        if (!reduced) _refuseInputs(inputs, proof);
    }

    function _refuseInputs(uint256[] calldata inputs, uint256 proof) private pure {
        for (uint256 j = 0; j < inputs.length; ++j) {
            if (inputs[j] >= Bn254.P) revert InputNotReduced(proof, j, inputs[j]);
        }
    }

    /// @dev Pushes (w·A, B) and adds w·C to c.
    function _addProof(Product memory product, uint256[PROOF_WORDS] calldata words, Bn254.G1 memory c, uint256 w)
        private
        view
    {
        (bool onCurve, Bn254.G1 memory a) = Bn254.mul(words[0], words[1], w);
        if (!onCurve || !Bn254.addProduct(c, words[6], words[7], w)) revert NotOnCurve(product.proofs);
        ++product.proofs;
        _push(product, a, [words[2], words[3], words[4], words[5]]);
    }

    /// @dev Pushes what the key's side of the folded equations is: (−w·α, β), (−Σ scalarsⱼ·ICⱼ, γ), (−c, δ).
    function _pushKey(Product memory product, Key memory key, uint256[] memory scalars, Bn254.G1 memory c)
        private
        view
    {
        Bn254.G1 memory alpha;
        if (!Bn254.addProduct(alpha, key.alpha.x, key.alpha.y, scalars[0])) revert KeyNotOnCurve();
        Bn254.G1 memory inputs;
        for (uint256 j = 0; j < scalars.length; ++j) {
            Bn254.G1 memory point = key.ic[j];
            if (!Bn254.addProduct(inputs, point.x, point.y, scalars[j])) revert KeyNotOnCurve();
        }
        _push(product, Bn254.negate(alpha), key.beta);
        _push(product, Bn254.negate(inputs), key.gamma);
        _push(product, Bn254.negate(c), key.delta);
    }

    function _push(Product memory product, Bn254.G1 memory g1, uint256[4] memory g2) private pure {
        uint256[] memory pairs = product.pairs;
        uint256 start = product.filled;
        product.filled = start + PAIR_WORDS;
        assembly ("memory-safe") {
            // `pairs` was made for all pairs of the call.
            let pair := add(add(pairs, 0x20), shl(5, start))
            mcopy(pair, g1, 0x40)
            mcopy(add(pair, 0x40), g2, 0x80)
        }
    }
}
