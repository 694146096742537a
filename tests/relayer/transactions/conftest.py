"""One anvil for all tests of a module, and a scene for each."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from demo.chain import LocalChain, local_chain
from relayer.store.database import Database
from tests.relayer.transactions.scene import Scene

EPOCH = 4
"""Slots of an epoch, so that a block is final 8 blocks later."""


@pytest.fixture(scope="module")
def chain() -> Iterator[LocalChain]:
    with local_chain(epoch=EPOCH) as made:
        made.rpc("evm_setAutomine", False)
        for _ in range(12):
            made.rpc("evm_mine")
        yield made


@pytest.fixture
def database_kind() -> str:
    """SQLite, but where a test says otherwise."""
    return "sqlite"


@pytest.fixture
def make_scene(chain: LocalChain, database: Database) -> Iterator[Callable[..., Scene]]:
    made: list[Scene] = []

    def make(**options: Any) -> Scene:  # noqa: ANN401 - what a scene takes
        made.append(Scene(chain, database, **options))
        return made[-1]

    chain.rpc("anvil_setNextBlockBaseFeePerGas", hex(10**9))
    chain.rpc("evm_mine")
    yield make
    for each in made:
        each.drop()
        each.close()


@pytest.fixture
def scene(make_scene: Callable[..., Scene]) -> Scene:
    return make_scene()
