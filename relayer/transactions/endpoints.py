"""Several JSON-RPC endpoints of one chain behind the face of one: read from the best, send to all, believe no minority.

It is a :class:`relayer.chain.Chain`, and can stand wherever one can. Every few seconds all endpoints are asked for chain, newest block
and the hash of one a little below it, each in a thread of its own so that a silent one holds up nobody (:mod:`.health` judges). A request
goes to the best one and, if that fails, to the next. What must not rest on one endpoint's word is asked of all (:meth:`Endpoints.agreed`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, Self, TypeVar, cast

from prover.hashing import keccak256
from relayer.chain import Block, Chain, Connect
from relayer.errors import RevertedError, RpcError, UnsettledError
from relayer.interface import Value
from relayer.transactions.health import Health, Sample, Standing, in_agreement, in_step, on_chain, strict_majority
from relayer.transactions.members import Member, Members, Vote

T = TypeVar("T")

GRACE: Final = 1.0
"""Seconds beyond an endpoint's own time-out that its thread is waited for."""
CLEARLY_FASTER: Final = 4.0
"""How many times faster another endpoint must be for reading to move there."""
KNOWN: Final = ("already known", "already imported", "known transaction", "already in")


class Endpoints(Chain):
    """The endpoints of one chain. ``quorum``: how many must answer and agree before anything is sent."""

    def __init__(
        self,
        chains: Sequence[Chain],
        *,
        timeout: float = 5.0,
        max_lag: int = 5,
        depth: int = 3,
        quorum: int = 1,
        every: float = 2.0,
        chain_id: int | None = None,
    ) -> None:
        if not 0 < quorum <= len(chains):
            what = f"a quorum of {quorum} among {len(chains)} endpoints: name more endpoints or a smaller one"
            raise RpcError(what, {"quorum": quorum, "endpoints": len(chains)})
        self._members = Members(Member(chain, place, timeout) for place, chain in enumerate(chains))
        self._max_lag, self._depth, self._quorum, self._every = max_lag, depth, quorum, every
        self._expected, self._health, self._checking = chain_id, Health(), threading.Lock()

    @classmethod
    def open(
        cls, urls: Sequence[str], *, timeout: float = 5.0, connect: Connect | None = None, **options: Value
    ) -> Self:
        """The endpoints at these URLs. One that is busy is not waited for where there is another to ask."""
        if len(set(urls)) != len(urls):
            raise RpcError("an endpoint is named twice, and would count as two", {"endpoints": len(urls)})
        patience = () if len(urls) > 1 else None
        return cls([Chain(url, timeout, patience, connect) for url in urls], timeout=timeout, **options)

    def close(self) -> None:
        """Closes the connections and ends the threads."""
        for member in self._members:
            member.close()

    @property
    def name(self) -> str:
        """Host of the endpoint that is read from."""
        best = self._health.best
        return self._members[0 if best is None else best].chain.name

    # ---- health

    @property
    def health(self) -> Health:
        """What was last thought of the endpoints."""
        return self._health

    def check(self, force: bool = False) -> Health:
        """Asks all endpoints how they are, if that is due or ``force``d. One thread asks; others take the last result meanwhile."""
        due = force or time.monotonic() - self._health.at >= self._every
        if not due or not self._checking.acquire(blocking=force or self._health.best is None):
            return self._health
        try:
            if force or time.monotonic() - self._health.at >= self._every:
                self._health = self._judge()
            return self._health
        finally:
            self._checking.release()

    def _judge(self) -> Health:
        samples = tuple(
            self._members.each(range(len(self._members)), _sample, lambda error: Sample(error=str(error))).values()
        )
        number, standings = on_chain(samples, self._expected)
        heads = {p: s.head.number for p, s in enumerate(samples) if s.head is not None and p not in standings}
        standings |= in_step(heads, self._max_lag)
        near = [place for place in heads if place not in standings]
        common = max(0, min((heads[place] for place in near), default=0) - self._depth)
        hashes = self._hashes(near, common)
        standings |= in_agreement(hashes)
        good = [place for place in near if place not in standings]
        self._doubt_the_late(standings, heads, good)
        all_of_them = tuple(standings.get(place, Standing.GOOD) for place in range(len(samples)))
        if good and self._expected is None:
            self._expected = number
        problem = self._problem(all_of_them, len(good))
        names = tuple(member.label for member in self._members)
        best = None if problem else self._best(good, samples)
        return Health(names, all_of_them, samples, best, problem, time.monotonic())

    def _hashes(self, places: Sequence[int], height: int) -> dict[int, bytes | None]:
        def ask(chain: Chain) -> bytes | None:
            block = chain.block(height)
            return None if block is None else block.hash

        return self._members.each(places, ask, lambda _: None)

    def _doubt_the_late(self, standings: dict[int, Standing], heads: dict[int, int], good: Sequence[int]) -> None:
        """Endpoints that are behind are no help, but one of them that has another history is told from one that is only late."""
        late = [place for place, standing in standings.items() if standing is Standing.BEHIND]
        for place in late if good else ():
            height = max(0, heads[place] - self._depth)
            theirs, ours = self._hashes([place], height)[place], self._hashes(good[:1], height)[good[0]]
            if theirs is not None and ours is not None and theirs != ours:
                standings[place] = Standing.DISAGREES

    def _problem(self, standings: Sequence[Standing], good: int) -> str | None:
        if Standing.UNSETTLED in standings:
            return "endpoints disagree on the chain, and none has most on its side"
        if good == 0:
            return "no endpoint answers"
        if good < self._quorum:
            return f"{good} endpoints answer and agree, and {self._quorum} must"
        return None

    def _best(self, good: Sequence[int], samples: Sequence[Sample]) -> int:
        """The one read from before, so that answers follow from one another, unless another is clearly faster."""
        fastest = min(good, key=lambda place: samples[place].latency)
        before = self._health.best
        if (
            before is not None
            and before in good
            and samples[before].latency <= CLEARLY_FASTER * samples[fastest].latency + 0.05
        ):
            return before
        return fastest

    # ---- asking

    def request(self, method: str, *params: Value) -> Value:
        """One request to the best endpoint, to the next where that fails (:class:`UnsettledError` while nobody can be believed)."""
        failure: RpcError | None = None
        for place in self._order():
            try:
                return self._members[place].chain.request(method, *params)
            except RevertedError:
                raise
            except RpcError as error:
                failure = failure or error
        raise failure or self._unsettled()

    def _order(self) -> list[int]:
        health = self.check()
        if health.best is None:
            raise self._unsettled()
        return [health.best, *(place for place in health.good if place != health.best)]

    def _unsettled(self) -> UnsettledError:
        problem = self._health.problem or "no endpoint is believed"
        return UnsettledError(f"{problem}: nothing is read or sent until that changes", {"endpoints": self._told()})

    def _told(self) -> str:
        return ", ".join(f"{n} {s.value}" for n, s in zip(self._health.names, self._health.standings, strict=True))

    def agreed(self, question: Callable[[Chain], T], what: str, *, of_all: bool = False) -> T:
        """What more than half of the believed endpoints answer; one that fails to answer has no vote. ``of_all``: more than half of all
        that there are, for what cannot be undone.

        :class:`UnsettledError` if no answer has that; a :class:`RevertedError` is an answer too, and raised.
        """
        answers = self._members.each(
            self._order(), lambda chain: Vote(question(chain)), lambda error: Vote(None, error)
        )
        votes = {place: vote for place, vote in answers.items() if not isinstance(vote.error, RpcError)}
        if not votes:
            raise next(vote.error for vote in answers.values() if vote.error is not None)
        most = strict_majority({place: vote.key for place, vote in votes.items()})
        agreeing = sum(vote.key == most for vote in votes.values())
        if most is None or (of_all and 2 * agreeing <= len(self._members)):
            raise UnsettledError(f"endpoints disagree on {what}: {self._told()}", {"what": what})
        vote = next(vote for vote in votes.values() if vote.key == most)
        if vote.error is not None:
            raise vote.error
        return cast("T", vote.answer)

    def answers(self, question: Callable[[Chain], T]) -> list[T | RevertedError]:
        """What each believed endpoint answers, refusals of a contract among them; :class:`RpcError` if none does."""
        votes = self._members.each(
            self._order(), lambda chain: Vote(question(chain)), lambda error: Vote(None, error)
        ).values()
        told = [vote.error or cast("T", vote.answer) for vote in votes if not isinstance(vote.error, RpcError)]
        if not told:
            raise next(vote.error for vote in votes if vote.error is not None)
        return told

    def final_height(self) -> int:
        """The height that more than half of the believed endpoints call final; -1 while there is none."""

        def height(chain: Chain) -> int:
            block = chain.block("finalized")
            return -1 if block is None else block.number

        # An endpoint that does not know the word says that nothing is final.
        heights = sorted(self._members.each(self._order(), height, lambda _: -1).values(), reverse=True)
        return heights[len(heights) // 2]

    # ---- sending

    def send_raw(self, signed: bytes) -> bytes:
        """Sends a signed transaction to every believed endpoint; its hash. :class:`RpcError` if none takes it."""
        return self.send_to(self._order(), signed)

    def send_to(self, places: Sequence[int], signed: bytes) -> bytes:
        """The same to some endpoints. One that has it already has taken it."""
        failures = self._members.each(places, lambda chain: _sent(chain, signed), lambda error: error)
        refused = [failure for failure in failures.values() if failure is not None]
        if len(refused) == len(failures) and refused:
            raise refused[0]
        return keccak256(signed)

    def without(self, digest: bytes) -> list[int]:
        """The believed endpoints that do not know a transaction, mined or waiting; one that does not say counts as knowing it."""
        found = self._members.each(
            self._order(),
            lambda c: c.request("eth_getTransactionByHash", "0x" + digest.hex()) is not None,
            lambda _: True,
        )
        return [place for place, knows in found.items() if not knows]


def _sample(chain: Chain) -> Sample:
    started = time.monotonic()
    sample = Sample(chain.chain_id(), _newest(chain))
    return replace(sample, latency=time.monotonic() - started)


def _newest(chain: Chain) -> Block:
    return chain.head()


def _sent(chain: Chain, signed: bytes) -> RpcError | RevertedError | None:
    try:
        chain.send_raw(signed)
    except RpcError as error:
        if not any(words in str(error).lower() for words in KNOWN):
            raise
    return None
