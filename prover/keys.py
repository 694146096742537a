"""Proving and verifying keys of a parameter set: made, found, and told whether they may be trusted.

The keys of a parameter set lie in a folder of its name: of each circuit the proving key ``.pk``, the
verifying key ``.vk``, and a manifest ``.json`` with the circuit's fingerprint, the hashes of both files
and where the randomness is from. Keys that one machine made alone are marked INSECURE: whoever ran
the set-up could forge proofs. Every load checks hashes, points and fingerprint against the circuits of
this program.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from prover import _native
from prover.errors import FileError, KeyFileError, ParamsError
from prover.wire import file_errors

CIRCUITS: Final = ("segment", "closing")
PARAMETER_SETS: Final = ("dev", "standard", "large")
INSECURE: Final = "development, INSECURE"

SetupProgress = Callable[[str, float], object]
"""Called with the phase that has ended (``circuits``, ``segment``, ``closing``) and its seconds."""


def default_directory() -> Path:
    """Where keys are looked for: the folder that TACIT_KEYS names, else ``keys`` here."""
    return Path(os.environ.get("TACIT_KEYS") or "keys")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the manifest of a circuit's keys says; ``hashes`` are SHA-256 of the proving and the verifying key."""

    circuit: str
    params: str
    fingerprint: str
    constraints: int
    origin: str
    hashes: tuple[str, str]

    @classmethod
    def load(cls, directory: Path, circuit: str) -> Manifest:
        """The manifest of a circuit in a folder."""
        wire = json.loads(_native.manifest(directory, circuit))
        hashes = (wire["proving_key"]["sha256"], wire["verifying_key"]["sha256"])
        return cls(circuit, wire["params"], wire["fingerprint"], wire["constraints"], wire["origin"], hashes)


class Keys:
    """The keys of a parameter set in a folder. Files are read when they are needed, and then kept."""

    def __init__(self, params: str, folder: Path) -> None:
        self.params = params
        self.folder = folder
        self.manifests = {circuit: Manifest.load(folder, circuit) for circuit in CIRCUITS}
        for manifest in self.manifests.values():
            if manifest.params != params:
                raise ParamsError(
                    f"{folder} holds keys of {manifest.params!r}, not {params!r}", {"params": manifest.params}
                )

    @classmethod
    def load(cls, directory: str | Path | None = None, params: str = "standard") -> Keys:
        """The keys of a parameter set below a folder (:func:`default_directory`), or in the folder itself."""
        if params not in PARAMETER_SETS:
            raise ParamsError(
                f"there is no parameter set {params!r}: choose {', '.join(PARAMETER_SETS)}", {"params": params}
            )
        folder = Path(directory) if directory is not None else default_directory()
        folder = folder if (folder / f"{CIRCUITS[0]}.json").is_file() else folder / params
        if not (folder / f"{CIRCUITS[0]}.json").is_file():
            message = f"there are no {params} keys in {folder}: make them with prover setup --params {params}"
            raise FileError(message, {"path": str(folder), "params": params})
        return cls(params, folder)

    @property
    def insecure(self) -> bool:
        """Whether one machine made the keys and could forge proofs: good for a local chain only."""
        return any(manifest.origin == INSECURE for manifest in self.manifests.values())

    @cached_property
    def verifying(self) -> _native.VerifyingKeys:
        """The verifying keys, checked."""
        return _native.VerifyingKeys.load(self.folder, self.params)

    @cached_property
    def proving(self) -> _native.ProvingKeys:
        """The proving keys, checked."""
        return _native.ProvingKeys.load(self.folder, self.params)

    def solidity(self) -> str:
        """Source of the verifier contract of these keys."""
        return self.verifying.solidity(self.insecure)

    def fits(self) -> bool:
        """Whether the keys are of this program's circuits."""
        return [self.manifests[circuit].fingerprint for circuit in CIRCUITS] == _native.circuit_fingerprints(
            self.params
        )


def setup(
    params: str,
    directory: str | Path | None = None,
    *,
    renew: bool = False,
    progress: SetupProgress | None = None,
) -> Keys:
    """Development keys of a parameter set, INSECURE: those in the folder if they fit this program, else new ones.

    ``renew`` makes new ones in any case. Files that were there stay as they were until the new ones are complete.
    """
    if params not in PARAMETER_SETS:
        raise ParamsError(
            f"there is no parameter set {params!r}: choose {', '.join(PARAMETER_SETS)}", {"params": params}
        )
    folder = (Path(directory) if directory is not None else default_directory()) / params
    kept = None if renew else _usable(params, folder)
    if kept is not None:
        return kept
    with file_errors(folder, "write"):
        folder.mkdir(parents=True, exist_ok=True)
    made = _native.setup(params, secrets.token_bytes(32), progress)
    made.save(folder)
    keys = Keys(params, folder)
    keys.__dict__["proving"], keys.__dict__["verifying"] = made, made.verifying()
    return keys


def _usable(params: str, folder: Path) -> Keys | None:
    """The keys of a folder if they are whole and fit; None if they must be made anew."""
    try:
        keys = Keys(params, folder)
        sizes_match = all(
            (folder / f"{circuit}.pk").is_file() and (folder / f"{circuit}.vk").is_file() for circuit in CIRCUITS
        )
        if not sizes_match or not keys.fits():
            return None
        keys.verifying  # noqa: B018 - reading it checks it
    except (KeyFileError, FileError, ParamsError):
        return None
    return keys


def inspect(params: str) -> dict[str, dict[str, object]]:
    """Constraints of both circuits of a parameter set, by gadget.

    ``per_order`` counts everything of a segment for each of its order places, ``per_row`` everything of the
    closing circuit for each open row of the risk table.
    """
    _, touches, orders, _, _, rows, _, _ = _native.params(params)
    segment, closing = (dict(counts) for counts in _native.circuit_counts(params))
    of_segment, of_closing = sum(segment.values()), sum(closing.values())
    places = touches * orders
    return {
        "segment": {
            "constraints": of_segment,
            "touches": touches,
            "orders": places,
            "per_order": round(of_segment / places, 1),
            "by_gadget": by_gadget(segment),
        },
        "closing": {
            "constraints": of_closing,
            "per_row": round(of_closing / rows, 1),
            "by_gadget": by_gadget(closing),
        },
    }


def by_gadget(counts: dict[str, int]) -> dict[str, int]:
    """Counts of scopes, largest first; what stands in no scope is ``statement``."""
    named = {scope or "statement": count for scope, count in counts.items()}
    return dict(sorted(named.items(), key=lambda entry: (-entry[1], entry[0])))
