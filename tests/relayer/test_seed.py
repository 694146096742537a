"""Keys from a seed: HKDF as the protocol says it, recomputed here by its definition; one seed, the same keys everywhere;
secrets are kept.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path

import pytest

from prover import Holder, eddsa
from prover.hashing import FIELD_ORDER
from relayer.errors import SeedError
from relayer.seed import Seed

VECTORS = Path(__file__).resolve().parents[1] / "vectors" / "seeds.json"


def test_the_vectors_hold() -> None:
    for case in json.loads(VECTORS.read_text())["cases"]:
        seed = Seed(bytes.fromhex(case["seed"][2:]))
        domain, subaccount = int(case["domain"], 16), case["subaccount"]
        holder = seed.holder(domain, subaccount)
        assert "0x" + seed.signing_key.hex() == case["signing_key"]
        assert holder.viewing_key == int(case["viewing_key"], 16)
        assert [str(holder.key.x), str(holder.key.y)] == case["key"]
        assert holder.owner == int(case["owner"], 16)


def expand(secret: bytes, info: bytes, length: int) -> bytes:
    """HKDF-SHA256 of RFC 5869."""
    key, block, out = hmac.digest(b"tacit.keys.1", secret, "sha256"), b"", b""
    for number in range(1, 255):
        block = hmac.digest(key, block + info + bytes([number]), "sha256")
        out += block
        if len(out) >= length:
            return out[:length]
    raise AssertionError


def test_keys_are_hkdf_of_the_seed() -> None:
    seed, domain, subaccount = Seed(hashlib.sha256(b"a").digest()), 12345, 6
    assert seed.signing_key == expand(seed.raw, b"signing", 32)
    wide = expand(seed.raw, b"viewing" + domain.to_bytes(32, "big") + subaccount.to_bytes(4, "big"), 64)
    assert seed.viewing_key(domain, subaccount) == int.from_bytes(wide, "big") % FIELD_ORDER
    assert seed.holder(domain, subaccount) == Holder(
        eddsa.public_key(seed.signing_key), seed.viewing_key(domain, subaccount), subaccount
    )


def test_every_vault_and_subaccount_has_its_own_viewing_key() -> None:
    seed = Seed(bytes(range(32)))
    keys = {seed.viewing_key(domain, subaccount) for domain in (1, 2) for subaccount in (0, 1, 2**32 - 1)}
    assert len(keys) == 6


def test_a_seed_is_kept_for_its_owner_alone_and_never_shown(tmp_path: Path) -> None:
    seed, path = Seed.random(), tmp_path / "seed"
    seed.save(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert Seed.load(path) == seed
    assert seed.raw.hex() not in repr(seed)
    path.chmod(0o640)
    with pytest.raises(SeedError, match="chmod 600") as refused:
        Seed.load(path)
    assert seed.raw.hex() not in str(refused.value)


def test_a_seed_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "seed"
    first = Seed.random()
    first.save(path)
    with pytest.raises(SeedError, match="never overwritten"):
        Seed.random().save(path)
    assert Seed.load(path) == first


@pytest.mark.parametrize("text", ["", "00", "zz" * 32, "00" * 33])
def test_a_file_that_holds_no_seed_is_refused_without_its_content(tmp_path: Path, text: str) -> None:
    path = tmp_path / "seed"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(SeedError, match="64 hexadecimal digits") as refused:
        Seed.load(path)
    assert not text or text not in str(refused.value)


def test_a_subaccount_out_of_range_is_refused() -> None:
    with pytest.raises(SeedError, match="4294967296"):
        Seed(bytes(32)).viewing_key(1, 2**32)
