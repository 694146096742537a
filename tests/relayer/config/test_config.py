"""Settings come from one file and the environment, secrets from files of their own; what does not exist is refused by name."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from prover.errors import TacitError
from relayer.config import SECTIONS, Settings, has_file, is_secret, names
from relayer.config_cli import example, shown
from relayer.errors import ConfigError, SeedError

KEY = "5b" * 32


def load(folder: Path, text: str = "", **environment: str) -> Settings:
    path = folder / "relayer.toml"
    path.write_text(text)
    return Settings.load(path, environment)


def secret(folder: Path, name: str, text: str, mode: int = 0o600) -> Path:
    path = folder / name
    path.write_text(text + "\n")
    path.chmod(mode)
    return path


def refusal(folder: Path, text: str = "", **environment: str) -> str:
    with pytest.raises(TacitError) as caught:
        load(folder, text, **environment)
    return str(caught.value)


def test_a_value_of_the_file_counts(tmp_path: Path) -> None:
    assert load(tmp_path, "[api]\nport = 9000\n").api.port == 9000


def test_the_environment_counts_before_the_file(tmp_path: Path) -> None:
    settings = load(tmp_path, "[api]\nport = 9000\n[transactions]\npublic_fallback = true\n", TACIT_API_PORT="9001")
    assert settings.api.port == 9001
    assert settings.transactions.public_fallback


def test_a_list_in_the_environment_is_json_or_separated_by_commas(tmp_path: Path) -> None:
    expected = ("http://a:1", "http://b:2")
    assert load(tmp_path, TACIT_CHAIN_RPC="http://a:1, http://b:2").chain.rpc == expected
    assert load(tmp_path, TACIT_CHAIN_RPC='["http://a:1", "http://b:2"]').chain.rpc == expected


@pytest.mark.parametrize(
    ("text", "near"),
    [("[api]\nprot = 1\n", "port"), ("[intake]\nqueues = 1\n", "queue"), ("[chian]\nvault = ''\n", "chain")],
)
def test_an_unknown_name_is_refused_with_the_nearest(tmp_path: Path, text: str, near: str) -> None:
    assert f"did you mean {near}?" in refusal(tmp_path, text)


def test_an_unknown_variable_of_a_section_is_refused_with_the_nearest(tmp_path: Path) -> None:
    assert "did you mean TACIT_API_PORT?" in refusal(tmp_path, TACIT_API_PROT="1")


def test_variables_of_other_programs_are_none_of_ours(tmp_path: Path) -> None:
    assert load(tmp_path, TACIT_FULL="1", TACIT_KEYS="/somewhere", HOME="/root") == load(tmp_path)


@pytest.mark.parametrize(("section", "name"), [("keys", "operator"), ("database", "key"), ("admin", "tokens")])
def test_a_secret_in_the_file_is_refused_and_not_repeated(tmp_path: Path, section: str, name: str) -> None:
    said = refusal(tmp_path, f'[{section}]\n{name} = "{KEY}"\n')
    assert f"{name}_file" in said
    assert KEY not in said


@pytest.mark.parametrize(
    "line",
    [
        '[database]\nurl = "postgresql+psycopg://tacit:hunter2hunter2@db/tacit"',
        '[chain]\nrpc = ["https://node.example/v2/Abcdefghijklmnopqrstuvwxyz"]',
        '[transactions]\nprivate = ["https://node.example/?key=Abcdefghijklmnopqrstuvwxyz"]',
    ],
)
def test_an_address_with_a_key_in_the_file_is_refused_and_not_repeated(tmp_path: Path, line: str) -> None:
    said = refusal(tmp_path, line)
    assert "_file" in said
    assert "hunter2" not in said
    assert "Abcdef" not in said


def test_a_secret_is_read_from_its_file_beside_the_settings(tmp_path: Path) -> None:
    secret(tmp_path, "operator", KEY)
    settings = load(tmp_path, '[keys]\noperator_file = "operator"\n')
    assert settings.operator().key == bytes.fromhex(KEY)


def test_a_secret_is_read_from_the_environment_or_a_file_that_it_names(tmp_path: Path) -> None:
    path = secret(tmp_path, "key", KEY)
    assert load(tmp_path, TACIT_DATABASE_KEY=KEY).sealing_key() == bytes.fromhex(KEY)
    assert load(tmp_path, TACIT_DATABASE_KEY_FILE=str(path)).sealing_key() == bytes.fromhex(KEY)


def test_the_environment_replaces_a_file_of_the_settings(tmp_path: Path) -> None:
    secret(tmp_path, "key", "aa" * 32)
    settings = load(tmp_path, '[database]\nkey_file = "key"\n', TACIT_DATABASE_KEY=KEY)
    assert settings.sealing_key() == bytes.fromhex(KEY)


def test_a_secret_that_others_can_read_is_refused(tmp_path: Path) -> None:
    secret(tmp_path, "key", KEY, mode=0o644)
    with pytest.raises(SeedError, match="chmod 600"):
        load(tmp_path, '[database]\nkey_file = "key"\n')


def test_a_credential_that_systemd_grants_by_an_access_list_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    path = secret(tmp_path, "key", KEY, mode=0o440)
    assert load(tmp_path, TACIT_DATABASE_KEY_FILE=str(path)).sealing_key() == bytes.fromhex(KEY)
    path.chmod(0o444)
    with pytest.raises(SeedError, match="chmod 600"):
        load(tmp_path, TACIT_DATABASE_KEY_FILE=str(path))


def test_a_secret_that_is_not_set_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"keys\.operator_file, or TACIT_KEYS_OPERATOR"):
        load(tmp_path).operator()


@pytest.mark.parametrize("text", ["5b5b", "zz" * 32, ""])
def test_a_secret_of_another_form_is_refused_and_not_repeated(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, TACIT_DATABASE_KEY=text or " ").sealing_key()
    assert str(caught.value) == "database.key is not 64 hexadecimal digits"


def test_a_wrong_value_is_named_by_its_setting_and_not_repeated(tmp_path: Path) -> None:
    said = refusal(tmp_path, TACIT_API_PORT="secret-looking")
    assert said.startswith("api.port:")
    assert "secret-looking" not in said


def test_no_secret_is_in_the_text_of_settings(tmp_path: Path) -> None:
    address = "https://node.example/v2/Abcdefghijklmnopqrstuvwxyz"
    settings = load(tmp_path, TACIT_DATABASE_KEY=KEY, TACIT_CHAIN_RPC=address, TACIT_ADMIN_TOKENS="ops all " + KEY)
    for text in (repr(settings), str(settings), json.dumps(shown(settings))):
        assert KEY not in text
        assert "Abcdef" not in text


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    settings = load(tmp_path, '[proving]\ndirectory = "work"\n[database]\nurl = "sqlite:///db/tacit.sqlite"\n')
    assert settings.proving.directory == tmp_path / "work"
    assert settings.database.url == f"sqlite:///{tmp_path}/db/tacit.sqlite"


def test_a_lease_that_one_slow_renewal_loses_is_refused(tmp_path: Path) -> None:
    assert "leases.seconds" in refusal(tmp_path, "[leases]\nseconds = 5\nrenew_seconds = 3\n")


def test_the_example_is_toml_of_which_every_line_holds_when_taken_in() -> None:
    text = example()
    assert set(tomllib.loads(text)) == set(SECTIONS)
    taken = "\n".join(line.removeprefix("# ") if " = " in line else line for line in text.splitlines())
    document = tomllib.loads(taken)
    for section, model in SECTIONS.items():
        expected = {f"{n}_file" if is_secret(model, n) else n for n in model.model_fields}
        assert set(document[section]) == expected
        assert expected <= set(names(model))
    for values, model in ((document[section], model) for section, model in SECTIONS.items()):
        for name in [n for n in values if n.endswith("_file") and n not in model.model_fields]:
            del values[name]
    bare = {s: {n: v for n, v in values.items() if v != ""} for s, values in document.items()}
    for section, values in bare.items():
        for name, value in values.items():
            default = getattr(getattr(Settings(), section), name)
            made = getattr(SECTIONS[section].model_validate({name: value}), name)
            assert made == default, (section, name)


def test_every_address_that_may_hold_a_key_can_come_from_a_file() -> None:
    addresses = [("chain", "rpc"), ("database", "url"), ("transactions", "private"), ("tracing", "endpoint")]
    assert all(has_file(SECTIONS[section], name) for section, name in addresses)


def test_the_command_says_what_is_wrong_with_exit_code_1(tmp_path: Path) -> None:
    path = tmp_path / "relayer.toml"
    path.write_text("[api]\nprot = 1\n")
    run = [sys.executable, "-m", "relayer", "config", "check", "--config", str(path), "--json"]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["code"] == "CONFIG"
