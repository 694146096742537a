//! Promises of the Groth16 part, on a small circuit: y = x⁵ + x·b with b boolean, and the sum y + x, made public.

use std::sync::atomic::{AtomicBool, Ordering};

use ark_bn254::{Bn254, Fr, G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{Field, One, UniformRand, Zero};
use ark_groth16::Groth16;
use ark_std::rand::SeedableRng;
use ark_std::rand::rngs::StdRng;
use tacit_circuits::error::{KeyError, ProveError, VerifyError};
use tacit_circuits::fingerprint::{Fingerprint, Pin, Pins};
use tacit_circuits::keys::{ProvingKey, VerifyingKey, setup};
use tacit_circuits::matrices::{BadRow, Matrices};
use tacit_circuits::proof::{Blinding, Claim, Options, Phase, Proof, prove, verify, verify_product};

/// Wires: 0 one, 1 y, 2 y + x, 3 x, 4 b, 5 x², 6 x⁴, 7 x·b.
fn power_circuit() -> Matrices {
    let one = Fr::one();
    let wire = |at: u32| vec![(one, at)];
    let a = [wire(4), wire(3), wire(5), wire(3), wire(6), vec![(one, 1), (one, 3)]];
    let b = [vec![(one, 0), (-one, 4)], wire(3), wire(5), wire(4), wire(3), wire(0)];
    let c = [vec![], wire(5), wire(6), wire(7), vec![(one, 1), (-one, 7)], wire(2)];
    Matrices::from_rows(2, 5, &a, &b, &c)
}

fn power_wires(x: u64, b: bool) -> Vec<Fr> {
    let (x, b) = (Fr::from(x), Fr::from(b));
    let y = x.pow([5]) + x * b;
    vec![Fr::one(), y, y + x, x, b, x.square(), x.pow([4]), x * b]
}

fn rng() -> StdRng {
    StdRng::seed_from_u64(7)
}

fn keys() -> (ProvingKey, VerifyingKey) {
    setup(power_circuit(), &mut rng()).expect("a small circuit has a domain")
}

fn proof_of(key: &ProvingKey, wires: &[Fr]) -> Proof {
    prove(key, wires, Blinding::draw(&mut rng()), Options::default()).expect("the assignment is good")
}

#[test]
fn an_honest_proof_verifies_and_no_other_input_does() {
    let (pk, vk) = keys();
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
    let (pk, vk) = keys();
    let wires = power_wires(3, false);
    let proof = proof_of(&pk, &wires);
    for count in [0, 1, 3] {
        let refused = Err(VerifyError::WrongInputCount { expected: 2, found: count });
        assert_eq!(verify(&vk, &wires[1..=count], &proof), refused);
    }
}

#[test]
fn an_element_that_is_no_point_is_refused_by_name() {
    let (pk, vk) = keys();
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
    let (pk, vk) = keys();
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
    let (pk, _) = keys();
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
    let (pk, _) = keys();
    let mut wires = power_wires(3, true);
    wires[0] = Fr::zero();
    let blinding = Blinding::draw(&mut rng());
    assert_eq!(prove(&pk, &wires, blinding, Options::default()), Err(ProveError::ConstantNotOne));
    let short = prove(&pk, &wires[..7], blinding, Options::default());
    assert_eq!(short, Err(ProveError::WrongLength { expected: 8, found: 7 }));
}

#[test]
fn a_damaged_key_gives_an_error_and_no_proof() {
    let (mut pk, _) = keys();
    pk.h[0] = G1Affine::generator();
    let refused = prove(&pk, &power_wires(3, true), Blinding::draw(&mut rng()), Options::default());
    assert_eq!(refused, Err(ProveError::SelfCheckFailed));
}

#[test]
fn phases_are_reported_in_order_and_a_raised_flag_stops_before_the_next() {
    let (pk, _) = keys();
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
    let (pk, vk) = keys();
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
    let (pk, vk) = keys();
    let wires = power_wires(9, true);
    let Proof { a, b, c } = proof_of(&pk, &wires);
    let prepared = ark_groth16::prepare_verifying_key(&arkworks_key(&vk));
    let accepts = |inputs: &[Fr]| {
        Groth16::<Bn254>::verify_proof(&prepared, &ark_groth16::Proof { a, b, c }, inputs).expect("two inputs")
    };
    assert!(accepts(&wires[1..3]));
    assert!(!accepts(&[wires[1], wires[1]]));
}

/// Were gamma = delta, `A = alpha, B = beta, C = −IC(x)` would satisfy the equation for every x.
#[test]
fn the_forgery_that_gamma_equal_delta_allows_is_real_and_the_lint_refuses_the_key() {
    let (_, mut vk) = keys();
    assert_eq!(vk.lint(), Ok(()));
    let inputs = [Fr::from(123u64), Fr::from(456u64)];
    let forge = |vk: &VerifyingKey| Proof {
        a: vk.alpha,
        b: vk.beta,
        c: (-(vk.ic[0] + vk.ic[1] * inputs[0] + vk.ic[2] * inputs[1])).into_affine(),
    };
    assert_eq!(verify(&vk, &inputs, &forge(&vk)), Err(VerifyError::Rejected));
    vk.gamma = vk.delta;
    assert_eq!(verify(&vk, &inputs, &forge(&vk)), Ok(()));
    assert_eq!(vk.lint(), Err(KeyError::GammaIsDelta));
}

#[test]
fn keys_with_trivial_or_wrong_points_are_refused() {
    let (_, good) = keys();
    let g2_off = G2Affine::new_unchecked(good.beta.x, good.beta.x);
    let trivial = |part| Err(KeyError::TrivialPoint { part, index: 0 });
    let refused = |change: &dyn Fn(&mut VerifyingKey)| {
        let mut vk = good.clone();
        change(&mut vk);
        vk.lint()
    };
    assert_eq!(refused(&|vk| vk.alpha = G1Affine::identity()), trivial("alpha"));
    assert_eq!(refused(&|vk| vk.alpha = -G1Affine::generator()), trivial("alpha"));
    assert_eq!(refused(&|vk| vk.beta = G2Affine::generator()), trivial("beta"));
    assert_eq!(refused(&|vk| vk.delta = G2Affine::generator()), trivial("delta"));
    assert_eq!(refused(&|vk| vk.gamma = G2Affine::identity()), trivial("gamma"));
    assert_eq!(refused(&|vk| vk.gamma = -vk.delta), Err(KeyError::GammaIsDelta));
    assert_eq!(refused(&|vk| vk.beta = g2_off), Err(KeyError::BadPoint { part: "beta", index: 0 }));
    assert_eq!(refused(&|vk| vk.ic[2] = G1Affine::identity()), Err(KeyError::TrivialPoint { part: "ic", index: 2 }));
    let same = Err(KeyError::InputsNotIndependent { first: 1, second: 2 });
    assert_eq!(refused(&|vk| vk.ic[2] = -vk.ic[1]), same);
    assert_eq!(refused(&|vk| vk.gamma = G2Affine::generator()), Ok(()));
}

#[test]
fn halves_of_different_keys_do_not_pass_as_one() {
    let (mut pk, _) = keys();
    assert_eq!(pk.lint(), Ok(()));
    pk.delta_g1 = pk.beta_g1;
    assert_eq!(pk.lint(), Err(KeyError::Inconsistent { part: "delta" }));
}

/// A second circuit: its one input is the square of its witness.
fn square_keys() -> (ProvingKey, VerifyingKey) {
    let wire = |at: u32| vec![vec![(Fr::one(), at)]];
    let matrices = Matrices::from_rows(1, 1, &wire(2), &wire(2), &wire(1));
    setup(matrices, &mut rng()).expect("a small circuit has a domain")
}

#[test]
fn a_product_of_proofs_of_two_keys_holds_and_fails_with_any_one_of_them() {
    let ((pk, vk), (square_pk, square_vk)) = (keys(), square_keys());
    let all_wires: Vec<Vec<Fr>> = (2..5).map(|x| power_wires(x, true)).collect();
    let proofs: Vec<Proof> = all_wires.iter().map(|wires| proof_of(&pk, wires)).collect();
    let square = [Fr::one(), Fr::from(49u64), Fr::from(7u64)];
    let square_proof = proof_of(&square_pk, &square);
    let mut claims: Vec<Claim<'_>> = all_wires
        .iter()
        .zip(&proofs)
        .map(|(wires, proof)| Claim { key: &vk, inputs: &wires[1..3], proof })
        .collect();
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
    let (pk, vk) = keys();
    let wires = power_wires(3, true);
    let proof = proof_of(&pk, &wires);
    let claim = Claim { key: &vk, inputs: &wires[1..3], proof: &proof };
    let refused = |claims: &[Claim<'_>], weights: &[u128]| verify_product(claims, weights).is_err_and(|error| matches!(error, VerifyError::BadWeights { .. }));
    assert!(refused(&[claim, claim], &[1]));
    assert!(refused(&[claim, claim], &[1, 0]));
    assert!(refused(&[], &[]));
}

#[test]
fn the_fingerprint_changes_with_every_coefficient_wire_count_and_row_order() {
    let good = Fingerprint::of(&power_circuit());
    assert_eq!(good, Fingerprint::of(&power_circuit()));
    let mut others = vec![good];
    let one = Fr::one();
    let rows = |k: Fr, wire: u32| [vec![(k, wire)], vec![(one, 2)]];
    for (inputs, witness, a) in [
        (1, 2, rows(one, 2)),
        (2, 1, rows(one, 2)),
        (1, 3, rows(one, 2)),
        (1, 2, rows(one, 3)),
        (1, 2, rows(Fr::from(2u64), 2)),
        (1, 2, { let [first, second] = rows(one, 3); [second, first] }),
    ] {
        let b = rows(one, 0);
        others.push(Fingerprint::of(&Matrices::from_rows(inputs, witness, &a, &b, &b)));
        others.push(Fingerprint::of(&Matrices::from_rows(inputs, witness, &b, &a, &b)));
    }
    let count = others.len();
    others.sort();
    others.dedup();
    assert_eq!(others.len(), count);
}

#[test]
fn rows_that_say_the_same_have_one_fingerprint() {
    let (one, two) = (Fr::one(), Fr::from(2u64));
    let of = |row: Vec<(Fr, u32)>| Fingerprint::of(&Matrices::from_rows(1, 2, &[row.clone()], &[row.clone()], &[row]));
    let plain = of(vec![(two, 1), (one, 3)]);
    assert_eq!(of(vec![(one, 3), (two, 1)]), plain);
    assert_eq!(of(vec![(one, 1), (one, 3), (one, 1)]), plain);
    assert_eq!(of(vec![(two, 1), (Fr::zero(), 2), (one, 3)]), plain);
}

#[test]
fn matrices_survive_their_encoding_and_truncated_bytes_do_not() {
    let mut rng = rng();
    let mut matrices = power_circuit();
    for _ in 0..50 {
        let row: Vec<(Fr, u32)> = (0..8).map(|wire| (Fr::rand(&mut rng), wire)).collect();
        matrices.push_row(&row[..3], &row[2..7], &row[1..2]);
    }
    let mut bytes = Vec::new();
    matrices.encode(&mut |part| bytes.extend_from_slice(part));
    let decode = |bytes: &[u8]| {
        let mut rest = bytes;
        Matrices::decode(&mut |part: &mut [u8]| {
            let (head, tail) = rest
                .split_at_checked(part.len())
                .ok_or(KeyError::Malformed { part: "matrices", reason: "the end is missing".to_owned() })?;
            part.copy_from_slice(head);
            rest = tail;
            Ok(())
        })
    };
    assert_eq!(decode(&bytes).map(|found| Fingerprint::of(&found)), Ok(Fingerprint::of(&matrices)));
    for len in (0..bytes.len()).step_by(37) {
        assert!(decode(&bytes[..len]).is_err());
    }
}

#[test]
fn a_pin_names_what_differs() {
    let found = Pin::of(&power_circuit());
    let text = Pins([("segment".to_owned(), found.clone())].into()).to_json();
    let mut pins = Pins::parse(&text).expect("what to_json writes");
    assert_eq!(pins.compare("segment", &found), Ok(()));
    pins.0.get_mut("segment").expect("just there").wires += 1;
    let difference = "wires: pinned 9, found 8".to_owned();
    assert_eq!(pins.compare("segment", &found), Err(KeyError::NotPinned { circuit: "segment".to_owned(), difference }));
    assert!(pins.compare("closing", &found).is_err());
    assert!(Pins::parse(&text.replace("wires", "wire")).is_err());
    assert!(Pins::parse(&text.replace(&found.fingerprint.to_string(), "0x12")).is_err());
}
