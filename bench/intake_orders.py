"""The load: signed orders, one in five wrong in one of seven ways, encrypted beforehand: making them costs nothing while measuring."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from bench.book import FEE_RATE, instruments
from bench.intake_scene import BATCH, PARAMS, USED_SLOT, Trader, terms
from prover.orders import Order
from relayer.envelope import Envelope, SignedOrder, seal_order
from relayer.hpke import PublicKey

WRONG_EVERY: Final = 5
WAYS: Final = {
    "a flipped bit": "DECRYPTION_FAILED",
    "another key": "UNKNOWN_KEY",
    "another's signature": "INVALID_SIGNATURE",
    "a used nonce": "NONCE_USED",
    "a window that is over": "EXPIRED",
    "an unknown instrument": "UNKNOWN_INSTRUMENT",
    "short of margin": "INSUFFICIENT_MARGIN",
}
"""The ways of being wrong, and the code that each must get."""
RIGHT: Final = "right"
FEW_LOTS: Final = 2_000
MANY_LOTS: Final = 2**32 - 1
NOWHERE: Final = 2**27 - 1
SLOTS: Final = 62


@dataclass(frozen=True, slots=True)
class Load:
    """A request: its body, and the code it must get (``right``: a receipt)."""

    body: bytes
    expected: str


def loads(traders: Sequence[Trader], key: PublicKey, count: int, seed: int = 1, first_slot: int = 0) -> Iterator[Load]:
    """``count`` requests; the right ones go round the accounts, each time with the next nonce slot."""
    drawn = random.Random(seed)
    rows = instruments(PARAMS)
    ways = list(WAYS)
    right = 0
    for at in range(count):
        if at % WRONG_EVERY == WRONG_EVERY - 1:
            way = ways[at // WRONG_EVERY % len(ways)]
            yield Load(_body(_wrong(way, drawn.choice(traders), drawn, key)), WAYS[way])
            continue
        own = traders[right % len(traders)]
        row = drawn.choice(rows)
        order = Order(
            account=own.account,
            instrument=row.instrument,
            buy=drawn.random() < 0.5,
            quantity=drawn.randint(1, FEW_LOTS),
            limit=max(1, row.mark),
            max_fee_rate=FEE_RATE,
            slot=(first_slot + right // len(traders)) % SLOTS,
            first_batch=BATCH,
            last_batch=BATCH + 1,
        )
        right += 1
        yield Load(_body(seal_order(key, terms().domain, terms().vault, _signed(own, order))), RIGHT)


def _wrong(way: str, own: Trader, drawn: random.Random, key: PublicKey) -> Envelope:
    row = drawn.choice(instruments(PARAMS))
    values = {
        "account": own.account,
        "instrument": row.instrument,
        "quantity": drawn.randint(1, FEW_LOTS),
        "limit": max(1, row.mark),
        "max_fee_rate": FEE_RATE,
        "slot": SLOTS,
        "first_batch": BATCH,
        "last_batch": BATCH + 1,
    }
    changes = {
        "a used nonce": {"slot": USED_SLOT},
        "a window that is over": {"first_batch": 1, "last_batch": BATCH - 1},
        "an unknown instrument": {"instrument": NOWHERE},
        "short of margin": {"quantity": MANY_LOTS, "buy": False, "limit": 1},
    }
    order = Order(**(values | changes.get(way, {})))  # type: ignore[arg-type]
    signed = _signed(own, order, drawn.randbytes(32) if way == "another's signature" else None)
    sealed = seal_order(key, terms().domain, terms().vault, signed)
    if way == "a flipped bit":
        at = drawn.randrange(len(sealed.ciphertext))
        flipped = bytes([sealed.ciphertext[at] ^ 1 << drawn.randrange(8)])
        return Envelope(
            sealed.key_id,
            sealed.first_batch,
            sealed.last_batch,
            sealed.encapsulated,
            sealed.ciphertext[:at] + flipped + sealed.ciphertext[at + 1 :],
        )
    if way == "another key":
        return Envelope(
            drawn.randbytes(8), sealed.first_batch, sealed.last_batch, sealed.encapsulated, sealed.ciphertext
        )
    return sealed


def _signed(own: Trader, order: Order, seed: bytes | None = None) -> SignedOrder:
    return SignedOrder.sign(seed or own.seed, own.owner, order, terms().domain)


def _body(envelope: Envelope) -> bytes:
    return json.dumps(envelope.to_wire(), separators=(",", ":")).encode()
