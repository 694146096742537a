"""Envelopes: what the vectors say, opened in its own place only, and every content in its one form."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from prover import Order, eddsa
from relayer import auth
from relayer.envelope import (
    ACCOUNT_INFO,
    ORDER_INFO,
    Envelope,
    SignedOrder,
    info,
    open_order,
    open_registration,
    pad,
    read_order,
    seal_order,
    seal_registration,
    unpad,
)
from relayer.errors import DecryptionError, EnvelopeError, OrderError
from relayer.hpke import PrivateKey
from relayer.receipts import SignedReceipt, separator
from relayer.seed import Seed

from .vectors import CASES, Case, raw

every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.order.kind)


def sealed(case: Case, content: bytes, purpose: bytes = ORDER_INFO) -> Envelope:
    """An envelope of any content, in the place of the case's own."""
    own = case.envelope if purpose == ORDER_INFO else case.registration
    bound = info(purpose, case.domain, case.vault, own.first_batch, own.last_batch, own.key_id)
    encapsulated, ciphertext = case.private.public.seal(content, bound)
    return replace(own, encapsulated=encapsulated, ciphertext=ciphertext)


@every_case
def test_the_vectors_keys_orders_and_signatures_are_ours(case: Case) -> None:
    document, seed = case.document, Seed(raw(case.document["seed"]))
    assert seed.signing_key == case.signing_key
    assert seed.holder(case.domain, case.holder.subaccount) == case.holder
    assert case.holder.owner == int(document["owner"], 16)
    assert case.order.hash(case.domain) == int(document["order_hash"], 16)
    signed = SignedOrder.sign(case.signing_key, case.holder.owner, case.order, case.domain)
    assert eddsa.pack_signature(signed.signature) == raw(document["signature"])
    assert json.dumps(signed.to_wire(), separators=(",", ":")) == document["sealed_order"]["content"]


@every_case
def test_the_vectors_envelopes_open(case: Case) -> None:
    assert case.private.public.raw == raw(case.document["encryption_key"]["public"])
    assert case.private.public.id.hex() == case.document["encryption_key"]["key_id"]
    signed = open_order(case.envelope, case.private, case.domain, case.vault)
    assert signed.order == case.order
    assert signed.owner == case.holder.owner
    assert signed.holds(case.holder.key, case.domain)
    assert not signed.holds(case.holder.key, case.domain + 1)
    assert open_registration(case.registration, case.private, case.domain, case.vault) == case.holder


@every_case
def test_what_an_envelope_is_bound_to_is_the_vectors(case: Case) -> None:
    for name, purpose, own in (
        ("sealed_order", ORDER_INFO, case.envelope),
        ("sealed_registration", ACCOUNT_INFO, case.registration),
    ):
        bound = info(purpose, case.domain, case.vault, own.first_batch, own.last_batch, own.key_id)
        assert bound == raw(case.document[name]["info"])


@every_case
def test_challenge_and_cancel_are_the_vectors(case: Case) -> None:
    challenge = case.document["challenge"]
    number, signature = int(challenge["challenge"], 16), raw(challenge["signature"])
    assert auth.challenge_message(case.domain, number) == int(challenge["message"], 16)
    assert auth.sign_challenge(case.signing_key, case.domain, number) == signature
    assert auth.verify_challenge(case.holder.key, case.domain, number, signature)
    order, signature = case.order.hash(case.domain), raw(case.document["cancel"]["signature"])
    assert auth.cancel_message(case.domain, order) == int(case.document["cancel"]["message"], 16)
    assert auth.sign_cancel(case.signing_key, case.domain, order) == signature
    assert auth.verify_cancel(case.holder.key, case.domain, order, signature)


@every_case
def test_the_receipt_is_the_vectors(case: Case) -> None:
    given = case.document["receipt"]
    signed = SignedReceipt.from_wire(given["signed"])
    own = separator(case.document["chain_id"], case.vault)
    assert own == raw(given["separator"])
    assert signed.receipt.digest(own) == raw(given["digest"])
    assert signed.receipt.chained == raw(given["chained"])
    order = case.order.hash(case.domain)
    place = {"account": case.order.account, "batch": signed.receipt.batch}
    assert signed.check(given["signer"], own, domain=case.domain, order=order, **place) is signed


def test_a_signature_is_of_one_purpose_vault_and_owner() -> None:
    case, other = CASES[0], CASES[1]
    key, domain = case.signing_key, case.domain
    answer, cancel = auth.sign_challenge(key, domain, 5), auth.sign_cancel(key, domain, 5)
    assert not auth.verify_cancel(case.holder.key, domain, 5, answer)
    assert not auth.verify_challenge(case.holder.key, domain, 5, cancel)
    assert not auth.verify_challenge(case.holder.key, other.domain, 5, answer)
    assert not auth.verify_challenge(other.holder.key, domain, 5, answer)
    assert not auth.verify_challenge(case.holder.key, domain, 6, answer)
    for malformed in (b"", answer[:-1], answer + b"\0", b"\xff" * 64, answer[:32] + b"\xff" * 32):
        assert not auth.verify_challenge(case.holder.key, domain, 5, malformed)


def test_envelopes_of_one_order_differ_and_open_alike() -> None:
    case, key = CASES[0], PrivateKey.generate()
    signed = SignedOrder.sign(case.signing_key, case.holder.owner, case.order, case.domain)
    first, second = (seal_order(key.public, case.domain, case.vault, signed) for _ in range(2))
    assert first.encapsulated != second.encapsulated
    assert first.ciphertext != second.ciphertext
    assert open_order(first, key, case.domain, case.vault) == open_order(second, key, case.domain, case.vault) == signed


def test_envelopes_tell_no_length() -> None:
    lengths = {len(case.envelope.ciphertext) for case in CASES} | {len(case.registration.ciphertext) for case in CASES}
    assert lengths == {1040}


MOVED: dict[str, Callable[[Envelope], Envelope]] = {
    "earlier window": lambda e: replace(e, first_batch=e.first_batch - 1),
    "later window": lambda e: replace(e, last_batch=e.last_batch + 1),
    "window turned round": lambda e: replace(e, first_batch=e.last_batch, last_batch=e.first_batch),
    "other key id": lambda e: replace(e, key_id=bytes(8)),
    "truncated": lambda e: replace(e, ciphertext=e.ciphertext[:-1]),
    "emptied": lambda e: replace(e, ciphertext=b""),
    "lengthened": lambda e: replace(e, ciphertext=e.ciphertext + b"\0"),
    "last bit turned": lambda e: replace(e, ciphertext=e.ciphertext[:-1] + bytes([e.ciphertext[-1] ^ 1])),
    "first bit turned": lambda e: replace(e, ciphertext=bytes([e.ciphertext[0] ^ 1]) + e.ciphertext[1:]),
    "other encapsulated key": lambda e: replace(e, encapsulated=PrivateKey.generate().public.raw),
    "no encapsulated key": lambda e: replace(e, encapsulated=b""),
}


@pytest.mark.parametrize("moved", MOVED, ids=str)
def test_an_envelope_that_was_changed_does_not_open(moved: str) -> None:
    case = CASES[0]
    with pytest.raises(DecryptionError) as refused:
        open_order(MOVED[moved](case.envelope), case.private, case.domain, case.vault)
    assert str(refused.value) == str(DecryptionError())


def test_an_envelope_opens_in_its_vault_under_its_key_for_its_purpose_alone() -> None:
    case, other = CASES[0], CASES[1]
    elsewhere: list[Callable[[], object]] = [
        lambda: open_order(case.envelope, case.private, other.domain, case.vault),
        lambda: open_order(case.envelope, case.private, case.domain, other.vault),
        lambda: open_order(case.envelope, other.private, case.domain, case.vault),
        lambda: open_order(case.registration, case.private, case.domain, case.vault),
        lambda: open_registration(case.envelope, case.private, case.domain, case.vault),
        lambda: open_registration(replace(case.registration, last_batch=1), case.private, case.domain, case.vault),
    ]
    for each in elsewhere:
        with pytest.raises(DecryptionError):
            each()


def test_a_key_id_of_another_key_does_not_help() -> None:
    """The private key is asked by its own name, whatever a look-up found."""
    case, key = CASES[0], PrivateKey.generate()
    signed = SignedOrder.sign(case.signing_key, case.holder.owner, case.order, case.domain)
    own = seal_order(key.public, case.domain, case.vault, signed)
    named = replace(own, key_id=case.private.public.id)
    with pytest.raises(DecryptionError):
        open_order(named, key, case.domain, case.vault)


@pytest.mark.parametrize(
    "plain",
    [
        b"",
        b"\0\2{}",
        b"\0\2{}".ljust(1023, b"\0"),
        b"\0\2{}".ljust(1025, b"\0"),
        b"\0\2{}".ljust(1023, b"\0") + b"\1",
        b"\0\2{} ".ljust(1024, b"\0"),
        b"\3\xff" + b"{}".ljust(1022, b" "),
        b"\xff\xff" + bytes(1022),
    ],
    ids=[
        "nothing",
        "no zeros",
        "short",
        "long",
        "not zeros at the end",
        "not zeros at the start",
        "one over",
        "far over",
    ],
)
def test_what_is_not_padded_does_not_open(plain: bytes) -> None:
    case = CASES[0]
    with pytest.raises(DecryptionError):
        unpad(plain)
    with pytest.raises(DecryptionError):
        open_order(sealed(case, plain), case.private, case.domain, case.vault)


def test_padding_holds_up_to_1022_bytes() -> None:
    for length in (0, 1, 1021, 1022):
        assert unpad(pad(b"x" * length)) == b"x" * length
    with pytest.raises(OrderError, match="1023"):
        pad(b"x" * 1023)


def changed(name: str, value: object) -> Callable[[dict[str, Any]], object]:
    """The content with another value of the order."""
    return lambda content: content | {"order": content["order"] | {name: value}}


MALFORMED: dict[str, Callable[[dict[str, Any]], object]] = {
    "no object": lambda c: [c],
    "nothing": lambda _: None,
    "a name more": lambda c: c | {"secretname": 1},
    "a name less": lambda c: {"owner": c["owner"], "order": c["order"]},
    "a name more in the order": changed("secretname", 1),
    "a name less in the order": lambda c: c | {"order": {n: v for n, v in c["order"].items() if n != "salt"}},
    "owner above the field": lambda c: c | {"owner": "0x" + "f" * 64},
    "owner in capitals": lambda c: c | {"owner": c["owner"].upper().replace("X", "x")},
    "signature short": lambda c: c | {"signature": c["signature"][:-2]},
    "signature with S too large": lambda c: c | {"signature": c["signature"][:66] + "f" * 64},
    "account too large": changed("account", 2**21),
    "account as text": changed("account", "3"),
    "account as a float": changed("account", 3.0),
    "account negative": changed("account", -1),
    "account as truth": changed("account", True),
    "instrument too large": changed("instrument", 2**27),
    "side unknown": changed("side", "hold"),
    "side a list": changed("side", ["buy"]),
    "quantity a number": changed("quantity", 25_000),
    "quantity with a zero before": changed("quantity", "025000"),
    "quantity too large": changed("quantity", str(2**32)),
    "quantity negative": changed("quantity", "-1"),
    "quantity in other digits": changed("quantity", "٣"),
    "limit too large": changed("limit", str(2**42)),
    "fee rate too large": changed("max_fee_rate", 2**14),
    "epoch too large": changed("epoch", 2**32),
    "slot too large": changed("slot", 64),
    "batch too large": changed("last_batch", 2**32),
    "another window": changed("last_batch", 10),
    "survives a number": changed("survives_void", 1),
    "kind unknown": changed("kind", "gift"),
    "kind a list": changed("kind", ["trade"]),
    "recipient short": changed("recipient", "0x00"),
    "recipient in capitals": changed("recipient", "0x" + "A" * 40),
    "salt above the field": changed("salt", "0x" + "f" * 64),
}


@pytest.mark.parametrize("how", MALFORMED, ids=str)
def test_content_in_another_form_is_no_order_and_is_not_repeated(how: str) -> None:
    case = CASES[0]
    content = json.loads(case.document["sealed_order"]["content"])
    envelope = sealed(case, pad(json.dumps(MALFORMED[how](content)).encode()))
    with pytest.raises(OrderError) as refused:
        open_order(envelope, case.private, case.domain, case.vault)
    told = str(refused.value) + repr(dict(refused.value.values))
    for secret in ("secretname", "25000", "1234560000", "hold", "gift", content["owner"], content["order"]["salt"]):
        assert secret not in told


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b'{"owner":1,"owner":2}', b"[" * 1000, b"NaN"], ids=repr)
def test_content_that_is_not_json_is_no_order(text: bytes) -> None:
    case = CASES[0]
    with pytest.raises(OrderError):
        open_order(sealed(case, pad(text)), case.private, case.domain, case.vault)
    with pytest.raises(OrderError):
        open_registration(sealed(case, pad(text), ACCOUNT_INFO), case.private, case.domain, case.vault)


@pytest.mark.parametrize(
    "change",
    [
        {"key": ["1"]},
        {"key": ["1", 2]},
        {"key": ["1", str(2**254 - 1)]},
        {"viewing_key": "0x1"},
        {"subaccount": 2**32},
        {"more": 1},
    ],
    ids=str,
)
def test_a_holder_in_another_form_is_refused(change: dict[str, Any]) -> None:
    case = CASES[0]
    content = pad(json.dumps({"holder": case.document["holder"] | change}).encode())
    with pytest.raises(OrderError) as refused:
        open_registration(sealed(case, content, ACCOUNT_INFO), case.private, case.domain, case.vault)
    assert case.document["holder"]["viewing_key"] not in str(refused.value)


@pytest.mark.parametrize(
    "change",
    [
        {"key_id": "0x0011223344556677"},
        {"key_id": "00112233445566"},
        {"key_id": "AA112233445566FF"},
        {"key_id": None},
        {"first_batch": -1},
        {"last_batch": 2**32},
        {"last_batch": True},
        {"encapsulated": "0x00"},
        {"ciphertext": "0x00"},
        {"ciphertext": 5},
        {"more": 1},
    ],
    ids=str,
)
def test_what_is_no_envelope_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(EnvelopeError):
        Envelope.from_wire(CASES[0].envelope.to_wire() | change)


def test_an_envelope_and_an_order_are_read_as_they_were_written() -> None:
    for case in CASES:
        assert Envelope.from_wire(json.loads(json.dumps(case.envelope.to_wire()))) == case.envelope
        assert read_order(json.loads(json.dumps(case.order.to_wire()))) == case.order


def test_the_longest_order_fits_and_its_registration_too() -> None:
    longest = Order(
        account=2**21 - 1,
        instrument=2**27 - 1,
        buy=False,
        quantity=2**32 - 1,
        limit=2**42 - 1,
        max_fee_rate=2**14 - 1,
        epoch=2**32 - 1,
        slot=63,
        first_batch=2**32 - 1,
        last_batch=2**32 - 1,
        survives_void=False,
        kind="withdraw",
        recipient="0x" + "f" * 40,
    )
    case, key = CASES[1], PrivateKey.generate()
    own = SignedOrder(case.holder.owner, longest, eddsa.sign(case.signing_key, 1))
    assert open_order(seal_order(key.public, case.domain, case.vault, own), key, case.domain, case.vault) == own
    envelope = seal_registration(key.public, case.domain, case.vault, case.holder)
    assert open_registration(envelope, key, case.domain, case.vault) == case.holder
