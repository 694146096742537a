"""Keystores: opened by their passphrase alone, bounded in what they ask for, private files; commands take them and plain files alike."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from typer.testing import CliRunner

from prover import eddsa
from relayer import keystore
from relayer.cli import app
from relayer.config import Settings
from relayer.errors import ConfigError, KeystoreError, SeedError
from relayer.keyfiles import load_seed, load_signer, write_key
from relayer.keystore import Secret, open_keystore, seal_ethereum, seal_seed
from relayer.passphrase import Passphrase
from relayer.seed import Seed
from relayer.signing import Signer
from relayer.wallet import Account

RAW = bytes(range(1, 33))
PHRASE = "correct horse battery staple"
CHEAP = 14
NEW = {"TACIT_NEW_PASSPHRASE": "new"}


def given(text: str, phrase: str = PHRASE) -> Secret:
    return open_keystore(text, lambda: phrase)


def unasked() -> str:
    raise AssertionError("the passphrase was asked for before the file was known to be in order")


@pytest.fixture(scope="module")
def seed_text() -> str:
    return seal_seed(RAW, PHRASE, CHEAP)


@pytest.fixture(scope="module")
def ethereum_text() -> str:
    return seal_ethereum(RAW, PHRASE, CHEAP)


def test_a_seed_comes_back_under_its_passphrase_alone(seed_text: str) -> None:
    assert given(seed_text) == Secret("seed", RAW)
    for wrong in ("", PHRASE + " ", PHRASE.upper()):
        with pytest.raises(KeystoreError, match="does not open"):
            given(seed_text, wrong)


def test_a_seeds_keystore_is_what_the_format_says(seed_text: str) -> None:
    """docs/formats.md, computed by its words with the standard library's scrypt."""
    document = json.loads(seed_text)
    scrypt, salt = document["scrypt"], bytes.fromhex(document["scrypt"]["salt"][2:])
    key = hashlib.scrypt(PHRASE.encode(), salt=salt, n=2 ** scrypt["log_n"], r=8, p=1, maxmem=2**26, dklen=32)
    nonce, sealed = (bytes.fromhex(document[name][2:]) for name in ("nonce", "ciphertext"))
    assert ChaCha20Poly1305(key).decrypt(nonce, sealed, b"tacit.keystore.1") == RAW
    assert document.keys() == {"format", "scrypt", "nonce", "ciphertext"}
    assert seal_seed(RAW, PHRASE, CHEAP) != seed_text


def test_a_seed_that_was_changed_does_not_open(seed_text: str) -> None:
    document = json.loads(seed_text)
    for name in ("nonce", "ciphertext", "salt"):
        changed = json.loads(seed_text)
        place = changed["scrypt"] if name == "salt" else changed
        place[name] = place[name][:-1] + ("0" if place[name][-1] != "0" else "1")
        with pytest.raises(KeystoreError, match="does not open"):
            given(json.dumps(changed))
    more = document | {"scrypt": document["scrypt"] | {"log_n": CHEAP + 1}}
    with pytest.raises(KeystoreError, match="does not open"):
        given(json.dumps(more))


SEED_CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "much memory": lambda d: d | {"scrypt": d["scrypt"] | {"log_n": 20}},
    "little work": lambda d: d | {"scrypt": d["scrypt"] | {"log_n": 13}},
    "another r": lambda d: d | {"scrypt": d["scrypt"] | {"r": 9}},
    "another p": lambda d: d | {"scrypt": d["scrypt"] | {"p": 2}},
    "a truth": lambda d: d | {"scrypt": d["scrypt"] | {"p": True}},
    "a name more": lambda d: d | {"more": 1},
    "a name more within": lambda d: d | {"scrypt": d["scrypt"] | {"more": 1}},
    "a name less": lambda d: {name: value for name, value in d.items() if name != "nonce"},
    "another format": lambda d: d | {"format": "tacit.keystore.2"},
    "short": lambda d: d | {"ciphertext": d["ciphertext"][:-2]},
    "a list": lambda d: [d],
    "long": lambda d: d | {"format": " " * 20_000},
}


@pytest.mark.parametrize("how", SEED_CHANGES)
def test_a_seed_file_out_of_order_is_refused_before_anything_is_derived(how: str, seed_text: str) -> None:
    with pytest.raises(KeystoreError):
        open_keystore(json.dumps(SEED_CHANGES[how](json.loads(seed_text))), unasked)


@pytest.mark.parametrize("text", ["", "{", "nonsense", "[" * 10_000, "{}", "null"])
def test_what_is_no_keystore_is_refused(text: str) -> None:
    with pytest.raises(KeystoreError):
        open_keystore(text, unasked)


def test_an_ethereum_key_comes_back_and_other_wallets_read_it(ethereum_text: str) -> None:
    assert given(ethereum_text) == Secret("ethereum", RAW)
    assert bytes(Account.decrypt(json.loads(ethereum_text), PHRASE)) == RAW
    assert keystore.address_of(ethereum_text) == Signer(RAW).address
    with pytest.raises(KeystoreError, match="does not open"):
        given(ethereum_text, "wrong")


def test_ethereums_own_vector_opens() -> None:
    """The example of the definition of version 3 (PBKDF2), whose key and passphrase it states."""
    vector = {
        "crypto": {
            "cipher": "aes-128-ctr",
            "cipherparams": {"iv": "6087dab2f9fdbbfaddc31a909735c1e6"},
            "ciphertext": "5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46",
            "kdf": "pbkdf2",
            "kdfparams": {
                "c": 262144,
                "dklen": 32,
                "prf": "hmac-sha256",
                "salt": "ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd",
            },
            "mac": "517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2",
        },
        "id": "3198bc9c-6672-5ab3-d995-4942343ae5b6",
        "version": 3,
    }
    key = "7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d"
    assert given(json.dumps(vector), "testpassword").raw.hex() == key
    assert given(json.dumps(vector).replace('"crypto"', '"Crypto"'), "testpassword").raw.hex() == key


def crypto(**changes: object) -> Callable[[dict[str, Any]], object]:
    return lambda d: d | {"crypto": d["crypto"] | changes}


def derivation(**changes: object) -> Callable[[dict[str, Any]], object]:
    return lambda d: d | {"crypto": d["crypto"] | {"kdfparams": d["crypto"]["kdfparams"] | changes}}


ETHEREUM_CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "much memory": derivation(n=2**20),
    "much memory by r": derivation(r=2**10),
    "much work": derivation(p=2**10),
    "N no power of two": derivation(n=3 * 2**12),
    "N negative": derivation(n=-2),
    "N a float": derivation(n=2.0**14),
    "short key": derivation(dklen=16),
    "no salt": derivation(salt=""),
    "many rounds": lambda d: crypto(
        kdf="pbkdf2", kdfparams={"c": 10**9, "dklen": 32, "prf": "hmac-sha256", "salt": "00" * 32}
    )(d),
    "another derivation": crypto(kdf="argon2"),
    "another cipher": crypto(cipher="aes-256-cbc"),
    "short content": crypto(ciphertext="00"),
    "no mac": crypto(mac=""),
    "no hexadecimal": crypto(ciphertext="zz" * 32),
    "version 4": lambda d: d | {"version": 4},
    "nothing": lambda d: d | {"crypto": None},
}


@pytest.mark.parametrize("how", ETHEREUM_CHANGES)
def test_an_ethereum_file_out_of_order_is_refused_before_anything_is_derived(how: str, ethereum_text: str) -> None:
    with pytest.raises(KeystoreError):
        open_keystore(json.dumps(ETHEREUM_CHANGES[how](json.loads(ethereum_text))), unasked)


def test_an_ethereum_file_that_was_changed_does_not_open(ethereum_text: str) -> None:
    document = json.loads(ethereum_text)
    turned = crypto(ciphertext="00" + document["crypto"]["ciphertext"][2:])(document)
    with pytest.raises(KeystoreError, match="does not open"):
        given(json.dumps(turned))
    iv = crypto(cipherparams={"iv": "00" * 16})(document)
    with pytest.raises(KeystoreError, match="another address"):
        # The format's own check leaves out the counter: the address does not.
        given(json.dumps(iv))


def test_no_error_tells_a_secret(seed_text: str, ethereum_text: str) -> None:
    for text in (seed_text, ethereum_text):
        with pytest.raises(KeystoreError) as refused:
            given(text, "another secret phrase")
        told = str(refused.value) + repr(refused.value.values) + repr(refused.value.__cause__)
        assert "another secret phrase" not in told
        assert RAW.hex() not in told


# ---- files and passphrases


def test_a_key_file_is_its_owners_alone_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "key"
    write_key(path, Secret("seed", RAW), PHRASE, cost=CHEAP)
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(KeystoreError, match="never overwritten"):
        write_key(path, Secret("seed", bytes(32)), PHRASE, cost=CHEAP)
    phrase = private(tmp_path / "phrase", PHRASE)
    assert load_seed(path, Passphrase(phrase)) == Seed(RAW)
    path.chmod(0o644)
    with pytest.raises(SeedError, match="chmod 600"):
        load_seed(path, Passphrase(phrase))


def private(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_plain_files_and_keystores_are_taken_alike(tmp_path: Path, seed_text: str, ethereum_text: str) -> None:
    phrase = Passphrase(private(tmp_path / "phrase", PHRASE + "\n"))
    plain = private(tmp_path / "plain", RAW.hex())
    seed, signer = private(tmp_path / "seed", seed_text), private(tmp_path / "signer", ethereum_text)
    assert load_seed(plain, phrase) == load_seed(seed, phrase) == Seed(RAW)
    assert load_signer(plain, phrase).address == load_signer(signer, phrase).address == Signer(RAW).address
    with pytest.raises(KeystoreError, match="a trader's seed, not"):
        load_signer(seed, phrase)
    with pytest.raises(KeystoreError, match="chain's kind, not"):
        load_seed(signer, phrase)


def test_a_passphrase_is_the_option_before_the_environments_file_before_the_environment(tmp_path: Path) -> None:
    option, file = private(tmp_path / "option", "one\nmore\n"), private(tmp_path / "file", "two\r\n")
    both = {"TACIT_PASSPHRASE_FILE": str(file), "TACIT_PASSPHRASE": "three"}
    assert Passphrase(option).get("it", environment=both) == "one"
    assert Passphrase().get("it", environment=both) == "two"
    assert Passphrase().get("it", environment={"TACIT_PASSPHRASE": "three"}) == "three"
    assert Passphrase(variable="OTHER").get("it", environment={**both, "OTHER": "four"}) == "four"
    for nothing in ({}, {"TACIT_PASSPHRASE": ""}):
        with pytest.raises(KeystoreError, match="--passphrase-file"):
            Passphrase(ask=True).get("it", environment=nothing)


def test_a_passphrase_is_the_same_however_its_letters_were_typed() -> None:
    composed, apart = "\u00e9t\u00e9", "e\u0301te\u0301"
    one, other = (Passphrase().get("it", environment={"TACIT_PASSPHRASE": text}) for text in (composed, apart))
    assert one == other


def test_a_passphrase_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "phrase"
    path.write_text(PHRASE)
    path.chmod(0o640)
    with pytest.raises(KeystoreError, match="chmod 600") as refused:
        Passphrase(path).get("it")
    assert PHRASE not in str(refused.value)


# ---- commands


def run(*arguments: str, given: dict[str, str] | None = None, code: int = 0) -> dict[str, Any]:
    result = CliRunner().invoke(app, [*arguments, "--json"], env=given, catch_exceptions=False)
    assert result.exit_code == code, result.output
    return dict(json.loads(result.stdout))


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of commands are made as cheaply as they may be."""
    monkeypatch.setattr(keystore.seal_seed, "__defaults__", (CHEAP,))
    monkeypatch.setattr(keystore.seal_ethereum, "__defaults__", (CHEAP,))
    monkeypatch.setattr(write_key, "__kwdefaults__", {"replace": False, "cost": CHEAP})


@pytest.mark.usefixtures("cheap")
@pytest.mark.parametrize("kind", ["seed", "ethereum"])
def test_a_key_is_made_shown_and_put_under_another_passphrase(kind: str, tmp_path: Path) -> None:
    path, old, new = tmp_path / "key", {"TACIT_PASSPHRASE": "old"}, {"TACIT_PASSPHRASE": "new"}
    made = run("keys", "new", "--file", str(path), "--kind", kind, given=old)
    assert made["kind"] == kind
    assert made["form"] == "keystore"
    assert run("keys", "show", "--file", str(path), given=old) == made
    changed = run("keys", "change", "--file", str(path), given=old | NEW)
    assert changed == made
    assert path.stat().st_mode & 0o777 == 0o600
    assert run("keys", "show", "--file", str(path), code=1, given=old)["error"]["code"] == "KEYSTORE"
    assert run("keys", "show", "--file", str(path), given=new) == made
    assert run("keys", "new", "--file", str(path), code=1, given=old)["error"]["code"] == "KEYSTORE"


@pytest.mark.usefixtures("cheap")
def test_a_plain_seed_becomes_a_keystore(tmp_path: Path) -> None:
    path = tmp_path / "seed"
    run("account", "new", "--seed-file", str(path), "--plain")
    seed = Seed.load(path)
    shown = run("keys", "show", "--file", str(path))
    assert shown["form"] == "plain"
    assert shown["key"] == "0x" + eddsa.pack(eddsa.public_key(seed.signing_key)).hex()
    run("keys", "change", "--file", str(path), given=NEW)
    assert seed.raw.hex() not in path.read_text()
    assert load_seed(path, Passphrase(private(tmp_path / "phrase", "new"))) == seed


@pytest.mark.usefixtures("cheap")
def test_a_new_account_is_a_keystore(tmp_path: Path) -> None:
    path = tmp_path / "seed"
    assert run("account", "new", "--seed-file", str(path), code=1)["error"]["code"] == "KEYSTORE"
    assert not path.exists()
    assert run("account", "new", "--seed-file", str(path), given={"TACIT_PASSPHRASE": PHRASE})["form"] == "keystore"
    assert given(path.read_text()).kind == "seed"


def test_an_unknown_kind_is_wrong_use(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["keys", "new", "--file", str(tmp_path / "key"), "--kind", "rsa"])
    assert result.exit_code == 2


def test_the_service_takes_keystores(tmp_path: Path, seed_text: str, ethereum_text: str) -> None:
    signer, seed = private(tmp_path / "signer", ethereum_text), private(tmp_path / "seed", seed_text)
    where = {"TACIT_KEYS_OPERATOR_FILE": str(signer), "TACIT_KEYS_FUND_SEED_FILE": str(seed)}
    settings = Settings.load(None, where)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TACIT_PASSPHRASE", PHRASE)
        assert settings.operator().address == Signer(RAW).address
        assert settings.fund_seed() == Seed(RAW)
        swapped = Settings.load(None, {"TACIT_KEYS_OPERATOR_FILE": str(seed)})
        with pytest.raises(ConfigError, match="another kind"):
            swapped.operator()
    with pytest.raises(KeystoreError, match="TACIT_PASSPHRASE"):
        settings.operator()
