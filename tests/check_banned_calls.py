"""Refuses calls that are sound in general and dangerous here: `python tests/check_banned_calls.py`, in `make check`.

A proof system fails silently: a witness that is not bound, a curve point that is not checked or a float in what is
signed looks the same in an honest run. Each rule below names one such way in. A use that is right stands in `ALLOWED`
with its line of source and the reason; any other line fails, and so does an entry whose line is no longer there.

Comments, string contents and unit tests (a module under `#[cfg(test)]`) do not count.
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
    """One place where a rule's pattern stands, and the source line there."""

    path: str
    line: int
    rule: Rule
    text: str


class Allowance(NamedTuple):
    """Why the uses of a rule in a file are right, and the lines they stand on; a line as often as it stands there."""

    why: str
    lines: tuple[str, ...]


RUST = ("rust/*/src/**/*.rs", "circuits/src/**/*.rs")
CIRCUITS = ("circuits/src/**/*.rs",)
CORE = ("rust/core/src/**/*.rs",)
PYTHON = ("prover/**/*.py", "relayer/**/*.py", "demo/**/*.py", "bench/**/*.py", "tests/**/*.py")
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
        re.compile(r"\.value\(\)|\bLc::value\b"),
        CIRCUITS,
        "what is read from a wire goes into a fresh one, which is bound to nothing until a row says so",
    ),
    Rule(
        "free quotient",
        re.compile(r"\.divide\(|(?<!fn )\bquotient\(b\b"),
        CIRCUITS,
        "0/0 has every value: say why the denominator is not 0, or why the numerator is not",
    ),
    Rule(
        "conditional row",
        re.compile(r"#!?\[cfg\((?!test\))|\bcfg!\(|\bcfg_attr\b"),
        CIRCUITS,
        "what depends on how it is built is not the circuit that was looked at",
    ),
    Rule(
        "check left out",
        re.compile(r"\bRowFilter::dropping\b|(?<!fn )\boverride_witness\b|\bskip_check:\s*true\b"),
        RUST,
        "made for attacks: a key or a proof with it proves less than it seems to",
    ),
    Rule(
        "sponge without padding",
        re.compile(
            r"\bPoseidonSponge\w*|\bCryptographicSponge\b|\bposeidon::(?:absorb|permute)\b"
            r"|(?<!fn )(?<![.:\w])(?:absorb|permute)\("
        ),
        RUST,
        "its hash of [a] is that of [a, 0]: take the tagged sponge of the protocol",
    ),
    Rule(
        "untagged hash",
        re.compile(r"\bposeidon::hash\b"),
        RUST,
        "nothing in H_k says what is hashed: two uses of one k must differ in what they can hold",
    ),
    Rule(
        "reduced silently",
        re.compile(r"\b\w+_mod_order\b"),
        RUST,
        "x and x + p become one: right for hashes and what is known to be small, wrong for what others send",
    ),
    Rule(
        "predictable randomness",
        re.compile(r"\bseed_from_u64\b|\btest_rng\b|\bStepRng\b"),
        RUST,
        "who can draw the blinding or the salts again reads the witness",
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

# (path, rule) -> why it is right there, and where
ALLOWED: dict[tuple[str, str], Allowance] = {
    ("circuits/src/batch_add.rs", "unchecked point"): Allowance(
        "the sum of two points of the curve; the key's points are checked",
        ("Affine::new_unchecked(x, slope * (left.x - x) - left.y)",),
    ),
    ("circuits/src/builder.rs", "unordered iteration"): Allowance(
        "looked up by key; the rows come out in the order written",
        (
            "use std::collections::{BTreeMap, BTreeSet, HashMap};",
            "replacements: HashMap<usize, Replacement>,",
            "children: HashMap<&'static str, usize>,",
            "Self { path, rows: 0, wires: 0, children: HashMap::new() }",
            "overrides: HashMap<&'static str, Override>,",
            "overrides: HashMap::new(),",
            "let entry = self.overrides.entry(label).or_insert_with(|| Override { seen: 0, replacements: HashMap::new() });",
        ),
    ),
    ("circuits/src/ceremony/contribution.rs", "reduced silently"): Allowance(
        "64 bytes of a hash: as good as uniform, for secrets and for the challenge's coordinates",
        (
            "Fr::from_le_bytes_mod_order(wide.as_slice())",
            "let coordinate = |label: u8| Fq::from_le_bytes_mod_order(&[part(label), part(label + 1)].concat());",
        ),
    ),
    ("circuits/src/ceremony/contribution.rs", "unchecked point"): Allowance(
        "on the curve by its y, and put into the subgroup by the cofactor on the next line",
        ("let point = G2Affine::get_point_from_x_unchecked(x, part(4)[0] & 1 == 1)?;",),
    ),
    ("circuits/src/ceremony/ptau.rs", "unchecked point"): Allowance(
        "its one caller, List::take, gives it out only if it is of its group and not the identity",
        (
            "Some(Affine::new_unchecked(coordinate(&bytes[..32])?, coordinate(&bytes[32..])?))",
            "Some(Affine::new_unchecked(pair(0)?, pair(64)?))",
        ),
    ),
    ("circuits/src/ceremony/tests.rs", "predictable randomness"): Allowance(
        "tests compare with a set-up of the same secrets",
        ("StdRng::seed_from_u64(11)",),
    ),
    ("circuits/src/ceremony/watch.rs", "clock or randomness"): Allowance(
        "times the phases for the progress report, nothing proven",
        (
            "use std::time::{Duration, Instant};",
            "let start = Instant::now();",
        ),
    ),
    ("circuits/src/closing.rs", "rewitnessed value"): Allowance(
        "the inverse of the price rule, which the row below demands",
        ('b.witness("count inverse", ark_ff::Field::inverse(&count.value()).unwrap_or_default() * apart.value());',),
    ),
    ("circuits/src/closing.rs", "untagged hash"): Allowance(
        "a node of the risk tree, whose root is public; the sums, seven, which no other H_7 is of",
        (
            "level = level.chunks(8).map(|eight| poseidon::hash(b, eight)).collect();",
            "let commitment = poseidon::hash(b, &sums);",
        ),
    ),
    ("circuits/src/escape.rs", "rewitnessed value"): Allowance(
        "a quotient, which two rows hold to what is left of its product",
        ("let whole = to_u128(&credit.value()).unwrap_or(0) / token;",),
    ),
    ("circuits/src/evm.rs", "unchecked point"): Allowance(
        "the next line gives it out only if it is on the curve (and, but for g2_curve_point, in the subgroup)",
        (
            "let point = G1Affine::new_unchecked(element::<Fq>(&words[0])?, element(&words[1])?);",
            "let point = G2Affine::new_unchecked(x, y);",
        ),
    ),
    ("circuits/src/gadgets/eddsa.rs", "free quotient"): Allowance(
        "each denominator is shown not to be 0 in the module's text; at (0, −1) the doubling refuses",
        (
            "let u = b.divide(KEY_FORM, &y.add_constant(F::ONE), &y.not());",
            "let v = b.divide(KEY_FORM, &u, x);",
            "b.divide(KEY_ORDER, &numerator, &p.v.double())",
            "let slopes = b.divide(ADDITION, &p.v.double(), &(&p.u - &double_u));",
            "let slope = b.divide(ADDITION, &(&q.v - &p.v), &(&q.u - &p.u));",
            "let x = quotient(b, LAST_SUM[0], &sum.u, &sum.v);",
            "let y = quotient(b, LAST_SUM[1], &sum.u.add_constant(-F::ONE), &sum.u.add_constant(F::ONE));",
        ),
    ),
    ("circuits/src/gadgets/eddsa.rs", "rewitnessed value"): Allowance(
        "sums and quotients that the row on the next line defines; digits that their rows hold to the hash",
        (
            "let u = b.witness(SUM_U, slope.value().square() - others.value());",
            "let v = b.witness(SUM_V, slope.value() * run.value() - p.v.value());",
            "let signature = if live.value() == F::ZERO { &unused } else { signature };",
            "let honest = (hash.value() * live.value()).into_bigint();",
            "let inverse = denominator.value().inverse().unwrap_or(F::ZERO);",
            "let quotient = b.witness(label, numerator.value() * inverse);",
        ),
    ),
    ("circuits/src/gadgets/eddsa.rs", "untagged hash"): Allowance(
        "EdDSA's challenge as circomlib has it; its only H_5",
        ('let hash = b.scoped("hash", |b| poseidon::hash(b, &inputs));',),
    ),
    ("circuits/src/gadgets/lookup.rs", "free quotient"): Allowance(
        "β is drawn after the keys: it meets one with the probability that the error counts",
        ("b.divide(check, numerator, &(beta - key))",),
    ),
    ("circuits/src/gadgets/merkle.rs", "untagged hash"): Allowance(
        "a node of the state tree, of fixed depth: a leaf, a sponge, never stands for a node",
        (
            "old = poseidon::hash(children);",
            "new = poseidon::hash(&changed);",
        ),
    ),
    ("circuits/src/gadgets/poseidon.rs", "sponge without padding"): Allowance(
        "the tagged sponge itself, whose first element holds tag and length",
        (
            "absorb(b, &mut state, blocks.next().unwrap_or_default());",
            "*state = permute(b, state);",
        ),
    ),
    ("circuits/src/gadgets/range.rs", "rewitnessed value"): Allowance(
        "bits and prefixes, held to the number by the rows of the same function",
        (
            "let mut bits = low_bits(b, check, x.value(), n - 1);",
            "let bits = low_bits(b, check, x.value(), n);",
            "undecided &= excess.value() == F::ZERO;",
        ),
    ),
    ("circuits/src/gadgets/transcript.rs", "sponge without padding"): Allowance(
        "the tagged sponge in pieces, its length announced in the first element",
        ("b.scoped(SCOPE, |b| poseidon::absorb(b, state, block));",),
    ),
    ("circuits/src/margin.rs", "rewitnessed value"): Allowance(
        "floors and claims: ranged, and held by a row or, C_0 … C_{S−1}, by the margin identity after r₁ binds them",
        (
            "to_i128(&x.value()).unwrap_or(0)",
            "context.num.value() * from_i128(w.scenario_values[s]) - num_mark.value() + den_base.value() + loss.value()",
            "den_base.value() + loss.value()",
        ),
    ),
    ("circuits/src/matrices.rs", "unordered iteration"): Allowance(
        "looked up by value; coefficients are numbered as they come",
        (
            "use std::collections::HashMap;",
            "known: HashMap<Fr, u32>,",
        ),
    ),
    ("circuits/src/order.rs", "untagged hash"): Allowance(
        "an order, H_4; its third element is at least 2¹⁶¹ and the only thing signed that way",
        ('let hash = b.scoped("order hashes", |b| poseidon::hash(b, &[domain.clone(), packed, tagged, salt]));',),
    ),
    ("circuits/src/proof.rs", "clock or randomness"): Allowance(
        "times the phases for the progress report, nothing proven",
        (
            "use std::time::{Duration, Instant};",
            "let start = Instant::now();",
        ),
    ),
    ("circuits/src/segment.rs", "untagged hash"): Allowance(
        "the sums, seven, which no other H_7 is of",
        (
            "let commitment = poseidon::hash(b, &sums_in);",
            "let commitment = poseidon::hash(b, &sums);",
        ),
    ),
    ("circuits/src/solidity.rs", "untagged hash"): Allowance(
        "the sums that the first segment starts from",
        ("poseidon::hash(&[zero, zero, zero, zero, zero, one, zero])",),
    ),
    ("circuits/src/touch.rs", "sponge without padding"): Allowance(
        "the function of that name, which goes through the transcript",
        ("absorb(b, run, &data, &expired, &outcomes, &positions, &admission);",),
    ),
    ("circuits/src/owner.rs", "untagged hash"): Allowance(
        "an owner, H_4, compared with the word that the contract or the leaf has only",
        ('b.scoped("owner", |b| poseidon::hash(b, &[x, y, viewing_key, subaccount]))',),
    ),
    ("circuits/src/touch.rs", "untagged hash"): Allowance(
        "an owner, H_4, compared with the leaf's word only",
        ("let owner = poseidon::hash(b, &[key.0.clone(), key.1.clone(), viewing_key.clone(), subaccount]);",),
    ),
    ("rust/bindings/src/ceremony.rs", "clock or randomness"): Allowance(
        "where the system's randomness comes in, for contributions and checks, so that no secret passes through Python",
        ('getrandom::fill(bytes.as_mut_slice()).expect("without the system\'s randomness nothing may go on");',),
    ),
    ("rust/bindings/src/hashing.rs", "untagged hash"): Allowance(
        "circomlib's hash for whoever asks",
        ("Ok(Field(poseidon::hash(&inputs)))",),
    ),
    ("rust/bindings/src/interrupt.rs", "clock or randomness"): Allowance(
        "times the phases for the progress display",
        (
            "use std::time::{Duration, Instant};",
            "let start = Instant::now();",
        ),
    ),
    ("rust/bindings/src/interrupt.rs", "float"): Allowance(
        "seconds of a phase, for the progress display",
        ("pub type Event = (&'static str, f64);",),
    ),
    ("rust/core/src/account.rs", "untagged hash"): Allowance(
        "an owner, H_4, compared with the leaf's word only",
        ("poseidon::hash(&[self.key.x, self.key.y, self.viewing_key, from_u64(u64::from(self.subaccount))])",),
    ),
    ("rust/core/src/eddsa.rs", "reduced silently"): Allowance(
        "digests and the secret scalar, of which the residue is what is meant",
        (
            "Self { scalar: Scalar::from_le_bytes_mod_order(&secret), nonce_seed, public_key: base8_times(&eighth).affine() }",
            "let nonce = Scalar::from_le_bytes_mod_order(&blake512(&nonce_input));",
            "let s = nonce + Scalar::from_le_bytes_mod_order(&field::to_le_bytes(&h)) * self.scalar;",
        ),
    ),
    ("rust/core/src/eddsa.rs", "untagged hash"): Allowance(
        "EdDSA's challenge as circomlib has it; its only H_5",
        ("poseidon::hash(&[r8.x, r8.y, public_key.x, public_key.y, message])",),
    ),
    ("rust/core/src/exit.rs", "reduced silently"): Allowance(
        "160 bits",
        ("F::from_be_bytes_mod_order(bytes)",),
    ),
    ("rust/core/src/order.rs", "reduced silently"): Allowance(
        "160 bits",
        ("F::from_be_bytes_mod_order(&self.recipient)",),
    ),
    ("rust/core/src/order.rs", "untagged hash"): Allowance(
        "an order, H_4; its third element is at least 2¹⁶¹ and the only thing signed that way",
        ("poseidon::hash(&[domain, self.fields(), tagged, self.salt])",),
    ),
    ("rust/core/src/poseidon.rs", "sponge without padding"): Allowance(
        "the hash and the tagged sponge themselves",
        (
            "permute(&mut state[..width]);",
            "permute(&mut state);",
        ),
    ),
    ("rust/core/src/risk.rs", "untagged hash"): Allowance(
        "a node of the risk tree, whose root is the epoch's",
        ("level.chunks(ARITY).map(poseidon::hash).collect()",),
    ),
    ("rust/core/src/seal.rs", "reduced silently"): Allowance(
        "the domain: a hash",
        ("F::from_be_bytes_mod_order(&keccak256(&preimage))",),
    ),
    ("rust/core/src/transcript.rs", "reduced silently"): Allowance(
        "a challenge: a hash",
        ("F::from_be_bytes_mod_order(&keccak256_of(&[hash, &word(number)]))",),
    ),
    ("rust/core/src/transcript.rs", "untagged hash"): Allowance(
        "the sums, seven, which no other H_7 is of",
        ("poseidon::hash(&[margin, positions, trades, lookups, fees, product, salt])",),
    ),
    ("rust/core/src/tree.rs", "untagged hash"): Allowance(
        "a node of the state tree, of fixed depth: a leaf, a sponge, never stands for a node",
        (
            "nodes[height] = poseidon::hash(&[nodes[height - 1]; ARITY]);",
            "node = poseidon::hash(children);",
            "let hash = poseidon::hash(&inner.hashes);",
        ),
    ),
    ("rust/core/src/witness.rs", "untagged hash"): Allowance(
        "the root of the state tree",
        ("top.map_or(cleared.end_root, |children| poseidon::hash(children))",),
    ),
}

COMMENT_OR_STRING = {
    ".rs": re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\])*"', re.DOTALL),
    ".sol": re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\])*"', re.DOTALL),
    ".py": re.compile(r'"""(?:\\.|.)*?"""|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL),
}
UNFINISHED_IN_COMMENT = re.compile(r"\b(?:TODO|FIXME|XXX)\b")
UNIT_TESTS = re.compile(r"^#\[cfg\(test\)\]\s*(?:#\[[^\]]*\]\s*)*mod\b[^;{]*\{.*?^\}$", re.MULTILINE | re.DOTALL)


def blank(match: re.Match[str]) -> str:
    """Removes a comment or string; keeps line breaks, so that line numbers hold, and a comment's marks of unfinished work."""
    text = match.group()
    marks = UNFINISHED_IN_COMMENT.findall(text) if text.startswith("/") else []
    return " ".join(marks) + "\n" * text.count("\n")


def code_of(path: Path, text: str) -> str:
    """What of a source file is compiled into what ships (or, of a test file, runs), on the lines where it stands."""
    if path.suffix == ".rs":
        text = UNIT_TESTS.sub(lambda tests: "\n" * tests.group().count("\n"), text)
    return COMMENT_OR_STRING[path.suffix].sub(blank, text)


def files_of(rule: Rule, root: Path) -> list[Path]:
    """The files below `root` that a rule concerns."""
    return sorted({path for glob in rule.globs for path in root.glob(glob)} - {Path(__file__).resolve()})


def uses(root: Path) -> Iterator[Use]:
    """Every use of every banned call below `root`."""
    for rule in RULES:
        for path in files_of(rule, root):
            text = path.read_text(encoding="utf-8")
            code, lines = code_of(path, text), text.split("\n")
            for line in sorted({code.count("\n", 0, match.start()) + 1 for match in rule.pattern.finditer(code)}):
                yield Use(path.relative_to(root).as_posix(), line, rule, lines[line - 1].strip())


def complaints(root: Path) -> list[str]:
    """What is banned and not allowed, and what is allowed and no longer there."""
    left = Counter((path, rule, text) for (path, rule), entry in ALLOWED.items() for text in entry.lines)
    new = []
    for use in uses(root):
        place = (use.path, use.rule.name, use.text)
        if left[place] == 0:
            new.append(f"{use.path}:{use.line}: {use.rule.name}: {use.rule.why}")
        left[place] -= left[place] > 0
    stale = [f"{path}: {rule}: no longer there, take it out of ALLOWED: {text}" for path, rule, text in left.elements()]
    return new + sorted(stale)


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
