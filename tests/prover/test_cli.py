"""The command line as a person and a program use it: results, exit codes, one clear message, nothing left behind."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from prover import Expected, Keys, RiskTable, Settlement
from prover.cli import app
from prover.explain import Account
from prover.wire import element
from tests.prover.material import ROOT, Case

CHAIN = ROOT / "data" / "chains" / "btc_2025-12-05.csv"
NAME = "margin missed by one cash unit"
FEW_BYTES = 4_096


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], prog_name="prover")


def run_json(*arguments: object) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def spawn(*arguments: object, limit: int | None = None) -> subprocess.Popen[str]:
    """The command in a process of its own, its files limited to so many bytes: a full disk."""

    def full_disk() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    command = [sys.executable, "-m", "prover.cli", *(str(argument) for argument in arguments)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=full_disk
    )


def snapshot(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def batch(cases: dict[str, Case], tmp_path: Path) -> Path:
    return cases[NAME].write(tmp_path / "sealed")


@pytest.fixture(scope="session")
def proven_folder(cases: dict[str, Case], keys: Keys, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of `prover prove`, with the files around it."""
    root = tmp_path_factory.mktemp("proven")
    case = cases[NAME]
    done = run("prove", case.write(root / "sealed"), "--out", root / "out", "--keys", keys.folder)
    assert done.exit_code == 0, done.output
    Expected.of(case.cleared).save(root / "expected.json")
    for touch in case.batch.touches:
        orders = tuple(sealed.order for sealed in touch.orders)
        Account(touch.index, touch.holder, orders).save(root / f"account-{touch.index}.json")
    return root


@pytest.fixture
def roots(proven_folder: Path) -> list[str]:
    settlement = Settlement.load(proven_folder / "out")
    start, risk = element(settlement.start_root), element(settlement.risk_root)
    return ["--start-root", start, "--seal", "0x" + settlement.seal_root.hex(), "--risk-root", risk]


# --- what each command gives


def test_inspect_is_exactly_what_is_promised() -> None:
    document = run_json("inspect", "--params", "standard")
    assert set(document) == {"segment", "closing", "exit", "escape"}
    assert set(document["segment"]) == {"constraints", "touches", "orders", "per_order", "by_gadget"}
    assert set(document["closing"]) == {"constraints", "per_row", "by_gadget"}
    assert set(document["exit"]) == {"constraints", "by_gadget"}
    assert set(document["escape"]) == {"constraints", "per_position", "by_gadget"}
    assert "signatures" in run("inspect", "--params", "dev").stdout


def test_setup_keeps_keys_and_says_that_they_are_insecure(keys: Keys) -> None:
    result = run("setup", "--params", "dev", "--keys", keys.folder.parent)
    assert result.exit_code == 0
    assert "INSECURE" in result.stderr
    assert run_json("setup", "--params", "dev", "--keys", keys.folder.parent)["insecure"] is True


def test_risk_makes_a_table_that_fits_a_parameter_set(tmp_path: Path) -> None:
    document = run_json("risk", CHAIN, "--out", tmp_path / "table.json", "--params", "standard")
    table = RiskTable.from_json((tmp_path / "table.json").read_text())
    assert (document["rows"], document["scenarios"]) == (len(table), len(table.scenarios)) == (64, 24)
    assert document["root"].startswith("0x")
    assert run_json("risk", CHAIN, "--out", tmp_path / "dev.json", "--params", "dev")["scenarios"] == 4


def test_prove_says_where_the_batch_ends(proven_folder: Path, cases: dict[str, Case], keys: Keys) -> None:
    arguments = (
        "prove",
        proven_folder / "sealed" / "batch.json",
        "--out",
        proven_folder / "out",
        "--keys",
        keys.folder,
    )
    assert run_json(*arguments)["end_root"] == element(cases[NAME].cleared.end_root)


def test_prove_writes_the_state_after(batch: Path, cases: dict[str, Case], keys: Keys, tmp_path: Path) -> None:
    arguments = (
        "prove",
        batch,
        "--out",
        tmp_path / "out",
        "--keys",
        keys.folder,
        "--state-out",
        tmp_path / "after.bin",
    )
    assert run(*arguments, "--workers", 2).exit_code == 0
    assert (tmp_path / "after.bin").read_bytes() == cases[NAME].cleared.state.to_bytes()


def test_verify_takes_three_roots_and_says_what_it_did_not_compare(
    proven_folder: Path, roots: list[str], keys: Keys
) -> None:
    document = run_json("verify", proven_folder / "out", "--keys", keys.folder, *roots)
    assert document["valid"] is True
    assert "domain" in document["unchecked"]
    assert "start_root" not in document["unchecked"]


def test_verify_takes_a_file_of_all_that_is_trusted(proven_folder: Path, keys: Keys) -> None:
    arguments = ("verify", proven_folder / "out", "--keys", keys.folder, "--expected", proven_folder / "expected.json")
    assert run_json(*arguments)["unchecked"] == []


@pytest.mark.parametrize("option", ["--start-root", "--seal", "--risk-root"])
def test_verify_refuses_another_root(option: str, proven_folder: Path, roots: list[str], keys: Keys) -> None:
    other = list(roots)
    other[roots.index(option) + 1] = "0x1"
    result = run("verify", proven_folder / "out", "--keys", keys.folder, *other)
    assert result.exit_code == 1
    assert "expected" in result.stderr


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--batch", 3),
        ("--domain", 5),
        ("--time", 1),
        ("--fee-rate", 77),
        ("--margin", "1/1"),
        ("--orders", 99),
        ("--orders", 2**40),
        ("--deposit-end", 1),
        ("--exit-end", 1),
        ("--deposit", "1:5:7"),
        ("--exit", "1:5"),
        ("--last-void", 9),
    ],
)
def test_verify_refuses_anything_else_than_trusted(
    option: str, value: object, proven_folder: Path, roots: list[str], keys: Keys
) -> None:
    result = run("verify", proven_folder / "out", "--keys", keys.folder, *roots, option, value)
    assert result.exit_code == 1, result.output
    assert result.stderr.count("error:") == 1


def test_verify_refuses_a_changed_settlement(proven_folder: Path, roots: list[str], keys: Keys, tmp_path: Path) -> None:
    settlement = Settlement.load(proven_folder / "out")
    replace(settlement, segments=settlement.segments[::-1]).save(tmp_path / "settlement.json")
    result = run("verify", tmp_path, "--keys", keys.folder, *roots, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"]["code"] in {"VERIFICATION", "SETTLEMENT"}


def test_explain_tells_why_an_order_was_refused(proven_folder: Path) -> None:
    document = run_json("explain", proven_folder / "out", "--account", proven_folder / "account-1.json")
    (order,) = document["orders"]
    assert (order["fill"], order["why"]) == ("0", "initial margin")
    assert document["failure"] == {"scenario": "scenario 3", "shortfall": "10000", "worst_loss": "12536000000"}
    assert document["margin"][-1]["scenario"] == "mark"
    people = run("explain", proven_folder / "out", "--account", proven_folder / "account-1.json")
    assert "margin refused the orders" in people.stdout


def test_explain_opens_nothing_with_anothers_key(proven_folder: Path, tmp_path: Path) -> None:
    one, two = (Account.load(proven_folder / f"account-{index}.json") for index in (1, 2))
    replace(one, holder=two.holder).save(tmp_path / "key.json")
    result = run("explain", proven_folder / "out", "--account", tmp_path / "key.json", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"]["code"] == "READING"


def test_a_secret_file_is_for_its_owner_alone(proven_folder: Path) -> None:
    for path in (proven_folder / "account-1.json", proven_folder / "sealed" / "batch.json"):
        assert path.stat().st_mode & 0o077 == 0


def test_exports_are_written(proven_folder: Path, keys: Keys, tmp_path: Path) -> None:
    files = run_json("export", proven_folder / "out", "--out", tmp_path / "s", "--keys", keys.folder)["files"]
    assert {"segment.vkey.json", "closing.vkey.json", "segment-0001.proof.json", "closing.public.json"} <= set(files)
    assert len(json.loads((tmp_path / "s" / "segment-0001.public.json").read_text())) == 18
    out = tmp_path / "Verifier.sol"
    assert run("export-verifier", "--params", "dev", "--keys", keys.folder, "--out", out).exit_code == 0
    assert out.read_text() == keys.solidity()
    accounts = tmp_path / "AccountVerifier.sol"
    both = run_json("export-verifier", "--params", "dev", "--keys", keys.folder, "--out", out, "--accounts", accounts)
    assert both["accounts"] == str(accounts)
    assert (out.read_text(), accounts.read_text()) == (keys.solidity(), keys.account_solidity())


def test_snarkjs_accepts_what_is_exported(proven_folder: Path, keys: Keys, tmp_path: Path) -> None:
    run_json("export", proven_folder / "out", "--out", tmp_path, "--keys", keys.folder)
    for circuit, name in (("segment", "segment-0001"), ("closing", "closing")):
        files = [tmp_path / f"{circuit}.vkey.json", tmp_path / f"{name}.public.json", tmp_path / f"{name}.proof.json"]
        snarkjs = ROOT / "node_modules" / ".bin" / "snarkjs"
        done = subprocess.run([snarkjs, "groth16", "verify", *files], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


def test_doctor_finds_what_is_there_and_what_is_not(
    keys: Keys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    findings = {
        each["name"]: each
        for each in json.loads(run("doctor", "--keys", keys.folder.parent, "--json").stdout)["findings"]
    }
    assert findings["python"]["ok"]
    assert findings["dev keys"]["ok"]
    assert not findings["anvil"]["ok"]
    assert not findings["node"]["ok"]
    assert findings["anvil"]["remedy"]
    assert run("doctor", "--keys", tmp_path).exit_code == 1


# --- killed, interrupted, out of room


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_killed_run_goes_on_without_proving_again(batch: Path, keys: Keys, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with spawn("prove", batch, "--out", out, "--keys", keys.folder) as process:
        wait_for(out / "proofs" / "segment-0001.json", process)
        process.send_signal(signal.SIGKILL)
    assert not (out / "settlement.json").exists()
    first = (out / "proofs" / "segment-0001.json").read_bytes()
    result = run("prove", batch, "--out", out, "--keys", keys.folder)
    assert result.exit_code == 0
    assert "segment-0001 stored" in result.stderr
    assert "segment-0001 done" not in result.stderr
    assert (out / "proofs" / "segment-0001.json").read_bytes() == first


def test_ctrl_c_ends_a_run_within_a_second(batch: Path, keys: Keys, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with spawn("prove", batch, "--out", out, "--keys", keys.folder) as process:
        wait_for(out / "proofs" / "segment-0001.json", process)
        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
        assert time.monotonic() - start < 3
    assert process.returncode == 130
    assert "interrupted" in errors
    assert "Traceback" not in errors


def test_ctrl_c_ends_a_set_up_and_leaves_no_key(tmp_path: Path) -> None:
    with spawn("setup", "--params", "standard", "--keys", tmp_path) as process:
        wait_for(tmp_path / "standard", process)
        time.sleep(1)
        start = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
        assert time.monotonic() - start < 5
    assert process.returncode == 130, errors
    assert not list((tmp_path / "standard").iterdir())


@pytest.mark.parametrize("command", ["prove", "setup", "risk", "export-verifier", "export"])
def test_a_full_disk_leaves_every_file_as_it_was(
    command: str, proven_folder: Path, batch: Path, keys: Keys, tmp_path: Path
) -> None:
    place = tmp_path / "place"
    place.mkdir()
    (place / "old").write_text("as it was")
    arguments: dict[str, list[object]] = {
        "prove": ["prove", batch, "--out", place, "--keys", keys.folder],
        "setup": ["setup", "--params", "dev", "--keys", place],
        "risk": ["risk", CHAIN, "--out", place / "old"],
        "export-verifier": ["export-verifier", "--params", "dev", "--keys", keys.folder, "--out", place / "old"],
        "export": ["export", proven_folder / "out", "--keys", keys.folder, "--out", place],
    }
    with spawn(*arguments[command], limit=FEW_BYTES if command != "prove" else 100) as process:
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 1, errors
    assert errors.count("error:") == 1
    assert "Traceback" not in errors
    assert (place / "old").read_text() == "as it was"
    assert not [path for path in place.rglob("*") if path.name.endswith(".tmp")]


def test_proving_goes_on_where_the_disk_was_full(batch: Path, keys: Keys, tmp_path: Path) -> None:
    """The settlement did not fit, the proofs did."""
    out = tmp_path / "out"
    with spawn("prove", batch, "--out", out, "--keys", keys.folder, limit=FEW_BYTES) as process:
        _, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "settlement.json" in errors
    again = run("prove", batch, "--out", out, "--keys", keys.folder)
    assert again.exit_code == 0
    assert "done" not in again.stderr


# --- bad input


def bad_inputs(folder: Path, keys: Path) -> dict[str, tuple[list[object], int, str]]:
    """Arguments, exit code, and what the message must name."""
    batch, chain = folder / "batch.json", folder / "chain.csv"
    out = folder / "never"
    document = json.loads(batch.read_text())
    written = {
        "rubbish.json": "rubbish",
        "unsigned.json": json.dumps(_with_order(document, quantity="77777")),
        "crowded.json": json.dumps(_with_order(document, quantity=5)),
        "headless.csv": CHAIN.read_text().partition("\n")[2],
        "rubbish.csv": "rubbish",
        "chain.csv": CHAIN.read_text(),
        "state.json": '{"format": "tacit.state.1"}',
    }
    for name, text in written.items():
        (folder / name).write_text(text)
    proven = ["--out", out, "--keys", keys]
    foreign, damaged = (_copied(keys, folder / name) for name in ("foreign", "damaged"))
    manifest = json.loads((foreign / "segment.json").read_text())
    (foreign / "segment.json").write_text(json.dumps(manifest | {"fingerprint": 64 * "0"}))
    (damaged / "closing.pk").write_bytes(b"tacit proving 1\n")
    return {
        "a chain that is none": (["risk", folder / "rubbish.csv", "--out", out], 1, "rubbish"),
        "a chain without a head": (["risk", folder / "headless.csv", "--out", out], 1, "column"),
        "an instrument the chain lacks": (["risk", chain, "--out", out, "--instrument", "BTC-X"], 1, "BTC-X"),
        "an expiry the chain lacks": (["risk", chain, "--out", out, "--expiry", "1JAN00"], 1, "1JAN00"),
        "scenarios that are none": (["risk", chain, "--out", out, "--scenarios", "all"], 1, "all"),
        "a table that is none": (["risk", chain, "--out", out, "--previous", batch], 1, "tacit"),
        "a batch that is none": (["prove", folder / "rubbish.json", *proven], 1, "batch"),
        "an order out of its format": (["prove", folder / "crowded.json", *proven], 1, "line"),
        "an order with a wrong signature": (["prove", folder / "unsigned.json", *proven], 1, "account 1"),
        "a state that is none": (["prove", batch, "--state", folder / "state.json", *proven], 1, "state"),
        "a missing batch": (["prove", folder / "nowhere.json", *proven], 2, "nowhere.json"),
        "a missing state": (["prove", batch, *proven], 2, "--state"),
        "keys that are missing": (["prove", batch, "--out", out, "--keys", folder], 1, "prover setup --params dev"),
        "a key of another circuit": (["prove", batch, "--out", out, "--keys", foreign], 1, 64 * "0"),
        "a damaged key": (["prove", batch, "--out", out, "--keys", damaged], 1, "closing.pk"),
        "no workers": (["prove", batch, *proven, "--workers", 0], 2, "0 is below 1"),
        "a beneficiary that is none": (["prove", batch, *proven, "--beneficiary", "0xzz"], 1, "0xzz"),
        "a queue end too large": (["prove", batch, *proven, "--deposit-end", 2**64], 1, str(2**64)),
        "a folder that is not proven": (["verify", folder, "--keys", keys, *_three("5")], 1, "settlement.json"),
        "nothing to trust": (["verify", folder, "--keys", keys], 2, "--start-root"),
        "a root that is none": (["verify", folder, "--keys", keys, *_three("five")], 2, "five"),
        "a root beyond the field": (["verify", folder, "--keys", keys, *_three("0x" + 64 * "f")], 2, "field"),
        "a ratio that is none": (["verify", folder, "--keys", keys, *_three("5"), "--margin", "5"], 2, "NUM/DEN"),
        "a domain by half": (["verify", folder, "--keys", keys, *_three("5"), "--chain-id", 1], 2, "--contract"),
        "an account that is none": (["explain", folder, "--account", batch], 1, "settlement.json"),
        "a format that is none": (["export", "--format", "circom", "--out", out], 2, "circom"),
        "a parameter set that is none": (["setup", "--params", "huge"], 2, "huge"),
        "a command that is none": (["unmake"], 2, "unmake"),
        "an option that is none": (["inspect", "--all"], 2, "--all"),
    }


def _copied(keys: Path, to: Path) -> Path:
    shutil.copytree(keys, to, dirs_exist_ok=True)
    return to


def _three(root: str) -> list[object]:
    return ["--start-root", root, "--seal", "5", "--risk-root", "5"]


def _with_order(document: dict[str, Any], **changes: object) -> dict[str, Any]:
    copy: dict[str, Any] = json.loads(json.dumps(document))
    touch = next(touch for touch in copy["touches"] if touch["orders"])
    touch["orders"][0]["order"].update(changes)
    return copy


BAD = [
    "a chain that is none", "a chain without a head", "an instrument the chain lacks", "an expiry the chain lacks",
    "scenarios that are none", "a table that is none", "a batch that is none", "an order out of its format",
    "an order with a wrong signature", "a state that is none", "a missing batch", "a missing state",
    "keys that are missing", "a key of another circuit", "a damaged key",
    "no workers", "a beneficiary that is none", "a queue end too large",
    "a folder that is not proven", "nothing to trust", "a root that is none", "a root beyond the field",
    "a ratio that is none", "a domain by half", "an account that is none", "a format that is none",
    "a parameter set that is none", "a command that is none", "an option that is none",
]  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_gets_one_clear_message_and_changes_nothing(
    name: str, cases: dict[str, Case], keys: Keys, tmp_path: Path
) -> None:
    folder = tmp_path / "input"
    cases[NAME].write(folder)
    arguments, code, offender = bad_inputs(folder, keys.folder)[name]
    if name == "a missing state":
        (folder / "state.bin").unlink()
        (folder / "state.json").unlink()
    before = snapshot(tmp_path)
    result = run(*arguments)
    assert result.exit_code == code, result.output
    assert result.stderr.lower().count("error:") == 1
    assert offender in result.stderr
    assert result.stdout == ""
    assert "77777" not in result.stderr
    assert snapshot(tmp_path) == before


def test_the_bad_input_table_is_complete(cases: dict[str, Case], keys: Keys, tmp_path: Path) -> None:
    cases[NAME].write(tmp_path)
    assert list(bad_inputs(tmp_path, keys.folder)) == BAD
