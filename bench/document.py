"""`docs/measurements.md` from what was measured: every figure a table, every table with what it was measured on.

Nothing is measured or computed here beyond medians, sums and ratios, and nothing in the document is written by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median
from typing import Any, Final

from bench.gas_tables import full_batches
from bench.run import THREADS, Results
from bench.settling import KEY_PAIRS, Gas, Settled
from bench.text import counted, digits, ratio, said, seconds, share, size, table, whole
from bench.worker import Report
from demo.progress import PHASES
from prover.batch import Params
from prover.keys import CIRCUITS

BUDGETS: Final = {"segment": 9_300, "closing": 2_300}
"""What a constraint count at `standard` must not exceed: an order in the segment, a row in the closing circuit."""

INPUTS: Final = {"segment": 18, "closing": 13}
"""Public inputs of a circuit; they and the constant have a row of the domain each."""

MARGIN_GADGETS: Final = ("margin claims", "scenario losses")
TRANSACTION_GAS: Final = 2**24
NOT_HERE: Final = "Left out of a quick run."
ARKWORKS_PHASES: Final = ("witness_map", "a", "b1", "b2", "l", "h", "total")


def document(results: Results) -> str:
    """The whole document."""
    parts = (
        _opening,
        _constraints,
        _set_up,
        _proving,
        _arkworks,
        _settlements,
        _verification,
        _gas,
        _core,
    )
    lines = [line for part in parts for line in part(results)]
    return "\n".join(lines).rstrip() + "\n"


# --------------------------------------------------------------------------------------------------------------- opening


def _opening(results: Results) -> list[str]:
    here = results.machine
    versions = ", ".join(f"{name} {text}" for name, text in here.versions.items())
    loads = ", ".join(f"{name} {load:.1f}" for name, load in results.loads.items())
    rows = [
        ("machine", f"{here.processor}, {here.cores} cores, {here.memory:.1f} GiB, {here.system}"),
        ("date", here.date),
        ("commit", here.commit),
        ("versions", versions),
        (
            "highest load in each part",
            f"{loads} (processes that wanted a core, averaged over a minute; the bench itself is up to 2)",
        ),
        ("took", f"{results.seconds / 60:.1f} minutes"),
    ]
    return [
        "<!-- Written by `make bench`. Do not edit: run it again. -->",
        "",
        "# Measurements",
        "",
        *table(("what", "on"), rows, left=2),
        *_method(results),
    ]


def _method(results: Results) -> list[str]:
    rounds, busy = results.extent.rounds, max(results.loads.values())
    runs = f"medians of {rounds} runs" if rounds > 1 else "of one run"
    large = ", of one run at `large`" if results.extent.large else ""
    return [
        *said(
            f"Times are wall-clock, {runs} where nothing else is said{large}. Numbers of threads that are compared take turns",
            "(1, 2, 1, 2, …), each run in a process of its own. A ratio is the first of two figures divided by the second.",
        ),
        *said(
            "Other work on the machine makes times longer and less even, and two threads no faster than one; the highest load was",
            f"{busy:.1f} on {results.machine.cores} cores. Constraints, gas and bytes do not depend on it.",
        ),
    ]


# ----------------------------------------------------------------------------------------------------------- constraints


def _constraints(results: Results) -> list[str]:
    rows = [row for params in results.constraints for row in _circuit_rows(results, params)]
    head = ("parameter set", "circuit", "constraints", "domain", "touches", "places", "a place", "budget")
    lines = [
        "## Constraints",
        "",
        *said(
            "A place is a place for an order in the segment, a row of the risk table in the closing circuit; everything in the",
            "circuit is counted to the places. Constraints of all gadgets: `prover inspect --params standard --json`.",
        ),
        *table(head, rows, left=2),
    ]
    for circuit in CIRCUITS:
        lines += _gadgets(results, circuit)
    return [*lines, *_margin(results)]


def _circuit_rows(results: Results, params: str) -> list[tuple[str, ...]]:
    sizes = Params.named(params)
    rows: list[tuple[str, ...]] = []
    for circuit, places in (("segment", sizes.touches * sizes.orders), ("closing", sizes.rows)):
        count = _count(results, params, circuit)
        budget = whole(BUDGETS[circuit]) if params == "standard" else ""
        touches = whole(sizes.touches) if circuit == "segment" else ""
        domain = f"2^{(count + INPUTS[circuit]).bit_length()}"
        rows.append((params, circuit, whole(count), domain, touches, whole(places), digits(count / places), budget))
    return rows


def _count(results: Results, params: str, circuit: str) -> int:
    count = results.constraints[params][circuit]["constraints"]
    if not isinstance(count, int):
        raise TypeError(f"the constraints of {circuit} are {count!r}, not a number")
    return count


def _by_gadget(results: Results, params: str, circuit: str) -> dict[str, int]:
    """Constraints of the outermost gadgets, largest first."""
    found = results.constraints[params][circuit]["by_gadget"]
    if not isinstance(found, Mapping):
        raise TypeError(f"the gadgets of {circuit} are {found!r}, not a mapping")
    sums: dict[str, int] = {}
    for scope, count in found.items():
        name = str(scope).partition("/")[0]
        sums[name] = sums.get(name, 0) + int(count)
    return dict(sorted(sums.items(), key=lambda entry: -entry[1]))


def _gadgets(results: Results, circuit: str) -> list[str]:
    sizes, total = Params.named("standard"), _count(results, "standard", circuit)
    per = (
        {"a touch": sizes.touches, "an order": sizes.touches * sizes.orders}
        if circuit == "segment"
        else {"a row": sizes.rows}
    )
    rows = [
        (name, whole(count), *(digits(count / places) for places in per.values()), share(count, total))
        for name, count in _by_gadget(results, "standard", circuit).items()
    ]
    return [
        f"### The {circuit} circuit at `standard`, by gadget",
        "",
        *table(("gadget", "constraints", *per, "share"), rows),
    ]


def _margin(results: Results) -> list[str]:
    rows = []
    for params in results.constraints:
        sizes, gadgets = Params.named(params), _by_gadget(results, params, "segment")
        margin = sum(gadgets.get(name, 0) for name in MARGIN_GADGETS)
        total = _count(results, params, "segment")
        cells = sizes.scenarios * (sizes.positions + sizes.orders)
        rows.append(
            (
                params,
                str(sizes.positions),
                str(sizes.scenarios),
                digits(margin / sizes.touches),
                digits(margin / sizes.touches / cells),
                share(margin, total),
            )
        )
    head = (
        "parameter set",
        "positions",
        "scenarios",
        "constraints a touch",
        "a contract and scenario",
        "share of the segment",
    )
    words = (
        "What the margin of one account costs in the segment ("
        + ", ".join(MARGIN_GADGETS)
        + "), for all its positions and orders:"
    )
    return ["### The margin formula", "", words, "", *table(head, rows)]


# ---------------------------------------------------------------------------------------------------------------- set-up


def _set_up(results: Results) -> list[str]:
    rows = []
    for params, report in results.setups.items():
        phases = report["phases"]
        named = (phases.get(name, 0.0) for name in ("circuits", *CIRCUITS))
        rows.append((params, *(seconds(each) for each in named), seconds(report["total"]), size(report["peak"])))
    head = ("parameter set", "circuits", "segment keys", "closing keys", "with writing", "peak memory")
    files = [
        (params, circuit, size(ends["pk"]), size(ends["vk"]))
        for params, report in results.setups.items()
        for circuit, ends in report["files"].items()
    ]
    loads = [
        (
            params,
            *(seconds(_of(reports[threads], lambda report: report["load"])) for threads in THREADS),
            size(max(report["loaded_peak"] for report in reports[THREADS[-1]])),
        )
        for params, reports in results.proofs.items()
    ]
    return [
        "## Set-up and keys",
        "",
        "Both circuits laid out, keys made once with one thread a core, and written.",
        "",
        *table(head, rows),
        *table(("parameter set", "circuit", "proving key", "verifying key"), files, left=2),
        "Reading both proving keys with every check: hashes, points, fingerprints.",
        "",
        *table(("parameter set", "1 thread", "2 threads", "memory after"), loads),
    ]


# --------------------------------------------------------------------------------------------------------------- proving


def _of(reports: Iterable[Report], value: Callable[[Report], float]) -> float:
    return median(value(report) for report in reports)


def _proving(results: Results) -> list[str]:
    lines = [
        "## Proving by phase",
        "",
        "A segment that is full of orders and its closing proof. The witness is the assignment of all wires; the rest is Groth16.",
        "",
    ]
    for params, reports in results.proofs.items():
        lines += [f"### `{params}`", "", *_phases(reports), *_proof_summary(params, reports)]
    return lines


def _phases(reports: Mapping[int, Sequence[Report]]) -> list[str]:
    rows = [
        (name, *(cell for circuit in CIRCUITS for cell in _pair(reports, circuit, phase)))
        for phase, name in PHASES.items()
    ]
    total = ("**all**", *(cell for circuit in CIRCUITS for cell in _pair(reports, circuit, None)))
    head = ("phase", *(f"{circuit}{what}" for circuit in CIRCUITS for what in (", 1 thread", ", 2 threads", ": ratio")))
    return table(head, [*rows, total])


def _pair(reports: Mapping[int, Sequence[Report]], circuit: str, phase: str | None) -> tuple[str, ...]:
    """Medians for one thread and two, and their ratio."""
    one, two = (_of(reports[threads], lambda report: _phase(report, circuit, phase)) for threads in THREADS)
    return seconds(one), seconds(two), ratio(one, two)


def _phase(report: Report, circuit: str, phase: str | None) -> float:
    """Seconds of a phase of a proof, None: of all of it."""
    phases: dict[str, float] = report["proofs"][circuit]
    return sum(phases.values()) if phase is None else phases.get(phase, 0.0)


def _proof_summary(params: str, reports: Mapping[int, Sequence[Report]]) -> list[str]:
    sizes = Params.named(params)
    places = sizes.touches * sizes.orders
    rows = []
    for threads in THREADS:
        totals = sorted(_phase(report, "segment", None) for report in reports[threads])
        witness = _of(reports[threads], lambda report: _phase(report, "segment", "witness"))
        whole_proof = median(totals)
        rows.append(
            (
                str(threads),
                seconds(witness),
                seconds(whole_proof - witness),
                share(witness, whole_proof),
                f"{seconds(totals[0])} … {seconds(totals[-1])}",
                seconds(whole_proof / places),
                size(max(report["peak"] for report in reports[threads])),
            )
        )
    head = (
        "threads",
        "witness",
        "proving",
        "witness of all",
        "fastest … slowest",
        f"each of {places} places",
        "peak memory",
    )
    return ["A segment's witness beside its proving:", "", *table(head, rows)]


def _arkworks(results: Results) -> list[str]:
    lines = ["## Groth16 beside arkworks", ""]
    figures = results.native.get("groth16")
    if not figures:
        return [*lines, NOT_HERE, ""]
    lines += [
        *said(
            "The same rows, wires and points, proven by tacit's prover and by that of arkworks; bits and fifth powers half and half.",
            "The fastest of three. tacit checks every row before it proves and every proof before it gives it out.",
        ),
    ]
    for name, system in figures.items():
        by_threads = system["prove_seconds_by_threads"]
        rows = [(PHASES.get(phase, "**all**"), *_rivals(by_threads, phase)) for phase in ARKWORKS_PHASES]
        heads = (
            f"{who}, {counted(int(threads))}" if who else "ratio"
            for threads in by_threads
            for who in ("arkworks", "tacit", "")
        )
        lines += [f"### {name} rows", "", *table(("phase", *heads), rows)]
    return lines


def _rivals(by_threads: Mapping[str, Any], phase: str) -> list[str]:
    cells = []
    for both in by_threads.values():
        theirs, ours = both["arkworks"][phase], both["tacit"][phase]
        cells += [seconds(theirs), seconds(ours), ratio(theirs, ours)]
    return cells


# ----------------------------------------------------------------------------------------------------------- settlements


def _settlements(results: Results) -> list[str]:
    rows = [
        (
            params,
            str(batch.segments),
            str(batch.touches),
            str(batch.orders),
            seconds(batch.clear),
            seconds(batch.prove),
            "" if batch.prove_pairs is None else seconds(batch.prove_pairs),
            seconds(batch.prove / batch.orders),
            whole(batch.settle.size),
        )
        for params, batches in results.settled.items()
        for batch in batches
    ]
    head = (
        "parameter set",
        "segments",
        "touches",
        "orders",
        "clearing",
        "all proofs",
        "two at a time",
        "an order",
        "calldata bytes",
    )
    return [
        "## Settlements, from orders to proofs",
        "",
        *said(
            "One run each, one thread a core, keys loaded. Every touch but the fund's has an order in each of its places; none",
            "is refused. The largest batch is proven again, two proofs at a time.",
        ),
        *table(head, rows),
    ]


def _verification(results: Results) -> list[str]:
    rows = [
        (
            params,
            str(batch.segments),
            str(batch.segments + 1),
            seconds(batch.verify),
            seconds(batch.verify / batch.orders),
        )
        for params, batches in results.settled.items()
        for batch in batches
    ]
    lines = [
        "## Verification",
        "",
        "`prover.verify` of those settlements: transcripts, data values, links, and all proofs in one product of pairings.",
        "",
        *table(("parameter set", "segments", "proofs", "verify", "an order"), rows),
        "### One product of pairings beside a check for each proof",
        "",
    ]
    figures = results.native.get("verification")
    if not figures:
        return [*lines, NOT_HERE, ""]
    compared = [
        (
            str(each["segments"]),
            str(each["segments"] + 1),
            seconds(each["separate_s"]),
            seconds(each["product_s"]),
            ratio(each["separate_s"], each["product_s"]),
            _gas_of_pairs(sum(_pairings(each["segments"]))),
            _gas_of_pairs(each["segments"] + 1 + KEY_PAIRS, 1),
        )
        for each in figures
    ]
    head = (
        "segments",
        "proofs",
        "separate",
        "one product",
        "ratio",
        "pairing gas, separate",
        "pairing gas, one product",
    )
    return [*lines, "In Rust, without transcripts; gas by the precompile's price alone.", "", *table(head, compared)]


def _pairings(segments: int) -> list[int]:
    """Pairs of each separate check."""
    return [4] * (segments + 1)


def _gas_of_pairs(pairs: int, calls: int | None = None) -> str:
    return whole(45_000 * (pairs // 4 if calls is None else calls) + 34_000 * pairs)


# ------------------------------------------------------------------------------------------------------------------- gas


def _gas(results: Results) -> list[str]:
    lines = [
        "## Gas by number of segments",
        "",
        *said(
            "`settle` on anvil (Cancun), from the receipts. Calldata: 16 gas a byte, 4 a zero byte; the floor is what EIP-7623",
            "charges for the bytes at least since Prague. Execution is the rest without the 21,000 of any transaction; the product of",
            "pairings is in it. Each batch is full touches. Settled one by one: as many settlements of one segment for a single one",
            "of all. In parts of a segment: the same batch in one transaction a segment and two more. Validium has 3 of 5 signatures.",
        ),
    ]
    for params, batches in results.settled.items():
        lines += [f"### `{params}`", "", *_gas_table(batches), *_gas_slope(batches)]
    return [*lines, *_other_calls(results), *(full_batches(results.bills) if results.bills else [])]


def _gas_table(batches: Sequence[Settled]) -> list[str]:
    rows = [
        (
            str(batch.segments),
            str(batch.orders),
            *(whole(figure) for figure in _parts(batch.settle)),
            whole(batch.pairing),
            *(whole(round(figure / batch.orders)) for figure in _parts(batch.settle)[:3]),
            ratio(batch.segments * batches[0].settle.total / batches[0].segments, batch.settle.total),
            whole(batch.parts),
        )
        for batch in batches
    ]
    head = (
        *("segments", "orders", "`settle`, rollup", "calldata", "execution", "floor", "of it pairings"),
        *("an order", "calldata an order", "execution an order", "settled one by one", "in parts of a segment"),
    )
    return [*table(head, rows), *_validium_table(batches)]


def _validium_table(batches: Sequence[Settled]) -> list[str]:
    rows = [
        (
            *(str(batch.segments), str(batch.orders)),
            *(whole(figure) for figure in _parts(batch.validium)),
            *(whole(round(figure / batch.orders)) for figure in (batch.validium.total, batch.validium.floored)),
            *(whole(round(figure / batch.orders)) for figure in (batch.settle.total, batch.settle.floored)),
        )
        for batch in batches
    ]
    head = (
        *("segments", "orders", "`settle`, validium", "calldata", "execution", "floor"),
        *("an order, validium", "at the floor price", "an order, rollup", "at the floor price"),
    )
    return table(head, rows)


def _parts(gas: Gas) -> tuple[int, ...]:
    return gas.total, gas.calldata, gas.execution, gas.floor


def _gas_slope(batches: Sequence[Settled]) -> list[str]:
    first, last = batches[0], batches[-1]
    more = last.segments - first.segments
    if more == 0:
        return []
    slope = (last.settle.total - first.settle.total) / more
    rest = first.settle.total - slope * first.segments
    most = int((TRANSACTION_GAS - rest) // slope)
    return said(
        f"Each further segment costs {whole(round(slope))} gas; what does not grow with segments, {whole(round(rest))}. Going on",
        f"like that, {most} segments fit into the {whole(TRANSACTION_GAS)} gas that EIP-7825 allows a transaction.",
    )


def _other_calls(results: Results) -> list[str]:
    head = (
        *(
            "parameter set",
            "`open`",
            "`seal`",
            "`postEpoch`",
            "first `deposit`",
            "further one",
            "`requestExit`",
            "`claim`",
        ),
        *("`freeze`", "`escape`", "`payEscape`", "deploy verifier", "deploy vault"),
    )
    rows = []
    for params, calls in results.calls.items():
        first = results.settled[params][0]
        figures = (
            *(first.open.total, first.seal.total, calls.epoch, calls.first_deposit, calls.deposit, calls.exit),
            *(calls.claim, calls.leaving.freeze, calls.leaving.escape, calls.leaving.pay),
            *(calls.deploy_verifier, calls.deploy_vault),
        )
        rows.append((params, *(whole(figure) for figure in figures)))
    words = "An epoch has as many instruments as the parameter set has rows; a seal costs the same for any batch."
    return ["### Other calls", "", words, "", *table(head, rows)]


# ------------------------------------------------------------------------------------------------------------------ core


def _core(results: Results) -> list[str]:
    figures = results.native
    if not figures:
        return ["## The core alone", "", NOT_HERE, ""]
    parts = (_clearing, _admission, _accounts, _tree, _primitives)
    lines = ["## The core alone", "", "In Rust, one thread a core where work is shared.", ""]
    return [*lines, *(line for part in parts for line in part(figures))]


def _clearing(figures: Mapping[str, Any]) -> list[str]:
    each = figures["clearing"]
    row = (
        whole(each["orders"]),
        whole(each["instruments"]),
        seconds(each["median_s"]),
        seconds(each["best_s"]),
        seconds(each["median_s"] / each["orders"]),
    )
    head = ("orders", "instruments", "median of 9", "fastest", "an order")
    return ["### Clearing: one auction an instrument", "", *table(head, [row], left=0)]


def _admission(figures: Mapping[str, Any]) -> list[str]:
    batch, verify = figures["batch"], figures["primitives"]["verify_s"]
    row = (
        whole(batch["touches"]),
        whole(batch["orders"]),
        seconds(batch["median_s"]),
        seconds(batch["best_s"]),
        seconds(batch["median_s"] / batch["orders"]),
        seconds(verify * batch["orders"]),
    )
    head = ("touches", "orders", "median of 3", "fastest", "an order", "signatures alone, one thread")
    words = said(
        "Seal, signatures, admission with margin in every scenario, auctions, netting, new leaves, encryption, new root;",
        "at `standard`.",
    )
    return ["### A whole batch: admission, clearing, new root", "", *words, *table(head, [row], left=0)]


def _accounts(figures: Mapping[str, Any]) -> list[str]:
    each = figures["accounts"]
    rows = [
        ("build the state from its accounts", seconds(each["build_s"])),
        (f"write {size(each['disk_bytes'])} to disk", seconds(each["save_s"])),
        ("restart: read, hash every account again, compare the root", seconds(each["restart_s"])),
        ("snapshot", seconds(each["snapshot_s"])),
        (
            f"clear a batch of {whole(each['touches'])} touches with {whole(each['orders'])} orders",
            seconds(each["clear_s"]),
        ),
        ("roll it back to the snapshot", seconds(each["rollback_s"])),
    ]
    title = f"### The state with {whole(each['accounts'])} accounts"
    return [title, "", "Accounts with four positions each, at `standard` (depth 7).", "", *table(("", "time"), rows)]


def _tree(figures: Mapping[str, Any]) -> list[str]:
    each = figures["tree"]
    touches = whole(each["touches"])
    batched, single = each["touches_batched_then_rollback_s"], each["touches_one_by_one_with_paths_then_rollback_s"]
    rows = [
        ("build", seconds(each["build_s"]), ""),
        (f"{touches} touches one by one, each with its path, and rollback", seconds(single), ""),
        (f"{touches} touches at once, and rollback", seconds(batched), ratio(single, batched)),
        ("snapshot", seconds(each["snapshot_s"]), ""),
        (f"write {size(each['disk_bytes'])} to disk", seconds(each["to_disk_s"]), ""),
        ("restart from disk, with every hash made again", seconds(each["restart_from_disk_s"]), ""),
    ]
    title = f"### The tree alone with {whole(each['accounts'])} leaves (depth {each['depth']})"
    return [title, "", *table(("", "median of 7", "times faster"), rows)]


def _primitives(figures: Mapping[str, Any]) -> list[str]:
    names = {
        "poseidon_2_s": "Poseidon of two elements",
        "poseidon_8_s": "Poseidon of eight, a node of the tree",
        "sign_s": "EdDSA: sign",
        "verify_s": "EdDSA: verify",
    }
    rows = [(words, seconds(figures["primitives"][name])) for name, words in names.items()]
    return ["### Primitives, one thread", "", *table(("", "median of 7"), rows)]
