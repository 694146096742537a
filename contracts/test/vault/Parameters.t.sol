// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IAccountVerifier} from "src/interfaces/IAccountVerifier.sol";
import {IVault} from "src/interfaces/IVault.sol";
import {IVerifier} from "src/interfaces/IVerifier.sol";
import {VaultFixture} from "test/helpers/VaultFixture.sol";

/// @notice What a vault is made of: bounds, roles apart, and nothing that changes later.
contract ParametersTest is VaultFixture {
    function setUp() public {
        _deploy();
    }

    /// @dev External, so that what the constructor refuses is what a call refuses.
    function make(IVault.Config calldata config) external returns (IVault) {
        return _make(config);
    }

    function test_a_vault_says_what_it_was_made_with() public view {
        IVault.Config memory config = _config();
        assertEq(vault.token(), config.token, "token");
        assertEq(address(vault.rules()), address(config.rules), "rules");
        assertEq(address(vault.verifier()), address(rules), "verifier");
        assertEq(address(vault.accountVerifier()), address(config.accountVerifier), "account verifier");
        assertEq(abi.encode(vault.terms()), abi.encode(config.terms), "terms");
        assertEq(abi.encode(vault.roles()), abi.encode(config.roles), "roles");
        assertEq(abi.encode(vault.delays()), abi.encode(config.delays), "delays");
        assertEq(abi.encode(vault.limits()), abi.encode(config.limits), "limits");
        assertEq(vault.domain(), _domain(), "domain");
        assertEq(vault.separator(), _separator(), "separator");
    }

    function test_a_new_vault_holds_the_genesis_root_and_the_funds_account() public view {
        assertEq(vault.root(), GENESIS, "root");
        assertEq(vault.accounts(), 1, "accounts");
        assertEq(vault.ownerOf(0), FUND, "owner of 0");
        assertEq(vault.batch(), 0, "batch");
        assertEq(vault.currentEpoch(), 0, "epoch");
        assertEq(vault.frozenAt(), 0, "frozen");
        assertEq(vault.earliestDeadline(0), type(uint40).max, "no deadline");
    }

    function test_tokens_have_6_decimals() public {
        token.setDecimals(18);
        _refused(_enc(IVault.TokenDecimals.selector, 18));
        this.make(_config());
    }

    function test_genesis_root_and_fund_owner_are_field_elements() public {
        IVault.Config memory config = _config();
        config.genesisRoot = P;
        _refused(_enc(IVault.NotReduced.selector, P));
        this.make(config);
        config = _config();
        config.fundOwner = P;
        _refused(_enc(IVault.InvalidOwner.selector, P));
        this.make(config);
        config.fundOwner = 0;
        _refused(_enc(IVault.InvalidOwner.selector, 0));
        this.make(config);
    }

    function test_terms_are_those_that_the_circuits_range() public {
        IVault.Config memory config = _config();
        config.terms.feeRate = 10_000;
        _refused(_enc(IVault.FeeRateOutOfRange.selector, 10_000));
        this.make(config);
        config = _config();
        (config.terms.num, config.terms.den) = (6, 4);
        _refused(_enc(IVault.RatioOutOfRange.selector, 6, 4));
        this.make(config);
        (config.terms.num, config.terms.den) = (5, 0);
        _refused(_enc(IVault.RatioOutOfRange.selector, 5, 0));
        this.make(config);
        (config.terms.num, config.terms.den) = (5, 5);
        _refused(_enc(IVault.RatioOutOfRange.selector, 5, 5));
        this.make(config);
        (config.terms.num, config.terms.den) = (2, 3);
        _refused(_enc(IVault.RatioOutOfRange.selector, 2, 3));
        this.make(config);
    }

    // ---------------------------------------------------------------------------------------------------------- roles

    function test_no_role_is_anothers() public {
        IVault.Config memory config = _config();
        config.roles.receiptSigner = operator;
        _refused(abi.encodeWithSelector(IVault.RoleTwice.selector, operator));
        this.make(config);
        config = _config();
        config.roles.epochSigners[1] = config.roles.epochSigners[0];
        _refused(abi.encodeWithSelector(IVault.RoleTwice.selector, config.roles.epochSigners[0]));
        this.make(config);
        config = _config();
        config.roles.operator = config.roles.epochSigners[2];
        _refused(abi.encodeWithSelector(IVault.RoleTwice.selector, config.roles.operator));
        this.make(config);
        config = _config();
        config.roles.receiptSigner = config.roles.epochSigners[0];
        _refused(abi.encodeWithSelector(IVault.RoleTwice.selector, config.roles.receiptSigner));
        this.make(config);
    }

    function test_no_role_is_nobodys() public {
        IVault.Config memory config = _config();
        config.roles.operator = address(0);
        _refused(abi.encodeWithSelector(IVault.RoleTwice.selector, address(0)));
        this.make(config);
        config = _config();
        config.roles.receiptSigner = address(0);
        _refused(abi.encodeWithSelector(IVault.RoleTwice.selector, address(0)));
        this.make(config);
        config = _config();
        config.roles.epochSigners[0] = address(0);
        _refused(abi.encodeWithSelector(IVault.RoleTwice.selector, address(0)));
        this.make(config);
    }

    function test_most_of_the_signers_must_sign() public {
        IVault.Config memory config = _config();
        config.roles.epochThreshold = 1;
        _refused(_bounds("epochThreshold", 1, 2, 3));
        this.make(config);
        config.roles.epochThreshold = 4;
        _refused(_bounds("epochThreshold", 4, 2, 3));
        this.make(config);
        config.roles.epochSigners = new address[](0);
        _refused(_bounds("epochSigners", 0, 1, 16));
        this.make(config);
        config.roles.epochSigners = new address[](17);
        _refused(_bounds("epochSigners", 17, 1, 16));
        this.make(config);
    }

    // --------------------------------------------------------------------------------------------------------- bounds

    /// @dev Changes a delay to one below its least and one above its most.
    function _checkDelay(bytes32 name, uint256 place, uint256 least, uint256 most) private {
        IVault.Config memory config = _config();
        (config.delays.depositTime, config.delays.exitTime, config.delays.rewardStart) = (3 days, 3 days, 1);
        _setDelay(config, place, least - 1);
        _refused(_bounds(name, least - 1, least, most));
        this.make(config);
        _setDelay(config, place, most + 1);
        _refused(_bounds(name, most + 1, least, most));
        this.make(config);
        _setDelay(config, place, most);
        this.make(config);
        _setDelay(config, place, least);
        this.make(config);
    }

    function _setDelay(IVault.Config memory config, uint256 place, uint256 value) private pure {
        IVault.Delays memory delays = config.delays;
        assembly ("memory-safe") {
            mstore(add(delays, mul(32, place)), value)
        }
    }

    function test_every_delay_is_bounded() public {
        _checkDelay("epochAge", 0, 1 minutes, 1 days);
        _checkDelay("openTime", 1, 1 minutes, 1 days);
        _checkDelay("settleTime", 2, 1 minutes, 1 days);
        _checkDelay("rewardStart", 3, 1, 30 minutes - 1);
        _checkDelay("depositTime", 4, 40 minutes, 30 days);
        _checkDelay("exitTime", 5, 40 minutes, 14 days);
        _checkDelay("claimWindow", 6, 1 days, 90 days);
        _checkDelay("notice", 7, 7 days, 180 days);
    }

    function test_notice_is_no_shorter_than_an_exit_takes() public {
        IVault.Config memory config = _config();
        (config.delays.exitTime, config.delays.notice) = (14 days, 14 days - 1);
        _refused(_bounds("notice", 14 days - 1, 14 days, 180 days));
        this.make(config);
    }

    function test_every_limit_is_bounded() public {
        IVault.Config memory config = _config();
        config.limits.depositCap = 2 ** 60 + 1;
        _refused(_bounds("depositCap", 2 ** 60 + 1, 1, 2 ** 60));
        this.make(config);
        config = _config();
        config.limits.minDeposit = 0;
        _refused(_bounds("minDeposit", 0, 1, 2 ** 60));
        this.make(config);
        config = _config();
        config.limits.depositCap = config.limits.minDeposit - 1;
        _refused(_bounds("minDeposit", 1_000_000, 1, 999_999));
        this.make(config);
        config = _config();
        config.limits.exitsPerPeriod = 3;
        _refused(_bounds("exitsPerPeriod", 3, 4, 96));
        this.make(config);
        config.limits.exitsPerPeriod = 97;
        _refused(_bounds("exitsPerPeriod", 97, 4, 96));
        this.make(config);
        config = _config();
        config.limits.exitFee = 0.02 ether + 1;
        _refused(_bounds("exitFee", 0.02 ether + 1, 0, 0.02 ether));
        this.make(config);
    }

    function _bounds(bytes32 name, uint256 value, uint256 least, uint256 most) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IVault.ParameterOutOfBounds.selector, name, value, least, most);
    }

    // ----------------------------------------------------------------------------------------------------------- keys

    function test_development_keys_are_for_local_chains() public {
        IVault.Config memory config = _config();
        vm.chainId(1);
        _refused(_enc(IVault.DevelopmentKeys.selector, 1));
        this.make(config);
        IVerifier.Parameters memory sizes = rules.parameters();
        sizes.development = false;
        rules.setParameters(sizes);
        _refused(_enc(IVault.DevelopmentKeys.selector, 1));
        this.make(config);
        IAccountVerifier.Parameters memory own = accountVerifier.parameters();
        own.development = false;
        accountVerifier.setParameters(own);
        this.make(config);
    }

    function test_keys_are_of_one_parameter_set() public {
        IAccountVerifier.Parameters memory own = accountVerifier.parameters();
        own.depth = 7;
        accountVerifier.setParameters(own);
        _refused(_bounds("depth", 7, 3, 3));
        this.make(_config());
        (own.depth, own.riskRows) = (3, 64);
        accountVerifier.setParameters(own);
        _refused(_bounds("riskRows", 64, 8, 8));
        this.make(_config());
    }
}
