//! Keys of a ceremony: they prove and verify, their files say where they are from, and other files are told apart.

use std::fs;
use std::path::Path;

use ark_bn254::Fr;
use tacit_circuits::ceremony::{Folder, Powers, Stored, Watch, finalize};
use tacit_circuits::keyfile::{Manifest, Origin, load_manifest, load_proving_key, load_verifying_key, save};
use tacit_circuits::keys::setup;
use tacit_circuits::proof::{Blinding, Options, prove, verify};

use crate::support::{fault, folder, over, power_circuit, power_wires, powers, rng};

fn finished(name: &str) -> (Stored, Powers, std::path::PathBuf) {
    let dir = folder(name);
    let powers = powers(name, 3);
    let stored = Folder::of(&dir, "dev", "power").add(&over(&power_circuit(), &powers)).expect("a writable folder");
    let keys = dir.join("keys");
    finalize(&stored, power_circuit(), &powers, &keys, &mut rng(4), &Watch::none()).expect("a ceremony that is over");
    (stored, powers, keys)
}

fn lint(stored: &Stored, keys: &Path) -> Result<(), tacit_circuits::ceremony::CeremonyError> {
    fault(stored.transcript.lint_keys(stored.hash, power_circuit(), keys))
}

#[test]
fn keys_of_a_ceremony_prove_and_verify() {
    let (stored, _, keys) = finished("proves");
    let pk = load_proving_key(&keys, "power", None).expect("just written");
    let vk = load_verifying_key(&keys, "power", None).expect("just written");
    for (x, b) in [(11, false), (12, true), (0, true)] {
        let wires = power_wires(x, b);
        let proof = prove(&pk, &wires, Blinding::draw(&mut rng(x)), Options::default()).expect("a good assignment");
        assert_eq!(verify(&vk, &wires[1..3], &proof), Ok(()));
        assert!(verify(&vk, &[wires[1], wires[2] + Fr::from(1u64)], &proof).is_err());
    }
    let manifest = load_manifest(&keys, "power").expect("just written");
    assert_eq!(manifest.origin, Origin::Ceremony { transcript: stored.hash });
    assert_eq!((manifest.params.as_str(), manifest.constraints), ("dev", 6));
    assert_eq!(lint(&stored, &keys), Ok(()));
}

#[test]
fn an_edited_manifest_is_told_by_the_transcript() {
    let (stored, _, keys) = finished("manifest");
    let path = keys.join("power.json");
    let good = load_manifest(&keys, "power").expect("just written");
    let edits = [
        ("origin in the manifest", Manifest { origin: Origin::Ceremony { transcript: [7; 32] }, ..good.clone() }),
        ("origin in the manifest", Manifest { origin: Origin::Development, ..good.clone() }),
        ("parameter set in the manifest", Manifest { params: "large".to_owned(), ..good.clone() }),
        ("counts in the manifest", Manifest { constraints: 7, ..good.clone() }),
    ];
    for (named, manifest) in edits {
        fs::write(&path, manifest.to_json()).expect("a writable folder");
        let refused = lint(&stored, &keys).expect_err(named);
        assert_eq!(refused.name(), "KEYS_DIFFER");
        assert!(refused.to_string().contains(named), "{refused}");
    }
}

#[test]
fn keys_of_another_origin_under_the_ceremonys_name_are_told_apart() {
    let (stored, _, keys) = finished("another");
    let (development, _) = setup(power_circuit(), &mut rng(9)).expect("a small circuit");
    let origin = Origin::Ceremony { transcript: stored.hash };
    save(&keys, "power", "dev", &development, origin).expect("a writable folder");
    let refused = lint(&stored, &keys).expect_err("keys that one machine made");
    assert!(refused.to_string().contains("verifying key"), "{refused}");
    // The verifying half of the ceremony with a proving half that has another quotient.
    let mut mixed = stored.transcript.keys(power_circuit()).expect("a ceremony that is over");
    mixed.h.swap(0, 1);
    save(&keys, "power", "dev", &mixed, origin).expect("a writable folder");
    let refused = lint(&stored, &keys).expect_err("another proving key");
    assert!(refused.to_string().contains("proving key"), "{refused}");
}

#[test]
fn a_tampered_ceremony_gives_no_files() {
    let dir = folder("no files");
    let powers = powers("no files", 3);
    let mut transcript = over(&power_circuit(), &powers);
    transcript.points.l.swap(0, 1);
    let stored = Folder::of(&dir, "dev", "power").add(&transcript).expect("a writable folder");
    let keys = dir.join("keys");
    let refused = fault(finalize(&stored, power_circuit(), &powers, &keys, &mut rng(4), &Watch::none()));
    assert_eq!(refused.expect_err("tampered with").name(), "WRONG_QUERY");
    assert!(!keys.exists());
}
