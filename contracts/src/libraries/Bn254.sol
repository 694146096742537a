// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title The curve BN254 as the precompiles of the EVM know it (EIP-196, EIP-197)
/// @notice The only place that calls the precompiles. They refuse coordinates that are not reduced, points off the curve
/// and, in the pairing, points outside the subgroup; every such refusal comes out of here as `false`. Which point it was,
/// and what to say about it, is left to the caller. A point at infinity is (0, 0), as the precompiles have it.
library Bn254 {
    /// @notice Order of the groups: the field of the circuits, `p` of the protocol.
    uint256 internal constant P = 21888242871839275222246405745257275088548364400416034343698204186575808495617;
    /// @notice Prime of the coordinates' field.
    uint256 internal constant Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583;

    uint256 private constant ADD = 0x06;
    uint256 private constant MUL = 0x07;
    uint256 private constant PAIRING = 0x08;

    /// @notice A point of the first group.
    struct G1 {
        uint256 x;
        uint256 y;
    }

    /// @notice `P`, for loops (`kept`).
    function order() internal pure returns (uint256 p) {
        return kept(P);
    }

    /// @notice `value`, for loops: as far as the compiler can tell, what was read from memory, so it stays on the stack. Optimised for
    /// size, it would copy a constant of this length out of the code at every use, and compute again what is computed from few values.
    function kept(uint256 value) internal pure returns (uint256 same) {
        assembly ("memory-safe") {
            mstore(shr(64, calldatasize()), value) // at 0: no call has 2⁶⁴ bytes
            same := mload(0x00)
        }
    }

    /// @notice Writes `scalar · (x, y)` to the two words of memory at `to`; the point stands in calldata at `from`.
    function mulTo(uint256 to, uint256 from, uint256 scalar) internal view returns (bool ok) {
        assembly ("memory-safe") {
            let input := mload(0x40)
            calldatacopy(input, from, 0x40)
            mstore(add(input, 0x40), scalar)
            ok := staticcall(gas(), MUL, input, 0x60, to, 0x40)
        }
    }

    /// @notice Writes the point that stands in calldata at `from` to the two words of memory at `to`.
    function copyTo(uint256 to, uint256 from) internal view returns (bool ok) {
        assembly ("memory-safe") {
            let input := mload(0x40)
            calldatacopy(input, from, 0x40)
            calldatacopy(add(input, 0x40), calldatasize(), 0x40) // the point at infinity
            ok := staticcall(gas(), ADD, input, 0x80, to, 0x40)
        }
    }

    /// @notice Adds the point that stands in calldata at `from` to `sum` in place; after a refusal `sum` is of no use.
    function addCalldata(G1 memory sum, uint256 from) internal view returns (bool ok) {
        assembly ("memory-safe") {
            let input := mload(0x40)
            mcopy(input, sum, 0x40)
            calldatacopy(add(input, 0x40), from, 0x40)
            ok := staticcall(gas(), ADD, input, 0x80, sum, 0x40)
        }
    }

    /// @notice Adds `scalar · (x, y)` to `sum` in place, the point in calldata at `from`; after a refusal `sum` is of no use.
    function addProductOfCalldata(G1 memory sum, uint256 from, uint256 scalar) internal view returns (bool ok) {
        assembly ("memory-safe") {
            let input := mload(0x40)
            let term := add(input, 0x40)
            mcopy(input, sum, 0x40)
            calldatacopy(term, from, 0x40)
            mstore(add(term, 0x40), scalar)
            ok := staticcall(gas(), MUL, term, 0x60, term, 0x40)
            ok := and(ok, staticcall(gas(), ADD, input, 0x80, sum, 0x40))
        }
    }

    /// @notice Adds `scalars[j] · pointⱼ` to `sum` in place, for all scalars; point j stands in memory at `points + 64·j`. After a refusal
    /// `sum` is of no use.
    function addProducts(G1 memory sum, uint256 points, uint256[] memory scalars) internal view returns (bool ok) {
        assembly ("memory-safe") {
            ok := 1
            let input := mload(0x40)
            let term := add(input, 0x40)
            mcopy(input, sum, 0x40)
            let scalar := add(scalars, 0x20)
            let end := add(scalar, shl(5, mload(scalars)))
            // A refusal takes nearly all gas with it: what is left is for the caller to say so.
            for {} and(ok, lt(scalar, end)) { scalar := add(scalar, 0x20) } {
                mcopy(term, points, 0x40)
                mstore(add(term, 0x40), mload(scalar))
                ok := and(ok, staticcall(gas(), MUL, term, 0x60, term, 0x40))
                ok := and(ok, staticcall(gas(), ADD, input, 0x80, input, 0x40))
                points := add(points, 0x40)
            }
            mcopy(sum, input, 0x40)
        }
    }

    /// @notice `a + b`.
    function add(G1 memory a, G1 memory b) internal view returns (bool ok, G1 memory sum) {
        assembly ("memory-safe") {
            let input := mload(0x40)
            mcopy(input, a, 0x40)
            mcopy(add(input, 0x40), b, 0x40)
            ok := staticcall(gas(), ADD, input, 0x80, sum, 0x40)
        }
    }

    /// @notice `−a`, for a point the precompiles have given back.
    function negate(G1 memory a) internal pure returns (G1 memory) {
        return G1(a.x, a.y == 0 ? 0 : Q - a.y);
    }

    /// @notice Whether every pair is made of two points and the product of `e(first, second)` over all pairs is one.
    /// @param pairs Six words a pair: x, y of the first point; x and y of the second, imaginary parts first.
    function pairingIsOne(uint256[] memory pairs) internal view returns (bool one) {
        assembly ("memory-safe") {
            // The precompile's answer is one word; on failure nothing is written and `one` stays false.
            mstore(0x00, 0)
            let ok := staticcall(gas(), PAIRING, add(pairs, 0x20), mul(mload(pairs), 0x20), 0x00, 0x20)
            one := and(ok, eq(mload(0x00), 1))
        }
    }
}
