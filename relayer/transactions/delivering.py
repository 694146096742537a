"""Where a stored attempt goes: private ones to relays, others to endpoints. Nothing is signed here.

The lease is looked at before each send, so a process that was stopped and goes on can at most repeat what is stored.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from relayer.errors import RevertedError, RpcError
from relayer.points import reached
from relayer.store import attempts, outgoing
from relayer.store.outgoing import PRIVATE, Signed
from relayer.transactions import alarms
from relayer.transactions.desk import Desk
from relayer.transactions.private import Method

LONG_HEX: Final = re.compile(r"(0x)?[0-9a-fA-F]{65,}")
LONGEST: Final = 300


def deliver(desk: Desk, attempt: Signed, subject: str, places: Sequence[int] | None = None) -> None:
    """Sends a stored attempt where it belongs: to relays, or to endpoints (all believed ones, or ``places``). Bundles are left to
    :func:`bundle`.
    """
    if attempt.channel == PRIVATE and desk.relays.method is Method.BUNDLE:
        return
    desk.still_ours()
    reached("transaction.before-send")
    if attempt.channel == PRIVATE:
        error = _to_relays(desk, [attempt])
    else:
        error = _to_endpoints(desk, attempt, places)
    reached("transaction.after-send")
    with desk.write() as session:
        attempts.note_sent(session, attempt.hash, desk.head.number, error)
    if error is None:
        desk.calm(alarms.REFUSED, subject)
    else:
        desk.alarm(alarms.REFUSED, subject, error)


def _to_endpoints(desk: Desk, attempt: Signed, places: Sequence[int] | None) -> str | None:
    try:
        if places is None:
            desk.chain.send_raw(attempt.raw)
        else:
            desk.chain.send_to(places, attempt.raw)
    except (RpcError, RevertedError) as error:
        return scrubbed(str(error))
    return None


def _to_relays(desk: Desk, given: Sequence[Signed]) -> str | None:
    """Why no relay took it; None if one did."""
    refused = desk.relays.send([each.raw for each in given], desk.head.number, desk.policy.drop_after)
    for each in refused:
        desk.alarm(alarms.RELAY, each.relay, scrubbed(each.error))
    for relay in desk.relays.names:
        if relay not in [each.relay for each in refused]:
            desk.calm(alarms.RELAY, relay)
    return scrubbed(refused[0].error) if len(refused) == len(desk.relays) else None


def scrubbed(text: str) -> str:
    """A message of somebody else's program, without what may be calldata or a signed transaction."""
    return LONG_HEX.sub("0x…", text)[:LONGEST]


def bundle(desk: Desk) -> None:
    """Offers, for the next block, what each sender has out privately, in the order of nonces and without a gap."""
    if desk.relays.method is not Method.BUNDLE or not len(desk.relays):
        return
    with desk.database.read() as session:
        unmined = [each for each in outgoing.unsettled(session) if not each.mined]
    for sender in desk.signers:
        run = list[Signed]()
        for each in unmined:
            if each.sender != sender or each.last is None:
                continue
            if each.last.channel != PRIVATE:
                break
            run.append(each.last)
        if not run or all(each.sent_block == desk.head.number for each in run):
            continue
        desk.still_ours()
        reached("transaction.before-send")
        error = _to_relays(desk, run)
        reached("transaction.after-send")
        with desk.write() as session:
            for attempt in run:
                attempts.note_sent(session, attempt.hash, desk.head.number, error)
