"""What a machine of a cluster does: one proof at a time a task, with keys that are brought to it once.

A task gets what its proof is made from as ciphertext, and the key of it beside: a cluster may write what is in its memory to disk, and what
orders say is not to be there. It answers with a proof or with the class of what went wrong, never with a message or a log line.
Keys are written once a machine, into a folder of this user's, and checked against their own hashes when they are loaded; a proof is
checked by who asked for it, so neither cluster nor machines are trusted with more than what orders say.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import stat
import tempfile
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from prover import _native
from prover.errors import ParamsError, TacitError
from prover.keys import CIRCUITS, Keys
from prover.proof import Number, Work, prove_number
from prover.settlement import Proof
from relayer.store.crypt import Sealer

FILES: Final = tuple(f"{circuit}.{ending}" for circuit in CIRCUITS for ending in ("json", "pk", "vk"))
PLACE: Final = "cluster.work"
PRIVATE: Final = 0o700


@dataclass(frozen=True, slots=True)
class Made:
    """What became of a task on machine ``node``: a proof with its phases' seconds, or the class of an error. ``shipped``: the keys
    were brought to the machine by this task.
    """

    node: str
    shipped: bool
    proof: Proof | None = None
    phases: tuple[tuple[str, float], ...] = ()
    error: str = ""


def pack(work: Work, sealer: Sealer) -> bytes:
    """Work as ciphertext."""
    document = {
        name: b64encode(value).decode() if isinstance(value, bytes) else value for name, value in asdict(work).items()
    }
    return sealer.seal(PLACE, json.dumps(document).encode())


def unpack(sealed: bytes, sealer: Sealer) -> Work:
    """What :func:`pack` packed."""
    document = json.loads(sealer.open(PLACE, sealed))
    for name in ("batch", "state", "beneficiary", "seed"):
        document[name] = b64decode(document[name])
    return Work(**document)


def key_files(folder: Path) -> dict[str, bytes]:
    """The files of a parameter set's keys that batches are proven with."""
    return {name: (folder / name).read_bytes() for name in FILES}


def digest_of(files: Mapping[str, bytes]) -> str:
    """What keys are known by on a machine."""
    parts = b"".join(hashlib.sha256(files[name]).digest() for name in FILES)
    return hashlib.sha256(parts).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Task:
    """A proof to be made: which of a job's; ``job`` tells jobs apart; ``keys`` is the digest of the keys."""

    job: str
    number: Number
    params: str
    keys: str
    secret: bytes


def prove(task: Task, node: str, sealed: Callable[[], bytes], files: Callable[[], Mapping[str, bytes]]) -> Made:
    """Makes a proof on the machine ``node``; ``sealed`` and ``files`` bring what is not there yet."""
    shipped = [False]

    def fetch() -> Mapping[str, bytes]:
        shipped[0] = True
        return files()

    phases: list[tuple[str, float]] = []
    try:
        keys = _loaded(task, node, fetch)
        plan = _planned(task, sealed)
        proof = prove_number(plan, task.number, keys.proving, lambda phase, seconds: phases.append((phase, seconds)))
    except (TacitError, OSError, MemoryError) as error:
        return Made(node, shipped[0], error=type(error).__name__)
    return Made(node, shipped[0], proof, tuple(phases))


_keys: dict[str, Keys] = {}
_plans: dict[str, _native.Plan] = {}


def _loaded(task: Task, node: str, files: Callable[[], Mapping[str, bytes]]) -> Keys:
    """The keys, kept by the process that loaded them."""
    if task.keys not in _keys:
        _keys.clear()
        _keys[task.keys] = Keys.load(_brought(node, task.keys, files), task.params)
    return _keys[task.keys]


def _planned(task: Task, sealed: Callable[[], bytes]) -> _native.Plan:
    """What the job's proofs are of, kept for the next proof of the job."""
    if task.job not in _plans:
        _plans.clear()
        _plans[task.job] = unpack(sealed(), Sealer(task.secret)).plan()
    return _plans[task.job]


def _brought(node: str, digest: str, files: Callable[[], Mapping[str, bytes]]) -> Path:
    """The folder of the keys on this machine; the first who needs it fills it, the others wait."""
    folder = _home() / node / digest
    with _locked(folder.parent):
        if not folder.is_dir():
            making = folder.with_suffix(".part")
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir(parents=True)
            for name, content in files().items():
                (making / name).write_bytes(content)
            making.rename(folder)
    return folder


def _home() -> Path:
    """A folder of this user's alone (:class:`ParamsError` if another has made it)."""
    home = Path(tempfile.gettempdir()) / f"tacit-keys-{os.getuid()}"
    home.mkdir(mode=PRIVATE, exist_ok=True)
    found = home.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise ParamsError(f"{home} is not this user's own folder: remove it", {"path": str(home)})
    return home


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    folder.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def forget(node: str) -> None:
    """Removes what a machine has kept."""
    shutil.rmtree(_home() / node, ignore_errors=True)
