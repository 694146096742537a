"""What is out and not mined: sent again where it was forgotten, signed anew at higher fees where it is stuck, given up where it can no
longer succeed, its nonce then filled.

Nothing is sent (:mod:`.delivering`) before the write that stores it has been committed under the lease. What is private goes to relays
alone, until policy and a drop let it out.
"""

from __future__ import annotations

import logging

from relayer.errors import RevertedError, RpcError, UnsettledError
from relayer.points import reached
from relayer.store import attempts, outgoing, transactions
from relayer.store.models import TransactionState
from relayer.store.outgoing import PRIVATE, PUBLIC, Outgoing, Signed
from relayer.transactions import alarms
from relayer.transactions.delivering import deliver, scrubbed
from relayer.transactions.desk import Desk
from relayer.transactions.fees import AtCap, Fees, instead, replacement
from relayer.transactions.private import Method
from relayer.transactions.signing import sign, sign_empty
from relayer.watching import measures

log = logging.getLogger(__name__)


def press(desk: Desk) -> bool:
    """Sees to everything that is out and not mined; whether anything new was signed."""
    with desk.database.read() as session:
        unmined = [each for each in outgoing.unsettled(session) if not each.mined]
    changed = False
    for each in unmined:
        if each.sender not in desk.signers or each.nonce is None:
            continue
        used = desk.used_nonces(each.sender, desk.head.number)
        if each.nonce < used:
            # It is mined, or never will be: :mod:`.watching` and :mod:`.nonces` find out which.
            continue
        try:
            changed |= _press(desk, each, lowest=each.nonce == used)
        except UnsettledError:
            raise
        except RpcError as error:
            desk.alarm(alarms.REFUSED, each.id, scrubbed(str(error)))
            desk.memory.look_again(each.id)
    return changed


def _press(desk: Desk, wanted: Outgoing, lowest: bool) -> bool:
    last = wanted.last
    if last is None:
        raise AssertionError("a nonce is given with the attempt that uses it")
    if wanted.state is TransactionState.FAILED:
        return _fill_instead(desk, wanted, last, lowest)
    if desk.memory.seen_to(wanted.id, desk.head) and last.sent_block is not None and not wanted.bump:
        return False
    refusal = desk.refused(wanted)
    if refusal is not None:
        # One before it may be what it waits for; the lowest waits for nothing.
        return lowest and _give_up(desk, wanted, refusal)
    desk.memory.accepted(wanted.id)
    last = _let_out(desk, wanted, last)
    if _in_the_way(desk, wanted, last):
        return _withdraw(
            desk, wanted, "given up: no private endpoint brought it in, and an answer to a challenge waits"
        )
    if last.channel == PRIVATE and not len(desk.relays):
        desk.alarm(alarms.NO_RELAY, wanted.id, f"{wanted.purpose} is private, and no private endpoint is set")
        return False
    if wanted.bump or (lowest and desk.head.number - last.block >= desk.policy.replace_after):
        return _replace(desk, wanted, last)
    _again(desk, wanted, last)
    return False


def _give_up(desk: Desk, wanted: Outgoing, refusal: RevertedError) -> bool:
    """Withdraws what would only be refused, once it has been for long enough."""
    if desk.memory.refused(wanted.id, desk.head) < desk.policy.refused_after:
        return False
    return _withdraw(desk, wanted, scrubbed(f"given up: {refusal}"))


def _in_the_way(desk: Desk, wanted: Outgoing, last: Signed) -> bool:
    """Whether it stays private, was dropped, and keeps an answer to a challenge from its block: late, that one costs a bond; this is made
    again by who queued it.
    """
    if last.channel != PRIVATE or not _rounds(desk, wanted):
        return False
    with desk.database.read() as session:
        return outgoing.first_behind(session, wanted.sender, last.nonce)


def _withdraw(desk: Desk, wanted: Outgoing, why: str) -> bool:
    with desk.write() as session:
        transactions.withdraw(session, wanted.id, why)
        alarms.tell(session, alarms.FAILED, wanted.id, f"{wanted.purpose}: {why}")
    reached("transaction.after-withdraw")
    desk.memory.forget(wanted.id)
    return True


def _fill_instead(desk: Desk, wanted: Outgoing, last: Signed, lowest: bool) -> bool:
    """Fills the nonce of what failed without being mined with an empty transfer."""
    stuck = lowest and desk.head.number - last.block >= desk.policy.replace_after
    if last.empty:
        fees = _higher(desk, wanted, last) if stuck else None
    else:
        fees = instead(Fees(last.most, last.tip), *desk.market, desk.policy.fees)
        desk.calm(alarms.FEE_CAP, wanted.id)
    if fees is None:
        _again(desk, wanted, last)
        return False
    signer = desk.signers[wanted.sender]
    attempt = sign_empty(signer, desk.chain_id, last.nonce, fees, desk.head.number)
    if not last.empty and len(desk.relays):
        # Relays that do not know the word still lose it once the nonce is used.
        desk.relays.cancel([each.hash for each in wanted.attempts if each.channel == PRIVATE])
    return _keep_and_send(desk, wanted, attempt)


def _replace(desk: Desk, wanted: Outgoing, last: Signed) -> bool:
    """Signs it anew with higher fees, in the same channel."""
    fees = _higher(desk, wanted, last)
    if fees is None:
        _again(desk, wanted, last)
        return False
    signer = desk.signers[wanted.sender]
    try:
        needed = desk.gas(wanted)
    except RevertedError:
        # Estimates are of the last block, which has come since `desk.head`: it is mined there, or is judged there next time.
        desk.memory.look_again(wanted.id)
        return False
    gas = max(wanted.gas_limit or 0, min(desk.with_margin(needed), desk.policy.max_gas))
    attempt = sign(signer, desk.chain_id, wanted, last.nonce, gas, fees, last.channel, desk.head.number)
    measures.REPLACED.inc()
    return _keep_and_send(desk, wanted, attempt, gas)


def _higher(desk: Desk, wanted: Outgoing, last: Signed) -> Fees | None:
    """Fees that replace an attempt; None at the cap, which the operator is told."""
    base, tips = desk.market
    fees = replacement(Fees(last.most, last.tip), base, tips, desk.policy.fees)
    if isinstance(fees, AtCap):
        what = f"{wanted.purpose} waits: a replacement would cost {fees.wanted.most} wei a unit of gas, tip {fees.wanted.tip}"
        desk.alarm(alarms.FEE_CAP, wanted.id, what)
        return None
    desk.calm(alarms.FEE_CAP, wanted.id)
    return fees


def _keep_and_send(desk: Desk, wanted: Outgoing, attempt: Signed, gas: int | None = None) -> bool:
    reached("transaction.before-store-replacement")
    with desk.write() as session:
        kept = attempts.keep_another(session, wanted.id, attempt, gas)
    reached("transaction.after-store-replacement")
    if kept:
        deliver(desk, attempt, wanted.id)
    return kept


# ---- the same again


def _again(desk: Desk, wanted: Outgoing, last: Signed) -> None:
    """Sends the attempt in force once more: if it never was, to endpoints that forgot it, to relays that dropped it."""
    if last.channel == PUBLIC:
        if last.sent_block is None:
            deliver(desk, last, wanted.id)
        elif last.sent_block < desk.head.number and last.most >= desk.market[0]:
            # What is below the base fee would be refused, and waits to be replaced.
            forgetful = desk.chain.without(last.hash)
            if forgetful:
                deliver(desk, last, wanted.id, forgetful)
    elif desk.relays.method is Method.TRANSACTION:
        since_first = desk.head.number - wanted.attempts[0].block
        due = desk.head.number if last.error else desk.head.number - since_first % desk.policy.drop_after
        if last.sent_block is None or last.sent_block < due:
            deliver(desk, last, wanted.id)


def _let_out(desk: Desk, wanted: Outgoing, last: Signed) -> Signed:
    """Tells what relays dropped, and lets it out to the public mempool if that is the policy. The attempt in force."""
    if last.channel != PRIVATE:
        return last
    rounds = _rounds(desk, wanted)
    dropped = len(desk.relays) > 0 and rounds > 0
    if dropped:
        blocks = rounds * desk.policy.drop_after
        what = f"no private endpoint brought in {wanted.purpose} within {blocks} blocks"
        if desk.alarm(alarms.DROPPED, wanted.id, what):
            measures.DROPPED.inc()
    if not desk.policy.public_fallback or not (dropped or not len(desk.relays)):
        return last
    what = f"{wanted.purpose} goes to the public mempool, as the policy says"
    with desk.write() as session:
        attempts.make_public(session, last.hash)
        alarms.tell(session, alarms.PUBLIC, wanted.id, what)
    desk.alarms.told(alarms.PUBLIC, wanted.id, what)
    measures.FALLBACKS.inc()
    return Signed(last.hash, last.raw, last.most, last.tip, PUBLIC, last.empty, last.nonce, last.block, None)


def _rounds(desk: Desk, wanted: Outgoing) -> int:
    """How often relays have had the time to bring it in, and did not."""
    return (desk.head.number - wanted.attempts[0].block) // desk.policy.drop_after
