//! Proofs and public inputs as words: one encoding each, and nothing but the proof of the statement verifies.

use std::sync::OnceLock;

use ark_bn254::Fr;
use tacit_circuits::error::VerifyError;
use tacit_circuits::evm::{self, Word};
use tacit_circuits::proof::{Claim, Proof, verify, verify_product};
use tacit_circuits::snarkjs;

use super::{says_why, seed};
use crate::input::{Input, edited};
use crate::material::ToyKey;

struct Statement {
    toy: ToyKey,
    inputs: Vec<Fr>,
    proof: Proof,
    bytes: Vec<u8>,
}

/// A statement of three inputs and its proof.
fn statement() -> &'static Statement {
    static STATEMENT: OnceLock<Statement> = OnceLock::new();
    STATEMENT.get_or_init(|| {
        let toy = ToyKey::new("statement", 3);
        let inputs: Vec<Fr> = [4u64, 5, 6].map(Fr::from).to_vec();
        let proof = toy.prove(&inputs);
        let bytes = proof.to_words().as_flattened().to_vec();
        Statement { toy, inputs, proof, bytes }
    })
}

pub(super) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    match input.below(4) {
        0 => words(input.rest()),
        1 => words(&edited(&statement().bytes, &mut input)),
        2 => inputs(&mut input),
        _ => product(&mut input),
    }
}

fn blocks(bytes: &[u8]) -> Vec<Word> {
    bytes.chunks_exact(32).map(|word| word.try_into().expect("chunks of 32")).collect()
}

/// Any words in place of a proof.
fn words(bytes: &[u8]) {
    let Ok(words) = <[Word; 8]>::try_from(blocks(bytes)) else { return };
    let Statement { toy, inputs, proof, .. } = statement();
    match Proof::from_words(&words) {
        Ok(read) => {
            assert_eq!(read.to_words(), words, "a proof has two encodings");
            assert_eq!(read.require_points(), Ok(()));
            snarkjs_tells_it(&read);
            assert_eq!(verify(&toy.key, inputs, &read).is_ok(), read == *proof, "another proof verifies");
        }
        Err(error) => says_why(&error),
    }
}

fn snarkjs_tells_it(proof: &Proof) {
    let told = snarkjs::proof(proof);
    let [x, y] = evm::g1_words(&proof.a).map(|word| num_bigint::BigUint::from_bytes_be(&word).to_string());
    assert_eq!((&told["pi_a"][0], &told["pi_a"][1]), (&x.into(), &y.into()));
}

/// Any words in place of the public inputs.
fn inputs(input: &mut Input<'_>) {
    let Statement { toy, inputs, proof, .. } = statement();
    let honest: Vec<u8> = inputs.iter().flat_map(evm::word).collect();
    let edited = edited(&honest, input);
    let words = blocks(&edited);
    match evm::inputs(&words) {
        Ok(read) => {
            assert_eq!(read.iter().map(evm::word::<Fr>).collect::<Vec<_>>(), words, "an input has two encodings");
            assert_eq!(
                verify(&toy.key, &read, proof).is_ok(),
                read == *inputs,
                "a proof of another statement verifies"
            );
        }
        Err(VerifyError::NotCanonical { word }) => assert!(evm::element::<Fr>(&words[word]).is_none()),
        Err(other) => panic!("not an error of inputs: {other}"),
    }
}

/// One bad proof among good ones, with any weights.
fn product(input: &mut Input<'_>) {
    let Statement { toy, inputs, proof, .. } = statement();
    let weights: Vec<u128> = (0..3).map(|_| u128::from(input.long())).collect();
    let count = 1 + input.below(3);
    let bad = input.below(4);
    let other: Vec<Fr> = inputs.iter().map(|value| *value + Fr::from(u64::from(input.byte()))).collect();
    let claim = |at| Claim { key: &toy.key, inputs: if at == bad { &other } else { inputs }, proof };
    let claims: Vec<Claim<'_>> = (0..3).map(claim).collect();
    let result = verify_product(&claims, &weights[..count]);
    let sound = count == 3 && !weights.contains(&0) && (bad == 3 || other == *inputs);
    assert_eq!(result.is_ok(), sound, "a product of proofs: {result:?}");
}

pub(super) fn seeds() -> Vec<(String, Vec<u8>)> {
    let Statement { bytes, .. } = statement();
    let identity = [&bytes[..192], &[0; 64]].concat();
    let ones = [&1u64.to_le_bytes()[..], &2u64.to_le_bytes(), &3u64.to_le_bytes()].concat();
    vec![
        seed("proof", 0, bytes),
        seed("proof with C the identity", 0, &identity),
        seed("word too large", 0, &[&[0xff; 32], &bytes[32..]].concat()),
        seed("proof unedited", 1, &[]),
        seed("A in place of C", 1, &[5, 192, 0, 0, 0, 3]),
        seed("bit flipped", 1, &[1, 70, 0, 2]),
        seed("inputs unedited", 2, &[]),
        seed("input changed", 2, &[0, 31, 0, 9]),
        seed("an input twice", 2, &[5, 0, 0, 32, 0, 2]),
        seed("product", 3, &[&ones[..], &[2, 3]].concat()),
        seed("product with a bad proof", 3, &[&ones[..], &[2, 1, 1]].concat()),
        seed("product with a weight of zero", 3, &[&[0; 24][..], &[2, 3]].concat()),
    ]
}
