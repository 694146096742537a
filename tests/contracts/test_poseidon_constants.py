"""The constants that the contracts open touch hashes with are those of the reference, and the library holds their hash."""

import re

from demo.chain import CONTRACTS
from prover.hashing import keccak256
from tests.reference.poseidon import constants

WIDTH = 9


def test_the_generated_contract_holds_the_reference_s_constants_in_the_order_of_use() -> None:
    source = (CONTRACTS / "src" / "PoseidonConstants.sol").read_text()
    words = [int(word, 16) for word in re.findall(r'hex"([0-9a-f]{64})"', source)]
    rounds, matrix = constants(WIDTH)
    assert words == [word for row in (*rounds, *matrix) for word in row]


def test_the_library_takes_these_constants_and_no_other() -> None:
    rounds, matrix = constants(WIDTH)
    code = b"\0" + b"".join(word.to_bytes(32, "big") for row in (*rounds, *matrix) for word in row)
    library = (CONTRACTS / "src" / "libraries" / "PoseidonSponge.sol").read_text()
    assert re.findall(r"CODE_HASH = 0x([0-9a-f]{64});", library) == [keccak256(code).hex()]
