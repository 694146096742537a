// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IBonds} from "./interfaces/IBonds.sol";
import {PoseidonSponge} from "./libraries/PoseidonSponge.sol";
import {SealTree} from "./libraries/SealTree.sol";
import {Signatures} from "./libraries/Signatures.sol";

/// @title Bonds
/// @notice See `IBonds` and protocol, section "Receipts and bonds". A vault creates one for itself and tells it what becomes of
/// batches; no hook depends on anything that a trader or challenger can do, so nothing here can hold a batch up except that the
/// operator's own balance does not cover a lock.
/// @dev Every coin that came in is in exactly one place: `free`, a bond, the stake of an open challenge, or `owed`.
contract Bonds is IBonds {
    /// @dev Where what is burnt goes.
    address private constant BURN = 0x000000000000000000000000000000000000dEaD;
    bytes32 private constant RECEIPT_TYPE =
        keccak256("Receipt(bytes32 order,uint32 sequence,uint32 account,uint32 batch,bytes32 previous)");
    /// @dev Tag of a touch hash.
    uint256 private constant TOUCH = 3;
    uint256 private constant SEQUENCES_PER_WORD = 7;

    address public immutable vault;
    address public immutable operator;
    address public immutable receiptSigner;
    uint256 private immutable DOMAIN;
    bytes32 private immutable SEPARATOR;
    uint256 private immutable ORDERS;
    address private immutable POSEIDON;
    uint128 private immutable BASE;
    uint128 private immutable PER_ORDER;
    uint128 private immutable STAKE;
    uint32 private immutable CHALLENGE_TIME;
    uint32 private immutable ANSWER_TIME;

    uint256 public free;
    mapping(address account => uint256) public owed;
    mapping(uint32 batch => Bond) private _bonds;
    /// @dev keccak(seal root, h_n) of a sealed batch.
    mapping(uint32 batch => bytes32) private _commitments;
    mapping(uint256 number => Challenge) private _challenges;
    uint256 private _lastChallenge;

    modifier onlyVault() {
        if (msg.sender != vault) revert OnlyVault(msg.sender);
        _;
    }

    /// @param domain Domain of orders and proofs.
    /// @param separator EIP-712 domain separator of the vault.
    /// @param ordersPerTouch Orders a touch (O).
    /// @param poseidon A `PoseidonConstants`.
    constructor(
        address operator_,
        address receiptSigner_,
        Terms memory terms_,
        uint256 domain,
        bytes32 separator,
        uint256 ordersPerTouch,
        address poseidon
    ) {
        _requireTerms(terms_);
        PoseidonSponge.requireConstants(poseidon);
        // Signatures that recover to nothing must never be the signer's.
        if (receiptSigner_ == address(0)) revert NotSigned(address(0), receiptSigner_);
        vault = msg.sender;
        operator = operator_;
        receiptSigner = receiptSigner_;
        DOMAIN = domain;
        SEPARATOR = separator;
        ORDERS = ordersPerTouch;
        POSEIDON = poseidon;
        BASE = terms_.base;
        PER_ORDER = terms_.perOrder;
        STAKE = terms_.stake;
        CHALLENGE_TIME = terms_.challengeTime;
        ANSWER_TIME = terms_.answerTime;
    }

    // ------------------------------------------------------------------------------------------- the operator's balance

    /// @inheritdoc IBonds
    function fund() external payable {
        free += msg.value;
        emit Deposited(msg.sender, msg.value);
    }

    /// @inheritdoc IBonds
    function withdraw(uint256 amount) external {
        if (msg.sender != operator) revert OnlyOperator(msg.sender);
        _takeFree(amount);
        emit Withdrawn(msg.sender, amount);
        _send(msg.sender, amount);
    }

    /// @inheritdoc IBonds
    function pay(address account) external returns (uint256 amount) {
        amount = owed[account];
        if (amount == 0) revert NothingOwed(account);
        owed[account] = 0;
        emit Withdrawn(account, amount);
        _send(account, amount);
    }

    // --------------------------------------------------------------------------------------------- what the vault tells

    /// @inheritdoc IBonds
    function onOpened(uint32 batch) external onlyVault {
        Bond storage bond = _bonds[batch];
        _requireStage(batch, bond, Stage.None);
        bond.stage = Stage.Opened;
        _lock(batch, bond, BASE);
    }

    /// @inheritdoc IBonds
    function onSealed(uint32 batch, uint32 orders, bytes32 sealRoot, bytes32 receiptsHash) external onlyVault {
        Bond storage bond = _bonds[batch];
        _requireStage(batch, bond, Stage.Opened);
        bond.stage = Stage.Sealed;
        bond.orders = orders;
        _commitments[batch] = _commitment(sealRoot, receiptsHash);
        _lock(batch, bond, uint256(PER_ORDER) * orders);
    }

    /// @inheritdoc IBonds
    function onSettled(uint32 batch, address beneficiary, uint32 share) external onlyVault {
        Bond storage bond = _bonds[batch];
        if (bond.stage == Stage.Lost) return;
        _requireStage(batch, bond, Stage.Sealed);
        uint256 reward = (uint256(bond.amount / 2) * share) >> 32;
        _end(bond);
        if (reward == 0) return;
        bond.amount -= uint128(reward);
        owed[beneficiary] += reward;
        emit RewardPaid(batch, beneficiary, reward);
        emit BondLocked(batch, bond.amount);
    }

    /// @inheritdoc IBonds
    function onExpired(uint32 batch) external onlyVault {
        Bond storage bond = _bonds[batch];
        _requireStage(batch, bond, Stage.Opened);
        _end(bond);
    }

    /// @inheritdoc IBonds
    function onVoided(uint32 batch) external onlyVault {
        Bond storage bond = _bonds[batch];
        if (bond.stage == Stage.Lost) return;
        _requireStage(batch, bond, Stage.Sealed);
        _lose(batch, bond, address(0), 0);
    }

    /// @inheritdoc IBonds
    function owe(address account) external payable onlyVault {
        owed[account] += msg.value;
    }

    // -------------------------------------------------------------------------------------------------------- receipts

    /// @inheritdoc IBonds
    function challenge(Receipt calldata receipt, bytes calldata signature, bool before)
        external
        payable
        returns (uint256 number)
    {
        if (msg.value != STAKE) revert WrongStake(msg.value, STAKE);
        Bond storage bond = _challengeable(receipt.batch);
        _requireSigned(receipt, signature);
        if (before && receipt.sequence < 2) revert NoOrderBefore(receipt.sequence);

        number = ++_lastChallenge;
        Challenge memory made = Challenge({
            challenger: msg.sender,
            batch: receipt.batch,
            sequence: before ? receipt.sequence - 1 : receipt.sequence,
            deadline: uint40(block.timestamp + ANSWER_TIME),
            account: before ? 0 : receipt.account,
            order: before ? bytes32(0) : receipt.order,
            chained: before ? receipt.previous : _chain(receipt.previous, receipt.order)
        });
        _challenges[number] = made;
        ++bond.challenges;
        emit Challenged(number, made.batch, made.sequence, made.order, msg.sender);
    }

    /// @inheritdoc IBonds
    function answer(uint256 number, Answer calldata shown) external {
        Challenge memory asked = _open(number);
        Bond storage bond = _bonds[asked.batch];
        if (bond.stage == Stage.Lost) revert NotChallengeable(asked.batch, bond.stage);
        if (block.timestamp > asked.deadline) revert TooLate(number, asked.deadline);
        _requireShown(asked, shown, bond.orders);

        delete _challenges[number];
        --bond.challenges;
        free += STAKE;
        emit Answered(number);
    }

    /// @inheritdoc IBonds
    function close(uint256 number) external {
        Challenge memory asked = _open(number);
        Bond storage bond = _bonds[asked.batch];
        bool slashed = bond.stage != Stage.Lost;
        if (slashed && block.timestamp <= asked.deadline) revert StillOpen(number, asked.deadline);

        delete _challenges[number];
        --bond.challenges;
        owed[asked.challenger] += STAKE;
        if (slashed) _slash(asked.batch, bond, asked.challenger);
        emit ChallengeClosed(number, slashed);
    }

    /// @inheritdoc IBonds
    function contradict(
        Receipt calldata first,
        bytes calldata firstSignature,
        Receipt calldata second,
        bytes calldata secondSignature
    ) external {
        Bond storage bond = _challengeable(first.batch);
        _requireSigned(first, firstSignature);
        _requireSigned(second, secondSignature);
        if (!_contradict(first, second)) revert NoContradiction();
        _slash(first.batch, bond, msg.sender);
    }

    /// @inheritdoc IBonds
    function contradictSeal(Receipt calldata receipt, bytes calldata signature, bytes32 sealRoot, bytes32 receiptsHash)
        external
    {
        Bond storage bond = _challengeable(receipt.batch);
        _requireSigned(receipt, signature);
        if (_commitments[receipt.batch] != _commitment(sealRoot, receiptsHash)) revert WrongAnswer("seal");
        if (_fits(receipt, bond.orders, receiptsHash)) revert NoContradiction();
        _slash(receipt.batch, bond, msg.sender);
    }

    /// @inheritdoc IBonds
    function release(uint32 batch) external {
        Bond storage bond = _bonds[batch];
        if (bond.stage != Stage.Ended || block.timestamp <= bond.until || bond.challenges != 0) {
            revert NotReleasable(batch, bond.stage, bond.until, bond.challenges);
        }
        uint256 amount = bond.amount;
        bond.amount = 0;
        bond.stage = Stage.Released;
        free += amount;
        emit BondReleased(batch, amount);
    }

    // ----------------------------------------------------------------------------------------------------------- views

    /// @inheritdoc IBonds
    function terms() external view returns (Terms memory) {
        return Terms(BASE, PER_ORDER, STAKE, CHALLENGE_TIME, ANSWER_TIME);
    }

    /// @inheritdoc IBonds
    function bonds(uint32 batch) external view returns (Bond memory) {
        return _bonds[batch];
    }

    /// @inheritdoc IBonds
    function challenges(uint256 number) external view returns (Challenge memory) {
        return _challenges[number];
    }

    /// @inheritdoc IBonds
    function digest(Receipt calldata receipt) public view returns (bytes32) {
        bytes32 content = keccak256(
            abi.encode(RECEIPT_TYPE, receipt.order, receipt.sequence, receipt.account, receipt.batch, receipt.previous)
        );
        return Signatures.digest(SEPARATOR, content);
    }

    // ------------------------------------------------------------------------------------------------------ life of bonds

    function _requireStage(uint32 batch, Bond storage bond, Stage expected) private view {
        if (bond.stage != expected) revert WrongStage(batch, bond.stage);
    }

    /// @dev Moves `added` from the free balance to the bond. What the balance covers fits 128 bits: there are fewer coins.
    function _lock(uint32 batch, Bond storage bond, uint256 added) private {
        _takeFree(added);
        bond.amount += uint128(added);
        emit BondLocked(batch, bond.amount);
    }

    function _takeFree(uint256 amount) private {
        if (amount > free) revert BondNotCovered(free, amount);
        free -= amount;
    }

    function _end(Bond storage bond) private {
        bond.stage = Stage.Ended;
        bond.until = uint40(block.timestamp + CHALLENGE_TIME);
    }

    /// @dev Half to the challenger; of an odd amount the greater half is burnt.
    function _slash(uint32 batch, Bond storage bond, address challenger) private {
        _lose(batch, bond, challenger, bond.amount / 2);
    }

    function _lose(uint32 batch, Bond storage bond, address challenger, uint256 toChallenger) private {
        uint256 amount = bond.amount;
        bond.amount = 0;
        bond.stage = Stage.Lost;
        owed[BURN] += amount - toChallenger;
        owed[challenger] += toChallenger;
        emit BondLost(batch, amount, toChallenger, challenger);
    }

    function _send(address to, uint256 amount) private {
        (bool done,) = to.call{value: amount}("");
        if (!done) revert PaymentFailed(to);
    }

    // ------------------------------------------------------------------------------------------------- what receipts say

    /// @dev The bond of a batch that is sealed, or that has ended and whose window is not over.
    function _challengeable(uint32 batch) private view returns (Bond storage bond) {
        bond = _bonds[batch];
        bool ended = bond.stage == Stage.Ended && block.timestamp <= bond.until;
        if (bond.stage != Stage.Sealed && !ended) revert NotChallengeable(batch, bond.stage);
    }

    function _open(uint256 number) private view returns (Challenge memory asked) {
        asked = _challenges[number];
        if (asked.challenger == address(0)) revert NoSuchChallenge(number);
    }

    function _requireSigned(Receipt calldata receipt, bytes calldata signature) private view {
        address signer = address(0);
        if (signature.length == Signatures.LENGTH) signer = Signatures.signer(digest(receipt), signature, 0);
        if (signer != receiptSigner) revert NotSigned(signer, receiptSigner);
    }

    /// @dev h of an order after those that chain to `previous`.
    function _chain(bytes32 previous, bytes32 order) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(previous, order));
    }

    /// @dev h_0 of a batch.
    function _chainStart(uint32 batch) private view returns (bytes32) {
        return keccak256(abi.encode(DOMAIN, uint256(batch)));
    }

    function _commitment(bytes32 sealRoot, bytes32 receiptsHash) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(sealRoot, receiptsHash));
    }

    function _contradict(Receipt calldata first, Receipt calldata second) private view returns (bool) {
        if (first.batch != second.batch) return false;
        if (first.sequence == second.sequence) return digest(first) != digest(second);
        bool neighbours = uint256(first.sequence) + 1 == second.sequence;
        return neighbours && _chain(first.previous, first.order) != second.previous;
    }

    /// @dev Whether a sealed batch of `orders` orders with chain `receiptsHash` can hold the receipt.
    function _fits(Receipt calldata receipt, uint32 orders, bytes32 receiptsHash) private view returns (bool) {
        if (receipt.sequence == 0 || receipt.sequence > orders) return false;
        if (receipt.sequence == 1 && receipt.previous != _chainStart(receipt.batch)) return false;
        return receipt.sequence != orders || _chain(receipt.previous, receipt.order) == receiptsHash;
    }

    // ----------------------------------------------------------------------------------------------------- what answers show

    /// @dev Reverts unless `shown` is a touch of the sealed batch with the order asked for, at its number and place in the chain.
    function _requireShown(Challenge memory asked, Answer calldata shown, uint32 orders) private view {
        if (_commitments[asked.batch] != _commitment(shown.sealRoot, shown.receiptsHash)) revert WrongAnswer("seal");
        bytes32 order = _requireOrder(asked, shown);
        _requireChain(asked, shown, order, orders);
        _requireTouch(shown);
    }

    /// @dev The order in the slot shown is the one asked for: its number, and its hash and account where they are known.
    function _requireOrder(Challenge memory asked, Answer calldata shown) private view returns (bytes32 order) {
        uint256 words = (ORDERS + SEQUENCES_PER_WORD - 1) / SEQUENCES_PER_WORD;
        if (shown.hashes.length != ORDERS) revert WrongAnswer("hashes");
        if (shown.sequences.length != words) revert WrongAnswer("sequences");
        if (shown.slot >= ORDERS) revert WrongAnswer("slot");
        order = bytes32(shown.hashes[shown.slot]);
        uint256 place = 32 * (shown.slot % SEQUENCES_PER_WORD);
        uint32 sequence = uint32(shown.sequences[shown.slot / SEQUENCES_PER_WORD] >> place);
        // An inactive slot holds hash 0: no receipt promises it, and it is not the order before any.
        if (order == 0) revert WrongAnswer("order");
        if (asked.order != 0 && order != asked.order) revert WrongAnswer("order");
        if (sequence != asked.sequence) revert WrongAnswer("sequence");
        if (asked.order != 0 && shown.account != asked.account) revert WrongAnswer("account");
    }

    /// @dev The order chains to what was asked for, from h_0 if it is the first and to h_n if it is the last.
    function _requireChain(Challenge memory asked, Answer calldata shown, bytes32 order, uint32 orders) private view {
        if (_chain(shown.previous, order) != asked.chained) revert WrongAnswer("chain");
        if (asked.sequence == 1 && shown.previous != _chainStart(asked.batch)) revert WrongAnswer("first");
        if (asked.sequence == orders && asked.chained != shown.receiptsHash) revert WrongAnswer("last");
    }

    /// @dev The touch shown is a leaf of the seal's tree. A leaf and a node never hash alike, so a path of another length leads nowhere.
    function _requireTouch(Answer calldata shown) private view {
        if (shown.position >> shown.path.length != 0) revert WrongAnswer("position");
        bytes32 node = SealTree.leaf(shown.account, PoseidonSponge.hash(POSEIDON, TOUCH, _touch(shown)));
        for (uint256 level = 0; level < shown.path.length; ++level) {
            bytes32 sibling = shown.path[level];
            bool right = (shown.position >> level) & 1 == 1;
            node = right ? SealTree.node(sibling, node) : SealTree.node(node, sibling);
        }
        if (node != shown.sealRoot) revert WrongAnswer("path");
    }

    /// @dev Order hashes, words of sequence numbers, salt: what a touch hash is over.
    function _touch(Answer calldata shown) private pure returns (uint256[] memory inputs) {
        (uint256 hashes, uint256 words) = (shown.hashes.length, shown.sequences.length);
        inputs = new uint256[](hashes + words + 1);
        for (uint256 i = 0; i < hashes; ++i) {
            inputs[i] = shown.hashes[i];
        }
        for (uint256 i = 0; i < words; ++i) {
            inputs[hashes + i] = shown.sequences[i];
        }
        inputs[hashes + words] = shown.salt;
    }

    // ------------------------------------------------------------------------------------------------------------ terms

    function _requireTerms(Terms memory terms_) private pure {
        _requireWithin("base", terms_.base, 1, type(uint96).max);
        _requireWithin("perOrder", terms_.perOrder, 0, type(uint96).max);
        _requireWithin("stake", terms_.stake, 1, type(uint96).max);
        _requireWithin("challengeTime", terms_.challengeTime, 1 hours, 90 days);
        _requireWithin("answerTime", terms_.answerTime, 1 hours, 30 days);
    }

    function _requireWithin(bytes32 name, uint256 value, uint256 least, uint256 most) private pure {
        if (value < least || value > most) revert TermOutOfBounds(name, value, least, most);
    }
}
