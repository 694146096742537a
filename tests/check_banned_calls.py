"""Refuses calls that are sound in general and dangerous here: `python tests/check_banned_calls.py`, in `make check`.

A proof system fails silently: a witness that is not bound, a curve point that is not checked or a float in what is
signed looks the same in an honest run. Each rule below names one such way in. A use that is right stands in `ALLOWED`
with the number of times it occurs and the reason; one more occurrence fails, and so does an entry that no longer holds.

Comments, string contents and unit tests (`#[cfg(test)]` to the end of the file) do not count.
"""

import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent


class Rule(NamedTuple):
    """One banned way of writing: `pattern` is looked for in the files of `globs`."""

    name: str
    pattern: re.Pattern[str]
    globs: tuple[str, ...]
    why: str


class Use(NamedTuple):
    """One place where a rule's pattern stands."""

    path: str
    line: int
    rule: Rule


RUST = ("rust/*/src/**/*.rs", "circuits/src/**/*.rs")
CIRCUITS = ("circuits/src/**/*.rs",)
CORE = ("rust/core/src/**/*.rs",)
PYTHON = ("prover/**/*.py", "demo/**/*.py", "bench/**/*.py", "tests/**/*.py")
ANYWHERE = (
    *RUST,
    "rust/*/tests/**/*.rs",
    "circuits/tests/**/*.rs",
    *PYTHON,
    "contracts/src/**/*.sol",
    "contracts/test/**/*.sol",
)

RULES = [
    Rule(
        "unchecked point",
        re.compile(r"\w+_unchecked\b|Validate::No\b"),
        RUST,
        "a point off the curve or outside the subgroup forges proofs",
    ),
    Rule(
        "aliased bits",
        re.compile(r"\bto_non_unique_\w+|\bomit_\w+"),
        CIRCUITS,
        "the bits of x + p are accepted for those of x",
    ),
    Rule(
        "costly comparison",
        re.compile(r"\bFpVar::is_cmp\b|\benforce_cmp\w*|\bis_cmp\w*"),
        CIRCUITS,
        "1,919 constraints for what a range-checked difference does in 65",
    ),
    Rule(
        "rewitnessed value",
        re.compile(r"\bwitness\([^;{}]*?\.value\(\)"),
        CIRCUITS,
        "a fresh witness with another wire's value is bound to nothing until a row says so",
    ),
    Rule(
        "sponge without padding",
        re.compile(r"\bPoseidonSponge\w*|\bCryptographicSponge\b"),
        RUST,
        "its hash of [a] is that of [a, 0]: take the tagged sponge of the protocol",
    ),
    Rule(
        "float",
        re.compile(r"\bf(?:32|64)\b"),
        RUST,
        "rounding differs between machines; nothing between order and settlement may round",
    ),
    Rule(
        "unordered iteration",
        re.compile(r"\bHash(?:Map|Set)\b"),
        RUST,
        "the order differs from run to run, and so do the bytes that are hashed",
    ),
    Rule(
        "clock or randomness",
        re.compile(r"\bSystemTime\b|\bInstant\b|\bthread_rng\b|\bOsRng\b|\bfrom_entropy\b|\bgetrandom\b"),
        RUST,
        "same input, same bytes: what is random or timed is an argument",
    ),
    Rule(
        "input or output",
        re.compile(r"\bstd::(?:net|process|env)\b|\be?print(?:ln)?!|\bdbg!"),
        CORE,
        "the core is pure; what it has to say, it returns",
    ),
    Rule(
        "unfinished or skipped",
        re.compile(
            r"\b(?:todo|unimplemented)!|#\[ignore\b|\bpytest\.(?:mark\.)?(?:skip|skipif|xfail|importorskip)\b|\bvm\.skip\b"
            r"|\b(?:TODO|FIXME|XXX)\b"
        ),
        ANYWHERE,
        "a check that is not made reads like one that passed",
    ),
    Rule(
        "code from data",
        re.compile(r"(?<![\w.])(?:eval|exec)\(|\bpickle\b|\bshell=True\b|\ballow_pickle=True\b"),
        PYTHON,
        "a file from elsewhere must never run",
    ),
]

# (path, rule) -> (how many times, why it is right there)
ALLOWED: dict[tuple[str, str], tuple[int, str]] = {
    ("circuits/src/builder.rs", "unordered iteration"): (7, "looked up by key; the rows come out in the order written"),
    ("circuits/src/closing.rs", "rewitnessed value"): (1, "the inverse of the price rule, which the row below demands"),
    ("circuits/src/evm.rs", "unchecked point"): (
        2,
        "the next line gives it out only if it is on the curve (and, but for g2_curve_point, in the subgroup)",
    ),
    ("circuits/src/gadgets/eddsa.rs", "rewitnessed value"): (
        3,
        "sums and quotients that the row on the next line defines",
    ),
    ("circuits/src/matrices.rs", "unordered iteration"): (
        2,
        "looked up by value; coefficients are numbered as they come",
    ),
    ("circuits/src/batch_add.rs", "unchecked point"): (
        1,
        "the sum of two points of the curve; the key's points are checked",
    ),
    ("circuits/src/proof.rs", "clock or randomness"): (2, "times the phases for the progress report, nothing proven"),
    ("rust/bindings/src/interrupt.rs", "clock or randomness"): (2, "times the phases for the progress display"),
    ("rust/bindings/src/interrupt.rs", "float"): (1, "seconds of a phase, for the progress display"),
}

COMMENT_OR_STRING = {
    ".rs": re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\])*"', re.DOTALL),
    ".sol": re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\])*"', re.DOTALL),
    ".py": re.compile(r'"""(?:\\.|.)*?"""|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL),
}
UNFINISHED_IN_COMMENT = re.compile(r"\b(?:TODO|FIXME|XXX)\b")
UNIT_TESTS = re.compile(r"^#\[cfg\(test\)\]\s*(?:#\[[^\]]*\]\s*)*mod\b", re.MULTILINE)


def blank(match: re.Match[str]) -> str:
    """Removes a comment or string; keeps line breaks, so that line numbers hold, and a comment's marks of unfinished work."""
    text = match.group()
    marks = UNFINISHED_IN_COMMENT.findall(text) if text.startswith("/") else []
    return " ".join(marks) + "\n" * text.count("\n")


def code_of(path: Path) -> str:
    """The text of a source file that is compiled into what ships (or, for a test file, that runs)."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".rs" and (tests := UNIT_TESTS.search(text)):
        text = text[: tests.start()]
    return COMMENT_OR_STRING[path.suffix].sub(blank, text)


def uses(root: Path) -> Iterator[Use]:
    """Every use of every banned call below `root`."""
    this = Path(__file__).resolve()
    for rule in RULES:
        for path in sorted({path for glob in rule.globs for path in root.glob(glob)} - {this}):
            code = code_of(path)
            for match in rule.pattern.finditer(code):
                line = code.count("\n", 0, match.start()) + 1
                yield Use(path.relative_to(root).as_posix(), line, rule)


def complaints(root: Path) -> list[str]:
    """What is banned and not allowed, and what is allowed and no longer there."""
    found = list(uses(root))
    counts = Counter((use.path, use.rule.name) for use in found)
    new = [
        f"{use.path}:{use.line}: {use.rule.name}: {use.rule.why}"
        for use in found
        if counts[use.path, use.rule.name] > ALLOWED.get((use.path, use.rule.name), (0, ""))[0]
    ]
    stale = [
        f"{path}: {rule}: allowed {allowed} times, stands there {counts[path, rule]} times; lower ALLOWED"
        for (path, rule), (allowed, _) in sorted(ALLOWED.items())
        if counts[path, rule] < allowed
    ]
    return new + stale


def main() -> int:
    """Prints the complaints, one a line; 1 if there is one."""
    lines = complaints(ROOT)
    for line in lines:
        print(line)
    if lines:
        print(
            f"{len(lines)} complaints. Write it another way, or allow it with a reason in tests/check_banned_calls.py."
        )
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
