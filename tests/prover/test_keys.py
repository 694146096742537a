"""Keys: kept while they fit, refused when they are damaged or of another circuit, and marked when one machine made them."""

import json
import shutil
from pathlib import Path

import pytest

import prover
from prover import Keys
from prover.errors import FileError, KeyFileError, ParamsError, WrongCircuitError

BUDGET_AN_ORDER = 9_300
BUDGET_A_ROW = 2_300
FILES = {f"{circuit}.{end}" for circuit in ("segment", "closing") for end in ("pk", "vk", "json")}


@pytest.fixture
def copy(keys: Keys, tmp_path: Path) -> Path:
    shutil.copytree(keys.folder, tmp_path / "dev")
    return tmp_path


def edit_manifest(folder: Path, circuit: str, **changes: object) -> None:
    path = folder / f"{circuit}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def flip(path: Path, at: int) -> None:
    raw = bytearray(path.read_bytes())
    raw[at] ^= 1
    path.write_bytes(raw)


def test_a_set_up_writes_six_files_and_says_they_are_insecure(copy: Path) -> None:
    keys = Keys.load(copy, "dev")
    assert {path.name for path in keys.folder.iterdir()} == FILES
    assert keys.insecure
    assert "INSECURE" in (keys.folder / "segment.json").read_text()
    assert keys.fits()


def test_keys_that_fit_are_kept(copy: Path) -> None:
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    prover.setup("dev", copy)
    assert {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()} == before


def test_keys_that_do_not_fit_are_made_anew(copy: Path) -> None:
    (copy / "dev" / "closing.vk").unlink()
    flip(copy / "dev" / "segment.vk", 200)
    before = (copy / "dev" / "segment.pk").read_bytes()
    keys = prover.setup("dev", copy)
    assert (copy / "dev" / "segment.pk").read_bytes() != before
    assert Keys.load(copy, "dev").verifying is not None
    assert keys.fits()


def test_the_folder_itself_will_do(copy: Path) -> None:
    assert Keys.load(copy / "dev", "dev").params == "dev"


def test_verifying_needs_no_proving_key(copy: Path) -> None:
    for circuit in ("segment", "closing"):
        (copy / "dev" / f"{circuit}.pk").unlink()
    keys = Keys.load(copy, "dev")
    assert keys.verifying is not None
    with pytest.raises(FileError, match=r"segment\.pk"):
        _ = keys.proving


@pytest.mark.parametrize("circuit", ["segment", "closing"])
@pytest.mark.parametrize("end", ["vk", "pk"])
def test_a_damaged_key_is_refused_by_name(circuit: str, end: str, copy: Path) -> None:
    path = copy / "dev" / f"{circuit}.{end}"
    flip(path, path.stat().st_size // 2)
    keys = Keys.load(copy, "dev")
    with pytest.raises(KeyFileError, match=path.name.replace(".", r"\.")) as refusal:
        _ = keys.verifying if end == "vk" else keys.proving
    assert refusal.value.code == "KEY_FILE"


def test_a_key_of_another_circuit_is_refused(copy: Path) -> None:
    edit_manifest(copy / "dev", "segment", fingerprint=64 * "0")
    with pytest.raises(WrongCircuitError, match=64 * "0"):
        _ = Keys.load(copy, "dev").verifying


def test_the_closing_key_is_no_segment_key(copy: Path) -> None:
    for end in ("pk", "vk", "json"):
        shutil.copy(copy / "dev" / f"closing.{end}", copy / "dev" / f"segment.{end}")
    with pytest.raises(KeyFileError, match="closing"):
        Keys.load(copy, "dev")


def test_keys_of_another_parameter_set_are_refused(copy: Path) -> None:
    with pytest.raises(ParamsError, match="dev"):
        Keys.load(copy / "dev", "standard")


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"schema": 2}'])
def test_a_malformed_manifest_is_refused(text: str, copy: Path) -> None:
    (copy / "dev" / "segment.json").write_text(text)
    with pytest.raises(KeyFileError, match="manifest"):
        Keys.load(copy, "dev")


def test_missing_keys_are_named_with_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="prover setup --params dev"):
        Keys.load(tmp_path, "dev")


def test_the_folder_of_the_environment_is_the_default(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TACIT_KEYS", str(copy))
    assert Keys.load(params="dev").folder == copy / "dev"


def test_the_verifier_contract_says_that_the_keys_are_insecure(keys: Keys) -> None:
    source = keys.solidity()
    assert "contract Verifier" in source
    assert "INSECURE" in source
    assert source == keys.solidity()


@pytest.mark.parametrize("params", ["dev", "standard", "large"])
def test_inspect_adds_up(params: str) -> None:
    counts, sizes = prover.inspect(params), prover.Params.named(params)
    assert set(counts) == {"segment", "closing"}
    segment, closing = counts["segment"], counts["closing"]
    assert set(segment) == {"constraints", "touches", "orders", "per_order", "by_gadget"}
    assert set(closing) == {"constraints", "per_row", "by_gadget"}
    assert segment["orders"] == sizes.touches * sizes.orders
    for numbers in (segment, closing):
        gadgets = numbers["by_gadget"]
        assert isinstance(gadgets, dict)
        assert sum(gadgets.values()) == numbers["constraints"]


def test_standard_stays_within_its_budgets() -> None:
    counts, sizes = prover.inspect("standard"), prover.Params.named("standard")
    segment, closing = counts["segment"]["constraints"], counts["closing"]["constraints"]
    assert isinstance(segment, int)
    assert isinstance(closing, int)
    assert sizes.touches >= 7
    assert segment <= 2**18
    assert segment <= BUDGET_AN_ORDER * sizes.touches * sizes.orders
    assert closing <= BUDGET_A_ROW * sizes.rows
