"""The command ``relayer`` that dies by SIGKILL at a named place: the one that stands in the file that TACIT_STRIKE names.

The process that gets there first renames the file, so that one dies and no more. Processes that a supervisor of this command starts are of
this command too.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from relayer import points, serve
from relayer.cli import main

MODULE = "tests.relayer.kill.command"
VARIABLE = "TACIT_STRIKE"


def struck(armed: Path) -> Path:
    """What the file is called once somebody has died of it."""
    return armed.with_suffix(".struck")


def strike(name: str) -> None:
    """Dies here if this is the place."""
    armed = Path(os.environ[VARIABLE])
    try:
        if armed.read_text() != name:
            return
        armed.rename(struck(armed))
    except FileNotFoundError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    points.install(strike)
    serve.COMMAND = (sys.executable, "-m", MODULE)
    main()
