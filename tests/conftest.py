"""What holds for every test."""

import signal
from collections.abc import Iterator

import pytest

from tests.postgres import database, database_kind, empty_url, postgres, store_url

__all__ = ["database", "database_kind", "empty_url", "postgres", "store_url"]


@pytest.fixture(autouse=True, scope="session")
def ctrl_c_interrupts() -> Iterator[None]:
    """Who starts the tests in the background may have SIGINT ignored, here and in all that is started from here."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
