"""A venue in memory for the page's tests: a real risk table, accounts with positions, batches cleared and published as a relayer would.

Nothing here proves anything: what a browser reads are words and prices, and these come from clearing.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from prover import Context, Holder, Order, Params, RiskTable, SealedBatch, State, Touch, risk_root
from prover.batch import Cleared, RiskRow, risk_rows
from prover.hashing import keccak256
from prover.orders import domain
from prover.wire import element
from relayer.receipts import separator
from relayer.seed import Seed
from relayer.signing import Signer

CHAIN: Final = Path(__file__).resolve().parents[2] / "data" / "chains" / "btc_2025-12-05.csv"
CHAIN_ID: Final = 31_337
VAULT: Final = "0x5fbdb2315678afecb367f032d93f642f64180aa3"
PARAMS: Final = "standard"
FEE_RATE, NUM, DEN = 30, 5, 4
TRADER_SEED: Final = bytes(range(1, 33))
RECEIPT_KEY: Final = b"\x0d" * 32
TOKENS: Final = 10**6
CONTRACT: Final = 10**4
ROWS: Final = 28


@dataclass(frozen=True)
class Person:
    """Somebody with a seed and an account."""

    seed: Seed
    index: int
    holder: Holder


@dataclass
class Published:
    """A cleared batch and what is told of it."""

    number: int
    cleared: Cleared
    orders: int


class Market:
    """Accounts of a trader and of makers, over two settled batches."""

    def __init__(self) -> None:
        self.table = RiskTable.from_chain(CHAIN, max_rows=ROWS)
        self.rows: tuple[RiskRow, ...] = risk_rows(self.table)
        self.domain = domain(CHAIN_ID, VAULT)
        self.separator = separator(CHAIN_ID, VAULT)
        self.signer = Signer(RECEIPT_KEY)
        self.fund = self.person(0, b"\x01" * 32)
        self.trader = self.person(1, TRADER_SEED)
        self.makers = [self.person(index, bytes([index]) * 32) for index in (2, 3)]
        self.state = State.genesis(PARAMS, self.fund.holder, self.domain)
        self.published: list[Published] = []
        everyone = [self.trader, *self.makers]
        self.settle([(who, 250_000 * TOKENS, []) for who in everyone])
        self.settle([(self.trader, 0, self.trades(self.trader, 0)), *self._makers_trades()])

    def person(self, index: int, seed: bytes) -> Person:
        """Who has account ``index``."""
        own = Seed(seed)
        return Person(own, index, own.holder(self.domain))

    def ids(self) -> list[int]:
        """Instruments that trade here: the dearest, which are worth trading."""
        return [row.instrument for row in sorted(self.rows, key=lambda row: row.mark)[-3:]]

    def trades(self, who: Person, side: int) -> list[Order]:
        """Orders that cross at the mark: bought and sold in turn, the other way round for another side."""
        marks = {row.instrument: row.mark for row in self.rows}
        return [
            Order(
                account=who.index,
                instrument=each,
                buy=(at + side) % 2 == 0,
                quantity=(15 + 5 * at) * CONTRACT // 10,
                limit=marks[each],
                max_fee_rate=FEE_RATE,
                slot=at,
            )
            for at, each in enumerate(self.ids())
        ]

    def _makers_trades(self) -> list[tuple[Person, int, list[Order]]]:
        first, second = self.makers
        return [(first, 0, self.trades(first, 1)), (second, 0, [])]

    def settle(self, touches: list[tuple[Person, int, list[Order]]]) -> None:
        """Clears a batch of (who, deposit, orders)."""
        number, sequence = len(self.published) + 1, iter(range(1, 100))
        sealed = [Touch(0, self.fund.holder)] + [
            Touch(
                who.index,
                who.holder,
                deposit,
                orders=tuple(each.sealed(who.seed.signing_key, self.domain, next(sequence)) for each in orders),
            )
            for who, deposit, orders in touches
        ]
        context = Context(
            domain=self.domain,
            batch=number,
            last_void=0,
            time=1_764_900_000,
            fee_rate=FEE_RATE,
            num=NUM,
            den=DEN,
        )
        cleared = self.state.clear(SealedBatch(PARAMS, context, self.rows, tuple(sealed)))
        self.published.append(Published(number, cleared, cleared.active_orders))
        self.state = cleared.state

    def settlement(self, number: int) -> dict[str, Any]:
        """``tacit.settlement.1`` of a batch, with proofs that prove nothing."""
        cleared = self.published[number - 1].cleared
        sizes = Params.named(PARAMS)
        words = [word for touch in cleared.touches for word in touch.words]
        words += [0] * (cleared.segments * sizes.touches * sizes.words - len(words))
        closing = [
            int(each["instrument"]) + ((int(each["price"]) << 27) + (1 << 69) if each["volume"] else 0)
            for each in cleared.auctions
        ]
        closing += [0] * (sizes.rows + sizes.settled - len(closing))
        proof = [element(0)] * 8
        part = {"root": element(0), "sums": element(0), "tau": element(0), "proof": proof}
        return {
            "format": "tacit.settlement.1",
            "params": PARAMS,
            "context": cleared.batch.context.to_wire(),
            "start_root": element(cleared.start_root),
            "risk_root": element(cleared.risk_root),
            "seal_root": "0x" + cleared.seal_root.hex(),
            "active_orders": cleared.active_orders,
            "deposit_end": "3",
            "exit_end": "0",
            "segments": [part] * cleared.segments,
            "closing": {"auction_root": element(0), "tau": element(0), "proof": proof},
            "words": [element(word) for word in words + closing],
            "beneficiary": VAULT,
        }

    def data_hash(self, number: int) -> bytes:
        """dataHash as the vault's event states it."""
        document = self.settlement(number)
        sizes, words = Params.named(PARAMS), [bytes.fromhex(word[2:]) for word in document["words"]]
        count = len(document["segments"]) * sizes.touches
        touches = [words[at * sizes.words : (at + 1) * sizes.words] for at in range(count)]
        hashes = []
        for at in range(0, count, sizes.touches):
            segment = touches[at : at + sizes.touches]
            opened = b"".join(word for touch in segment for word in touch[:5])
            hashes.append(keccak256(opened + keccak256(b"".join(word for touch in segment for word in touch[5:]))))
        return keccak256(b"".join(hashes) + keccak256(b"".join(words[count * sizes.words :])))

    @property
    def risk_root(self) -> int:
        """Root of the table in force."""
        return risk_root(PARAMS, self.rows)


def token() -> str:
    """A bearer token."""
    return secrets.token_urlsafe(32)
