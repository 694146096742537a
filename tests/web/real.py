"""The relayer's own applications, with the real engine of intake, over the market of the page's tests."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from prover.batch import State
from relayer.api import tokens
from relayer.api.admin import create_admin_app
from relayer.api.app import create_app
from relayer.api.services import ApiSettings, Services, Venue
from relayer.history import History
from relayer.intake.acceptance import Acceptance, Limits
from relayer.intake.engine import Engine
from relayer.intake.keys import KeyRing
from relayer.intake.opening import Opener, packed_key
from relayer.intake.signer import LocalSigner, Voucher
from relayer.intake.view import Table, Terms, View
from relayer.records import (
    AccountAssigned,
    At,
    BatchOpened,
    BatchSealed,
    BatchSettled,
    Claim,
    EpochPosted,
    Genesis,
    Seal,
)
from relayer.store import orders, risk
from relayer.store import transactions as queue
from relayer.store.clock import now_ms
from relayer.store.crypt import Sealer
from relayer.store.database import Database
from relayer.store.leases import Leases
from relayer.store.models import Batch, BatchState, BatchStep
from relayer.watching.status import look
from tests.relayer.api.house import Noted, served, settings_of
from tests.web.market import CHAIN_ID, DEN, FEE_RATE, NUM, PARAMS, VAULT, Market

OPEN_BATCH: Final = 3
SEALER: Final = Sealer(bytes(range(32)))
AGE: Final = 3_600
CIRCUITS: Final = ("segment", "closing", "exit", "escape")
AT: Final = At(1, 0, bytes(32), bytes(32))
OPERATOR, OPERATOR_TOKEN = tokens.make("web", frozenset({"status"}))


@dataclass
class Chain:
    """As :class:`relayer.api.services.Reading`."""

    told: History
    accounts: tuple[int, State]

    def history(self) -> History:
        return self.told

    def state(self) -> tuple[int, State]:
        return self.accounts

    def block(self) -> int:
        return 21_480_113


@dataclass
class Standing:
    """As :class:`relayer.intake.engine.Views`: a view that does not move."""

    view: View

    def version(self) -> object:
        return 1

    def load(self) -> View:
        return self.view


@dataclass
class Looking(Noted):
    """As the service watches itself, with an alert."""

    database: Database | None = None

    def status(self) -> Mapping[str, Any]:
        assert self.database is not None
        alert = {
            "name": "CHAIN_SILENT",
            "severity": "critical",
            "message": "no endpoint has answered for 90 s",
            "since": 0,
        }
        return look(self.database).to_wire() | {"alerts": [alert]}


@dataclass
class Real:
    """Where the applications are, and what is behind them."""

    url: str
    admin_url: str
    database: Database
    watching: Noted = field(repr=False)


@contextmanager
def real_service(folder: Path, market: Market) -> Iterator[Real]:
    """Both applications until the end of the block: batches 1 and 2 final, batch 3 open."""
    database = Database.create(f"sqlite:///{folder / 'web.sqlite'}")
    now = now_ms()
    _store(database, market, now)
    engine = _engine(database, market, now // 1000)
    lease = engine.leases.acquire("intake")
    assert lease is not None
    engine.keys.rotate(lease)
    engine.leases.release(lease)
    watching = Looking(database=database)
    services = Services(
        database=database,
        sealer=SEALER,
        engine=engine,
        reading=Chain(_history(market, now // 1000), (2, market.state)),
        venue=_venue(market),
        watching=watching,
        settings=_settings(),
        keys=lambda: None,
    )
    with served(create_app(services), engine) as url, served(create_admin_app(services)) as admin_url:
        deadline = time.monotonic() + 60
        while engine.reasons and time.monotonic() < deadline:
            time.sleep(0.01)
        yield Real(url, admin_url, database, watching)
    database.close()


def _settings() -> ApiSettings:
    return settings_of(admin_tokens=OPERATOR_TOKEN.line)


def _venue(market: Market) -> Venue:
    return Venue(
        chain_id=CHAIN_ID,
        vault=VAULT,
        domain=market.domain,
        params=PARAMS,
        validium=False,
        receipt_signer=market.signer.address.lower(),
        operator="0x" + 40 * "1",
        bonds="0x" + 40 * "2",
        token="0x" + 40 * "3",
        fee_rate=FEE_RATE,
        num=NUM,
        den=DEN,
        epoch_age=AGE,
        separator=market.separator,
        fingerprints={name: "0x" + 64 * digit for name, digit in zip(CIRCUITS, "4567", strict=True)},
    )


def _history(market: Market, now: int) -> History:
    made = History()
    made.genesis = Genesis(AT, 1, market.domain, None, VAULT)  # type: ignore[arg-type]  # its configuration plays no part
    for person in (market.fund, market.trader, *market.makers):
        made.add(AccountAssigned(AT, person.index, person.holder.owner))
    ids = tuple(row.instrument for row in market.rows)
    made.add(EpochPosted(AT, 1, market.risk_root, ids, (), now, market.rows))
    claim = Claim((), 0, 0, bytes(32), VAULT)
    for each in market.published:
        roots = each.cleared.start_root, each.cleared.end_root
        made.add(BatchOpened(AT, each.number, 1))
        seal = Seal(each.cleared.seal_root, each.number, len(each.cleared.touches), each.orders, 0, 0, 0, 1, now)
        made.add(BatchSealed(AT, each.number, roots[0], seal, bytes(32)))
        made.add(
            BatchSettled(
                AT, each.number, *roots, market.data_hash(each.number), bytes(32), VAULT, claim, (), (0,) * 8, b""
            )
        )
    made.add(BatchOpened(AT, OPEN_BATCH, 1))
    return made


def _engine(database: Database, market: Market, now: int) -> Engine:
    terms = Terms(market.domain, VAULT, market.separator, PARAMS, FEE_RATE, NUM, DEN, AGE)
    people = (market.fund, market.trader, *market.makers)
    view = View(
        terms=terms,
        batch=OPEN_BATCH,
        open=OPEN_BATCH,
        fixed=2,
        state=market.state,
        table=Table(1, now, {row.instrument: json.dumps(row.to_wire()) for row in market.rows}),
        accounts={person.holder.owner: person.index for person in people},
        covered=100,
    )
    keys = KeyRing(database, SEALER, Voucher(LocalSigner(market.signer), market.separator))
    return Engine(
        database=database,
        leases=Leases(database, "web"),
        keys=keys,
        views=Standing(view),
        opener=Opener(database, keys, terms),
        acceptance=Acceptance(
            database, SEALER, LocalSigner(market.signer), Limits(orders=100, accounts=50, waiting=100), now_ms
        ),
    )


def _store(database: Database, market: Market, now: int) -> None:
    with database.write() as session:
        risk.put(session, market.risk_root.to_bytes(32, "big"), market.table.to_json())
        for person in (market.fund, market.trader, *market.makers):
            orders.register(session, SEALER, person.holder, packed_key(person.holder), person.index)
        for each in market.published:
            session.add(_batch(each.number, BatchState.FINAL, now, market))
        session.add(_batch(OPEN_BATCH, BatchState.OPEN, now, None))
        session.flush()
        for number in range(1, OPEN_BATCH):
            for state in (BatchState.OPEN, BatchState.SEALED, BatchState.MINED, BatchState.FINAL):
                session.add(BatchStep(batch=number, state=state, at=now))
        queue.queue(session, purpose="seal:3", sender="0x" + 40 * "1", to=VAULT, data=b"\x01\x02", batch=OPEN_BATCH)


def _batch(number: int, state: BatchState, now: int, market: Market | None) -> Batch:
    row = Batch(
        number=number,
        state=state,
        epoch=1,
        close_requested=False,
        covered=100,
        proofs_done=0,
        created_at=now,
        updated_at=now,
    )
    if market is not None:
        cleared = market.published[number - 1].cleared
        row.touches, row.orders, row.segments = len(cleared.touches), cleared.active_orders, cleared.segments
        row.start_root, row.end_root = (root.to_bytes(32, "big") for root in (cleared.start_root, cleared.end_root))
        row.seal_root, row.settlement = cleared.seal_root, json.dumps(market.settlement(number)).encode()
        row.sealed_time = now // 1000
        row.gas_used, row.cost_wei = 1_500_000, str(2 * 10**15)
        row.proofs_done = row.proofs_total = cleared.segments + 1
    return row
