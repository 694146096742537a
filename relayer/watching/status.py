"""One look at the whole service, which status, metrics, alerts and the operator's interface all show.

It is made from the database alone, so every process of the service, and a command beside them, sees the same, also while others are down.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from sqlalchemy import text
from sqlalchemy.orm import Session

from relayer.store import challenges, overview, unsettled
from relayer.store.challenges import ChallengeLine
from relayer.store.clock import now_ms
from relayer.store.database import Database
from relayer.store.overview import BatchLine, Cost, Trouble
from relayer.store.policies import Policies
from relayer.store.policies import read as read_policies

WEI: Final = ("balance", "bond", "per_order")
"""Of what is seen: decimal text in JSON."""
SILENT_MS: Final = 60_000
"""A process that has given no sign for so long is taken for dead."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What the worker last saw of the chain. ``at`` in ms; chain times in seconds; coins in wei.

    ``endpoints`` are, by their place in the settings, blocks behind the furthest (None: silent). ``bond`` is what is free, ``per_order``
    what an order takes of it when its batch is sealed. ``exit_deadline`` is that of the first exit in the queue.
    """

    at: int
    block: int
    block_time: int
    endpoints: list[int | None] = field(default_factory=list)
    disagreement: bool = False
    balance: int | None = None
    bond: int | None = None
    exit_deadline: int | None = None
    per_order: int | None = None

    @property
    def bond_orders(self) -> int | None:
        """Orders that the free bond is enough for; None where they take nothing of it, or it was not seen."""
        return self.bond // self.per_order if self.bond is not None and self.per_order else None


@dataclass(frozen=True, slots=True)
class Status:
    """The service at a moment; times in ms. ``sending`` are codes of alarms that hold about transactions, ``challenges`` those to its
    receipts that are not over, ``held`` the batch behind which nothing is promised, and why, ``troubles`` what processes that give signs
    of life say of theirs.
    """

    at: int
    version: str
    policies: Policies
    processes: list[dict[str, Any]]
    leases: list[dict[str, Any]]
    batches: list[BatchLine]
    counts: dict[str, dict[str, int]]
    last_settled: int
    oldest_transaction: int | None
    cost: Cost
    key_ends: int | None
    observed: Observed | None
    sending: list[str]
    challenges: list[ChallengeLine]
    held: str | None
    database_bytes: int
    free_bytes: int | None
    troubles: list[Trouble] = field(default_factory=list)

    @property
    def gas_per_order(self) -> int | None:
        """Gas that an order of the last settled batches took."""
        return self.cost.gas // self.cost.orders if self.cost.orders else None

    @property
    def wei_per_order(self) -> int | None:
        """Coins that an order of the last settled batches took."""
        return self.cost.wei // self.cost.orders if self.cost.orders else None

    def to_wire(self) -> dict[str, Any]:
        """As JSON has it; wei as decimal strings."""
        document = {
            name: getattr(self, name)
            for name in self.__dataclass_fields__
            if name not in ("policies", "observed", "cost")
        }
        document["batches"] = [asdict(each) for each in self.batches]
        document["troubles"] = [asdict(each) for each in self.troubles]
        document["challenges"] = [asdict(each) for each in self.challenges]
        document["policies"] = self.policies.model_dump()
        document["cost"] = asdict(self.cost) | {
            "wei": str(self.cost.wei),
            "gas_per_order": self.gas_per_order,
            "wei_per_order": None if self.wei_per_order is None else str(self.wei_per_order),
        }
        seen = self.observed
        document["chain"] = None if seen is None else _observed_to_wire(seen) | {"bond_orders": seen.bond_orders}
        return document


def look(database: Database) -> Status:
    """The service now."""
    now = now_ms()
    with database.read() as session:
        signs = overview.signs(session)
        return Status(
            at=now,
            version=package_version(),
            policies=read_policies(session),
            processes=[
                {
                    "instance": sign.instance,
                    "role": sign.role,
                    "pid": sign.pid,
                    "started_at": sign.started_at,
                    "at": sign.at,
                    "silent": now - sign.at > SILENT_MS,
                }
                for sign in signs
            ],
            leases=[
                {
                    "name": lease.name,
                    "holder": lease.holder,
                    "expires_at": lease.expires_at,
                    "held": lease.expires_at > now,
                }
                for lease in overview.leases(session)
            ],
            batches=overview.batches_underway(session),
            counts=overview.counts(session),
            last_settled=overview.last_settled(session),
            oldest_transaction=overview.oldest_transaction(session),
            cost=overview.cost(session),
            key_ends=overview.encryption_key_ends(session, now),
            observed=observed(session),
            sending=list(overview.kept(session, overview.SENDING).get("alarms", [])),
            challenges=challenges.underway(session),
            held=unsettled.held(session),
            database_bytes=_bytes(database, session),
            free_bytes=_free(database),
            troubles=[each for each in overview.troubles(session) if now - each.at <= SILENT_MS],
        )


def observed(session: Session) -> Observed | None:
    """What the worker last saw of the chain."""
    document = overview.kept(session, overview.OBSERVED)
    for name in WEI:
        document |= {name: int(document[name])} if document.get(name) is not None else {}
    return Observed(**document) if document else None


def keep_observed(session: Session, seen: Observed) -> None:
    """Keeps what was seen, for all to look at."""
    overview.keep(session, overview.OBSERVED, _observed_to_wire(seen))


def _observed_to_wire(seen: Observed) -> dict[str, Any]:
    document = asdict(seen)
    for name in WEI:
        document[name] = None if document[name] is None else str(document[name])
    return document


def _bytes(database: Database, session: Session) -> int:
    """Size of the database, on SQLite with its journal."""
    if not database.sqlite:
        return int(session.execute(text("SELECT pg_database_size(current_database())")).scalar_one())
    path = database.path
    return sum(each.stat().st_size for each in (path, Path(f"{path}-wal")) if each.is_file())


def _free(database: Database) -> int | None:
    """Bytes free on the database's disk, None if it is elsewhere."""
    return shutil.disk_usage(database.path.parent).free if database.sqlite else None


def package_version() -> str:
    """Version of the installed package."""
    try:
        return version("tacit-prover")
    except PackageNotFoundError:
        return "unknown"
