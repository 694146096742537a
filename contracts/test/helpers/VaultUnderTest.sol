// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Batches} from "src/Batches.sol";
import {Deposits} from "src/Deposits.sol";
import {Escapes} from "src/Escapes.sol";
import {VaultBase} from "src/VaultBase.sol";
import {IBonds} from "src/interfaces/IBonds.sol";
import {BondsMock} from "test/helpers/BondsMock.sol";

/// @notice The vault with bonds that only keep what they are told.
contract VaultUnderTest is Escapes {
    constructor(Config memory config) VaultBase(config) Deposits(config.fundOwner) Batches(config.genesisRoot) {
        emit Genesis(config.genesisRoot, domain, config, address(bonds));
    }

    function _makeBonds(Config memory, uint256, bytes32, uint256) internal override returns (IBonds) {
        return IBonds(address(new BondsMock()));
    }
}
