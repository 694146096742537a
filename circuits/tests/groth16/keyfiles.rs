//! Keys as files: what is refused, and that a failure leaves the old files.

use std::fs;
use std::path::{Path, PathBuf};

use tacit_circuits::error::{Error, KeyError};
use tacit_circuits::fingerprint::Fingerprint;
use tacit_circuits::keyfile::{
    Manifest, Origin, load_manifest, load_proving_key, load_verifying_key, parse_proving_key, parse_verifying_key,
    proving_key_bytes, save, verifying_key_bytes,
};
use tacit_circuits::proof::verify;

use crate::{power_keys, power_wires, proof_of, square_keys};

/// A new, empty folder of this name.
fn folder(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if dir.exists() {
        fs::remove_dir_all(&dir).expect("an old test's folder");
    }
    dir
}

fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).expect("the folder is there");
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into()).collect();
    names.sort();
    names
}

#[test]
fn saved_keys_prove_and_verify_after_loading() {
    let dir = folder("saved");
    let (pk, vk) = power_keys();
    let manifest = save(&dir, "power", "dev", &pk, Origin::Development).expect("a writable folder");
    assert_eq!(names(&dir), ["power.json", "power.pk", "power.vk"]);
    assert_eq!(load_manifest(&dir, "power").expect("just written"), manifest);
    assert_eq!((manifest.constraints, manifest.wires, manifest.inputs), (6, 8, 2));
    let loaded = load_proving_key(&dir, "power", Some(vk.fingerprint)).expect("just written");
    let loaded_vk = load_verifying_key(&dir, "power", Some(vk.fingerprint)).expect("just written");
    let wires = power_wires(11, false);
    assert_eq!(verify(&loaded_vk, &wires[1..3], &proof_of(&loaded, &wires)), Ok(()));
    assert_eq!(proving_key_bytes(&loaded), proving_key_bytes(&pk));
}

#[test]
fn a_key_of_another_circuit_is_refused_with_both_fingerprints() {
    let dir = folder("another");
    let ((pk, vk), (_, square_vk)) = (power_keys(), square_keys());
    save(&dir, "power", "dev", &pk, Origin::Development).expect("a writable folder");
    let error =
        load_proving_key(&dir, "power", Some(square_vk.fingerprint)).expect_err("the wrong circuit").to_string();
    assert!(
        error.contains(&vk.fingerprint.to_string()) && error.contains(&square_vk.fingerprint.to_string()),
        "{error}"
    );
    assert!(load_verifying_key(&dir, "power", Some(square_vk.fingerprint)).is_err());
    assert!(pk.require_circuit(square_vk.fingerprint).is_err());
}

#[test]
fn a_changed_byte_of_either_file_is_refused_by_its_hash() {
    let dir = folder("changed");
    let (pk, _) = power_keys();
    save(&dir, "power", "dev", &pk, Origin::Development).expect("a writable folder");
    for file in ["power.pk", "power.vk"] {
        let mut bytes = fs::read(dir.join(file)).expect("just written");
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        fs::write(dir.join(file), bytes).expect("a writable folder");
    }
    let wrong = |error: Error| matches!(error, Error::Key(KeyError::WrongHash { .. }));
    assert!(load_proving_key(&dir, "power", None).is_err_and(wrong));
    assert!(load_verifying_key(&dir, "power", None).is_err_and(wrong));
}

#[test]
fn no_changed_or_missing_byte_of_a_verifying_key_gives_the_same_key_or_a_panic() {
    let (_, vk) = power_keys();
    let good = verifying_key_bytes(&vk);
    assert_eq!(parse_verifying_key(&good), Ok(vk.clone()));
    for at in 0..good.len() {
        assert!(parse_verifying_key(&good[..at]).is_err(), "{at} bytes");
        let mut bytes = good.clone();
        bytes[at] ^= 0x41;
        assert!(parse_verifying_key(&bytes).is_err() || (16..48).contains(&at), "byte {at}");
    }
    assert!(parse_verifying_key(&[good.as_slice(), &[0]].concat()).is_err());
}

#[test]
fn no_changed_or_missing_byte_of_a_proving_key_gives_a_panic() {
    let (pk, _) = power_keys();
    let good = proving_key_bytes(&pk);
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 0x41;
        assert!(parse_proving_key(&bytes).is_err(), "byte {at}");
        assert!(parse_proving_key(&good[..at]).is_err(), "{at} bytes");
    }
}

#[test]
fn room_is_made_for_no_more_inputs_than_a_key_has_bytes_for() {
    let (pk, _) = power_keys();
    let mut lying = pk.clone();
    // The largest domain that there is: its roots would take 13 GB.
    lying.matrices.n_inputs = (1 << 27) - 100;
    lying.vk.fingerprint = Fingerprint::of(&lying.matrices);
    let refused = parse_proving_key(&proving_key_bytes(&lying)).expect_err("a key of a kilobyte");
    assert_eq!(refused, KeyError::Malformed { part: "h", reason: "the file ends too early".to_owned() });
}

#[test]
fn matrices_that_are_not_the_fingerprints_are_refused() {
    let ((pk, vk), (square, _)) = (power_keys(), square_keys());
    let mut mixed = pk.clone();
    mixed.matrices = square.matrices.clone();
    let found = vk.fingerprint;
    let refused = parse_proving_key(&proving_key_bytes(&mixed)).expect_err("two circuits in one key");
    assert_eq!(refused, KeyError::WrongCircuit { expected: Fingerprint::of(&square.matrices), found });
}

#[test]
fn a_failure_to_write_leaves_the_old_files_and_nothing_else() {
    let dir = folder("failure");
    let ((pk, _), (square, _)) = (power_keys(), square_keys());
    let manifest = save(&dir, "power", "dev", &pk, Origin::Development).expect("a writable folder");
    let blocked = dir.join(format!(".power.json.{}.tmp", std::process::id()));
    fs::create_dir(&blocked).expect("a writable folder");
    let error = save(&dir, "power", "dev", &square, Origin::Development).expect_err("the manifest cannot be written");
    assert!(error.to_string().contains("power.json"), "{error}");
    fs::remove_dir(&blocked).expect("empty");
    assert_eq!(names(&dir), ["power.json", "power.pk", "power.vk"]);
    assert_eq!(load_manifest(&dir, "power").expect("the old one"), manifest);
    assert!(load_proving_key(&dir, "power", Some(pk.vk.fingerprint)).is_ok());
}

#[test]
fn a_missing_file_is_named() {
    let dir = folder("missing");
    let error = load_proving_key(&dir, "power", None).expect_err("there is nothing").to_string();
    assert!(error.contains("power.json"), "{error}");
}

#[test]
fn a_manifest_says_where_the_randomness_is_from_and_takes_no_other_words() {
    let dir = folder("origin");
    let (pk, _) = power_keys();
    let manifest = save(&dir, "power", "dev", &pk, Origin::Development).expect("a writable folder");
    let text = manifest.to_json();
    assert!(text.contains("\"origin\": \"development, INSECURE\""), "{text}");
    let ceremony = Manifest { origin: Origin::Ceremony { transcript: [0xab; 32] }, ..manifest };
    assert_eq!(Manifest::parse(&ceremony.to_json()), Ok(ceremony));
    for (from, to) in [("development, INSECURE", "secure"), ("\"schema\": 1", "\"schema\": 2"), ("wires", "wirez")] {
        assert!(Manifest::parse(&text.replace(from, to)).is_err(), "{to}");
    }
}

#[test]
fn a_manifest_cannot_point_outside_its_folder() {
    let dir = folder("outside");
    let (pk, _) = power_keys();
    let mut manifest = save(&dir, "power", "dev", &pk, Origin::Development).expect("a writable folder");
    manifest.verifying_key.file = "../outside/power.vk".to_owned();
    fs::write(dir.join("power.json"), manifest.to_json()).expect("a writable folder");
    let malformed = |error: Error| matches!(error, Error::Key(KeyError::Malformed { part: "manifest", .. }));
    assert!(load_verifying_key(&dir, "power", None).is_err_and(malformed));
}
