"""``make local``, and what README and docs/client.md have a new user type beside it: exactly as they are printed, but for ports."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from demo.chain import ROOT
from demo.errors import NotReady
from demo.local import CHAIN_PORT, RELAYER_PORT
from demo.place import Place, place

PRINTED: Final = (f"http://127.0.0.1:{RELAYER_PORT}", f"http://127.0.0.1:{CHAIN_PORT}")
PATIENCE: Final = 900
"""Seconds; of which a quiet machine needs thirty."""
EXAMPLE: Final = ROOT / "examples" / "first_order.py"


def blocks(document: str, language: str) -> list[str]:
    """The blocks of a language in a document."""
    text = (ROOT / document).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def first_order(document: str) -> str:
    """The client's example in a document."""
    return next(block for block in blocks(document, "python") if "relayer.client" in block)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A place in the folder ``local`` of a new user's folder, as ``make local`` makes it."""
    folder = tmp_path_factory.mktemp("user") / "local"
    ended = threading.Event()
    with place(folder, 0, 0) as (found, maker), maker:
        failed: list[BaseException] = []

        def serve() -> None:
            try:
                found.serve(maker, ended.is_set)
            except BaseException as error:
                failed.append(error)
                raise

        serving = threading.Thread(target=serve)
        serving.start()
        try:
            yield found
        finally:
            ended.set()
            serving.join()
        assert not failed


def typed(text: str, running: Place) -> str:
    """What is printed, at the addresses where it runs here."""
    for printed, real in zip(PRINTED, (running.relayer, running.rpc), strict=True):
        assert printed in text
        text = text.replace(printed, real)
    return text


def run(command: list[str], running: Place, **environment: str) -> str:
    """What a command prints, run in the new user's folder."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        command,
        cwd=running.folder.parent,
        env=os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_documents_print_the_example() -> None:
    code = EXAMPLE.read_text(encoding="utf-8").split('"""\n', 1)[1].strip()
    for document in ("README.md", "docs/client.md"):
        assert first_order(document).strip() == code


def test_readmes_first_order_is_filled_as_it_is_printed(running: Place) -> None:
    told = run([sys.executable, "-c", typed(first_order("README.md"), running)], running)
    assert "receipted" in told
    assert "filled 1.5 contracts" in told
    assert "(57, 15000)" in told
    assert "Standing.PROVEN" in told
    assert (running.folder / "trader.seed").stat().st_mode & 0o777 == 0o600


def test_the_commands_of_the_clients_guide_place_an_order_that_is_filled(running: Place) -> None:
    (script,) = [block for block in blocks("docs/client.md", "sh") if "relayer account new" in block]
    script = typed(script, running).replace(". .venv/bin/activate\n", "")
    before, status, after = script.partition("relayer order status")
    secret = {"TACIT_PASSPHRASE": "a passphrase of the test"}
    run(["sh", "-e", "-c", before], running, **secret)
    setting = next(line for line in before.splitlines() if line.startswith("export "))
    end, order = time.monotonic() + PATIENCE, dict[str, Any]()
    while order.get("state") not in ("settled", "final"):
        assert time.monotonic() < end, order
        time.sleep(2)
        (order,) = json.loads(run(["sh", "-e", "-c", f"{setting}\n{status} --json"], running, **secret))["orders"]
    assert order["result"]["fill"] == "15000"
    assert "kept: the order is in the settled batch, by chain data alone" in run(
        ["sh", "-e", "-c", f"{setting}\n{status}{after}"], running, **secret
    )


def test_the_operators_commands_work_beside_it(running: Place) -> None:
    config = str(running.folder / "relayer.toml")
    status = json.loads(run([sys.executable, "-m", "relayer", "status", "--config", config, "--json"], running))
    assert {process["role"] for process in status["processes"]} == {"api", "worker", "prover"}


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis").write_text("all of it")
    with pytest.raises(NotReady, match="holds something else"), place(tmp_path, 0, 0):
        raise AssertionError("it was taken")
    assert (tmp_path / "thesis").read_text() == "all of it"
