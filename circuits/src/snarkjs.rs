//! Verifying key, proof and public inputs in the JSON of snarkjs, so that anyone can check a proof with a tool that is not ours.
//!
//! Numbers are decimal strings; points are projective with a third coordinate 1, elements of Fq2 `[real, imaginary]`.
//! The pairing of alpha and beta comes out as snarkjs writes it: both raise to the same multiple of the final exponent.

use ark_bn254::{Bn254, Fq2, Fq6, Fq12, Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ec::pairing::Pairing;
use ark_ff::PrimeField;
use serde_json::{Value, json};

use crate::keys::VerifyingKey;
use crate::proof::Proof;

/// The content of `verification_key.json`.
#[must_use]
pub fn verifying_key(key: &VerifyingKey) -> Value {
    json!({
        "protocol": "groth16",
        "curve": "bn128",
        "nPublic": key.n_inputs(),
        "vk_alpha_1": g1(&key.alpha),
        "vk_beta_2": g2(&key.beta),
        "vk_gamma_2": g2(&key.gamma),
        "vk_delta_2": g2(&key.delta),
        "vk_alphabeta_12": fq12(&Bn254::pairing(key.alpha, key.beta).0),
        "IC": key.ic.iter().map(g1).collect::<Vec<_>>(),
    })
}

/// The content of `proof.json`.
#[must_use]
pub fn proof(proof: &Proof) -> Value {
    json!({
        "pi_a": g1(&proof.a),
        "pi_b": g2(&proof.b),
        "pi_c": g1(&proof.c),
        "protocol": "groth16",
        "curve": "bn128",
    })
}

/// The content of `public.json`.
#[must_use]
pub fn public_inputs(inputs: &[Fr]) -> Value {
    inputs.iter().map(decimal).collect()
}

fn decimal<F: PrimeField>(value: &F) -> Value {
    Value::String(value.into_bigint().to_string())
}

fn g1(point: &G1Affine) -> Value {
    match point.xy() {
        Some((x, y)) => json!([decimal(&x), decimal(&y), "1"]),
        None => json!(["0", "1", "0"]),
    }
}

fn g2(point: &G2Affine) -> Value {
    match point.xy() {
        Some((x, y)) => json!([fq2(&x), fq2(&y), ["1", "0"]]),
        None => json!([["0", "0"], ["1", "0"], ["0", "0"]]),
    }
}

fn fq2(value: &Fq2) -> Value {
    json!([decimal(&value.c0), decimal(&value.c1)])
}

fn fq6(value: &Fq6) -> Value {
    json!([fq2(&value.c0), fq2(&value.c1), fq2(&value.c2)])
}

fn fq12(value: &Fq12) -> Value {
    json!([fq6(&value.c0), fq6(&value.c1)])
}
