"""Receipts from both sides: what an operator hands out can be checked, and answered for from the batch that holds it and no other."""

import random
from dataclasses import replace
from typing import Any

import pytest

from prover.batch import Context, SealedBatch
from prover.eddsa import public_key
from prover.hashing import FIELD_ORDER, keccak256
from prover.orders import Holder, Order, SealedOrder, Touch
from relayer.errors import AnswerError, ReceiptError
from relayer.receipts import (
    Answer,
    Challenge,
    Evidence,
    Intake,
    Receipt,
    SignedReceipt,
    answer_for,
    chain_start,
    chained,
    separator,
)
from relayer.signing import HALF_ORDER, Signer
from relayer.wallet import Account, encode_typed_data
from tests.prover.material import read_cases
from tests.reference.poseidon import sponge

VAULT = "0x" + "5a" * 20
DOMAIN = 0x7AC17
SEPARATOR = separator(31_337, VAULT)
SIGNER = Signer(b"\x51" * 32)
SLOTS = {"dev": 2, "standard": 4}
SEED = b"\x01" * 32


def drawn(rng: random.Random, params: str = "dev", number: int = 7) -> SealedBatch:
    """A batch of random touches, its orders numbered at random across them."""
    count = rng.randint(1, 9)
    sizes = [rng.randint(0, SLOTS[params]) for _ in range(count)]
    owners = [index for index, size in enumerate(sizes) for _ in range(size)]
    rng.shuffle(owners)
    orders: list[list[SealedOrder]] = [[] for _ in sizes]
    for sequence, touch in enumerate(owners, start=1):
        order = Order(account=3 * touch, instrument=5, salt=rng.randrange(FIELD_ORDER))
        orders[touch].append(order.sealed(SEED, DOMAIN, sequence))
    touches = tuple(
        Touch(3 * index, Holder(public_key(SEED), rng.randrange(FIELD_ORDER)), orders=tuple(own))
        for index, own in enumerate(orders)
    )
    context = Context(domain=DOMAIN, batch=number, last_void=0, time=1, fee_rate=30, num=5, den=4)
    return SealedBatch(params, context, (), touches)


def handed_out(batch: SealedBatch) -> list[SignedReceipt]:
    """The receipts that its operator gave for the orders of a batch, in sequence."""
    placed = sorted((each.sequence, touch.index, each.order) for touch in batch.touches for each in touch.orders)
    intake = Intake(DOMAIN, batch.context.batch, SEPARATOR, SIGNER)
    return [intake.take(order.hash(DOMAIN), account) for _, account, order in placed]


def asked(receipt: Receipt, before: bool = False) -> Challenge:
    """The challenge that the contract makes of a receipt."""
    if before:
        return Challenge(VAULT, receipt.batch, receipt.sequence - 1, 1, 0, bytes(32), receipt.previous)
    return Challenge(
        VAULT,
        receipt.batch,
        receipt.sequence,
        1,
        receipt.account,
        receipt.order,
        chained(receipt.previous, receipt.order),
    )


def judged(challenge: Challenge, shown: Answer, params: str) -> bool:
    """Whether an answer shows what was asked for, after the protocol's text and with the reference's sponge."""
    slots = SLOTS[params]
    if len(shown.hashes) != slots or len(shown.sequences) != -(-slots // 7):
        return False
    order = shown.hashes[shown.slot].to_bytes(32, "big")
    number = shown.sequences[shown.slot // 7] >> (32 * (shown.slot % 7)) & (2**32 - 1)
    node = sponge(3, *shown.hashes, *shown.sequences, shown.salt).to_bytes(32, "big")
    node = keccak256(b"\x00" + shown.account.to_bytes(32, "big") + node)
    for height, sibling in enumerate(shown.path):
        right = shown.position >> height & 1
        node = keccak256(b"\x01" + (sibling + node if right else node + sibling))
    return (
        node == shown.seal_root
        and shown.position < 2 ** len(shown.path)
        and number == challenge.sequence
        and keccak256(shown.previous + order) == challenge.chained
        and (challenge.before or (order, shown.account) == (challenge.order, challenge.account))
    )


# ------------------------------------------------------------------------------------------------------- what is signed


def test_the_digest_is_that_of_eip_712() -> None:
    rng = random.Random("digest")
    types = {"order": "bytes32", "sequence": "uint32", "account": "uint32", "batch": "uint32", "previous": "bytes32"}
    fields = [{"name": name, "type": kind} for name, kind in types.items()]
    domain = {"name": "tacit", "version": "1", "chainId": 31_337, "verifyingContract": VAULT}
    for _ in range(20):
        values = [
            rng.randbytes(32),
            rng.randrange(2**32),
            rng.randrange(2**32),
            rng.randrange(2**32),
            rng.randbytes(32),
        ]
        message: dict[str, Any] = dict(zip(types, values, strict=True))
        signable = encode_typed_data(domain, {"Receipt": fields}, message)
        receipt = Receipt(**message)
        assert keccak256(b"\x19" + signable.version + signable.header + signable.body) == receipt.digest(SEPARATOR)
        made = receipt.signed(SIGNER, SEPARATOR)
        assert Account.recover_message(signable, signature=made.signature).lower() == SIGNER.address


def test_receipts_chain_from_h_0() -> None:
    intake = Intake(DOMAIN, 7, SEPARATOR, SIGNER)
    expected = keccak256(DOMAIN.to_bytes(32, "big") + (7).to_bytes(32, "big"))
    for sequence in range(1, 5):
        receipt = intake.take(100 + sequence, 3).receipt
        assert (receipt.sequence, receipt.batch, receipt.previous) == (sequence, 7, expected)
        expected = keccak256(expected + (100 + sequence).to_bytes(32, "big"))
    assert intake.receipts_hash == expected


@pytest.mark.parametrize("order", [0, FIELD_ORDER, -1])
def test_what_no_batch_can_hold_gets_no_receipt(order: int) -> None:
    intake = Intake(DOMAIN, 7, SEPARATOR, SIGNER)
    with pytest.raises(ReceiptError):
        intake.take(order, 3)
    assert intake.take(5, 3).receipt.sequence == 1


# ------------------------------------------------------------------------------------------------- what a trader checks


def check(made: SignedReceipt, **other: int) -> SignedReceipt:
    expected = {"domain": DOMAIN, "order": 11, "account": 3, "batch": 7} | other
    return made.check(SIGNER.address, SEPARATOR, **expected)


def test_a_receipt_for_what_was_sent_is_accepted() -> None:
    made = Intake(DOMAIN, 7, SEPARATOR, SIGNER).take(11, 3)
    assert check(made) is made
    assert SignedReceipt.from_wire(made.to_wire()) == made


@pytest.mark.parametrize("other", [{"order": 12}, {"account": 4}, {"batch": 8}])
def test_a_receipt_for_something_else_is_refused(other: dict[str, int]) -> None:
    made = Intake(DOMAIN, 7, SEPARATOR, SIGNER).take(11, 3)
    with pytest.raises(ReceiptError, match=f"another {next(iter(other))}"):
        check(made, **other)


def test_a_receipt_that_someone_else_signed_or_that_was_changed_is_refused() -> None:
    made = Intake(DOMAIN, 7, SEPARATOR, SIGNER).take(11, 3)
    forged = made.receipt.signed(Signer(b"\x52" * 32), SEPARATOR)
    elsewhere = made.receipt.signed(SIGNER, separator(1, VAULT))
    changed = replace(made, receipt=replace(made.receipt, sequence=2))
    for wrong in (forged, elsewhere, changed):
        with pytest.raises(ReceiptError, match="is signed by"):
            check(wrong)


def test_a_signature_that_the_contract_would_refuse_is_refused() -> None:
    made = Intake(DOMAIN, 7, SEPARATOR, SIGNER).take(11, 3)
    r, s, v = made.signature[:32], int.from_bytes(made.signature[32:64], "big"), made.signature[64]
    high = (2 * HALF_ORDER + 1 - s).to_bytes(32, "big")
    for wrong in (r + high + bytes([55 - v]), made.signature[:64], made.signature[:64] + bytes([v - 27]), bytes(65)):
        with pytest.raises(ReceiptError, match="is signed by None"):
            check(replace(made, signature=wrong))


def test_numbers_start_at_1_and_chains_at_h_0() -> None:
    zero = Receipt((11).to_bytes(32, "big"), 0, 3, 7, chain_start(DOMAIN, 7)).signed(SIGNER, SEPARATOR)
    with pytest.raises(ReceiptError, match="start at 1"):
        check(zero)
    first = Receipt((11).to_bytes(32, "big"), 1, 3, 7, b"\x01" * 32).signed(SIGNER, SEPARATOR)
    with pytest.raises(ReceiptError, match="h_0"):
        check(first)


@pytest.mark.parametrize(
    "change",
    [
        {"order": "0x11"},
        {"order": 11},
        {"previous": "11" * 32},
        {"sequence": "1"},
        {"account": -1},
        {"batch": 2**32},
        {"account": True},
        {"signature": "0xzz"},
    ],
)
def test_wire_that_is_no_receipt_is_refused(change: dict[str, object]) -> None:
    wire = Intake(DOMAIN, 7, SEPARATOR, SIGNER).take(11, 3).to_wire()
    with pytest.raises(ReceiptError, match="not a receipt"):
        SignedReceipt.from_wire(wire | change)
    del wire["batch"]
    with pytest.raises(ReceiptError, match="not a receipt"):
        SignedReceipt.from_wire(wire)


# ------------------------------------------------------------------------------------------------------------- answers


@pytest.mark.parametrize("params", ["dev", "standard"])
def test_an_honest_operator_answers_every_receipt_it_handed_out(params: str) -> None:
    rng = random.Random(f"answers {params}")
    for _ in range(6):
        batch = drawn(rng, params)
        evidence = Evidence(batch)
        receipts = [made.receipt for made in handed_out(batch)]
        assert evidence.receipts_hash == (receipts[-1].chained if receipts else chain_start(DOMAIN, 7))
        for receipt in receipts:
            assert judged(asked(receipt), evidence.answer(asked(receipt)), params)
            if receipt.sequence > 1:
                assert judged(asked(receipt, before=True), evidence.answer(asked(receipt, before=True)), params)


def test_the_root_is_the_one_that_clearing_seals() -> None:
    for name in ("batches_dev.json", "batches_standard.json"):
        for case in read_cases(name).values():
            assert Evidence(case.batch).seal_root == case.cleared.seal_root


def test_a_batch_that_lacks_an_order_has_no_answer() -> None:
    rng = random.Random("lacking")
    batch = drawn(rng)
    while sum(len(touch.orders) for touch in batch.touches) < 4:
        batch = drawn(rng)
    receipts = [made.receipt for made in handed_out(batch)]
    for receipt in receipts:
        for lie in (
            replace(receipt, order=b"\x01" * 32),
            replace(receipt, account=receipt.account + 1),
            replace(receipt, previous=b"\x01" * 32),
            replace(receipt, sequence=len(receipts) + 1),
            replace(receipt, sequence=0),
            replace(receipt, sequence=receipt.sequence % len(receipts) + 1),
            replace(receipt, batch=8),
        ):
            with pytest.raises(AnswerError):
                answer_for(batch, asked(lie))
    with pytest.raises(AnswerError):
        answer_for(batch, asked(replace(receipts[2], previous=b"\x01" * 32), before=True))


def test_a_batch_with_a_gap_in_its_numbers_is_no_evidence() -> None:
    rng = random.Random("gap")
    batch = drawn(rng)
    while not batch.touches[0].orders:
        batch = drawn(rng)
    touches = (replace(batch.touches[0], orders=batch.touches[0].orders[1:]), *batch.touches[1:])
    if batch.touches[0].orders[0].sequence == sum(len(touch.orders) for touch in batch.touches):
        pytest.fail("the first touch holds the last order alone: draw another seed")
    with pytest.raises(AnswerError, match="without a gap"):
        Evidence(replace(batch, touches=touches))
