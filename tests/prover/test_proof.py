"""Proving: with progress, at once interruptible, and going on after a kill without proving anything twice."""

import _thread
import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

import prover
from prover import Expected, Keys, Progress
from prover.errors import BatchError, FileError, SettlementError, VerificationError
from tests.prover.material import Case

NAME = "position turned round"  # two segments


class StoppedError(Exception):
    """Raised by a progress callback."""


@pytest.fixture
def case(cases: dict[str, Case]) -> Case:
    return cases[NAME]


def stop_after(proofs: int) -> Callable[[Progress], None]:
    """Stops a run once so many proofs are there."""

    def stop(event: Progress) -> None:
        if event.phase == "done" and event.done >= proofs:
            raise StoppedError

    return stop


def proven_anew(events: list[Progress]) -> set[str]:
    return {event.name for event in events if event.phase == "done"}


def stored(events: list[Progress]) -> set[str]:
    return {event.name for event in events if event.phase == "stored"}


def test_a_sealed_batch_is_proven_on_its_state(case: Case, keys: Keys) -> None:
    settlement = prover.prove(case.batch, keys, state=case.state)
    assert prover.verify(settlement, keys, Expected.of(case.cleared)) == case.cleared.end_root


def test_a_sealed_batch_without_a_state_is_refused(case: Case, keys: Keys) -> None:
    with pytest.raises(BatchError, match="state"):
        prover.prove(case.batch, keys)


def test_progress_tells_every_phase_of_every_proof(case: Case, keys: Keys) -> None:
    events: list[Progress] = []
    prover.prove(case.cleared, keys, progress=events.append, workers=2)
    phases = ["witness", "witness_map", "a", "b1", "b2", "l", "h", "check", "done"]
    for name in ("segment-0001", "segment-0002", "closing"):
        assert [event.phase for event in events if event.name == name] == phases
    assert events[-1].done == events[-1].total == 3


def test_no_two_settlements_of_a_batch_look_alike(case: Case, keys: Keys) -> None:
    """Digests and sums are salted, or they would tell what is in them."""
    first, second = (prover.prove(case.cleared, keys) for _ in range(2))
    for one, other in zip(first.segments, second.segments, strict=True):
        assert one.tau != other.tau
        assert one.sums != other.sums
        assert one.root == other.root
    assert first.closing.auction_root != second.closing.auction_root


def test_a_stopped_run_goes_on_without_proving_anything_twice(case: Case, keys: Keys, tmp_path: Path) -> None:
    with pytest.raises(StoppedError):
        prover.prove(case.cleared, keys, directory=tmp_path, progress=stop_after(1))
    events: list[Progress] = []
    settlement = prover.prove(case.cleared, keys, directory=tmp_path, progress=events.append)
    assert stored(events)
    assert stored(events) | proven_anew(events) == {"segment-0001", "segment-0002", "closing"}
    assert not stored(events) & proven_anew(events)
    assert prover.verify(settlement, keys, Expected.of(case.cleared)) == case.cleared.end_root


def test_a_finished_run_proves_nothing(case: Case, keys: Keys, tmp_path: Path) -> None:
    first = prover.prove(case.cleared, keys, directory=tmp_path)
    events: list[Progress] = []
    assert prover.prove(case.cleared, keys, directory=tmp_path, progress=events.append) == first
    assert not events


def test_a_finished_folder_holds_no_secret(case: Case, keys: Keys, tmp_path: Path) -> None:
    prover.prove(case.cleared, keys, directory=tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "plan.json",
        "settlement.json",
        "risk.json",
        "proofs",
        "private",
    }
    assert [path.name for path in (tmp_path / "private").iterdir()] == ["lock"]
    everything = "".join(path.read_text() for path in tmp_path.rglob("*.json"))
    for touch in case.batch.touches:
        assert f"{touch.holder.viewing_key:064x}" not in everything


def test_a_damaged_proof_is_made_again(case: Case, keys: Keys, tmp_path: Path) -> None:
    with pytest.raises(StoppedError):
        prover.prove(case.cleared, keys, directory=tmp_path, progress=stop_after(2))
    files = sorted((tmp_path / "proofs").iterdir())
    proofs = [json.loads(path.read_text())["proof"] for path in files]
    files[0].write_text(json.dumps({"format": "tacit.proof.1", "proof": proofs[1]}))
    files[1].write_text("rubbish")
    events: list[Progress] = []
    settlement = prover.prove(case.cleared, keys, directory=tmp_path, progress=events.append)
    assert {path.stem for path in files[:2]} <= proven_anew(events)
    assert prover.verify(settlement, keys, Expected.of(case.cleared))


def test_a_folder_of_another_batch_is_refused_and_left_as_it_is(
    case: Case, cases: dict[str, Case], keys: Keys, tmp_path: Path
) -> None:
    prover.prove(case.cleared, keys, directory=tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    again = partial(prover.prove, keys=keys, directory=tmp_path)
    with pytest.raises(FileError, match="another batch"):
        again(cases["nothing at all"].cleared)
    with pytest.raises(FileError, match="another batch"):
        again(case.cleared, deposit_end=1)
    with pytest.raises(FileError, match="another batch"):
        again(case.cleared, beneficiary="0x" + 40 * "1")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_changed_settlement_in_the_folder_is_not_taken_for_done(case: Case, keys: Keys, tmp_path: Path) -> None:
    settlement = prover.prove(case.cleared, keys, directory=tmp_path)
    replace(settlement, words=(settlement.words[0] + 2**30, *settlement.words[1:])).save(tmp_path / "settlement.json")
    with pytest.raises((VerificationError, SettlementError)):
        prover.prove(case.cleared, keys, directory=tmp_path)


def test_two_runs_do_not_share_a_folder(case: Case, keys: Keys, tmp_path: Path) -> None:
    refusals: list[FileError] = []

    def meddle(_: Progress) -> None:
        if not refusals:
            with pytest.raises(FileError, match="another run") as refusal:
                prover.prove(case.cleared, keys, directory=tmp_path)
            refusals.append(refusal.value)

    prover.prove(case.cleared, keys, directory=tmp_path, progress=meddle)
    assert refusals


def test_ctrl_c_ends_a_run_at_once(case: Case, keys: Keys) -> None:
    assert keys.proving is not None
    timer = threading.Timer(0.2, _thread.interrupt_main)
    timer.start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        prover.prove(case.cleared, keys, progress=lambda _: time.sleep(0.3))
    assert time.monotonic() - start < 3
    timer.join()


def test_ctrl_c_ends_a_set_up_at_once(tmp_path: Path) -> None:
    timer = threading.Timer(0.2, _thread.interrupt_main)
    timer.start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        prover.setup("standard", tmp_path, renew=True)
    assert time.monotonic() - start < 5
    timer.join()
    assert not list((tmp_path / "standard").iterdir())


def test_others_run_while_a_proof_is_made(case: Case, keys: Keys) -> None:
    """The GIL is released: a thread that counts is not held up."""
    ticks: list[float] = []
    done = threading.Event()

    def tick() -> None:
        while not done.is_set():
            ticks.append(time.monotonic())
            time.sleep(0.01)

    thread = threading.Thread(target=tick)
    thread.start()
    prover.prove(case.cleared, keys)
    done.set()
    thread.join()
    assert max(later - earlier for earlier, later in pairwise(ticks)) < 0.5


@pytest.mark.parametrize("workers", [0, -1])
def test_no_workers_prove_nothing(workers: int, case: Case, keys: Keys) -> None:
    with pytest.raises(BatchError, match=str(workers)):
        prover.prove(case.cleared, keys, workers=workers)


def test_an_address_that_is_none_is_refused(case: Case, keys: Keys) -> None:
    with pytest.raises(SettlementError, match="0x12"):
        prover.prove(case.cleared, keys, beneficiary="0x12")


def test_keys_of_another_parameter_set_are_refused(cases: dict[str, Case], keys: Keys) -> None:
    with pytest.raises(BatchError, match="standard"):
        prover.prove(cases["standard batch 364"].cleared, keys)
