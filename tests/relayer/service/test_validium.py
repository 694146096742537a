"""A vault whose ciphertexts are at replicas: they are asked to store and sign before anything is settled, and enough of them must."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from demo.chain import local_chain
from demo.vault import Plan
from prover.keys import setup
from relayer.replica import Replica
from relayer.replica_store import Store
from relayer.replicas import ReplicaClient
from relayer.signing import Signer
from relayer.store.database import Database
from relayer.store.models import BatchState, Snapshot
from tests.contracts.venue import TERMS
from tests.relayer.service.venue import KEYS, ROWS, Service
from tests.relayer.test_replica import serving
from tests.relayer.venue import SeedVenue

PLAN = Plan(terms=TERMS, replicas=3, replica_threshold=2)


@pytest.fixture
def validium(tmp_path: Path) -> Iterator[tuple[Service, list[str]]]:
    """A relayer of a validium vault, and the addresses of its three replicas."""
    database = Database.create(f"sqlite:///{tmp_path / 'tacit.sqlite'}")
    with local_chain() as chain, ExitStack() as stack:
        venue = SeedVenue(chain, setup("dev", KEYS), PLAN)
        venue.post_epoch(ROWS)
        made = Service(venue, database, tmp_path)
        # After the replicas: one that was not needed may still be asking the chain.
        stack.callback(made.stop)
        urls = []
        for number, key in enumerate(venue.vault.replicas.keys):
            store = Store(tmp_path / f"replica{number}", chain.chain_id, venue.vault.address)
            urls.append(stack.enter_context(serving(Replica(made.vault, Signer(bytes(key.key)), store))))
        yield made, urls
    database.close()


def test_enough_replicas_sign_before_it_is_settled_and_accounts_are_read_from_them(
    validium: tuple[Service, list[str]],
) -> None:
    running, urls = validium
    alice, bob = running.join("alice"), running.join("bob")
    running.opened()
    running.cross(alice, bob)
    number = running.opened()
    running.request_close(number)
    running.use_replicas(ReplicaClient(urls[0]), ReplicaClient("http://127.0.0.1:9"))
    with pytest.raises(Exception, match="1 of the 2 replicas"):
        running.until(number, BatchState.MINED)
    assert running.state(number) is BatchState.PROVED, "a replica that is away is no fault of the batch"
    running.use_replicas(*(ReplicaClient(url) for url in urls))
    running.until(number, BatchState.MINED)
    with running.database.write() as session:
        session.query(Snapshot).delete()
    running.cross(bob, alice, slot=1)
    second = running.opened()
    running.request_close(second)
    running.until(second, BatchState.MINED)
