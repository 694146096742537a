"""`python -m demo`: exit code 0 if everything that it is to show really happened, 1 if not, 2 if something is missing."""

from __future__ import annotations

import argparse
import json
import signal
import sys

import httpx
from rich.console import Console

from demo.chain import ChainError, Reverted
from demo.document import document
from demo.errors import NotReady, NotShown
from demo.progress import Watch
from demo.report import show
from demo.run import ready, run
from prover.errors import TacitError

WIDTH = 100


def main() -> int:
    """Runs the demo and prints what happened."""
    arguments = _arguments()
    errors = Console(stderr=True, width=None if sys.stderr.isatty() else WIDTH)
    try:
        result = run(ready(), Watch(errors), arguments.workers)
    except NotReady as missing:
        return _end(errors, 2, str(missing))
    except ChainError as error:
        return _end(errors, 2, f"the local chain: {error.args[0]}")
    except NotShown as missing:
        return _end(errors, 1, f"this was to be shown and did not happen: {missing}")
    except Reverted as refused:
        return _end(errors, 1, f"the vault refused an honest call: {refused}")
    except TacitError as error:
        return _end(errors, 1, f"{error} [{error.code}]")
    except httpx.HTTPError as error:
        return _end(errors, 1, f"the relayer: {error!r}")
    except KeyboardInterrupt:
        return _end(errors, 130, "stopped")
    if arguments.json:
        print(json.dumps(document(result), indent=1, ensure_ascii=False))
    else:
        show(result, Console(width=None if sys.stdout.isatty() else WIDTH))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one object for programs instead of tables")
    parser.add_argument(
        "--workers", type=int, default=1, choices=range(1, 65), metavar="N", help="proofs made at a time"
    )
    return parser.parse_args()


def _told(_number: int, _frame: object) -> None:
    """Ends the run as Ctrl-C does: chain and relayer go with it."""
    raise KeyboardInterrupt


def _end(errors: Console, code: int, message: str) -> int:
    errors.print(f"demo: {message}", style="red", markup=False, highlight=False)
    return code


if __name__ == "__main__":
    for each in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, _told)
    sys.exit(main())
