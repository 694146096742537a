"""Nonces: none is left out, and one that somebody else used is noticed.

The stored count only grows with what is stored for it, so it runs away from the chain's only if the chain forgets what was never this
relayer's, or if its key is used elsewhere. A gap is filled by an empty transfer; a transaction whose nonce is taken for good gets another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import Final

from relayer.errors import UnsettledError
from relayer.points import reached
from relayer.signing import Signer
from relayer.store import attempts, outgoing
from relayer.store.outgoing import Outgoing
from relayer.transactions import alarms
from relayer.transactions.delivering import deliver
from relayer.transactions.desk import Desk
from relayer.transactions.fees import AtCap, offer
from relayer.transactions.signing import sign_empty
from relayer.transactions.watching import SETTLING, found

MOST_FILLED: Final = 16
"""Gaps that are filled in one step."""
MOST_SKIPPED: Final = 1_000
"""Nonces by which the chain's count may be ahead of the stored one before it has to be final to be believed."""


def mend(desk: Desk) -> bool:
    """Brings every sender's nonces in order; whether anything was done."""
    with desk.database.read() as session:
        unsettled = outgoing.unsettled(session)
    changed = False
    for sender, signer in desk.signers.items():
        used = desk.used_nonces(sender, desk.head.number)
        changed |= _adopt(desk, sender, used)
        changed |= _lost(desk, [each for each in unsettled if each.sender == sender], used)
        changed |= _fill(desk, signer, used)
    return changed


def _adopt(desk: Desk, sender: str, used: int) -> bool:
    """Takes over the chain's count where it is ahead: for a new sender, and where its key was used elsewhere."""
    with desk.database.read() as session:
        stored = outgoing.following(session, sender)
    if stored is None:
        # What waits in mempools counts, as far as every endpoint has it.
        waiting = [each for each in desk.chain.answers(lambda chain: chain.nonce(sender)) if isinstance(each, int)]
        following = max(used, min(waiting))
    elif used <= stored:
        return False
    else:
        following = used
        what = f"the chain has used {used} nonces of {sender}, and {stored} were given here: its key is used elsewhere"
        desk.alarm(alarms.FOREIGN, sender, what)
        if used > stored + MOST_SKIPPED >= desk.used_nonces(sender, max(0, desk.final)):
            raise UnsettledError(f"{what}; that is so many that it counts when it is final", {"sender": sender})
    with desk.write() as session:
        attempts.set_following(session, sender, following)
    return True


def _lost(desk: Desk, unsettled: Sequence[Outgoing], used: int) -> bool:
    """Transactions whose nonce something else has used: told at once, given another when that is final."""
    changed = False
    for each in unsettled:
        # Endpoints that are a block or two behind do not have its receipt yet, so a little time passes before anything is concluded.
        if each.mined or each.nonce is None or each.nonce >= used or not _used_before(desk, each, SETTLING):
            continue
        if desk.memory.is_disputed(each.id):
            # Whether it is mined is what endpoints contradict each other on.
            continue
        what = f"nonce {each.nonce} of {each.sender} was used by a transaction that was not sent from here"
        desk.alarm(alarms.FOREIGN, each.id, what)
        if _used_before(desk, each, desk.head.number - desk.final) and found(desk, each) is None:
            with desk.write() as session:
                attempts.note_nonce_lost(session, each.id)
            desk.calm(alarms.FOREIGN, each.id)
            changed = True
    return changed


def _used_before(desk: Desk, wanted: Outgoing, blocks: int) -> bool:
    """Whether its nonce was used so many blocks before the newest."""
    if wanted.nonce is None:
        return False
    return wanted.nonce < desk.used_nonces(wanted.sender, max(0, desk.head.number - blocks))


def _fill(desk: Desk, signer: Signer, used: int) -> bool:
    """Fills nonces below the stored count that nothing stored uses."""
    with desk.database.read() as session:
        following = outgoing.following(session, signer.address) or 0
        given = outgoing.given(session, signer.address, used)
    missing = list(islice((nonce for nonce in range(used, following) if nonce not in given), MOST_FILLED))
    final = [nonce for nonce in given if given[nonce]]
    if final:
        what = f"the chain has forgotten nonce {final[0]} of {signer.address}, which it had called final: is it another chain?"
        desk.alarm(alarms.REWOUND, signer.address, what)
    for nonce in missing:
        base, tips = desk.market
        fees = offer(base, tips, desk.policy.fees)
        if isinstance(fees, AtCap):
            desk.alarm(alarms.FEE_CAP, signer.address, f"nonce {nonce} is to be filled, and fees are above the cap")
            return False
        # It is what is wanted here, not what takes the place of something else.
        attempt = replace(sign_empty(signer, desk.chain_id, nonce, fees, desk.head.number), empty=False)
        reached("transaction.before-fill")
        with desk.write() as session:
            attempts.keep_filler(session, signer.address, attempt)
        reached("transaction.after-fill")
        deliver(desk, attempt, signer.address)
    return bool(missing)
