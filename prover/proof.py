"""Proving a cleared batch, and going on after a kill.

:func:`prove` makes the proof of every segment and the closing proof, several at a time, with progress
and at once interruptible. Given a folder, each finished proof is stored there; a run that was killed goes
on in the same folder with the same randomness and proves nothing twice. The folder holds, once done,
``settlement.json`` and ``risk.json``, which are public; ``private/`` holds the seed that salts the proofs until then.
Proofs may be made elsewhere (:class:`Maker`): each is a function of :class:`Work`, its number and the keys, and none is
used that does not hold.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import queue
import secrets
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Protocol

from prover import _native
from prover.batch import Cleared, SealedBatch, State, risk_text
from prover.errors import BatchError, FileError, SettlementError
from prover.keys import CIRCUITS, Keys
from prover.orders import NO_ADDRESS
from prover.settlement import (
    FILE,
    ClosingPart,
    Expected,
    Proof,
    SegmentPart,
    Settlement,
    address,
    proof_from_wire,
    proof_to_wire,
    verify,
)
from prover.wire import Reader, dump, file_errors, read_text, write_whole

PLAN_FORMAT: Final = "tacit.plan.1"
PROOF_FORMAT: Final = "tacit.proof.1"
RISK_FILE: Final = "risk.json"
SEED_BYTES: Final = 32
GLANCE: Final = 0.1  # seconds between looks at what the workers report

CLOSING: Final = None
Number = int | None
"""A segment's number from 0, or ``CLOSING``."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What has just ended: a ``phase`` (witness, witness_map, a, b1, b2, l, h, check) of the proof ``name`` in so many
    ``seconds``, or with phase ``done`` the whole proof, or with ``stored`` one found proven earlier. ``done`` of
    ``total`` proofs are there.
    """

    name: str
    phase: str
    seconds: float
    done: int
    total: int


ProveProgress = Callable[[Progress], object]
Phases = Callable[[str, float], None]
"""Is told a phase of a proof that has ended, and its seconds."""


@dataclass(frozen=True, slots=True)
class Work:
    """All that the proofs of a settlement are made from but the keys, as bytes that can be sent: sealed batch, the state it is
    cleared on, queue ends, beneficiary, and the seed of its salts. It holds what orders say.
    """

    params: str
    batch: bytes = field(repr=False)
    state: bytes = field(repr=False)
    deposit_end: int
    exit_end: int
    beneficiary: bytes
    seed: bytes = field(repr=False)

    def plan(self) -> _native.Plan:
        """What every proof is of; the same from the same work."""
        cleared = State.from_bytes(self.params, self.state).clear(SealedBatch.from_json(self.batch.decode()))
        return _native.Plan(cleared.native, self.deposit_end, self.exit_end, self.beneficiary, self.seed)


class Maker(Protocol):
    """Makes proofs elsewhere."""

    def __call__(
        self, work: Work, numbers: Sequence[Number], holds: Callable[[Number, Proof], bool]
    ) -> Iterator[tuple[Number, Proof, Sequence[tuple[str, float]]]]:
        """Each number with a proof for which ``holds`` is true, in any order, and its phases with their seconds."""


def prove(
    batch: SealedBatch | Cleared,
    keys: Keys,
    *,
    state: State | None = None,
    directory: str | Path | None = None,
    workers: int = 1,
    deposit_end: int = 0,
    exit_end: int = 0,
    beneficiary: str = NO_ADDRESS,
    progress: ProveProgress | None = None,
    maker: Maker | None = None,
) -> Settlement:
    """The settlement of a batch: cleared, or sealed with the state it is to be cleared on.

    ``workers`` proofs are made at a time. ``directory`` makes the run resumable. ``deposit_end`` and
    ``exit_end`` are the queue ends of the seal, ``beneficiary`` the address of the reward. A ``maker`` makes the
    proofs in place of this process; it needs the sealed batch and its state.
    """
    cleared = _cleared(batch, state)
    if cleared.batch.params != keys.params:
        message = f"the batch is of parameter set {cleared.batch.params}, the keys are of {keys.params}"
        raise BatchError(message, {"params": cleared.batch.params})
    if workers < 1:
        raise BatchError(f"{workers} workers prove nothing", {"workers": workers})
    for name, end in (("deposit_end", deposit_end), ("exit_end", exit_end)):
        if not 0 <= end < 2**64:
            raise BatchError(f"{name} {end} is not from 0 to 2^64 − 1", {name: end})
    if maker is not None and state is None:
        raise BatchError("proofs are made elsewhere from a sealed batch and its state: give both")
    terms = _Terms(deposit_end, exit_end, address(beneficiary))
    made = None if maker is None or state is None else _Elsewhere(maker, state)
    if directory is None:
        return _Run(cleared, keys, terms, secrets.token_bytes(SEED_BYTES), None, made).complete(workers, progress)
    if maker is None and not (Path(directory) / FILE).is_file():
        _ = keys.proving  # what is wrong with the keys is said before anything is written
    with _opened(Path(directory), _job(cleared, keys, terms), cleared) as folder:
        if folder.finished:
            return _checked(folder.finished, keys, cleared, terms)
        return _Run(cleared, keys, terms, folder.seed(), folder, made).complete(workers, progress)


def prove_number(
    plan: _native.Plan,
    number: Number,
    keys: _native.ProvingKeys,
    report: Phases | None = None,
    cancellation: _native.Cancellation | None = None,
) -> Proof:
    """One proof of a plan, with randomness of its own."""
    seed = secrets.token_bytes(SEED_BYTES)
    if number is None:
        return tuple(plan.prove_closing(keys, seed, cancellation, report))
    return tuple(plan.prove_segment(number, keys, seed, cancellation, report))


def _cleared(batch: SealedBatch | Cleared, state: State | None) -> Cleared:
    if isinstance(batch, Cleared):
        return batch
    if state is None:
        raise BatchError("a sealed batch is cleared on a state: give state=, or a cleared batch")
    return state.clear(batch)


def _checked(path: Path, keys: Keys, cleared: Cleared, terms: _Terms) -> Settlement:
    """The settlement of an earlier run, if nobody has changed it since."""
    settlement = Settlement.load(path)
    verify(settlement, keys, terms.expected(cleared))
    return settlement


@dataclass(frozen=True, slots=True)
class _Terms:
    deposit_end: int
    exit_end: int
    beneficiary: bytes

    def expected(self, cleared: Cleared) -> Expected:
        """What must be true of the settlement."""
        return Expected.of(cleared, deposit_end=self.deposit_end, exit_end=self.exit_end)


def _job(cleared: Cleared, keys: Keys, terms: _Terms) -> str:
    """What a folder's proofs are of, as one hash: batch, state, seal, keys."""
    parts = [
        cleared.batch.to_json().encode(),
        cleared.start_root.to_bytes(32, "big"),
        f"{terms.deposit_end} {terms.exit_end}".encode(),
        terms.beneficiary,
        *(keys.manifests[circuit].hashes[1].encode() for circuit in CIRCUITS),
    ]
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def _name(number: Number) -> str:
    return "closing" if number is None else f"segment-{number + 1:04d}"


class _Folder:
    """Where a run keeps what it has proven."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def finished(self) -> Path | None:
        """The settlement of a run that came to its end."""
        path = self.root / FILE
        return path if path.is_file() else None

    def seed(self) -> bytes:
        """The randomness of the settlement, the same in every run until it is complete."""
        path = self.root / "private" / "seed"
        if not path.is_file():
            write_whole(path, secrets.token_hex(SEED_BYTES) + "\n", private=True)
        try:
            seed = bytes.fromhex(read_text(path))
        except ValueError:
            seed = b""
        if len(seed) != SEED_BYTES:
            raise FileError(f"{path} is damaged: remove {self.root} and prove again", {"path": str(path)})
        return seed

    def proof(self, number: Number) -> Proof | None:
        """The stored proof, None if there is none that can be read."""
        path = self._path(number)
        if not path.is_file():
            return None
        try:
            reader = Reader.parse(read_text(path), str(path), SettlementError)
            reader.format(PROOF_FORMAT)
            return reader.read("proof", proof_from_wire, "eight words")
        except SettlementError:
            return None

    def store(self, number: Number, proof: Proof) -> None:
        """Keeps a proof for good."""
        write_whole(self._path(number), dump({"format": PROOF_FORMAT, "proof": proof_to_wire(proof)}))

    def finish(self, settlement: Settlement, risk: str) -> None:
        """Writes the settlement and the epoch's risk table, and forgets the seed."""
        write_whole(self.root / RISK_FILE, risk)
        settlement.save(self.root / FILE)
        (self.root / "private" / "seed").unlink(missing_ok=True)

    def _path(self, number: Number) -> Path:
        return self.root / "proofs" / f"{_name(number)}.json"


@contextmanager
def _opened(root: Path, job: str, cleared: Cleared) -> Iterator[_Folder]:
    """The folder, for this run alone and for this job alone."""
    with file_errors(root, "write"):
        for folder in (root, root / "proofs", root / "private"):
            folder.mkdir(parents=True, exist_ok=True)
        (root / "private").chmod(0o700)
        lock = os.open(root / "private" / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _lock(lock, root)
        _claim(root / "plan.json", job, cleared)
        yield _Folder(root)
    finally:
        os.close(lock)


def _lock(lock: int, root: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise FileError(f"another run is proving in {root}", {"path": str(root)}) from error


def _claim(path: Path, job: str, cleared: Cleared) -> None:
    """Writes what the folder is for, or checks that it is for this."""
    if not path.is_file():
        plan = {"format": PLAN_FORMAT, "params": cleared.batch.params, "segments": cleared.segments, "job": job}
        write_whole(path, dump(plan))
        return
    reader = Reader.parse(read_text(path), str(path), FileError)
    reader.format(PLAN_FORMAT)
    if reader.text("job") != job:
        message = f"{path.parent} holds the proofs of another batch, state, seal or key: choose another folder"
        raise FileError(message, {"path": str(path.parent)})


@dataclass(frozen=True, slots=True)
class _Elsewhere:
    """A maker, and the state that it needs."""

    maker: Maker
    state: State

    def work(self, cleared: Cleared, terms: _Terms, seed: bytes) -> Work:
        """What it is given."""
        batch, state = cleared.batch, self.state.to_bytes()
        ends = (terms.deposit_end, terms.exit_end)
        return Work(batch.params, batch.to_json().encode(), state, *ends, terms.beneficiary, seed)


class _Run:
    """The proofs of one settlement."""

    def __init__(
        self,
        cleared: Cleared,
        keys: Keys,
        terms: _Terms,
        seed: bytes,
        folder: _Folder | None,
        elsewhere: _Elsewhere | None = None,
    ) -> None:
        self.cleared, self.keys, self.terms, self.folder = cleared, keys, terms, folder
        self.seed, self.elsewhere = seed, elsewhere
        self.plan = _native.Plan(cleared.native, terms.deposit_end, terms.exit_end, terms.beneficiary, seed)
        self.cancellation = _native.Cancellation()
        self.events: queue.SimpleQueue[tuple[str, str, float]] = queue.SimpleQueue()
        self.numbers: tuple[Number, ...] = (*range(cleared.segments), CLOSING)
        self.proofs: dict[Number, Proof] = {}

    def complete(self, workers: int, progress: ProveProgress | None) -> Settlement:
        """Makes what is missing and puts it together."""
        self._recall(progress)
        missing = [number for number in self.numbers if number not in self.proofs]
        if missing and self.elsewhere is not None:
            self._have_made(missing, self.elsewhere, progress)
        elif missing:
            self._make(missing, workers, progress)
        settlement = self._settlement()
        verify(settlement, self.keys, self.terms.expected(self.cleared))
        if self.folder is not None:
            self.folder.finish(settlement, risk_text(settlement.params, self.cleared.batch.risk))
        return settlement

    def _recall(self, progress: ProveProgress | None) -> None:
        """Proofs of an earlier run; one that does not hold is made again."""
        for number in self.numbers if self.folder is not None else ():
            proof = self.folder.proof(number) if self.folder is not None else None
            if proof is not None and self._holds(number, proof):
                self.proofs[number] = proof
                self._report(progress, _name(number), "stored", 0.0)

    def _have_made(self, missing: list[Number], elsewhere: _Elsewhere, progress: ProveProgress | None) -> None:
        """Has proofs made elsewhere."""
        work = elsewhere.work(self.cleared, self.terms, self.seed)
        for number, proof, phases in elsewhere.maker(work, missing, self._holds):
            if self.folder is not None:
                self.folder.store(number, proof)
            for phase, seconds in phases:
                self._report(progress, _name(number), phase, seconds)
            self.proofs[number] = proof
            self._report(progress, _name(number), "done", 0.0)

    def _holds(self, number: Number, proof: Proof) -> bool:
        return self.plan.holds(number, self.keys.verifying, proof)

    def _make(self, missing: list[Number], workers: int, progress: ProveProgress | None) -> None:
        """Proves on threads; this one waits, reports, and stops the others when it is interrupted."""
        keys = self.keys.proving
        pool = ThreadPoolExecutor(min(workers, len(missing)), thread_name_prefix="tacit")
        try:
            futures = {pool.submit(self._prove, number, keys): number for number in missing}
            while futures:
                self._hear(progress)
                self._collect(futures, progress)
        except BaseException:
            self.cancellation.cancel()
            raise
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _prove(self, number: Number, keys: _native.ProvingKeys) -> Proof:
        name = _name(number)

        def report(phase: str, seconds: float) -> None:
            self.events.put((name, phase, seconds))

        proof = prove_number(self.plan, number, keys, report, self.cancellation)
        if self.folder is not None:
            self.folder.store(number, proof)
        return proof

    def _hear(self, progress: ProveProgress | None, wait: float = GLANCE) -> None:
        """Reports what the workers have told; waits for the first of it."""
        try:
            while True:
                name, phase, seconds = self.events.get(timeout=wait)
                self._report(progress, name, phase, seconds)
                wait = 0.0
        except queue.Empty:
            return

    def _collect(self, futures: dict[Future[Proof], Number], progress: ProveProgress | None) -> None:
        done = [future for future in futures if future.done()]
        self._hear(progress, 0.0)  # every phase of a proof was told before its worker was done
        for future in done:
            number = futures.pop(future)
            self.proofs[number] = future.result()
            self._report(progress, _name(number), "done", 0.0)

    def _report(self, progress: ProveProgress | None, name: str, phase: str, seconds: float) -> None:
        if progress is not None:
            progress(Progress(name, phase, seconds, len(self.proofs), len(self.numbers)))

    def _settlement(self) -> Settlement:
        planned, cleared = self.plan.planned, self.cleared
        segments = tuple(SegmentPart(**part) for part in planned["segments"])
        return Settlement(
            params=cleared.batch.params,
            context=cleared.batch.context,
            start_root=cleared.start_root,
            seal_root=cleared.seal_root,
            active_orders=cleared.active_orders,
            deposit_end=self.terms.deposit_end,
            exit_end=self.terms.exit_end,
            risk_root=cleared.risk_root,
            segments=tuple(replace(part, proof=self.proofs[number]) for number, part in enumerate(segments)),
            closing=replace(ClosingPart(**planned["closing"]), proof=self.proofs[CLOSING]),
            words=tuple(planned["words"]),
            beneficiary=self.terms.beneficiary,
        )
