"""The set-up of keys by many: each step of the ceremonies of a parameter set's circuits.

Nobody can forge proofs under keys of a ceremony unless all its participants kept their secrets, or somebody kept
those of the powers of τ that it began with. Each circuit has its own ceremony, in ``<directory>/<params>/<circuit>/``,
with a file after each contribution. A step that was interrupted is simply run again: what is done is not done twice.
``docs/ceremony.md`` says how to run one and what each participant checks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prover import _native
from prover.errors import CeremonyError

Progress = Callable[[str, str, float], object]
"""Called with the circuit, the phase that has ended, and its seconds."""


@dataclass(frozen=True, slots=True)
class Beacon:
    """A public value, hashed 2^exponent times."""

    value: bytes
    exponent: int


@dataclass(frozen=True, slots=True)
class Contribution:
    """One contribution: a participant's ``name``, or a ``beacon``; ``hash`` is the transcript's up to it, hexadecimal."""

    name: str | None
    hash: str
    beacon: Beacon | None


@dataclass(frozen=True, slots=True)
class Transcript:
    """What the last transcript of a circuit says; ``sha256`` is of its file, ``powers`` of the file of powers."""

    params: str
    circuit: str
    fingerprint: str
    powers: str
    file: Path
    sha256: str
    contributions: tuple[Contribution, ...]
    over: bool

    @classmethod
    def parse(cls, text: str) -> Transcript:
        """Reads what the Rust side says of a transcript."""
        wire = json.loads(text)
        contributions = tuple(_contribution(entry) for entry in wire.pop("contributions"))
        return cls(file=Path(wire.pop("file")), contributions=contributions, **wire)

    def to_wire(self) -> dict[str, object]:
        """As JSON has it."""
        return {
            "params": self.params,
            "circuit": self.circuit,
            "fingerprint": self.fingerprint,
            "powers": self.powers,
            "file": str(self.file),
            "sha256": self.sha256,
            "contributions": [_wire(entry) for entry in self.contributions],
            "over": self.over,
        }


def _contribution(wire: dict[str, Any]) -> Contribution:
    beacon = wire["beacon"]
    read = None if beacon is None else Beacon(bytes.fromhex(beacon["value"]), beacon["exponent"])
    return Contribution(wire["name"], wire["hash"], read)


def _wire(entry: Contribution) -> dict[str, object]:
    beacon = None
    if entry.beacon is not None:
        beacon = {"value": entry.beacon.value.hex(), "exponent": entry.beacon.exponent}
    return {"name": entry.name, "hash": entry.hash, "beacon": beacon}


def circuits() -> tuple[str, ...]:
    """Names of the circuits that have keys."""
    return tuple(_native.ceremony_circuits())


def state(directory: Path, params: str, circuit: str) -> Transcript:
    """What the last transcript of a circuit says; only its form is checked."""
    return Transcript.parse(_native.ceremony_state(directory, params, circuit))


def init(
    directory: Path, params: str, powers: Path, chosen: Sequence[str] = (), progress: Progress | None = None
) -> list[Transcript]:
    """Begins the ceremonies of the chosen circuits (all, if none is) with the powers of a ``.ptau`` file, which is checked."""
    return [
        Transcript.parse(_native.ceremony_init(directory, params, circuit, powers, _of(circuit, progress)))
        for circuit in chosen or circuits()
    ]


def contribute(
    directory: Path,
    params: str,
    name: str,
    text: bytes = b"",
    chosen: Sequence[str] = (),
    progress: Progress | None = None,
) -> list[Transcript]:
    """Contributes the system's randomness, and a text, to the chosen circuits (all, if none is).

    If an earlier run under the same name was interrupted, only to those that it did not get to. Neither randomness nor text is
    stored.
    """
    return [
        Transcript.parse(_native.ceremony_contribute(directory, params, circuit, name, text, _of(circuit, progress)))
        for circuit in chosen or _waiting(directory, params, name)
    ]


def _waiting(directory: Path, params: str, name: str) -> list[str]:
    """The circuits that have a contribution less than the others, if this participant made the others'; else all."""
    states = [state(directory, params, circuit) for circuit in circuits()]
    most = max(len(each.contributions) for each in states)
    behind = [each.circuit for each in states if len(each.contributions) < most]
    for ahead in states:
        last = ahead.contributions[-1].name if ahead.contributions else None
        if behind and ahead.circuit not in behind and last != name:
            raise CeremonyError(
                f"{last or 'the beacon'} has contributed to {ahead.circuit}, not yet to {', '.join(behind)}: "
                "that run must be finished first, or name the circuits",
                {"fault": "UNFINISHED", "circuits": ", ".join(behind)},
            )
    return behind or [each.circuit for each in states]


def beacon(
    directory: Path, params: str, value: Beacon, chosen: Sequence[str] = (), progress: Progress | None = None
) -> list[Transcript]:
    """Ends the ceremonies of the chosen circuits (all, if none is) with a public value; those that it has ended already stay."""
    return [_ended(directory, params, circuit, value, progress) for circuit in chosen or circuits()]


def _ended(directory: Path, params: str, circuit: str, value: Beacon, progress: Progress | None) -> Transcript:
    now = state(directory, params, circuit)
    if now.over and now.contributions[-1].beacon == value:
        return now
    made = _native.ceremony_beacon(directory, params, circuit, value.value, value.exponent, _of(circuit, progress))
    return Transcript.parse(made)


def verify(
    directory: Path,
    params: str,
    powers: Path,
    chosen: Sequence[str] = (),
    contained: Mapping[str, Sequence[str]] | None = None,
    progress: Progress | None = None,
) -> list[Transcript]:
    """Checks the transcripts of the chosen circuits (all, if none is) from them, the circuits and the file of powers.

    ``contained`` has hashes, by circuit, of contributions that must be in them: the ones that a participant made.
    """
    wanted = contained or {}
    return [
        Transcript.parse(
            _native.ceremony_verify(
                directory, params, circuit, powers, list(wanted.get(circuit, ())), _of(circuit, progress)
            )
        )
        for circuit in chosen or circuits()
    ]


def finalize(
    directory: Path,
    params: str,
    powers: Path,
    keys: Path,
    chosen: Sequence[str] = (),
    progress: Progress | None = None,
) -> list[Transcript]:
    """Checks ceremonies that are over as :func:`verify` does, and writes their keys into the folder ``<keys>/<params>``."""
    return [
        Transcript.parse(
            _native.ceremony_finalize(directory, params, circuit, powers, keys / params, _of(circuit, progress))
        )
        for circuit in chosen or circuits()
    ]


def lint(
    directory: Path, params: str, keys: Path, chosen: Sequence[str] = (), progress: Progress | None = None
) -> list[Transcript]:
    """Checks that the key files and manifests in ``<keys>/<params>`` are those of the last transcripts."""
    return [
        Transcript.parse(_native.ceremony_lint(directory, params, circuit, keys / params, _of(circuit, progress)))
        for circuit in chosen or circuits()
    ]


def _of(circuit: str, progress: Progress | None) -> Callable[[str, float], object] | None:
    if progress is None:
        return None
    return lambda phase, seconds: progress(circuit, phase, seconds)
