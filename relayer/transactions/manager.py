"""The sender of transactions: one step after another, each of which may be the last.

Whoever holds the lease ``transactions`` looks at the chain, at what it has out, and at the queue. All that is known between steps is in the
database, so another process goes on where this one was stopped: what it had signed is stored, and is sent again rather than signed again.
While endpoints cannot be believed, nothing is done at all, and the operator is told.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from sqlalchemy.orm import Session

from relayer.chain import Address
from relayer.errors import LeaseLost, RpcError
from relayer.signing import Signer
from relayer.store import policies
from relayer.store.database import Database
from relayer.store.leases import SECONDS, Lease, Leases
from relayer.transactions import alarms
from relayer.transactions.advancing import advance
from relayer.transactions.alarms import Alarms
from relayer.transactions.delivering import bundle, scrubbed
from relayer.transactions.desk import Desk
from relayer.transactions.endpoints import Endpoints
from relayer.transactions.health import Health, Standing
from relayer.transactions.memory import Memory
from relayer.transactions.nonces import mend
from relayer.transactions.policy import Policy
from relayer.transactions.pressing import press
from relayer.transactions.private import Relays
from relayer.transactions.watching import watch
from relayer.watching import measures

log = logging.getLogger(__name__)

LEASE: Final = "transactions"
CHAIN: Final = "chain"
"""Subject of alarms about all endpoints together."""


class Manager:
    """Moves transactions on. ``policy`` gives the policy in force from what the operator has set while the service runs."""

    def __init__(
        self,
        database: Database,
        leases: Leases,
        chain: Endpoints,
        signers: Mapping[Address, Signer],
        policy: Callable[[policies.Policies], Policy],
        relays: Relays | None = None,
        seconds: float = SECONDS,
    ) -> None:
        self._database, self._leases, self._chain, self._signers = database, leases, chain, dict(signers)
        self._policy, self._relays, self._seconds = policy, relays or Relays(()), seconds
        self._lease: Lease | None = None
        self._alarms, self._memory = Alarms(), Memory()

    @property
    def raised(self) -> Mapping[tuple[str, str], str]:
        """The alarms that hold: message by code and subject."""
        return self._alarms.raised

    @property
    def leading(self) -> bool:
        """Whether this process does the work."""
        return self._lease is not None

    def step(self) -> bool:
        """Does what can be done now; whether anything changed. False also where another process does this work."""
        try:
            lease = self._leased()
            return lease is not None and self._step(lease)
        except LeaseLost:
            log.warning("lease lost", extra={"lease": LEASE})
            self._lease = None
            return False

    def release(self) -> None:
        """Leaves the work to others at once."""
        if self._lease is not None:
            self._leases.release(self._lease)
            self._lease = None

    def _leased(self) -> Lease | None:
        if self._lease is None:
            self._lease = self._leases.acquire(LEASE, self._seconds)
        else:
            self._lease = self._leases.renew(self._lease, self._seconds)
        return self._lease

    def _step(self, lease: Lease) -> bool:
        health = self._chain.check()
        with self._database.read() as session:
            policy = self._policy(policies.read(session))
        try:
            self._tell(lease, health)
            if health.problem is not None:
                return False
            return self._work(self._desk(lease, policy))
        except RpcError as error:
            # What was to be seen to at this block may not have been.
            self._memory.look_again()
            self._unsettled(lease, scrubbed(str(error)))
        return False

    def _desk(self, lease: Lease, policy: Policy) -> Desk:
        return Desk(
            database=self._database,
            lease=lease,
            chain=self._chain,
            relays=self._relays,
            signers=self._signers,
            policy=policy,
            alarms=self._alarms,
            head=self._chain.head(),
            final=self._chain.final_height(),
            memory=self._memory,
        )

    def _work(self, desk: Desk) -> bool:
        changed = watch(desk)
        changed |= mend(desk)
        if not desk.policy.paused:
            changed |= press(desk)
            changed |= advance(desk)
            bundle(desk)
        self._look_at_balances(desk)
        desk.calm(alarms.UNSETTLED, CHAIN)
        return changed

    def _look_at_balances(self, desk: Desk) -> None:
        for sender in desk.signers:
            balance = desk.chain.balance(sender)
            if balance < desk.policy.low_balance:
                what = f"{sender} has {balance} wei left for gas, and at least {desk.policy.low_balance} are wanted"
                desk.alarm(alarms.BALANCE, sender, what)
            else:
                desk.calm(alarms.BALANCE, sender)

    # ---- endpoints

    def _tell(self, lease: Lease, health: Health) -> None:
        """Alarms for endpoints that are put aside, and for nobody being believed."""
        write = self._writer(lease)
        heights = [sample.head.number for sample in health.samples if sample.head is not None]
        for place, (name, standing) in enumerate(zip(health.names, health.standings, strict=True)):
            head = health.samples[place].head
            measures.RPC_LAG.labels(str(place)).set(0 if head is None else max(heights) - head.number)
            if standing is Standing.GOOD:
                self._alarms.over(write, alarms.ENDPOINT, name)
            else:
                self._alarms.holds(write, alarms.ENDPOINT, name, f"{name} is put aside: {standing.value}")
        if health.problem is not None:
            self._alarms.holds(write, alarms.UNSETTLED, CHAIN, f"nothing is sent: {health.problem}")

    def _unsettled(self, lease: Lease, what: str) -> None:
        self._alarms.holds(self._writer(lease), alarms.UNSETTLED, CHAIN, f"nothing is sent: {what}")

    def _writer(self, lease: Lease) -> alarms.Write:
        @contextmanager
        def write() -> Iterator[Session]:
            with self._database.write() as session:
                lease.check(session)
                yield session

        return write
