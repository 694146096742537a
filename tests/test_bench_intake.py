"""The measurement of intake at its smallest: every answer has the right code, a kill loses nothing, and the document has its figures."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from bench.intake import Extent, Figures, document, measure
from bench.intake_orders import WAYS


@pytest.fixture(scope="module")
def figures() -> Figures:
    """A load of a few seconds; in a thread of its own, since a browser that other tests drive holds this one's event loop."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(measure, Extent(rate=60, seconds=3, overload=1), say=False).result()


def test_every_wrong_order_is_refused_with_its_code_and_every_right_one_taken(figures: Figures) -> None:
    assert figures.load.wrong == {}
    assert figures.load.codes.keys() == {"right", *WAYS.values()}
    assert figures.load.codes["right"] == 144


def test_what_was_acknowledged_is_in_the_database_of_the_killed_service(figures: Figures) -> None:
    assert figures.lost == 0
    assert figures.stored >= figures.load.codes["right"]
    assert figures.load.broken == figures.overload.broken == 0


def test_the_document_names_machine_and_figures(figures: Figures) -> None:
    written = document(figures)
    for text in (figures.machine.processor, "| orders a second sent | 60 | 600 |", *WAYS):
        assert text in written
