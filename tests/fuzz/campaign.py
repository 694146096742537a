"""`make fuzz`: every target for FUZZ_SECONDS, two at a time, and a table of what came of it.

Targets in Rust run under libFuzzer, which goes on from `fuzz/corpus` and from what earlier campaigns found below `build/fuzz`; those in
Python are properties of hypothesis, run in rounds of fresh examples until the time is over. A crash leaves its input under
`build/fuzz/finds` and ends the campaign with exit code 1.
"""

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / "fuzz" / "corpus"
BUILD = ROOT / "build" / "fuzz"
LONGEST = 8_192
MEMORY_MB = 2_048
SLOWEST_SECONDS = 30
PROPERTIES = ("test_readers.py", "test_batches.py")

COVERAGE = (
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cdebug-assertions",
)
"""What the compiler is told, a stable one: the counters that libFuzzer steers by."""


@dataclass(frozen=True)
class Outcome:
    """What came of a target: executions, edges covered (None where nobody counts), inputs that broke a promise."""

    target: str
    seconds: float
    executions: int
    coverage: int | None
    finds: tuple[str, ...]


def say(message: str) -> None:
    print(message, flush=True)


def build() -> Path:
    """The targets with libFuzzer around them."""
    host = re.search(r"host: (\S+)", run_text(["rustc", "-vV"]))
    if host is None:
        raise SystemExit("rustc does not say what it builds for")
    target = BUILD / "target"
    command = ["cargo", "build", "--release", "--locked", "--package", "tacit-fuzz", "--features", "libfuzzer"]
    # With a named target, build scripts and macros are not instrumented.
    command += ["--bin", "fuzz", "--target", host[1], "--target-dir", str(target)]
    subprocess.run(command, cwd=ROOT, check=True, env=os.environ | {"RUSTFLAGS": " ".join(COVERAGE)})
    return target / host[1] / "release" / "fuzz"


def run_text(command: list[str]) -> str:
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def fuzz_rust(program: Path, target: str, seconds: int) -> Outcome:
    """Runs a target under libFuzzer."""
    kept, finds = BUILD / "corpus" / target, BUILD / "finds" / target
    for folder in (kept, finds):
        folder.mkdir(parents=True, exist_ok=True)
    before = set(finds.iterdir())
    limits = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", f"-rss_limit_mb={MEMORY_MB}"]
    limits += [f"-timeout={SLOWEST_SECONDS}", f"-artifact_prefix={finds}/", "-print_final_stats=1"]
    environment = os.environ | {"TACIT_FUZZ_TARGET": target, "RAYON_NUM_THREADS": "1"}
    started = time.monotonic()
    ended = subprocess.run(
        [str(program), str(kept), str(CORPUS / target), *limits],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    (BUILD / f"{target}.log").write_text(ended.stdout, encoding="utf-8")
    found = tuple(str(path.relative_to(ROOT)) for path in sorted(set(finds.iterdir()) - before))
    if ended.returncode and not found:
        found = (f"exit code {ended.returncode}, see build/fuzz/{target}.log",)
    executed, covered = last(r"number_of_executed_units: (\d+)", ended.stdout), last(r" cov: (\d+) ", ended.stdout)
    return Outcome(target, time.monotonic() - started, executed or 0, covered, found)


def last(pattern: str, text: str) -> int | None:
    numbers = re.findall(pattern, text)
    return int(numbers[-1]) if numbers else None


def round_of(file: str) -> list[str]:
    """The command that runs the properties of a file once. Two files at a time: each keeps a cache of its own."""
    cache = f"cache_dir={BUILD / 'pytest' / file}"
    return [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-o",
        cache,
        "--hypothesis-show-statistics",
        f"tests/fuzz/{file}",
    ]


def fuzz_python(file: str, seconds: int) -> Outcome:
    """Runs the properties of a file again and again, each time from a fresh seed."""
    environment = os.environ | {"TACIT_FUZZ": "1"}
    started, rounds, executed, log = time.monotonic(), 0, 0, ""
    while time.monotonic() - started < seconds:
        seed = f"--hypothesis-seed={time.time_ns()}"
        ended = subprocess.run(
            [*round_of(file), seed],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        rounds, log = rounds + 1, ended.stdout + ended.stderr
        executed += sum(int(number) for number in re.findall(r"(\d+) passing", log))
        if ended.returncode:
            break
    else:
        return Outcome(file, time.monotonic() - started, executed, None, ())
    path = BUILD / f"{file}.log"
    path.write_text(log, encoding="utf-8")
    return Outcome(file, time.monotonic() - started, executed, None, (f"see {path.relative_to(ROOT)}",))


def table(outcomes: list[Outcome]) -> str:
    lines = [f"{'target':18} {'seconds':>8} {'executions':>11} {'coverage':>9}  finds"]
    for each in outcomes:
        covered = "" if each.coverage is None else f"{each.coverage}"
        found = ", ".join(each.finds) or "none"
        lines.append(f"{each.target:18} {each.seconds:8.0f} {each.executions:11} {covered:>9}  {found}")
    return "\n".join(lines)


class Progress:
    """Says each minute what still runs."""

    def __init__(self) -> None:
        self.running: dict[str, float] = {}
        self.over = threading.Event()

    def around(self, name: str, job: Callable[[], Outcome]) -> Outcome:
        say(f"  {name} starts")
        self.running[name] = time.monotonic()
        try:
            outcome = job()
        finally:
            del self.running[name]
        say(f"  {name} ends: {outcome.executions} executions, {len(outcome.finds) or 'no'} finds")
        return outcome

    def tell(self) -> None:
        while not self.over.wait(60):
            now = time.monotonic()
            say("  " + ", ".join(f"{name} {now - since:.0f} s" for name, since in list(self.running.items())))


def main(names: list[str]) -> int:
    """Fuzzes the named targets, all by default."""
    seconds = int(os.environ.get("FUZZ_SECONDS", "600"))
    targets = sorted(folder.name for folder in CORPUS.iterdir())
    chosen = names or [*targets, *PROPERTIES]
    unknown = sorted(set(chosen) - {*targets, *PROPERTIES})
    if unknown:
        raise SystemExit(f"no targets: {', '.join(unknown)}; there are {', '.join([*targets, *PROPERTIES])}")
    BUILD.mkdir(parents=True, exist_ok=True)
    program = build() if set(chosen) & set(targets) else BUILD
    progress = Progress()
    threading.Thread(target=progress.tell, daemon=True).start()

    def fuzz(name: str) -> Outcome:
        in_rust = name in targets
        return progress.around(
            name, lambda: fuzz_rust(program, name, seconds) if in_rust else fuzz_python(name, seconds)
        )

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(fuzz, chosen))
    progress.over.set()
    say(table(outcomes))
    return int(any(outcome.finds for outcome in outcomes))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
