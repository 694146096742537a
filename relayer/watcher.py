"""Follows the vault on chain and brings what it says into the database: the only writer of mined, final, reorged and void.

Each step reads what is new, or what a reorganisation took back, by :class:`relayer.ledger.Ledger`, and stores it together with all that
follows from it in one transaction, under the lease ``watcher``. A restart goes on from what is stored. Whoever settled a batch, its
settlement counts; *final* is said only of blocks at or below the chain's own ``finalized`` tag, checked to hold the settlement still, and
read once more after that tag was there: what an endpoint did not give of a block is found until then.

One step at a time; one endpoint is believed as to what the chain is, as by the ledger: who is given several compares them
first. Sending anything is left to :mod:`relayer.transactions`, what to do next to :mod:`relayer.pipeline`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from typing import Final

from sqlalchemy.orm import Session

from relayer.chain import Block
from relayer.errors import LedgerError, RpcError, StoreError
from relayer.history import History
from relayer.ledger import Change, Ledger
from relayer.points import reached
from relayer.records import AccountAssigned, BatchOpened, BatchSettled, Record, SegmentsChecked
from relayer.store import chain
from relayer.store.account_events import tell_accounts
from relayer.store.clock import now_ms
from relayer.store.crypt import Sealer
from relayer.store.database import Database
from relayer.store.holding import held
from relayer.store.leases import Lease
from relayer.store.standing import Cost, Said, assign_accounts, follow_batch, unassigned, unfinished
from relayer.vault import Vault

LEASE: Final = "watcher"
FOLLOWED_EVERY: Final = 5_000
"""Milliseconds between two notes that the chain is followed while it has nothing new: a small part of how long intake believes one."""


class Watcher:
    """Follows one vault into one database."""

    def __init__(self, database: Database, vault: Vault, sealer: Sealer, clock: Callable[[], int] = now_ms) -> None:
        self.database, self.vault, self._sealer, self._clock = database, vault, sealer, clock
        self._followed: int | None = None
        # As far as is stored, and without the words of what is final: no ledger is kept that is ahead of the database.
        self._ledger: Ledger | None = None
        self._rewrites = 0
        self._final = -1
        self._times: dict[int, int] = {}

    def step(self, lease: Lease) -> bool:
        """Follows the chain to its newest block, then says what has become final; whether anything is new.

        Raises :class:`relayer.errors.RpcError` or :class:`LedgerError` for an endpoint that fails, :class:`LeaseLost` when another process
        follows now; nothing has changed then, or what was stored before the failure stands.
        """
        try:
            final = self.vault.chain.head("finalized")
            followed = self._follow(lease)
            return self._finalize(lease, final) or followed
        except (RpcError, LedgerError):
            raise  # of reading: nothing was stored, and the ledger is as far as it was
        except BaseException:
            self._ledger = None  # another may have stored more, or this write came through: the next step goes on from what is stored
            raise

    def history(self) -> History:
        """What the records tell that stand, as far as this watcher has stored them."""
        return History.of(self._restored().records)

    # ---- following

    def _restored(self) -> Ledger:
        """The ledger; as it is stored, where it is not here or what was stored has been deleted to be read again."""
        with self.database.read() as session:
            now = chain.rewrites(session)
            if self._ledger is not None and now == self._rewrites:
                return self._ledger
            first, kept, final = chain.first(session), chain.checkpoints(session), chain.final(session)
            self._final, self._rewrites = -1 if final is None else final.number, now
            records = held(chain.records(session), self._sure(kept))
        self._ledger = Ledger.resumed(self.vault, self._first() if first is None else first, records, kept)
        return self._ledger

    def _sure(self, checkpoints: Sequence[tuple[int, bytes]]) -> int:
        """The block up to which records stand whatever is followed from here: final, and below all blocks that tell a reorganisation. One
        that takes back what was called final may settle a batch by parts that it left.
        """
        return min(self._final, min((number for number, _ in checkpoints), default=-1))

    def _check(self, session: Session, lease: Lease) -> None:
        """That this process follows still, and from what is stored: nothing may be added to what was deleted meanwhile."""
        lease.check(session)
        if chain.rewrites(session) != self._rewrites:
            raise StoreError("what was read of the chain was deleted while more was read: the next look begins anew")

    def _first(self) -> int:
        """The block to read from, found once."""
        found = self.vault.first_block
        with self.database.write() as session:
            chain.belong(session, self.vault.chain_id, self.vault.address)
            chain.set_first(session, found)
        return found

    def _follow(self, lease: Lease) -> bool:
        asked, ledger = self._clock(), copy(self._restored())  # goes on alone until what it reads is stored
        before, known = list(ledger.records), ledger.checkpoints
        changes = ledger.advance("latest", None if self._final < 0 else self._final)
        now = ledger.checkpoints
        if not changes and now[-1:] == known[-1:]:
            self._ledger = ledger
            self._note(lease, asked)
            return False
        kept = _kept(known, now)
        blocks = self._blocks(now[len(kept) :])
        costs = {s.batch: self._cost(ledger.records, s) for s in _new(changes) if isinstance(s, BatchSettled)}
        times = self._opening_times(changes, blocks)
        history = History.of(ledger.records)
        with self.database.read() as session:
            late = unassigned(session, history)
        reached("watcher.before-commit")
        with self.database.write() as session:
            self._check(session, lease)
            self._store(session, changes, kept[-1][0] if kept else None, blocks)
            self._derive(session, before, history, changes, costs, times, late)
            chain.set_followed(session, asked)
            self._rewrites = chain.rewrites(session)
        self._followed, self._ledger = asked, ledger
        reached("watcher.after-commit")
        return True

    def _note(self, lease: Lease, asked: int) -> None:
        """Stores now and then that the chain was asked and had nothing new: intake promises nothing by a chain that nobody looks at."""
        if self._followed is not None and abs(asked - self._followed) < FOLLOWED_EVERY:
            return
        with self.database.write() as session:
            self._check(session, lease)
            chain.set_followed(session, asked)
        self._followed = asked

    def _blocks(self, places: Sequence[tuple[int, bytes]]) -> list[Block]:
        """Blocks of the chain by number and hash."""
        return [self._block(number, digest) for number, digest in places]

    def _block(self, number: int, digest: bytes) -> Block:
        block = self.vault.chain.block(number)
        if block is None or block.hash != digest:
            raise RpcError(
                f"block {number} of {self.vault.chain.name} changed while it was read: the next look begins again"
            )
        return block

    def _opening_times(self, changes: Sequence[Change], blocks: Sequence[Block]) -> dict[int, int]:
        """Times of the blocks of new openings."""
        times = {block.number: block.time for block in blocks}
        for record in _new(changes):
            if isinstance(record, BatchOpened) and record.at.block not in times:
                times[record.at.block] = self._block(record.at.block, record.at.block_hash).time
        return times

    def _cost(self, records: Sequence[Record], settled: BatchSettled) -> Cost:
        """What the transactions of a settlement cost, of all its parts that are on chain."""
        parts = (
            r for r in records if isinstance(r, SegmentsChecked) and (r.batch, r.r1) == (settled.batch, settled.r1)
        )
        digests = dict.fromkeys([*(part.at.transaction for part in parts), settled.at.transaction])
        receipts = [self.vault.chain.receipt(digest) for digest in digests]
        if any(receipt is None for receipt in receipts):
            raise RpcError(
                f"{self.vault.chain.name} lacks the receipt of a settlement that it told of: ask again later"
            )
        known = [receipt for receipt in receipts if receipt is not None]
        return Cost(sum(each.gas_used for each in known), sum(each.gas_used * each.gas_price for each in known))

    def _store(self, session: Session, changes: Sequence[Change], kept: int | None, blocks: Sequence[Block]) -> None:
        gone = [change.record for change in changes if change.withdrawn]
        chain.withdraw(session, gone, kept)
        chain.add(session, _new(changes), blocks, blocks[-1])

    def _derive(
        self,
        session: Session,
        before: Sequence[Record],
        history: History,
        changes: Sequence[Change],
        costs: dict[int, Cost],
        times: dict[int, int],
        late: Sequence[int],
    ) -> None:
        """Everything that follows from the records; ``late``: owners that had their account before they registered."""
        named = {number for change in changes if isinstance(number := getattr(change.record, "batch", None), int)}
        for number in sorted(named | set(unfinished(session))):
            said = Said.of(history, number, times, self._final)
            follow_batch(session, number, said, costs.get(number), self._sealer)
        withdrawn = [c.record.owner for c in changes if c.withdrawn and isinstance(c.record, AccountAssigned)]
        assigned = [r.owner for r in _new(changes) if isinstance(r, AccountAssigned)]
        assign_accounts(session, history, {*assigned, *withdrawn, *late}, withdrawn)
        tell_accounts(session, changes, History.of(before) if withdrawn else history, history, self._sealer)

    # ---- finality

    def _finalize(self, lease: Lease, final: Block) -> bool:
        """Settlements at or below the finalized block, and still in the chain, are final."""
        ledger = self._restored()
        if final.number <= self._final or ledger.head is None or final.number > ledger.head:
            return False
        history = History.of(ledger.records)
        done = [s for s in history.settlements if self._final < s.at.block <= final.number]
        for settlement in done:
            self._block(settlement.at.block, settlement.at.block_hash)
        with self.database.write() as session:
            self._check(session, lease)
            chain.set_final(session, final)
            for settlement in done:
                said = Said.of(history, settlement.batch, {}, final.number)
                follow_batch(session, settlement.batch, said, None, self._sealer)
        self._final = final.number
        ledger.records = held(ledger.records, self._sure(ledger.checkpoints))
        return True


def _kept(known: Sequence[tuple[int, bytes]], now: Sequence[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """The checkpoints below the first one that is another now; those that are merely too old to be kept count for nothing."""
    oldest = now[0][0]
    other = {number for number, _ in set(known) ^ set(now) if number >= oldest}
    return [each for each in now if each[0] < min(other)] if other else list(now[:-1])


def _new(changes: Sequence[Change]) -> list[Record]:
    return [change.record for change in changes if not change.withdrawn]
