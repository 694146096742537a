//! Keys, manifests and pins as files: one encoding, all checks of the lint in force, memory bounded by the file.

use std::fmt::Display;

use tacit_circuits::error::{KeyError, ProveError};
use tacit_circuits::fingerprint::{Fingerprint, Pin, Pins};
use tacit_circuits::keyfile::{
    FileEntry, Manifest, Origin, parse_proving_key, parse_verifying_key, proving_key_bytes, verifying_key_bytes,
};
use tacit_circuits::keys::{ProvingKey, VerifyingKey};
use tacit_circuits::matrices::Matrices;
use tacit_circuits::proof::{Blinding, Options, prove, verify};

use super::{says_why, seed};
use crate::input::{Input, edited};
use crate::material::{power_key, power_wires};

/// Where the parts of a file lie: magic, fingerprint, α, β, γ, δ, number of points, points, then in a proving key β and δ in G1.
const FINGERPRINT: std::ops::Range<usize> = 16..48;
const ALPHA: usize = 48;
const GAMMA: usize = 240;
const COUNT: usize = 496;
const MATRICES_AFTER_POINTS: usize = 504 + 128;

pub(super) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    match input.below(7) {
        0 => verifying(input.rest()),
        1 => verifying(&edited(&verifying_key_bytes(&power_key().vk), &mut input)),
        2 => proving(input.rest()),
        3 => proving(&edited(&proving_key_bytes(power_key()), &mut input)),
        4 => {
            let mut bytes = edited(&proving_key_bytes(power_key()), &mut input);
            write_fingerprint(&mut bytes);
            proving(&bytes);
        }
        5 => text(input.rest(), Manifest::parse, Manifest::to_json),
        _ => text(input.rest(), Pins::parse, Pins::to_json),
    }
}

fn verifying(bytes: &[u8]) {
    match parse_verifying_key(bytes) {
        Ok(key) => {
            assert_eq!(verifying_key_bytes(&key), bytes, "a verifying key has two encodings");
            sound(&key);
        }
        Err(error) => says_why(&error),
    }
}

/// What must be true of a key that is used, looked at in its words.
fn sound(key: &VerifyingKey) {
    let words = key.to_words();
    assert!(words.gamma[..2] != words.delta[..2], "gamma is ±delta: anybody could prove anything");
    let inputs: Vec<_> = words.ic[1..].iter().map(|point| point[0]).collect();
    assert!(inputs.iter().enumerate().all(|(at, x)| !inputs[..at].contains(x)), "two inputs share a point");
    let zero = [[0; 32]; 4];
    assert!(words.alpha != zero[..2] && words.ic.iter().all(|point| *point != zero[..2]), "a point is the identity");
    assert!([words.beta, words.gamma, words.delta].iter().all(|point| *point != zero), "a point is the identity");
}

fn proving(bytes: &[u8]) {
    match parse_proving_key(bytes) {
        Ok(key) => {
            assert_eq!(proving_key_bytes(&key), bytes, "a proving key has two encodings");
            assert_eq!(Fingerprint::of(&key.matrices), key.vk.fingerprint);
            assert!(key.bytes() <= 8 * bytes.len() + 4_096, "{} bytes make a key of {}", bytes.len(), key.bytes());
            sound(&key.vk);
            proves_or_says_why(&key);
        }
        Err(error) => says_why(&error),
    }
}

/// A proof under a key that was read verifies, or is not made.
fn proves_or_says_why(key: &ProvingKey) {
    let wires = power_wires();
    let blinding = Blinding { r: wires[1], s: wires[2] };
    match prove(key, &wires, blinding, Options::default()) {
        Ok(proof) => assert_eq!(verify(&key.vk, &wires[1..=key.matrices.n_inputs], &proof), Ok(())),
        Err(ProveError::Cancelled) => panic!("nobody cancelled"),
        Err(error) => says_why(&error),
    }
}

/// Writes the fingerprint of the rows that stand in a proving key, so that it is not what refuses them.
fn write_fingerprint(bytes: &mut [u8]) {
    let Some(count) = bytes.get(COUNT..COUNT + 8) else { return };
    let count = u64::from_le_bytes(count.try_into().expect("eight bytes")) as usize;
    let start = count.checked_mul(64).and_then(|points| points.checked_add(MATRICES_AFTER_POINTS));
    let Some(mut rest) = start.and_then(|start| bytes.get(start..)) else { return };
    let matrices = Matrices::decode(&mut |part: &mut [u8]| {
        let short = || KeyError::Malformed { part: "matrices", reason: "cut".into() };
        let (head, tail) = rest.split_at_checked(part.len()).ok_or_else(short)?;
        part.copy_from_slice(head);
        rest = tail;
        Ok(())
    });
    if let Ok(matrices) = matrices {
        bytes[FINGERPRINT].copy_from_slice(&Fingerprint::of(&matrices).0);
    }
}

/// A document that is read says the same again, but for white space and the order of names.
fn text<T, E: Display>(bytes: &[u8], read: impl Fn(&str) -> Result<T, E>, write: impl Fn(&T) -> String) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match read(text) {
        Ok(document) => {
            let parsed = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("it was read");
            assert_eq!(parsed(&write(&document)), parsed(text), "a document has two encodings");
        }
        Err(error) => says_why(&error),
    }
}

fn manifest() -> Manifest {
    let entry = |file: &str| FileEntry { file: file.into(), bytes: 5, sha256: "ab".repeat(32) };
    Manifest {
        schema: 1,
        circuit: "segment".into(),
        params: "dev".into(),
        fingerprint: Fingerprint([7; 32]),
        constraints: 6,
        wires: 8,
        inputs: 2,
        origin: Origin::Development,
        proving_key: entry("segment.pk"),
        verifying_key: entry("segment.vk"),
        tool_version: "0.1.0".into(),
    }
}

pub(super) fn seeds() -> Vec<(String, Vec<u8>)> {
    let key = power_key();
    let ceremony = Manifest { origin: Origin::Ceremony { transcript: [9; 32] }, ..manifest() };
    let pins = Pins([("segment".to_owned(), Pin::of(&key.matrices))].into());
    let [alpha, gamma, delta] = [ALPHA, GAMMA, GAMMA + 128].map(|at| at as u16);
    let copy = |from: u16, to: u16, size: u8| [&[5][..], &to.to_le_bytes(), &from.to_le_bytes(), &[size]].concat();
    let number = |at: u16, value: u64| [&[4][..], &at.to_le_bytes(), &value.to_le_bytes()].concat();
    let matrices = (MATRICES_AFTER_POINTS + 3 * 64) as u16;
    // The largest domain there is: 2²⁷ points, 13 GB of roots.
    let many = |at: u16| number(at, (1 << 27) - 100);
    vec![
        seed("verifying key", 0, &verifying_key_bytes(&key.vk)),
        seed("verifying key unedited", 1, &[]),
        seed("gamma is delta", 1, &copy(delta, gamma, 4)),
        seed("alpha among the inputs", 1, &copy(alpha, COUNT as u16 + 8, 3)),
        seed("two inputs share a point", 1, &copy(COUNT as u16 + 72, COUNT as u16 + 136, 3)),
        seed("many points announced", 1, &number(COUNT as u16, u64::MAX)),
        seed("proving key", 2, &proving_key_bytes(key)),
        seed("proving key unedited", 3, &[]),
        seed("many inputs announced", 4, &many(matrices)),
        seed("many witnesses announced", 4, &many(matrices + 8)),
        seed("many rows announced", 4, &many(matrices + 16)),
        seed("a coefficient changed", 4, &[0, 44, 4, 1]),
        seed("manifest", 5, manifest().to_json().as_bytes()),
        seed("manifest of a ceremony", 5, ceremony.to_json().as_bytes()),
        seed("pins", 6, pins.to_json().as_bytes()),
    ]
}
