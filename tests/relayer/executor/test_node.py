"""What a machine of a cluster is given is sealed, what it keeps is its user's, and what it answers says nothing of an order."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import pytest

from prover import Keys
from prover.errors import ParamsError
from prover.proof import Work
from relayer.errors import StoreError
from relayer.executor import node
from relayer.executor.node import Task
from relayer.store.crypt import Sealer
from tests.prover.material import Case

SECRET = bytes(range(32))


@pytest.fixture
def work(case: Case) -> Work:
    return Work("dev", case.batch.to_json().encode(), case.state.to_bytes(), 7, 3, bytes(20), b"s" * 32)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A machine whose temporary folder is the test's, as a process that has just started sees it."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(node, "_keys", {})
    monkeypatch.setattr(node, "_plans", {})
    return secrets.token_hex(4)


def task(number: int | None, keys: str, job: str = "j") -> Task:
    return Task(job, number, "dev", keys, SECRET)


def unasked() -> Mapping[str, bytes]:
    raise AssertionError("keys were brought a second time")


def test_work_comes_back_from_its_ciphertext(work: Work) -> None:
    assert node.unpack(node.pack(work, Sealer(SECRET)), Sealer(SECRET)) == work


def test_what_an_order_says_is_not_in_the_ciphertext(work: Work) -> None:
    packed = node.pack(work, Sealer(SECRET))
    for part in (work.batch, work.state):
        assert part[:24] not in packed
        assert part[-24:] not in packed


def test_work_does_not_open_with_another_key(work: Work) -> None:
    with pytest.raises(StoreError):
        node.unpack(node.pack(work, Sealer(SECRET)), Sealer(bytes(32)))


def test_work_shows_nothing_of_an_order(work: Work) -> None:
    assert "batch" not in repr(work)
    assert "state" not in repr(work)


def test_keys_are_brought_once_for_all_processes_of_a_machine(
    work: Work, keys: Keys, machine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = node.key_files(keys.folder)
    digest = node.digest_of(files)
    packed = node.pack(work, Sealer(SECRET))
    first = node.prove(task(0, digest), machine, lambda: packed, lambda: files)
    assert (first.shipped, first.error) == (True, "")
    monkeypatch.setattr(node, "_keys", {})
    second = node.prove(task(None, digest), machine, lambda: packed, unasked)
    assert (second.shipped, second.error) == (False, "")
    plan = work.plan()
    assert first.proof is not None
    assert second.proof is not None
    assert plan.holds(0, keys.verifying, first.proof)
    assert plan.holds(None, keys.verifying, second.proof)
    assert not plan.holds(1, keys.verifying, first.proof)


def test_an_error_is_answered_by_its_class_alone(keys: Keys, machine: str) -> None:
    files = node.key_files(keys.folder)
    made = node.prove(task(0, node.digest_of(files)), machine, lambda: b"no ciphertext", lambda: files)
    assert (made.proof, made.error) == (None, "StoreError")


def test_damaged_keys_are_refused_by_the_machine(work: Work, keys: Keys, machine: str) -> None:
    files = node.key_files(keys.folder)
    files["segment.pk"] = files["segment.pk"][:-1] + bytes([files["segment.pk"][-1] ^ 1])
    made = node.prove(task(0, "d"), machine, lambda: node.pack(work, Sealer(SECRET)), lambda: files)
    assert (made.proof, made.error) == (None, "KeyFileError")


def test_a_folder_that_others_can_write_is_not_used(machine: str, tmp_path: Path) -> None:
    home = next(iter([tmp_path / f"tacit-keys-{os.getuid()}"]))
    home.mkdir()
    home.chmod(0o777)
    with pytest.raises(ParamsError, match="own folder"):
        node._home()
    assert machine
