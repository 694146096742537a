//! Valid things for targets to start from, made on the spot: nothing here can go stale, and no key is kept in the tree.
//!
//! [`ToyKey`] knows the logarithms of its own key, so it proves any statement at once: verification can be attacked with real pairings and no
//! circuit. [`power_key`] is the real key of a circuit of six rows.

use std::sync::OnceLock;

use ark_bn254::{Fr, G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::{CurveGroup, PrimeGroup};
use ark_ff::{Field, One, PrimeField};
use ark_std::rand::SeedableRng;
use ark_std::rand::rngs::StdRng;
use tacit_circuits::fingerprint::Fingerprint;
use tacit_circuits::keys::{ProvingKey, VerifyingKey, setup};
use tacit_circuits::matrices::Matrices;
use tacit_circuits::proof::Proof;
use tacit_circuits::settlement::{Expected, LockedDeposit, Plan, Queues, Settlement, VerifyingKeys};
use tacit_core::batch::ClearedBatch;
use tacit_core::field::F;
use tacit_core::keccak::keccak256;
use tacit_core::params::Params;

use crate::scene::{self, Scene};

/// Queue ends of settlements made here.
pub const QUEUES: Queues = Queues { deposit_end: 7, exit_end: 3 };
/// Who settlements made here reward.
pub const BENEFICIARY: [u8; 20] = [9; 20];
/// Salts of settlements made here.
pub const SEED: [u8; 32] = [77; 32];

/// A verifying key whose maker kept the logarithms.
#[derive(Clone, Debug)]
pub struct ToyKey {
    /// The key.
    pub key: VerifyingKey,
    logarithms: [Fr; 4],
    inputs: Vec<Fr>,
}

impl ToyKey {
    /// The key of a name, for so many public inputs.
    #[must_use]
    pub fn new(name: &str, inputs: usize) -> Self {
        let logarithm = |part: &str| Fr::from_be_bytes_mod_order(&keccak256(format!("{name} {part}").as_bytes()));
        let logarithms = ["alpha", "beta", "gamma", "delta"].map(logarithm);
        let [alpha, beta, gamma, delta] = logarithms;
        let inputs: Vec<Fr> = (0..=inputs).map(|number| logarithm(&format!("input {number}"))).collect();
        let key = VerifyingKey {
            alpha: g1(alpha),
            beta: g2(beta),
            gamma: g2(gamma),
            delta: g2(delta),
            ic: inputs.iter().map(|scalar| g1(*scalar)).collect(),
            fingerprint: Fingerprint(keccak256(name.as_bytes())),
        };
        Self { key, logarithms, inputs }
    }

    /// A proof of any statement.
    #[must_use]
    pub fn prove(&self, inputs: &[Fr]) -> Proof {
        let [alpha, beta, gamma, delta] = self.logarithms;
        let (a, b) = (Fr::from(1_001u64), Fr::from(2_002u64));
        let statement = self.inputs[0] + self.inputs[1..].iter().zip(inputs).map(|(k, x)| *k * x).sum::<Fr>();
        let c = (a * b - alpha * beta - gamma * statement) * delta.inverse().expect("a hash is not zero");
        Proof { a: g1(a), b: g2(b), c: g1(c) }
    }
}

fn g1(scalar: Fr) -> G1Affine {
    (G1Projective::generator() * scalar).into_affine()
}

fn g2(scalar: Fr) -> G2Affine {
    (G2Projective::generator() * scalar).into_affine()
}

/// The rows of y = x⁵ + x·b with b boolean, made public with y + x. Wires: 1, y, y + x, x, b, x², x⁴, x·b.
fn power_circuit() -> Matrices {
    let one = Fr::one();
    let wire = |at: u32| vec![(one, at)];
    let a = [wire(4), wire(3), wire(5), wire(3), wire(6), vec![(one, 1), (one, 3)]];
    let b = [vec![(one, 0), (-one, 4)], wire(3), wire(5), wire(4), wire(3), wire(0)];
    let c = [vec![], wire(5), wire(6), wire(7), vec![(one, 1), (-one, 7)], wire(2)];
    Matrices::from_rows(2, 5, &a, &b, &c)
}

/// An assignment of the circuit of [`power_key`].
#[must_use]
pub fn power_wires() -> Vec<Fr> {
    let (x, b) = (Fr::from(3u64), Fr::one());
    let y = x.pow([5]) + x * b;
    vec![Fr::one(), y, y + x, x, b, x.square(), x.pow([4]), x * b]
}

/// The real key of a small circuit.
pub fn power_key() -> &'static ProvingKey {
    static KEY: OnceLock<ProvingKey> = OnceLock::new();
    KEY.get_or_init(|| setup(power_circuit(), &mut StdRng::seed_from_u64(7)).expect("a small circuit has a domain").0)
}

/// Toy keys of both circuits of `dev`.
pub fn toy_keys() -> &'static (ToyKey, ToyKey) {
    static KEYS: OnceLock<(ToyKey, ToyKey)> = OnceLock::new();
    KEYS.get_or_init(|| (ToyKey::new("toy segment", 18), ToyKey::new("toy closing", 13)))
}

/// The verifying halves of [`toy_keys`].
#[must_use]
pub fn verifying_keys() -> VerifyingKeys {
    let (segment, closing) = toy_keys();
    VerifyingKeys { params: Params::DEV, segment: segment.key.clone(), closing: closing.key.clone() }
}

/// The settlement of a plan, with proofs under [`toy_keys`].
#[must_use]
pub fn settled(plan: &Plan) -> Settlement {
    let (segment, closing) = toy_keys();
    let mut settlement = plan.settlement.clone();
    for (part, (public, _)) in settlement.segments.iter_mut().zip(&plan.segments) {
        part.proof = Some(segment.prove(&public.to_array()));
    }
    settlement.closing.proof = Some(closing.prove(&plan.closing.0.to_array()));
    settlement
}

/// What the sealer of a batch knows to be true of its settlement.
#[must_use]
pub fn expected(cleared: &ClearedBatch) -> Expected {
    let touches = &cleared.sealed.touches;
    let deposits = touches.iter().filter(|touch| touch.deposit > 0);
    Expected {
        context: cleared.context,
        start_root: cleared.start_root,
        seal_root: cleared.seal_root,
        active_orders: cleared.active_orders,
        queues: QUEUES,
        risk_root: cleared.risk_root,
        deposits: deposits
            .map(|touch| (touch.index, LockedDeposit { amount: touch.deposit, owner: touch.holder.owner() }))
            .collect(),
        exits: touches.iter().filter_map(|touch| Some((touch.index, touch.exit?))).collect(),
        settled: cleared.sealed.settled.iter().map(|row| (row.instrument, row.value)).collect(),
    }
}

/// A batch of `dev` with every kind of touch, three segments of them.
pub(crate) fn full_scene() -> Scene {
    use tacit_core::order::Order;
    use tacit_core::order::Side::{Buy, Sell};
    let mut scene = Scene::new(Params::DEV);
    scene.row(10, 1_000_000).short_minimum = 40_000;
    scene.row(20, 5_000);
    scene.settle(15, 700_000);
    let quote = 1_000 * scene::QUOTE;
    scene.account(1, quote, &[(10, 5), (15, 7)]);
    scene.account(2, quote, &[(10, -5)]);
    scene.account(3, quote, &[]);
    scene.order(scene::order(1, 10, Buy, 30, 1_001_000));
    scene.order(scene::order(2, 10, Sell, 50, 999_000));
    scene.order(Order { slot: 1, ..scene::order(1, 20, Sell, 4, 5_000) });
    scene.order(scene::withdrawal(2, 1_000));
    scene.plans.entry(3).or_default().exit = Some(600_000);
    scene.plans.entry(4).or_default().deposit = 900_000_000;
    scene.order(scene::cancel(4, 3));
    scene.order(scene::order(5, 10, Buy, 1, 1));
    scene
}

/// A settlement that [`settlement::verify`](tacit_circuits::settlement::verify) accepts under [`verifying_keys`], and what is trusted.
pub fn honest() -> &'static (Settlement, Expected) {
    static HONEST: OnceLock<(Settlement, Expected)> = OnceLock::new();
    HONEST.get_or_init(|| {
        let cleared = full_scene().clear();
        let plan = Plan::new(&cleared, QUEUES, BENEFICIARY, SEED);
        (settled(&plan), expected(&cleared))
    })
}

/// A field element of any 32 bytes.
#[must_use]
pub fn element(bytes: [u8; 32]) -> F {
    F::from_be_bytes_mod_order(&bytes)
}
