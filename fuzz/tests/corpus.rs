//! Every input of the corpora, valid things and what fuzzing has found, holds its target's promises; so does each one nearby.

use std::fs;
use std::path::{Path, PathBuf};

use tacit_fuzz::TARGETS;

/// What all targets together may take, in KiB: no input is longer than some kilobytes, so much more comes from a count that lied.
const MEMORY: u64 = 1 << 20;
const MOST_FILES: usize = 40;
const LONGEST: usize = 8_192;

fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("no corpus {}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.expect("a readable folder").path());
    let mut files: Vec<_> = paths.map(|path| (path.clone(), fs::read(path).expect("a readable file"))).collect();
    files.sort();
    files
}

#[test]
fn every_corpus_is_there_and_small() {
    for target in TARGETS {
        let files = corpus(target.name);
        assert!((5..=MOST_FILES).contains(&files.len()), "{} has {} files", target.name, files.len());
        assert!(files.iter().all(|(_, bytes)| bytes.len() <= LONGEST), "{} has a large file", target.name);
    }
}

#[test]
fn every_seed_stands_in_its_corpus() {
    for target in TARGETS {
        let files = corpus(target.name);
        for (name, bytes) in (target.seeds)() {
            let there = files.iter().any(|(_, file)| *file == bytes);
            assert!(there, "{}: seed `{name}` is missing: run the example `seeds`", target.name);
        }
    }
}

#[test]
fn the_corpora_hold_every_promise_within_bounded_memory() {
    let mut broken = Vec::new();
    for target in TARGETS {
        for (path, bytes) in corpus(target.name) {
            let held = std::panic::catch_unwind(|| (target.body)(&bytes));
            broken.extend(held.is_err().then_some(path));
        }
    }
    assert!(broken.is_empty(), "these break a promise, as said above: {broken:#?}");
    if let Some(peak) = peak_memory() {
        assert!(peak < MEMORY, "the corpora took {peak} KiB");
    }
}

/// The greatest resident size of this process so far, in KiB, where the system tells.
fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
