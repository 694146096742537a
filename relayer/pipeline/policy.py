"""What an operator may choose: when batches close, how large they are, what is done about deposits, bonds and gas.

Nothing here can break a promise of the protocol; a bad choice costs time or money.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from relayer.config import Settings
from relayer.store.chain import FRESH_SECONDS, fresh_seconds
from relayer.store.policies import Policies

ETHER: Final = 10**18


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Times are seconds of the block clock, amounts wei, ``beneficiary`` the address that rewards go to.

    ``interval``: an opened batch that holds anything closes after this long. ``most_orders``: it closes at once when it holds so many.
    ``eager``: a batch is opened before anything waits for it, so that orders get receipts at once.
    ``open_margin``: it closes this long before its opening runs out. ``exit_margin``: it closes when an exit request's deadline is
    so near. ``confirmations``: blocks over a deposit or exit request before a batch takes it.
    ``unknown_deposit_grace``: how long a deposit waits for its owner to register before it is returned; ``interval`` at most where it
    keeps others waiting.
    ``bond_floor``, ``bond_target``: when the free bond falls below the one it is filled up to the other; 0: never.
    ``settle_bytes``, ``settle_gas``: the most that one transaction of a settlement carries.
    ``attempts``: how often a step that failed on chain is tried before the batch waits for its operator.
    ``fresh``: how long a look at the chain counts; without one no batch is opened.
    ``void_failed_after``: a batch that cannot be settled is given up this long after its seal; None: when the vault's own time is over.
    """

    interval: int = 300
    most_orders: int = 1_000
    eager: bool = True
    open_margin: int = 300
    exit_margin: int = 86_400
    confirmations: int = 2
    unknown_deposit_grace: int = 3_600
    bond_floor: int = 0
    bond_target: int = 0
    settle_bytes: int = 120_000
    settle_gas: int = 15_000_000
    attempts: int = 3
    fresh: float = FRESH_SECONDS
    void_failed_after: int | None = None
    beneficiary: str | None = None
    directory: Path = Path("proofs")

    @classmethod
    def of(cls, settings: Settings) -> Policy:
        """As the settings have it."""
        own = settings.batches
        return cls(
            interval=round(own.close_seconds),
            most_orders=own.close_orders,
            eager=own.eager,
            open_margin=round(own.open_margin_seconds),
            exit_margin=round(own.exit_margin_seconds),
            confirmations=own.confirmations,
            unknown_deposit_grace=round(own.unknown_deposit_grace_seconds),
            bond_floor=round(own.bond_floor_ether * ETHER),
            bond_target=round(own.bond_target_ether * ETHER),
            settle_bytes=own.settle_bytes,
            settle_gas=own.settle_gas,
            attempts=own.attempts,
            fresh=fresh_seconds(settings.chain.poll_seconds),
            void_failed_after=round(own.void_failed_after_seconds) or None,
            beneficiary=own.beneficiary or None,
            directory=settings.proving.directory,
        )

    def with_changes(self, changed: Policies) -> Policy:
        """The policy with what the operator has changed while the service runs."""
        interval = self.interval if changed.close_seconds is None else round(changed.close_seconds)
        most = self.most_orders if changed.close_orders is None else changed.close_orders
        return replace(self, interval=interval, most_orders=most)
