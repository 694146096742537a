// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {Batches} from "./Batches.sol";
import {Bonds} from "./Bonds.sol";
import {Deposits} from "./Deposits.sol";
import {Escapes} from "./Escapes.sol";
import {VaultBase} from "./VaultBase.sol";
import {IBonds} from "./interfaces/IBonds.sol";

/// @title The vault
/// @notice Everything it does is in the parts it inherits: parameters (`VaultBase`), tokens (`Ledger`), the queues (`Deposits`, `Exits`),
/// risk tables (`RiskTables`), batches (`Batches`, `Effects`) and the way out (`Escapes`). What a settlement must satisfy is in the
/// rules it is made with, bonds and receipts are in the contract that it makes.
contract Vault is Escapes {
    constructor(Config memory config) VaultBase(config) Deposits(config.fundOwner) Batches(config.genesisRoot) {
        emit Genesis(config.genesisRoot, domain, config, address(bonds));
    }

    function _makeBonds(Config memory config, uint256 domain_, bytes32 separator_, uint256 ordersPerTouch)
        internal
        override
        returns (IBonds)
    {
        Roles memory roles_ = config.roles;
        return new Bonds(
            roles_.operator, roles_.receiptSigner, config.bonds, domain_, separator_, ordersPerTouch, config.poseidon
        );
    }
}
