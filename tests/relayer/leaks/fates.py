"""Orders of every fate, each with a limit, a quantity and a salt that stand nowhere else.

Some are filled at the mark, some are not; some wait and are cancelled; the rest is refused, by each of intake's rules, or is malformed
inside a good envelope, or does not open. Quantities have nine digits, limits ten (so that they are wider than four bytes), salts 76.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from prover.batch import RiskRow
from prover.orders import Order
from relayer.envelope import ORDER_INFO, Envelope, SignedOrder, info, pad, seal_order
from relayer.hpke import PublicKey
from tests.contracts.venue import TERMS
from tests.relayer.serving.relayer import DOLLAR, Relayer
from tests.relayer.venue import Owner, risk_row

INSTRUMENT: Final = 3
MARK: Final = 5_000 * DOLLAR
ROWS: Final[tuple[RiskRow, ...]] = (risk_row(INSTRUMENT, MARK),)
DEPOSIT: Final = 10**10 * DOLLAR
CONTENT: Final = ("malformed limit", "number in clear", "decimal salt", "unknown name", "no JSON", "name twice")
"""What is wrong within an envelope that opens."""
SLOTS: Final = 64


@dataclass
class Numbers:
    """Makes numbers that are not made twice, and keeps them."""

    source: random.Random
    made: set[int] = field(default_factory=set)

    def take(self, least: int, most: int) -> int:
        """One from least to most."""
        found = self.source.randint(least, most)
        while found in self.made:
            found = self.source.randint(least, most)
        self.made.add(found)
        return found

    def quantity(self) -> int:
        """Lots."""
        return self.take(100_000_001, 399_999_999)

    def salt(self) -> int:
        """A field element."""
        return self.take(10**75, 10**76 - 1)

    def limit(self, *, buy: bool, meets: bool) -> int:
        """A price that is, or is not, at least as good for the other side as the mark."""
        near, far = DOLLAR, MARK // 8
        above = buy == meets
        return self.take(MARK + near, MARK + far) if above else self.take(MARK - far, MARK - near)


@dataclass(frozen=True)
class Sent:
    """An order as it is sent, and what is to be answered: the code, or "" for an order that is taken."""

    body: dict[str, Any]
    code: str
    owner: Owner
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Fates:
    """Makes orders for a round. ``rich`` are four traders, ``poor`` is one who can hold nothing."""

    relayer: Relayer
    rich: list[Owner]
    poor: Owner
    numbers: Numbers
    round: int = 0
    key: PublicKey = field(init=False)
    _slots: list[int] = field(default_factory=lambda: [0, 0, 0, 0])

    def begin(self) -> None:
        """A new round."""
        self.round += 1
        self.key = self.relayer.key()

    # ---- taken

    def filled(self) -> Iterator[Sent]:
        """Two buyers and two sellers, each pair of one quantity: as much is bought as is sold, so the price is the mark."""
        for buyer in (0, 2):
            quantity = self.numbers.quantity()
            for place, buy in ((buyer, True), (buyer + 1, False)):
                yield self._taken(place, quantity=quantity, buy=buy, limit=self.numbers.limit(buy=buy, meets=True))

    def others(self) -> Iterator[Sent]:
        """One of each trader that nobody meets; it waits where its account has two orders in the batch."""
        for place in range(4):
            buy = place % 2 == 0
            yield self._taken(place, buy=buy, limit=self.numbers.limit(buy=buy, meets=False))

    # ---- refused

    def refused(self) -> Iterator[Sent]:
        """By each rule, by what is malformed, and by what does not open. The accounts of the rich are full in the open batch."""
        for place, owner in enumerate(self.rich):
            other = self.rich[place - 1]
            yield self._refused("NONCE_USED", owner, epoch=0, slot=0)
            yield self._refused("EXPIRED", owner, last_batch=0)
            yield self._refused("UNKNOWN_INSTRUMENT", owner, instrument=99)
            yield self._refused("INVALID_ORDER", owner, max_fee_rate=TERMS.fee_rate - 1)
            yield self._content(owner, "withdrawal that sells")
            yield self._refused("UNKNOWN_ACCOUNT", owner, account=other.index)
            yield self._refused("BATCH_FULL", owner, last_batch=self._open_batch())
            yield self._refused("INVALID_SIGNATURE", owner, seed=other.seed)
            key = f"key-{place}"
            yield replace(self._refused("IDEMPOTENCY_MISMATCH", owner), headers={"Idempotency-Key": key})
            yield from self._unopened(owner)
            yield self._content(owner, CONTENT[(place + self.round) % len(CONTENT)])
        yield self._refused("INSUFFICIENT_MARGIN", self.poor)
        yield self._refused(
            "INSUFFICIENT_MARGIN", self.poor, kind="withdraw", instrument=0, recipient=self.poor.address
        )
        yield self._content(self.poor, CONTENT[self.round % len(CONTENT)])
        yield from self._in_clear(self.poor)

    def _unopened(self, owner: Owner) -> Iterator[Sent]:
        sealed = self._sealed(self._order(owner), owner)
        yield Sent(replace(sealed, key_id=bytes(8)).to_wire(), "UNKNOWN_KEY", owner)
        rubbish = sealed.ciphertext[:-1] + bytes([sealed.ciphertext[-1] ^ 1])
        yield Sent(replace(sealed, ciphertext=rubbish).to_wire(), "DECRYPTION_FAILED", owner)

    def _in_clear(self, owner: Owner) -> Iterator[Sent]:
        """From a trader whose program does not encrypt, or encrypts and sends the order beside it."""
        order = self._order(owner)
        yield Sent(order.to_wire(), "INVALID_REQUEST", owner)
        sealed = self._sealed(order, owner).to_wire()
        yield Sent(sealed | {"order": self._order(owner).to_wire()}, "INVALID_REQUEST", owner)
        yield Sent(sealed | {"first_batch": self._order(owner).limit}, "INVALID_REQUEST", owner)
        yield Sent(sealed | {"ciphertext": str(self._order(owner).salt)}, "INVALID_REQUEST", owner)

    def _content(self, owner: Owner, wrong: str) -> Sent:
        """An envelope that opens, whose content is no order."""
        order = self._order(owner)
        signed = SignedOrder.sign(owner.seed, owner.holder.owner, order, self.relayer.venue.vault.domain).to_wire()
        inside = signed["order"]
        changed: dict[str, Callable[[], dict[str, Any]]] = {
            "malformed limit": lambda: {"limit": f"{order.limit}.0"},
            "number in clear": lambda: {"quantity": order.quantity},
            "decimal salt": lambda: {"salt": str(order.salt)},
            "withdrawal that sells": lambda: {"kind": "withdraw", "instrument": 0, "side": "sell"},
            "unknown name": lambda: {str(order.limit): order.quantity},
        }
        text = json.dumps(signed | {"order": inside | changed.get(wrong, dict)()})
        if wrong == "no JSON":
            text = text[:-1]
        if wrong == "name twice":
            text = text.replace('"limit":', f'"limit": "{order.limit}", "limit":')
        return Sent(self._packed(text).to_wire(), "INVALID_ORDER", owner)

    def plain(self, owner: Owner) -> Sent:
        """One that nothing stands against once its account is known."""
        return Sent(self._sealed(self._order(owner, quantity=1), owner).to_wire(), "", owner)

    # ---- making

    def _order(self, owner: Owner, **fields: Any) -> Order:  # noqa: ANN401 - an order's fields
        numbers = self.numbers
        given = {
            "account": owner.index,
            "instrument": INSTRUMENT,
            "max_fee_rate": TERMS.fee_rate,
            "epoch": self.round // SLOTS,
            "slot": SLOTS - 1,
        } | fields
        given.setdefault("quantity", numbers.quantity())
        given.setdefault("limit", numbers.limit(buy=True, meets=True))
        given.setdefault("salt", numbers.salt())
        return Order(**given)

    def _taken(self, place: int, **fields: Any) -> Sent:  # noqa: ANN401 - the same
        owner, slot = self.rich[place], self._slots[place]
        self._slots[place] += 1
        order = self._order(owner, slot=slot, **fields)
        headers = {"Idempotency-Key": f"key-{place}"} if slot == 0 else {}
        return Sent(self._sealed(order, owner).to_wire(), "", owner, headers)

    def _refused(self, code: str, owner: Owner, seed: bytes | None = None, **fields: Any) -> Sent:  # noqa: ANN401
        order = self._order(owner, **fields)
        return Sent(self._sealed(order, owner, seed).to_wire(), code, owner)

    def _sealed(self, order: Order, owner: Owner, seed: bytes | None = None) -> Envelope:
        vault = self.relayer.venue.vault
        signed = SignedOrder.sign(seed or owner.seed, owner.holder.owner, order, vault.domain)
        return seal_order(self.key, vault.domain, vault.address, signed)

    def _packed(self, text: str) -> Envelope:
        vault, last = self.relayer.venue.vault, 2**32 - 1
        bound = info(ORDER_INFO, vault.domain, vault.address, 0, last, self.key.id)
        return Envelope(self.key.id, 0, last, *self.key.seal(pad(text.encode()), bound))

    def _open_batch(self) -> int:
        return max(self.relayer.states())


__all__ = ["DEPOSIT", "MARK", "ROWS", "Fates", "Numbers", "Sent"]
