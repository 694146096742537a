"""The service under load, in a process of its own: ``python -m bench.intake_server FOLDER ACCOUNTS CAPACITY``.

The interface is the relayer's own, over HTTP, on uvicorn as in service; the vault stands still (:mod:`bench.intake_scene`). The first
line on standard output says where it listens, once orders are taken. It runs until it is killed, which the measurement does on purpose.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import Mapping, Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final, cast

import uvicorn
import uvloop

from bench.book import FEE_RATE, MARGIN
from bench.intake_scene import CHAIN_ID, PARAMS, SEALER, SIGNER, VAULT, engine, prepare, terms, trader
from relayer.api.app import create_app
from relayer.api.blank import Nothing
from relayer.api.services import ApiSettings, Rate, Services, Venue
from relayer.intake.refusal import Unready
from relayer.roles.collecting import collect_seldom
from relayer.store.database import Database

DATABASE: Final = "bench.sqlite"
NO_LIMIT: Final = Rate(1e9, 10**9)
"""All load comes from one address; limits by address are measured by no one here."""


class Unwatched:
    """Keeps no measures: what it costs to keep them is not intake's."""

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        """Nothing."""

    def connected(self, change: int) -> None:
        """Nothing."""

    def exposition(self) -> tuple[bytes, str]:
        """Nothing."""
        return b"", "text/plain"

    def reasons(self) -> Sequence[Unready]:
        """Ready."""
        return ()

    def status(self) -> Mapping[str, Any]:
        """Nothing."""
        return {}


def venue() -> Venue:
    """The vault's facts."""
    num, den = MARGIN
    return Venue(
        chain_id=CHAIN_ID,
        vault=VAULT,
        domain=terms().domain,
        params=PARAMS,
        validium=False,
        receipt_signer=SIGNER.address,
        operator=VAULT,
        bonds=VAULT,
        token=VAULT,
        fee_rate=FEE_RATE,
        num=num,
        den=den,
        epoch_age=terms().epoch_age,
        separator=terms().separator,
        fingerprints={},
    )


async def serve(database: Database, accounts: int, capacity: int) -> None:
    """Takes orders until killed."""
    made = engine(database, [trader(index) for index in range(accounts)], capacity)
    settings = ApiSettings(
        address_rate=NO_LIMIT,
        owner_rate=NO_LIMIT,
        most_sending_an_address=ApiSettings().most_sending,  # one generator stands for many addresses
        trusted_proxies=(ip_network("127.0.0.1/32"),),
    )
    services = Services(
        database=database,
        sealer=SEALER,
        engine=made,
        reading=cast(Any, Nothing("reading")),
        venue=venue(),
        watching=Unwatched(),
        settings=settings,
    )
    config = uvicorn.Config(
        create_app(services), loop="uvloop", http="httptools", access_log=False, log_level="error", backlog=4096
    )
    listening = socket.create_server(("127.0.0.1", 0), backlog=4096)
    await made.start()
    while made.reasons or made.keys.current() is None:
        await asyncio.sleep(0.05)
    collect_seldom()
    current = made.keys.current()
    said = {"port": listening.getsockname()[1], "key": current.public.hex() if current else ""}
    print(json.dumps(said), flush=True)
    await uvicorn.Server(config).serve(sockets=[listening])


def main(folder: str, accounts: int, capacity: int) -> None:
    """Serves from a folder; a database that is there is gone on with."""
    path = Path(folder) / DATABASE
    database = (
        Database.open(f"sqlite:///{path}") if path.exists() else prepare(path, [trader(i) for i in range(accounts)])
    )
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(database, accounts, capacity))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
