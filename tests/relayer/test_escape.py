"""With the operator gone, everybody leaves with chain data and a seed alone, through the command that people run.

Two vaults. In the first, with all data in calldata and a batch settled in several transactions, a mark has left one account
below water: the others share what is there. In the second, whose ciphertexts are at replicas, everybody is worth what is
there, and the fund gets its fees.
"""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from demo.chain import LocalChain, Reverted, local_chain
from demo.vault import Delays, Limits, Plan
from prover import Keys
from prover.hashing import keccak256
from prover.keys import setup
from prover.posting import Posting
from prover.settlement import Settlement, digest
from prover.wire import write_whole
from relayer.cli import app
from relayer.header import Header
from relayer.replica import Replica
from relayer.replica_store import Store
from relayer.replicas import ReplicaClient, collect
from relayer.signing import Signer
from tests.contracts.venue import TERMS
from tests.relayer.test_replica import serving, wait_up
from tests.relayer.venue import DOLLAR, GAS_PAYER, OPERATOR_KEY, Abandoned, Owner, SeedVenue, live

ROOT = Path(__file__).resolve().parents[2]
DAY = 86_400
DELAYS = Delays(exit_time=2 * DAY, claim_window=3 * DAY)
GENERIC = Plan(terms=TERMS, delays=DELAYS, limits=Limits(exit_fee=10**15))
WATER = 1_000 * DOLLAR
"""Mark at which the short of 20 contracts is worth less than nothing."""
SETTLED_7 = 55 * DOLLAR


@pytest.fixture(scope="module")
def keys() -> Keys:
    return setup("dev", ROOT / "keys")


@pytest.fixture
def chain() -> Iterator[LocalChain]:
    with local_chain() as running:
        yield running


class Leaving:
    """People who run `relayer account exit`, each with a file of a seed."""

    def __init__(self, venue: SeedVenue, folder: Path, keys: Keys, more: tuple[str, ...] = ()) -> None:
        self.venue, self.folder, self.keys, self.more = venue, folder, keys, more

    def run(self, owner: Owner, *options: str, code: int = 0, paying: tuple[str, str] | None = None) -> dict[str, Any]:
        """What the command says of an owner's account; ``paying``: the option that names who pays for gas."""
        path = self.folder / f"{owner.name}.seed"
        if not path.exists():
            owner.secret.save(path)
        venue, gas = self.venue, self.venue.chain.accounts[GAS_PAYER]
        chain = ("--rpc", venue.url, "--vault", venue.vault.address, "--seed-file", str(path), *self.more)
        payer = paying or ("--sender", gas)
        paid = ("--recipient", owner.address, *payer, "--keys", str(self.keys.folder), "--json")
        done = CliRunner().invoke(app, ["account", "exit", *chain, *paid, *options])
        assert done.exit_code == code, done.output
        document: dict[str, Any] = json.loads(done.stdout)
        return document


def steps(document: dict[str, Any]) -> list[str]:
    return [step["step"] for step in document["steps"]]


def in_parts(venue: SeedVenue, settlement: Settlement) -> None:
    """One segment a transaction."""
    venue.vault.settle_in_parts(Posting(settlement))


def freeze(leaving: Leaving, owner: Owner) -> None:
    """An exit request is not answered, and its owner freezes the vault; nothing is repeated, nothing comes early."""
    venue = leaving.venue
    assert "--cash" in leaving.run(owner)["next"]
    assert leaving.run(owner, "--freeze", code=1)["error"]["code"] == "EXIT"
    assert steps(leaving.run(owner, "--cash", str(DOLLAR))) == ["requestExit"]
    again = leaving.run(owner, "--cash", str(DOLLAR))
    assert (steps(again), "must be answered until" in again["next"]) == ([], True)
    venue.chain.pass_time(DELAYS.exit_time + 1)
    assert "--freeze" in leaving.run(owner)["next"]


def test_everybody_leaves_a_vault_whose_operator_is_gone_and_shares_what_is_there(
    chain: LocalChain, keys: Keys, tmp_path: Path
) -> None:
    venue = SeedVenue(chain, keys, GENERIC)
    left = live(venue, WATER, in_parts)
    late = venue.deposit(venue.owner("erin"), 700 * DOLLAR)
    assert isinstance(late, Owner)
    leaving, owners = Leaving(venue, tmp_path, keys), left.owners
    freeze(leaving, owners["carol"])

    first = leaving.run(owners["carol"], "--freeze")
    assert steps(first) == ["freeze", "escape"]
    marks = {3: WATER, 7: SETTLED_7}
    worth = {name: left.worth(name, marks) for name in owners}
    assert (worth["bob"], worth["alice"] > 20_000 * DOLLAR, worth["fund"] > 0) == (0, True, True)
    for name in ("alice", "bob", "dave", "fund"):
        said = leaving.run(owners[name])
        assert (said["equity"], steps(said)) == (str(worth[name]), ["escape"] if worth[name] else [])
    held = venue.vault.balance(venue.payer)
    assert steps(leaving.run(late)) == ["returnDeposit", "claim"]
    assert venue.vault.balance(venue.payer) == held + 700 * DOLLAR
    assert_registered_once(leaving, owners, worth)

    venue.chain.pass_time(DELAYS.claim_window + 1)
    pot, total = 40_000 * DOLLAR, sum(worth[name] for name in ("alice", "carol", "dave"))
    assert total > pot
    paying = key_with_coins(venue, tmp_path)
    for name in ("alice", "carol", "dave"):
        assert steps(leaving.run(owners[name], paying=paying)) == ["payEscape", "claim"]
        assert venue.vault.balance(owners[name].address) == worth[name] * pot // total
    assert steps(leaving.run(owners["fund"])) == []
    venue.chain.pass_time(DELAYS.claim_window)
    assert steps(leaving.run(owners["fund"])) == ["payEscape"]
    assert_nothing_is_left(leaving, owners | {"erin": late})


def test_everybody_leaves_a_vault_with_replicas_in_full_and_the_fund_with_its_fees(
    chain: LocalChain, keys: Keys, tmp_path: Path
) -> None:
    plan = Plan(terms=TERMS, delays=DELAYS, limits=GENERIC.limits, replicas=3, replica_threshold=2)
    venue, operator = SeedVenue(chain, keys, plan), Signer(OPERATOR_KEY)
    signers = [Signer(bytes(key.key)) for key in venue.vault.replicas.keys]
    with ExitStack() as running:
        vault = running.enter_context(venue.reading())
        store = Store(tmp_path / "here", vault.chain_id, vault.address)
        urls = [running.enter_context(serving(Replica(vault, signers[0], store)))]
        urls += [running.enter_context(process(venue, signers[1], tmp_path))]
        clients = [ReplicaClient(url) for url in urls]

        def settle(venue: SeedVenue, settlement: Settlement) -> None:
            posting, header = Posting(settlement), Header.of_settlement(settlement, digest(settlement))
            part = posting.validium(
                vault.separator, lambda _: collect(vault, clients, operator, header, 0, posting.data)
            )
            venue.contract.send("settle", posting.claim, part, posting.closing_proof, posting.closing_words)

        left = live(venue, 100 * DOLLAR, settle)
        replayed = ["audit", "--rpc", venue.url, "--vault", vault.address, "--keys", str(keys.folder)]
        assert "--replica" in CliRunner().invoke(app, replayed).output
        assert "every proof holds" in CliRunner().invoke(app, [*replayed, "--replica", urls[0]]).output
        everybody_leaves_in_full(
            Leaving(venue, tmp_path, keys, ("--replica", "http://127.0.0.1:9", "--replica", urls[1])), left
        )


@contextmanager
def process(venue: SeedVenue, key: Signer, folder: Path) -> Iterator[str]:
    """A replica as its operator starts it, until it is interrupted."""
    write_whole(folder / "replica.key", key.key.hex(), private=True)
    with socket.create_server(("127.0.0.1", 0)) as free:
        listen = f"127.0.0.1:{free.getsockname()[1]}"
    chain = ("--rpc", venue.url, "--vault", venue.vault.address, "--listen", listen)
    kept = ("--key-file", str(folder / "replica.key"), "--store", str(folder / "there"))
    with subprocess.Popen([sys.executable, "-m", "relayer", "replica", "serve", *chain, *kept], cwd=ROOT) as running:
        try:
            wait_up(f"http://{listen}")
            yield f"http://{listen}"
        finally:
            running.send_signal(signal.SIGINT)
        assert running.wait(30) == 0


def everybody_leaves_in_full(leaving: Leaving, left: Abandoned) -> None:
    """The accounts are worth together what the vault holds."""
    venue, owners = left.venue, left.owners
    without = Leaving(venue, leaving.folder, leaving.keys)
    assert "--replica" in without.run(owners["bob"], code=1)["error"]["message"]
    freeze(leaving, owners["bob"])
    worth = {name: left.worth(name, {3: 100 * DOLLAR, 7: SETTLED_7}) for name in owners}
    assert 40_000 * DOLLAR - len(owners) < sum(worth.values()) <= 40_000 * DOLLAR
    for name, owner in owners.items():
        taken = steps(leaving.run(owner, "--freeze"))
        assert taken == (["freeze", "escape"] if name == "fund" else ["escape"])
    assert_registered_once(leaving, owners, worth)
    venue.chain.pass_time(2 * DELAYS.claim_window + 1)
    for name, owner in owners.items():
        assert steps(leaving.run(owner)) == ["payEscape", "claim"]
        assert venue.vault.balance(owner.address) == worth[name]
    assert_nothing_is_left(leaving, owners)


def key_with_coins(venue: SeedVenue, folder: Path) -> tuple[str, str]:
    """A key in a file, whose account can pay for gas."""
    path = folder / "gas.key"
    write_whole(path, keccak256(b"gas").hex(), private=True)
    venue.chain.rpc("anvil_setBalance", Signer.load(path).address, hex(10**18))
    return "--sender-key-file", str(path)


def assert_registered_once(leaving: Leaving, owners: dict[str, Owner], worth: dict[str, int]) -> None:
    """A second run does nothing, and a second attempt reverts."""
    venue = leaving.venue
    for name, owner in owners.items():
        if worth[name]:
            assert steps(leaving.run(owner)) == []
            with pytest.raises(Reverted, match="AlreadyEscaped"):
                venue.contract.call("escape", (owner.index, owner.address, worth[name], (0, 0), (0,) * 8))
            with pytest.raises(Reverted, match="WindowOpen"):
                venue.contract.call("payEscape", owner.index)


def assert_nothing_is_left(leaving: Leaving, owners: dict[str, Owner]) -> None:
    """Second attempts do nothing or revert; less than a unit an account stays."""
    venue = leaving.venue
    for owner in owners.values():
        said = leaving.run(owner)
        assert (steps(said), said["next"]) == ([], "nothing: all that the account was owed has been paid")
        assert not any(int(amount) for amount in said["claimable"].values())
        with pytest.raises(Reverted, match="NothingToClaim"):
            venue.contract.call("claim", owner.address)
        with pytest.raises(Reverted, match=r"EscapeAlreadyPaid|NotEscaped"):
            venue.contract.call("payEscape", owner.index)
    assert venue.vault.balance(venue.vault.address) < len(owners)
