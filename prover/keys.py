"""Proving and verifying keys of a parameter set: made, found, and told whether they may be trusted.

The keys of a parameter set lie in a folder of its name: of each circuit (segment and closing for batches,
exit and escape for owners who act alone) the proving key ``.pk``, the verifying key ``.vk``, and a manifest
``.json`` with the circuit's fingerprint, the hashes of both files and where the randomness is from. Keys that
one machine made alone are marked INSECURE: whoever ran the set-up could forge proofs. Every load checks hashes,
points and fingerprint against the circuits of this program.
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
"""Circuits that the proofs of a batch are of."""
ACCOUNT_CIRCUITS: Final = ("exit", "escape")
"""Circuits by which an owner acts alone."""
PARAMETER_SETS: Final = ("dev", "standard", "large")
INSECURE: Final = "development, INSECURE"

SetupProgress = Callable[[str, float], object]
"""Called with the phase that has ended (``circuits`` or the name of one) and its seconds."""


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
        self.manifests = self._manifests(CIRCUITS)

    def _manifests(self, circuits: tuple[str, ...]) -> dict[str, Manifest]:
        manifests = {circuit: Manifest.load(self.folder, circuit) for circuit in circuits}
        for manifest in manifests.values():
            if manifest.params != self.params:
                raise ParamsError(
                    f"{self.folder} holds keys of {manifest.params!r}, not {self.params!r}", {"params": manifest.params}
                )
        return manifests

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
    def account_manifests(self) -> dict[str, Manifest]:
        """Manifests of the exit and the escape circuit's keys; who only deals in batches needs none."""
        return self._manifests(ACCOUNT_CIRCUITS)

    @property
    def account_insecure(self) -> bool:
        """As ``insecure``, of the keys of the exit and the escape circuit."""
        return any(manifest.origin == INSECURE for manifest in self.account_manifests.values())

    @cached_property
    def account_verifying(self) -> _native.AccountVerifyingKeys:
        """The verifying keys of the exit and the escape circuit, checked."""
        _ = self.account_manifests
        return _native.AccountVerifyingKeys.load(self.folder, self.params)

    @cached_property
    def account_proving(self) -> _native.AccountProvingKeys:
        """The proving keys of the exit and the escape circuit, checked."""
        _ = self.account_manifests
        return _native.AccountProvingKeys.load(self.folder, self.params)

    @cached_property
    def verifying(self) -> _native.VerifyingKeys:
        """The verifying keys, checked."""
        return _native.VerifyingKeys.load(self.folder, self.params)

    @cached_property
    def proving(self) -> _native.ProvingKeys:
        """The proving keys, checked."""
        return _native.ProvingKeys.load(self.folder, self.params)

    def solidity(self) -> str:
        """Source of the contract ``Verifier``, which checks the proofs of batches."""
        return self.verifying.solidity(self.insecure)

    def account_solidity(self) -> str:
        """Source of the contract ``AccountVerifier``, which checks exit requests and escapes."""
        return self.account_verifying.solidity(self.account_insecure)

    def fits(self) -> bool:
        """Whether the keys of batches are of this program's circuits."""
        return self._fit(self.manifests, CIRCUITS)

    def account_fits(self) -> bool:
        """Whether the keys of the exit and the escape circuit are of this program's."""
        return self._fit(self.account_manifests, ACCOUNT_CIRCUITS)

    def _fit(self, manifests: dict[str, Manifest], circuits: tuple[str, ...]) -> bool:
        ours = fingerprints(self.params)
        return all(manifests[circuit].fingerprint == ours[circuit] for circuit in circuits)


def fingerprints(params: str) -> dict[str, str]:
    """Fingerprints of this program's circuits by name."""
    found = _native.circuit_fingerprints(params)
    return dict(zip((*CIRCUITS, *ACCOUNT_CIRCUITS), found, strict=True))


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
    keys = None if renew else _usable(params, folder)
    with file_errors(folder, "write"):
        folder.mkdir(parents=True, exist_ok=True)
    if keys is None:
        made = _native.setup(params, secrets.token_bytes(32), progress)
        made.save(folder)
        keys = Keys(params, folder)
        keys.__dict__["proving"], keys.__dict__["verifying"] = made, made.verifying()
    if renew or not _usable_alone(keys):
        _set_up_account(keys, progress)
    return keys


def _set_up_account(keys: Keys, progress: SetupProgress | None) -> None:
    """Keys of the exit and the escape circuit, which are made in seconds, without touching those of batches."""
    made = _native.setup_account(keys.params, secrets.token_bytes(32), progress)
    made.save(keys.folder)
    keys.__dict__.pop("account_manifests", None)
    keys.__dict__["account_proving"], keys.__dict__["account_verifying"] = made, made.verifying()


def _usable(params: str, folder: Path) -> Keys | None:
    """The keys of a folder if those of batches are whole and fit; None if they must be made anew."""
    try:
        keys = Keys(params, folder)
        if not _complete(folder, CIRCUITS) or not keys.fits():
            return None
        keys.verifying  # noqa: B018 - reading it checks it
    except (KeyFileError, FileError, ParamsError):
        return None
    return keys


def _usable_alone(keys: Keys) -> bool:
    """Whether the keys of the exit and the escape circuit are whole and fit."""
    try:
        if not _complete(keys.folder, ACCOUNT_CIRCUITS) or not keys.account_fits():
            return False
        keys.account_verifying  # noqa: B018 - reading it checks it
    except (KeyFileError, FileError, ParamsError):
        return False
    return True


def _complete(folder: Path, circuits: tuple[str, ...]) -> bool:
    return all((folder / f"{circuit}.{end}").is_file() for circuit in circuits for end in ("pk", "vk"))


def inspect(params: str) -> dict[str, dict[str, object]]:
    """Constraints of the circuits of a parameter set, by gadget.

    ``per_order`` counts everything of a segment for each of its order places, ``per_row`` everything of the
    closing circuit for each open row of the risk table, ``per_position`` everything of an escape for each place of a leaf.
    """
    _, touches, orders, positions, _, rows, _, _ = _native.params(params)
    segment, closing, exit_, escape = (dict(counts) for counts in _native.circuit_counts(params))
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
        "exit": {"constraints": sum(exit_.values()), "by_gadget": by_gadget(exit_)},
        "escape": {
            "constraints": sum(escape.values()),
            "per_position": round(sum(escape.values()) / positions, 1),
            "by_gadget": by_gadget(escape),
        },
    }


def by_gadget(counts: dict[str, int]) -> dict[str, int]:
    """Counts of scopes, largest first; what stands in no scope is ``statement``."""
    named = {scope or "statement": count for scope, count in counts.items()}
    return dict(sorted(named.items(), key=lambda entry: (-entry[1], entry[0])))
