//! Promises of the Groth16 part, on two small circuits: y = x⁵ + x·b with b boolean, made public with the sum y + x; and a
//! square.

mod exports;
mod fingerprints;
mod keyfiles;
mod keys;
mod proofs;

use ark_bn254::Fr;
use ark_ff::{Field, One};
use ark_std::rand::SeedableRng;
use ark_std::rand::rngs::StdRng;
use tacit_circuits::keys::{ProvingKey, VerifyingKey, setup};
use tacit_circuits::matrices::Matrices;
use tacit_circuits::proof::{Blinding, Options, Proof, prove};

/// Wires: 0 one, 1 y, 2 y + x, 3 x, 4 b, 5 x², 6 x⁴, 7 x·b.
pub(crate) fn power_circuit() -> Matrices {
    let one = Fr::one();
    let wire = |at: u32| vec![(one, at)];
    let a = [wire(4), wire(3), wire(5), wire(3), wire(6), vec![(one, 1), (one, 3)]];
    let b = [vec![(one, 0), (-one, 4)], wire(3), wire(5), wire(4), wire(3), wire(0)];
    let c = [vec![], wire(5), wire(6), wire(7), vec![(one, 1), (-one, 7)], wire(2)];
    Matrices::from_rows(2, 5, &a, &b, &c)
}

pub(crate) fn power_wires(x: u64, b: bool) -> Vec<Fr> {
    let (x, b) = (Fr::from(x), Fr::from(b));
    let y = x.pow([5]) + x * b;
    vec![Fr::one(), y, y + x, x, b, x.square(), x.pow([4]), x * b]
}

pub(crate) fn rng() -> StdRng {
    StdRng::seed_from_u64(7)
}

pub(crate) fn power_keys() -> (ProvingKey, VerifyingKey) {
    setup(power_circuit(), &mut rng()).expect("a small circuit has a domain")
}

pub(crate) fn proof_of(key: &ProvingKey, wires: &[Fr]) -> Proof {
    prove(key, wires, Blinding::draw(&mut rng()), Options::default()).expect("the assignment is good")
}

/// A second circuit: its one input is the square of its witness.
pub(crate) fn square_keys() -> (ProvingKey, VerifyingKey) {
    let wire = |at: u32| vec![vec![(Fr::one(), at)]];
    let matrices = Matrices::from_rows(1, 1, &wire(2), &wire(2), &wire(1));
    setup(matrices, &mut rng()).expect("a small circuit has a domain")
}
