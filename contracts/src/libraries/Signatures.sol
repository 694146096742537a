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

    /// @notice Who made signature `position` of `signatures`, which has it in full; 0 if it is none in this form.
    function signer(bytes32 digest_, bytes calldata signatures, uint256 position) internal pure returns (address) {
        bytes calldata one = signatures[position * LENGTH:(position + 1) * LENGTH];
        bytes32 s = bytes32(one[32:64]);
        if (uint256(s) > HALF_ORDER) return address(0);
        return ecrecover(digest_, uint8(one[64]), bytes32(one[:32]), s);
    }
}
