// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IVerifier} from "./IVerifier.sol";

/// @title Settlement of sealed batches
/// @notice Holds the root of the accounts, the risk table's epochs, settlement values, and the queues of deposits and exit
/// requests. A batch is sealed first: from then on nothing about it can be chosen. It is settled by proofs that the sealed orders
/// were cleared by the rules on the held root, or it is void. The root changes in no other way.
///
/// Units: token amounts in 10⁻⁶ of the quote currency; values of one contract in 10⁻⁶ of it; fee rates in basis points of the
/// premium; times in seconds of the block clock. Elements of the circuits' field are below p. Account index 0 is the fund.
interface ISettlement {
    // ------------------------------------------------------------------------------------------------------------ types

    /// @notice What every batch of a contract is cleared and margined under, fixed when it is deployed.
    /// @param feeRate Basis points of the premium, at most 9,999.
    /// @param num Numerator of the initial margin ratio, den … 5.
    /// @param den Denominator of the initial margin ratio, 1 … 4.
    struct Terms {
        uint16 feeRate;
        uint8 num;
        uint8 den;
    }

    /// @notice A segment as it is settled: its proof and what it leads to.
    /// @param proof A.x, A.y, B.x₁, B.x₀, B.y₁, B.y₀, C.x, C.y (imaginary parts of B first).
    /// @param root Root of the accounts after the segment.
    /// @param sums Commitment to the running sums after the segment.
    /// @param transcript The segment's τ.
    struct SegmentProof {
        uint256[8] proof;
        uint256 root;
        uint256 sums;
        uint256 transcript;
    }

    /// @notice The closing proof.
    /// @param proof As of a segment.
    /// @param auctionRoot Commitment to the clearing prices.
    /// @param transcript τ_G.
    struct ClosingProof {
        uint256[8] proof;
        uint256 auctionRoot;
        uint256 transcript;
    }

    /// @notice What the operator commits to before anything of a batch is known to be settled.
    /// @param sealRoot Keccak root over the touches (protocol, section 4).
    /// @param touches Number of touches, at least 1: leaf 0 is in every batch.
    /// @param orders Number of active orders; their sequence numbers are 1 … orders.
    /// @param depositEnd The batch credits all deposits at queue positions below this, and no other.
    /// @param exitEnd The batch answers all exit requests at queue positions below this, and no other.
    struct SealRequest {
        bytes32 sealRoot;
        uint32 touches;
        uint32 orders;
        uint64 depositEnd;
        uint64 exitEnd;
    }

    /// @notice A sealed batch. `touches` is 0 when there is none.
    /// @param batch Batch number, from 1.
    /// @param lastVoid Number of the last void batch at the time of the seal, 0 if none.
    /// @param epoch Number of the epoch whose risk table the batch is cleared and margined with.
    /// @param time Block time of the seal.
    struct Seal {
        bytes32 sealRoot;
        uint32 batch;
        uint32 touches;
        uint32 orders;
        uint64 depositEnd;
        uint64 exitEnd;
        uint32 lastVoid;
        uint32 epoch;
        uint40 time;
    }

    /// @notice A risk table in force from `postedAt` until the next one.
    /// @param riskRoot Root over the rows (protocol, section 6).
    /// @param instrumentsHash keccak over the open ids as 32-byte words, in order.
    /// @param instruments Number of open instruments.
    struct Epoch {
        uint256 riskRoot;
        bytes32 instrumentsHash;
        uint32 instruments;
        uint40 postedAt;
    }

    /// @notice An expired instrument and the value of one contract, in 10⁻⁶ of the quote currency, below 2⁴².
    struct SettledInstrument {
        uint32 id;
        uint64 value;
    }

    /// @notice A queued deposit; `amount` is 0 once returned.
    struct Deposit {
        address payer;
        uint64 amount;
        uint32 index;
    }

    /// @notice A queued exit request: pays at most `amount` out of the cash of account `index`.
    struct ExitRequest {
        address recipient;
        uint64 amount;
        uint32 index;
    }

    // ----------------------------------------------------------------------------------------------------------- events

    /// @notice The starting point: everything later follows from this and the events below.
    event Genesis(uint256 root, uint256 domain, address verifier, uint256 fundOwner, Terms terms);
    /// @notice Account `index` belongs to `owner` from now on; emitted at the owner's first deposit.
    event AccountAssigned(uint32 indexed index, uint256 indexed owner);
    /// @notice A deposit waits at queue position `entry`.
    event DepositQueued(uint64 indexed entry, uint32 indexed index, address indexed payer, uint64 amount);
    /// @notice A deposit will not be credited; its amount goes back to the payer.
    event DepositReturned(uint64 indexed entry, uint32 indexed index, address indexed payer, uint64 amount);
    /// @notice An exit request waits at queue position `entry`.
    event ExitRequested(uint64 indexed entry, uint32 indexed index, address indexed recipient, uint64 amount);
    /// @notice An exit request is answered: `paid` token units, 0 if cash or margin do not allow it.
    event ExitAnswered(uint64 indexed entry, uint32 indexed batch, uint64 requested, uint256 paid);
    /// @notice A risk table is in force; `settled` left it with their values.
    event EpochPosted(uint32 indexed epoch, uint256 riskRoot, uint32[] instruments, SettledInstrument[] settled);
    /// @notice A batch is sealed on top of `root`; `terms` are the contract's.
    event BatchSealed(uint32 indexed batch, uint256 root, Seal seal, Terms terms);
    /// @notice The sealed batch will never be settled; its number is used up.
    event BatchVoided(uint32 indexed batch);
    /// @notice The sealed batch is settled. `dataHash` is keccak over its public data words.
    event BatchSettled(
        uint32 indexed batch, uint256 rootBefore, uint256 rootAfter, bytes32 dataHash, address indexed beneficiary
    );
    /// @notice `amount` token units can be claimed by `recipient`, from account `index` in batch `batch`.
    event WithdrawalCredited(uint32 indexed batch, uint32 indexed index, address indexed recipient, uint256 amount);

    // ----------------------------------------------------------------------------------------------------------- errors

    /// @notice `value` must be an element of the circuits' field.
    error NotReduced(uint256 value);
    /// @notice Keys whose randomness one machine knew are for local chains only.
    error DevelopmentKeys(uint256 chainId);
    /// @notice The chain has another id than when the contract was made; its orders are for the other one.
    error WrongChain(uint256 chainId, uint256 expected);

    /// @notice Instrument ids must be strictly increasing and in 1 … 2²⁷ − 1; `id` at `position` is not.
    error InstrumentOutOfOrder(uint256 position, uint32 id);
    /// @notice A risk table has at most `most` instruments.
    error TooManyInstruments(uint256 count, uint256 most);
    /// @notice The ids given are not those of the epoch in force.
    error NotTheEpochInForce(uint32 epoch);
    /// @notice Instrument `id` is in the epoch in force and neither in the next one nor given a settlement value.
    error InstrumentDropped(uint32 id);
    /// @notice A settlement value is given for `id`, which does not leave the table with this epoch.
    error NotLeaving(uint32 id);
    /// @notice Instrument `id` has a settlement value; an id is never used again.
    error AlreadySettled(uint32 id);
    /// @notice A settlement value must be below 2⁴².
    error ValueOutOfRange(uint32 id, uint64 value);

    /// @notice Owners are elements of the circuits' field other than 0.
    error InvalidOwner(uint256 owner);
    /// @notice All `capacity` accounts are taken.
    error TreeFull(uint256 capacity);
    /// @notice An amount must be at least 1 token unit.
    error ZeroAmount();
    /// @notice The deposits ever queued and not returned, less what was withdrawn, would exceed `most` token units.
    error DepositCap(uint256 total, uint256 most);
    /// @notice Queue position `entry` is settled or locked by the seal, or does not exist, or was returned before.
    error NotReturnable(uint64 entry);
    /// @notice No exit for the fund, nor for an account that was never assigned.
    error NoSuchAccount(uint32 index);
    /// @notice Account `index` has an exit request waiting.
    error ExitOpen(uint32 index);

    /// @notice A batch is sealed already.
    error SealInForce(uint32 batch);
    /// @notice No batch is sealed.
    error NoSeal();
    /// @notice No epoch has been posted yet.
    error NoEpoch();
    /// @notice A batch has 1 … `most` touches.
    error TouchesOutOfRange(uint256 touches, uint256 most);
    /// @notice `touches` touches hold at most `most` orders.
    error OrdersOutOfRange(uint256 orders, uint256 most);
    /// @notice A queue end lies between what is settled and what is queued, at most `MAX_QUEUE_ENTRIES` on.
    error QueueEndOutOfRange(uint64 end, uint64 head, uint64 tail);
    /// @notice The fee rate is at most 9,999 basis points.
    error FeeRateOutOfRange(uint16 feeRate);
    /// @notice The margin ratio num/den has den in 1 … 4 and num in den … 5.
    error RatioOutOfRange(uint8 num, uint8 den);

    /// @notice The sealed batch needs `expected` segments.
    error WrongSegments(uint256 segments, uint256 expected);
    /// @notice The public data of the sealed batch has `expected` bytes.
    error WrongDataLength(uint256 length, uint256 expected);
    /// @notice The touch at `position` should be live, or should be padding, and its word 0 says otherwise.
    error WrongTouch(uint256 position, uint256 word);
    /// @notice The first touch is of leaf 0.
    error FundMissing(uint256 index);
    /// @notice The touches published are not those that were sealed.
    error SealMismatch(bytes32 computed, bytes32 sealRoot);
    /// @notice Word 3 of the touch at `position` is not the owner that the account was assigned to (0 if it opens no leaf).
    error WrongOwner(uint256 position, uint256 published, uint256 expected);
    /// @notice Word 4 of the touch at `position` is no address, or is not 0 in an exit.
    error WrongRecipient(uint256 position, uint256 recipient);
    /// @notice The touch at `position` opens a leaf without a deposit.
    error OpenedWithoutDeposit(uint256 position);
    /// @notice A queued deposit or exit request of account `index` has no matching touch in the batch.
    error QueueEntryMissing(uint64 entry, uint32 index);
    /// @notice The batch credits deposits that are not in the queue, or answers exit requests that are not.
    error NotInQueue(uint256 amount, uint256 exits);
    /// @notice Row `row` of the closing words is not instrument row `row` of the seal's epoch.
    error WrongInstruments(bytes32 computed, bytes32 expected);
    /// @notice Closing word `row` should be unused.
    error UnusedRow(uint256 row, uint256 word);
    /// @notice Settled row `row` is not an instrument with that settlement value at the time of the seal's epoch, or is out of order.
    error WrongSettledRow(uint256 row, uint256 word);
    /// @notice Instrument `id` is a settled row and open in the seal's epoch.
    error SettledInstrumentOpen(uint32 id);

    // -------------------------------------------------------------------------------------------------------- functions

    /// @notice Settles the sealed batch. Anyone who holds its data may; a copied transaction pays the same beneficiary.
    /// @dev Reverts with an error above or of `Groth16`, `DataWords` unless everything in protocol section 9 holds.
    /// @param segments The ⌈touches / T⌉ segments in order.
    /// @param closing The closing proof.
    /// @param words All public data words, 32 bytes each, big-endian: T · wordsPerTouch a segment, then a word a risk row and a word
    /// a settled row.
    /// @param beneficiary Who the settlement is credited to; bound into the proofs.
    function settle(
        SegmentProof[] calldata segments,
        ClosingProof calldata closing,
        bytes calldata words,
        address beneficiary
    ) external;

    /// @notice Verifier of the proofs; never changes.
    function verifier() external view returns (IVerifier);
    /// @notice Domain of orders and proofs: keccak("tacit.domain.1" as bytes32, chain id, this address) mod p.
    function domain() external view returns (uint256);
    /// @notice Fee rate and margin ratio of every batch; they never change, so other terms are another contract and another domain.
    function terms() external view returns (Terms memory);
    /// @notice Root of the accounts.
    function root() external view returns (uint256);
    /// @notice Number of the last batch that was sealed; 0 before the first.
    function batch() external view returns (uint32);
    /// @notice Number of the last void batch; 0 if none.
    function lastVoid() external view returns (uint32);
    /// @notice The sealed batch; all zero when there is none.
    function currentSeal() external view returns (Seal memory);
    /// @notice Number of the epoch in force; 0 before the first.
    function currentEpoch() external view returns (uint32);
    /// @notice The epoch with that number; all zero if never posted.
    function epochs(uint32 epoch) external view returns (Epoch memory);
    /// @notice Settlement value of an instrument and the number of the epoch that it left the table with (0: it has no value).
    function settlementValue(uint32 id) external view returns (uint64 value, uint32 epoch);
    /// @notice Owner that the account was assigned to; 0 if none.
    function ownerOf(uint32 index) external view returns (uint256);
    /// @notice Account of an owner, if it has one.
    function accountOf(uint256 owner) external view returns (bool assigned, uint32 index);
    /// @notice Number of accounts assigned, the fund's included.
    function accounts() external view returns (uint32);
    /// @notice Deposit at a queue position; all zero if there is none.
    function deposits(uint64 entry) external view returns (Deposit memory);
    /// @notice Exit request at a queue position; all zero if there is none.
    function exits(uint64 entry) external view returns (ExitRequest memory);
    /// @notice Deposits: positions below `head` are settled, `tail` is where the next one goes.
    function depositQueue() external view returns (uint64 head, uint64 tail);
    /// @notice Exit requests: positions below `head` are answered, `tail` is where the next one goes.
    function exitQueue() external view returns (uint64 head, uint64 tail);
    /// @notice Token units that `recipient` may claim.
    function claimable(address recipient) external view returns (uint256);
    /// @notice Token units that all recipients may claim.
    function totalClaimable() external view returns (uint256);
}
