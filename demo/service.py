"""The relayer as its operator runs it: `relayer serve` in processes of its own, with settings, keys and a database in a folder.

Nothing here decides anything for it: when a batch opens, closes, is sealed, proven and settled is its own doing, and what it has done is
seen by its public interface alone.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import httpx

from demo.chain import ROOT
from demo.errors import NotShown
from demo.story import ORDERS_A_BATCH
from demo.traders import Trader
from demo.vault import Vault
from relayer.store.database import Database

OPERATOR_KEY: Final = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
"""Of anvil's first account, known to everybody: right for a local chain and for nothing else."""
CLOSE_SECONDS: Final = 1_800
CONFIRMATIONS: Final = 2
"""Blocks over a deposit or exit request before a batch takes it."""
READY_SECONDS: Final = 300.0
GLANCE: Final = 0.1
STOP_SECONDS: Final = 10.0
"""The database goes with the folder, so that a proof in the making is not waited for."""
LAST_LINES: Final = 5
ACCESS: Final = '"logger": "relayer.access"'
"""Lines of the log that tell of requests, which say nothing of why something ended."""
SETTINGS: Final = """\
[chain]
rpc = ["{rpc}"]
vault = "{vault}"
poll_seconds = 0.3
[database]
url = "sqlite:///{folder}/tacit.sqlite"
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
[intake]
forecast = false
[batches]
close_orders = {close_orders}
close_seconds = {close_seconds}
eager = false
confirmations = {confirmations}
beneficiary = "{beneficiary}"
settle_bytes = 1000000
settle_gas = 200000000
[transactions]
public_fallback = true
maximum_gas = 200000000
[proving]
workers = {workers}
[alerts]
rpc_seconds = 1e9
"""
"""Batches close by their number of orders, or half an hour of the chain's clock after opening, and open when something waits. Intake
leaves margin to the batch, whose proof then says who was short. The chain's clock is that of the data, years behind.
A settlement goes in one transaction, as the local chain has room for it.
Transactions go into the open, not to private endpoints, so that the observer sees all that the worst case shows.
"""


@dataclass(frozen=True)
class Relayer:
    """A relayer that runs, and where it answers to the public."""

    process: subprocess.Popen[str]
    url: str
    log: Path

    def check(self) -> None:
        """Raises :class:`NotShown` with its last words if it has ended."""
        if self.process.poll() is not None:
            raise NotShown(f"the relayer ended with {self.process.returncode}: {self.last_words}")

    @property
    def last_words(self) -> str:
        """The last that it has said."""
        return _last_words(self.log)

    def ready(self) -> None:
        """Waits until it says that it is."""
        end, answer = time.monotonic() + READY_SECONDS, None
        while answer is None or not answer.is_success:
            self.check()
            if time.monotonic() > end:
                said = "nothing" if answer is None else answer.text
                raise NotShown(f"the relayer is ready within {READY_SECONDS:.0f} s; it said {said}; {self.last_words}")
            time.sleep(GLANCE)
            with suppress(httpx.TransportError):
                answer = httpx.get(f"{self.url}/readyz")


@contextmanager
def serving(vault: Vault, fund: Trader, keys: Path, beneficiary: str, workers: int) -> Iterator[Relayer]:
    """Runs a relayer of a vault while the context lasts."""
    with TemporaryDirectory(prefix="tacit-demo-") as name:
        folder = Path(name)
        _write(folder, vault, fund, keys, beneficiary, workers)
        process = _started(folder)
        try:
            relayer = Relayer(process, _url(process, folder / "log"), folder / "log")
            relayer.ready()
            yield relayer
        finally:
            stop(process)


def _write(folder: Path, vault: Vault, fund: Trader, keys: Path, beneficiary: str, workers: int) -> None:
    settings = SETTINGS.format(
        rpc=vault.chain.url,
        vault=vault.address,
        folder=folder,
        keys=keys.resolve(),
        close_orders=ORDERS_A_BATCH,
        close_seconds=CLOSE_SECONDS,
        confirmations=CONFIRMATIONS,
        beneficiary=beneficiary,
        workers=workers,
    )
    own = {
        "relayer.toml": settings,
        "database-key": secrets.token_hex(32),
        "operator": OPERATOR_KEY,
        "receipts": bytes(vault.receipt_signer.key).hex(),
        "fund-seed": fund.secret.raw.hex(),
        "admin-tokens": "",
    }
    for name, text in own.items():
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(text + "\n")
    Database.create(f"sqlite:///{folder}/tacit.sqlite").close()


def _started(folder: Path) -> subprocess.Popen[str]:
    # What a person has set for a relayer of their own is not for this one.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TACIT_")}
    command = [sys.executable, "-m", "relayer", "serve", "--config", str(folder / "relayer.toml"), "--json"]
    with (folder / "log").open("w") as log:
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, cwd=ROOT, env=environment, start_new_session=True
        )


def _url(process: subprocess.Popen[str], log: Path) -> str:
    line = process.stdout.readline() if process.stdout is not None else ""
    if not line:
        raise NotShown(f"the relayer does not start: {_last_words(log)}")
    return str(json.loads(line)["public"])


def stop(process: subprocess.Popen[str], seconds: float = STOP_SECONDS) -> None:
    """Ends a process that leads a session and all that it has started: in order within so many seconds, else by force."""
    try:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
    finally:  # also where somebody does not want to wait
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _last_words(log: Path) -> str:
    said = [line for line in log.read_text().splitlines() if ACCESS not in line]
    return "; ".join(said[-LAST_LINES:]) or "it said nothing"
