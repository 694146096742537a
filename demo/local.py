"""Tacit to try, on this machine: ``make local``, or ``python -m demo.local``.

Everything that :mod:`demo.place` makes, until Ctrl-C; a folder of files is left.
"""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from typing import Final

from demo.chain import ChainError
from demo.errors import NotReady, NotShown
from demo.place import place, say
from prover.errors import TacitError

RELAYER_PORT: Final = 8640
CHAIN_PORT: Final = 8545


def main() -> int:
    """Runs until it is told to stop."""
    parser = argparse.ArgumentParser(prog="python -m demo.local", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("local"), help="default: local")
    parser.add_argument("--port", type=int, default=RELAYER_PORT, help=f"of the relayer; default {RELAYER_PORT}")
    parser.add_argument("--chain-port", type=int, default=CHAIN_PORT, help=f"of the chain; default {CHAIN_PORT}")
    parser.add_argument("--workers", type=int, default=1, help="proofs made at a time; default 1")
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    try:
        with place(options.folder, options.port, options.chain_port, options.workers) as (found, maker), maker:
            say(
                f"relayer {found.relayer} (a page too), chain {found.rpc}, vault {found.vault.address}; all files in {found.folder}"
            )
            say("ready. In another terminal: .venv/bin/python examples/first_order.py. Ctrl-C ends it")
            found.serve(maker)
    except NotReady as missing:
        print(f"local: {missing}", file=sys.stderr)
        return 2
    except (NotShown, ChainError, TacitError) as error:
        print(f"local: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        say("stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
