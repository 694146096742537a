//! What the attacks of this suite met, written down while they run: the rows that refused each dishonest witness, by check and by place
//! in the source. `python -m tests.assurance` reads the records of a whole run and makes `docs/assurance.md` and the deletion score of
//! them, so that neither can claim what no test has seen.
//!
//! Records go to the folder that the environment variable `TACIT_RECORDS` names, one file a test program; without it nothing is written.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};

use serde_json::{Value, json};
use tacit_circuits::builder::{Builder, Place, Violation};

/// The rows of one check that one call in the source writes: what a deletion leaves out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unit {
    /// "segment", "closing" or "gadget", a circuit of a gadget's test.
    pub circuit: &'static str,
    /// Name of the check.
    pub check: &'static str,
    /// The call.
    pub place: Place,
}

impl Unit {
    fn json(&self) -> Value {
        json!([self.circuit, self.check, self.place.to_string()])
    }
}

/// The units that violations belong to.
pub fn units(circuit: &'static str, violations: &[Violation]) -> BTreeSet<Unit> {
    violations.iter().map(|v| Unit { circuit, check: v.check, place: v.place }).collect()
}

/// All units of a circuit that was built in rows mode, with their rows.
pub fn units_of(circuit: &'static str, b: &Builder) -> Vec<(Unit, Vec<usize>)> {
    let mut found: std::collections::BTreeMap<Unit, Vec<usize>> = std::collections::BTreeMap::new();
    for row in 0..b.n_rows() {
        let (check, _) = b.row_name(row).expect("built in rows mode");
        let place = b.row_place(row).expect("built in rows mode");
        found.entry(Unit { circuit, check, place }).or_default().push(row);
    }
    found.into_iter().collect()
}

/// A witness that the running test insists is refused: by the rows of these units and, outside the circuits, by these others (differing
/// public inputs, the contract). One that nothing refuses is not recorded.
pub fn refusal(refused: &BTreeSet<Unit>, others: &BTreeSet<&'static str>) {
    if !(refused.is_empty() && others.is_empty()) {
        let refused: Vec<Value> = refused.iter().map(Unit::json).collect();
        write(&json!({ "kind": "refusal", "refused": refused, "others": others }));
    }
}

/// All units of a circuit: what a deletion score counts.
pub fn inventory(circuit: &'static str, b: &Builder) {
    let all: Vec<Value> = units_of(circuit, b).iter().map(|(unit, rows)| json!([unit.json(), rows.len()])).collect();
    write(&json!({ "kind": "inventory", "circuit": circuit, "units": all }));
}

/// Without its rows a wire that was determined is free to first order.
pub fn freed(unit: &Unit, wires: &BTreeSet<String>) {
    write(&json!({ "kind": "freed", "unit": unit.json(), "wires": wires }));
}

/// A line of a table of the document, after its test has held.
pub fn line(table: &str, cells: &[&str]) {
    write(&json!({ "kind": "line", "table": table, "cells": cells }));
}

/// Name of this test program and of the running test.
fn test() -> String {
    let program = std::env::current_exe().expect("a running program has a path");
    let program = program.file_stem().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    // Cargo appends a hash to the name of a test program.
    let program = program.rsplit_once('-').map_or(program.as_str(), |(name, _)| name);
    format!("{program}::{}", std::thread::current().name().unwrap_or("(a thread of its own)"))
}

fn write(record: &Value) {
    static FILE: OnceLock<Option<Mutex<File>>> = OnceLock::new();
    let open = || {
        let folder = PathBuf::from(std::env::var_os("TACIT_RECORDS")?);
        std::fs::create_dir_all(&folder).expect("the folder of TACIT_RECORDS can be made");
        let name = test();
        let program = name.split("::").next().expect("a split has a first part");
        let file = File::create(folder.join(format!("{program}.jsonl"))).expect("a record can be written");
        Some(Mutex::new(file))
    };
    if let Some(file) = FILE.get_or_init(open) {
        let mut record = record.clone();
        record["test"] = json!(test());
        let mut file = file.lock().expect("no writer stops half-way");
        writeln!(file, "{record}").expect("a record can be written");
    }
}
