"""What a transaction offers for gas (EIP-1559): from the fees of the last blocks, under a cap.

Pure arithmetic on wei. A replacement raises both fees by at least an eighth, rounded up, because nodes take no less; one that would
pass the cap is not made: then :class:`AtCap` says so, and the transaction waits for fees to fall. Only the empty transfer that takes the
place of what is given up may pass it, by that eighth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median_high

from relayer.transactions.policy import LEAST_RAISE, FeePolicy


@dataclass(frozen=True, slots=True)
class Fees:
    """Wei a unit of gas: at most ``most`` in all, of which at most ``tip`` to the block's producer."""

    most: int
    tip: int


@dataclass(frozen=True, slots=True)
class AtCap:
    """No offer that would be taken is within the cap: ``wanted`` is the least that would be."""

    wanted: Fees


def offer(base: int, tips: Sequence[int], policy: FeePolicy) -> Fees | AtCap:
    """The first offer: the median of what was tipped lately, and room for the base fee to rise.

    ``base`` is the next block's base fee. Less room than the policy's is taken where the cap leaves no more; no offer is made that the
    next block would refuse.
    """
    tip = min(max(median_high(tips) if tips else 0, policy.min_tip), policy.max_tip)
    if base + tip > policy.max_fee:
        return AtCap(Fees(base + tip, tip))
    return Fees(min(base * policy.base_fee_room + tip, policy.max_fee), tip)


def replacement(old: Fees, base: int, tips: Sequence[int], policy: FeePolicy) -> Fees | AtCap:
    """The offer that replaces another: what would be offered now, and no less than nodes take for a replacement."""
    least = Fees(raised(old.most, policy.raise_percent), raised(old.tip, policy.raise_percent))
    if least.most > policy.max_fee or least.tip > policy.max_tip:
        return AtCap(least)
    fresh = offer(base, tips, policy)
    if isinstance(fresh, AtCap):
        return AtCap(Fees(max(least.most, fresh.wanted.most), max(least.tip, fresh.wanted.tip)))
    tip = max(least.tip, fresh.tip)
    most = max(least.most, fresh.most, base + tip)
    # Where no further raise fits under the cap, this one goes up to it: what is between would never be offered.
    last = raised(most, policy.raise_percent) > policy.max_fee
    return Fees(policy.max_fee if last else most, tip)


def instead(old: Fees, base: int, tips: Sequence[int], policy: FeePolicy) -> Fees:
    """The offer of the empty transfer that takes the place of what is given up: a replacement, and where that would pass the cap, the least
    that nodes take, or what would be offered now if that is more.

    It uses 21,000 gas, and while its nonce is open nothing behind it is mined, so it does not wait for a cap to be raised.
    """
    fees = replacement(old, base, tips, policy)
    if isinstance(fees, Fees):
        return fees
    least, fresh = Fees(raised(old.most, LEAST_RAISE), raised(old.tip, LEAST_RAISE)), offer(base, tips, policy)
    if isinstance(fresh, AtCap):
        return least
    return Fees(max(least.most, fresh.most), max(least.tip, fresh.tip))


def raised(wei: int, percent: float) -> int:
    """A fee raised by a percentage, rounded up, and by a wei at least. The percentage counts to a thousandth."""
    thousandths = round(percent * 1000)
    return max(wei + 1, -(-wei * (100_000 + thousandths) // 100_000))
