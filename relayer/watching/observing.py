"""What an operator's alerts rest on beside the database: the endpoints, the operator's balance, the bond, the first exit's deadline.

Seen by the worker every few seconds and kept for all to look at (:class:`.status.Observed`); in the same write, conditions that have come
or gone are told.
"""

from __future__ import annotations

import logging
from typing import Final

from relayer.chain import Address
from relayer.config import Settings
from relayer.errors import RpcError
from relayer.store.clock import now_ms
from relayer.store.database import Database
from relayer.store.leases import Lease
from relayer.transactions.endpoints import Endpoints
from relayer.transactions.health import Health, Standing
from relayer.vault import Vault
from relayer.watching import alerts, measures
from relayer.watching.status import Observed, keep_observed, look

log = logging.getLogger(__name__)

MUTE: Final = (Standing.SILENT, Standing.OTHER_CHAIN)
TORN: Final = (Standing.DISAGREES, Standing.UNSETTLED)


class Observer:
    """Looks at one vault's chain."""

    def __init__(
        self, database: Database, settings: Settings, chain: Endpoints, vault: Vault, operator: Address
    ) -> None:
        self._database, self._settings, self._chain = database, settings, chain
        self._vault, self._operator = vault, operator

    def step(self, lease: Lease) -> bool:
        """Looks once, keeps it and tells alerts; never anything more to do at once."""
        seen = self.observe()
        status = look(self._database)
        with self._database.write() as session:
            lease.check(session)
            if seen is not None:
                keep_observed(session, seen)
            holding = alerts.conditions(status, self._settings)
            come = alerts.take_note(session, holding, now_ms())
        for name in come:
            log.warning("alert", extra={"alert": name})
        return False

    def observe(self) -> Observed | None:
        """What is seen now; None while no endpoint answers, so that what was seen last grows old."""
        try:
            health = self._chain.check()
            head = self._chain.head()
            lags = endpoint_lags(health)
            for place, lag in enumerate(lags):
                measures.RPC_LAG.labels(str(place)).set(-1 if lag is None else lag)
            return Observed(
                at=now_ms(),
                block=head.number,
                block_time=head.time,
                endpoints=lags,
                disagreement=disagree(health),
                balance=self._chain.balance(self._operator),
                bond=int(self._vault.bonds.call("free")),
                exit_deadline=self._exit_deadline(),
                per_order=int(self._vault.bond_terms.perOrder),
            )
        except RpcError:
            log.exception("the chain was not seen")
            return None

    def _exit_deadline(self) -> int | None:
        queue = self._vault.contract.call("exitQueue")
        if queue.head == queue.tail:
            return None
        return int(self._vault.contract.call("earliestDeadline", queue.head))


def endpoint_lags(health: Health) -> list[int | None]:
    """Blocks that each endpoint is behind the furthest; None for one that is silent or of another chain."""
    heights = [
        None if sample.head is None or standing in MUTE else sample.head.number
        for sample, standing in zip(health.samples, health.standings, strict=True)
    ]
    top = max((height for height in heights if height is not None), default=0)
    return [None if height is None else top - height for height in heights]


def disagree(health: Health) -> bool:
    """Whether endpoints give different blocks of one number."""
    return any(standing in TORN for standing in health.standings)
