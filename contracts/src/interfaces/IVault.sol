// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IAccountVerifier} from "./IAccountVerifier.sol";
import {IBonds} from "./IBonds.sol";
import {ISettlementRules} from "./ISettlementRules.sol";
import {IVerifier} from "./IVerifier.sol";

/// @title The vault: all money of the venue, and every way in and out
/// @notice Traders deposit one token with 6 decimals. Batches of sealed orders move it between accounts that only their owners can
/// read; the vault holds the accounts' root and changes it by proof alone (`ISettlementRules`). A batch is opened, sealed, then settled
/// or void. What leaves an account is credited and pulled with `claim`.
///
/// A trader can always leave: `requestExit` moves free cash and must be answered in time; if it is not, anyone freezes the vault, and
/// then every owner registers what the account is worth with `escape` and is paid its share. Positions leave only through a freeze.
///
/// Nothing can be switched off or replaced. A successor is another vault with another domain; `retire` announces it, exit requests
/// cost nothing from then on, and when the notice has passed the vault opens no batch and anyone may freeze it.
///
/// Units: token amounts in 10⁻⁶ of the quote currency; values of one contract in 10⁻⁶ of it; fee rates in basis points of the
/// premium; bonds and exit fees in wei; times in seconds of the block clock. Account index 0 is the fund.
interface IVault {
    // ------------------------------------------------------------------------------------------------------------ types

    /// @notice What every batch is cleared and margined under.
    /// @param feeRate Basis points of the premium, at most 9,999.
    /// @param num Numerator of the initial margin ratio, den … 5.
    /// @param den Denominator of the initial margin ratio, 1 … 4.
    struct Terms {
        uint16 feeRate;
        uint8 num;
        uint8 den;
    }

    /// @notice Who may do what; fixed for ever, all different from each other.
    /// @param operator Opens and seals batches, returns deposits, announces retirement; owns the bonds.
    /// @param receiptSigner Key that receipts are signed with.
    /// @param epochSigners Keys that sign risk tables and settlement values, by increasing address.
    /// @param epochThreshold How many of them must sign.
    struct Roles {
        address operator;
        address receiptSigner;
        address[] epochSigners;
        uint8 epochThreshold;
    }

    /// @notice How long things may take, in seconds; fixed for ever, within the bounds of `Vault`.
    /// @param epochAge Oldest epoch that a batch may be opened with.
    /// @param openTime An opened batch is sealed within this time or its number is used up.
    /// @param settleTime A sealed batch is settled within this time or void.
    /// @param rewardStart From this long after the seal on, whoever settles gets a part of the bond that grows until `settleTime`.
    /// @param depositTime After this long anyone may return a deposit that no seal has locked.
    /// @param exitTime D: an exit request is answered within D · (1 + ⌊older open requests / exitsPerPeriod⌋), within 13 D at most.
    /// @param claimWindow How long after a freeze escapes share alike.
    /// @param notice Between the announcement of a retirement and its taking effect.
    struct Delays {
        uint32 epochAge;
        uint32 openTime;
        uint32 settleTime;
        uint32 rewardStart;
        uint32 depositTime;
        uint32 exitTime;
        uint32 claimWindow;
        uint32 notice;
    }

    /// @notice Amounts; fixed for ever.
    /// @param minDeposit Least deposit, token units.
    /// @param depositCap Most that may be inside at once, token units, at most 2⁶⁰.
    /// @param exitsPerPeriod Exit requests that the operator must answer every `exitTime`.
    /// @param exitFee Price of an exit request in wei, to the operator.
    struct Limits {
        uint64 minDeposit;
        uint64 depositCap;
        uint32 exitsPerPeriod;
        uint128 exitFee;
    }

    /// @notice Everything a vault is made of.
    /// @param genesisRoot Root of the tree that holds the fund's empty account and nothing else; it depends on the vault's domain.
    /// @param fundOwner Owner of account 0.
    /// @param poseidon A `PoseidonConstants`, with which `Bonds` opens touch hashes; `Bonds` refuses any other code.
    struct Config {
        address token;
        ISettlementRules rules;
        IAccountVerifier accountVerifier;
        address poseidon;
        uint256 genesisRoot;
        uint256 fundOwner;
        Terms terms;
        Roles roles;
        Delays delays;
        Limits limits;
        IBonds.Terms bonds;
    }

    /// @notice What the operator commits to before anything of a batch is known to be settled.
    /// @param sealRoot Keccak root over the touches (protocol, section 4).
    /// @param receiptsHash h_n: the chain over the hashes of all orders in sequence.
    /// @param touches Number of touches, at least 1: leaf 0 is in every batch.
    /// @param orders Number of active orders; their sequence numbers are 1 … orders.
    /// @param depositEnd The batch credits all deposits at queue positions below this, and no other.
    /// @param exitEnd The batch answers all exit requests at queue positions below this, and no other.
    struct SealRequest {
        bytes32 sealRoot;
        bytes32 receiptsHash;
        uint32 touches;
        uint32 orders;
        uint64 depositEnd;
        uint64 exitEnd;
    }

    /// @notice An opened batch. `batch` is 0 when there is none.
    /// @param epoch Epoch whose risk table the batch is cleared and margined with.
    /// @param time Block time of the opening.
    struct Opening {
        uint32 batch;
        uint32 epoch;
        uint40 time;
    }

    /// @notice A sealed batch. `touches` is 0 when there is none.
    /// @param lastVoid Number of the last void batch at the time of the seal, 0 if none.
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

    /// @notice A risk table as it is posted.
    /// @param number One more than the epoch in force.
    /// @param riskRoot Root over the rows (protocol, section 6).
    /// @param ids Its instruments, strictly increasing.
    /// @param previousIds The instruments of the epoch in force; none before the first.
    /// @param settled Exactly the instruments of `previousIds` that `ids` lacks, in order, with their settlement values.
    /// @param rows The rows' words, 32 bytes each, 2 + ⌈S / 6⌉ a row: whoever leaves needs them to value the account.
    /// @param time When the signers made it.
    struct EpochPost {
        uint32 number;
        uint256 riskRoot;
        uint32[] ids;
        uint32[] previousIds;
        SettledInstrument[] settled;
        bytes rows;
        uint40 time;
    }

    /// @notice A risk table in force until the next one.
    /// @param instrumentsHash keccak over the open ids as 32-byte words, in order.
    /// @param instruments Number of open instruments.
    /// @param time When its signers made it.
    struct Epoch {
        uint256 riskRoot;
        bytes32 instrumentsHash;
        uint32 instruments;
        uint40 time;
    }

    /// @notice An expired instrument and the value of one contract, below 2⁴².
    struct SettledInstrument {
        uint32 id;
        uint64 value;
    }

    /// @notice A queued deposit; `amount` is 0 once returned.
    struct Deposit {
        address payer;
        uint64 amount;
        uint32 index;
        uint40 time;
    }

    /// @notice A queued exit request: pays at most `amount` out of the cash of account `index`, and is late after `deadline`.
    struct ExitRequest {
        address recipient;
        uint64 amount;
        uint32 index;
        uint40 deadline;
    }

    /// @notice What an owner shows to leave a frozen vault.
    /// @param equity What the account is worth, token units.
    /// @param settled Words of positions in instruments that left the table (three a word: id + 2²⁷·value in 69-bit slots).
    struct EscapeClaim {
        uint32 index;
        address recipient;
        uint64 equity;
        uint256[] settled;
        uint256[8] proof;
    }

    /// @notice A registered escape; `paid` once its share was credited.
    struct Escape {
        address recipient;
        uint64 equity;
        bool inWindow;
        bool paid;
    }

    // ----------------------------------------------------------------------------------------------------------- events

    /// @notice The starting point: everything later follows from this and the events below, with the calldata of their transactions.
    event Genesis(uint256 root, uint256 domain, Config config, address bonds);
    /// @notice Account `index` belongs to `owner` from now on; emitted at the owner's first deposit.
    event AccountAssigned(uint32 indexed index, uint256 indexed owner);
    event DepositQueued(uint64 indexed entry, uint32 indexed index, address indexed payer, uint64 amount);
    /// @notice A deposit will not be credited; its amount can be claimed by the payer.
    event DepositReturned(uint64 indexed entry, uint32 indexed index, address indexed payer, uint64 amount);
    event ExitRequested(
        uint64 indexed entry, uint32 indexed index, address indexed recipient, uint64 amount, uint40 deadline
    );
    /// @notice An exit request is answered: `paid` token units, 0 if cash or margin do not allow it.
    event ExitAnswered(uint64 indexed entry, uint32 indexed batch, uint64 requested, uint256 paid);
    /// @notice A risk table is in force; its rows are in the calldata of this transaction.
    event EpochPosted(
        uint32 indexed epoch, uint256 riskRoot, uint32[] instruments, SettledInstrument[] settled, uint40 time
    );
    /// @notice Intake of a batch is open under an epoch.
    event BatchOpened(uint32 indexed batch, uint32 indexed epoch);
    /// @notice An opened batch was not sealed in time; its number is used up.
    event OpeningExpired(uint32 indexed batch);
    event BatchSealed(uint32 indexed batch, uint256 root, Seal seal, bytes32 receiptsHash);
    /// @notice The sealed batch will never be settled; its number is used up.
    event BatchVoided(uint32 indexed batch);
    /// @notice Segments of the sealed batch were checked in this transaction and their words are in its calldata; nothing else changed.
    event SegmentsChecked(uint32 indexed batch, bytes32 indexed r1, uint32 first, uint32 count);
    /// @notice The sealed batch is settled. `r1` names the settlement that was checked, in one call or several.
    event BatchSettled(
        uint32 indexed batch,
        uint256 rootBefore,
        uint256 rootAfter,
        bytes32 dataHash,
        bytes32 r1,
        address indexed beneficiary
    );
    /// @notice `amount` token units can be claimed by `recipient`, from account `index` in batch `batch`.
    event WithdrawalCredited(uint32 indexed batch, uint32 indexed index, address indexed recipient, uint256 amount);
    event Claimed(address indexed recipient, uint256 amount);
    /// @notice The vault is replaced by `successor` (0: by none) from `time` on.
    event Retiring(address indexed successor, uint40 time);
    /// @notice The vault is frozen at `root`; escapes use the risk table of `epoch` and share alike until `windowEnd`.
    event Frozen(uint256 root, uint32 epoch, uint40 windowEnd);
    event EscapeRegistered(uint32 indexed index, address indexed recipient, uint64 equity, bool inWindow);
    /// @notice What the registered escapes share, and what they are worth together.
    event PotFixed(uint256 pot, uint256 totalEquity);
    event EscapePaid(uint32 indexed index, address indexed recipient, uint256 amount);

    // ----------------------------------------------------------------------------------------------------------- errors

    error NotReduced(uint256 value);
    /// @notice Keys whose randomness one machine knew are for local chains only.
    error DevelopmentKeys(uint256 chainId);
    error WrongChain(uint256 chainId, uint256 expected);
    /// @notice A parameter is outside its bounds; `name` says which.
    error ParameterOutOfBounds(bytes32 name, uint256 value, uint256 least, uint256 most);
    error RoleTwice(address role);
    error OnlyOperator(address caller);
    /// @notice Tables and settlements are sent directly, by an account without code, so that their data can be read from the transaction.
    error CallDirectly(address caller, address origin);
    /// @notice The token called back in the middle of a transfer.
    error Reentered();
    error VaultFrozen();
    error NotFrozen();

    error TokenDecimals(uint8 decimals);
    /// @notice The token moved another amount than was asked: it takes a fee, rebases or lies.
    error WrongTransfer(uint256 moved, uint256 expected);
    /// @notice The vault holds less than it counted: the token rebased, or does not tell what is held (0).
    error TokenMissing(uint256 held, uint256 counted);
    error InvalidOwner(uint256 owner);
    error InvalidRecipient(address recipient);
    error TreeFull(uint256 capacity);
    error DepositTooSmall(uint64 amount, uint64 least);
    error DepositCap(uint256 total, uint256 most);
    /// @notice Queue position `entry` is settled or locked, or does not exist, or was returned before.
    error NotReturnable(uint64 entry);
    error ReturnTooEarly(uint64 entry, uint40 from);
    error NothingToClaim(address recipient);
    error NoSuchAccount(uint32 index);
    error ZeroAmount();
    error ExitOpen(uint32 index);
    error WrongFee(uint256 given, uint256 expected);

    error InstrumentOutOfOrder(uint256 position, uint32 id);
    error TooManyInstruments(uint256 count, uint256 most);
    error NotTheNextEpoch(uint32 number, uint32 expected);
    error NotTheEpochInForce(uint32 epoch);
    error InstrumentDropped(uint32 id);
    error NotLeaving(uint32 id);
    error AlreadySettled(uint32 id);
    error ValueOutOfRange(uint32 id, uint64 value);
    error WrongRows(uint256 bytes_, uint256 expected);
    /// @notice Row `position` is of another instrument than `ids` says.
    error WrongRow(uint256 position, uint256 word, uint32 id);
    error EpochTime(uint40 time, uint256 after_, uint256 until);
    error NotASigner(uint256 position, address signer);
    error WrongSignatures(uint256 bytes_, uint256 expected);

    error NoEpoch();
    error EpochTooOld(uint32 epoch, uint40 time);
    error OpeningInForce(uint32 batch);
    error NoOpening();
    error OpeningOver(uint32 batch, uint256 until);
    error SealInForce(uint32 batch);
    error NoSeal();
    error SealOver(uint32 batch, uint256 until);
    error SealNotOver(uint32 batch, uint256 until);
    error TouchesOutOfRange(uint256 touches, uint256 most);
    error OrdersOutOfRange(uint256 orders, uint256 most);
    error QueueEndOutOfRange(uint64 end, uint64 head, uint64 tail);
    /// @notice A late exit request would stay unanswered.
    error LateExitLeft(uint64 entry, uint40 deadline);
    /// @notice Account `index` has a deposit and an exit request below the ends of this seal; a touch holds one of them.
    error DepositBesideExit(uint32 index);
    error FeeRateOutOfRange(uint16 feeRate);
    error RatioOutOfRange(uint8 num, uint8 den);

    error NoSuchProgress(bytes32 hash);
    error WrongOwner(uint32 index, uint256 published, uint256 expected);
    error QueueEntryMissing(uint64 entry, uint32 index);
    /// @notice The batch credits deposits that are not in the queue, or answers exit requests that are not.
    error NotInQueue(uint256 amount, uint256 exits);
    error WrongSettlementValue(uint32 id, uint256 value);

    error Retired(uint40 since);
    error AlreadyRetiring(uint40 time);
    /// @notice No exit request is late and no retirement has taken effect.
    error NoReasonToFreeze();
    error AlreadyEscaped(uint32 index);
    error WrongWords(uint256 words, uint256 expected);
    error NotEscaped(uint32 index);
    error EscapeAlreadyPaid(uint32 index);
    error WindowOpen(uint40 until);

    // -------------------------------------------------------------------------------------------------------- functions

    /// @notice Moves `amount` of the token from the caller into the queue of deposits for `owner`, who gets an account at the first one.
    /// @dev Reverts in a frozen vault (`VaultFrozen`), below the least deposit (`DepositTooSmall`), for an owner that is 0 or not below p
    /// (`InvalidOwner`), above the cap (`DepositCap` with what would be inside), when all leaves are taken (`TreeFull`), when the vault
    /// holds less than it counted (`TokenMissing`), moved another amount (`WrongTransfer`) or the token calls back (`Reentered`).
    /// Emits `AccountAssigned` at an owner's first deposit and `DepositQueued`.
    /// @param owner Owner word of the account; who pays need not be the owner.
    /// @param amount Token units, approved to the vault before.
    /// @return entry Position in the queue.
    /// @return index Account of the owner.
    function deposit(uint256 owner, uint64 amount) external returns (uint64 entry, uint32 index);
    /// @notice Takes a deposit that no seal has locked back out; the payer can claim it. The operator may at any time, anyone after
    /// `depositTime` or in a frozen vault.
    /// @dev Reverts with `NotReturnable`, or `ReturnTooEarly` with the time from which anyone may. Emits `DepositReturned`.
    function returnDeposit(uint64 entry) external;
    /// @notice Asks for up to `amount` of an account's free cash, with the owner's proof (circuit `exit`, request number `exitCount(index)`).
    /// @dev Whoever sends it pays `exitFee` exactly (`WrongFee`), nothing once the end is announced. Reverts in a frozen vault
    /// (`VaultFrozen`), for account 0 or one that is not assigned (`NoSuchAccount`), for nothing (`ZeroAmount`), to 0 or the vault
    /// (`InvalidRecipient`), while a request of the account is open (`ExitOpen`), and with errors of `Groth16` unless the proof holds.
    /// Emits `ExitRequested` with the deadline.
    /// @param amount Token units.
    /// @param recipient Who may claim what is paid.
    /// @return entry Position in the queue.
    function requestExit(uint32 index, uint64 amount, address recipient, uint256[8] calldata proof)
        external
        payable
        returns (uint64 entry);
    /// @notice Pays `recipient` all it may claim, as far as the vault holds it beyond queued deposits and deposits returned to others; the
    /// rest stays claimable. Anyone may.
    /// @dev Reverts when nothing can be paid (`NothingToClaim`), for 0 and the vault (`InvalidRecipient`), and when the token moves another
    /// amount (`WrongTransfer`). Emits `Claimed`.
    /// @return paid Token units.
    function claim(address recipient) external returns (uint256 paid);

    /// @notice Puts a risk table in force. Anyone may send it with the signers' signatures, directly.
    /// @dev Reverts, in this order: `VaultFrozen`, `CallDirectly`, `NotTheNextEpoch`, `NotReduced` (risk root), `EpochTime` unless after_ < time ≤ until,
    /// `TooManyInstruments`, `InstrumentOutOfOrder` (ids increase from 1, below 2²⁷), `WrongRows`, `WrongRow`, `NotTheEpochInForce` unless
    /// `previousIds` are the open ids, `WrongSignatures`, `NotASigner`, then `AlreadySettled`, `InstrumentDropped` (an id leaves without
    /// a value), `ValueOutOfRange` (2⁴² and above), `NotLeaving` (a value for an id that does not leave). Emits `EpochPosted`.
    /// @param signatures 65 bytes a signer (r ‖ s ‖ v, s in the lower half), by increasing address, exactly the threshold, on EIP-712
    /// `Epoch(uint32 number,uint256 riskRoot,bytes32 ids,bytes32 settled,bytes32 rows,uint40 time)`, where `ids` and `settled` are keccak
    /// over 32-byte words (id, value, id, value … of the latter) and `rows` keccak over its bytes.
    function postEpoch(EpochPost calldata post, bytes calldata signatures) external;

    /// @notice Opens intake of the next batch under the epoch in force. Operator only.
    /// @dev Reverts: `OnlyOperator`, `VaultFrozen`, `Retired` with the time it took effect, `NoEpoch`, `EpochTooOld` with the epoch's time,
    /// `OpeningInForce`, and `BondNotCovered` of the bonds. Emits `OpeningExpired` for an opening that ran out, and `BatchOpened`.
    function open() external returns (uint32 batch);
    /// @notice Ends an opening that was not sealed in time, so that its receipts can be challenged though its operator is silent. Anyone may;
    /// `open` and `freeze` do so too.
    /// @dev Reverts: `NoOpening`, and `OpeningInForce` while it can still be sealed. Emits `OpeningExpired`.
    function expireOpening() external;
    /// @notice Seals the opened batch. Operator only.
    /// @dev Reverts, in this order: `OnlyOperator`, `VaultFrozen`, `NoOpening`, `OpeningOver` with the last second it could be sealed in,
    /// `SealInForce`, `TouchesOutOfRange`, `OrdersOutOfRange`, `QueueEndOutOfRange` (an end below the head, above the tail or more than
    /// 4,096 beyond the head), `DepositBesideExit`, `LateExitLeft` (a request at or above the exit end is late, or after a void any is),
    /// and `BondNotCovered` of the bonds. Emits `BatchSealed`.
    function seal(SealRequest calldata request) external returns (uint32 batch);
    /// @notice Settles the sealed batch in one transaction. Anyone who holds its data may, directly.
    /// @dev Reverts: `VaultFrozen`, `CallDirectly` from an account with code, `WrongChain` on a fork, `NoSeal`, `SealOver` with the last second it could
    /// be settled in, errors of `ISettlementRules` and `Groth16`; then, if the operator sealed what does not fit, `WrongSettlementValue`,
    /// `WrongOwner`, `QueueEntryMissing`, `NotInQueue` (what is credited or answered beyond the queues). Emits `BatchSettled`,
    /// `WithdrawalCredited` for each payment and `ExitAnswered` for each request.
    /// @param claim_ What is claimed of the batch; its beneficiary gets the reward.
    /// @param part Proofs and data of all segments.
    /// @param closingWords The closing words, 32 bytes each.
    function settle(
        ISettlementRules.Claim calldata claim_,
        ISettlementRules.Part calldata part,
        uint256[8] calldata closingProof,
        bytes calldata closingWords
    ) external;
    /// @notice Starts a settlement in several transactions; the vault remembers the hash of the progress that is returned.
    /// @dev Reverts as `settle` before it applies anything. Several may be under way at once.
    function beginSettlement(ISettlementRules.Claim calldata claim_)
        external
        returns (ISettlementRules.Progress memory progress);
    /// @notice Checks the next segments of a settlement in several transactions.
    /// @dev Reverts as `beginSettlement`, and with `NoSuchProgress` unless the progress was returned for this batch. Emits `SegmentsChecked`.
    /// @param progress What the call before returned.
    function advanceSettlement(
        ISettlementRules.Claim calldata claim_,
        ISettlementRules.Progress calldata progress,
        ISettlementRules.Part calldata part
    ) external returns (ISettlementRules.Progress memory next);
    /// @notice Checks what is left and settles.
    /// @dev Reverts and emits as `settle`, and reverts with `NoSuchProgress`.
    function finishSettlement(
        ISettlementRules.Claim calldata claim_,
        ISettlementRules.Progress calldata progress,
        uint256[8] calldata closingProof,
        bytes calldata closingWords
    ) external;
    /// @notice Gives the sealed batch up and burns its bond. The operator may at any time, anyone after `settleTime`.
    /// @dev Reverts with `NoSeal`, or `SealNotOver` with the last second it can be settled in. Emits `BatchVoided`.
    function voidSeal() external;

    /// @notice Announces that the vault ends after `notice`. Operator only, once.
    /// @dev Reverts: `OnlyOperator`, `VaultFrozen`, `AlreadyRetiring`. Emits `Retiring`.
    /// @param successor The vault that replaces this one; 0 if none does. Nothing is sent there.
    function retire(address successor) external;
    /// @notice Freezes the vault for ever if an exit request is late or a retirement has taken effect, and no seal is in force that can
    /// still be settled. Voids a seal that is over and ends an opening. Anyone may.
    /// @dev Reverts: `VaultFrozen`, `NoReasonToFreeze`, `SealInForce`. Emits `Frozen`.
    function freeze() external;
    /// @notice Registers what an account of the frozen vault is worth, once an account. Anyone may send the owner's proof.
    /// @dev Reverts: `NotFrozen`, `NoEpoch` (nothing was ever settled: there are refunds only), `NoSuchAccount`, `InvalidRecipient`,
    /// `AlreadyEscaped`, `WrongWords`, `WrongSettlementValue` (a settled position at another value than the vault's), and with errors
    /// of `Groth16` unless the proof holds. Emits `EscapeRegistered`.
    function escape(EscapeClaim calldata claim_) external;
    /// @notice Credits the share of a registered escape when the window is over; that of account 0 after twice the window. Anyone may.
    /// @dev Reverts: `NotEscaped`, `EscapeAlreadyPaid`, `WindowOpen` with its last second. Emits `EscapePaid`, and `PotFixed` the first time.
    function payEscape(uint32 index) external;

    function token() external view returns (address);
    function rules() external view returns (ISettlementRules);
    function verifier() external view returns (IVerifier);
    function accountVerifier() external view returns (IAccountVerifier);
    function bonds() external view returns (IBonds);
    /// @notice Domain of orders and proofs: keccak("tacit.domain.1" as bytes32, chain id, this address) mod p.
    function domain() external view returns (uint256);
    /// @notice EIP-712 domain separator: name "tacit", version "1", chain id, this address.
    function separator() external view returns (bytes32);
    function terms() external view returns (Terms memory);
    function roles() external view returns (Roles memory);
    function delays() external view returns (Delays memory);
    function limits() external view returns (Limits memory);
    function root() external view returns (uint256);
    /// @notice Number of the last batch that was opened; 0 before the first.
    function batch() external view returns (uint32);
    function lastVoid() external view returns (uint32);
    function opening() external view returns (Opening memory);
    function currentSeal() external view returns (Seal memory);
    function currentEpoch() external view returns (uint32);
    /// @notice Epoch of the last settled batch; 0 before the first.
    function lastSettledEpoch() external view returns (uint32);
    function epochs(uint32 epoch) external view returns (Epoch memory);
    /// @notice Settlement value of an instrument and the epoch that it left the table with (0: it has no value).
    function settlementValue(uint32 id) external view returns (uint64 value, uint32 epoch);
    function ownerOf(uint32 index) external view returns (uint256);
    function accountOf(uint256 owner) external view returns (bool assigned, uint32 index);
    function accounts() external view returns (uint32);
    function deposits(uint64 entry) external view returns (Deposit memory);
    function exits(uint64 entry) external view returns (ExitRequest memory);
    /// @notice Exit requests that account `index` ever made: the number that the next one must be proven for.
    function exitCount(uint32 index) external view returns (uint32);
    function depositQueue() external view returns (uint64 head, uint64 tail);
    function exitQueue() external view returns (uint64 head, uint64 tail);
    /// @notice Earliest deadline among the exit requests at positions from `entry` on; `type(uint40).max` if there is none.
    function earliestDeadline(uint64 entry) external view returns (uint40);
    function claimable(address recipient) external view returns (uint256);
    function totalClaimable() external view returns (uint256);
    /// @notice Sum of the deposits that are queued and not returned.
    function pendingDeposits() external view returns (uint256);
    function retirement() external view returns (address successor, uint40 time);
    /// @notice Time of the freeze, 0 if the vault is not frozen.
    function frozenAt() external view returns (uint40);
    function escapes(uint32 index) external view returns (Escape memory);
    /// @notice What the escapes share and what those of the window are worth together; 0 until the first is paid.
    function pot() external view returns (uint256 amount, uint256 totalEquity);
}
