"""Runs the symbolic tests of the contracts, `contracts/test/symbolic`: `make test-symbolic`, in `make test`.

halmos follows every path of a test's bytecode with unknown values and asks a solver whether an assertion can fail. A test
has passed only if all paths were followed to the end: one that met an unanswered question, a loop longer than it unrolls or
nothing but reverts has failed, and so have all if `SECONDS` are over. That no test is left out is checked against the
sources.

halmos is run, in an environment of its own (requirements/contracts.txt), with a home below `build`, since it keeps files
there. It wants more of a contract than other tests do and looks for it where they do, so forge writes to the same folder.
Another build may have overwritten it since: nothing built before is trusted, which costs a minute.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = ROOT / "contracts"
BUILD = ROOT / "build" / "symbolic"
# For building and all proofs, on two cores that do other things as well.
SECONDS = 1500

TEST = re.compile(r"^    function (check_\w+)\(", re.MULTILINE)


def expected(folder: Path) -> set[tuple[str, str]]:
    """File and name of every symbolic test below `folder`."""
    return {
        (path.name, name) for path in folder.rglob("*.t.sol") for name in TEST.findall(path.read_text(encoding="utf-8"))
    }


def failures(report: Mapping[str, Any], wanted: set[tuple[str, str]]) -> Iterator[str]:
    """One text for each test that did not pass, or did not run, by halmos' report."""
    run: set[tuple[str, str]] = set()
    for contract, results in report["test_results"].items():
        path, _, name = contract.rpartition(":")
        for result in results:
            test = result["name"].partition("(")[0]
            run.add((Path(path).name, test))
            if result["exitcode"] != 0:
                yield f"{name}.{test}: not proven (halmos' code {result['exitcode']})"
            elif result["num_bounded_loops"] != 0:
                yield f"{name}.{test}: a loop runs longer than contracts/halmos.toml allows; not all paths were followed"
    for file, test in sorted(wanted - run):
        yield f"{file}: {test} did not run"


def environment() -> dict[str, str]:
    """Tools by path, a home of halmos' own, and forge's build apart from that of other tests."""
    folders = (ROOT / ".venv-contracts" / "bin", ROOT / "node_modules" / ".bin")
    return os.environ | {
        "PATH": os.pathsep.join((*map(str, folders), os.environ["PATH"])),
        "HOME": str(BUILD),
        "FOUNDRY_CACHE_PATH": str(BUILD / "cache"),
        "FOUNDRY_TEST": "test/symbolic",
        # Warnings and lints are for `make check`.
        "FOUNDRY_DENY": "never",
        "FOUNDRY_LINT_LINT_ON_BUILD": "false",
    }


def main() -> int:
    """Runs halmos with the arguments given, which may name tests; 1 if a test has not passed."""
    BUILD.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(BUILD / "cache", ignore_errors=True)
    report = BUILD / "report.json"
    report.unlink(missing_ok=True)
    given = sys.argv[1:]
    command = ["halmos", "--no-status"]
    try:
        ran = subprocess.run(
            [*command, "--json-output", str(report), *given],
            cwd=CONTRACTS,
            env=environment(),
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        sys.stdout.write(f"symbolic tests took more than {SECONDS} s\n")
        return 1
    if not report.exists():
        sys.stdout.write(f"halmos ended with {ran.returncode} and no report\n")
        return 1
    wanted = set() if given else expected(CONTRACTS / "test" / "symbolic")
    found = list(failures(json.loads(report.read_text(encoding="utf-8")), wanted))
    for failure in found:
        sys.stdout.write(f"{failure}\n")
    return 1 if found or ran.returncode != 0 else 0


if __name__ == "__main__":
    sys.exit(main())
