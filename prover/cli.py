"""The command line ``prover``.

Every command prints its result on stdout, for people or with ``--json`` for programs, and everything else
on stderr. Exit codes: 0 done, 1 refused or failed, 2 wrong use, 130 interrupted. A failure is one message
with the offending value, and leaves every file as it was.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from prover import _native, ceremony_cli
from prover import explain as owner
from prover.batch import Params, SealedBatch, State, risk_root
from prover.doctor import examine
from prover.keys import PARAMETER_SETS, Keys, Manifest, default_directory, inspect, setup
from prover.orders import NO_ADDRESS
from prover.progress import proving, setting_up
from prover.proof import RISK_FILE, prove
from prover.risk import RiskTable
from prover.scenarios import SCENARIO_SETS
from prover.settlement import Expected, Settlement, public_inputs, verify
from prover.telling import REFUSED, WRONG_USE, AsJson, say, show, show_json, told
from prover.trusted import (
    Ratio,
    Trusted,
    at_least,
    contract_address,
    domain_of,
    field_element,
    hash_value,
    locked_deposit,
    misuse,
    pair,
    ratio,
)
from prover.wire import element, file_errors, hexadecimal, read_text, write_whole

app = typer.Typer(
    name="prover",
    help="Clears, proves and verifies sealed batches of on-chain option orders.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(ceremony_cli.app, name="ceremony")

KeysOption = Annotated[
    Path | None, typer.Option("--keys", help="Folder of keys; else $TACIT_KEYS, else ./keys.", file_okay=False)
]


def main() -> None:
    """Runs the command line."""
    app(prog_name="prover")


def _keys(directory: Path | None, params: str) -> Keys:
    """The keys, with a word on stderr where one machine could have forged with them."""
    keys = Keys.load(directory, params)
    if keys.insecure:
        say(f"warning: the {params} keys in {keys.folder} are development keys, INSECURE: good for a local chain only")
    return keys


def _params(name: str) -> str:
    if name not in PARAMETER_SETS:
        misuse(f"there is no parameter set {name!r}: choose {', '.join(PARAMETER_SETS)}")
    return name


ParamsOption = Annotated[str, typer.Option("--params", help="Parameter set: dev, standard or large.", callback=_params)]


# --- keys and circuits -------------------------------------------------------------------------------


@app.command("setup")
def setup_command(
    params: ParamsOption = "standard",
    keys: KeysOption = None,
    renew: Annotated[bool, typer.Option("--renew", help="Make new keys even if those there fit.")] = False,
    ptau: Annotated[Path | None, typer.Option("--ptau", help="Refused: that is what prover ceremony is for.")] = None,
    as_json: AsJson = False,
) -> None:
    """Makes development keys (INSECURE: good for a local chain only), or keeps those that fit this version."""
    if ptau is not None:
        misuse(f"keys from powers of τ are made by many: prover ceremony init {ptau} (docs/ceremony.md)")
    with told(as_json), setting_up() as progress:
        made = setup(params, keys or default_directory(), renew=renew, progress=progress)
        circuits = {name: _manifest(manifest) for name, manifest in made.manifests.items()}
        say(f"warning: {made.folder} holds development keys, INSECURE: good for a local chain only")
        lines = [
            f"{name}: {entry['constraints']} constraints, {entry['fingerprint']}" for name, entry in circuits.items()
        ]
        document = {"params": params, "directory": str(made.folder), "insecure": made.insecure, "circuits": circuits}
        show(as_json, document, f"keys of {params} in {made.folder}", *lines)


def _manifest(manifest: Manifest) -> dict[str, object]:
    return {"constraints": manifest.constraints, "fingerprint": manifest.fingerprint, "origin": manifest.origin}


@app.command("inspect")
def inspect_command(params: ParamsOption = "standard", as_json: AsJson = False) -> None:
    """Counts the constraints of both circuits, by gadget."""
    with told(as_json):
        counts = inspect(params)
        if as_json:
            show_json(counts)
            return
        for circuit, numbers in counts.items():
            _print_counts(circuit, numbers)


def _print_counts(circuit: str, numbers: dict[str, Any]) -> None:
    gadgets = numbers.pop("by_gadget")
    table = Table(title=f"{circuit}: " + ", ".join(f"{name} {value}" for name, value in numbers.items()))
    table.add_column("gadget")
    table.add_column("constraints", justify="right")
    for name, count in gadgets.items():
        table.add_row(name, str(count))
    Console().print(table)


@app.command("export-verifier")
def export_verifier(
    out: Annotated[Path, typer.Option("--out", help="The Solidity file to write.", dir_okay=False)],
    accounts: Annotated[
        Path | None, typer.Option("--accounts", help="The same for exits and escapes.", dir_okay=False)
    ] = None,
    params: ParamsOption = "standard",
    keys: KeysOption = None,
    as_json: AsJson = False,
) -> None:
    """Writes the contract that verifies batches, and with --accounts the one that verifies owners' proofs, as Solidity."""
    with told(as_json):
        loaded = _keys(keys, params)
        sources = {out: loaded.solidity()} | ({} if accounts is None else {accounts: loaded.account_solidity()})
        for path, source in sources.items():
            write_whole(path, source)
        written = {"out": str(out), "params": params, "insecure": loaded.insecure}
        written |= {} if accounts is None else {"accounts": str(accounts)}
        show(as_json, written, *(f"verifier written to {path}" for path in sources))


@app.command("export")
def export_command(
    out: Annotated[Path, typer.Option("--out", help="The folder to write into.", file_okay=False)],
    directory: Annotated[Path | None, typer.Argument(metavar="[DIR]", help="A folder of prover prove.")] = None,
    form: Annotated[str, typer.Option("--format", help="snarkjs.")] = "snarkjs",
    params: ParamsOption = "standard",
    keys: KeysOption = None,
    as_json: AsJson = False,
) -> None:
    """Writes verifying keys, and the proofs of DIR with their public inputs, as snarkjs reads them."""
    if form != "snarkjs":
        misuse(f"there is no format {form!r}: choose snarkjs")
    with told(as_json):
        settlement = None if directory is None else Settlement.load(directory)
        loaded = _keys(keys, params if settlement is None else settlement.params)
        files = _snarkjs_keys(loaded) | ({} if settlement is None else _snarkjs_proofs(settlement))
        with file_errors(out, "write"):
            out.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            write_whole(out / name, text + "\n")
        show(as_json, {"out": str(out), "files": list(files)}, *(str(out / name) for name in files))


def _snarkjs_keys(keys: Keys) -> dict[str, str]:
    segment, closing = keys.verifying.snarkjs()
    return {"segment.vkey.json": segment, "closing.vkey.json": closing}


def _snarkjs_proofs(settlement: Settlement) -> dict[str, str]:
    names = [f"segment-{number:04d}" for number in range(1, len(settlement.segments) + 1)] + ["closing"]
    proofs = [*(part.proof for part in settlement.segments), settlement.closing.proof]
    files = {}
    for name, proof, inputs in zip(names, proofs, public_inputs(settlement), strict=True):
        if proof is not None:
            files[f"{name}.proof.json"], files[f"{name}.public.json"] = _native.snarkjs_proof(proof, inputs)
    return files


# --- risk --------------------------------------------------------------------------------------------


@app.command("risk")
def risk_command(
    chain: Annotated[Path, typer.Argument(metavar="CHAIN.csv", exists=True, dir_okay=False, help="An option chain.")],
    out: Annotated[Path, typer.Option("--out", help="The table to write.", dir_okay=False)],
    params: Annotated[str | None, typer.Option("--params", help="Fit the table to a parameter set.")] = None,
    expiry: Annotated[list[str] | None, typer.Option("--expiry", help="An expiry to take, as 26DEC25.")] = None,
    instrument: Annotated[
        list[str] | None, typer.Option("--instrument", help="An instrument to take, by name.")
    ] = None,
    max_rows: Annotated[
        int | None, typer.Option("--max-rows", callback=at_least(1), help="Keep those nearest the money.")
    ] = None,
    scenarios: Annotated[str | None, typer.Option("--scenarios", help="standard, span or dev.")] = None,
    previous: Annotated[
        Path | None, typer.Option("--previous", exists=True, dir_okay=False, help="The epoch before: its ids are kept.")
    ] = None,
    skip_unpriced: Annotated[
        bool, typer.Option("--skip-unpriced", help="Leave out instruments that nothing in the chain prices.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Makes the risk table of an epoch from a real option chain."""
    with told(as_json):
        room = None if params is None else Params.named(_params(params))
        table = RiskTable.from_chain(
            chain,
            expiries=expiry,
            instruments=instrument,
            max_rows=max_rows if max_rows is not None or room is None else room.rows,
            scenarios=_fitting(scenarios, room),
            pad_to=None if room is None else room.scenarios,
            previous=None if previous is None else RiskTable.from_json(read_text(previous)),
            unpriced="skip" if skip_unpriced else "error",
        )
        root = None if params is None else element(risk_root(params, table))
        write_whole(out, table.to_json())
        _report_risk(as_json, table, out, root)


def _fitting(scenarios: str | None, room: Params | None) -> str:
    """The scenario set asked for, else the one that fits the parameter set."""
    fits = "dev" if room is not None and room.scenarios < len(SCENARIO_SETS["standard"]) else "standard"
    return scenarios or fits


def _report_risk(as_json: bool, table: RiskTable, out: Path, root: str | None) -> None:
    left = [{"id": each.id, "name": each.name} for each in table.report.left]
    skipped = [str(each) for each in table.report.skipped]
    numbers = {"rows": len(table), "scenarios": len(table.scenarios), "added": len(table.report.added)}
    document = {"out": str(out), **numbers, "left": left, "skipped": skipped, "root": root}
    lines = [f"{len(table)} instruments, {len(table.scenarios)} scenarios: {out}"]
    lines += [f"root {root}"] if root else []
    lines += [f"expired: {each.name} (id {each.id}) needs its settlement value" for each in table.report.left]
    lines += [f"skipped: {each}" for each in skipped]
    show(as_json, document, *lines)


# --- chains -------------------------------------------------------------------------------------------


@app.command(
    "audit", context_settings={"allow_extra_args": True, "ignore_unknown_options": True}, add_help_option=False
)
def audit_command(context: typer.Context) -> None:
    """Replays a vault from chain data alone: ``relayer audit``, which reads chains (pip install 'tacit-prover[relayer]')."""
    try:
        # Whoever only proves needs nothing that reads chains; so what does is looked for when it is asked for.
        relayer = importlib.import_module("relayer.cli")
    except ModuleNotFoundError as error:
        say(f"error: {error.name} is not installed: pip install 'tacit-prover[relayer]'")
        raise typer.Exit(WRONG_USE) from None
    relayer.app(["audit", *context.args], prog_name="prover")


# --- batches -----------------------------------------------------------------------------------------


@app.command("prove")
def prove_command(
    batch: Annotated[Path, typer.Argument(metavar="BATCH.json", exists=True, dir_okay=False, help="A sealed batch.")],
    out: Annotated[
        Path, typer.Option("--out", help="Folder of the proofs; a run goes on where one was killed.", file_okay=False)
    ],
    state: Annotated[
        Path | None,
        typer.Option(
            "--state", exists=True, dir_okay=False, help="State before; else state.bin or state.json beside the batch."
        ),
    ] = None,
    keys: KeysOption = None,
    workers: Annotated[int, typer.Option("--workers", callback=at_least(1), help="Proofs made at a time.")] = 1,
    deposit_end: Annotated[
        int, typer.Option("--deposit-end", callback=at_least(0), help="The seal's end of the deposit queue.")
    ] = 0,
    exit_end: Annotated[
        int, typer.Option("--exit-end", callback=at_least(0), help="The seal's end of the exit queue.")
    ] = 0,
    beneficiary: Annotated[str, typer.Option("--beneficiary", help="Address of the reward.")] = NO_ADDRESS,
    state_out: Annotated[
        Path | None, typer.Option("--state-out", dir_okay=False, help="Also write the state after the batch.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Clears a sealed batch and proves it; a killed run goes on without proving again what is proven."""
    before = state or _state_beside(batch)
    with told(as_json):
        sealed = SealedBatch.load(batch)
        cleared = State.load(before, sealed.params).clear(sealed)
        loaded = _keys(keys, sealed.params)
        with proving() as progress:
            settlement = prove(
                cleared,
                loaded,
                directory=out,
                workers=workers,
                deposit_end=deposit_end,
                exit_end=exit_end,
                beneficiary=beneficiary,
                progress=progress,
            )
        if state_out is not None:
            cleared.state.save(state_out)
        _report_settlement(as_json, settlement, out)


def _state_beside(batch: Path) -> Path:
    for name in ("state.bin", "state.json"):
        if (batch.parent / name).is_file():
            return batch.parent / name
    return misuse(f"there is no state.bin or state.json beside {batch}: give the state before the batch with --state")


def _report_settlement(as_json: bool, settlement: Settlement, out: Path) -> None:
    document = {
        "directory": str(out),
        "params": settlement.params,
        "batch": settlement.context.batch,
        "segments": len(settlement.segments),
        "orders": settlement.active_orders,
        "start_root": element(settlement.start_root),
        "end_root": element(settlement.end_root),
        "seal_root": hexadecimal(settlement.seal_root),
        "risk_root": element(settlement.risk_root),
    }
    show(as_json, document, *(f"{name.replace('_', ' ')}: {value}" for name, value in document.items()))


@app.command("verify")
def verify_command(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", exists=True, help="A folder of prover prove, or a settlement.")
    ],
    keys: KeysOption = None,
    expected: Annotated[
        Path | None, typer.Option("--expected", exists=True, dir_okay=False, help="A file of all that is trusted.")
    ] = None,
    start_root: Annotated[
        int | None, typer.Option("--start-root", parser=field_element, help="Root before the batch.")
    ] = None,
    seal: Annotated[bytes | None, typer.Option("--seal", parser=hash_value, help="Root of the seal.")] = None,
    risk: Annotated[
        int | None, typer.Option("--risk-root", parser=field_element, help="Root of the epoch's risk table.")
    ] = None,
    domain: Annotated[
        int | None, typer.Option("--domain", parser=field_element, help="Domain of the contract.")
    ] = None,
    chain_id: Annotated[
        int | None, typer.Option("--chain-id", callback=at_least(0), help="With --contract, instead of --domain.")
    ] = None,
    contract: Annotated[
        str | None, typer.Option("--contract", parser=contract_address, help="Address of the contract.")
    ] = None,
    batch: Annotated[int | None, typer.Option("--batch", callback=at_least(1), help="Batch number.")] = None,
    last_void: Annotated[int | None, typer.Option("--last-void", callback=at_least(0), help="Last void batch.")] = None,
    time: Annotated[
        int | None, typer.Option("--time", callback=at_least(0), help="Time of the seal, seconds since 1970.")
    ] = None,
    fee_rate: Annotated[
        int | None, typer.Option("--fee-rate", callback=at_least(0), help="Fee rate, basis points.")
    ] = None,
    margin: Annotated[
        Ratio | None, typer.Option("--margin", parser=ratio, help="Initial margin ratio, NUM/DEN.")
    ] = None,
    orders: Annotated[
        int | None, typer.Option("--orders", callback=at_least(0), help="Number of sealed orders.")
    ] = None,
    deposit_end: Annotated[
        int | None, typer.Option("--deposit-end", callback=at_least(0), help="End of the deposit queue.")
    ] = None,
    exit_end: Annotated[
        int | None, typer.Option("--exit-end", callback=at_least(0), help="End of the exit queue.")
    ] = None,
    deposit: Annotated[
        list[Any] | None,
        typer.Option("--deposit", parser=locked_deposit, help="INDEX:AMOUNT:OWNER of a locked deposit."),
    ] = None,
    exits: Annotated[
        list[Any] | None, typer.Option("--exit", parser=pair, help="INDEX:AMOUNT of an exit request.")
    ] = None,
    settled: Annotated[
        list[Any] | None, typer.Option("--settled", parser=pair, help="ID:VALUE of a settlement value.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Checks a settlement as the contract will, against what you trust.

    Give --expected, or at least --start-root, --seal and --risk-root. Of what you leave out then, the settlement's own
    word is taken, and the result says so under "unchecked".
    """
    stated = margin or Ratio()
    trusted = Trusted(
        values={
            "start_root": start_root,
            "seal_root": seal,
            "risk_root": risk,
            "active_orders": orders,
            "deposit_end": deposit_end,
            "exit_end": exit_end,
            "deposits": dict(deposit) if deposit else None,
            "exits": dict(exits) if exits else None,
            "settled": dict(settled) if settled else None,
        },
        context={
            "domain": domain_of(domain, chain_id, contract),
            "batch": batch,
            "last_void": last_void,
            "time": time,
            "fee_rate": fee_rate,
            "num": stated.num,
            "den": stated.den,
        },
    )
    if expected is None:
        trusted.require_roots()
    with told(as_json):
        settlement = Settlement.load(directory)
        if expected is None:
            wanted, unchecked = trusted.over_claims(settlement)
        else:
            wanted, unchecked = trusted.over(Expected.load(expected)), []
        _report_verified(as_json, settlement, verify(settlement, _keys(keys, settlement.params), wanted), unchecked)


def _report_verified(as_json: bool, settlement: Settlement, root: int, unchecked: list[str]) -> None:
    if unchecked:
        say(f"note: taken from the settlement itself, not compared with anything: {', '.join(unchecked)}")
    batch = settlement.context.batch
    document = {"valid": True, "end_root": element(root), "batch": batch, "unchecked": unchecked}
    show(as_json, document, f"valid: batch {batch} ends at root {element(root)}")


# --- owners and machines -----------------------------------------------------------------------------


@app.command("explain")
def explain_command(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", exists=True, help="A folder of prover prove, or a settlement.")
    ],
    account: Annotated[
        Path,
        typer.Option("--account", exists=True, dir_okay=False, help="The account's secret file (docs/formats.md)."),
    ],
    risk: Annotated[
        Path | None,
        typer.Option(
            "--risk", exists=True, dir_okay=False, help="The epoch's risk table, with names; else risk.json in DIR."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tells an owner what became of each order and why, and the account's margin by scenario."""
    with told(as_json):
        settlement = Settlement.load(directory)
        table = risk or (directory / RISK_FILE if directory.is_dir() else directory.with_name(RISK_FILE))
        epoch = owner.Epoch.load(table) if table.is_file() else owner.Epoch((), {}, ())
        explanation = owner.explain(settlement, owner.Account.load(account), epoch)
        if as_json:
            show_json(explanation.to_wire())
        else:
            owner.show(explanation, Console())


@app.command("doctor")
def doctor_command(
    keys: KeysOption = None,
    demo: Annotated[bool, typer.Option("--demo", help="Judge by what the demo needs, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Says what the machine lacks; exits with 1 if it is needed."""
    with told(as_json):
        findings = examine(keys or default_directory())
        needs = ("proving", "demo") if demo else ("proving",)
        lacking = [finding for finding in findings if not finding.ok and finding.needed_for in needs]
        lines = [
            _finding_line(finding.name, finding.ok, finding.found, finding.needed_for, finding.remedy)
            for finding in findings
        ]
        show(as_json, {"ok": not lacking, "findings": [finding.to_wire() for finding in findings]}, *lines)
        if lacking:
            raise typer.Exit(REFUSED)


def _finding_line(name: str, ok: bool, found: str, needed_for: str, remedy: str) -> str:
    return f"{'ok' if ok else 'lacking':8} {name}: {found}" + ("" if ok else f" (for {needed_for}; {remedy})")


if __name__ == "__main__":
    main()
