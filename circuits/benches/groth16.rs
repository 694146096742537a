//! Times of set-up, loading and proving by phase, beside arkworks on the same system, as one JSON object on standard output.
//!
//! `cargo bench -p tacit-circuits --bench groth16 -- [log2 sizes…] [--threads n,n]`; default 16 and 18, 1 and 2 threads.
//! The system is like a circuit of ours: half its rows are bits, recomposed 64 at a time, the rest fifth powers of sums.
//! Every measured proof is verified.

use std::hint::black_box;
use std::time::{Duration, Instant};

use ark_bn254::{Bn254, Fr};
use ark_ec::VariableBaseMSM;
use ark_ff::{Field, One, PrimeField, Zero};
use ark_groth16::Groth16;
use ark_groth16::r1cs_to_qap::{LibsnarkReduction, R1CSToQAP};
use ark_poly::GeneralEvaluationDomain;
use ark_relations::gr1cs::Matrix;
use ark_std::rand::rngs::StdRng;
use ark_std::rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tacit_circuits::keyfile::{parse_proving_key, proving_key_bytes};
use tacit_circuits::keys::{ProvingKey, setup};
use tacit_circuits::matrices::{Matrices, SparseMatrix};
use tacit_circuits::proof::{Blinding, Options, prove};

/// Proofs made of each kind; the fastest counts.
const RUNS: usize = 3;

/// A satisfied system of exactly `rows` rows with one input.
fn system(rows: usize) -> (Matrices, Vec<Fr>) {
    let mut rng = StdRng::seed_from_u64(42);
    let one = Fr::one();
    let mut matrices = Matrices::default();
    let mut wires = vec![one, Fr::zero(), Fr::from(11u64), Fr::from(22u64), Fr::from(33u64)];
    let mut bits = 0;
    while matrices.rows() + 1 < rows {
        let left = rows - 1 - matrices.rows();
        if left >= 65 && 2 * bits < matrices.rows() {
            bits += 64;
            push_word(&mut matrices, &mut wires, rng.r#gen());
        } else if left >= 3 {
            push_power(&mut matrices, &mut wires);
        } else {
            let last = wires.len() as u32 - 1;
            wires.push(wires[last as usize].square());
            matrices.push_row(&[(one, last)], &[(one, last)], &[(one, last + 1)]);
        }
    }
    wires[1] = wires[wires.len() - 1];
    matrices.push_row(&[(one, wires.len() as u32 - 1)], &[(one, 0)], &[(one, 1)]);
    matrices.n_inputs = 1;
    matrices.n_witness = wires.len() - 2;
    matrices.finish();
    (matrices, wires)
}

fn push_word(matrices: &mut Matrices, wires: &mut Vec<Fr>, word: u64) {
    let one = Fr::one();
    let first = wires.len() as u32;
    let mut sum = Vec::with_capacity(64);
    for bit in 0..64 {
        let wire = first + bit;
        wires.push(Fr::from(word >> bit & 1));
        matrices.push_row(&[(one, wire)], &[(one, 0), (-one, wire)], &[]);
        sum.push((Fr::from(1u64 << bit), wire));
    }
    wires.push(Fr::from(word));
    matrices.push_row(&sum, &[(one, 0)], &[(one, first + 64)]);
}

fn push_power(matrices: &mut Matrices, wires: &mut Vec<Fr>) {
    let one = Fr::one();
    let next = wires.len() as u32;
    let sum: Vec<(Fr, u32)> =
        (1..4).map(|back| (Fr::from(u64::from(back)), next - back)).chain([(Fr::from(1_000_003u64), 0)]).collect();
    let value: Fr = sum.iter().map(|(k, wire)| *k * wires[*wire as usize]).sum();
    wires.extend([value.square(), value.pow([4]), value.pow([5])]);
    matrices.push_row(&sum, &sum, &[(one, next)]);
    matrices.push_row(&[(one, next)], &[(one, next)], &[(one, next + 1)]);
    matrices.push_row(&sum, &[(one, next + 1)], &[(one, next + 2)]);
}

fn seconds(time: Duration) -> Value {
    json!((time.as_secs_f64() * 1e4).round() / 1e4)
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed())
}

fn best<T>(work: impl Fn() -> T) -> Value {
    fastest((0..RUNS).map(|_| timed(|| black_box(work())).1))
}

fn fastest(times: impl IntoIterator<Item = Duration>) -> Value {
    seconds(times.into_iter().min().expect("at least one run"))
}

/// Phases of the fastest of some proofs.
fn ours(key: &ProvingKey, wires: &[Fr]) -> Value {
    let run = |seed| {
        let mut phases = serde_json::Map::new();
        let mut report = |phase: tacit_circuits::proof::Phase, time| {
            phases.insert(phase.name().to_owned(), seconds(time));
        };
        let blinding = Blinding::draw(&mut StdRng::seed_from_u64(seed));
        let options = Options { progress: Some(&mut report), ..Options::default() };
        let (proof, time) = timed(|| prove(key, wires, blinding, options));
        proof.expect("the system is satisfied");
        phases.insert("total".to_owned(), seconds(time));
        (time, phases)
    };
    let best = (0..RUNS as u64).map(run).min_by_key(|(time, _)| *time).expect("at least one run");
    Value::Object(best.1)
}

/// The same by arkworks: its reduction and sums over the same matrices and points (its own key holds the same points and
/// identities between them, which is what it is given here).
fn arkworks(key: &ark_groth16::ProvingKey<Bn254>, matrices: &[Matrix<Fr>], rows: usize, wires: &[Fr]) -> Value {
    let witness_map = || {
        LibsnarkReduction::witness_map_from_matrices::<Fr, GeneralEvaluationDomain<Fr>>(matrices, 2, rows, wires)
            .expect("a domain")
    };
    let bigints: Vec<_> = wires.iter().map(|wire| wire.into_bigint()).collect();
    let h: Vec<_> = witness_map().iter().map(|value| value.into_bigint()).collect();
    type G1 = ark_bn254::G1Projective;
    type G2 = ark_bn254::G2Projective;
    let total = |seed| {
        let Blinding { r, s } = Blinding::draw(&mut StdRng::seed_from_u64(seed));
        timed(|| {
            Groth16::<Bn254>::create_proof_with_reduction_and_matrices(key, r, s, matrices, 2, rows, wires)
                .expect("the system is satisfied")
        })
        .1
    };
    json!({
        "witness_map": best(witness_map),
        "a": best(|| G1::msm_bigint(&key.a_query, &bigints)),
        "b1": best(|| G1::msm_bigint(&key.b_g1_query, &bigints)),
        "b2": best(|| G2::msm_bigint(&key.b_g2_query, &bigints)),
        "l": best(|| G1::msm_bigint(&key.l_query, &bigints[2..])),
        "h": best(|| G1::msm_bigint(&key.h_query, &h)),
        "total": fastest((0..RUNS as u64).map(total)),
    })
}

/// Our key in arkworks' form. The points of `h` are of another basis: good for timing, and no proof from it verifies.
fn arkworks_key(key: &ProvingKey) -> ark_groth16::ProvingKey<Bn254> {
    let wires = key.matrices.wires();
    let mut h = key.h.clone();
    h.pop();
    ark_groth16::ProvingKey {
        vk: ark_groth16::VerifyingKey {
            alpha_g1: key.vk.alpha,
            beta_g2: key.vk.beta,
            gamma_g2: key.vk.gamma,
            delta_g2: key.vk.delta,
            gamma_abc_g1: key.vk.ic.clone(),
        },
        beta_g1: key.beta_g1,
        delta_g1: key.delta_g1,
        a_query: spread(&key.a.wires, &key.a.points, wires),
        b_g1_query: spread(&key.b_g2.wires, &key.b_g1, wires),
        b_g2_query: spread(&key.b_g2.wires, &key.b_g2.points, wires),
        l_query: spread(&key.l.wires, &key.l.points, wires)[2..].to_vec(),
        h_query: h,
    }
}

fn spread<P: Copy + Default>(places: &[u32], points: &[P], wires: usize) -> Vec<P> {
    let mut all = vec![P::default(); wires];
    places.iter().zip(points).for_each(|(wire, point)| all[*wire as usize] = *point);
    all
}

fn rows_of(matrix: &SparseMatrix) -> Matrix<Fr> {
    (0..matrix.rows()).map(|row| matrix.row(row).map(|(k, wire)| (k, wire as usize)).collect()).collect()
}

fn measure(log: u32, threads: &[usize]) -> Value {
    // Room for the rows of the constant and of the input.
    let (matrices, wires) = system((1 << log) - 2);
    let rows = matrices.rows();
    eprintln!("2^{log}: set-up");
    let plain: Vec<_> = [&matrices.a, &matrices.b, &matrices.c].map(rows_of).into();
    let ((key, _), set_up) = timed(|| setup(matrices, &mut StdRng::seed_from_u64(1)).expect("a domain"));
    let (bytes, write) = timed(|| proving_key_bytes(&key));
    let (parsed, load) = timed(|| parse_proving_key(&bytes));
    parsed.expect("what was written");
    let other = arkworks_key(&key);
    let by_threads = threads.iter().map(|&threads| {
        eprintln!("2^{log}: proving with {threads} threads");
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        let both =
            pool.install(|| json!({ "tacit": ours(&key, &wires), "arkworks": arkworks(&other, &plain, rows, &wires) }));
        (threads.to_string(), both)
    });
    json!({
        "rows": rows,
        "wires": wires.len(),
        "setup_seconds": seconds(set_up),
        "key_file_bytes": bytes.len(),
        "key_memory_bytes": key.bytes(),
        "encode_seconds": seconds(write),
        "parse_seconds": seconds(load),
        "prove_seconds_by_threads": by_threads.collect::<serde_json::Map<_, _>>(),
    })
}

fn main() {
    let mut logs = Vec::new();
    let mut threads = vec![1, 2];
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    while let Some(argument) = arguments.next() {
        if argument == "--threads" {
            let list = arguments.next().expect("--threads takes a list such as 1,2");
            threads = list.split(',').map(|n| n.parse().expect("a number of threads")).collect();
        } else {
            logs.push(argument.parse().expect("the logarithm of a number of rows"));
        }
    }
    if logs.is_empty() {
        logs = vec![16, 18];
    }
    let results: serde_json::Map<_, _> = logs.iter().map(|log| (format!("2^{log}"), measure(*log, &threads))).collect();
    println!("{}", serde_json::to_string_pretty(&results).expect("JSON"));
}
