"""Which of several endpoints to believe: a judgement on what each of them said, without asking anything itself.

An endpoint is put aside if it is silent, of another chain, has other blocks than most, or is behind or ahead of most. Most is more than
half of those that answered. Where no hash has most votes nobody can say who lies: then nothing is settled, and nothing may be read or
sent until it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from relayer.chain import Block


class Standing(StrEnum):
    """What is thought of an endpoint."""

    GOOD = "good"
    SILENT = "silent"
    OTHER_CHAIN = "other_chain"
    DISAGREES = "disagrees"
    BEHIND = "behind"
    AHEAD = "ahead"
    UNSETTLED = "unsettled"


@dataclass(frozen=True, slots=True)
class Sample:
    """What an endpoint said of itself: its chain's number and newest block, or why not; ``latency`` in seconds."""

    chain_id: int | None = None
    head: Block | None = None
    latency: float = 0.0
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """What is thought of the endpoints, in their order. ``best`` is the one to read from; ``problem`` why nothing may be read or sent."""

    names: tuple[str, ...] = ()
    standings: tuple[Standing, ...] = ()
    samples: tuple[Sample, ...] = ()
    best: int | None = None
    problem: str | None = None
    at: float = field(default=float("-inf"), compare=False)

    @property
    def good(self) -> list[int]:
        """The endpoints that are believed."""
        return [place for place, standing in enumerate(self.standings) if standing is Standing.GOOD]


def strict_majority(votes: Mapping[int, object]) -> object | None:
    """What more than half of the voters say; None where nothing is."""
    counted = Counter(votes.values())
    if not counted:
        return None
    vote, count = counted.most_common(1)[0]
    return vote if 2 * count > len(votes) else None


def on_chain(samples: Sequence[Sample], expected: int | None) -> tuple[int | None, dict[int, Standing]]:
    """The chain's number, and the endpoints that are silent or of another chain. The number is the expected one, else what most say."""
    standings = {place: Standing.SILENT for place, sample in enumerate(samples) if sample.head is None}
    told = {place: sample.chain_id for place, sample in enumerate(samples) if sample.head is not None}
    number = expected if expected is not None else strict_majority(told)
    if not isinstance(number, int):
        return None, standings | dict.fromkeys(told, Standing.UNSETTLED)
    return number, standings | {place: Standing.OTHER_CHAIN for place, said in told.items() if said != number}


def in_step(heads: Mapping[int, int], lag: int) -> dict[int, Standing]:
    """The endpoints whose newest block is more than ``lag`` below or above most.

    With no majority near one height (two endpoints far apart, say) the highest is believed: an endpoint that stands still is common, one
    that makes up blocks is not, and is found by their hashes once the other comes there.
    """
    ordered = sorted(heads.values(), reverse=True)
    if not ordered:
        return {}
    middle = ordered[len(ordered) // 2]
    near = [height for height in ordered if abs(height - middle) <= lag]
    top = max(near) if 2 * len(near) > len(ordered) else ordered[0]
    standings = {place: Standing.BEHIND for place, height in heads.items() if height < top - lag}
    return standings | {place: Standing.AHEAD for place, height in heads.items() if height > top}


def in_agreement(hashes: Mapping[int, bytes | None]) -> dict[int, Standing]:
    """The endpoints with another hash of one block than most; all, if no hash has most votes. None is an endpoint that did not say."""
    told = {place: digest for place, digest in hashes.items() if digest is not None}
    standings = {place: Standing.SILENT for place in hashes if place not in told}
    most = strict_majority(told)
    if most is None:
        return standings | dict.fromkeys(told, Standing.UNSETTLED)
    return standings | {place: Standing.DISAGREES for place, digest in told.items() if digest != most}
