//! A ceremony's folder: each step a file, nothing replaced, a kill leaves what was there, and files that do not continue each other
//! are told.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};
use tacit_circuits::ceremony::{CeremonyError, Folder, Parts};
use tacit_circuits::error::Error;
use tacit_circuits::fingerprint::Fingerprint;

use crate::support::{begun, begun_with, contributed, fault, folder, other_circuit, power_circuit, powers};

#[test]
fn every_step_adds_a_file_and_the_last_is_read_back() {
    let files = Folder::of(&folder("steps"), "dev", "power");
    assert_eq!(fault(files.last()).expect_err("nothing there").name(), "NOT_BEGUN");
    let mut transcript = begun(&power_circuit(), &powers("steps", 3));
    for name in ["alice", "bob"] {
        files.add(&transcript).expect("a writable folder");
        contributed(&mut transcript, name);
    }
    let added = files.add(&transcript).expect("a writable folder");
    assert_eq!(files.numbers().expect("readable"), [0, 1, 2]);
    let last = files.last().expect("just written");
    assert_eq!((last.path, last.hash, last.transcript), (added.path, added.hash, transcript.clone()));
    files.require_continuous(&transcript).expect("it continues its own beginnings");
}

#[test]
fn a_file_that_is_there_is_never_replaced() {
    let files = Folder::of(&folder("replaced"), "dev", "power");
    let mut mine = begun(&power_circuit(), &powers("replaced", 3));
    let mut theirs = mine.clone();
    contributed(&mut mine, "alice");
    contributed(&mut theirs, "bob");
    let first = files.add(&mine).expect("a writable folder");
    let refused = files.add(&theirs).expect_err("alice was first");
    assert!(matches!(refused, Error::File { .. }), "{refused}");
    assert_eq!(files.last().expect("alice's").hash, first.hash);
    assert_eq!(fs::read_dir(files.path()).expect("readable").count(), 1, "nothing is left behind");
}

#[test]
fn what_a_killed_step_leaves_is_not_taken_for_a_transcript() {
    let files = Folder::of(&folder("killed"), "dev", "power");
    let mut transcript = begun(&power_circuit(), &powers("killed", 3));
    files.add(&transcript).expect("a writable folder");
    contributed(&mut transcript, "alice");
    let half = transcript.encode();
    fs::write(files.path().join(".4711.tmp"), &half[..half.len() / 2]).expect("a writable folder");
    assert_eq!(files.last().expect("the first").transcript.records.len(), 0);
    files.add(&transcript).expect("the step again");
    assert_eq!(files.last().expect("the second").transcript.records.len(), 1);
}

#[test]
fn files_that_do_not_continue_each_other_are_told() {
    let files = Folder::of(&folder("continues"), "dev", "power");
    let mut mine = begun(&power_circuit(), &powers("continues", 3));
    let mut theirs = mine.clone();
    files.add(&mine).expect("a writable folder");
    contributed(&mut mine, "alice");
    files.add(&mine).expect("a writable folder");
    // Somebody goes on without alice.
    contributed(&mut theirs, "bob");
    contributed(&mut theirs, "carol");
    files.add(&theirs).expect("a writable folder");
    let refused = fault(files.require_continuous(&theirs)).expect_err("alice is missing");
    assert_eq!(refused.name(), "NOT_CONTINUOUS");
    assert!(refused.to_string().contains("0001.transcript"), "{refused}");
}

#[test]
fn a_file_under_anothers_number_is_told() {
    let files = Folder::of(&folder("number"), "dev", "power");
    let transcript = begun(&power_circuit(), &powers("number", 3));
    let stored = files.add(&transcript).expect("a writable folder");
    fs::copy(&stored.path, files.path().join("0007.transcript")).expect("a writable folder");
    assert_eq!(fault(files.last()).expect_err("it has none").name(), "NOT_CONTINUOUS");
}

#[test]
fn a_beginning_that_was_killed_goes_on_with_the_parts_it_has() {
    let (dir, powers) = (folder("parts"), powers("parts", 3));
    let parts = Parts::beside(&Folder::of(&dir, "dev", "power"));
    let kept = dir.join("dev").join("power").join("parts");
    let whole = begun_with(&power_circuit(), &powers, &parts).expect("a small circuit");
    assert_eq!(whole, begun(&power_circuit(), &powers));
    let names = |at: &Path| -> BTreeSet<String> {
        let entries = fs::read_dir(at).expect("readable");
        entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into()).collect()
    };
    let all = names(&kept);
    assert_eq!(all.len(), 5, "{all:?}");
    for name in &all {
        // Not yet written, and cut off by another program than ours: made again. The others are taken as they are.
        let path = kept.join(name);
        let good = fs::read(&path).expect("readable");
        fs::write(&path, &good[..good.len() - 1]).expect("a writable folder");
        assert_eq!(begun_with(&power_circuit(), &powers, &parts).as_ref(), Ok(&whole), "{name}");
        assert_eq!(fs::read(&path).expect("readable"), good);
        fs::remove_file(&path).expect("there");
        assert_eq!(begun_with(&power_circuit(), &powers, &parts).as_ref(), Ok(&whole), "{name}");
    }
    assert_eq!(names(&kept), all);
}

#[test]
fn parts_of_another_circuit_or_of_other_powers_are_not_taken() {
    let (dir, mine, others) = (folder("other parts"), powers("my parts", 3), powers("other parts", 8));
    let parts = Parts::beside(&Folder::of(&dir, "dev", "power"));
    begun_with(&other_circuit(), &mine, &parts).expect("a small circuit");
    assert_eq!(begun_with(&power_circuit(), &mine, &parts), Ok(begun(&power_circuit(), &mine)));
    assert_eq!(begun_with(&power_circuit(), &others, &parts), Ok(begun(&power_circuit(), &others)));
}

#[test]
fn parts_that_somebody_made_up_are_found_out_and_removed() {
    let (dir, powers) = (folder("forged parts"), powers("forged parts", 3));
    let parts = Parts::beside(&Folder::of(&dir, "dev", "power"));
    let kept = dir.join("dev").join("power").join("parts");
    begun_with(&power_circuit(), &powers, &parts).expect("a small circuit");
    let path = kept.join("quotient.part");
    let mut bytes = fs::read(&path).expect("readable").split_off(32);
    let (first, rest) = bytes.split_at_mut(64);
    first.swap_with_slice(&mut rest[..64]);
    let mut subject = Vec::new();
    for name in ["dev", "power"] {
        subject.push(name.len() as u8);
        subject.extend(name.as_bytes());
    }
    subject.extend(Fingerprint::of(&power_circuit()).0);
    subject.extend(powers.hash);
    let seal = Sha256::new().chain_update(b"tacit ceremony part 1\0").chain_update(subject).chain_update(b"quotient");
    let seal: [u8; 32] = seal.chain_update(&bytes).finalize().into();
    fs::write(&path, [seal.as_slice(), &bytes].concat()).expect("a writable folder");
    let refused = begun_with(&power_circuit(), &powers, &parts).expect_err("two points exchanged");
    assert_eq!(refused, CeremonyError::WrongQuery { query: "h" });
    assert!(!kept.exists());
    begun_with(&power_circuit(), &powers, &parts).expect("made again");
}
