//! Proving and verifying.

use std::sync::atomic::{AtomicBool, Ordering};

use ark_bn254::{Bn254, Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::{One, Zero};
use ark_groth16::Groth16;
use tacit_circuits::error::{ProveError, VerifyError};
use tacit_circuits::keys::VerifyingKey;
use tacit_circuits::matrices::BadRow;
use tacit_circuits::proof::{Blinding, Claim, Options, Phase, Proof, prove, verify, verify_product};

use crate::{power_keys, power_wires, proof_of, rng, square_keys};

#[test]
fn an_honest_proof_verifies_and_no_other_input_does() {
    let (pk, vk) = power_keys();
    let wires = power_wires(3, true);
    let proof = proof_of(&pk, &wires);
    assert_eq!(verify(&vk, &wires[1..3], &proof), Ok(()));
    for input in 0..2 {
        let mut inputs = wires[1..3].to_vec();
        inputs[input] += Fr::one();
        assert_eq!(verify(&vk, &inputs, &proof), Err(VerifyError::Rejected));
    }
}

#[test]
fn a_wrong_number_of_inputs_is_refused() {
    let (pk, vk) = power_keys();
    let wires = power_wires(3, false);
    let proof = proof_of(&pk, &wires);
    for count in [0, 1, 3] {
        let refused = Err(VerifyError::WrongInputCount { expected: 2, found: count });
        assert_eq!(verify(&vk, &wires[1..=count], &proof), refused);
    }
}

#[test]
fn an_element_that_is_no_point_is_refused_by_name() {
    let (pk, vk) = power_keys();
    let wires = power_wires(3, false);
    let good = proof_of(&pk, &wires);
    let off = G1Affine::new_unchecked(good.a.x, good.a.x);
    let off_g2 = G2Affine::new_unchecked(good.b.x, good.b.x);
    let cases = [('A', Proof { a: off, ..good }), ('B', Proof { b: off_g2, ..good }), ('C', Proof { c: off, ..good })];
    for (element, proof) in cases {
        assert_eq!(verify(&vk, &wires[1..3], &proof), Err(VerifyError::BadPoint { element }));
    }
}

#[test]
fn a_point_outside_the_subgroup_is_refused() {
    let (pk, vk) = power_keys();
    let wires = power_wires(3, false);
    let outside = (1..)
        .filter_map(|x| G2Affine::get_point_from_x_unchecked(ark_bn254::Fq2::from(x as u64), true))
        .find(|point| !point.is_in_correct_subgroup_assuming_on_curve())
        .expect("most points of the twist are outside");
    let proof = Proof { b: outside, ..proof_of(&pk, &wires) };
    assert_eq!(verify(&vk, &wires[1..3], &proof), Err(VerifyError::BadPoint { element: 'B' }));
}

#[test]
fn every_broken_row_is_refused_by_its_number() {
    let (pk, _) = power_keys();
    // Wire changed, first row that notices.
    for (wire, row) in [(1, 4), (2, 5), (3, 1), (4, 0), (5, 1), (6, 2), (7, 3)] {
        let mut wires = power_wires(3, true);
        wires[wire] += Fr::from(5u64);
        assert_eq!(pk.matrices.check(&wires), Err(BadRow { row }), "wire {wire}");
        let refused = prove(&pk, &wires, Blinding::draw(&mut rng()), Options::default());
        assert_eq!(refused, Err(ProveError::Unsatisfied { row }), "wire {wire}");
    }
}

#[test]
fn an_assignment_of_the_wrong_shape_is_refused() {
    let (pk, _) = power_keys();
    let mut wires = power_wires(3, true);
    wires[0] = Fr::zero();
    let blinding = Blinding::draw(&mut rng());
    assert_eq!(prove(&pk, &wires, blinding, Options::default()), Err(ProveError::ConstantNotOne));
    let short = prove(&pk, &wires[..7], blinding, Options::default());
    assert_eq!(short, Err(ProveError::WrongLength { expected: 8, found: 7 }));
}

#[test]
fn a_damaged_key_gives_an_error_and_no_proof() {
    let (mut pk, _) = power_keys();
    pk.h[0] = G1Affine::generator();
    let refused = prove(&pk, &power_wires(3, true), Blinding::draw(&mut rng()), Options::default());
    assert_eq!(refused, Err(ProveError::SelfCheckFailed));
}

#[test]
fn phases_are_reported_in_order_and_a_raised_flag_stops_before_the_next() {
    let (pk, _) = power_keys();
    let wires = power_wires(3, true);
    let cancel = AtomicBool::new(false);
    let mut seen = Vec::new();
    let mut report = |phase, _| seen.push(phase);
    let options = Options { progress: Some(&mut report), cancel: Some(&cancel), skip_check: false };
    assert!(prove(&pk, &wires, Blinding::draw(&mut rng()), options).is_ok());
    assert_eq!(seen, Phase::ALL);

    let mut seen = Vec::new();
    let mut stop_after_a = |phase, _| {
        seen.push(phase);
        cancel.store(phase == Phase::A, Ordering::Relaxed);
    };
    let options = Options { progress: Some(&mut stop_after_a), cancel: Some(&cancel), skip_check: false };
    assert_eq!(prove(&pk, &wires, Blinding::draw(&mut rng()), options), Err(ProveError::Cancelled));
    assert_eq!(seen, [Phase::WitnessMap, Phase::A]);
}

#[test]
fn one_witness_has_many_proofs() {
    let (pk, vk) = power_keys();
    let wires = power_wires(3, true);
    let mut rng = rng();
    let proofs = [(); 2].map(|()| prove(&pk, &wires, Blinding::draw(&mut rng), Options::default()).expect("good"));
    assert!(proofs[0].a != proofs[1].a && proofs[0].b != proofs[1].b && proofs[0].c != proofs[1].c);
    assert!(proofs.iter().all(|proof| verify(&vk, &wires[1..3], proof).is_ok()));
}

fn arkworks_key(vk: &VerifyingKey) -> ark_groth16::VerifyingKey<Bn254> {
    ark_groth16::VerifyingKey {
        alpha_g1: vk.alpha,
        beta_g2: vk.beta,
        gamma_g2: vk.gamma,
        delta_g2: vk.delta,
        gamma_abc_g1: vk.ic.clone(),
    }
}

#[test]
fn arkworks_accepts_and_refuses_the_same_proofs() {
    let (pk, vk) = power_keys();
    let wires = power_wires(9, true);
    let Proof { a, b, c } = proof_of(&pk, &wires);
    let prepared = ark_groth16::prepare_verifying_key(&arkworks_key(&vk));
    let accepts = |inputs: &[Fr]| {
        Groth16::<Bn254>::verify_proof(&prepared, &ark_groth16::Proof { a, b, c }, inputs).expect("two inputs")
    };
    assert!(accepts(&wires[1..3]));
    assert!(!accepts(&[wires[1], wires[1]]));
}

#[test]
fn a_product_of_proofs_of_two_keys_holds_and_fails_with_any_one_of_them() {
    let ((pk, vk), (square_pk, square_vk)) = (power_keys(), square_keys());
    let all_wires: Vec<Vec<Fr>> = (2..5).map(|x| power_wires(x, true)).collect();
    let proofs: Vec<Proof> = all_wires.iter().map(|wires| proof_of(&pk, wires)).collect();
    let square = [Fr::one(), Fr::from(49u64), Fr::from(7u64)];
    let square_proof = proof_of(&square_pk, &square);
    let mut claims: Vec<Claim<'_>> =
        all_wires.iter().zip(&proofs).map(|(wires, proof)| Claim { key: &vk, inputs: &wires[1..3], proof }).collect();
    claims.push(Claim { key: &square_vk, inputs: &square[1..2], proof: &square_proof });
    let weights = [1, u128::MAX, 3 << 100, 12345];
    assert_eq!(verify_product(&claims, &weights), Ok(()));
    for bad in 0..claims.len() {
        let mut changed = claims.clone();
        let inputs: Vec<Fr> = changed[bad].inputs.iter().map(|input| *input + Fr::one()).collect();
        changed[bad].inputs = &inputs;
        assert_eq!(verify_product(&changed, &weights), Err(VerifyError::Rejected), "claim {bad}");
    }
    let mut swapped = claims.clone();
    (swapped[0].proof, swapped[1].proof) = (swapped[1].proof, swapped[0].proof);
    assert_eq!(verify_product(&swapped, &weights), Err(VerifyError::Rejected));
}

#[test]
fn weights_that_leave_a_proof_unchecked_are_refused() {
    let (pk, vk) = power_keys();
    let wires = power_wires(3, true);
    let proof = proof_of(&pk, &wires);
    let claim = Claim { key: &vk, inputs: &wires[1..3], proof: &proof };
    let refused = |claims: &[Claim<'_>], weights: &[u128]| {
        verify_product(claims, weights).is_err_and(|error| matches!(error, VerifyError::BadWeights { .. }))
    };
    assert!(refused(&[claim, claim], &[1]));
    assert!(refused(&[claim, claim], &[1, 0]));
    assert!(refused(&[], &[]));
}
