"""What must hold after any number of kills, by the chain and by the database, against what traders were told."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Final

from prover.keys import Keys
from relayer.audit import Auditor
from relayer.ledger import read_ledger
from relayer.reading import read_account
from relayer.records import BatchSettled
from relayer.store import batches
from relayer.store.crypt import Sealer
from relayer.store.models import Batch, BatchState, ChainTransaction, OrderState, TransactionState
from relayer.store.models import Order as OrderRow
from tests.relayer.kill.traffic import Acknowledged, Traffic
from tests.relayer.service.venue import KEYS
from tests.relayer.serving.relayer import Relayer
from tests.relayer.venue import Owner

INSTRUMENT: Final = 3
OVER: Final = (OrderState.SETTLED, OrderState.FINAL)
SETTLED: Final = (BatchState.MINED, BatchState.FINAL)
DONE: Final = (TransactionState.MINED, TransactionState.FINAL)


def all_settled(relayer: Relayer, acknowledged: Sequence[Acknowledged]) -> bool:
    """Whether every order that was acknowledged has come to its end."""
    with relayer.looking() as session:
        rows = {row.id: row.state for row in session.query(OrderRow)}
    return all(rows.get(each.id) in OVER for each in acknowledged)


def broken(relayer: Relayer, traffic: Traffic, owners: Sequence[Owner]) -> list[str]:
    """Every promise that does not hold, in words; none is the only good answer."""
    found = [f"refused: {each}" for each in traffic.wrong]
    found += _receipts(relayer, traffic.acknowledged)
    found += _executed(relayer, traffic.acknowledged)
    found += _nonces(relayer)
    found += _chain(relayer, owners)
    return found


def _receipts(relayer: Relayer, acknowledged: Sequence[Acknowledged]) -> list[str]:
    """An order is where its receipt promised, and no place was promised twice."""
    promised = [each for each in acknowledged if each.sequence is not None]
    places = Counter((each.batch, each.sequence) for each in promised)
    found = [f"place {place} was promised to {count} orders" for place, count in places.items() if count > 1]
    with relayer.looking() as session:
        rows = {row.id: (row.batch, row.sequence) for row in session.query(OrderRow)}
    lost = [each.id for each in acknowledged if each.id not in rows]
    found += [f"acknowledged order {each} is lost" for each in lost]
    moved = [each for each in promised if each.id in rows and rows[each.id] != (each.batch, each.sequence)]
    return found + [f"order {each.id} is not where its receipt says" for each in moved]


def _executed(relayer: Relayer, acknowledged: Sequence[Acknowledged]) -> list[str]:
    """Every acknowledged order stands in one settled batch, once."""
    sealer = Sealer.load(relayer.folder / "database-key")
    times: Counter[bytes] = Counter()
    with relayer.looking() as session:
        for batch in session.query(Batch).where(Batch.state.in_(SETTLED)):
            sealed = batches.open_batch(sealer, batch)
            assert sealed is not None, f"batch {batch.number} is not kept"
            domain = sealed.context.domain
            for touch in sealed.touches:
                times.update(each.order.hash(domain).to_bytes(32, "big") for each in touch.orders)
        hashes = {row.id: row.hash for row in session.query(OrderRow)}
    wrong = [each for each in acknowledged if each.id in hashes and times[hashes[each.id]] != 1]
    found = [f"order {each.id} stands {times[hashes[each.id]]} times in settled batches" for each in wrong]
    return found + [f"an order stands {count} times in settled batches" for count in times.values() if count > 1]


def _nonces(relayer: Relayer) -> list[str]:
    """The operator's nonces have no gap, none is used twice, and the chain has used them all."""
    with relayer.looking() as session:
        rows = list(session.query(ChainTransaction).where(ChainTransaction.nonce.is_not(None)))
        used = sorted(row.nonce for row in rows if row.nonce is not None)
        found = [f"{row.purpose} is {row.state.value}" for row in rows if row.state not in DONE]
        doubled = Counter(row.purpose for row in rows)
    found += [f"{purpose} was queued {count} times" for purpose, count in doubled.items() if count > 1]
    if used != list(range(used[0], used[0] + len(used))):
        found.append(f"nonces have a gap: {used}")
    following = relayer.venue.chain.nonce(relayer.venue.chain.accounts[0])
    if following != used[-1] + 1:
        found.append(f"the chain's next nonce is {following}, the last one used is {used[-1]}")
    return found


def _chain(relayer: Relayer, owners: Sequence[Owner]) -> list[str]:
    """By the chain alone: one settlement a batch, each proof holds, and each account has what its orders' results add up to."""
    found = []
    with relayer.venue.reading() as vault:
        Auditor(vault, Keys.load(KEYS, "dev"), None, None, lambda _: None).run()
        settlements = [each for each in read_ledger(vault) if isinstance(each, BatchSettled)]
        counted = Counter(each.batch for each in settlements)
        found += [f"batch {batch} was settled {count} times" for batch, count in counted.items() if count > 1]
        for owner in owners:
            held = read_account(vault, settlements, owner.holder, owner.index)
            on_chain = sum(p.quantity for p in held.leaf.positions if p.instrument == INSTRUMENT) if held else 0
            told = _filled(relayer, owner)
            if on_chain != told:
                found.append(f"{owner.name} holds {on_chain} on chain, and its orders add up to {told}")
    return found


def _filled(relayer: Relayer, owner: Owner) -> int:
    """Lots that an owner's results add up to, bought less sold."""
    sealer = Sealer.load(relayer.folder / "database-key")
    total = 0
    with relayer.looking() as session:
        for row in session.query(OrderRow).where(OrderRow.owner == owner.holder.owner.to_bytes(32, "big")):
            content = json.loads(sealer.open(f"orders.content:{row.id}", row.content_sealed))
            result = json.loads(sealer.open(f"orders.result:{row.id}", row.result_sealed))
            fill = int(result["fill"])
            total += abs(fill) if content["order"]["side"] == "buy" else -abs(fill)
    return total
