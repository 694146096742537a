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
CIRCUITS = ("segment", "closing", "exit", "escape")
FILES = {f"{circuit}.{end}" for circuit in CIRCUITS for end in ("pk", "vk", "json")}


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


def test_both_circuits_start_from_one_file_of_powers_as_those_of_a_ceremony(keys: Keys) -> None:
    segment, closing = (json.loads(key) for key in keys.verifying.snarkjs())
    assert segment["vk_alpha_1"] == closing["vk_alpha_1"]
    assert segment["vk_beta_2"] == closing["vk_beta_2"]
    assert segment["vk_gamma_2"] != closing["vk_gamma_2"]
    assert segment["vk_delta_2"] != closing["vk_delta_2"]


@pytest.mark.parametrize("params", ["dev", "standard", "large"])
def test_inspect_adds_up(params: str) -> None:
    counts, sizes = prover.inspect(params), prover.Params.named(params)
    assert set(counts) == set(CIRCUITS)
    segment, closing, exit_, escape = (counts[circuit] for circuit in CIRCUITS)
    assert set(segment) == {"constraints", "touches", "orders", "per_order", "by_gadget"}
    assert set(closing) == {"constraints", "per_row", "by_gadget"}
    assert set(exit_) == {"constraints", "by_gadget"}
    assert set(escape) == {"constraints", "per_position", "by_gadget"}
    assert segment["orders"] == sizes.touches * sizes.orders
    for numbers in counts.values():
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


def test_an_escape_fits_an_ordinary_laptop() -> None:
    constraints = prover.inspect("standard")["escape"]["constraints"]
    assert isinstance(constraints, int)
    assert constraints < 2**15 - 13


def test_keys_of_owners_that_are_missing_or_do_not_fit_are_made_without_those_of_batches(copy: Path) -> None:
    folder = copy / "dev"
    before = {circuit: (folder / f"{circuit}.pk").read_bytes() for circuit in CIRCUITS}
    (folder / "exit.json").unlink()
    with pytest.raises(FileError, match=r"exit\.json"):
        _ = Keys.load(copy, "dev").account_proving
    assert Keys.load(copy, "dev").verifying is not None
    keys = prover.setup("dev", copy)
    assert keys.account_fits()
    after = {circuit: (folder / f"{circuit}.pk").read_bytes() for circuit in CIRCUITS}
    assert [circuit for circuit in CIRCUITS if before[circuit] != after[circuit]] == ["exit", "escape"]
    edit_manifest(folder, "escape", fingerprint=64 * "0")
    assert not Keys.load(copy, "dev").account_fits()
    assert prover.setup("dev", copy).account_fits()


@pytest.mark.parametrize("circuit", ["exit", "escape"])
@pytest.mark.parametrize("end", ["vk", "pk"])
def test_a_damaged_key_of_owners_is_refused_by_name(circuit: str, end: str, copy: Path) -> None:
    flip(copy / "dev" / f"{circuit}.{end}", 200)
    keys = Keys.load(copy, "dev")
    with pytest.raises(KeyFileError, match=rf"{circuit}\.{end}"):
        _ = keys.account_verifying if end == "vk" else keys.account_proving


def test_the_account_verifier_is_the_same_for_the_same_keys_and_says_what_they_are(keys: Keys) -> None:
    source = keys.account_solidity()
    assert source == keys.account_solidity()
    assert "contract AccountVerifier is OwnerVerifier" in source
    assert "INSECURE" in source
