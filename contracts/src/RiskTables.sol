// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {VaultBase} from "./VaultBase.sol";
import {IVault} from "./interfaces/IVault.sol";
import {Bn254} from "./libraries/Bn254.sol";
import {DataWords} from "./libraries/DataWords.sol";
import {Signatures} from "./libraries/Signatures.sol";

/// @title Risk tables and settlement values, by k of n signatures
/// @notice An instrument enters with an epoch and leaves with a later one that gives its settlement value in the same step. So at any time
/// an id that was ever listed is open or has a value, never both, never neither: no held position can be stranded, and no value ever
/// changes. The rows stand in calldata, with the ids checked, so that whoever leaves can value an account; that they are those of the
/// root, and what the numbers are worth, is the signers' word.
abstract contract RiskTables is VaultBase {
    /// @dev A settlement value; `epoch` is the one that the instrument left the table with, 0 if it has none.
    struct Value {
        uint64 value;
        uint32 epoch;
    }

    bytes32 private constant EPOCH_TYPE =
        keccak256("Epoch(uint32 number,uint256 riskRoot,bytes32 ids,bytes32 settled,bytes32 rows,uint40 time)");
    /// @dev Ids are below 2²⁷, settlement values below 2⁴².
    uint256 internal constant ID_BITS = 27;
    uint256 internal constant VALUE_BITS = 42;

    /// @inheritdoc IVault
    uint32 public override currentEpoch;

    mapping(uint32 => Epoch) internal _epochs;
    mapping(uint32 => Value) private _values;

    /// @inheritdoc IVault
    function postEpoch(EpochPost calldata post, bytes calldata signatures) external override running {
        _requireDirect();
        uint32 last = currentEpoch;
        if (post.number != last + 1) revert NotTheNextEpoch(post.number, last + 1);
        if (post.riskRoot >= Bn254.P) revert NotReduced(post.riskRoot);
        Epoch storage inForce = _epochs[last];
        _checkTime(post.time, inForce.time);
        _checkIds(post.ids);
        _checkRows(post.ids, post.rows);
        if (last == 0 ? post.previousIds.length != 0 : _hash(post.previousIds) != inForce.instrumentsHash) {
            revert NotTheEpochInForce(last);
        }
        bytes32 ids = _hash(post.ids);
        _checkSignatures(_digest(post, ids), signatures);

        _recordSettled(post.ids, post.previousIds, post.settled, post.number);
        currentEpoch = post.number;
        _epochs[post.number] = Epoch(post.riskRoot, ids, uint32(post.ids.length), post.time);
        emit EpochPosted(post.number, post.riskRoot, post.ids, post.settled, post.time);
    }

    /// @inheritdoc IVault
    function epochs(uint32 number) external view override returns (Epoch memory) {
        return _epochs[number];
    }

    /// @inheritdoc IVault
    function settlementValue(uint32 id) external view override returns (uint64 value, uint32 epoch) {
        Value memory stored = _values[id];
        return (stored.value, stored.epoch);
    }

    /// @dev Reverts unless the word's low bits name an instrument that left the table with epoch `until` or before, at the value in its
    /// other bits.
    function _checkSettled(uint256 word, uint32 until) internal view {
        // forge-lint: disable-next-line(unsafe-typecast)
        uint32 id = uint32(word & (2 ** ID_BITS - 1)); // the mask leaves 27 bits
        Value memory stored = _values[id];
        if (stored.epoch == 0 || stored.epoch > until || stored.value != word >> ID_BITS) {
            revert WrongSettlementValue(id, word >> ID_BITS);
        }
    }

    /// @dev keccak over the elements as they stand in calldata, a word each. Every element is read as an id elsewhere, or the hash
    /// compared with that of elements that were.
    function _hash(uint32[] calldata ids) private pure returns (bytes32) {
        uint256 offset;
        assembly ("memory-safe") {
            offset := ids.offset
        }
        return _hashCalldata(offset, 32 * ids.length);
    }

    /// @dev As `_hash`, two words an element: id, value.
    function _hash(SettledInstrument[] calldata settled) private pure returns (bytes32) {
        uint256 offset;
        assembly ("memory-safe") {
            offset := settled.offset
        }
        return _hashCalldata(offset, 64 * settled.length);
    }

    function _hashCalldata(uint256 offset, uint256 length) private pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            calldatacopy(free, offset, length)
            hash := keccak256(free, length)
        }
    }

    function _digest(EpochPost calldata post, bytes32 ids) private view returns (bytes32) {
        bytes32 settled = _hash(post.settled);
        bytes32 rows = keccak256(post.rows);
        return Signatures.digest(
            separator, keccak256(abi.encode(EPOCH_TYPE, post.number, post.riskRoot, ids, settled, rows, post.time))
        );
    }

    /// @dev Exactly the threshold of the signers, by increasing address.
    function _checkSignatures(bytes32 digest, bytes calldata signatures) private view {
        uint256 threshold = _roles.epochThreshold;
        if (signatures.length != threshold * Signatures.LENGTH) {
            revert WrongSignatures(signatures.length, threshold * Signatures.LENGTH);
        }
        address[] storage signers = _roles.epochSigners;
        uint256 count = signers.length;
        uint256 next = 0;
        for (uint256 i = 0; i < threshold; ++i) {
            address signer = Signatures.signer(digest, signatures, i);
            while (next < count && signers[next] != signer) ++next;
            if (next++ >= count) revert NotASigner(i, signer);
        }
    }

    function _checkTime(uint40 time, uint256 last) private view {
        uint256 age = _delays.epochAge;
        // A time is after the last epoch's and within the age that a batch may be opened with.
        uint256 after_ = block.timestamp > age ? block.timestamp - age - 1 : 0;
        if (after_ < last) after_ = last;
        if (time <= after_ || time > block.timestamp) revert EpochTime(time, after_, block.timestamp);
    }

    function _checkIds(uint32[] calldata ids) private view {
        if (ids.length > RISK_ROWS) revert TooManyInstruments(ids.length, RISK_ROWS);
        uint32 last = 0;
        for (uint256 i = 0; i < ids.length; ++i) {
            if (ids[i] <= last || ids[i] >> ID_BITS != 0) revert InstrumentOutOfOrder(i, ids[i]);
            last = ids[i];
        }
    }

    /// @dev The rows are as many as the ids, in their order, each with words in full.
    function _checkRows(uint32[] calldata ids, bytes calldata rows) private view {
        uint256 expected = 32 * ids.length * ROW_WORDS;
        if (rows.length != expected) revert WrongRows(rows.length, expected);
        for (uint256 i = 0; i < ids.length; ++i) {
            uint256 word = DataWords.read(rows, i * ROW_WORDS);
            if (word & (2 ** ID_BITS - 1) != ids[i]) revert WrongRow(i, word, ids[i]);
        }
    }

    /// @dev Walks the old and the new ids together: an old one that is missing must be the next of `settled`, a new one must never
    /// have had a value.
    function _recordSettled(
        uint32[] calldata ids,
        uint32[] calldata previousIds,
        SettledInstrument[] calldata settled,
        uint32 number
    ) private {
        uint256 used = 0;
        uint256 next = 0;
        uint256 old = 0;
        while (next < ids.length || old < previousIds.length) {
            uint32 id = next < ids.length ? ids[next] : type(uint32).max;
            uint32 oldId = old < previousIds.length ? previousIds[old] : type(uint32).max;
            if (id <= oldId) ++next;
            if (oldId <= id) ++old;
            if (id < oldId && _values[id].epoch != 0) revert AlreadySettled(id);
            if (id <= oldId) continue;
            if (used == settled.length || settled[used].id != oldId) revert InstrumentDropped(oldId);
            _record(settled[used++], number);
        }
        if (used != settled.length) revert NotLeaving(settled[used].id);
    }

    function _record(SettledInstrument calldata settled, uint32 number) private {
        if (settled.value >> VALUE_BITS != 0) revert ValueOutOfRange(settled.id, settled.value);
        _values[settled.id] = Value(settled.value, number);
    }
}
