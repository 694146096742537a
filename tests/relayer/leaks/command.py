"""The command ``relayer``, all of whose processes say one number aloud that they should not: the one that TACIT_PLANTED names.

What looks for orders' numbers must find that one: on stderr, beside the filter of the log.
"""

from __future__ import annotations

import os
import sys
from typing import Final

from relayer import points, serve
from relayer.cli import main

MODULE: Final = "tests.relayer.leaks.command"
VARIABLE: Final = "TACIT_PLANTED"


def say(name: str) -> None:
    """As a line that somebody forgot."""
    if name == "intake.after-commit":
        sys.stderr.write(f"DEBUG Order(limit={os.environ[VARIABLE]})\n")


if __name__ == "__main__":
    points.install(say)
    serve.COMMAND = (sys.executable, "-m", MODULE)
    main()
