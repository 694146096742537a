"""A relayer takes orders to a settled batch by itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from relayer.store.database import Database
from relayer.store.models import BatchState, OrderState
from tests.relayer.service.venue import Service, service
from tests.relayer.venue import CONTRACT, DOLLAR


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    database = Database.create(f"sqlite:///{folder / 'tacit.sqlite'}")
    with service(database, folder) as made:
        yield made
    database.close()


def test_deposits_and_orders_become_a_final_batch(running: Service) -> None:
    alice, bob = running.join("alice"), running.join("bob")
    running.run(lambda: running.open_batch() is not None)
    bought, sold = running.cross(alice, bob, 2)
    number = running.settle()
    assert running.venue.contract.call("root") == int.from_bytes(running.batch(number).end_root or b"", "big")
    assert [running.order(each).state for each in (bought, sold)] == [OrderState.FINAL] * 2
    assert running.result(bought) == {"fill": str(2 * CONTRACT), "reason": 0, "price": str(100 * DOLLAR)}
    assert running.state(number) is BatchState.FINAL
