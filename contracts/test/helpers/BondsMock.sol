// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @notice Stands in for the bonds where a test is about the vault alone: it keeps what it was last told.
contract BondsMock {
    bytes4 public lastCall;
    bytes32 public lastArguments;
    uint256 public owedToOperator;

    function onOpened(uint32 batch) external {
        _note(abi.encode(batch));
    }

    function onSealed(uint32 batch, uint32 orders, bytes32 sealRoot, bytes32 receiptsHash) external {
        _note(abi.encode(batch, orders, sealRoot, receiptsHash));
    }

    function onSettled(uint32 batch, address beneficiary, uint32 share) external {
        _note(abi.encode(batch, beneficiary, share));
    }

    function onExpired(uint32 batch) external {
        _note(abi.encode(batch));
    }

    function onVoided(uint32 batch) external {
        _note(abi.encode(batch));
    }

    function owe(address) external payable {
        owedToOperator += msg.value;
    }

    function _note(bytes memory arguments) private {
        (lastCall, lastArguments) = (msg.sig, keccak256(arguments));
    }
}
