// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IAccountVerifier} from "src/interfaces/IAccountVerifier.sol";
import {IBonds} from "src/interfaces/IBonds.sol";
import {ISettlementRules} from "src/interfaces/ISettlementRules.sol";
import {IVault} from "src/interfaces/IVault.sol";
import {AccountVerifierMock} from "test/helpers/AccountVerifierMock.sol";
import {BondsMock} from "test/helpers/BondsMock.sol";
import {EpochSigning} from "test/helpers/EpochSigning.sol";
import {RulesMock} from "test/helpers/RulesMock.sol";
import {Test} from "test/helpers/Test.sol";
import {TestToken} from "test/helpers/TestToken.sol";
// Made from compiled code: whoever has it in its own would compile it again.
import "test/helpers/VaultUnderTest.sol";

/// @title A vault with a test token, whose settlements, owners' proofs and bonds are the test's word
/// @notice Signatures, domains and encodings of what is signed are written here from the protocol's text, not taken from `src`.
abstract contract VaultFixture is Test {
    uint256 internal constant P = 21888242871839275222246405745257275088548364400416034343698204186575808495617;
    uint256 internal constant GENESIS = 0x6e6573697320726f6f74;
    uint256 internal constant FUND = 0xf0d;
    uint256 internal constant ALICE = 0xa11ce;
    uint256 internal constant BOB = 0xb0b;
    uint256 internal constant START = 1_700_000_000;
    uint256 internal constant ROW_WORDS = 3;

    address internal operator = makeAddr("operator");
    address internal receiptSigner = makeAddr("receipt signer");
    address internal trader = makeAddr("trader");
    address internal stranger = makeAddr("stranger");
    address internal recipient = makeAddr("recipient");
    address internal beneficiary = makeAddr("beneficiary");
    /// @dev Keys of the epoch signers, by increasing address.
    uint256[] internal signerKeys;

    TestToken internal token;
    RulesMock internal rules;
    AccountVerifierMock internal accountVerifier;
    IVault internal vault;
    BondsMock internal bonds;

    /// @dev Instruments of the epoch in force.
    uint32[] internal instruments;

    function _deploy() internal {
        _prepare();
        vault = _make(_config());
        bonds = BondsMock(address(vault.bonds()));
    }

    function _make(IVault.Config memory config) internal returns (IVault) {
        return IVault(_create(bytes.concat(vm.getCode(_code()), abi.encode(config))));
    }

    /// @dev The contract under test.
    function _code() internal pure virtual returns (string memory) {
        return "VaultUnderTest.sol:VaultUnderTest";
    }

    /// @dev Bubbles what a constructor refuses with.
    function _create(bytes memory code) internal returns (address made) {
        assembly ("memory-safe") {
            made := create(0, add(code, 0x20), mload(code))
            if iszero(made) {
                let free := mload(0x40)
                returndatacopy(free, 0, returndatasize())
                revert(free, returndatasize())
            }
        }
    }

    /// @dev All that a vault is made with.
    function _prepare() internal {
        vm.warp(START);
        token = TestToken(_create(vm.getCode("TestToken.sol:TestToken")));
        rules = RulesMock(_create(vm.getCode("RulesMock.sol:RulesMock")));
        accountVerifier = AccountVerifierMock(_create(vm.getCode("AccountVerifierMock.sol:AccountVerifierMock")));
        signerKeys = [uint256(11), 12, 13];
        for (uint256 i = 0; i < 3; ++i) {
            for (uint256 j = 0; j < 2; ++j) {
                if (vm.addr(signerKeys[j]) < vm.addr(signerKeys[j + 1])) continue;
                (signerKeys[j], signerKeys[j + 1]) = (signerKeys[j + 1], signerKeys[j]);
            }
        }
    }

    function _config() internal view virtual returns (IVault.Config memory config) {
        config.token = address(token);
        config.rules = ISettlementRules(address(rules));
        config.accountVerifier = IAccountVerifier(address(accountVerifier));
        config.genesisRoot = GENESIS;
        config.fundOwner = FUND;
        config.terms = IVault.Terms({feeRate: 30, num: 5, den: 4});
        address[] memory signers = new address[](3);
        for (uint256 i = 0; i < 3; ++i) {
            signers[i] = vm.addr(signerKeys[i]);
        }
        config.roles = IVault.Roles(operator, receiptSigner, signers, 2);
        config.delays = IVault.Delays({
            epochAge: 1 hours,
            openTime: 10 minutes,
            settleTime: 30 minutes,
            rewardStart: 10 minutes,
            depositTime: 2 days,
            exitTime: 1 days,
            claimWindow: 7 days,
            notice: 30 days
        });
        config.limits =
            IVault.Limits({minDeposit: 1_000_000, depositCap: 2 ** 60, exitsPerPeriod: 4, exitFee: 0.001 ether});
        config.bonds = IBonds.Terms({
            base: 1 ether, perOrder: 0.01 ether, stake: 0.1 ether, challengeTime: 1 days, answerTime: 1 days
        });
    }

    /// @dev The next call must revert with exactly this.
    function _refused(bytes memory reason) internal {
        vm.expectRevert(reason);
    }

    function _enc(bytes4 selector, uint256 value) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(selector, value);
    }

    function _enc(bytes4 selector, uint256 first, uint256 second) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(selector, first, second);
    }

    // --------------------------------------------------------------------------------------------------------- queues

    function _deposit(uint256 owner, uint64 amount) internal returns (uint64 entry, uint32 index) {
        return _depositAs(trader, owner, amount);
    }

    function _depositAs(address payer, uint256 owner, uint64 amount) internal returns (uint64 entry, uint32 index) {
        _fund(payer, amount);
        vm.prank(payer);
        return vault.deposit(owner, amount);
    }

    /// @dev Gives `payer` tokens and lets the vault take them.
    function _fund(address payer, uint256 amount) internal {
        token.mint(payer, amount);
        vm.prank(payer);
        token.approve(address(vault), amount);
    }

    /// @dev Requests an exit with the owner's consent, paid for by `trader`.
    function _requestExit(uint32 index, uint64 amount, address to) internal returns (uint64 entry) {
        _approveExit(index, amount, to, vault.exitCount(index));
        return _sendExit(index, amount, to);
    }

    function _sendExit(uint32 index, uint64 amount, address to) internal returns (uint64 entry) {
        (, uint40 end) = vault.retirement();
        uint256 fee = end == 0 ? vault.limits().exitFee : 0;
        vm.deal(trader, trader.balance + fee);
        uint256[8] memory proof;
        vm.prank(trader);
        return vault.requestExit{value: fee}(index, amount, to, proof);
    }

    function _approveExit(uint32 index, uint64 amount, address to, uint256 number) internal {
        accountVerifier.approve(
            abi.encodePacked(
                _domain(), vault.ownerOf(index), uint256(index), uint256(uint160(to)), uint256(amount), uint256(number)
            )
        );
    }

    function _domain() internal view returns (uint256) {
        return uint256(keccak256(abi.encode(bytes32("tacit.domain.1"), block.chainid, address(vault)))) % P;
    }

    // --------------------------------------------------------------------------------------------------------- epochs

    function _ids(uint32 first, uint32 second) internal pure returns (uint32[] memory ids) {
        ids = new uint32[](second == 0 ? 1 : 2);
        ids[0] = first;
        if (second != 0) ids[1] = second;
    }

    /// @dev Puts a table of these instruments in force, signed now.
    function _post(uint32[] memory ids) internal {
        _post(_postOf(ids, new IVault.SettledInstrument[](0)));
    }

    function _post(IVault.EpochPost memory post) internal {
        _send(post, _sign(post));
        instruments = post.ids;
    }

    function _send(IVault.EpochPost memory post, bytes memory signatures) internal {
        vm.prank(stranger, stranger);
        vault.postEpoch(post, signatures);
    }

    function _postOf(uint32[] memory ids, IVault.SettledInstrument[] memory settled)
        internal
        view
        returns (IVault.EpochPost memory)
    {
        uint32 number = vault.currentEpoch() + 1;
        return IVault.EpochPost({
            number: number,
            riskRoot: uint256(keccak256(abi.encode("risk", number))) % P,
            ids: ids,
            previousIds: instruments,
            settled: settled,
            rows: _rows(ids),
            time: uint40(block.timestamp)
        });
    }

    function _rows(uint32[] memory ids) internal pure returns (bytes memory rows) {
        for (uint256 i = 0; i < ids.length; ++i) {
            rows = abi.encodePacked(rows, uint256(ids[i]) + 2 ** 27 * 5_000_000, uint256(7), uint256(8));
        }
    }

    /// @dev Signatures of the first two signers.
    function _sign(IVault.EpochPost memory post) internal view returns (bytes memory) {
        bytes32 digest = _epochDigest(post);
        return bytes.concat(_signature(signerKeys[0], digest), _signature(signerKeys[1], digest));
    }

    function _signature(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function _epochDigest(IVault.EpochPost memory post) internal view returns (bytes32) {
        return EpochSigning.digest(post, address(vault));
    }

    function _separator() internal view returns (bytes32) {
        return EpochSigning.separator(address(vault));
    }

    // -------------------------------------------------------------------------------------------------------- batches

    /// @dev Posts a table if none is young enough.
    function _open() internal returns (uint32) {
        if (vault.epochs(vault.currentEpoch()).time + vault.delays().epochAge < block.timestamp) {
            _post(_ids(3, 9));
        }
        vm.prank(operator);
        return vault.open();
    }

    /// @dev Opens and seals a batch with these ends.
    function _seal(uint64 depositEnd, uint64 exitEnd) internal returns (uint32) {
        _open();
        return _sealOpened(depositEnd, exitEnd);
    }

    function _sealAll() internal returns (uint32) {
        (, uint64 depositEnd) = vault.depositQueue();
        (, uint64 exitEnd) = vault.exitQueue();
        return _seal(depositEnd, exitEnd);
    }

    function _sealOpened(uint64 depositEnd, uint64 exitEnd) internal returns (uint32) {
        vm.prank(operator);
        return vault.seal(_request(depositEnd, exitEnd));
    }

    function _request(uint64 depositEnd, uint64 exitEnd) internal pure returns (IVault.SealRequest memory) {
        return IVault.SealRequest({
            sealRoot: "seal root",
            receiptsHash: "receipts hash",
            touches: 3,
            orders: 5,
            depositEnd: depositEnd,
            exitEnd: exitEnd
        });
    }

    /// @dev Words 0, 3 and 4 of a touch: account, deposit or (`exit`) request, owner if it opens, paid out, recipient.
    function _touch(uint256 index, bool exit, uint256 amount, uint256 opens, uint256 paid, address to)
        internal
        pure
        returns (uint256[3] memory)
    {
        uint256 word = index + 2 ** 21 + (exit ? 2 ** 22 : 0) + (opens == 0 ? 0 : 2 ** 23) + 2 ** 24 * amount;
        return [word + 2 ** 88 * paid, opens, uint256(uint160(to))];
    }

    /// @dev Settles the sealed batch with these touches, as `stranger`.
    function _settle(uint256[3][] memory touches) internal {
        _settle(touches, new uint256[](0));
    }

    function _settle(uint256[3][] memory touches, uint256[] memory settledRows) internal {
        _setEffects(touches, settledRows);
        _sendSettle();
    }

    function _sendSettle() internal {
        (ISettlementRules.Claim memory claim, ISettlementRules.Part memory part) = _nothing();
        uint256[8] memory proof;
        vm.prank(stranger, stranger);
        vault.settle(claim, part, proof, "");
    }

    function _nothing() internal view returns (ISettlementRules.Claim memory claim, ISettlementRules.Part memory part) {
        claim.beneficiary = beneficiary;
        claim.segments = new ISettlementRules.SegmentClaim[](2);
        part.proofs = new uint256[8][](2);
    }

    function _setEffects(uint256[3][] memory touches, uint256[] memory settledRows) internal {
        ISettlementRules.Effects memory effects;
        effects.r1 = keccak256(abi.encode("r1", vault.batch()));
        effects.root = uint256(keccak256(abi.encode("root", vault.batch()))) % P;
        effects.dataHash = keccak256(abi.encode("data", vault.batch()));
        effects.settledRows = settledRows;
        effects.accounts = new uint256[](3 * touches.length);
        for (uint256 i = 0; i < touches.length; ++i) {
            for (uint256 j = 0; j < 3; ++j) {
                effects.accounts[3 * i + j] = touches[i][j];
            }
        }
        rules.setEffects(effects);
    }

    function _none() internal pure returns (uint256[3][] memory) {
        return new uint256[3][](0);
    }

    function _one(uint256[3] memory touch) internal pure returns (uint256[3][] memory list) {
        list = new uint256[3][](1);
        list[0] = touch;
    }

    function _two(uint256[3] memory first, uint256[3] memory second) internal pure returns (uint256[3][] memory list) {
        list = new uint256[3][](2);
        (list[0], list[1]) = (first, second);
    }

    /// @dev Deposits for an owner without an account and settles it: account `index` holds `amount`.
    function _credited(uint256 owner, uint64 amount) internal returns (uint32 index) {
        (, index) = _deposit(owner, amount);
        _sealAll();
        _settle(_one(_touch(index, false, amount, owner, 0, address(0))));
    }
}
