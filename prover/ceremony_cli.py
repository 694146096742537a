"""The commands ``prover ceremony …``. Without ``--circuit`` each is for every circuit of the parameter set."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from prover import ceremony
from prover.ceremony import Beacon, Transcript
from prover.keys import PARAMETER_SETS, default_directory
from prover.progress import in_ceremony
from prover.telling import AsJson, say, show, told
from prover.trusted import misuse

app = typer.Typer(
    help="The set-up of keys by many, of whom one must be honest (docs/ceremony.md).",
    no_args_is_help=True,
    rich_markup_mode=None,
)


def _params(name: str) -> str:
    if name not in PARAMETER_SETS:
        misuse(f"there is no parameter set {name!r}: choose {', '.join(PARAMETER_SETS)}")
    return name


def _circuits(names: list[str] | None) -> list[str]:
    for name in names or ():
        if name not in ceremony.circuits():
            misuse(f"there is no circuit {name!r}: choose {', '.join(ceremony.circuits())}")
    return names or []


def _hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text.removeprefix("0x"))
    except ValueError:
        return misuse(f"{text!r} is not hexadecimal")


def _contained(entries: list[str] | None) -> dict[str, list[str]]:
    """``CIRCUIT:HASH`` as a mapping."""
    wanted: dict[str, list[str]] = {}
    for entry in entries or ():
        circuit, _, digest = entry.partition(":")
        _circuits([circuit])
        wanted.setdefault(circuit, []).append(digest)
    return wanted


DirOption = Annotated[Path, typer.Option("--dir", help="Folder of the ceremonies.", file_okay=False)]
ParamsOption = Annotated[str, typer.Option("--params", help="Parameter set: dev, standard or large.", callback=_params)]
CircuitOption = Annotated[
    list[str] | None, typer.Option("--circuit", help="A circuit, instead of all.", callback=_circuits)
]
PowersArgument = Annotated[
    Path, typer.Argument(metavar="POWERS.ptau", exists=True, dir_okay=False, help="The file of powers of τ.")
]
KeysOption = Annotated[
    Path | None, typer.Option("--keys", help="Folder of keys; else $TACIT_KEYS, else ./keys.", file_okay=False)
]
Directory = Path("ceremony")


@app.command("init")
def init_command(
    powers: PowersArgument,
    directory: DirOption = Directory,
    params: ParamsOption = "standard",
    circuit: CircuitOption = None,
    as_json: AsJson = False,
) -> None:
    """Checks the powers and begins; what has begun with them already is checked and kept."""
    with told(as_json), in_ceremony() as progress:
        _report(as_json, ceremony.init(directory, params, powers, circuit or (), progress))


@app.command("contribute")
def contribute_command(
    name: Annotated[str, typer.Option("--name", help="How you are called in the transcript.")],
    directory: DirOption = Directory,
    params: ParamsOption = "standard",
    circuit: CircuitOption = None,
    text: Annotated[
        bool, typer.Option("--text", help="Also take a text as randomness: asked for, or read from stdin.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Contributes; an interrupted run of the same name goes on. Publish the hashes that it prints."""
    with told(as_json):
        entropy = _entropy() if text else b""
        with in_ceremony() as progress:
            made = ceremony.contribute(directory, params, name, entropy, circuit or (), progress)
        _report(as_json, made)
        say("publish these hashes; when the ceremony is over, find them again with prover ceremony verify --contains")


def _entropy() -> bytes:
    """A text, never shown: typed, or all of stdin."""
    if sys.stdin.isatty():
        return getpass.getpass("a text nobody can guess (not shown): ").encode()
    return sys.stdin.buffer.read()


@app.command("verify")
def verify_command(
    powers: PowersArgument,
    directory: DirOption = Directory,
    params: ParamsOption = "standard",
    circuit: CircuitOption = None,
    contains: Annotated[
        list[str] | None, typer.Option("--contains", help="CIRCUIT:HASH of a contribution that must be in it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Checks the transcripts from them, the circuits and the powers alone."""
    with told(as_json), in_ceremony() as progress:
        wanted = _contained(contains)
        _report(as_json, ceremony.verify(directory, params, powers, circuit or (), wanted, progress))


@app.command("beacon")
def beacon_command(
    value: Annotated[bytes, typer.Argument(metavar="VALUE", parser=_hex, help="The public value, hexadecimal.")],
    directory: DirOption = Directory,
    params: ParamsOption = "standard",
    circuit: CircuitOption = None,
    exponent: Annotated[
        int, typer.Option("--exponent", min=0, max=255, help="The value is hashed 2^EXPONENT times.")
    ] = 20,
    as_json: AsJson = False,
) -> None:
    """Ends the ceremony with a public value that nobody could foresee."""
    with told(as_json), in_ceremony() as progress:
        _report(as_json, ceremony.beacon(directory, params, Beacon(value, exponent), circuit or (), progress))


@app.command("finalize")
def finalize_command(
    powers: PowersArgument,
    directory: DirOption = Directory,
    params: ParamsOption = "standard",
    circuit: CircuitOption = None,
    keys: KeysOption = None,
    as_json: AsJson = False,
) -> None:
    """Checks all, and writes proving and verifying keys and their manifests."""
    with told(as_json), in_ceremony() as progress:
        into = keys or default_directory()
        _report(as_json, ceremony.finalize(directory, params, powers, into, circuit or (), progress))


@app.command("lint")
def lint_command(
    directory: DirOption = Directory,
    params: ParamsOption = "standard",
    circuit: CircuitOption = None,
    keys: KeysOption = None,
    as_json: AsJson = False,
) -> None:
    """Checks that keys are those of the transcripts."""
    with told(as_json), in_ceremony() as progress:
        _report(as_json, ceremony.lint(directory, params, keys or default_directory(), circuit or (), progress))


def _report(as_json: bool, transcripts: Sequence[Transcript]) -> None:
    lines = [line for transcript in transcripts for line in _lines(transcript)]
    show(as_json, {"transcripts": [transcript.to_wire() for transcript in transcripts]}, *lines)


def _lines(transcript: Transcript) -> list[str]:
    """What a person reads: the file, circuit and powers, then each contribution as ``CIRCUIT:HASH`` with whose it is."""
    end = "over" if transcript.over else "open"
    lines = [f"{transcript.circuit} of {transcript.params}, {end}: {transcript.file}, SHA-256 {transcript.sha256}"]
    lines.append(f"  circuit {transcript.fingerprint}, powers {transcript.powers}")
    for entry in transcript.contributions:
        author = entry.name
        if entry.beacon is not None:
            author = f"beacon {entry.beacon.value.hex()}, hashed 2^{entry.beacon.exponent} times"
        lines.append(f"  {transcript.circuit}:{entry.hash} {author}")
    return lines
