"""The set-up by many, as its participants run it: from a file of powers that snarkjs made to keys that prove.

What is refused of powers and transcripts, fault by fault, is tested in `circuits/tests/ceremony`; here that the commands do.
The circuit is the smallest there is; with TACIT_FULL=1 all circuits of `dev`, and a settlement proven with their keys.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import prover
from prover import Expected, Keys, ceremony
from prover.ceremony import Beacon
from prover.cli import app
from prover.errors import CeremonyError, VerificationError
from prover.exit import ExitRequest, prove_exit, verify_exit
from prover.keys import Manifest
from prover.orders import Holder
from tests.prover.material import ROOT, Case

FULL = os.environ.get("TACIT_FULL") == "1"
CIRCUITS = list(ceremony.circuits()) if FULL else ["exit"]
POWER = 16 if FULL else 13
VALUE = "1b5f" * 16
BEACON = Beacon(bytes.fromhex(VALUE), 10)
TEXT = "a text that nobody may see"


def snarkjs(*arguments: object) -> None:
    command = [
        str(ROOT / "node_modules" / ".bin" / "snarkjs"),
        "powersoftau",
        *(str(argument) for argument in arguments),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def run(*arguments: object, text: str | None = None) -> Result:
    chosen = [part for name in CIRCUITS for part in ("--circuit", name)]
    command = ["ceremony", *(str(argument) for argument in arguments), "--params", "dev", *chosen]
    return CliRunner().invoke(app, command, prog_name="prover", input=text)


def run_json(*arguments: object, text: str | None = None) -> list[dict[str, Any]]:
    result = run(*arguments, "--json", text=text)
    assert result.exit_code == 0, result.output
    transcripts: list[dict[str, Any]] = json.loads(result.stdout)["transcripts"]
    return transcripts


def refused(fault: str, *arguments: object) -> str:
    result = run(*arguments, "--json")
    assert result.exit_code == 1, result.output
    error = json.loads(result.stdout)["error"]
    assert (error["code"], error["values"]["fault"]) == ("CEREMONY", fault), error
    message: str = error["message"]
    return message


@pytest.fixture(scope="session")
def powers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Powers that snarkjs made, with one contribution."""
    folder = tmp_path_factory.mktemp("powers")
    snarkjs("new", "bn128", POWER, folder / "new.ptau")
    snarkjs("contribute", folder / "new.ptau", folder / "powers.ptau", "--name=first", "-e=some text")
    return folder / "powers.ptau"


@pytest.fixture(scope="session")
def begun(powers: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ceremony without contributions."""
    folder = tmp_path_factory.mktemp("begun")
    (first, *_) = run_json("init", powers, "--dir", folder)
    assert first["contributions"] == []
    return folder


@pytest.fixture(scope="session")
def over(begun: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ceremony of two participants and a beacon."""
    folder = tmp_path_factory.mktemp("over") / "ceremony"
    shutil.copytree(begun, folder)
    run_json("contribute", "--dir", folder, "--name", "alice", "--text", text=TEXT)
    run_json("contribute", "--dir", folder, "--name", "bob")
    (first, *_) = run_json("beacon", VALUE, "--exponent", 10, "--dir", folder)
    assert first["over"]
    return folder


@pytest.fixture
def copy(over: Path, tmp_path: Path) -> Path:
    shutil.copytree(over, tmp_path / "ceremony")
    return tmp_path / "ceremony"


@pytest.fixture(scope="session")
def finished(over: Path, powers: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The keys of the ceremony."""
    folder = tmp_path_factory.mktemp("finished")
    run_json("finalize", powers, "--dir", over, "--keys", folder)
    return folder


def last(folder: Path) -> Path:
    return max((folder / "dev" / CIRCUITS[0]).glob("*.transcript"))


def test_a_ceremony_verifies_and_lists_who_contributed(over: Path, powers: Path) -> None:
    for transcript in run_json("verify", powers, "--dir", over):
        assert [entry["name"] for entry in transcript["contributions"]] == ["alice", "bob", None]
        assert transcript["contributions"][2]["beacon"] == {"value": VALUE, "exponent": 10}
        assert transcript["over"]
    shown = run("verify", powers, "--dir", over)
    assert re.search(rf"{CIRCUITS[0]}:[0-9a-f]{{64}} alice", shown.stdout), shown.stdout


def test_a_participant_finds_its_contribution_again_or_is_told(over: Path, powers: Path) -> None:
    circuit = CIRCUITS[0]
    (alice, *_) = ceremony.state(over, "dev", circuit).contributions
    assert run("verify", powers, "--dir", over, "--contains", f"{circuit}:{alice.hash}").exit_code == 0
    assert "0" * 64 in refused("LEFT_OUT", "verify", powers, "--dir", over, "--contains", f"{circuit}:{'0' * 64}")


def test_keys_of_a_ceremony_are_not_development_keys(finished: Path, over: Path) -> None:
    for circuit in CIRCUITS:
        manifest = Manifest.load(finished / "dev", circuit)
        assert manifest.origin == f"ceremony {ceremony.state(over, 'dev', circuit).sha256}"
    assert run("lint", "--dir", over, "--keys", finished).exit_code == 0


def test_keys_of_a_ceremony_prove_and_verify_an_exit(finished: Path, keys: Keys, tmp_path: Path) -> None:
    shutil.copytree(keys.folder, tmp_path / "dev")
    shutil.copytree(finished / "dev", tmp_path / "dev", dirs_exist_ok=True)
    ours = Keys.load(tmp_path, "dev")
    seed = bytes(range(32))
    holder = Holder.from_seed(seed, 99)
    request = ExitRequest(domain=5, index=7, recipient="0x" + 20 * "5a", amount=10**6, number=0)
    proven = prove_exit(request, holder, ours, seed=seed)
    verify_exit(proven, request, holder.owner, ours)
    with pytest.raises(VerificationError):
        verify_exit(proven, request, holder.owner, keys)
    assert ours.account_insecure == (not FULL), "the key of escapes is of development"
    assert ours.account_solidity() != keys.account_solidity()


if FULL:

    def test_keys_of_a_ceremony_prove_and_verify_a_settlement(finished: Path, cases: dict[str, Case]) -> None:
        ours = Keys.load(finished, "dev")
        assert not ours.insecure
        assert not ours.account_insecure
        assert "INSECURE" not in ours.solidity()
        cleared = cases["margin missed by one cash unit"].cleared
        settlement = prover.prove(cleared, ours)
        assert prover.verify(settlement, ours, Expected.of(cleared)) == settlement.end_root


def test_lint_refuses_other_keys_and_an_edited_manifest(finished: Path, over: Path, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    shutil.copytree(finished, keys)
    path = keys / "dev" / f"{CIRCUITS[0]}.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps(manifest | {"origin": "ceremony " + "ab" * 32}))
    assert "origin" in refused("KEYS_DIFFER", "lint", "--dir", over, "--keys", keys)
    path.write_text(json.dumps(manifest | {"origin": "development, INSECURE"}))
    assert "origin" in refused("KEYS_DIFFER", "lint", "--dir", over, "--keys", keys)


def test_a_transcript_that_was_tampered_with_is_refused_by_name(copy: Path, powers: Path, tmp_path: Path) -> None:
    path = last(copy)
    whole = path.read_bytes()

    def after(edited: bytes, fault: str) -> None:
        path.write_bytes(edited)
        refused(fault, "verify", powers, "--dir", copy)

    after(whole[:-1], "TRUNCATED")
    after(whole + b"\0", "TRAILING_BYTES")
    after(whole.replace(b"alice", b"carol"), "NOT_PROVEN")
    after(whole.replace(bytes.fromhex(VALUE), bytes(32)), "NOT_PROVEN")
    after(whole[:-128] + bytes(128), "BAD_POINT")
    after(whole[:-256] + whole[-128:] + whole[-256:-128], "WRONG_QUERY")
    after(b"T" + whole[1:], "FORMAT")
    path.write_bytes(whole[:-256] + whole[-128:] + whole[-256:-128])
    refused("WRONG_QUERY", "finalize", powers, "--dir", copy, "--keys", tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_an_earlier_file_that_is_no_beginning_is_refused(copy: Path, powers: Path, begun: Path) -> None:
    folder = copy / "dev" / CIRCUITS[0]
    shutil.copytree(begun, copy.with_name("elsewhere"))
    ceremony.contribute(copy.with_name("elsewhere"), "dev", "mallory", chosen=CIRCUITS[:1])
    shutil.copy(copy.with_name("elsewhere") / "dev" / CIRCUITS[0] / "0001.transcript", folder)
    assert "0001.transcript" in refused("NOT_CONTINUOUS", "verify", powers, "--dir", copy)


def test_powers_that_were_tampered_with_or_are_others_are_refused(over: Path, powers: Path, tmp_path: Path) -> None:
    raw = bytearray(powers.read_bytes())
    start = raw.index(b"\x02\0\0\0") + 12
    at = start + 64 * 1000
    raw[at : at + 64], raw[at + 64 : at + 128] = raw[at + 64 : at + 128], raw[at : at + 64]
    swapped = tmp_path / "swapped.ptau"
    swapped.write_bytes(raw)
    refused("POWERS_CHAIN", "verify", swapped, "--dir", over)
    refused("POWERS_CHAIN", "init", swapped, "--dir", tmp_path / "new")
    edited = bytearray(powers.read_bytes())
    edited[-1] ^= 1
    other = tmp_path / "other.ptau"
    other.write_bytes(edited)
    refused("WRONG_POWERS", "verify", other, "--dir", over)
    fresh = tmp_path / "fresh.ptau"
    snarkjs("new", "bn128", POWER, fresh)
    refused("POWERS_TRIVIAL", "init", fresh, "--dir", tmp_path / "new")
    small = tmp_path / "small.ptau"
    snarkjs("new", "bn128", 8, small)
    refused("TOO_FEW_POWERS", "init", small, "--dir", tmp_path / "new")
    assert not list(tmp_path.rglob("*.transcript"))


def test_what_has_begun_is_checked_and_kept(begun: Path, powers: Path) -> None:
    before = {path: path.read_bytes() for path in begun.rglob("*") if path.is_file()}
    run_json("init", powers, "--dir", begun)
    assert {path: path.read_bytes() for path in begun.rglob("*") if path.is_file()} == before


def test_steps_out_of_order_are_refused_by_name(begun: Path, over: Path, powers: Path, tmp_path: Path) -> None:
    refused("NOT_BEGUN", "contribute", "--dir", tmp_path, "--name", "alice")
    refused("NOT_OVER", "finalize", powers, "--dir", begun, "--keys", tmp_path)
    refused("AFTER_BEACON", "contribute", "--dir", over, "--name", "late")
    refused("AFTER_BEACON", "beacon", "00" * 32, "--dir", over)
    assert run("beacon", VALUE, "--exponent", 10, "--dir", over).exit_code == 0, "the same beacon: done already"
    refused("NAME_RANGE", "contribute", "--dir", begun, "--name", "two\nlines")
    refused("BEACON_RANGE", "beacon", "00", "--dir", begun)


def test_wrong_use_is_told_as_such(begun: Path, powers: Path) -> None:
    for arguments in (["beacon", "no hex"], ["verify", "no-such.ptau"], ["verify", powers, "--contains", "none:00"]):
        assert run(*arguments, "--dir", begun).exit_code == 2
    command = ["ceremony", "lint", "--params", "dev", "--circuit", "none"]
    assert CliRunner().invoke(app, command).exit_code == 2


def test_nothing_that_a_participant_adds_is_stored_or_shown(begun: Path, tmp_path: Path) -> None:
    folder = tmp_path / "ceremony"
    shutil.copytree(begun, folder)
    made = run("contribute", "--dir", folder, "--name", "alice", "--text", text=TEXT)
    assert made.exit_code == 0, made.output
    assert TEXT not in made.output
    assert all(TEXT.encode() not in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_two_contributions_of_one_name_and_text_differ(begun: Path, tmp_path: Path) -> None:
    hashes = set()
    for attempt in ("one", "two"):
        shutil.copytree(begun, tmp_path / attempt)
        (made, *_) = ceremony.contribute(tmp_path / attempt, "dev", "alice", b"same", CIRCUITS[:1])
        hashes.add(made.contributions[0].hash)
    assert len(hashes) == 2


def test_a_killed_step_leaves_what_was_there_and_is_run_again(begun: Path, powers: Path, tmp_path: Path) -> None:
    folder = tmp_path / "ceremony"
    shutil.copytree(begun, folder)
    command = [sys.executable, "-m", "prover.cli", "ceremony", "contribute", "--dir", str(folder), "--params", "dev"]
    command += ["--name", "alice", "--circuit", CIRCUITS[0]]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    start = time.monotonic()
    subprocess.run(command, env=environment, capture_output=True, check=True)
    whole = time.monotonic() - start
    last(folder).unlink()
    for part in (0.3, 0.6, 0.9):
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(part * whole)
        process.send_signal(signal.SIGKILL)
        process.wait()
        # Killed before or after its file got its name: a transcript that passes either way.
        found = ceremony.verify(folder, "dev", powers, CIRCUITS[:1])[0]
        assert len(found.contributions) == len(list((folder / "dev" / CIRCUITS[0]).glob("*.transcript"))) - 1
    subprocess.run(command, env=environment, capture_output=True, check=True)
    assert ceremony.state(folder, "dev", CIRCUITS[0]).contributions[-1].name == "alice"


class Recorder:
    """Two circuits of which only the names of contributors are kept."""

    def __init__(self) -> None:
        self.names: dict[str, list[str]] = {"one": [], "two": []}

    def ceremony_circuits(self) -> list[str]:
        return list(self.names)

    def ceremony_state(self, _directory: Path, params: str, circuit: str) -> str:
        contributions = [{"name": name, "hash": "00", "beacon": None} for name in self.names[circuit]]
        words = dict.fromkeys(("fingerprint", "powers", "file", "sha256"), "00")
        return json.dumps({"params": params, "circuit": circuit, "contributions": contributions, "over": False} | words)

    def ceremony_contribute(
        self, directory: Path, params: str, circuit: str, name: str, _text: bytes, _progress: object
    ) -> str:
        self.names[circuit].append(name)
        return self.ceremony_state(directory, params, circuit)


def test_an_interrupted_contribution_goes_on_where_it_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder()
    monkeypatch.setattr(ceremony, "_native", recorder)
    ceremony.contribute(Path(), "dev", "alice", chosen=["one"])
    with pytest.raises(CeremonyError, match="alice has contributed to one, not yet to two"):
        ceremony.contribute(Path(), "dev", "bob")
    assert [made.circuit for made in ceremony.contribute(Path(), "dev", "alice")] == ["two"]
    assert [made.circuit for made in ceremony.contribute(Path(), "dev", "bob")] == ["one", "two"]
    assert recorder.names == {"one": ["alice", "bob"], "two": ["alice", "bob"]}
