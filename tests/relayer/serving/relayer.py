"""The real command, in real processes, around a vault on anvil; traders who reach it by HTTP alone."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx

from demo.chain import LocalChain, local_chain
from demo.vault import Plan
from prover.batch import RiskRow
from prover.keys import setup
from prover.orders import Order
from relayer.envelope import Envelope, SignedOrder, seal_order, seal_registration
from relayer.hpke import PublicKey
from relayer.store.database import Database
from relayer.store.models import Batch, BatchState, ChainTransaction
from tests.contracts.venue import TERMS
from tests.relayer.service.venue import KEYS, PLAN, ROOT, ROWS
from tests.relayer.venue import CONTRACT, DOLLAR, OPERATOR_KEY, Owner, SeedVenue

RELAYER: Final = (sys.executable, "-m", "relayer")
PATIENCE: Final = 240.0
SETTINGS: Final = """\
[chain]
rpc = ["{rpc}"]
vault = "{vault}"
poll_seconds = 0.3
[database]
url = "{database}"
key_file = "database-key"
[keys]
operator_file = "operator"
receipts_file = "receipts"
fund_seed_file = "fund-seed"
proving = "{keys}"
[api]
port = 0
[admin]
port = 0
tokens_file = "admin-tokens"
[limits]
requests_per_minute = 60000
orders_per_minute = 60000
burst = 1000
[batches]
close_seconds = 5
confirmations = 0
[transactions]
public_fallback = true
[leases]
seconds = 3
renew_seconds = 1
"""


@dataclass
class Relayer:
    """A relayer of a vault: its folder of settings and secrets, and its processes."""

    venue: SeedVenue
    folder: Path
    database_url: str
    started: dict[str, Any] = field(default_factory=dict)
    process: subprocess.Popen[str] | None = None

    @property
    def config(self) -> Path:
        """Its settings."""
        return self.folder / "relayer.toml"

    def prepare(self) -> None:
        """Writes settings and secrets, makes the database."""
        venue = self.venue
        filled = {"rpc": venue.url, "vault": venue.vault.address, "database": self.database_url, "keys": KEYS}
        self.config.write_text(SETTINGS.format(**filled))
        for name, text in {
            "database-key": secrets.token_hex(32),
            "operator": OPERATOR_KEY.hex(),
            "receipts": bytes(venue.vault.receipt_signer.key).hex(),
            "fund-seed": venue.owner("fund").secret.raw.hex(),
            "admin-tokens": "",
        }.items():
            path = self.folder / name
            path.write_text(text + "\n")
            path.chmod(0o600)
        Database.create(self.database_url).close()

    def use(self, database_url: str) -> None:
        """Has another database from the next start on."""
        self.config.write_text(self.config.read_text().replace(self.database_url, database_url))
        self.database_url = database_url

    def start(self, command: Sequence[str] = RELAYER, **environment: str) -> None:
        """Starts it, and reads where everything is."""
        log = (self.folder / "log").open("a")
        self.process = subprocess.Popen(
            [*command, "serve", "--config", str(self.config), "--json"],
            env=os.environ | environment,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=ROOT,
            start_new_session=True,
        )
        log.close()
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.log
        self.started = json.loads(line)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ends it; its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(60)
        if self.process.stdout is not None:
            self.process.stdout.close()
        return code

    def kill(self) -> None:
        """All of its processes die at once."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    @property
    def log(self) -> str:
        """All that it has written."""
        return (self.folder / "log").read_text()

    def run(self, *arguments: str) -> Any:  # noqa: ANN401 - JSON
        """Another command of it, beside."""
        command = [*RELAYER, *arguments, "--config", str(self.config), "--json"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    # ---- by HTTP

    def get(self, path: str, part: str = "public") -> httpx.Response:
        """Asks for something."""
        return httpx.get(self.started[part] + path, timeout=PATIENCE)

    def post(self, path: str, envelope: Envelope) -> httpx.Response:
        """Sends an envelope."""
        return httpx.post(self.started["public"] + path, json=envelope.to_wire(), timeout=60)

    def ready(self) -> bool:
        """Whether it says that it is."""
        try:
            return self.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def live(self) -> bool:
        """Whether it answers, and has a key to encrypt to."""
        try:
            return bool(self.get("/v1/keys").json().get("keys"))
        except httpx.TransportError:
            return False

    def key(self) -> PublicKey:
        """The key to encrypt to."""
        return PublicKey(bytes.fromhex(self.get("/v1/keys").json()["keys"][0]["public"][2:]))

    def register(self, owner: Owner) -> httpx.Response:
        """Makes an owner known."""
        vault = self.venue.vault
        return self.post("/v1/accounts", seal_registration(self.key(), vault.domain, vault.address, owner.holder))

    def order(self, owner: Owner, **fields: Any) -> Envelope:  # noqa: ANN401 - an order's fields
        """An encrypted order."""
        vault = self.venue.vault
        order = Order(**{"account": owner.index, "max_fee_rate": TERMS.fee_rate, **fields})
        signed = SignedOrder.sign(owner.seed, owner.holder.owner, order, vault.domain)
        return seal_order(self.key(), vault.domain, vault.address, signed)

    def send(self, owner: Owner, *, buy: bool, limit: int, slot: int = 0) -> str:
        """An order of a contract of 3 that is acknowledged, as soon as the service knows the account; its id."""
        answers: list[httpx.Response] = []

        def accepted() -> bool:
            sent = self.order(owner, instrument=3, quantity=CONTRACT, buy=buy, limit=limit, slot=slot)
            answers.append(self.post("/v1/orders", sent))
            return answers[-1].status_code in (201, 202)

        self.until(accepted)
        return str(answers[-1].json()["id"])

    # ---- in its database

    @contextmanager
    def looking(self) -> Iterator[Any]:
        """A session."""
        database = Database.connect(self.database_url)
        try:
            with database.read() as session:
                yield session
        finally:
            database.close()

    def states(self) -> dict[int, BatchState]:
        """Where all batches are."""
        with self.looking() as session:
            return {batch.number: batch.state for batch in session.query(Batch)}

    def told(self) -> str:
        """Everything that explains a failure."""
        with self.looking() as session:
            moved = {each.purpose: f"{each.state.value} {each.error or ''}" for each in session.query(ChainTransaction)}
            reasons = {batch.number: f"{batch.state.value} {batch.reason or ''}" for batch in session.query(Batch)}
        return f"{reasons}\n{moved}\n{self.log[-4000:]}"

    def until(self, holds: Callable[[], bool], seconds: float = PATIENCE) -> None:
        """Waits for something."""
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, self.told()
            time.sleep(0.1)


class Clockwork:
    """Mines a block every so often."""

    def __init__(self, chain: LocalChain, seconds: float = 0.5) -> None:
        self._chain, self._seconds = chain, seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while not self._stop.wait(self._seconds):
            self._chain.rpc("evm_mine")

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


@contextmanager
def relayer(folder: Path, database_url: str, plan: Plan = PLAN, rows: Sequence[RiskRow] = ROWS) -> Iterator[Relayer]:
    """A relayer of a fresh vault, not yet started; killed at the end."""
    with local_chain(epoch=1) as chain:
        venue = SeedVenue(chain, setup("dev", KEYS), plan)
        venue.post_epoch(rows)
        made = Relayer(venue, folder, database_url)
        made.prepare()
        try:
            with Clockwork(chain):
                yield made
        finally:
            if made.process is not None and made.process.poll() is None:
                made.kill()


def children(pid: int) -> list[int]:
    """Processes that a process has started."""
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def alive(pid: int) -> bool:
    """Whether a process still runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


__all__ = ["CONTRACT", "DOLLAR", "PATIENCE", "RELAYER", "ROOT", "Relayer", "alive", "children", "relayer"]
