// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IVault} from "src/interfaces/IVault.sol";

/// @title What signers of an epoch sign, written from the interface's text
library EpochSigning {
    /// @notice EIP-712 domain separator of a vault on this chain.
    function separator(address vault) internal view returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("tacit"),
                keccak256("1"),
                block.chainid,
                vault
            )
        );
    }

    /// @notice Digest of an epoch for a vault.
    function digest(IVault.EpochPost memory post, address vault) internal view returns (bytes32) {
        bytes memory ids;
        bytes memory settled;
        for (uint256 i = 0; i < post.ids.length; ++i) {
            ids = abi.encodePacked(ids, uint256(post.ids[i]));
        }
        for (uint256 i = 0; i < post.settled.length; ++i) {
            settled = abi.encodePacked(settled, uint256(post.settled[i].id), uint256(post.settled[i].value));
        }
        bytes32 struct_ = keccak256(
            abi.encode(
                keccak256("Epoch(uint32 number,uint256 riskRoot,bytes32 ids,bytes32 settled,bytes32 rows,uint40 time)"),
                post.number,
                post.riskRoot,
                keccak256(ids),
                keccak256(settled),
                keccak256(post.rows),
                post.time
            )
        );
        return keccak256(abi.encodePacked(bytes2(0x1901), separator(vault), struct_));
    }
}
