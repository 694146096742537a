"""Proving a cleared batch, and going on after a kill.

:func:`prove` makes the proof of every segment and the closing proof, several at a time, with progress
and at once interruptible. Given a folder, each finished proof is stored there; a run that was killed goes
on in the same folder with the same randomness and proves nothing twice. The folder holds, once done,
``settlement.json`` and ``risk.json``, which are public; ``private/`` holds the seed that salts the proofs until then.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import queue
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

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
) -> Settlement:
    """The settlement of a batch: cleared, or sealed with the state it is to be cleared on.

    ``workers`` proofs are made at a time. ``directory`` makes the run resumable. ``deposit_end`` and
    ``exit_end`` are the queue ends of the seal, ``beneficiary`` the address of the reward.
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
    terms = _Terms(deposit_end, exit_end, address(beneficiary))
    if directory is None:
        return _Run(cleared, keys, terms, secrets.token_bytes(SEED_BYTES), None).complete(workers, progress)
    if not (Path(directory) / FILE).is_file():
        _ = keys.proving  # what is wrong with the keys is said before anything is written
    with _opened(Path(directory), _job(cleared, keys, terms), cleared) as folder:
        if folder.finished:
            return _checked(folder.finished, keys, cleared, terms)
        return _Run(cleared, keys, terms, folder.seed(), folder).complete(workers, progress)


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


class _Run:
    """The proofs of one settlement."""

    def __init__(self, cleared: Cleared, keys: Keys, terms: _Terms, seed: bytes, folder: _Folder | None) -> None:
        self.cleared, self.keys, self.terms, self.folder = cleared, keys, terms, folder
        self.plan = _native.Plan(cleared.native, terms.deposit_end, terms.exit_end, terms.beneficiary, seed)
        self.cancellation = _native.Cancellation()
        self.events: queue.SimpleQueue[tuple[str, str, float]] = queue.SimpleQueue()
        self.numbers: tuple[Number, ...] = (*range(cleared.segments), CLOSING)
        self.proofs: dict[Number, Proof] = {}

    def complete(self, workers: int, progress: ProveProgress | None) -> Settlement:
        """Makes what is missing and puts it together."""
        self._recall(progress)
        missing = [number for number in self.numbers if number not in self.proofs]
        if missing:
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
            if proof is not None and self.plan.holds(number, self.keys.verifying, proof):
                self.proofs[number] = proof
                self._report(progress, _name(number), "stored", 0.0)

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
        name, seed = _name(number), secrets.token_bytes(SEED_BYTES)

        def report(phase: str, seconds: float) -> None:
            self.events.put((name, phase, seconds))

        if number is None:
            proof = tuple(self.plan.prove_closing(keys, seed, self.cancellation, report))
        else:
            proof = tuple(self.plan.prove_segment(number, keys, seed, self.cancellation, report))
        if self.folder is not None:
            self.folder.store(number, proof)
        return proof

    def _hear(self, progress: ProveProgress | None) -> None:
        try:
            name, phase, seconds = self.events.get(timeout=GLANCE)
        except queue.Empty:
            return
        self._report(progress, name, phase, seconds)

    def _collect(self, futures: dict[Future[Proof], Number], progress: ProveProgress | None) -> None:
        for future in [future for future in futures if future.done()]:
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
