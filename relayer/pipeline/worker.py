"""The loop of the pipeline: small steps under one lease, each of which may be repeated.

A step reads what is stored, decides, and writes once; what it cannot do now it leaves for the next turn. Whoever runs :meth:`Pipeline.step`
in a loop needs no order of steps, no memory and no clean end. Answers to challenges come first in a turn, and no step that fails keeps the
others from being taken: an answer that is late costs the bond. The lease is renewed beside the steps: how long one reads the chain is for
others to say (strangers' deposits, say), and it must not end in a write that is refused.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from prover.errors import TacitError
from prover.keys import Keys
from relayer.errors import LeaseLost
from relayer.pipeline import aftermath, challenges, clearing, covering, duties, opening, sealing, settling
from relayer.pipeline.desk import Desk, Turn
from relayer.pipeline.keeping import renewed
from relayer.store.leases import Leases

LEASE: Final = "pipeline"
Step = Callable[[Desk, Turn], bool]
Fared = Callable[[str, float, TacitError | None], object]
"""Is told the name of a step that was tried, the seconds that it took, and why it could not be taken now (None: it was)."""

CHALLENGES: Final[Sequence[Step]] = (challenges.watch_challenges, challenges.answer_challenges)
"""They come before everything else in a turn: an answer that is late costs the bond, and a batch can be kept waiting by others."""
DUTIES: Final[Sequence[Step]] = (
    *CHALLENGES,
    duties.void_hopeless,
    duties.fund_bonds,
    duties.release_bonds,
    duties.return_deposits,
)
"""What is due beside batches, and looked at less often; what strangers can make long comes last."""

log = logging.getLogger(__name__)


def _raised(_step: str, _seconds: float, error: TacitError | None) -> None:
    if error is not None:
        raise error


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """The operator's part of every batch, under a lease of ``seconds`` that is renewed ``every`` so many while a turn lasts.

    ``duties_every``: seconds between looks at what is due beside batches.

    ``fared`` hears of every step that was tried, also of one that failed for now (an endpoint that does not answer) while the others go on;
    by default the first failure is raised. Any other error is a fault of this program: the others of the turn are still taken, and it is
    raised at the turn's end.
    """

    desk: Desk
    leases: Leases
    keys: Keys
    duties_every: float = 10.0
    seconds: float = 15.0
    every: float = 5.0
    fared: Fared = _raised
    clock: Callable[[], float] = time.monotonic
    _looked: dict[str, float] = field(default_factory=dict, repr=False)

    def step(self) -> bool:
        """Takes every step that is due; whether anything was done. False also where another process has the lease."""
        lease = self.leases.acquire(LEASE, self.seconds)
        if lease is None:
            return False
        turn, faults = Turn(lease), list[Exception]()
        with renewed(self.leases, lease, self.seconds, self.every):
            try:
                taken = [self._taken(step, turn, faults) for step in self._steps()]
            except LeaseLost:
                taken = []
        if faults:
            raise faults[0]
        return any(taken)

    def _steps(self) -> list[Step]:
        steps: list[Step] = [
            aftermath.release_orders,
            aftermath.retry,
            covering.cover,
            opening.tell_held,
            opening.open_next,
            sealing.close,
            sealing.seal,
            clearing.clear,
            self._settle,
        ]
        now = self.clock()
        if now - self._looked.get("duties", float("-inf")) >= self.duties_every:
            self._looked["duties"] = now
            return [*CHALLENGES, *steps, *(duty for duty in DUTIES if duty not in CHALLENGES)]
        return steps

    def _settle(self, desk: Desk, turn: Turn) -> bool:
        return settling.settle(desk, self.keys, turn)

    def _taken(self, step: Step, turn: Turn, faults: list[Exception]) -> bool:
        name, began = step.__name__.lstrip("_"), self.clock()
        try:
            done = step(self.desk, turn)
        except LeaseLost:
            raise
        except TacitError as error:
            self.fared(name, self.clock() - began, error)
            return False
        except Exception as error:
            log.error("fault in a step, the others are still taken", extra={"step": name}, exc_info=error)
            faults.append(error)
            return False
        self.fared(name, self.clock() - began, None)
        return done
