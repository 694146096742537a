"""No door of the package lets in a key under which false statements could be proven, though its manifest vouches for it.

Which keys these are, and what each would prove, is tested in `circuits/tests/groth16/keys.rs`; here one of each kind is put into a
folder with a manifest that has its hash.
"""

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from prover import Keys
from prover.doctor import examine
from prover.errors import KeyFileError

Q = 0x30644E72E131A029B85045B68181585D97816A916871CA8D3C208C16D87CFD47
G1 = (1, 2)
G2 = (
    0x198E9393920D483A7260BFB731FB5D25F1AA493335A9E71297E485B7AEF312C2,
    0x1800DEEF121F1E76426A00665E5C4479674322D4F75EDADD46DEBD5CD992F6ED,
    0x090689D0585FF075EC9E99AD690C3395BC4B313370B38EF355ACDADCD122975B,
    0x12C85EA5DB8C6DEB4AAB71808DCB408FE3D1E7690C43D37B4CE6CC0166FA7DAA,
)
"""Generators as the key file has them: 32-byte words, big-endian; of G2 the imaginary parts first."""

ALPHA, BETA, GAMMA, DELTA, INPUTS = 48, 112, 240, 368, 504
"""Where the points stand in a verifying key's file, after a line of 16 bytes and the fingerprint."""

Edit = Callable[[bytearray], None]


def words(*numbers: int) -> bytes:
    return b"".join(number.to_bytes(32, "big") for number in numbers)


def negated(point: bytes) -> bytes:
    """The same point of G2 with the other y."""
    numbers = [int.from_bytes(point[at : at + 32], "big") for at in range(0, 128, 32)]
    return words(*numbers[:2], *(Q - number for number in numbers[2:]))


def put(at: int, value: bytes) -> Edit:
    def edit(key: bytearray) -> None:
        key[at : at + len(value)] = value

    return edit


def copy(source: int, target: int, length: int) -> Edit:
    def edit(key: bytearray) -> None:
        key[target : target + length] = key[source : source + length]

    return edit


def opposite(source: int, target: int) -> Edit:
    def edit(key: bytearray) -> None:
        key[target : target + 128] = negated(bytes(key[source : source + 128]))

    return edit


EDITS: dict[str, tuple[Edit, str]] = {
    "alpha the generator": (put(ALPHA, words(*G1)), r"alpha\[0\]"),
    "alpha the identity": (put(ALPHA, bytes(64)), r"alpha\[0\]"),
    "alpha off the curve": (put(ALPHA, words(1, 3)), r"alpha\[0\]"),
    "beta the generator": (put(BETA, words(*G2)), r"beta\[0\]"),
    "gamma the generator": (put(GAMMA, words(*G2)), r"gamma\[0\]"),
    "gamma the generator, negated": (put(GAMMA, negated(words(*G2))), r"gamma\[0\]"),
    "gamma the identity": (put(GAMMA, bytes(128)), r"gamma\[0\]"),
    "delta the generator": (put(DELTA, words(*G2)), r"delta\[0\]"),
    "gamma = delta": (copy(DELTA, GAMMA, 128), "gamma and delta"),
    "gamma = −delta": (opposite(DELTA, GAMMA), "gamma and delta"),
    "gamma = beta": (copy(BETA, GAMMA, 128), "beta and gamma"),
    "delta = beta": (copy(BETA, DELTA, 128), "beta and delta"),
    "a coordinate above the modulus": (put(ALPHA, words(1 + Q, 2)), r"alpha\[0\]"),
    "an input the generator": (put(INPUTS + 64, words(*G1)), r"ic\[1\]"),
    "two inputs alike": (copy(INPUTS + 64, INPUTS + 128, 64), "inputs 1 and 2"),
}


def plant(folder: Path, circuit: str, edit: Edit) -> None:
    """Puts the changed key in the place of the good one, with a manifest that vouches for it."""
    path, manifest = folder / f"{circuit}.vk", folder / f"{circuit}.json"
    key = bytearray(path.read_bytes())
    edit(key)
    path.write_bytes(key)
    said = json.loads(manifest.read_text())
    said["verifying_key"]["sha256"] = hashlib.sha256(key).hexdigest()
    manifest.write_text(json.dumps(said))


@pytest.fixture
def folder(keys: Keys, tmp_path: Path) -> Path:
    for file in keys.folder.glob("*"):
        if file.suffix != ".pk":
            shutil.copy(file, tmp_path / file.name)
    return tmp_path


def test_the_copied_keys_are_good(folder: Path, keys: Keys) -> None:
    assert Keys.load(folder, "dev").solidity() == keys.solidity()


@pytest.mark.parametrize("circuit", ["segment", "closing"])
@pytest.mark.parametrize("what", EDITS)
def test_a_key_that_proves_anything_is_not_read(what: str, circuit: str, folder: Path) -> None:
    edit, named = EDITS[what]
    plant(folder, circuit, edit)
    with pytest.raises(KeyFileError, match=named):
        _ = Keys.load(folder, "dev").verifying


def test_no_contract_is_generated_from_it(folder: Path) -> None:
    plant(folder, "closing", EDITS["gamma = delta"][0])
    with pytest.raises(KeyFileError, match="gamma and delta"):
        Keys.load(folder, "dev").solidity()


@pytest.mark.parametrize("circuit", ["segment", "closing"])
def test_the_contract_has_the_points_of_the_key_file_and_no_others(circuit: str, keys: Keys) -> None:
    key = (keys.folder / f"{circuit}.vk").read_bytes()
    points = key[ALPHA : INPUTS - 8] + key[INPUTS:]
    assert int.from_bytes(key[INPUTS - 8 : INPUTS], "little") * 64 == len(key) - INPUTS
    function = keys.solidity().partition(f"function _{circuit}Key()")[2].partition("\n    }")[0]
    constants = re.findall(r'hex"([0-9a-f]{128})"', function)
    assert "".join(constants) == points.hex()


def test_the_doctor_finds_it(folder: Path) -> None:
    def found() -> tuple[bool, str]:
        (finding,) = (finding for finding in examine(folder) if finding.name == "dev keys")
        return finding.ok, finding.found

    assert found()[0]
    plant(folder, "segment", EDITS["beta the generator"][0])
    ok, said = found()
    assert not ok
    assert "beta[0]" in said
