//! EdDSA: accepts what circomlib accepts, refuses what it refuses.

use serde_json::Value;
use tacit_circuits::builder::{Builder, Lc};
use tacit_circuits::gadgets::eddsa::{PreparedKey, verify};
use tacit_core::babyjub::Point;
use tacit_core::eddsa::Signature;
use tacit_core::field::{self, F};

use crate::violated;

struct Case {
    key: Point,
    message: F,
    signature: Signature,
}

fn cases(list: &str) -> Vec<Case> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/external/eddsa_poseidon_babyjub.json");
    let file: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    file[list].as_array().unwrap().iter().map(case).collect()
}

fn case(vector: &Value) -> Case {
    let number = |value: &Value| field::parse(value.as_str().unwrap()).unwrap();
    let point = |value: &Value| Point { x: number(&value[0]), y: number(&value[1]) };
    let s = field::parse_integer(vector["S"].as_str().unwrap()).unwrap();
    Case {
        key: point(&vector["A"]),
        message: number(&vector["msg"]),
        signature: Signature { r8: point(&vector["R8"]), s },
    }
}

fn build(b: &mut Builder, case: &Case, live: bool) {
    let live = b.boolean("live", live);
    let (x, y) = (b.witness("x", case.key.x), b.witness("y", case.key.y));
    let message = b.witness("message", case.message);
    let key = PreparedKey::new(b, &x, &y, &live);
    verify(b, &key, &message, &case.signature, &live);
}

#[test]
fn every_external_signature_is_accepted() {
    for case in cases("vectors") {
        let refused = violated(|b| build(b, &case, true));
        assert!(refused.is_empty(), "{refused:?}");
    }
}

#[test]
fn every_external_non_signature_is_refused() {
    for case in cases("negative") {
        let refused = violated(|b| build(b, &case, true));
        assert!(!refused.is_empty());
    }
}

#[test]
fn rows_are_as_stated() {
    let case = &cases("vectors")[0];
    let mut b = Builder::rows();
    build(&mut b, case, true);
    println!("{:?}", b.counts());
    let _ = Lc::zero();
}
