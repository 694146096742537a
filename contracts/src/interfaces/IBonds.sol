// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

/// @title Bonds of the operator, receipts and what their breach costs
/// @notice The operator keeps a balance of the chain's own coin here. Opening a batch locks a part of it and sealing more, by the
/// number of orders. The lock ends a challenge window after the batch is settled, unless somebody shows a receipt for an order that
/// the sealed batch lacks. A void batch burns its bond. Who settles late is paid out of one half of the bond; the other half
/// stays for the receipts, since who settles late may be the operator.
///
/// Half of a bond that is lost goes to the challenger and half is burnt: an operator may always be its own challenger. To burn is to
/// owe to `0x…dEaD`, an address that nobody has the key of and no chain gives a meaning of its own. All that leaves the contract is
/// owed first and pulled (`pay`), so no receiver can stop anything; only the operator's own balance is sent by `withdraw`.
///
/// A batch can be challenged from its seal, or the end of an opening that was never sealed, until its window is over. While it is open
/// for orders nothing is lost by waiting: what it takes to slash it then does later, and the bond has grown. A void batch has no bond
/// left: challenges that are open against it end with the stake back. Receipts of an opening that was never sealed cannot be answered.
///
/// A receipt is the operator's signature (EIP-712, domain of the vault) on
/// `Receipt(bytes32 order,uint32 sequence,uint32 account,uint32 batch,bytes32 previous)`: order o has sequence number s in the batch,
/// after orders whose hashes chain to `previous` = h_{s−1}; h_s = keccak(h_{s−1} ‖ o), h_0 = keccak(domain ‖ batch).
/// All amounts are in wei, all times in seconds.
interface IBonds {
    /// @notice What bonds cost and how long things take; fixed for ever.
    /// @param base Locked when a batch is opened.
    /// @param perOrder Locked in addition for each order when it is sealed.
    /// @param stake What a challenge costs until it is decided; it should pay for the gas of an answer.
    /// @param challengeTime How long after its end a batch can be challenged.
    /// @param answerTime How long the operator has to answer a challenge.
    struct Terms {
        uint128 base;
        uint128 perOrder;
        uint128 stake;
        uint32 challengeTime;
        uint32 answerTime;
    }

    /// @notice What the operator signs for an order.
    struct Receipt {
        bytes32 order;
        uint32 sequence;
        uint32 account;
        uint32 batch;
        bytes32 previous;
    }

    /// @notice Where a batch is. Ended: settled, or opened and never sealed. Lost: burnt or slashed. Released: given back.
    enum Stage {
        None,
        Opened,
        Sealed,
        Ended,
        Lost,
        Released
    }

    /// @notice A batch's bond.
    /// @param amount What is locked.
    /// @param stage Where the batch is.
    /// @param until End of the challenge window, once ended.
    /// @param challenges Challenges that are not decided.
    /// @param orders Number of orders sealed.
    struct Bond {
        uint128 amount;
        Stage stage;
        uint40 until;
        uint32 challenges;
        uint32 orders;
    }

    /// @notice A challenge that is not decided.
    /// @param order Order hash that must be in the batch; for the order before a receipt's, 0 (any that chains).
    /// @param chained h of the order asked for.
    /// @param sequence Its sequence number.
    /// @param account Its account; not compared for the order before a receipt's.
    /// @param deadline Until when the operator may answer.
    struct Challenge {
        address challenger;
        uint32 batch;
        uint32 sequence;
        uint40 deadline;
        uint32 account;
        bytes32 order;
        bytes32 chained;
    }

    /// @notice Shows an order in a sealed batch.
    /// @param sealRoot Root over the touches, as sealed.
    /// @param receiptsHash h_n, as sealed.
    /// @param account Account index of the touch.
    /// @param path Siblings of the touch in the seal's tree, lowest first.
    /// @param position Position of the touch.
    /// @param slot Slot of the order in the touch.
    /// @param hashes Order hashes of the touch, O of them, 0 where there is none.
    /// @param sequences Its words of sequence numbers: seven a word, 32 bits each.
    /// @param salt Its salt.
    /// @param previous h of the order before the one shown.
    struct Answer {
        bytes32 sealRoot;
        bytes32 receiptsHash;
        uint32 account;
        bytes32[] path;
        uint256 position;
        uint256 slot;
        uint256[] hashes;
        uint256[] sequences;
        uint256 salt;
        bytes32 previous;
    }

    event Deposited(address indexed from, uint256 amount);
    event Withdrawn(address indexed to, uint256 amount);
    /// @notice The bond of a batch is now `amount`.
    event BondLocked(uint32 indexed batch, uint256 amount);
    /// @notice The bond of a batch went back to the operator's balance.
    event BondReleased(uint32 indexed batch, uint256 amount);
    /// @notice The bond of a batch is gone: `toChallenger` was paid, the rest burnt.
    event BondLost(uint32 indexed batch, uint256 amount, uint256 toChallenger, address indexed challenger);
    /// @notice Who settled late got `amount` of the bond.
    event RewardPaid(uint32 indexed batch, address indexed beneficiary, uint256 amount);
    event Challenged(
        uint256 indexed challenge, uint32 indexed batch, uint32 sequence, bytes32 order, address challenger
    );
    /// @notice The operator showed the order; the stake is the operator's.
    event Answered(uint256 indexed challenge);
    /// @notice The challenge is over without an answer, or its bond was gone already; the stake went back.
    event ChallengeClosed(uint256 indexed challenge, bool slashed);

    /// @notice A term is outside its bounds; `name` says which.
    error TermOutOfBounds(bytes32 name, uint256 value, uint256 least, uint256 most);
    error OnlyVault(address caller);
    error OnlyOperator(address caller);
    /// @notice The operator's free balance does not cover what is to be locked.
    error BondNotCovered(uint256 free, uint256 needed);
    error WrongStake(uint256 given, uint256 expected);
    /// @notice A hook came out of order; a vault never does this.
    error WrongStage(uint32 batch, Stage stage);
    /// @notice The batch is neither sealed nor ended, its bond is gone, or its challenge window has ended.
    error NotChallengeable(uint32 batch, Stage stage);
    /// @notice `recovered` is 0 where the signature is no 65 bytes r ‖ s ‖ v with s in the lower half and v 27 or 28.
    error NotSigned(address recovered, address expected);
    /// @notice Nothing comes before sequence number 1.
    error NoOrderBefore(uint32 sequence);
    error NoSuchChallenge(uint256 challenge);
    error StillOpen(uint256 challenge, uint40 deadline);
    error TooLate(uint256 challenge, uint40 deadline);
    /// @notice The answer does not show the order asked for; `what` names the first thing that differs: "seal", "hashes", "sequences",
    /// "slot", "order", "sequence", "account", "chain", "first", "last", "position" or "path".
    error WrongAnswer(bytes32 what);
    /// @notice The two receipts do not contradict each other.
    error NoContradiction();
    /// @notice The bond cannot be released yet.
    error NotReleasable(uint32 batch, Stage stage, uint40 until, uint32 challenges);
    error NothingOwed(address account);
    error PaymentFailed(address account);

    /// @notice Adds to the operator's free balance; anyone may.
    function fund() external payable;
    /// @notice Takes from the operator's free balance. Operator only.
    function withdraw(uint256 amount) external;

    /// @notice Vault only. Locks `base` for the batch that is opened.
    function onOpened(uint32 batch) external;
    /// @notice Vault only. Locks `perOrder` for each order and keeps what was committed to.
    function onSealed(uint32 batch, uint32 orders, bytes32 sealRoot, bytes32 receiptsHash) external;
    /// @notice Vault only. Owes `share` / 2³² of half the bond to the beneficiary and starts the challenge window. A bond that was
    /// slashed under the seal pays nothing.
    function onSettled(uint32 batch, address beneficiary, uint32 share) external;
    /// @notice Vault only. An opening that was not sealed in time has ended; starts the challenge window.
    function onExpired(uint32 batch) external;
    /// @notice Vault only. Burns the bond.
    function onVoided(uint32 batch) external;
    /// @notice Vault only. Owes the coins sent along to `account`.
    function owe(address account) external payable;

    /// @notice Challenges the operator to show the order of a receipt, or (`before`) the one before it: an order whose number is one
    /// less and whose hash leads to `receipt.previous`. Costs the stake, which the operator gets if it answers.
    function challenge(Receipt calldata receipt, bytes calldata signature, bool before)
        external
        payable
        returns (uint256 number);
    /// @notice Answers a challenge. Anyone may; the stake goes to the operator.
    function answer(uint256 number, Answer calldata shown) external;
    /// @notice Ends a challenge that was not answered in time (half of the bond to the challenger, the rest burnt), or whose bond is gone.
    function close(uint256 number) external;
    /// @notice Takes the bond at once for two receipts that cannot both be true: same batch and sequence number with other content, or
    /// neighbours whose hashes do not chain.
    function contradict(
        Receipt calldata first,
        bytes calldata firstSignature,
        Receipt calldata second,
        bytes calldata secondSignature
    ) external;
    /// @notice Takes the bond at once for a receipt that the seal contradicts: number 0 or above `orders`, number `orders` with another
    /// chain than was sealed, or number 1 after anything but h_0.
    function contradictSeal(Receipt calldata receipt, bytes calldata signature, bytes32 sealRoot, bytes32 receiptsHash)
        external;
    /// @notice Gives the bond of an ended batch back when its window is over and no challenge is open.
    function release(uint32 batch) external;
    /// @notice Sends what is owed to `account` to it, and nowhere else. Anyone may.
    function pay(address account) external returns (uint256 amount);

    function terms() external view returns (Terms memory);
    function vault() external view returns (address);
    function operator() external view returns (address);
    /// @notice Key that receipts are signed with.
    function receiptSigner() external view returns (address);
    /// @notice The operator's balance that no batch has locked.
    function free() external view returns (uint256);
    function bonds(uint32 batch) external view returns (Bond memory);
    function challenges(uint256 number) external view returns (Challenge memory);
    function owed(address account) external view returns (uint256);
    /// @notice EIP-712 digest of a receipt.
    function digest(Receipt calldata receipt) external view returns (bytes32);
}
