"""On a real chain: what a reorganisation of 1 to 12 blocks took back is undone in the database, whatever stood in those blocks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

from demo.chain import local_chain
from demo.vault import Plan
from prover.batch import Cleared
from prover.keys import setup
from prover.posting import Posting
from prover.settlement import Settlement
from relayer.history import History
from relayer.ledger import read_ledger
from relayer.store.chain import StoredChain
from relayer.store.crypt import Sealer
from relayer.store.database import Database
from relayer.store.leases import Lease, Leases
from relayer.store.models import Batch, BatchState, Holder
from relayer.vault import Vault
from relayer.watcher import LEASE, Watcher
from tests.contracts.venue import STRANGER, TERMS
from tests.postgres import Cluster
from tests.relayer.venue import DOLLAR, Owner, SeedVenue, risk_row

ROOT = Path(__file__).resolve().parents[3]
SEALER = Sealer(bytes(range(32)))
EPOCH_BLOCKS = 64
"""Blocks of anvil until one is final."""


@dataclass
class Followed:
    """A database that follows a vault."""

    database: Database
    vault: Vault
    lease: Lease
    watcher: Watcher

    @classmethod
    def into(cls, database: Database, vault: Vault) -> Followed:
        lease = Leases(database, "this process").acquire(LEASE, 3600)
        assert lease is not None
        return cls(database, vault, lease, Watcher(database, vault, SEALER))

    def follow(self, restarted: bool = False) -> None:
        """A look at the chain, of a new process or of the same."""
        if restarted:
            self.watcher = Watcher(self.database, self.vault, SEALER)
        self.watcher.step(self.lease)
        records = read_ledger(self.vault)
        assert list(StoredChain(self.database).records()) == records
        assert self.watcher.history() == History.of(records)

    def state(self, number: int) -> BatchState | None:
        with self.database.read() as session:
            row = session.get(Batch, number)
            return None if row is None else row.state

    def register(self, owner: Owner) -> None:
        word = owner.holder.owner.to_bytes(32, "big")
        row = Holder(owner=word, key=word, subaccount=0, account=None, holder_sealed=b"", created_at=0)
        with self.database.write() as session:
            session.add(row)

    def account(self, owner: Owner) -> int | None:
        word = owner.holder.owner.to_bytes(32, "big")
        with self.database.read() as session:
            return session.scalar(select(Holder.account).where(Holder.owner == word))


@dataclass
class Proven:
    """A vault whose first batch is sealed, and the settlement that is due."""

    venue: SeedVenue
    vault: Vault
    cleared: Cleared
    settlement: Settlement

    def settle(self) -> None:
        """Anybody can."""
        self.venue.vault.settle(Posting(self.settlement), self.venue.chain.accounts[STRANGER])

    def mine(self, blocks: int) -> None:
        for _ in range(blocks):
            self.venue.chain.rpc("evm_mine")


@pytest.fixture(scope="module")
def proven() -> Iterator[Proven]:
    with local_chain() as chain:
        venue = SeedVenue(chain, setup("dev", ROOT / "keys"), Plan(terms=TERMS))
        venue.post_epoch([risk_row(3, 100 * DOLLAR)])
        cleared = venue.clear(venue.seal([]))
        with venue.reading() as vault:
            yield Proven(venue, vault, cleared, venue.prove(cleared))


@pytest.fixture(scope="module")
def sqlite(proven: Proven, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Followed]:
    path = tmp_path_factory.mktemp("followed") / "tacit.sqlite"
    with closing(Database.create(f"sqlite:///{path}")) as database:
        yield Followed.into(database, proven.vault)


def taken_back(proven: Proven, followed: Followed, depth: int) -> None:
    """A settlement, a deposit and empty blocks are followed, then replaced by a longer chain without them."""
    restarted = depth % 2 == 0
    owner = proven.venue.owner(f"late {depth}")
    followed.register(owner)
    with proven.venue.forgotten():
        proven.settle()
        deposits = min(depth - 1, 1)
        for _ in range(deposits):
            proven.venue.deposit(owner, DOLLAR)
        proven.mine(depth - 1 - deposits)
        followed.follow(restarted)
        assert followed.state(1) == BatchState.MINED
        assert (followed.account(owner) is None) == (deposits == 0)
    proven.mine(depth + 1)
    followed.follow(restarted)
    assert followed.state(1) == BatchState.REORGED
    assert followed.account(owner) is None


@pytest.mark.parametrize("depth", range(1, 13))
def test_a_mined_settlement_and_a_deposit_that_are_taken_back(proven: Proven, sqlite: Followed, depth: int) -> None:
    sqlite.follow()
    taken_back(proven, sqlite, depth)


def test_a_void_a_seal_and_an_opening_that_are_taken_back(proven: Proven, sqlite: Followed) -> None:
    venue = proven.venue
    with venue.forgotten():
        venue.void()
        venue.open()
        venue.seal([])
        number = venue.batch
        sqlite.follow()
        assert (sqlite.state(1), sqlite.state(number)) == (BatchState.VOID, BatchState.SEALED)
    proven.mine(4)
    sqlite.follow(restarted=True)
    # The second was opened by another database, which may have given receipts for it: it is not sealed from here.
    assert (sqlite.state(1), sqlite.state(number)) == (BatchState.SEALED, BatchState.FAILED)


def test_a_settlement_is_final_once_its_block_is_and_not_before(
    proven: Proven, tmp_path: Path, postgres: Cluster
) -> None:
    databases = Database.create(f"sqlite:///{tmp_path / 'tacit.sqlite'}"), Database.open(postgres.fresh())
    with closing(databases[0]) as first, closing(databases[1]) as second, proven.venue.forgotten():
        both = [Followed.into(database, proven.vault) for database in (first, second)]
        for followed in both:
            followed.follow()
            taken_back(proven, followed, 3)
        proven.settle()
        for blocks, state in ((EPOCH_BLOCKS - 1, BatchState.MINED), (1, BatchState.FINAL)):
            proven.mine(blocks)
            for followed in both:
                followed.follow()
                assert followed.state(1) == state
