// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.28;

import {IBonds} from "src/interfaces/IBonds.sol";
import {Bn254} from "src/libraries/Bn254.sol";
import {PoseidonSponge} from "src/libraries/PoseidonSponge.sol";
import {Test} from "test/helpers/Test.sol";

/// @notice Bonds whose vault is the test, an operator who signs receipts, and batches drawn at random with everything that an honest
/// operator knows of them. Hashes of the seal are written out after the protocol's text, not taken from the code under test.
abstract contract BondsFixture is Test {
    struct TouchDrawn {
        uint32 account;
        uint256[] hashes;
        uint256[] sequences;
        uint256 salt;
    }

    /// @dev Order number s (from 1) of the batch drawn last.
    struct OrderDrawn {
        bytes32 order;
        uint256 touch;
        uint256 slot;
    }

    uint256 internal constant DOMAIN = 0x7ac17;
    bytes32 internal constant SEPARATOR = keccak256("the vault's separator");
    uint256 internal constant SIGNER_KEY = 0x5151;
    uint256 internal constant HALF_ORDER = 0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0;
    address internal constant BURN = 0x000000000000000000000000000000000000dEaD;

    uint128 internal constant BASE = 1 ether;
    uint128 internal constant PER_ORDER = 0.01 ether;
    uint128 internal constant STAKE = 0.05 ether;
    uint32 internal constant CHALLENGE_TIME = 7 days;
    uint32 internal constant ANSWER_TIME = 1 days;
    uint256 internal constant FUNDS = 100 ether;
    uint32 internal constant BATCH = 1;

    IBonds internal bonds;
    address internal constants;
    address internal operator;
    address internal challenger;
    uint256 internal ordersPerTouch;

    TouchDrawn[] internal touches;
    /// @dev drawn[s], from 1; place 0 is unused.
    OrderDrawn[] internal drawn;
    /// @dev chain[s] = h_s.
    bytes32[] internal chain;
    bytes32 internal sealRoot;

    function _deploy(uint256 slots) internal {
        ordersPerTouch = slots;
        operator = makeAddr("operator");
        challenger = makeAddr("challenger");
        vm.warp(1_700_000_000);
        vm.deal(operator, 1000 ether);
        vm.deal(challenger, 1000 ether);
        constants = _create(vm.getCode("PoseidonConstants.sol:PoseidonConstants"));
        bonds = _make(_terms());
        vm.prank(operator);
        bonds.fund{value: FUNDS}();
    }

    /// @dev From compiled code, so that no test carries it and compiles it again.
    function _make(IBonds.Terms memory terms) internal returns (IBonds) {
        return _makeFor(vm.addr(SIGNER_KEY), terms);
    }

    function _makeFor(address signer, IBonds.Terms memory terms) internal returns (IBonds) {
        bytes memory arguments = abi.encode(operator, signer, terms, DOMAIN, SEPARATOR, ordersPerTouch, constants);
        return IBonds(_create(bytes.concat(vm.getCode("Bonds.sol:Bonds"), arguments)));
    }

    function _create(bytes memory code) internal virtual returns (address made) {
        assembly ("memory-safe") {
            made := create(0, add(code, 0x20), mload(code))
        }
    }

    function _terms() internal pure returns (IBonds.Terms memory) {
        return IBonds.Terms(BASE, PER_ORDER, STAKE, CHALLENGE_TIME, ANSWER_TIME);
    }

    function _expect(bytes memory reason) internal {
        vm.expectRevert(reason);
    }

    // ------------------------------------------------------------------------------------------------------- a batch

    /// @dev Draws `orders` orders over touches of accounts 0, 3, 6 … and seals them as batch `batch`, which is opened first.
    function _openAndSeal(uint32 batch, uint256 orders, uint256 seed) internal {
        bonds.onOpened(batch);
        _draw(batch, orders, seed);
        bonds.onSealed(batch, uint32(orders), sealRoot, chain[orders]);
    }

    function _draw(uint32 batch, uint256 orders, uint256 seed) internal {
        _clear(batch);
        uint256 count = 1 + orders / ordersPerTouch + seed % 4;
        for (uint256 i = 0; i < count; ++i) {
            uint256 words = (ordersPerTouch + 6) / 7;
            uint256 salt = _element(seed, "salt", i);
            touches.push(TouchDrawn(uint32(3 * i), new uint256[](ordersPerTouch), new uint256[](words), salt));
        }
        uint256[] memory used = new uint256[](count);
        for (uint256 s = 1; s <= orders; ++s) {
            uint256 touch = _element(seed, "touch", s) % count;
            while (used[touch] == ordersPerTouch) touch = (touch + 1) % count;
            _place(s, touch, used[touch]++, seed);
        }
        sealRoot = _paths(0, new bytes32[](0));
    }

    function _clear(uint32 batch) private {
        delete touches;
        delete drawn;
        delete chain;
        drawn.push();
        chain.push(keccak256(abi.encode(DOMAIN, batch)));
    }

    function _place(uint256 s, uint256 touch, uint256 slot, uint256 seed) private {
        bytes32 order = bytes32(_element(seed, "order", s));
        touches[touch].hashes[slot] = uint256(order);
        touches[touch].sequences[slot / 7] |= s << (32 * (slot % 7));
        drawn.push(OrderDrawn(order, touch, slot));
        chain.push(keccak256(abi.encodePacked(chain[s - 1], order)));
    }

    function _element(uint256 seed, string memory what, uint256 number) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed, what, number))) % Bn254.P;
    }

    // ---------------------------------------------------------------------------------------------- receipts and answers

    function _receipt(uint256 s) internal view returns (IBonds.Receipt memory) {
        OrderDrawn memory found = drawn[s];
        return IBonds.Receipt(found.order, uint32(s), touches[found.touch].account, BATCH, chain[s - 1]);
    }

    function _sign(IBonds.Receipt memory receipt) internal pure returns (bytes memory) {
        return _signWith(SIGNER_KEY, receipt);
    }

    function _signWith(uint256 key, IBonds.Receipt memory receipt) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, _digest(receipt));
        return abi.encodePacked(r, s, v);
    }

    /// @dev EIP-712, written out.
    function _digest(IBonds.Receipt memory receipt) internal pure returns (bytes32) {
        bytes32 kind = keccak256("Receipt(bytes32 order,uint32 sequence,uint32 account,uint32 batch,bytes32 previous)");
        return keccak256(abi.encodePacked(hex"1901", SEPARATOR, keccak256(abi.encode(kind, receipt))));
    }

    function _challenge(IBonds.Receipt memory receipt, bool before) internal returns (uint256) {
        bytes memory signature = _sign(receipt);
        vm.prank(challenger);
        return bonds.challenge{value: STAKE}(receipt, signature, before);
    }

    /// @dev What an honest operator shows for order number s.
    function _answer(uint256 s) internal view returns (IBonds.Answer memory shown) {
        OrderDrawn memory found = drawn[s];
        TouchDrawn memory touch = touches[found.touch];
        bytes32[] memory path = new bytes32[](_depth());
        _paths(found.touch, path);
        shown = IBonds.Answer(
            sealRoot,
            chain[chain.length - 1],
            touch.account,
            path,
            found.touch,
            found.slot,
            touch.hashes,
            touch.sequences,
            touch.salt,
            chain[s - 1]
        );
    }

    function _depth() internal view returns (uint256 depth) {
        while (2 ** depth < touches.length) ++depth;
    }

    /// @dev The root over the touches, padded to a power of two by zero words; fills `path` (if it has room) with the siblings of
    /// `position`.
    function _paths(uint256 position, bytes32[] memory path) internal view returns (bytes32) {
        uint256 width = 2 ** _depth();
        bytes32[] memory level = new bytes32[](width);
        for (uint256 i = 0; i < touches.length; ++i) {
            level[i] = keccak256(abi.encodePacked(bytes1(0x00), uint256(touches[i].account), _touchHash(touches[i])));
        }
        for (uint256 height = 0; width > 1; ++height) {
            if (height < path.length) path[height] = level[position ^ 1];
            position /= 2;
            width /= 2;
            for (uint256 i = 0; i < width; ++i) {
                level[i] = keccak256(abi.encodePacked(bytes1(0x01), level[2 * i], level[2 * i + 1]));
            }
        }
        return level[0];
    }

    function _touchHash(TouchDrawn memory touch) internal view returns (uint256) {
        (uint256 slots, uint256 words) = (touch.hashes.length, touch.sequences.length);
        uint256[] memory inputs = new uint256[](slots + words + 1);
        for (uint256 i = 0; i < slots; ++i) {
            inputs[i] = touch.hashes[i];
        }
        for (uint256 i = 0; i < words; ++i) {
            inputs[slots + i] = touch.sequences[i];
        }
        inputs[slots + words] = touch.salt;
        return PoseidonSponge.hash(constants, 3, inputs);
    }
}
