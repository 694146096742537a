"""The service is struck on SQLite; see striking.py. A file of its own, so that the databases are tried side by side."""

from __future__ import annotations

from pathlib import Path

from tests.relayer.kill.striking import FULL, PLACES, SAMPLE, holds, striking
from tests.relayer.serving.relayer import ROOT


def test_nothing_is_lost_or_done_twice_wherever_a_process_is_killed(tmp_path: Path) -> None:
    with striking(tmp_path, f"sqlite:///{tmp_path / 'tacit.sqlite'}") as service:
        holds(service, PLACES if FULL else SAMPLE)


def test_the_list_has_more_than_twenty_places_that_are_in_the_code() -> None:
    code = "".join(path.read_text() for path in (ROOT / "relayer").rglob("*.py"))
    missing = [place for place in PLACES if f'"{place}"' not in code]
    assert missing == []
    assert len(set(PLACES)) >= 20
    assert set(SAMPLE) <= set(PLACES)
