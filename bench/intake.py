"""Intake under load: ``python -m bench.intake [--full] [--seconds N] [--rate R] [--out FILE]``.

The service runs in a process of its own, this one sends: signed orders at a fixed rate over HTTP, one in five wrong in one of seven
ways. Then ten times that. Then the service is killed, and its database must hold every order that was acknowledged, under the number
that was promised, in one chain of receipts. Short unless ``--full`` is said; a run that breaks a promise ends with 1.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, repeat
from pathlib import Path
from typing import Final

import uvloop

from bench import machine
from bench.intake_client import Generator, Outcome, quantile
from bench.intake_orders import RIGHT, WAYS, Load, loads
from bench.intake_scene import BATCH, terms, trader
from bench.intake_server import DATABASE
from bench.machine import Machine
from bench.text import said, seconds, share, size, table, whole
from demo.chain import ROOT
from relayer.hpke import PublicKey
from relayer.intake.chain import ReceiptChain
from relayer.store import orders
from relayer.store.database import Database

AN_ACCOUNT: Final = 4
CONNECTIONS: Final = 256
OVERLOAD: Final = 10
POOL: Final = 20_000
OTHER_SLOTS: Final = 31
"""Nonces of the second load begin here."""
MOST_LATENCY: Final = 0.2
KIB: Final = 1024
USER_TIME, SYSTEM_TIME = 11, 12
"""Places in /proc/PID/stat behind the name."""


@dataclass(frozen=True)
class Extent:
    """How much: orders a second for so many seconds, then ten times as many for ``overload`` seconds."""

    rate: int = 500
    seconds: int = 20
    overload: int = 5

    @property
    def accounts(self) -> int:
        """As many as it takes for nobody to send more than a batch takes of one account."""
        return 100 + self.rate * self.seconds * 4 // 5 // AN_ACCOUNT


FULL: Final = Extent(seconds=300, overload=30)


@dataclass(frozen=True)
class Figures:
    """What was measured; memory in bytes: at the start, after the load, the most during overload; ``processor``: seconds of the service's
    processor time under the load and under ten times that; ``own``: of the generator's under the load.
    """

    machine: Machine
    extent: Extent
    load: Outcome
    overload: Outcome
    memory: tuple[int, int, int]
    lost: int
    stored: int
    busy: float
    processor: tuple[float, float]
    own: float

    @property
    def faults(self) -> list[str]:
        """Promises that did not hold."""
        late = quantile(self.load.latencies, 0.99)
        checks = (
            (not self.load.wrong and not self.overload.wrong, f"wrong codes: {self.load.wrong | self.overload.wrong}"),
            (not self.load.shed, f"{self.load.shed} requests were shed at the rate that must be taken"),
            (not self.load.broken and not self.overload.broken, "connections broke"),
            (late < MOST_LATENCY, f"the 99th percentile is {seconds(late)}"),
            (not self.lost, f"{self.lost} acknowledged orders are not in the database as they were promised"),
            (self.overload.shed > 0, "nothing was shed at ten times the rate"),
        )
        return [text for holds, text in checks if not holds]


class Server:
    """The service in a process of its own."""

    def __init__(self, folder: Path, accounts: int, capacity: int) -> None:
        command = [sys.executable, "-m", "bench.intake_server", str(folder), str(accounts), str(capacity)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise RuntimeError("the service did not start")
        document = json.loads(line)
        self.port, self.key = int(document["port"]), PublicKey(bytes.fromhex(document["key"]))

    def memory(self) -> int:
        """Bytes that it holds now."""
        text = Path(f"/proc/{self._process.pid}/status").read_text(encoding="utf-8")
        facts = dict(line.split(":", 1) for line in text.splitlines())
        return int(facts["VmRSS"].removesuffix("kB")) * KIB

    def processor(self) -> float:
        """Seconds of processor time that it has had."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[USER_TIME]) + int(fields[SYSTEM_TIME])) / os.sysconf("SC_CLK_TCK")

    def kill(self) -> None:
        """Ends it as a machine that loses power would."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def measure(extent: Extent, say: bool = True) -> Figures:
    """Runs everything."""
    with tempfile.TemporaryDirectory(prefix="tacit-intake-") as name:
        folder = Path(name)
        _say(say, f"starting the service with {whole(extent.accounts)} accounts")
        server = Server(folder, extent.accounts, 2 * extent.rate * (extent.seconds + OVERLOAD * extent.overload))
        try:
            return _measured(extent, folder, server, say)
        finally:
            server.kill()


def _measured(extent: Extent, folder: Path, server: Server, say: bool) -> Figures:
    traders = [trader(index) for index in range(extent.accounts)]
    count = extent.rate * extent.seconds
    _say(say, f"signing and encrypting {whole(count)} orders")
    first, second = folder / "load", folder / "overload"
    pool = min(POOL, OVERLOAD * extent.rate * extent.overload)
    _write(first, loads(traders, server.key, count))
    _write(second, loads(traders[: max(1, pool // 8)], server.key, pool, seed=2, first_slot=OTHER_SLOTS))
    start = server.memory()
    _say(say, f"{extent.rate} a second for {extent.seconds} s")
    used, own = server.processor(), time.process_time()
    load = _send(server, _read(first), extent.rate, extent.seconds)
    own = time.process_time() - own
    after, busy, between = server.memory(), machine.load(), server.processor()
    _say(say, f"{OVERLOAD * extent.rate} a second for {extent.overload} s")
    watch = _Watch(server)
    again = chain.from_iterable(_read(second) for _ in repeat(None))
    overload = asyncio.run(watch.beside(server, again, OVERLOAD * extent.rate, extent.overload))
    processor = (between - used, server.processor() - between)
    server.kill()
    lost, stored = _compare(folder, load.acknowledged | overload.acknowledged)
    memory = (start, after, watch.most)
    return Figures(machine.describe(), extent, load, overload, memory, lost, stored, busy, processor, own)


def _send(server: Server, load: Iterator[Load], rate: float, length: float) -> Outcome:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(Generator(server.port, CONNECTIONS).run(load, rate, length))


class _Watch:
    """Looks at the service's memory while it is flooded."""

    def __init__(self, server: Server) -> None:
        self._server, self.most = server, 0

    async def beside(self, server: Server, load: Iterator[Load], rate: float, length: float) -> Outcome:
        looking = asyncio.get_running_loop().create_task(self._look())
        try:
            return await Generator(server.port, CONNECTIONS * OVERLOAD).run(load, rate, length)
        finally:
            looking.cancel()

    async def _look(self) -> None:
        while True:
            self.most = max(self.most, self._server.memory())
            await asyncio.sleep(0.2)


def _write(path: Path, load: Iterator[Load]) -> None:
    with path.open("wb") as file:
        for each in load:
            file.write(each.expected.encode() + b"\t" + each.body + b"\n")


def _read(path: Path) -> Iterator[Load]:
    with path.open("rb") as file:
        for line in file:
            expected, body = line.rstrip(b"\n").split(b"\t", 1)
            yield Load(body, expected.decode())


def _compare(folder: Path, acknowledged: dict[str, tuple[int, int] | None]) -> tuple[int, int]:
    """How many acknowledged orders the database lacks or has in another place, and how many it has in all. The chain must be whole."""
    database = Database.open(f"sqlite:///{folder / DATABASE}")
    with database.read() as session:
        receipts = orders.receipts(session, BATCH)
        head = orders.head(session, BATCH)
        hashes = [bytes.fromhex(text[2:]) for text in acknowledged]
        found = orders.by_hash(session, hashes)
    database.close()
    ReceiptChain.read(terms().domain, BATCH, receipts, head)
    lost = 0
    for raw, place in zip(hashes, acknowledged.values(), strict=True):
        stored = found.get(raw)
        lost += stored is None or (place is not None and (stored.batch, stored.sequence) != place)
    return lost, len(receipts)


def document(figures: Figures) -> str:
    """The figures for people."""
    here, load, over = figures.machine, figures.load, figures.overload
    rows = [
        ("machine", f"{here.processor}, {here.cores} cores, {here.memory:.1f} GiB, {here.system}"),
        ("date", here.date),
        ("commit", here.commit),
        ("load of the machine after it", f"{figures.busy:.1f}"),
    ]
    lines = [
        "<!-- Written by `make bench`. Do not edit: run it again. -->",
        "",
        "# Intake under load",
        "",
        *said(
            "The service in one process, the generator in another, on the same cores; SQLite with every commit synced; proving paused,",
            "the batch's capacity configured to hold all. Latency counts from when a request was due. The service is killed at the",
            "end and its database compared with what was acknowledged.",
        ),
        *table(("what", "on"), rows, left=2),
        *table(("", "load", "ten times that"), _rows(figures)),
        *table(
            ("wrong in", "code", "answers"),
            [(way, code, whole(load.codes.get(code, 0))) for way, code in WAYS.items()],
            left=2,
        ),
        *said(
            f"Memory of the service: {size(figures.memory[0])} at the start, {size(figures.memory[1])} after the load,",
            f"{size(figures.memory[2])} at most under ten times that.",
            f"Of {whole(len(load.acknowledged | over.acknowledged))} acknowledged orders",
            f"{whole(figures.lost)} were lost; the batch's chain holds {whole(figures.stored)} receipts without a gap.",
        ),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _rows(figures: Figures) -> list[tuple[str, str, str]]:
    both = (figures.load, figures.overload)
    extent = figures.extent

    def cells(name: str, *values: str) -> tuple[str, str, str]:
        return name, values[0], values[1]

    return [
        cells("orders a second sent", whole(extent.rate), whole(OVERLOAD * extent.rate)),
        cells("seconds", whole(extent.seconds), whole(extent.overload)),
        cells("sent", *(whole(each.sent) for each in both)),
        cells("receipts or places in the queue", *(whole(each.codes.get(RIGHT, 0)) for each in both)),
        cells("refused with the right code", *(whole(_refused(each)) for each in both)),
        cells("wrong codes", *(whole(sum(each.wrong.values())) for each in both)),
        cells("shed (503)", *(f"{whole(each.shed)} ({share(each.shed, each.sent)})" for each in both)),
        cells("answered a second, shed left out", *(whole(round(len(each.latencies) / each.seconds)) for each in both)),
        cells(
            "processor time of the service a request",
            *(seconds(used / each.sent) for used, each in zip(figures.processor, both, strict=True)),
        ),
        cells("of the generator", seconds(figures.own / figures.load.sent), ""),
        cells("median", *(seconds(quantile(each.latencies, 0.5)) for each in both)),
        cells("99th percentile", *(seconds(quantile(each.latencies, 0.99)) for each in both)),
        cells("99.9th percentile", *(seconds(quantile(each.latencies, 0.999)) for each in both)),
    ]


def _refused(outcome: Outcome) -> int:
    return sum(count for code, count in outcome.codes.items() if code in WAYS.values()) - sum(
        count for (_, got), count in outcome.wrong.items() if got in WAYS.values()
    )


def _say(say: bool, text: str) -> None:
    if say:
        print(f"{time.strftime('%H:%M:%S')} intake: {text}", file=sys.stderr, flush=True)


def main() -> int:
    """Measures; 1 if a promise did not hold."""
    parser = argparse.ArgumentParser(prog="bench.intake", description="Measures intake under load.")
    parser.add_argument("--full", action="store_true", help="five minutes of load, half a minute of ten times that")
    parser.add_argument("--seconds", type=int, help="seconds of load")
    parser.add_argument("--overload", type=int, help="seconds of ten times the load")
    parser.add_argument("--rate", type=int, help="orders a second")
    parser.add_argument("--out", type=Path, help="file to write; default: standard output")
    options = parser.parse_args()
    base = FULL if options.full else Extent()
    extent = Extent(options.rate or base.rate, options.seconds or base.seconds, options.overload or base.overload)
    figures = measure(extent)
    if options.out is None:
        sys.stdout.write(document(figures))
    else:
        options.out.write_text(document(figures), encoding="utf-8")
    for fault in figures.faults:
        print(f"bench.intake: {fault}", file=sys.stderr)
    return 1 if figures.faults else 0


if __name__ == "__main__":
    sys.exit(main())
