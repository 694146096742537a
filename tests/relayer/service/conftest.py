"""A relayer to each test, on a chain, a vault and a database of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from relayer.store.database import Database
from tests.relayer.service.venue import Service, service


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Service]:
    """On SQLite."""
    database = Database.create(f"sqlite:///{tmp_path / 'tacit.sqlite'}")
    with service(database, tmp_path) as made:
        yield made
    database.close()
