"""The service that intake is measured in: many accounts with money and positions, one open batch of configured capacity, no chain.

Traders follow from their number alone, so generator and server make the same ones in two processes. The batch stays open and nothing is
proven: intake is measured alone.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from bench.book import FEE_RATE, MARGIN, instruments
from prover.batch import Leaf, Position, State
from prover.hashing import FIELD_ORDER, sponge
from prover.orders import Holder, domain
from prover.tree import Tree
from prover.wire import element
from relayer.intake.acceptance import Acceptance, Limits
from relayer.intake.engine import Engine, Rhythm
from relayer.intake.keys import KeyRing
from relayer.intake.opening import Opener, packed_key
from relayer.intake.signer import LocalSigner, Voucher
from relayer.intake.view import Table, Terms, View
from relayer.pipeline.covering import EVERY
from relayer.receipts import separator
from relayer.signing import Signer
from relayer.store import orders
from relayer.store.clock import now_ms
from relayer.store.crypt import Sealer
from relayer.store.database import Database
from relayer.store.leases import Leases
from relayer.store.models import Batch, BatchState

PARAMS: Final = "standard"
CHAIN_ID: Final = 31_337
VAULT: Final = "0x" + "1e" * 20
BATCH: Final = 2
SIGNER: Final = Signer(hashlib.sha256(b"tacit bench receipts").digest())
SEALER: Final = Sealer(hashlib.sha256(b"tacit bench database").digest())
CASH: Final = 10**8 * 10**12
"""A million of the quote currency each."""
USED_SLOT: Final = 63
POSITION_BITS: Final = 63
LEAF_TAG: Final = 1
PLACES: Final = 16
REGISTERED_AT_ONCE: Final = 5_000


@cache
def terms() -> Terms:
    """The vault's."""
    num, den = MARGIN
    return Terms(
        domain=domain(CHAIN_ID, VAULT),
        vault=VAULT,
        separator=separator(CHAIN_ID, VAULT),
        params=PARAMS,
        fee_rate=FEE_RATE,
        num=num,
        den=den,
        epoch_age=10**6,
    )


@dataclass(frozen=True, slots=True)
class Trader:
    """Who has an account."""

    account: int
    seed: bytes
    holder: Holder
    owner: int


def trader(account: int) -> Trader:
    """The trader of an account, the same in every process."""
    seed, viewing = (hashlib.sha256(f"tacit bench {what} {account}".encode()).digest() for what in ("key", "view"))
    holder = Holder.from_seed(seed, int.from_bytes(viewing, "big") % FIELD_ORDER)
    return Trader(account, seed, holder, holder.owner)


def settled(traders: Iterable[Trader]) -> State:
    """Accounts with money, two positions and one used nonce slot each."""
    held = [row.instrument for row in instruments(PARAMS)[:2]]
    leaves = {
        each.account: Leaf(
            each.owner, CASH, 0, 1 << USED_SLOT, 1, each.account + 1, tuple(Position(i, 10) for i in held)
        )
        for each in traders
    }
    tree = Tree.empty(PARAMS).updated({account: leaf_hash(leaf) for account, leaf in leaves.items()})
    document = {
        "format": "tacit.state.1",
        "params": PARAMS,
        "root": element(tree.root),
        "leaves": [{"index": account, "leaf": json.loads(leaf.to_json())} for account, leaf in leaves.items()],
    }
    return State.from_json(json.dumps(document))


def leaf_hash(leaf: Leaf) -> int:
    """Hash of a leaf, after docs/protocol.md section 3."""
    places = [(0, 0)] * (PLACES - len(leaf.positions)) + [tuple(each) for each in leaf.positions]
    words = [leaf.owner, leaf.cash + 2**91 + (leaf.epoch << 92) + (leaf.bitmap << 124), leaf.updates, leaf.salt]
    for at in range(0, PLACES, 4):
        packed = (
            number + 2**27 * (quantity + 2**35) << POSITION_BITS * i
            for i, (number, quantity) in enumerate(places[at : at + 4])
        )
        words.append(sum(packed))
    return sponge(LEAF_TAG, words)


class StillVault:
    """A vault whose batch stays open."""

    def __init__(self, traders: list[Trader]) -> None:
        rows = {row.instrument: json.dumps(row.to_wire()) for row in instruments(PARAMS)}
        self._view = View(
            terms=terms(),
            batch=BATCH,
            open=BATCH,
            fixed=BATCH - 1,
            state=settled(traders),
            table=Table(1, int(time.time()), rows),
            accounts={each.owner: each.account for each in traders},
            covered=EVERY,
        )

    def version(self) -> object:
        """Never another."""
        return 1

    def load(self) -> View:
        """Always this one."""
        return self._view


def prepare(path: Path, traders: list[Trader]) -> Database:
    """A database in which everybody is registered and the batch is open."""
    database = Database.create(f"sqlite:///{path}")
    for at in range(0, len(traders), REGISTERED_AT_ONCE):
        with database.write() as session:
            for each in traders[at : at + REGISTERED_AT_ONCE]:
                orders.register(session, SEALER, each.holder, packed_key(each.holder), each.account)
    now = now_ms()
    with database.write() as session:
        session.add(Batch(number=BATCH, state=BatchState.OPEN, epoch=1, covered=EVERY, created_at=now, updated_at=now))
    return database


def engine(
    database: Database,
    traders: list[Trader],
    capacity: int,
    rhythm: Rhythm | None = None,
    clock: Callable[[], int] = now_ms,
) -> Engine:
    """Intake as the service runs it; the batch takes ``capacity`` orders."""
    keys = KeyRing(database, SEALER, Voucher(LocalSigner(SIGNER), separator(CHAIN_ID, VAULT)), clock=clock)
    limits = Limits(orders=capacity, accounts=capacity, waiting=capacity)
    return Engine(
        database=database,
        leases=Leases(database, "bench", clock),
        keys=keys,
        views=StillVault(traders),
        opener=Opener(database, keys, terms()),
        acceptance=Acceptance(database, SEALER, LocalSigner(SIGNER), limits, clock),
        rhythm=rhythm,
    )
