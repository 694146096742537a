"""What intake knows of the vault at one moment: immutable, replaced as a whole when the chain or a batch moves on.

It is the state of the last settled batch with what the chain says since: accounts, deposits and exit requests that wait, settlement values,
the risk table that the next batch is valued with. It lags the chain by as much as the watcher does. So what intake says of margin is a
forecast: the batch decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from prover.batch import Context, Leaf, Params, State
from relayer.chain import Address


@dataclass(frozen=True, slots=True)
class Table:
    """The risk table of an epoch: each row as JSON of docs/formats.md by its instrument; ``time`` of the epoch in seconds."""

    epoch: int
    time: int
    rows: Mapping[int, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a vault never changes: its domain and address, parameter set, fee rate, margin ratio; in seconds, how old a table may be and how
    long an opening can be sealed (None: for ever).
    """

    domain: int
    vault: Address
    separator: bytes
    params: str
    fee_rate: int
    num: int
    den: int
    epoch_age: int
    open_time: int | None = None

    @property
    def sizes(self) -> Params:
        """Sizes of the parameter set."""
        return Params.named(self.params)


@dataclass(frozen=True, slots=True)
class View:
    """The vault as intake sees it.

    ``open`` is the batch that takes orders, if one does; ``batch`` the number of that one, or of the one to come, which may have been
    ``opened`` in a block that is not deep enough yet, or behind a batch that may not be settled in time: orders wait for it. ``unsure``:
    accounts whose index a reorganisation may still give to somebody else, or that hold orders of somebody else whose index it was.
    ``deposits``: token units
    queued and not yet settled, by account; ``exiting``: accounts whose exit request waits for a seal; ``settled``: settlement values by
    instrument; ``fixed``: the last settled batch, whose ``state`` this is; ``lost``: how many batches were void or ran out, and how many
    orders the pipeline has still to take out of them; ``covered``: orders of the open batch that the operator's bond covers;
    ``forecast``: the operator's policy on margin (None: as configured); ``time``: of the newest block, in seconds.
    """

    terms: Terms
    batch: int
    open: int | None
    opened: int | None = None
    last_void: int = 0
    fixed: int = 0
    state: State | None = field(default=None, repr=False)
    table: Table | None = field(default=None, repr=False)
    settled: Mapping[int, int] = field(default_factory=dict, repr=False)
    accounts: Mapping[int, int] = field(default_factory=dict, repr=False)
    unsure: frozenset[int] = frozenset()
    deposits: Mapping[int, int] = field(default_factory=dict, repr=False)
    exiting: frozenset[int] = frozenset()
    paused: bool = False
    forecast: bool | None = None
    lost: tuple[int, int] = (0, 0)
    covered: int = 0
    time: int | None = None

    def leaf(self, account: int) -> Leaf | None:
        """The account as last settled; None while it has not been."""
        return None if self.state is None else self.state.leaf(account)

    @property
    def context(self) -> Context:
        """What margin of the next batch is computed with; its time plays no part."""
        own = self.terms
        return Context(
            domain=own.domain,
            batch=self.batch,
            last_void=self.last_void,
            time=0,
            fee_rate=own.fee_rate,
            num=own.num,
            den=own.den,
        )
