"""`python -m tests.assurance [--write] [RECORDS]`: compares `docs/assurance.md` with what the tests have met, or writes it anew."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from tests.assurance import deletion, document, elsewhere, protocol
from tests.assurance.records import RecordsError, read

RECORDS = protocol.ROOT / "build" / "assurance"
FULL = os.environ.get("TACIT_FULL") == "1"


def main() -> int:
    """Exit status: 0 if the document is up to date and nothing is wrong, else 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.assurance", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the tables of docs/assurance.md anew")
    parser.add_argument("records", nargs="?", type=Path, default=RECORDS, help="folder of the records of a test run")
    options = parser.parse_args()
    try:
        records = read(options.records)
    except RecordsError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    promises = protocol.promises()
    score = deletion.score(records)
    faults = protocol.faults(promises, records.inventory)
    faults += deletion.faults(score, records, deletion.explained(), full=FULL)
    faults += document.unattacked(records, promises)
    faults += elsewhere.faults()
    text = document.render(records, promises, score)
    # The document tells of the sizes that `make test` runs; larger ones meet more.
    if options.write:
        document.DOCUMENT.write_text(text, encoding="utf-8")
    elif not FULL and text != document.DOCUMENT.read_text(encoding="utf-8"):
        faults.append(f"{document.DOCUMENT.name} does not say what the tests met: make assurance, look, then commit it")
    sys.stdout.write("".join(f"{fault}\n" for fault in faults))
    noticed = sum(map(score.notices, records.inventory))
    sys.stdout.write(f"{noticed} of {len(records.inventory)} deletions noticed, {len(promises)} promises\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
