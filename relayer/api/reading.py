"""The chain as the watcher stored it, for the routes: history, the accounts after the last settled batch, how far it is read."""

from __future__ import annotations

import threading
from collections.abc import Callable

from prover.batch import State
from relayer.history import History
from relayer.store import chain
from relayer.store.batches import open_state
from relayer.store.chain import StoredChain
from relayer.store.crypt import Sealer
from relayer.store.database import Database


class StoredReading:
    """Reads from the database; the accounts are kept in memory until another batch is settled. May be used from several threads.

    ``history``: that of the process, where it has one already, so that no second one is held beside it.
    """

    def __init__(
        self, database: Database, sealer: Sealer, params: str, history: Callable[[], History] | None = None
    ) -> None:
        self._database, self._sealer, self._params = database, sealer, params
        self._history = StoredChain(database).history if history is None else history
        self._lock = threading.Lock()
        self._state: tuple[int, State] | None = None

    def history(self) -> History:
        """What has happened in the vault."""
        return self._history()

    def state(self) -> tuple[int, State] | None:
        """The last settled batch (0: genesis) and the accounts after it; the last known ones while the newest are not stored yet."""
        history = self.history()
        if history.genesis is None:
            return None
        last = history.settlements[-1] if history.settlements else None
        batch, root = (0, history.genesis.root) if last is None else (last.batch, last.root_after)
        with self._lock:
            if self._state is None or (self._state[0], self._state[1].root) != (batch, root):
                with self._database.read() as session:
                    found = open_state(session, self._sealer, batch, self._params, root)
                self._state = self._state if found is None else (batch, found)
            return self._state

    def block(self) -> int | None:
        """The last block that was read."""
        with self._database.read() as session:
            head = chain.head(session)
        return None if head is None else head.number
