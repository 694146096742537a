"""The package is typed to its native core, and its errors are one tree with stable codes."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

import prover
from prover import errors
from prover.errors import TacitError
from tests.prover.material import ROOT


def tree(error: type[TacitError]) -> Iterator[type[TacitError]]:
    yield error
    for child in error.__subclasses__():
        yield from tree(child)


def test_the_stubs_say_what_the_extension_has() -> None:
    command = [sys.executable, "-m", "mypy.stubtest", "prover._native"]
    done = subprocess.run(command, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_error_has_a_code_of_its_own_and_words() -> None:
    # Each once, also one that is of two kinds.
    every = list(dict.fromkeys(tree(TacitError)))
    # A package above has its own in a module of this name; one tree, whatever a run has imported.
    classes = [each for each in every if each.__module__ in (errors.__name__, "relayer.errors")]
    assert len({each.code for each in classes}) == len(classes)
    # Both sides of the wire say the interface's codes.
    wire = ("relayer.client.problems", "relayer.intake.refusal")
    for module in wire:
        codes = [each.code for each in every if each.__module__ == module]
        assert len(set(codes)) == len(codes)
    assert {each.__module__ for each in every if each not in classes} <= set(wire)
    assert all(each.__doc__ for each in every)


def test_an_error_keeps_its_values() -> None:
    error = TacitError("too many", {"rows": 9})
    assert (str(error), dict(error.values)) == ("too many", {"rows": 9})
    with pytest.raises(TypeError):
        error.values["rows"] = 1  # type: ignore[index]


def test_everything_named_is_there() -> None:
    assert all(hasattr(prover, name) for name in prover.__all__)
    assert list(prover.__all__) == sorted(
        prover.__all__, key=lambda name: (not name.isupper(), not name[0].isupper(), name)
    )
