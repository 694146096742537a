// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IAccountVerifier} from "./interfaces/IAccountVerifier.sol";
import {IBonds} from "./interfaces/IBonds.sol";
import {ISettlementRules} from "./interfaces/ISettlementRules.sol";
import {IToken} from "./interfaces/IToken.sol";
import {IVault} from "./interfaces/IVault.sol";
import {IVerifier} from "./interfaces/IVerifier.sol";
import {Bn254} from "./libraries/Bn254.sol";
import {Bounds} from "./libraries/Bounds.sol";
import {Signatures} from "./libraries/Signatures.sol";

/// @title What a vault is made of, for good, and whether it still runs
/// @notice Parameters are checked here once and no function writes them. Sizes are read from the keys, which must be of one set; keys
/// whose randomness one machine knew are refused off a local chain.
abstract contract VaultBase is IVault {
    /// @inheritdoc IVault
    address public immutable override token;
    /// @inheritdoc IVault
    ISettlementRules public immutable override rules;
    /// @inheritdoc IVault
    IVerifier public immutable override verifier;
    /// @inheritdoc IVault
    IAccountVerifier public immutable override accountVerifier;
    /// @inheritdoc IVault
    IBonds public immutable override bonds;
    /// @inheritdoc IVault
    uint256 public immutable override domain;
    /// @inheritdoc IVault
    bytes32 public immutable override separator;
    /// @inheritdoc IVault
    uint40 public override frozenAt;

    bytes32 private constant DOMAIN_TAG = "tacit.domain.1";

    uint256 internal immutable CHAIN_ID;
    /// @dev Leaves of the state tree.
    uint256 internal immutable CAPACITY;
    uint256 internal immutable TOUCHES_PER_SEGMENT;
    uint256 internal immutable ORDERS_PER_TOUCH;
    uint256 internal immutable POSITIONS;
    uint256 internal immutable RISK_ROWS;
    /// @dev Words of a risk row as it is posted.
    uint256 internal immutable ROW_WORDS;
    address internal immutable OPERATOR;
    uint16 private immutable FEE_RATE;
    /// @dev The initial margin ratio is NUM/DEN.
    uint8 private immutable NUM;
    uint8 private immutable DEN;

    // Written by the constructor only.
    Delays internal _delays;
    Limits internal _limits;
    Roles internal _roles;

    /// @dev Announced end: 0 if there is none.
    uint40 internal _retiresAt;
    address internal _successor;
    bool private transient _entered;

    modifier onlyOperator() {
        if (msg.sender != OPERATOR) revert OnlyOperator(msg.sender);
        _;
    }

    /// @dev For what a frozen vault does not do.
    modifier running() {
        _requireRunning();
        _;
    }

    /// @dev For what moves tokens or reads their balance: no token gets in between.
    modifier guarded() {
        _enter();
        _;
        _entered = false;
    }

    constructor(Config memory config) {
        Bounds.checkTerms(config.terms);
        Bounds.checkRoles(config.roles);
        Bounds.checkDelays(config.delays);
        Bounds.checkLimits(config.limits);
        uint8 decimals = IToken(config.token).decimals();
        if (decimals != 6) revert TokenDecimals(decimals);

        (token, rules, accountVerifier) = (config.token, config.rules, config.accountVerifier);
        verifier = config.rules.verifier();
        IVerifier.Parameters memory sizes = verifier.parameters();
        IAccountVerifier.Parameters memory own = accountVerifier.parameters();
        _checkKeys(sizes, own);
        CHAIN_ID = block.chainid;
        domain = uint256(keccak256(abi.encode(DOMAIN_TAG, block.chainid, address(this)))) % Bn254.P;
        separator = Signatures.separator(block.chainid, address(this));
        CAPACITY = 8 ** sizes.depth;
        TOUCHES_PER_SEGMENT = sizes.touches;
        ORDERS_PER_TOUCH = sizes.orders;
        RISK_ROWS = sizes.riskRows;
        POSITIONS = own.positions;
        ROW_WORDS = 2 + (own.scenarios + 5) / 6;
        (FEE_RATE, NUM, DEN) = (config.terms.feeRate, config.terms.num, config.terms.den);
        OPERATOR = config.roles.operator;
        (_delays, _limits, _roles) = (config.delays, config.limits, config.roles);
        bonds = _makeBonds(config, domain, separator, sizes.orders);
    }

    /// @inheritdoc IVault
    function terms() external view override returns (Terms memory) {
        return Terms(FEE_RATE, NUM, DEN);
    }

    /// @inheritdoc IVault
    function roles() external view override returns (Roles memory) {
        return _roles;
    }

    /// @inheritdoc IVault
    function delays() external view override returns (Delays memory) {
        return _delays;
    }

    /// @inheritdoc IVault
    function limits() external view override returns (Limits memory) {
        return _limits;
    }

    /// @inheritdoc IVault
    function retirement() external view override returns (address successor, uint40 time) {
        return (_successor, _retiresAt);
    }

    /// @dev Makes the contract that holds the bonds; called once, by the constructor.
    function _makeBonds(Config memory config, uint256 domain_, bytes32 separator_, uint256 ordersPerTouch)
        internal
        virtual
        returns (IBonds);

    /// @dev Fee rate and margin ratio at their places in a context (protocol, section 7).
    function _termsWord() internal view returns (uint256) {
        return (uint256(FEE_RATE) << 104) | (uint256(NUM) << 118) | (uint256(DEN) << 121);
    }

    function _retired() internal view returns (bool) {
        return _retiresAt != 0 && block.timestamp >= _retiresAt;
    }

    function _requireRunning() internal view {
        if (frozenAt != 0) revert VaultFrozen();
    }

    function _requireFrozen() internal view {
        if (frozenAt == 0) revert NotFrozen();
    }

    /// @dev For calls whose data others must find in the transaction: from an account without code, which can send nothing but
    /// transactions. An account that delegates to code has some (EIP-7702), and a contract that is being made is no origin.
    function _requireDirect() internal view {
        if (msg.sender != tx.origin || msg.sender.code.length != 0) revert CallDirectly(msg.sender, tx.origin);
    }

    /// @dev What can be paid to: the vault itself and nobody cannot.
    function _checkRecipient(address recipient) internal view {
        if (recipient == address(0) || recipient == address(this)) revert InvalidRecipient(recipient);
    }

    function _enter() private {
        if (_entered) revert Reentered();
        _entered = true;
    }

    function _checkKeys(IVerifier.Parameters memory sizes, IAccountVerifier.Parameters memory own) private view {
        if ((sizes.development || own.development) && block.chainid != 31337 && block.chainid != 1337) {
            revert DevelopmentKeys(block.chainid);
        }
        if (own.depth != sizes.depth) revert ParameterOutOfBounds("depth", own.depth, sizes.depth, sizes.depth);
        if (own.riskRows != sizes.riskRows) {
            revert ParameterOutOfBounds("riskRows", own.riskRows, sizes.riskRows, sizes.riskRows);
        }
    }
}
