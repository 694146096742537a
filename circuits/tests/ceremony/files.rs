//! A ceremony's folder: each step a file, nothing replaced, a kill leaves what was there, and files that do not continue each other
//! are told.

use std::fs;

use tacit_circuits::ceremony::Folder;
use tacit_circuits::error::Error;

use crate::support::{begun, contributed, fault, folder, power_circuit, powers};

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
