"""The check of banned calls finds what it is for: a planted use, and an allowance that outlived its reason."""

from pathlib import Path

import pytest

from tests import check_banned_calls as check


def plant(root: Path, path: str, text: str) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(check, "ALLOWED", {})
    return tmp_path


@pytest.mark.parametrize(
    ("path", "text", "rule"),
    [
        ("circuits/src/a.rs", "let p = G1::new_unchecked(x, y);", "unchecked point"),
        ("circuits/src/a.rs", "deserialize_with_mode(r, Compress::No, Validate::No)", "unchecked point"),
        ("circuits/src/a.rs", "let bits = x.to_non_unique_bits_le()?;", "aliased bits"),
        ("circuits/src/a.rs", "x.enforce_cmp(&y, Less, false)?;", "costly comparison"),
        ("circuits/src/a.rs", "x.enforce_cmp_unchecked(&y)?;", "unchecked point"),
        ("circuits/src/a.rs", "if x.is_cmp(&y)? {", "costly comparison"),
        ("circuits/src/a.rs", "omit_range_check(&x)", "aliased bits"),
        ("circuits/src/a.rs", 'let y = b.witness(\n    "y",\n    x.value() + one,\n);', "rewitnessed value"),
        ("circuits/src/a.rs", 'let honest = x.value();\nlet y = ranged(b, "y", honest, 8);', "rewitnessed value"),
        ("circuits/src/a.rs", "let all = wires.iter().map(Lc::value);", "rewitnessed value"),
        ("circuits/src/a.rs", 'let y = b.divide("y", &x, &z);', "free quotient"),
        ("circuits/src/a.rs", '#[cfg(feature = "fast")]\nb.zero("x", &x);', "conditional row"),
        ("circuits/src/a.rs", 'if cfg!(debug_assertions) { b.zero("x", &x) }', "conditional row"),
        ("circuits/src/a.rs", 'shape.matrices(&RowFilter::dropping(["fill"]))', "check left out"),
        ("circuits/src/a.rs", 'b.override_witness("fill", 0, |_| one);', "check left out"),
        ("rust/bindings/src/a.rs", "Options { skip_check: true, ..options }", "check left out"),
        ("rust/core/src/a.rs", "PoseidonSponge::new(&config)", "sponge without padding"),
        ("circuits/src/a.rs", "let state = poseidon::absorb(b, &mut state, block);", "sponge without padding"),
        ("rust/core/src/a.rs", "permute(&mut state);", "sponge without padding"),
        ("rust/core/src/a.rs", "let root = poseidon::hash(&[left, right]);", "untagged hash"),
        ("rust/core/src/a.rs", "F::from_le_bytes_mod_order(&sent)", "reduced silently"),
        ("circuits/src/a.rs", "StdRng::seed_from_u64(7)", "predictable randomness"),
        ("rust/core/src/a.rs", "fn price(x: f64) {}", "float"),
        ("rust/core/src/a.rs", "use std::collections::HashMap;", "unordered iteration"),
        ("rust/core/src/a.rs", "let now = Instant::now();", "clock or randomness"),
        ("rust/core/src/a.rs", 'println!("{x}");', "input or output"),
        ("rust/core/tests/a.rs", "#[ignore]", "unfinished or skipped"),
        ("prover/a.py", "x = 1  # TODO later", "unfinished or skipped"),
        ("prover/a.py", "np.load(path, allow_pickle=True)", "code from data"),
    ],
)
def test_a_planted_use_is_found(root: Path, path: str, text: str, rule: str) -> None:
    plant(root, path, text)
    assert rule in {use.rule.name for use in check.uses(root)}


def test_every_rule_has_a_planted_use_and_files_to_look_at() -> None:
    (parameters,) = (mark.args[1] for mark in test_a_planted_use_is_found.pytestmark)  # type: ignore[attr-defined]
    assert {rule for _, _, rule in parameters} == {rule.name for rule in check.RULES}
    for rule in check.RULES:
        assert len(check.files_of(rule, check.ROOT)) >= 10, rule.name


def test_comments_strings_and_unit_tests_do_not_count(root: Path) -> None:
    tests = "#[cfg(test)]\nmod tests {\n    fn f(x: f64) {}\n}\n"
    plant(root, "rust/core/src/a.rs", '// no f64 here\nlet s = "HashMap";\n' + tests)
    assert check.complaints(root) == []


def test_the_complaint_names_file_and_line(root: Path) -> None:
    plant(root, "rust/core/src/a.rs", "\n/* two\nlines */\nlet x: f64 = y;\n")
    (line,) = check.complaints(root)
    assert line.startswith("rust/core/src/a.rs:4: float")


def test_code_behind_the_unit_tests_counts(root: Path) -> None:
    plant(root, "rust/core/src/a.rs", "#[cfg(test)]\nmod tests {\n    fn f(x: f64) {}\n}\nfn g(x: f32) {}\n")
    (line,) = check.complaints(root)
    assert line.startswith("rust/core/src/a.rs:5: float")


ALLOWANCE = {("rust/core/src/a.rs", "float"): check.Allowance("a reason", ("let x: f64 = y;",))}


def test_one_use_more_than_allowed_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "ALLOWED", ALLOWANCE)
    plant(root, "rust/core/src/a.rs", "let x: f64 = y;\n")
    assert check.complaints(root) == []
    plant(root, "rust/core/src/a.rs", "let x: f64 = y;\nlet x: f64 = y;\n")
    (line,) = check.complaints(root)
    assert line.startswith("rust/core/src/a.rs:2: float")


def test_another_line_in_the_place_of_an_allowed_one_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "ALLOWED", ALLOWANCE)
    plant(root, "rust/core/src/a.rs", "let x: f64 = z;\n")
    new, stale = check.complaints(root)
    assert new.startswith("rust/core/src/a.rs:1: float")
    assert "no longer there" in stale


def test_an_allowance_that_no_longer_holds_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "ALLOWED", ALLOWANCE)
    (line,) = check.complaints(root)
    assert "no longer there" in line


def test_every_allowance_has_a_reason() -> None:
    assert all(entry.why and entry.lines for entry in check.ALLOWED.values())
