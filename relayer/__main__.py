"""The command ``relayer``, or one message where the packages that it needs are not installed."""

from __future__ import annotations

import sys

NEEDS = ("cryptography", "eth_abi", "eth_account", "eth_hash", "eth_keys", "fastapi", "uvicorn")
WRONG_USE = 2


def main() -> None:
    """Runs the command line."""
    try:
        from relayer.cli import main as run
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in NEEDS:
            raise
        sys.stderr.write(f"error: {error.name} is not installed: pip install 'tacit-prover[relayer]'\n")
        sys.exit(WRONG_USE)
    run()


if __name__ == "__main__":
    main()
