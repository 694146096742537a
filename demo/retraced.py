"""What the relayer has done with a batch, retraced by somebody who knows all orders and believes the chain alone.

The receipts say which orders are in which place, the chain says what is sealed and what it is to be cleared under. From these the batch is
put together again and cleared once more: the seal and the root after settlement must be those on chain, and the settlement must verify
against what the vault held while the batch was sealed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from demo.chain import Receipt
from demo.errors import NotShown
from demo.exchange import Exchange
from demo.market import PARAMS
from demo.seal import put_together, seal_root
from demo.story import Request
from demo.trusted import sealed_context, settled_rows, trusted
from prover.batch import Cleared, SealedBatch, risk_rows
from prover.orders import Touch
from prover.settlement import Settlement, verify


@dataclass(frozen=True)
class Sealed:
    """A batch whose seal is on chain, put together again from what its traders have sent."""

    number: int
    touches: tuple[Touch, ...]
    root: bytes
    opening: Receipt
    receipt: Receipt


@dataclass(frozen=True)
class Settled:
    """A batch that the vault has settled."""

    sealed: Sealed
    cleared: Cleared
    settlement: Settlement
    receipt: Receipt


def retrace(
    exchange: Exchange,
    number: int,
    requests: Sequence[Request],
    deposits: Mapping[int, int],
    exits: Mapping[int, int],
) -> Settled:
    """A settled batch, from the orders in the order of their receipts; the exchange's state is the one after it.

    Raises :class:`NotShown` where the chain has another seal or another root, :class:`prover.errors.TacitError` where the settlement
    that the relayer published does not verify.
    """
    opening, sealing, settling = _transactions(exchange, number)
    touches = put_together(requests, exchange.traders, deposits, exits, exchange.domain)
    root = seal_root(touches, exchange.domain, number)
    if exchange.contract.at(sealing.block).call("currentSeal")[0] != root:
        raise NotShown(f"the seal of batch {number} holds the orders that have receipts, and nothing else")
    sealed = Sealed(number, touches, root, opening, sealing)
    cleared = _clear(exchange, sealed)
    if exchange.contract.at(settling.block).call("root") != cleared.end_root:
        raise NotShown(f"batch {number} was settled as it is cleared here")
    settlement = Settlement.from_json(json.dumps(exchange.anybody.proof(number)))
    if check(exchange, settlement, sealed) != cleared.end_root:
        raise NotShown(f"the settlement of batch {number} leads to the root that clearing led to")
    exchange.state = cleared.state
    return Settled(sealed, cleared, settlement, settling)


def check(exchange: Exchange, settlement: Settlement, sealed: Sealed) -> int:
    """Verifies a settlement against what the vault held while a batch was sealed; the root after it."""
    held = exchange.contract.at(sealed.receipt.block)
    return verify(settlement, exchange.keys, trusted(held, exchange.settled))


def _clear(exchange: Exchange, sealed: Sealed) -> Cleared:
    """Clears the batch once more, under the epoch and the time that its seal has on chain."""
    if exchange.table is None:
        raise NotShown("an epoch is posted before a batch is cleared")
    batch = SealedBatch(
        params=PARAMS,
        context=sealed_context(exchange.contract.at(sealed.receipt.block)),
        risk=risk_rows(exchange.table),
        touches=sealed.touches,
        settled=settled_rows(exchange.state, sealed.touches, exchange.settled),
    )
    return exchange.state.clear(batch)


def _transactions(exchange: Exchange, number: int) -> tuple[Receipt, Receipt, Receipt]:
    """The relayer's transactions that opened, sealed and settled a batch."""
    hashes = {each.purpose: each.hash for each in exchange.anybody.batch(number).transactions}
    wanted = [f"{what}:{number}" for what in ("open", "seal", "settle")]
    missing = [purpose for purpose in wanted if purpose not in hashes]
    if missing:
        raise NotShown(f"the relayer names its transaction {missing[0]}, and named {sorted(hashes)}")
    opening, sealing, settling = (exchange.chain.receipt(hashes[purpose]) for purpose in wanted)
    return opening, sealing, settling
