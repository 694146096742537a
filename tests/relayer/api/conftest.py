"""Servers for the tests of the interface."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.relayer.api.house import House, opened


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Both applications, for the tests of a module."""
    with opened(tmp_path_factory.mktemp("house")) as made:
        yield made


@pytest.fixture
def empty_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Both applications, for one test."""
    with opened(tmp_path_factory.mktemp("house")) as made:
        yield made
