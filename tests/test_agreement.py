"""Executable specification, core and circuits agree in every output of a batch.

The reference makes the batches; `circuits/examples/agreement.rs` clears the same ones with the core, builds every assignment of
both circuits, and answers with what it found. 200 random batches and all degenerate kinds; with TACIT_FULL set, 1,000.
"""

import json
import os
import random
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.reference.batch import Batch, Result, State
from tests.reference.degenerate import KINDS
from tests.reference.exchange import (
    Json,
    batch_json,
    hex_words,
    result_json,
    settlement_json,
    state_json,
)
from tests.reference.features import REASONS, WANTED, features
from tests.reference.generate import random_cases
from tests.reference.params import Params
from tests.reference.transcript import Header, settle
from tests.reference.write_vectors import blinding_of

ROOT = Path(__file__).parents[1]
BATCHES, STANDARD_BATCHES = (1000, 60) if os.environ.get("TACIT_FULL") else (200, 12)
ONLY_OURS = {"fees", "fee", "new_hash", "root"}
"""Outputs of the reference that the core holds in another form: in leaves, data words and the fee credit."""


class Counterpart:
    """Core and circuits behind a pipe: a case a line in, an answer a line out."""

    def __init__(self, program: str) -> None:
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, case: Json) -> Json:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(case) + "\n")
        self.process.stdin.flush()
        answer: Json = json.loads(self.process.stdout.readline())
        return answer

    def close(self) -> None:
        self.process.communicate(timeout=60)


@pytest.fixture(scope="module")
def counterpart() -> Iterator[Counterpart]:
    command = ["cargo", "build", "--release", "--locked", "--package", "tacit-circuits", "--example", "agreement"]
    built = subprocess.run([*command, "--message-format=json"], cwd=ROOT, check=True, capture_output=True, text=True)
    messages = [json.loads(line) for line in built.stdout.splitlines()]
    programs = [message["executable"] for message in messages if message.get("target", {}).get("name") == "agreement"]
    running = Counterpart(programs[-1])
    yield running
    running.close()


def differences(ours: object, theirs: object, place: str = "") -> Iterator[str]:
    """Where two documents differ; a name that only `theirs` has is no difference."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in ours.keys() - ONLY_OURS:
            yield from differences(ours[name], theirs.get(name, "nothing"), f"{place}.{name}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for i, (left, right) in enumerate(zip(ours, theirs, strict=True)):
            yield from differences(left, right, f"{place}[{i}]")
    elif ours != theirs:
        yield f"{place}: reference {ours}, core {theirs}"


def outputs(result: Result) -> Json:
    """`result_json` with what its files leave out: paths, losses by scenario, cash before the orders."""
    document = result_json(result)
    for entry, touch in zip(document["touches"], result.touches, strict=True):
        entry["path"] = [hex_words(children) for children in touch.path]
        entry["losses"] = [str(difference) for difference in touch.admission.margin.differences]
        entry["cash"] = str(touch.cash)
    return document


def disagreement(counterpart: Counterpart, params: Params, state: State, batch: Batch, result: Result) -> list[str]:
    """Every output in which the two differ, and what a circuit refuses."""
    rng = random.Random(result.end_root)
    header = Header(rng.randrange(2**32), rng.randrange(2**32), rng.randrange(2**160))
    blinding = blinding_of(rng, result)
    settlement = settlement_json(header, blinding, settle(result, header, blinding))
    chosen = {name: settlement.pop(name) for name in ("header", "blinding")}
    answer = counterpart.ask({"state": state_json(params, state), "batch": batch_json(params, batch), **chosen})
    if "error" in answer:
        return [answer["error"]]
    ours = {
        "expected": outputs(result),
        "settlement": settlement | {"balanced": True},
        "state": state_json(params, result.state),
    }
    return [*differences(ours, answer), *answer["circuits"]]


@pytest.mark.parametrize("name", KINDS)
def test_degenerate_batches_agree(counterpart: Counterpart, name: str) -> None:
    scene = KINDS[name].set_up()
    assert disagreement(counterpart, scene.params, scene.state, scene.batch(), scene.run()) == []


def test_random_batches_agree_and_show_every_feature(counterpart: Counterpart) -> None:
    seen: Counter[str] = Counter()
    for case in random_cases(BATCHES, STANDARD_BATCHES):
        assert disagreement(counterpart, case.params, case.state, case.batch, case.result) == [], case.name
        seen += features(case.result)
        seen[case.params.name] += 1
    assert seen["dev"] + seen["standard"] == BATCHES
    assert {name: seen[name] for name in (*REASONS, *WANTED, "standard") if seen[name] < 10} == {}
