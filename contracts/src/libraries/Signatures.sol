// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title Signatures of keys over EIP-712 digests, several in a row
/// @notice A signature is 65 bytes, r ‖ s ‖ v: s in the lower half of the group's order and v 27 or 28, so that a digest has one
/// signature a key and nonce, and nobody can make another of it.
library Signatures {
    /// @notice Bytes of a signature.
    uint256 internal constant LENGTH = 65;

    bytes32 private constant DOMAIN_TYPE =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    /// @dev Half of the order of secp256k1, rounded down.
    uint256 private constant HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;

    /// @notice Domain separator of what is signed for the contract `verifying` on the chain `chainId`.
    function separator(uint256 chainId, address verifying) internal pure returns (bytes32) {
        return keccak256(abi.encode(DOMAIN_TYPE, keccak256("tacit"), keccak256("1"), chainId, verifying));
    }

    /// @notice What is signed of a struct with hash `structHash`.
    function digest(bytes32 separator_, bytes32 structHash) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", separator_, structHash));
    }

    /// @notice Who made signature `position` of `signatures`; 0 if it is none in this form. The caller keeps `position` inside.
    function signer(bytes32 digest_, bytes calldata signatures, uint256 position) internal pure returns (address) {
        bytes32 r;
        bytes32 s;
        uint8 v;
        assembly ("memory-safe") {
            let at := add(signatures.offset, mul(position, LENGTH))
            r := calldataload(at)
            s := calldataload(add(at, 32))
            v := byte(0, calldataload(add(at, 64)))
        }
        return uint256(s) > HALF_ORDER ? address(0) : ecrecover(digest_, v, r, s);
    }
}
