"""Section 2: numbers, ranges, tags and the three parameter sets."""

from dataclasses import dataclass

PRICE_BITS = 42
QUANTITY_BITS = 32
POSITION_BOUND = 2**35
CASH_BOUND = 2**91
AMOUNT_BITS = 64
FEE_RATE_BITS = 14
HIGHEST_FEE_RATE = 9_999
INSTRUMENT_BITS = 27
INDEX_BITS = 21
COUNTER_BITS = 32
TIME_BITS = 40
TOP = 2**INSTRUMENT_BITS
"""The sentinel above all instrument ids."""
SLOTS = 64
"""Nonce slots of an epoch."""

CASH_PER_VALUE = 10**4
"""Cash units in one price unit × lot."""
CASH_PER_TOKEN = 10**8
"""Cash units in one token unit."""
CLAIM_OFFSET = 2**82
"""Makes a value compared in margin non-negative."""

TAG_LEAF, TAG_ORDER, TAG_TOUCH, TAG_SEAL, TAG_IV, TAG_PAD, TAG_RISK_ROW, TAG_AUCTION = range(1, 9)
TAG_SEGMENT, TAG_CLOSING, TAG_CANCEL, TAG_AUTH, TAG_EXIT, TAG_ESCAPE = range(9, 15)


@dataclass(frozen=True)
class Params:
    """One column of the table "Parameter sets"."""

    name: str
    depth: int
    touches: int
    orders: int
    positions: int
    scenarios: int
    rows: int
    settled: int

    @property
    def capacity(self) -> int:
        """Leaf positions: "depth levels of 8 children"."""
        return int(8**self.depth)

    @property
    def position_words(self) -> int:
        """P / 4."""
        return self.positions // 4

    @property
    def outcome_words(self) -> int:
        """Section 3: U = ⌈O / 7⌉."""
        return -(-self.orders // 7)

    @property
    def plain_words(self) -> int:
        """Section 3: n_x = 1 + P/4 + U."""
        return 1 + self.position_words + self.outcome_words

    @property
    def pad_blocks(self) -> int:
        """Section 3: B = ⌈(n_x + 1) / 8⌉."""
        return -(-(self.plain_words + 1) // 8)

    @property
    def words_per_touch(self) -> int:
        """Section 8: 6 + n_x."""
        return 6 + self.plain_words

    @property
    def closing_words(self) -> int:
        """Section 8: M + K."""
        return self.rows + self.settled

    @property
    def risk_levels(self) -> int:
        """Section 6: ⌈log₈ M⌉."""
        levels = 0
        while 8**levels < self.rows:
            levels += 1
        return levels


DEV = Params("dev", depth=3, touches=2, orders=2, positions=4, scenarios=4, rows=8, settled=4)
STANDARD = Params("standard", depth=7, touches=7, orders=4, positions=16, scenarios=24, rows=64, settled=16)
LARGE = Params("large", depth=7, touches=28, orders=4, positions=16, scenarios=24, rows=256, settled=64)
BY_NAME = {params.name: params for params in (DEV, STANDARD, LARGE)}
