"""From the queue to the chain: the next transactions of each sender get a nonce, in the order in which they were queued.

One that would be refused waits while something before it is not mined, since that may be what it needs; with nothing before it, it is
given up after some blocks. Nothing behind it goes first: settlements in parts, openings and seals rest on their order.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from relayer.errors import RevertedError, RpcError, UnsettledError
from relayer.points import reached
from relayer.store import attempts, outgoing
from relayer.store.outgoing import Outgoing, Signed
from relayer.transactions import alarms
from relayer.transactions.delivering import deliver, scrubbed
from relayer.transactions.desk import Desk
from relayer.transactions.fees import AtCap, Fees, offer
from relayer.transactions.signing import sign

log = logging.getLogger(__name__)


def advance(desk: Desk) -> bool:
    """Signs and sends what waits, as far as can be; whether anything changed."""
    with desk.database.read() as session:
        waiting = outgoing.waiting(session)
        out = [each for each in outgoing.unsettled(session) if not each.mined]
    changed = False
    for sender in dict.fromkeys(each.sender for each in waiting):
        if sender not in desk.signers:
            desk.alarm(alarms.NO_KEY, sender, f"transactions of {sender} wait, and its key is not here")
            continue
        mine = [each for each in out if each.sender == sender]
        changed |= _advance(desk, [each for each in waiting if each.sender == sender], mine)
    return changed


def _advance(desk: Desk, waiting: Sequence[Outgoing], out: Sequence[Outgoing]) -> bool:
    """One sender's queue; ``out`` is what it has out that is not mined."""
    changed, count, spent = False, len(out), sum(_cost(each) for each in out)
    for each in waiting:
        # Answers to challenges have no time to wait for room, and there are never many.
        full = count >= desk.policy.in_flight and not each.goes_first
        if full or desk.memory.seen_to(each.id, desk.head):
            break
        try:
            gas = desk.gas(each)
        except RevertedError as error:
            if count or not _give_up(desk, each, error):
                break
            changed = True
            continue
        except UnsettledError:
            raise
        except RpcError as error:
            desk.alarm(alarms.REFUSED, each.id, scrubbed(str(error)))
            desk.memory.look_again(each.id)
            break
        desk.memory.accepted(each.id)
        cost = _start(desk, each, gas, spent)
        if cost is None:
            break
        changed, count, spent = True, count + 1, spent + cost
    return changed


def _cost(wanted: Outgoing) -> int:
    """Most that a transaction which is out can take of its sender, in wei."""
    return wanted.value + (wanted.gas_limit or 0) * (wanted.last.most if wanted.last else 0)


def _give_up(desk: Desk, wanted: Outgoing, refusal: RevertedError) -> bool:
    """Gives up what would be refused, once that has been so for long enough."""
    if desk.memory.refused(wanted.id, desk.head) < desk.policy.refused_after:
        return False
    _fail(desk, wanted, scrubbed(f"given up: {refusal}"))
    return True


def _fail(desk: Desk, wanted: Outgoing, why: str) -> None:
    with desk.write() as session:
        attempts.note_failed(session, wanted.id, why)
        alarms.tell(session, alarms.FAILED, wanted.id, f"{wanted.purpose}: {why}")
    reached("transaction.after-give-up")
    desk.memory.forget(wanted.id)
    desk.alarms.done_with(desk.write, wanted.id)


def _start(desk: Desk, wanted: Outgoing, gas: int, spent: int) -> int | None:
    """Gives it a nonce and sends it; what it can cost at most, or None if it has to wait."""
    channel = desk.channel(wanted)
    if channel is None:
        what = (
            f"{wanted.purpose} waits: it is private, no private endpoint is set, and the public mempool is not allowed"
        )
        desk.alarm(alarms.NO_RELAY, wanted.id, what)
        return None
    desk.calm(alarms.NO_RELAY, wanted.id)
    if gas > desk.policy.max_gas:
        _fail(desk, wanted, f"it needs {gas} gas, and transactions.maximum_gas is {desk.policy.max_gas}")
        return 0
    gas = desk.with_margin(gas)
    fees = _fees(desk, wanted)
    cost = None if fees is None else wanted.value + gas * fees.most
    if fees is None or cost is None or not _payable(desk, wanted, spent + cost):
        return None
    return cost if _sign(desk, wanted, gas, fees, channel) else None


def _fees(desk: Desk, wanted: Outgoing) -> Fees | None:
    base, tips = desk.market
    fees = offer(base, tips, desk.policy.fees)
    if isinstance(fees, AtCap):
        what = f"{wanted.purpose} waits: a unit of gas costs {fees.wanted.most} wei, and at most {desk.policy.fees.max_fee} are paid"
        desk.alarm(alarms.FEE_CAP, wanted.id, what)
        return None
    desk.calm(alarms.FEE_CAP, wanted.id)
    return fees


def _payable(desk: Desk, wanted: Outgoing, needed: int) -> bool:
    balance = desk.chain.balance(wanted.sender)
    if balance < needed:
        what = (
            f"{wanted.purpose} waits: {wanted.sender} has {balance} wei, and may need {needed} for what is out and this"
        )
        desk.alarm(alarms.UNPAYABLE, wanted.sender, what)
        return False
    desk.calm(alarms.UNPAYABLE, wanted.sender)
    return True


def _sign(desk: Desk, wanted: Outgoing, gas: int, fees: Fees, channel: str) -> Signed | None:
    """The nonce is given in the write that stores what uses it; only then is it sent."""
    with desk.database.read() as session:
        nonce = outgoing.following(session, wanted.sender)
    if nonce is None:
        raise AssertionError("every sender's nonce is set before its queue is looked at")
    signer = desk.signers[wanted.sender]
    attempt = sign(signer, desk.chain_id, wanted, nonce, gas, fees, channel, desk.head.number)
    reached("transaction.before-store")
    with desk.write() as session:
        kept = attempts.keep_first(session, wanted.id, attempt, gas)
    reached("transaction.after-store")
    if not kept:
        return None
    log.info("transaction signed", extra={"transaction": wanted.id, "nonce": nonce, "gas": gas})
    deliver(desk, attempt, wanted.id)
    return attempt
