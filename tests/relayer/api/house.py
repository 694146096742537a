"""Both applications behind real servers on loopback, over a real database, with the real engine of intake on the stage of its tests.

What the watcher would have read of the chain is made here: the accounts of the stage, its risk table, the batch that gave everybody money.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import uvicorn
from fastapi import FastAPI

from prover.batch import SettledRow, State, risk_root
from prover.keys import Keys
from relayer.api import tokens
from relayer.api.admin import create_admin_app
from relayer.api.app import create_app
from relayer.api.limits import Buckets
from relayer.api.services import ApiSettings, Rate, Services, Venue
from relayer.auth import sign_challenge
from relayer.envelope import Envelope
from relayer.history import History
from relayer.intake.engine import Rhythm
from relayer.intake.refusal import Unready
from relayer.records import (
    AccountAssigned,
    At,
    BatchSealed,
    BatchSettled,
    Claim,
    DepositQueued,
    EpochPosted,
    ExitRequested,
    Genesis,
    Seal,
)
from relayer.store.clock import now_ms
from relayer.store.database import Database
from tests.relayer.intake.scene import (
    DOMAIN,
    EPOCH_AGE,
    FEE_RATE,
    MONEY,
    ROWS,
    SEALER,
    SETTLED_INSTRUMENT,
    SETTLED_VALUE,
    SIGNER,
    TERMS,
    VAULT,
    Stage,
    Trader,
    envelope,
    settled_state,
    trader,
)

ACCOUNTS: Final = 12
FAST: Final = Rate(100_000.0, 100_000)
SOMEBODY: Final = "0x" + "77" * 20
PLACE: Final = At(1, 0, bytes(32), bytes(32))
VENUE: Final = Venue(
    chain_id=31_337,
    vault=VAULT,
    domain=DOMAIN,
    params="dev",
    validium=False,
    receipt_signer=SIGNER.address,
    operator="0x" + "11" * 20,
    bonds="0x" + "22" * 20,
    token="0x" + "33" * 20,
    fee_rate=FEE_RATE,
    num=5,
    den=4,
    epoch_age=EPOCH_AGE,
    separator=TERMS.separator,
    fingerprints={"segment": "0x" + "44" * 32},
)
OPERATOR, OPERATOR_TOKEN = tokens.make("all", frozenset(tokens.SCOPES))


def history(accounts: int) -> History:
    """What the chain says of the stage."""
    made, now = History(), now_ms() // 1000
    made.genesis = Genesis(PLACE, 1, DOMAIN, None, VENUE.bonds)  # type: ignore[arg-type]  # its configuration plays no part
    for index in range(accounts):
        made.add(AccountAssigned(PLACE, index, trader(index).holder.owner))
        if index:
            made.add(DepositQueued(PLACE, index - 1, index, SOMEBODY, MONEY))
    made.add(DepositQueued(PLACE, accounts - 1, 1, SOMEBODY, 5_000_000))
    made.add(ExitRequested(PLACE, 0, 2, SOMEBODY, 7, now + 900))
    settled = (SettledRow(SETTLED_INSTRUMENT, SETTLED_VALUE),)
    root = risk_root("dev", ROWS)
    made.add(EpochPosted(PLACE, 1, root, tuple(row.instrument for row in ROWS), settled, now, ROWS))
    seal = Seal(bytes(32), 1, accounts, 0, accounts - 1, 0, 0, 1, now)
    made.add(BatchSealed(PLACE, 1, 1, seal, bytes(32)))
    claim = Claim((), 0, 0, bytes(32), SOMEBODY)
    end = settled_state(accounts).root
    made.add(BatchSettled(PLACE, 1, 1, end, bytes(32), bytes(32), SOMEBODY, claim, (), (0,) * 8, b""))
    return made


@dataclass
class Told:
    """As :class:`relayer.api.services.Reading`."""

    told: History
    accounts: tuple[int, State] | None

    def history(self) -> History:
        return self.told

    def state(self) -> tuple[int, State] | None:
        return self.accounts

    def block(self) -> int | None:
        return 17


@dataclass
class Noted:
    """As :class:`relayer.api.services.Watching`: notes what it is told."""

    missing: list[Unready] = field(default_factory=list)
    requests: list[tuple[str, str, int]] = field(default_factory=list)
    connections: int = 0

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        assert seconds >= 0
        self.requests.append((route, method, status))

    def connected(self, change: int) -> None:
        self.connections += change

    def exposition(self) -> tuple[bytes, str]:
        return b"tacit_test 1\n", "text/plain; version=0.0.4; charset=utf-8"

    def reasons(self) -> Sequence[Unready]:
        return self.missing

    def status(self) -> Mapping[str, Any]:
        return {"version": "test"}


class Uvicorn(uvicorn.Server):
    """A server in a thread of its own."""

    def install_signal_handlers(self) -> None:  # the main thread's business
        return


@dataclass
class House:
    """Servers, and what is behind them."""

    stage: Stage
    services: Services
    watching: Noted
    url: str
    admin_url: str
    keys: Any
    client: httpx.Client
    admin: httpx.Client

    def envelope(self, who: Trader, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of an order
        """A signed order in its envelope, as JSON."""
        return self.sealed(envelope(self.keys, who.signed(who.order(**changes)))).copy()

    def sealed(self, made: Envelope) -> dict[str, Any]:
        """An envelope as JSON."""
        return made.to_wire()

    def session(self, who: Trader) -> str:
        """The header that makes a request the trader's."""
        owner = "0x" + who.owner.hex()
        given = self.client.post("/v1/auth/challenges", json={"owner": owner}).json()
        signature = sign_challenge(who.seed, DOMAIN, int(given["challenge"], 16))
        asked = {"owner": owner, "challenge": given["challenge"], "signature": "0x" + signature.hex()}
        answer = self.client.post("/v1/auth/sessions", json=asked)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])

    def known(self, who: Trader) -> dict[str, str]:
        """Headers of a trader's requests."""
        return {"Authorization": f"Bearer {self.session(who)}"}

    def send(self, who: Trader, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of an order
        """Sends an order that is taken."""
        answer = self.client.post("/v1/orders", json=self.envelope(who, **changes))
        assert answer.status_code in (201, 202), answer.text
        document: dict[str, Any] = answer.json()
        return document


@contextmanager
def served(app: FastAPI, background: Any = None) -> Iterator[str]:  # noqa: ANN401 - an engine with start and stop
    """An application on a free port; ``background`` runs in the same loop."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", access_log=False, ws_max_size=8_192)
    server = Uvicorn(config)

    async def run() -> None:
        if background is not None:
            await background.start()
        try:
            await server.serve()
        finally:
            if background is not None:
                await background.stop()

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            threading.Event().wait(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(15)


@contextmanager
def opened(folder: Path, settings: ApiSettings | None = None, accounts: int = ACCOUNTS) -> Iterator[House]:
    """Both applications, until the end of the block."""
    database = Database.create(f"sqlite:///{folder / 'api.sqlite'}")
    stage = Stage(database, accounts)
    choices = settings or settings_of()
    engine = stage.engine(Rhythm(queue=256), rate=Buckets(choices.owner_rate).take)
    engine.keys.rotate(stage.lease())
    watching = Noted()
    services = Services(
        database=database,
        sealer=SEALER,
        engine=engine,
        reading=Told(history(accounts), (1, settled_state(accounts))),
        venue=VENUE,
        watching=watching,
        settings=choices,
        keys=_verifying_keys,
    )
    with (
        served(create_app(services), engine) as url,
        served(create_admin_app(services)) as admin_url,
        httpx.Client(base_url=url) as client,
        httpx.Client(base_url=admin_url, headers={"Authorization": f"Bearer {OPERATOR}"}) as admin,
    ):
        house = House(stage, services, watching, url, admin_url, engine.keys, client, admin)
        _until_taking(house)
        yield house
    database.close()


def settings_of(**changes: Any) -> ApiSettings:  # noqa: ANN401 - fields of the settings
    """Limits that no test meets by accident, and an operator's token of every scope."""
    values: dict[str, Any] = {
        "address_rate": FAST,
        "owner_rate": FAST,
        "admin_tokens": OPERATOR_TOKEN.line,
        "most_connections_an_address": 100,
    }
    return ApiSettings(**(values | changes))


def _verifying_keys() -> Keys | None:
    return None


def _until_taking(house: House) -> None:
    """The engine has its lease and a view."""
    while house.services.engine.reasons:  # type: ignore[attr-defined]  # the real engine has them
        threading.Event().wait(0.01)
