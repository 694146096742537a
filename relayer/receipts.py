"""Receipts: what the operator signs for an order, what a trader checks before trusting one, and what answers a challenge.

A :class:`Receipt` says that an order has a sequence number in a batch, after orders that chain to a hash. :class:`Intake` hands them out,
:meth:`SignedReceipt.check` is the trader's side, and :func:`answer_for` shows an order in a sealed batch in the form that the contract
`Bonds` judges (docs/protocol.md, section "Receipts and bonds"). An operator that seals exactly the orders it handed receipts out for can
answer every challenge. Sending anything to a chain is left to who calls this.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from eth_abi.abi import encode

from prover.batch import Params, SealedBatch
from prover.hashing import FIELD_ORDER, keccak256, sponge
from prover.orders import SealedOrder, Touch
from relayer.chain import Address
from relayer.errors import AnswerError, ReceiptError
from relayer.signing import Signer, signer_of

DOMAIN_TYPE: Final = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
RECEIPT_TYPE: Final = "Receipt(bytes32 order,uint32 sequence,uint32 account,uint32 batch,bytes32 previous)"
NAME: Final = "tacit"
VERSION: Final = "1"

TOUCH_TAG: Final = 3
SALT_TAG: Final = 4
SEQUENCES_PER_WORD: Final = 7
SEQUENCE_BITS: Final = 32
WORD: Final = 32


def separator(chain_id: int, vault: Address) -> bytes:
    """The EIP-712 domain separator of a vault."""
    hashes = (keccak256(text.encode()) for text in (DOMAIN_TYPE, NAME, VERSION))
    return keccak256(encode(["bytes32", "bytes32", "bytes32", "uint256", "address"], [*hashes, chain_id, vault]))


def chain_start(domain: int, batch: int) -> bytes:
    """h_0 of a batch: keccak(domain ‖ batch)."""
    return keccak256(domain.to_bytes(WORD, "big") + batch.to_bytes(WORD, "big"))


def chained(previous: bytes, order: bytes) -> bytes:
    """h of an order after those that chain to ``previous``: keccak(h ‖ o)."""
    return keccak256(previous + order)


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the operator signs: order hash (32 bytes), its number from 1, its account, its batch, and h of the order before (32 bytes)."""

    order: bytes
    sequence: int
    account: int
    batch: int
    previous: bytes

    @property
    def chained(self) -> bytes:
        """h of this order."""
        return chained(self.previous, self.order)

    @property
    def plain(self) -> tuple[Any, ...]:
        """As the contract takes it."""
        return self.order, self.sequence, self.account, self.batch, self.previous

    def digest(self, separator: bytes) -> bytes:
        """What is signed for the vault with this domain separator."""
        types = ["bytes32", "bytes32", "uint32", "uint32", "uint32", "bytes32"]
        content = keccak256(encode(types, [keccak256(RECEIPT_TYPE.encode()), *self.plain]))
        return keccak256(b"\x19\x01" + separator + content)

    def signed(self, signer: Signer, separator: bytes) -> SignedReceipt:
        """The receipt with the operator's signature."""
        return SignedReceipt(self, signer.sign(self.digest(separator)))


@dataclass(frozen=True, slots=True)
class SignedReceipt:
    """A receipt and its signature: 65 bytes r ‖ s ‖ v, s in the lower half, v 27 or 28. The contract takes no other form."""

    receipt: Receipt
    signature: bytes

    def check(
        self, signer: Address, separator: bytes, *, domain: int, order: int, account: int, batch: int
    ) -> SignedReceipt:
        """The same, if it binds the operator to what the trader sent: order hash and account are the trader's, the batch is the one that
        the vault has open. Anything else is no receipt (:class:`ReceiptError`): ask again, or trade elsewhere.
        """
        made = signer_of(self.receipt.digest(separator), self.signature)
        if made is None or made.lower() != signer.lower():
            raise ReceiptError(f"the receipt is signed by {made}, not by {signer}", {"signer": made})
        for name, found, expected in (
            ("order", int.from_bytes(self.receipt.order, "big"), order),
            ("account", self.receipt.account, account),
            ("batch", self.receipt.batch, batch),
        ):
            if found != expected:
                raise ReceiptError(f"the receipt is for another {name}", {"what": name})
        if self.receipt.sequence < 1:
            raise ReceiptError("sequence numbers start at 1, the receipt has 0", {"what": "sequence"})
        if self.receipt.sequence == 1 and self.receipt.previous != chain_start(domain, batch):
            raise ReceiptError("the receipt of the first order does not start from h_0", {"what": "previous"})
        return self

    def to_wire(self) -> dict[str, Any]:
        """As JSON carries it."""
        own = self.receipt
        return {
            "order": _hex(own.order),
            "sequence": own.sequence,
            "account": own.account,
            "batch": own.batch,
            "previous": _hex(own.previous),
            "signature": _hex(self.signature),
        }

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> SignedReceipt:
        """What :meth:`to_wire` wrote; anything malformed is refused (:class:`ReceiptError`)."""
        try:
            order, previous, signature = (_bytes(wire[name]) for name in ("order", "previous", "signature"))
            numbers = [wire[name] for name in ("sequence", "account", "batch")]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ReceiptError("not a receipt: a part is missing or not hexadecimal") from error
        if len(order) != WORD or len(previous) != WORD:
            raise ReceiptError("not a receipt: hashes are 32 bytes")
        if not all(type(number) is int and 0 <= number < 2**SEQUENCE_BITS for number in numbers):
            raise ReceiptError("not a receipt: numbers are below 2³²")
        sequence, account, batch = numbers
        return cls(Receipt(order, sequence, account, batch, previous), signature)


class Intake:
    """Hands out the receipts of an open batch in sequence.

    What it signed must survive a crash before it is sent: an operator that gives a number twice loses its bond.
    """

    def __init__(self, domain: int, batch: int, separator: bytes, signer: Signer) -> None:
        self.batch = batch
        self.sequence = 0
        self.receipts_hash = chain_start(domain, batch)
        self._separator, self._signer = separator, signer

    def take(self, order: int, account: int) -> SignedReceipt:
        """The receipt of the next order (its hash) of an account."""
        if not 0 < order < FIELD_ORDER:
            raise ReceiptError("an order hash is a field element above 0: nothing else can be shown in a batch")
        receipt = Receipt(order.to_bytes(WORD, "big"), self.sequence + 1, account, self.batch, self.receipts_hash)
        self.sequence, self.receipts_hash = receipt.sequence, receipt.chained
        return receipt.signed(self._signer, self._separator)


class Challenge(NamedTuple):
    """A challenge as the contract keeps it. ``order`` is 0 where the order before a receipt's is asked for; its account is not compared."""

    challenger: Address
    batch: int
    sequence: int
    deadline: int
    account: int
    order: bytes
    chained: bytes

    @property
    def before(self) -> bool:
        """Whether any order that chains answers."""
        return self.order == bytes(WORD)


class Answer(NamedTuple):
    """An order shown in a sealed batch, as the contract takes it."""

    seal_root: bytes
    receipts_hash: bytes
    account: int
    path: list[bytes]
    position: int
    slot: int
    hashes: list[int]
    sequences: list[int]
    salt: int
    previous: bytes


class _Place(NamedTuple):
    """Where an order is: touch, slot, its hash, and h of the order before."""

    touch: int
    slot: int
    order: bytes
    previous: bytes


class Evidence:
    """A sealed batch as challenges about it are answered: every order by its number, every touch with its path. Made once a batch."""

    def __init__(self, batch: SealedBatch) -> None:
        self.batch = batch
        self._slots = Params.named(batch.params).orders
        self._openings = [self._opening(touch) for touch in batch.touches]
        self._levels = _tree(
            [seal_leaf(touch.index, touch_hash(self._openings[i])) for i, touch in enumerate(batch.touches)]
        )
        self._places, self.receipts_hash = self._chain()

    @property
    def seal_root(self) -> bytes:
        """Root over the touches."""
        return self._levels[-1][0]

    def answer(self, challenge: Challenge) -> Answer:
        """What answers a challenge. Where the batch lacks what is asked for there is no answer (:class:`AnswerError`)."""
        number = self.batch.context.batch
        if challenge.batch != number:
            raise AnswerError(
                f"the challenge is about batch {challenge.batch}, this is {number}", {"batch": challenge.batch}
            )
        place = self._places.get(challenge.sequence)
        if place is None:
            raise AnswerError(f"batch {number} has no order {challenge.sequence}", {"sequence": challenge.sequence})
        touch = self.batch.touches[place.touch]
        if not challenge.before and (place.order, touch.index) != (challenge.order, challenge.account):
            raise self._other(challenge, "is another order or of another account")
        if chained(place.previous, place.order) != challenge.chained:
            raise self._other(challenge, "does not chain to what was signed")
        hashes, sequences, salt = self._openings[place.touch]
        return Answer(
            seal_root=self.seal_root,
            receipts_hash=self.receipts_hash,
            account=touch.index,
            path=_path(self._levels, place.touch),
            position=place.touch,
            slot=place.slot,
            hashes=list(hashes),
            sequences=list(sequences),
            salt=salt,
            previous=place.previous,
        )

    def _other(self, challenge: Challenge, how: str) -> AnswerError:
        text = f"order {challenge.sequence} of batch {challenge.batch} {how}: the receipt cannot be kept"
        return AnswerError(text, {"batch": challenge.batch, "sequence": challenge.sequence})

    def _opening(self, touch: Touch) -> tuple[list[int], list[int], int]:
        """Order hashes, words of sequence numbers and salt of a touch."""
        context = self.batch.context
        hashes = [each.order.hash(context.domain) for each in touch.orders]
        numbers = [each.sequence for each in touch.orders]
        empty = self._slots - len(hashes)
        salt = sponge(SALT_TAG, [touch.holder.viewing_key, context.domain, touch.index, context.batch])
        return hashes + empty * [0], sequence_words(numbers + empty * [0]), salt

    def _chain(self) -> tuple[dict[int, _Place], bytes]:
        """Places of the orders by number, and h_n."""
        found: dict[int, tuple[int, int, SealedOrder]] = {}
        for at, touch in enumerate(self.batch.touches):
            found |= {each.sequence: (at, slot, each) for slot, each in enumerate(touch.orders)}
        if sorted(found) != list(range(1, sum(len(touch.orders) for touch in self.batch.touches) + 1)):
            raise AnswerError("the orders of a sealed batch are numbered from 1 without a gap; these are not")
        previous = chain_start(self.batch.context.domain, self.batch.context.batch)
        places = {}
        for number in sorted(found):
            at, slot, _ = found[number]
            order = self._openings[at][0][slot].to_bytes(WORD, "big")
            places[number] = _Place(at, slot, order, previous)
            previous = chained(previous, order)
        return places, previous


def answer_for(batch: SealedBatch, challenge: Challenge) -> Answer:
    """What answers a challenge about a sealed batch; :class:`Evidence` answers many."""
    return Evidence(batch).answer(challenge)


def sequence_words(numbers: list[int]) -> list[int]:
    """Sequence numbers as words, seven a word."""
    words = [numbers[i : i + SEQUENCES_PER_WORD] for i in range(0, len(numbers), SEQUENCES_PER_WORD)]
    return [sum(number << (SEQUENCE_BITS * i) for i, number in enumerate(word)) for word in words]


def touch_hash(opening: tuple[list[int], list[int], int]) -> int:
    """L of a touch: order hashes, words of sequence numbers, salt."""
    hashes, sequences, salt = opening
    return sponge(TOUCH_TAG, [*hashes, *sequences, salt])


def seal_leaf(index: int, touch_hash: int) -> bytes:
    """Leaf of the seal's tree."""
    return keccak256(b"\x00" + index.to_bytes(WORD, "big") + touch_hash.to_bytes(WORD, "big"))


def _tree(leaves: Iterable[bytes]) -> list[list[bytes]]:
    """All levels over the leaves, padded with zero words to a power of two; the root is alone in the last."""
    level = list(leaves)
    level += [bytes(WORD)] * ((1 << (len(level) - 1).bit_length()) - len(level))
    levels = [level]
    while len(level) > 1:
        level = [keccak256(b"\x01" + level[i] + level[i + 1]) for i in range(0, len(level), 2)]
        levels.append(level)
    return levels


def _path(levels: list[list[bytes]], position: int) -> list[bytes]:
    """Siblings of a leaf, lowest first."""
    return [level[(position >> height) ^ 1] for height, level in enumerate(levels[:-1])]


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def _bytes(text: str) -> bytes:
    if not text.startswith("0x"):
        raise ValueError
    return bytes.fromhex(text[2:])
