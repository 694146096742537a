"""The command line of the bench: ``python -m bench [--quick] [--out FILE]``."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from bench.document import document
from bench.native import BenchFailed
from bench.run import QUICK, Extent, run
from bench.worker import WorkerFailed
from demo.chain import ROOT, ChainError
from prover.errors import TacitError

DOCUMENT = ROOT / "docs" / "measurements.md"
FIGURES = ROOT / "build" / "bench"


def main() -> int:
    """Measures and writes; 0, or 1 with one message if something that is measured does not work."""
    options = _options()
    extent = QUICK if options.quick else Extent()
    try:
        results = run(extent)
    except (TacitError, ChainError, WorkerFailed, BenchFailed, OSError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    FIGURES.mkdir(parents=True, exist_ok=True)
    name = "quick" if options.quick else "results"
    (FIGURES / f"{name}.json").write_text(json.dumps(asdict(results), indent=1) + "\n", encoding="utf-8")
    out: Path = options.out or (FIGURES / "quick.md" if options.quick else DOCUMENT)
    out.write_text(document(results), encoding="utf-8")
    print(f"written: {out}", file=sys.stderr)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description="Measures tacit and writes docs/measurements.md.")
    parser.add_argument("--quick", action="store_true", help="parameter set dev alone, once, without cargo's benches")
    parser.add_argument("--out", type=Path, help="the file to write; default docs/measurements.md (quick: build/bench)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
