"""Settlements that must be refused, by the vault and by ``prover.verify`` alike: honest ones, changed in one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Final

from demo.chain import Reverted
from demo.errors import NotShown
from demo.market import PARAMS
from demo.retraced import Settled
from demo.vault import Vault
from prover.batch import Params
from prover.errors import SettlementError, VerificationError
from prover.posting import Posting
from prover.settlement import Proof, Settlement

TOUCH_HASH: Final = 1
RECIPIENT: Final = 4
FIRST_CIPHERTEXT: Final = 6
REFUSED: Final = "ProofsRefused"
MISMATCH: Final = "SealMismatch"
UNLIKE: Final = "WrongDataHash"
NO_POINT: Final = "NotOnCurve"
TRADED: Final = 69  # the bit of a closing word that says that its instrument traded
PRICE_BIT: Final = 1 << 27  # the lowest bit of a clearing price in its closing word
THIEF: Final = 0x7417EF

Check = Callable[[Settlement], object]


@dataclass(frozen=True)
class Attempt:
    """What was tried, and the custom error of the contract that it ended in."""

    what: str
    error: str


def tampered(honest: Settlement) -> list[tuple[str, str, Settlement]]:
    """What can be changed in a settlement, each with the error that it must end in."""
    width = Params.named(PARAMS).words
    first, second, *others = honest.segments
    swapped, copied = (second, first, *others), (first, replace(second, proof=first.proof), *others)
    broken = replace(honest.closing, proof=_off_curve(honest.closing.proof))
    paying, traded = _places(honest, width)
    return [
        (
            "one bit of an encrypted word flipped",
            REFUSED,
            _word(honest, width + FIRST_CIPHERTEXT, lambda word: word ^ 1),
        ),
        ("the hash of a sealed touch changed", MISMATCH, _word(honest, width + TOUCH_HASH, lambda word: word ^ 1)),
        ("a clearing price moved by one unit", REFUSED, _word(honest, traded, lambda word: word ^ PRICE_BIT)),
        ("a withdrawal sent to another address", REFUSED, _word(honest, paying + RECIPIENT, lambda _: THIEF)),
        ("segments 1 and 2 swapped", REFUSED, replace(honest, segments=swapped)),
        ("segments 2 and 3 swapped with their data", MISMATCH, _swapped_with_data(honest)),
        ("the proof of segment 1 sent for segment 2", REFUSED, replace(honest, segments=copied)),
        ("a proof that is no point of the curve", NO_POINT, replace(honest, closing=broken)),
        ("the reward claimed by somebody else", REFUSED, replace(honest, beneficiary=THIEF.to_bytes(20, "big"))),
    ]


def _places(honest: Settlement, width: int) -> tuple[int, int]:
    """Where the words of a touch that pays out begin, and where the word of an instrument that traded is."""
    rows = Params.named(PARAMS).touches * len(honest.segments) * width
    paying = next(at for at in range(0, rows, width) if honest.words[at + RECIPIENT])
    traded = next(at for at in range(rows, len(honest.words)) if honest.words[at] >> TRADED & 1)
    return paying, traded


def try_other_data(vault: Vault, honest: Settlement) -> Attempt:
    """Sends an honest settlement with data that is not the claim's."""
    posting = Posting(honest)
    part = posting.rollup()
    arguments = posting.claim, part._replace(words=part.words[:-1] + bytes([part.words[-1] ^ 1])), *_closing(posting)
    return _refused(vault, "an honest settlement with a bit of its data flipped on the way", UNLIKE, arguments)


def _closing(posting: Posting) -> tuple[Any, ...]:
    return posting.closing_proof, posting.closing_words


def try_tampered(vault: Vault, check: Check, honest: Settlement) -> list[Attempt]:
    """Tries every change on the vault and on the verifier without a chain, which must both refuse."""
    attempts = []
    for what, error, changed in tampered(honest):
        try:
            check(changed)
        except (VerificationError, SettlementError):
            attempts.append(refused_by_contract(vault, what, error, changed))
        else:
            raise NotShown(f"{what}: prover.verify accepted it")
    return attempts


def refused_by_contract(vault: Vault, what: str, error: str, settlement: Settlement) -> Attempt:
    """Calls ``settle`` and wants this error."""
    return _refused(vault, what, error, vault.settle_arguments(Posting(settlement)))


def _refused(vault: Vault, what: str, error: str, arguments: tuple[Any, ...]) -> Attempt:
    try:
        vault.contract.call("settle", *arguments)
    except Reverted as refused:
        if refused.name != error:
            raise NotShown(f"{what}: refused with {refused.name or 'no name'}, not {error}") from refused
        return Attempt(what, refused.name)
    raise NotShown(f"{what}: the contract accepted it")


def try_replay(vault: Vault, check: Check, earlier: Settled) -> Attempt:
    """Sends the settlement of an earlier batch again, while the next one is sealed."""
    what = f"batch {earlier.sealed.number} settled a second time, in place of the sealed batch"
    try:
        check(earlier.settlement)
    except (VerificationError, SettlementError):
        return refused_by_contract(vault, what, MISMATCH, earlier.settlement)
    raise NotShown(f"{what}: prover.verify accepted it")


def try_again(vault: Vault, settled: Settled) -> Attempt:
    """Sends a settlement again when no batch is sealed."""
    what = f"batch {settled.sealed.number} settled twice"
    return refused_by_contract(vault, what, "NoSeal", settled.settlement)


def _word(honest: Settlement, place: int, change: Callable[[int], int]) -> Settlement:
    words = list(honest.words)
    words[place] = change(words[place])
    return replace(honest, words=tuple(words))


def _swapped_with_data(honest: Settlement) -> Settlement:
    size = Params.named(PARAMS).touches * Params.named(PARAMS).words
    first, second, third, *others = honest.segments
    words = (
        honest.words[:size],
        honest.words[2 * size : 3 * size],
        honest.words[size : 2 * size],
        honest.words[3 * size :],
    )
    return replace(honest, segments=(first, third, second, *others), words=tuple(chain.from_iterable(words)))


def _off_curve(proof: Proof | None) -> Proof:
    if proof is None:
        raise NotShown("a proof is missing")
    return (proof[0] + 1, *proof[1:])
