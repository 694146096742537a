"""What became of what was sent: receipts in blocks that stand, their reorganisations, and the block after which nothing changes.

Any attempt of a transaction counts, also one that was replaced or withdrawn: the chain decides which. A block that is gone takes back
what stood in it. What is concluded here is what most endpoints say; while they are split nothing is concluded.
"""

from __future__ import annotations

import logging
from typing import Final

from prover.errors import TacitError
from relayer.chain import Receipt
from relayer.errors import RevertedError, RpcError, UnsettledError
from relayer.points import reached
from relayer.store import attempts, outgoing
from relayer.store.attempts import Mined
from relayer.store.models import TransactionState
from relayer.store.outgoing import Outgoing, Signed
from relayer.transactions import alarms
from relayer.transactions.desk import Desk

log = logging.getLogger(__name__)

SETTLING: Final = 3
"""Blocks after which every endpoint has what the best one has."""


def watch(desk: Desk) -> bool:
    """Looks what became of every transaction whose nonce's fate is open; whether anything changed."""
    with desk.database.read() as session:
        unsettled = outgoing.unsettled(session)
    changed, used = False, dict[str, int]()
    for each in unsettled:
        try:
            if each.mined:
                changed |= _still_mined(desk, each)
            else:
                if each.sender not in used:
                    used[each.sender] = desk.used_nonces(each.sender, desk.head.number)
                changed |= each.nonce is not None and each.nonce < used[each.sender] and _now_mined(desk, each)
        except UnsettledError as error:
            # Endpoints are a block or two apart at times; what lasts is a contradiction.
            if desk.memory.disputed(each.id, desk.head) >= SETTLING:
                desk.alarm(alarms.DISPUTED, each.id, str(error))
        else:
            desk.memory.undisputed(each.id)
            desk.calm(alarms.DISPUTED, each.id)
    return changed


def found(desk: Desk, wanted: Outgoing) -> tuple[Signed, Receipt] | None:
    """The attempt of a transaction that is in the chain."""
    for attempt in reversed(wanted.attempts):
        receipt = desk.receipt(attempt.hash)
        if receipt is not None:
            return attempt, receipt
    return None


def _now_mined(desk: Desk, wanted: Outgoing) -> bool:
    seen = found(desk, wanted)
    if seen is None:
        return False
    attempt, receipt = seen
    error = _error(desk, wanted, attempt, receipt)
    mined = Mined(
        attempt.hash, receipt.block, receipt.block_hash, receipt.gas_used, receipt.gas_used * receipt.gas_price, error
    )
    with desk.write() as session:
        attempts.note_mined(session, wanted.id, mined)
        if error is not None and wanted.state is not TransactionState.FAILED:
            alarms.tell(session, alarms.FAILED, wanted.id, f"{wanted.purpose}: {error}")
    reached("transaction.after-mined")
    desk.memory.forget(wanted.id)
    desk.alarms.done_with(desk.write, wanted.id)
    log.info("transaction mined", extra={"transaction": wanted.id, "block": receipt.block, "gas": receipt.gas_used})
    return True


def _still_mined(desk: Desk, wanted: Outgoing) -> bool:
    if wanted.block is None or wanted.block_hash is None or wanted.mined_hash is None:
        raise AssertionError("who calls this has seen it mined")
    if not desk.stands(wanted.block, wanted.block_hash):
        return _now_mined(desk, wanted) or _taken_back(desk, wanted)
    if wanted.block > desk.final:
        return False
    receipt = desk.receipt(wanted.mined_hash)
    if receipt is None:
        raise UnsettledError(
            f"block {wanted.block} is final and its transaction 0x{wanted.mined_hash.hex()} has no receipt",
            {"transaction": wanted.id},
        )
    with desk.write() as session:
        attempts.note_final(session, wanted.id)
    reached("transaction.after-final")
    return True


def _taken_back(desk: Desk, wanted: Outgoing) -> bool:
    with desk.write() as session:
        attempts.note_taken_back(session, wanted.id, desk.head.number)
    reached("transaction.after-taken-back")
    log.warning("transaction taken back", extra={"transaction": wanted.id, "block": wanted.block})
    return True


def _error(desk: Desk, wanted: Outgoing, attempt: Signed, receipt: Receipt) -> str | None:
    """Why a mined attempt did nothing; None if it did what was wanted."""
    if attempt.empty:
        return wanted.withdrawn or "given up"
    if receipt.succeeded:
        return None
    if wanted.gas_limit is not None and receipt.gas_used >= wanted.gas_limit:
        return f"ran out of gas at {receipt.gas_used}"
    return f"reverted in block {receipt.block}: {_refusal(desk, wanted, receipt.block)}"


def _refusal(desk: Desk, wanted: Outgoing, block: int) -> str:
    """What the contract says, asked again at the block before, which is nearly what it was asked in."""
    try:
        desk.chain.call(wanted.to, wanted.data, max(0, block - 1), wanted.sender, wanted.value)
    except RevertedError as error:
        return str(error)
    except RpcError as error:
        return f"the endpoint does not say why ({_code(error)})"
    return "the state it was refused in is gone: something before it in the block changed it"


def _code(error: TacitError) -> str:
    return error.code
