"""A place to try tacit on one machine.

A chain, a vault with an epoch of real options, ``relayer serve`` as its operator runs it, and a market maker: when somebody's order is in
the open batch it quotes two of the options there, and the batch is closed, so that a first order is filled at once and nothing is proven
while nobody trades. Settings, secrets and a payer with test dollars stand in one folder, which every start
makes anew, with the chain: what a trader keeps of an earlier chain must not meet a later one.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from demo.chain import ROOT, LocalChain, created_address, local_chain
from demo.errors import NotReady, NotShown
from demo.maker import Maker
from demo.market import Market, load_market
from demo.story import FEE_RATE, MARGIN
from demo.vault import ETHER, OPERATOR, Plan, Terms, Vault
from prover.batch import State, risk_rows
from prover.errors import TacitError
from prover.keys import Keys
from prover.orders import domain as domain_of
from relayer.api import tokens
from relayer.client import ClientError
from relayer.seed import Seed
from relayer.signing import Signer
from relayer.store import batches
from relayer.store.database import Database
from relayer.store.models import BatchState, Order

PARAMS: Final = "standard"
MARK: Final = ".tacit-local"
"""Stands in a folder that an earlier start made, and that this one may therefore empty."""
OPERATOR_KEY: Final = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
"""Of anvil's first account, known to everybody: right for a local chain and for nothing else."""
BEFORE_THE_VAULT: Final = 5
"""Contracts that the same account makes before the vault."""
PURSE: Final = 1_000_000 * 10**6
"""Test dollars of the payer, and of the market maker, in token units."""
BLOCK_SECONDS: Final = 1
EPOCH_SECONDS: Final = 6 * 3600
"""After which the risk table is posted again, which a vault wants at least once a day."""
CONFLICT: Final = 409
LOOKS: Final = 0.5
"""Seconds between looks at whether somebody has sent an order."""
READY_SECONDS: Final = 300.0
STOP_SECONDS: Final = 30.0
SETTINGS: Final = """\
# Written by python -m demo.local; what every line means: relayer config example
[chain]
rpc = ["{rpc}"]
vault = "{vault}"
poll_seconds = 0.5
[database]
url = "sqlite:///{folder}/tacit.sqlite"
key_file = "secrets/database-key"
backups = "{folder}/backups"
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
[batches]
confirmations = 1
[transactions]
public_fallback = true
[proving]
workers = {workers}
directory = "{folder}/proofs"
"""


class AlreadyClosed(Exception):  # noqa: N818 - it is no error to those who ask for it
    """The batch was closed by its time meanwhile."""


@dataclass(frozen=True)
class Place:
    """What runs: where it answers, and its folder."""

    folder: Path
    vault: Vault
    market: Market
    relayer: str
    admin: str
    token: str
    process: subprocess.Popen[str]

    @property
    def rpc(self) -> str:
        """Endpoint of the chain."""
        return self.vault.chain.url

    def serve(self, maker: Maker, until: Callable[[], bool] = lambda: False) -> None:
        """Lets the market maker answer whoever sends an order, and closes the batch that holds both."""
        database = Database.connect(f"sqlite:///{self.folder.resolve()}/tacit.sqlite")
        answered, posted = 0, time.monotonic()
        try:
            while not until():
                self.check()
                number = self._wanted(database, maker.owner)
                if number is not None and number > answered:
                    answered = number
                    self._answer(maker)
                if time.monotonic() - posted > EPOCH_SECONDS:
                    self.vault.post_epoch(risk_rows(self.market.table))
                    posted = time.monotonic()
                time.sleep(LOOKS)
        finally:
            database.close()

    def _answer(self, maker: Maker) -> None:
        try:
            maker.quote()
        except ClientError as error:
            # The order is in its batch all the same: a place that ended here would leave it there.
            say(f"the market maker was refused, your order clears without it: {error}")
        with suppress(AlreadyClosed):
            self.ask("POST", "/v1/batches")

    def _wanted(self, database: Database, maker: bytes) -> int | None:
        """The open batch, if it holds an order that is not the market maker's."""
        with database.read() as session:
            last = batches.last(session)
            if last is None or last.state is not BatchState.OPEN:
                return None
            others = session.query(Order).filter(Order.batch == last.number, Order.owner != maker)
            return last.number if others.first() is not None else None

    def ask(self, method: str, path: str, content: str | None = None) -> None:
        """Asks something of the operator's interface."""
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        answer = httpx.request(method, self.admin + path, content=content, headers=headers, timeout=60)
        if answer.status_code == CONFLICT:
            raise AlreadyClosed
        answer.raise_for_status()

    def check(self) -> None:
        """Raises :class:`NotShown` when the relayer has ended by itself."""
        check(self.process, self.folder)


def check(process: subprocess.Popen[str], folder: Path) -> None:
    """Raises :class:`NotShown` when a relayer has ended by itself."""
    if process.poll() is not None:
        raise NotShown(f"the relayer ended with {process.returncode}: see {folder / 'log'}")


@contextmanager
def place(folder: Path, relayer_port: int, chain_port: int, workers: int = 1) -> Iterator[tuple[Place, Maker]]:
    """Chain, vault and relayer, ready for orders, and the market maker, who has not quoted yet. Ports: 0 takes any."""
    keys, market = _keys(), load_market()
    _empty(folder)
    with local_chain(epoch=1, port=chain_port) as chain:
        say("a vault with its verifiers, rules and bonds (the first time its contracts are compiled: a minute or two)")
        fund = Seed.random()
        vault = new_vault(chain, keys, fund)
        vault.post_epoch(risk_rows(market.table))
        payer, maker = _purse(vault), _purse(vault)
        _private(folder / "payer.key", payer.key.hex())
        token = write_files(folder, vault, fund, keys, relayer_port, workers)
        chain.rpc("evm_setIntervalMining", BLOCK_SECONDS)
        say("relayer serve")
        process = started(folder)
        try:
            found = Place(folder, vault, market, *addresses(folder, process), token, process)
            until_ready(process, found.relayer, folder)
            # The names of the options, which an operator gives it with every new risk table.
            found.ask("PUT", "/v1/risk", market.table.to_json())
            yield found, Maker(found.relayer, vault, maker, market.table)
        finally:
            stop(process)


def _keys() -> Keys:
    try:
        keys = Keys.load(params=PARAMS)
        fits = keys.fits() and keys.account_fits()
    except TacitError as error:
        raise NotReady(f"{error}; run `make keys`") from error
    if not fits:
        raise NotReady(f"the keys in {keys.folder} are of other circuits than this program's: run `make keys`")
    return keys


def _empty(folder: Path) -> None:
    """Makes the folder anew; one that something else made is not touched."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARK).exists():
            raise NotReady(f"{folder} holds something else: choose another with --folder")
        shutil.rmtree(folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    (folder / MARK).touch()
    (folder / "secrets").mkdir(mode=0o700)


def new_vault(chain: LocalChain, keys: Keys, fund: Seed) -> Vault:
    """A vault of these keys, whose fund has this seed, with plenty in its bonds."""
    operator = chain.accounts[OPERATOR]
    domain = domain_of(chain.chain_id, created_address(operator, chain.nonce(operator) + BEFORE_THE_VAULT))
    holder = fund.holder(domain)
    plan = Plan(terms=Terms(FEE_RATE, *MARGIN))
    vault = Vault.deploy(chain, keys, lambda _: State.genesis(keys.params, holder, domain).root, holder.owner, plan)
    if vault.domain != domain:
        raise NotShown("the vault got the address that follows from its deployer's transactions")
    vault.fund_bonds(1_000 * ETHER)
    return vault


def _purse(vault: Vault) -> Signer:
    """A new key with coins for gas and test dollars."""
    found = Signer.random()
    vault.chain.rpc("anvil_setBalance", found.address, hex(100 * ETHER))
    vault.token.send("mint", found.address, PURSE)
    return found


def _private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text + "\n", encoding="utf-8")


def write_files(
    folder: Path, vault: Vault, fund: Seed, keys: Keys, port: int, workers: int, settings: str = SETTINGS
) -> str:
    """Settings, secrets and the database; a token for the operator's interface."""
    here = folder.resolve()
    token, kept = tokens.make("local", frozenset(tokens.SCOPES))
    own = {
        "database-key": secrets.token_hex(32),
        "operator": OPERATOR_KEY.hex(),
        "receipts": bytes(vault.receipt_signer.key).hex(),
        "fund-seed": fund.raw.hex(),
        "admin-tokens": kept.line,
        "admin-token": token,
    }
    for name, text in own.items():
        _private(folder / "secrets" / name, text)
    filled = {"rpc": vault.chain.url, "vault": vault.address, "folder": here, "keys": keys.folder.parent.resolve()}
    ports = {"port": port, "admin": port + 1 if port else 0, "workers": workers}
    # Of whoever deployed it, and no word of the relayer's: a trader must not take it from there.
    (folder / "vault").write_text(vault.address + "\n", encoding="utf-8")
    (folder / "relayer.toml").write_text(settings.format(**filled, **ports), encoding="utf-8")
    Database.create(f"sqlite:///{here}/tacit.sqlite").close()
    return token


def started(folder: Path) -> subprocess.Popen[str]:
    """Runs ``relayer serve`` with the settings of a folder."""
    # What a person has set for a relayer of their own is not for this one; and Ctrl-C is told to it by us, when the market maker has ended.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TACIT_")}
    command = [sys.executable, "-m", "relayer", "serve", "--config", str(folder.resolve() / "relayer.toml"), "--json"]
    with (folder / "log").open("w", encoding="utf-8") as log:
        return subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, cwd=ROOT, env=environment, start_new_session=True
        )


def addresses(folder: Path, process: subprocess.Popen[str]) -> tuple[str, str]:
    """Where traders and the operator reach it."""
    line = process.stdout.readline() if process.stdout is not None else ""
    if not line:
        raise NotShown(f"the relayer does not start: {(folder / 'log').read_text(encoding='utf-8')[-1000:]}")
    document = json.loads(line)
    return document["public"], document["admin"]


def until_ready(process: subprocess.Popen[str], url: str, folder: Path) -> None:
    """Waits until a relayer takes orders."""
    end, answer = time.monotonic() + READY_SECONDS, None
    while answer is None or not answer.is_success:
        check(process, folder)
        if time.monotonic() > end:
            raise NotShown(f"the relayer takes orders within {READY_SECONDS:.0f} s: see {folder / 'log'}")
        time.sleep(0.2)
        with suppress(httpx.TransportError):
            answer = httpx.get(f"{url}/readyz", timeout=10)


def stop(process: subprocess.Popen[str]) -> None:
    """Ends all its processes, in order if they can."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.stdout is not None:
        process.stdout.close()


def say(text: str) -> None:
    """A line for who waits."""
    print(f"local: {text}", file=sys.stderr, flush=True)
