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
        ("circuits/src/a.rs", 'let y = b.witness(\n    "y",\n    x.value() + one,\n);', "rewitnessed value"),
        ("rust/core/src/a.rs", "PoseidonSponge::new(&config)", "sponge without padding"),
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


def test_comments_strings_and_unit_tests_do_not_count(root: Path) -> None:
    plant(
        root, "rust/core/src/a.rs", '// no f64 here\nlet s = "HashMap";\n#[cfg(test)]\nmod tests { fn f(x: f64) {} }\n'
    )
    assert check.complaints(root) == []


def test_the_complaint_names_file_and_line(root: Path) -> None:
    plant(root, "rust/core/src/a.rs", "\n/* two\nlines */\nlet x: f64 = y;\n")
    (line,) = check.complaints(root)
    assert line.startswith("rust/core/src/a.rs:4: float")


def test_one_use_more_than_allowed_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "ALLOWED", {("rust/core/src/a.rs", "float"): (1, "a reason")})
    plant(root, "rust/core/src/a.rs", "let x: f64 = y;\n")
    assert check.complaints(root) == []
    plant(root, "rust/core/src/a.rs", "let x: f64 = y as f64;\n")
    assert len(check.complaints(root)) == 2


def test_an_allowance_that_no_longer_holds_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "ALLOWED", {("rust/core/src/a.rs", "float"): (1, "a reason")})
    (line,) = check.complaints(root)
    assert "stands there 0 times" in line
