"""Only a key that the vault's receipt signer has signed is encrypted to, in its time: docs/protocol.md section 4, "Envelopes"."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from relayer.errors import EncryptionKeyError
from relayer.receipts import Receipt, separator
from relayer.signing import Signer
from relayer.vouching import EARLY_SECONDS, KeyInTime
from tests.relayer.client.vectors import CASES, Case, raw

every_case = pytest.mark.parametrize("case", CASES, ids=[f"case {number}" for number in range(len(CASES))])


def key_of(case: Case) -> KeyInTime:
    """The key of a case."""
    told = case.document["encryption_key"]
    return KeyInTime(raw(told["public"]), told["not_before"], told["not_after"])


def separator_of(case: Case) -> bytes:
    """Of the vault of a case."""
    return separator(case.document["chain_id"], case.vault)


def signature_of(case: Case) -> bytes:
    """What vouches for the key of a case."""
    return raw(case.document["encryption_key"]["signature"])


def signer_of(case: Case) -> Signer:
    """Who signs receipts in the vault of a case."""
    return Signer(raw(case.document["receipt"]["signer_key"]))


@every_case
def test_what_is_signed_is_the_vectors(case: Case) -> None:
    own, signer = key_of(case), signer_of(case)
    assert own.digest(separator_of(case)) == raw(case.document["encryption_key"]["digest"])
    assert signer.sign(own.digest(separator_of(case))) == signature_of(case)
    assert signer.address == case.document["receipt"]["signer"]
    assert own.check(signature_of(case), signer.address, separator_of(case), own.not_before) is own


@every_case
@pytest.mark.parametrize(
    "change",
    [
        lambda own: replace(own, key=bytes([own.key[0] ^ 1]) + own.key[1:]),
        lambda own: replace(own, key=bytes(31) + b"\x09"),
        lambda own: replace(own, not_before=own.not_before - 1),
        lambda own: replace(own, not_after=own.not_after + 1),
    ],
    ids=["a bit", "another key", "earlier", "longer"],
)
def test_a_key_that_was_changed_is_refused(case: Case, change: Callable[[KeyInTime], KeyInTime]) -> None:
    own = change(key_of(case))
    with pytest.raises(EncryptionKeyError, match="not signed"):
        own.check(signature_of(case), signer_of(case).address, separator_of(case), own.not_before)


def test_a_key_that_another_signed_is_refused() -> None:
    case, other = CASES[0], Signer(b"\x01" * 32)
    own = key_of(case)
    forged = other.sign(own.digest(separator_of(case)))
    for signature in (forged, bytes(65), b"", signature_of(case)[:64], signature_of(case)[:64] + b"\x00"):
        with pytest.raises(EncryptionKeyError, match="not signed"):
            own.check(signature, signer_of(case).address, separator_of(case), own.not_before)


def test_a_key_of_another_vault_or_chain_is_refused() -> None:
    case, own = CASES[0], key_of(CASES[0])
    chain_id = case.document["chain_id"]
    for elsewhere in (separator(chain_id, "0x" + "1" * 40), separator(chain_id + 1, case.vault)):
        with pytest.raises(EncryptionKeyError, match="not signed"):
            own.check(signature_of(case), signer_of(case).address, elsewhere, own.not_before)


def test_a_key_is_refused_outside_its_time_but_for_a_clock_that_is_a_little_behind() -> None:
    case, own = CASES[0], key_of(CASES[0])

    def check(now: int) -> KeyInTime:
        return own.check(signature_of(case), signer_of(case).address, separator_of(case), now)

    assert check(own.not_before - EARLY_SECONDS) is check(own.not_after - 1) is own
    for now in (own.not_before - EARLY_SECONDS - 1, own.not_after, own.not_after + 10**9):
        with pytest.raises(EncryptionKeyError, match="clock"):
            check(now)


def test_a_receipt_does_not_vouch_for_a_key() -> None:
    """Whatever is in its fields: the type is part of what is signed."""
    case, own = CASES[0], key_of(CASES[0])
    signer, domain = signer_of(case), separator_of(case)
    receipt = Receipt(own.key, own.not_before, own.not_after, 0, bytes(32)).signed(signer, domain)
    assert not own.is_vouched(receipt.signature, signer.address, domain)
