// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IVerifier} from "./IVerifier.sol";

/// @title What a settlement of a sealed batch must satisfy
/// @notice A function of its arguments and nothing else: it holds no state and moves nothing. A vault says what it knows of the sealed
/// batch (`Statement`), whoever settles brings claims, proofs and public data, and the answer is what the vault has to do (`Effects`).
/// Batches too large for one transaction are checked in several: `begin`, `advance` for runs of segments, `finish`. What one call
/// hands to the next is a `Progress`; the vault keeps its hash in between, so nobody can make one up.
///
/// Public data is in one of two modes, fixed when the contract is made. *Rollup*: all words stand in calldata. *Validium*: the
/// encrypted words (5 and after of a touch) are at replicas, of which `threshold` sign their hashes and values. The open words have a
/// value of their own, computed here in both modes: replicas who sign a false one make encrypted words unreadable, and nothing that is
/// paid or credited depends on them.
interface ISettlementRules {
    // ------------------------------------------------------------------------------------------------------------ types

    /// @notice What a vault knows of the batch it has sealed.
    /// @param separator EIP-712 domain separator of the vault: what replicas sign is for this vault alone.
    /// @param domain Domain of orders and proofs.
    /// @param context Batch, last void batch, time, fee rate and margin ratio (protocol, section 7).
    /// @param root Root of the accounts before the batch.
    /// @param sealRoot Keccak root over the touches.
    /// @param touches Live touches, at least 1.
    /// @param orders Active orders.
    /// @param depositEnd End of the deposits that the batch credits.
    /// @param exitEnd End of the exit requests that the batch answers.
    /// @param riskRoot Root of the epoch's risk table.
    /// @param instrumentsHash keccak over the epoch's ids as 32-byte words.
    /// @param instruments Number of these ids.
    struct Statement {
        bytes32 separator;
        uint256 domain;
        uint256 context;
        uint256 root;
        bytes32 sealRoot;
        uint32 touches;
        uint32 orders;
        uint64 depositEnd;
        uint64 exitEnd;
        uint256 riskRoot;
        bytes32 instrumentsHash;
        uint32 instruments;
    }

    /// @notice What a segment leads to.
    /// @param root Root of the accounts after it.
    /// @param sums Commitment to the running sums after it.
    /// @param transcript Its τ.
    /// @param nextIndex One more than its last live account index.
    /// @param dataHash keccak(words 0 … 4 of its touches ‖ keccak(words 5 … of its touches)).
    struct SegmentClaim {
        uint256 root;
        uint256 sums;
        uint256 transcript;
        uint256 nextIndex;
        bytes32 dataHash;
    }

    /// @notice All that a settlement says before a challenge is drawn.
    /// @param segments The ⌈touches / T⌉ segments in order.
    /// @param auctionRoot Commitment to the clearing prices.
    /// @param closingTranscript τ_G.
    /// @param closingHash keccak over the closing words.
    /// @param beneficiary Who the settlement is credited to.
    struct Claim {
        SegmentClaim[] segments;
        uint256 auctionRoot;
        uint256 closingTranscript;
        bytes32 closingHash;
        address beneficiary;
    }

    /// @notice Proofs and public data of a run of segments.
    /// @param proofs A proof a segment: A.x, A.y, B.x₁, B.x₀, B.y₁, B.y₀, C.x, C.y (imaginary parts of B first).
    /// @param words Rollup: a segment at a time, words 0 … 4 of its touches, then words 5 … of its touches, 32 bytes each. Validium: a
    /// segment at a time, words 0 … 4 of its touches, then keccak over the words that the replicas hold.
    /// @param values Validium: value at the data point of the words held by replicas, a segment at a time. Rollup: none.
    /// @param signatures Validium: `threshold` replicas' signatures, 65 bytes each, by increasing address. Rollup: none.
    struct Part {
        uint256[8][] proofs;
        bytes words;
        uint256[] values;
        bytes signatures;
    }

    /// @notice Where the check of a batch has got to.
    /// @param r1 What the challenges are drawn from (protocol, section 7); names the settlement.
    /// @param binding Hash of the statement and the whole claim. r₁ leaves out the sums and τ_G, which one product of pairings ties
    /// together; between calls nothing else would.
    /// @param segment Segments checked so far.
    /// @param touch Live touches checked so far.
    /// @param thetaPower θ to the number of touches so far.
    /// @param sealPeaks Roots of the complete subtrees of the seal's tree so far, by height; 0 where there is none.
    /// @param accounts Three words a touch that concerns the vault so far: words 0, 3 and 4 of the touch.
    struct Progress {
        bytes32 r1;
        bytes32 binding;
        uint32 segment;
        uint32 touch;
        uint256 thetaPower;
        bytes32[] sealPeaks;
        uint256[] accounts;
    }

    /// @notice What a settled batch asks of the vault.
    /// @param r1 What the challenges are drawn from; names the settlement.
    /// @param root Root of the accounts after it.
    /// @param dataHash keccak over the segments' data hashes and the closing hash.
    /// @param accounts Three words (0, 3 and 4) of every touch with a deposit, an exit request, a payment or an opening.
    /// @param settledRows The used settled rows, id + 2²⁷·value, ids strictly increasing; the vault compares values with its own.
    struct Effects {
        bytes32 r1;
        uint256 root;
        bytes32 dataHash;
        uint256[] accounts;
        uint256[] settledRows;
    }

    // ----------------------------------------------------------------------------------------------------------- errors

    /// @notice The sealed batch needs `expected` segments, or this call has proofs of another number than are left to check.
    error WrongSegments(uint256 segments, uint256 expected);
    /// @notice The data given has `expected` bytes.
    error WrongDataLength(uint256 length, uint256 expected);
    /// @notice The data of segment `segment` is not what the claim says.
    error WrongDataHash(uint256 segment, bytes32 computed, bytes32 claimed);
    /// @notice The closing words are not those of the claim.
    error WrongClosingHash(bytes32 computed, bytes32 claimed);
    /// @notice The touch at `position` should be live and its word 0, `word`, says otherwise or has bits that mean nothing; or it should be
    /// padding and `word`, one of its open words, is not 0.
    error WrongTouch(uint256 position, uint256 word);
    /// @notice The first touch is of leaf 0.
    error FundMissing(uint256 index);
    /// @notice Segment `segment` ends at another account index than the claim says.
    error WrongNextIndex(uint256 segment, uint256 computed, uint256 claimed);
    /// @notice The touches published are not those that were sealed.
    error SealMismatch(bytes32 computed, bytes32 sealRoot);
    /// @notice Word 3 of the touch at `position` must be 0 unless the touch opens a leaf, and then not 0.
    error WrongOwnerWord(uint256 position, uint256 owner);
    /// @notice Word 4 of the touch at `position` is no address, or is not 0 in an exit.
    error WrongRecipient(uint256 position, uint256 recipient);
    /// @notice The touch at `position` opens a leaf without a deposit.
    error OpenedWithoutDeposit(uint256 position);
    /// @notice The risk rows published are not the instruments of the seal's epoch.
    error WrongInstruments(bytes32 computed, bytes32 expected);
    /// @notice Closing word `row` should be unused.
    error UnusedRow(uint256 row, uint256 word);
    /// @notice Settled row `row` is out of order.
    error SettledRowOutOfOrder(uint256 row, uint256 word);
    /// @notice Instrument `id` is a settled row and open in the seal's epoch.
    error SettledInstrumentOpen(uint32 id);
    /// @notice The progress given is of another settlement, or is past or before what this call checks.
    error WrongProgress(bytes32 r1, uint32 segment);
    /// @notice There must be exactly `expected` values given by replicas.
    error WrongValues(uint256 values, uint256 expected);
    /// @notice A value given by replicas is not below p.
    error ValueNotReduced(uint256 segment, uint256 value);
    /// @notice Signature `position` is of none of the replicas, or out of order.
    error NotAReplica(uint256 position, address signer);
    /// @notice There must be exactly `expected` signatures of replicas.
    error WrongSignatures(uint256 bytes_, uint256 expected);

    // -------------------------------------------------------------------------------------------------------- functions

    /// @notice Checks a whole settlement at once; reverts unless everything in protocol section 9 holds.
    /// @param claim What is claimed of the batch.
    /// @param part Proofs and data of all segments.
    /// @param closingProof The closing proof.
    /// @param closingWords The closing words, 32 bytes each: risk rows, then settled rows.
    function check(
        Statement calldata statement,
        Claim calldata claim,
        Part calldata part,
        uint256[8] calldata closingProof,
        bytes calldata closingWords
    ) external view returns (Effects memory);

    /// @notice Starts a check in several calls.
    function begin(Statement calldata statement, Claim calldata claim) external view returns (Progress memory);

    /// @notice Checks the next `part.proofs.length` segments.
    function advance(Statement calldata statement, Claim calldata claim, Progress calldata progress, Part calldata part)
        external
        view
        returns (Progress memory);

    /// @notice Checks what is left when all segments are checked: the closing proof, the seal's root and the rows.
    function finish(
        Statement calldata statement,
        Claim calldata claim,
        Progress calldata progress,
        uint256[8] calldata closingProof,
        bytes calldata closingWords
    ) external view returns (Effects memory);

    /// @notice Verifier of the proofs.
    function verifier() external view returns (IVerifier);

    /// @notice Whether public data is at replicas.
    function validium() external view returns (bool);

    /// @notice The replicas, by increasing address, and how many must sign; none in rollup mode.
    function replicas() external view returns (address[] memory addresses, uint256 threshold);

    /// @notice What replicas sign: that they hold, for segments `first` … of the settlement `r1`, words with these hashes and these values
    /// at its data point. EIP-712 type `PublicData(bytes32 r1,uint32 first,bytes32 hashes,bytes32 values)`, the last two keccak over
    /// 32-byte words.
    function attestation(
        bytes32 separator,
        bytes32 r1,
        uint32 first,
        bytes32[] calldata hashes,
        uint256[] calldata values
    ) external view returns (bytes32 digest);
}
