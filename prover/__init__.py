"""The Python face of tacit: batches cleared, proven and verified, keys, risk tables, signatures, and the command line.

Numbers are plain integers in the units of docs/protocol.md section 2; arrays are numpy's. Long calls
release the GIL, report progress and end at once on Ctrl-C. Every refusal is a
:class:`prover.errors.TacitError` with the offending values.
"""

from prover import eddsa, errors
from prover.auction import AUCTION_DTYPE, MARK_DTYPE, ORDER_DTYPE, Clearing, clear
from prover.batch import (
    Cleared,
    ClearedTouch,
    Context,
    Leaf,
    Params,
    Position,
    Reading,
    Reason,
    RiskRow,
    SealedBatch,
    SettledRow,
    State,
    read_touch,
    risk_root,
    risk_rows,
)
from prover.errors import TacitError
from prover.hashing import keccak256, poseidon, sponge
from prover.keys import Keys, inspect, setup
from prover.orders import Holder, Order, SealedOrder, Touch, domain, random_element
from prover.proof import Progress, prove
from prover.risk import RiskTable
from prover.settlement import ClosingPart, Expected, LockedDeposit, SegmentPart, Settlement, public_inputs, verify

__version__ = "0.1.0"

__all__ = [
    "AUCTION_DTYPE",
    "MARK_DTYPE",
    "ORDER_DTYPE",
    "Cleared",
    "ClearedTouch",
    "Clearing",
    "ClosingPart",
    "Context",
    "Expected",
    "Holder",
    "Keys",
    "Leaf",
    "LockedDeposit",
    "Order",
    "Params",
    "Position",
    "Progress",
    "Reading",
    "Reason",
    "RiskRow",
    "RiskTable",
    "SealedBatch",
    "SealedOrder",
    "SegmentPart",
    "SettledRow",
    "Settlement",
    "State",
    "TacitError",
    "Touch",
    "clear",
    "domain",
    "eddsa",
    "errors",
    "inspect",
    "keccak256",
    "poseidon",
    "prove",
    "public_inputs",
    "random_element",
    "read_touch",
    "risk_root",
    "risk_rows",
    "setup",
    "sponge",
    "verify",
]
