//! Forms for the EVM and for snarkjs.

use std::fs;
use std::path::Path;

use ark_bn254::{Fq, Fr};
use ark_ff::{BigInteger, One, PrimeField};
use tacit_circuits::error::VerifyError;
use tacit_circuits::evm::{self, Word};
use tacit_circuits::proof::Proof;
use tacit_circuits::snarkjs;

use crate::{power_keys, power_wires, proof_of};

fn proof() -> Proof {
    proof_of(&power_keys().0, &power_wires(3, true))
}

#[test]
fn a_proof_is_eight_words_with_imaginary_parts_first() {
    let proof = proof();
    let words = proof.to_words();
    let fields = [proof.a.x, proof.a.y, proof.b.x.c1, proof.b.x.c0, proof.b.y.c1, proof.b.y.c0, proof.c.x, proof.c.y];
    for (word, field) in words.iter().zip(fields) {
        assert_eq!(word.to_vec(), field.into_bigint().to_bytes_be());
    }
    assert_eq!(Proof::from_words(&words), Ok(proof));
}

#[test]
fn words_have_one_encoding_each() {
    let add_modulus = |word: &Word| -> Word {
        let mut value = Fq::MODULUS;
        value.add_with_carry(&evm::element::<Fq>(word).expect("below").into_bigint());
        value.to_bytes_be().try_into().expect("32 bytes")
    };
    let good = proof().to_words();
    for at in 0..8 {
        let mut words = good;
        words[at] = add_modulus(&good[at]);
        assert_eq!(Proof::from_words(&words), Err(VerifyError::NotCanonical { word: at }));
    }
    let modulus: Word = Fr::MODULUS.to_bytes_be().try_into().expect("32 bytes");
    let one = evm::word(&Fr::one());
    assert_eq!(evm::inputs(&[one, modulus]), Err(VerifyError::NotCanonical { word: 1 }));
    assert_eq!(evm::inputs(&[one]), Ok(vec![Fr::one()]));
}

#[test]
fn words_that_are_no_point_are_refused_by_element() {
    let good = proof().to_words();
    for (at, element) in [(0, 'A'), (3, 'B'), (7, 'C')] {
        let mut words = good;
        words[at] = evm::word(&(evm::element::<Fq>(&good[at]).expect("below") + Fq::one()));
        assert_eq!(Proof::from_words(&words), Err(VerifyError::BadPoint { element }));
    }
}

#[test]
fn the_words_of_a_key_are_its_points() {
    let (_, vk) = power_keys();
    let words = vk.to_words();
    assert_eq!(evm::g1_point(&words.alpha), Some(vk.alpha));
    assert_eq!(
        [words.beta, words.gamma, words.delta].map(|p| evm::g2_point(&p)),
        [vk.beta, vk.gamma, vk.delta].map(Some)
    );
    assert_eq!(words.ic.iter().map(evm::g1_point).collect::<Option<Vec<_>>>(), Some(vk.ic));
}

/// Leaves the three files that `snarkjs groth16 verify` takes in the target folder.
#[test]
fn the_export_has_the_form_of_snarkjs() {
    let (pk, vk) = power_keys();
    let wires = power_wires(3, true);
    let key = snarkjs::verifying_key(&vk);
    let proof = snarkjs::proof(&proof_of(&pk, &wires));
    let public = snarkjs::public_inputs(&wires[1..3]);
    assert_eq!(public, serde_json::json!(["246", "249"]));
    assert_eq!((&key["nPublic"], &key["protocol"], &key["curve"]), (&2.into(), &"groth16".into(), &"bn128".into()));
    assert_eq!(key["IC"].as_array().map(Vec::len), Some(3));
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("snarkjs");
    fs::create_dir_all(&dir).expect("a writable target folder");
    for (name, value) in [("verification_key", key), ("proof", proof), ("public", public)] {
        fs::write(dir.join(name).with_extension("json"), value.to_string()).expect("a writable target folder");
    }
}
