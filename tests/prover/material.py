"""Batches of the reference as this package reads them, and settlements with what is known to be true of them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prover import Cleared, Expected, SealedBatch, Settlement, State

ROOT = Path(__file__).resolve().parents[2]
VECTORS = ROOT / "tests" / "vectors"


@dataclass(frozen=True)
class Case:
    """A batch of the reference: what it is cleared on, and what comes out."""

    name: str
    state: State
    batch: SealedBatch
    expected: dict[str, Any]

    @property
    def cleared(self) -> Cleared:
        return self.state.clear(self.batch)

    def write(self, folder: Path) -> Path:
        """The files `prover prove` takes."""
        folder.mkdir(parents=True, exist_ok=True)
        self.batch.save(folder / "batch.json")
        self.state.save(folder / "state.bin")
        return folder / "batch.json"


def read_cases(name: str) -> dict[str, Case]:
    document = json.loads((VECTORS / name).read_text(encoding="utf-8"))
    return {raw["name"]: read_case(raw) for raw in document["cases"]}


def read_case(raw: dict[str, Any]) -> Case:
    state, batch = (json.dumps(raw[part]) for part in ("state", "batch"))
    return Case(raw["name"], State.from_json(state), SealedBatch.from_json(batch), raw["expected"])


@dataclass(frozen=True)
class Proven:
    """A settlement, and what its sealer knows to be true of it."""

    cleared: Cleared
    settlement: Settlement
    expected: Expected
