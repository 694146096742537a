// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {CircuitParameters} from "./CircuitParameters.sol";
import {ISettlement} from "./interfaces/ISettlement.sol";
import {Bn254} from "./libraries/Bn254.sol";

/// @title Risk tables and settlement values
/// @notice An instrument enters with an epoch and leaves with a later one that gives its settlement value in the same step. So at
/// any time an id that was ever listed is open or has a value, never both, never neither: no held position can be stranded, and
/// no value ever changes. Who may post, and what the numbers are worth, is left to the contract that inherits.
abstract contract Epochs is CircuitParameters {
    /// @dev A settlement value; `epoch` is the one that the instrument left the table with, 0 if it has none.
    struct Value {
        uint64 value;
        uint32 epoch;
    }

    /// @dev Ids are below 2²⁷, settlement values below 2⁴².
    uint256 internal constant ID_BITS = 27;
    uint256 internal constant VALUE_BITS = 42;

    /// @inheritdoc ISettlement
    uint32 public override currentEpoch;

    mapping(uint32 => Epoch) private _epochs;
    mapping(uint32 => Value) private _values;

    /// @inheritdoc ISettlement
    function epochs(uint32 number) public view override returns (Epoch memory) {
        return _epochs[number];
    }

    /// @inheritdoc ISettlement
    function settlementValue(uint32 id) public view override returns (uint64 value, uint32 epoch) {
        Value memory stored = _values[id];
        return (stored.value, stored.epoch);
    }

    /// @dev Puts a risk table in force.
    /// @param riskRoot Root over its rows.
    /// @param ids Its instruments, strictly increasing.
    /// @param previousIds The instruments of the epoch in force; none before the first.
    /// @param settled Exactly the instruments of `previousIds` that `ids` lacks, in order, with their settlement values.
    function _postEpoch(
        uint256 riskRoot,
        uint32[] calldata ids,
        uint32[] calldata previousIds,
        SettledInstrument[] calldata settled
    ) internal returns (uint32 number) {
        if (riskRoot >= Bn254.P) revert NotReduced(riskRoot);
        if (ids.length > RISK_ROWS) revert TooManyInstruments(ids.length, RISK_ROWS);
        _checkIds(ids);
        number = currentEpoch;
        if (number != 0 ? _hashIds(previousIds) != _epochs[number].instrumentsHash : previousIds.length != 0) {
            revert NotTheEpochInForce(number);
        }
        ++number;
        _recordSettled(ids, previousIds, settled, number);
        currentEpoch = number;
        _epochs[number] = Epoch(riskRoot, _hashIds(ids), uint32(ids.length), uint40(block.timestamp));
        emit EpochPosted(number, riskRoot, ids, settled);
    }

    /// @dev keccak over the ids as 32-byte words.
    function _hashIds(uint32[] memory ids) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(ids));
    }

    function _checkIds(uint32[] calldata ids) private pure {
        uint32 last = 0;
        for (uint256 i = 0; i < ids.length; ++i) {
            if (ids[i] <= last || ids[i] >> ID_BITS != 0) revert InstrumentOutOfOrder(i, ids[i]);
            last = ids[i];
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
        for (uint256 i = 0; i < previousIds.length; ++i) {
            uint32 old = previousIds[i];
            for (; next < ids.length && ids[next] < old; ++next) {
                _checkNew(ids[next]);
            }
            if (next < ids.length && ids[next] == old) {
                ++next;
                continue;
            }
            if (used == settled.length || settled[used].id != old) revert InstrumentDropped(old);
            _record(settled[used++], number);
        }
        for (; next < ids.length; ++next) {
            _checkNew(ids[next]);
        }
        if (used != settled.length) revert NotLeaving(settled[used].id);
    }

    function _checkNew(uint32 id) private view {
        if (_values[id].epoch != 0) revert AlreadySettled(id);
    }

    function _record(SettledInstrument calldata settled, uint32 number) private {
        if (settled.value >> VALUE_BITS != 0) revert ValueOutOfRange(settled.id, settled.value);
        _values[settled.id] = Value(settled.value, number);
    }
}
