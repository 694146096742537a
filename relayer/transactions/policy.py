"""What may be spent on transactions and where they may be sent: the settings (``[transactions]``, :mod:`relayer.config`), under what an
operator has changed while the service runs (:mod:`relayer.store.policies`). Fees here are wei.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from relayer.config import Settings
from relayer.store.policies import Policies

GWEI: Final = 10**9
ETHER: Final = 10**18
LEAST_RAISE: Final = 12.5
"""Per cent by which nodes want both fees of a replacement raised."""
LOCAL_CHAINS: Final = (1337, 31337)
"""Chains of one's own, where nobody watches the mempool."""


@dataclass(frozen=True, slots=True)
class FeePolicy:
    """What is offered for a unit of gas, in wei: at most ``max_fee`` in all, of which ``min_tip`` … ``max_tip`` to the block's producer."""

    max_fee: int = 500 * GWEI
    max_tip: int = 50 * GWEI
    min_tip: int = GWEI // 100
    base_fee_room: int = 2
    raise_percent: float = LEAST_RAISE


@dataclass(frozen=True, slots=True)
class Policy:
    """How transactions are moved on. ``public_fallback``: what is private may go to the public mempool once private endpoints have dropped
    it, or if there are none. Numbers of blocks: unmined until replaced, unmined until an endpoint counts as having dropped it, refused by
    simulation until given up. ``low_balance`` in wei.
    """

    fees: FeePolicy = FeePolicy()
    paused: bool = False
    public_fallback: bool = False
    replace_after: int = 3
    drop_after: int = 25
    refused_after: int = 3
    gas_margin_percent: int = 20
    max_gas: int = 30_000_000
    in_flight: int = 16
    low_balance: int = ETHER // 2

    @classmethod
    def of(cls, settings: Settings, policies: Policies | None = None) -> Policy:
        """The settings, and what was changed since."""
        given, changed = settings.transactions, policies or Policies()
        fallback = given.public_fallback if changed.public_fallback is None else changed.public_fallback
        most = changed.maximum_fee_gwei or given.maximum_fee_gwei
        tip = min(changed.maximum_priority_fee_gwei or given.maximum_priority_fee_gwei, most)
        fees = FeePolicy(
            max_fee=wei(most),
            max_tip=wei(tip),
            min_tip=wei(min(given.minimum_priority_fee_gwei, tip)),
            raise_percent=given.replace_percent,
        )
        return cls(
            fees=fees,
            paused=changed.sending_paused,
            public_fallback=fallback,
            replace_after=given.replace_after_blocks,
            drop_after=given.dropped_after_blocks,
            refused_after=given.refused_after_blocks,
            gas_margin_percent=given.gas_margin_percent,
            max_gas=given.maximum_gas,
            in_flight=given.in_flight,
            low_balance=round(settings.alerts.balance_ether * ETHER),
        )


def wei(gwei: float) -> int:
    """A price in gwei, in wei."""
    return round(gwei * GWEI)
