"""The market as the service knows it: the risk table in force, instruments with their names, settlement values.

Numbers are those that the chain holds; names, strikes and expiries come from the tables that the operator posts (``PUT /v1/risk``), and
count once an epoch on chain has the same root. Ids are never used again, so a name stays known after its instrument has settled.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from prover.batch import RiskRow
from prover.risk import DELTA_OFFSET, RiskTable
from relayer.api.problems import Refusal
from relayer.api.services import Services
from relayer.history import History
from relayer.records import EpochPosted
from relayer.store import listing
from relayer.store.models import RiskDocument

GREEK_BITS: Final = 64
MARK: Final = "mark"
LOOK_SECONDS: Final = 0.25
"""Between looks for the name of an instrument that has none."""


class Named(NamedTuple):
    """What a table says of an instrument beside its numbers; ``expiry`` in seconds, ``strike`` in price units."""

    name: str
    type: str
    strike: int
    expiry: int


class Greeks(NamedTuple):
    """Of one contract: ``delta`` 10⁻⁶, ``gamma`` 10⁻¹², ``vega`` 10⁻⁶ (:func:`prover.risk.row_dtype`)."""

    delta: int
    gamma: int
    vega: int

    @classmethod
    def of(cls, word: int) -> Greeks:
        """The three of a row's word."""
        low = 2**GREEK_BITS - 1
        return cls((word & low) - DELTA_OFFSET, (word >> GREEK_BITS) & low, word >> 2 * GREEK_BITS)


@dataclass(frozen=True, slots=True)
class Table:
    """The risk table in force, and what its scenarios are called."""

    epoch: EpochPosted
    rows: Mapping[int, RiskRow]
    labels: tuple[str, ...]

    def label(self, scenario: int | None) -> str:
        """What people call a scenario; None is the mark."""
        if scenario is None:
            return MARK
        return self.labels[scenario] if scenario < len(self.labels) else f"scenario {scenario}"


class Market:
    """Reads the market from what is stored. May be used from several threads."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self._lock = threading.Lock()
        self._names: dict[int, Named] = {}
        self._numbers: dict[str, int] = {}
        self._waiting: dict[bytes, RiskTable] = {}
        self._seen, self._looked = 0, 0.0
        self._labels: dict[bytes, tuple[str, ...]] = {}

    @property
    def history(self) -> History:
        """What has happened in the vault."""
        return self.services.reading.history()

    def table(self) -> Table:
        """The table in force (``NOT_READY`` before the first one is posted)."""
        epochs = self.history.epochs
        if not epochs:
            raise Refusal("NOT_READY", "no risk table is in force yet: the first epoch is not posted")
        self._refresh()
        epoch = epochs[max(epochs)]
        labels = self._labels.get(epoch.risk_root.to_bytes(32, "big"), ())
        return Table(epoch, {row.instrument: row for row in epoch.rows}, labels)

    def named(self, instrument: int) -> Named | None:
        """Name, type, strike and expiry of an instrument, where a table with them was posted."""
        if instrument not in self._names and time.monotonic() - self._looked > LOOK_SECONDS:
            self._refresh()
        return self._names.get(instrument)

    def name(self, instrument: int) -> str | None:
        """Its name alone."""
        found = self.named(instrument)
        return None if found is None else found.name

    def number(self, instrument: str | int) -> int | None:
        """The id of a name or of an id; None for a name that no table has."""
        self._refresh()
        return instrument if isinstance(instrument, int) else self._numbers.get(instrument)

    def _refresh(self) -> None:
        """Takes in the tables that came since the last look, and those that came into force."""
        with self._lock:
            self._looked = time.monotonic()
            with self.services.database.read() as session:
                documents: Sequence[RiskDocument] = listing.risk_documents(session, self._seen)
            for document in documents:
                if document.risk_root not in self._labels:
                    self._waiting[document.risk_root] = RiskTable.from_json(document.document)
                self._seen = max(self._seen, document.created_at)
            if self._waiting:
                posted = {epoch.risk_root.to_bytes(32, "big") for epoch in self.history.epochs.values()}
                for root in posted & self._waiting.keys():
                    self._take(root, self._waiting.pop(root))

    def _take(self, root: bytes, table: RiskTable) -> None:
        for row in table.rows:
            named = Named(str(row["name"]), str(row["type"]), int(row["strike"]), int(row["expiry"]))
            self._names[int(row["id"])] = named
            self._numbers[named.name] = int(row["id"])
        self._labels[root] = tuple(each.label for each in table.scenarios)
