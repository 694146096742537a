"""The whole service for a measurement of its steady state: ``relayer serve`` on a local chain, and accounts with money that are registered.

Everything is real but for the chain, which is this machine's own: intake, batches, proofs and settlements are the relayer's processes'.
What is read of it is its interface and its database.
"""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
from sqlalchemy import func, select

from bench.book import instruments
from demo.chain import local_chain
from demo.place import addresses, check, new_vault, started, stop, until_ready, write_files
from demo.vault import Vault
from prover.batch import Params
from prover.keys import Keys
from relayer.envelope import seal_registration
from relayer.hpke import PublicKey
from relayer.seed import Seed
from relayer.store.database import Database
from relayer.store.models import BatchState, BatchStep, Order, OrderState

MONEY: Final = 10**6 * 10**6
"""Token units of every account: margin refuses nobody."""
PENDING: Final = (OrderState.WAITING, OrderState.RECEIPTED, OrderState.SEALED)
SETTINGS: Final = """\
[chain]
rpc = ["{rpc}"]
vault = "{vault}"
poll_seconds = 0.3
[database]
url = "sqlite:///{folder}/tacit.sqlite"
key_file = "secrets/database-key"
[keys]
operator_file = "secrets/operator"
receipts_file = "secrets/receipts"
fund_seed_file = "secrets/fund-seed"
proving = "{keys}"
[api]
port = {port}
[admin]
port = {admin}
tokens_file = "secrets/admin-tokens"
[limits]
requests_per_minute = 6000000
orders_per_minute = 6000000
burst = 100000
[batches]
close_seconds = CLOSE
confirmations = 0
[transactions]
public_fallback = true
maximum_gas = 500000000
[proving]
workers = {workers}
directory = "{folder}/proofs"
"""


@dataclass(frozen=True)
class Account:
    """An account of the vault, with the keys that follow from its seed."""

    index: int
    seed: Seed
    owner: int


@dataclass(frozen=True)
class Scene:
    """What runs."""

    params: str
    vault: Vault
    accounts: tuple[Account, ...]
    url: str
    key: PublicKey
    database: Database
    process: subprocess.Popen[str]
    folder: Path
    client: httpx.Client

    @property
    def capacity(self) -> int:
        """Orders that a batch can hold of these accounts."""
        return len(self.accounts) * Params.named(self.params).orders

    def check(self) -> None:
        """Raises :class:`demo.errors.NotShown` when the service has ended."""
        check(self.process, self.folder)

    def next_batch(self) -> int:
        """The batch that an order sent now goes to."""
        return int(self.client.get("/v1/state").json()["next_batch"])

    def pending(self) -> int:
        """Orders that are acknowledged and not in a settled batch."""
        with self.database.read() as session:
            return session.scalar(select(func.count()).where(Order.state.in_(PENDING))) or 0

    def mined(self) -> dict[int, tuple[float, int]]:
        """Of each settled batch the time at which it was mined, in seconds, and its orders."""
        with self.database.read() as session:
            steps = session.execute(select(BatchStep.batch, BatchStep.at).where(BatchStep.state == BatchState.MINED))
            times = {batch: at / 1000 for batch, at in steps}
            count = select(Order.batch, func.count()).where(Order.batch.in_(times)).group_by(Order.batch)
            orders = {batch: number for batch, number in session.execute(count)}  # noqa: C416 - rows are no pairs to the types
        return {batch: (at, orders.get(batch, 0)) for batch, at in sorted(times.items())}

    def fates(self, ids: set[str]) -> Counter[str]:
        """How many of these orders ended how; ``missing``: not in the database."""
        with self.database.read() as session:
            states = {order: state.value for order, state in session.execute(select(Order.id, Order.state))}
        return Counter(states.get(each, "missing") for each in ids)


@contextmanager
def scene(folder: Path, params: str, accounts: int, close_seconds: float, workers: int) -> Iterator[Scene]:
    """Runs the service while the context lasts, with so many accounts beside the fund's."""
    keys, fund = Keys.load(params=params), Seed.random()
    (folder / "secrets").mkdir(mode=0o700)
    with local_chain(epoch=1) as chain:
        vault = new_vault(chain, keys, fund)
        vault.post_epoch(instruments(params))
        made = tuple(_account(vault) for _ in range(accounts))
        settings = SETTINGS.replace("CLOSE", str(close_seconds))
        write_files(folder, vault, fund, keys, 0, workers, settings)
        chain.rpc("evm_setIntervalMining", 1)
        process = started(folder)
        database = Database.connect(f"sqlite:///{folder.resolve()}/tacit.sqlite")
        try:
            url, _ = addresses(folder, process)
            until_ready(process, url, folder)
            with httpx.Client(base_url=url, timeout=120) as client:
                key = PublicKey(bytes.fromhex(client.get("/v1/keys").json()["keys"][0]["public"][2:]))
                for each in made:
                    envelope = seal_registration(key, vault.domain, vault.address, each.seed.holder(vault.domain))
                    client.post("/v1/accounts", json=envelope.to_wire()).raise_for_status()
                yield Scene(params, vault, made, url, key, database, process, folder, client)
        finally:
            database.close()
            stop(process)


def _account(vault: Vault) -> Account:
    seed, payer = Seed.random(), vault.chain.accounts[1]
    owner = seed.holder(vault.domain).owner
    vault.mint(payer, MONEY)
    index, _ = vault.deposit(owner, MONEY, payer)
    return Account(index, seed, owner)
