//! The check of a settlement of N segments and one closing proof: one product of pairings beside N + 1 equations of their own.
//!
//! `cargo bench -p tacit-circuits --bench verification -- [N…]`; default 1 2 4 6. One JSON object on standard output; times are
//! medians, in seconds. The circuits are small; checking depends on the numbers of proofs and of public inputs alone, and those
//! are a segment's and a closing proof's.

use std::time::Instant;

use ark_bn254::Fr;
use ark_ff::{Field, One};
use ark_std::rand::SeedableRng;
use ark_std::rand::rngs::StdRng;
use serde_json::{Value, json};
use tacit_circuits::keys::{ProvingKey, setup};
use tacit_circuits::matrices::Matrices;
use tacit_circuits::proof::{Blinding, Claim, Options, Proof, prove, verify, verify_product};
use tacit_circuits::statement::{CLOSING_INPUTS, SEGMENT_INPUTS};

const RUNS: usize = 15;

/// A key, the inputs of a proof, and the proof.
struct Proven {
    key: ProvingKey,
    inputs: Vec<Fr>,
    proof: Proof,
}

/// A circuit of so many inputs, each squared.
fn proven(n_inputs: usize, seed: u64) -> Proven {
    let one = Fr::one();
    let mut matrices = Matrices { n_inputs, n_witness: n_inputs, ..Matrices::default() };
    for input in 1..=n_inputs as u32 {
        matrices.push_row(&[(one, input)], &[(one, input)], &[(one, input + n_inputs as u32)]);
    }
    matrices.finish();
    let mut rng = StdRng::seed_from_u64(seed);
    let inputs: Vec<Fr> = (0..n_inputs as u64).map(|i| Fr::from(seed + i).pow([7])).collect();
    let wires: Vec<Fr> = [one].into_iter().chain(inputs.clone()).chain(inputs.iter().map(Field::square)).collect();
    let (key, _) = setup(matrices, &mut rng).expect("a domain");
    let proof = prove(&key, &wires, Blinding::draw(&mut rng), Options::default()).expect("the system is satisfied");
    Proven { key, inputs, proof }
}

fn claim(proven: &Proven) -> Claim<'_> {
    Claim { key: &proven.key.vk, inputs: &proven.inputs, proof: &proven.proof }
}

fn median_seconds(run: impl Fn()) -> f64 {
    let mut seconds: Vec<f64> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64()
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    seconds[RUNS / 2]
}

fn measure(segments: usize, segment: &Proven, closing: &Proven) -> Value {
    let claims: Vec<Claim<'_>> = (0..segments).map(|_| claim(segment)).chain(std::iter::once(claim(closing))).collect();
    // As long as drawn ones.
    let weights: Vec<u128> = (0..claims.len() as u128).map(|i| u128::MAX / 3 + i).collect();
    let product = median_seconds(|| verify_product(&claims, &weights).expect("sound proofs"));
    let separate = median_seconds(|| {
        for each in &claims {
            verify(each.key, each.inputs, each.proof).expect("a sound proof");
        }
    });
    json!({ "segments": segments, "product_s": product, "separate_s": separate })
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --benches` runs this too; only `cargo bench` measures.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return;
    }
    let mut counts: Vec<usize> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    if counts.is_empty() {
        counts = vec![1, 2, 4, 6];
    }
    let (segment, closing) = (proven(SEGMENT_INPUTS.len(), 1), proven(CLOSING_INPUTS.len(), 2));
    let rows: Vec<Value> = counts.iter().map(|count| measure(*count, &segment, &closing)).collect();
    println!("{:#}", json!({ "verification": rows }));
}
