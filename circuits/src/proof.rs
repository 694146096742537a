//! Making and checking proofs.
//!
//! [`prove`] works from the matrices in the key. It refuses an assignment that breaks a row, naming the row, and by default
//! verifies the finished proof, so nothing leaves it that a verifier would refuse. [`verify`] is the one equation of
//! Groth16; [`verify_product`] is the same for many proofs at once, exactly as the contract does it. Deciding whether the
//! public inputs are the right ones is left to the caller.

use std::ops::Neg;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ark_bn254::{Bn254, Fr, G1Affine, G1Projective, G2Affine};
use ark_ec::CurveGroup;
use ark_ec::pairing::Pairing;
use ark_ec::short_weierstrass::{Affine, Projective, SWCurveConfig};
use ark_ff::{One, UniformRand, Zero};
use ark_std::rand::{CryptoRng, RngCore};
use rayon::prelude::*;

use crate::error::{ProveError, VerifyError};
use crate::keys::{ProvingKey, Query, VerifyingKey};
use crate::matrices::Matrices;
use crate::msm::sum_of_products;

/// A Groth16 proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// In G1.
    pub a: G1Affine,
    /// In G2.
    pub b: G2Affine,
    /// In G1.
    pub c: G1Affine,
}

/// The parts of proving, in order. Between any two a proof can be interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Rows evaluated and checked, quotient computed.
    WitnessMap,
    /// Sum for A.
    A,
    /// Sum for B in G1.
    B1,
    /// Sum for B in G2.
    B2,
    /// Sum over the witness for C.
    L,
    /// Sum over the quotient for C.
    H,
    /// The proof verified.
    Check,
}

impl Phase {
    /// All of them, in order.
    pub const ALL: [Self; 7] = [Self::WitnessMap, Self::A, Self::B1, Self::B2, Self::L, Self::H, Self::Check];

    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::WitnessMap => "witness_map",
            Self::A => "a",
            Self::B1 => "b1",
            Self::B2 => "b2",
            Self::L => "l",
            Self::H => "h",
            Self::Check => "check",
        }
    }
}

/// The blinding of a proof. Used twice, or known, it gives the witness away.
#[derive(Clone, Copy)]
pub struct Blinding {
    /// Multiple of δ in A.
    pub r: Fr,
    /// Multiple of δ in B.
    pub s: Fr,
}

impl Blinding {
    /// A fresh one.
    pub fn draw(rng: &mut (impl RngCore + CryptoRng)) -> Self {
        Self { r: Fr::rand(rng), s: Fr::rand(rng) }
    }
}

/// How to go about proving. The default reports nothing, cannot be cancelled and verifies the proof.
#[derive(Default)]
pub struct Options<'a> {
    /// Called after each phase with the time it took.
    pub progress: Option<&'a mut dyn FnMut(Phase, Duration)>,
    /// Looked at before each phase.
    pub cancel: Option<&'a AtomicBool>,
    /// Leaves the last phase out. A damaged key then shows only when somebody else verifies.
    pub skip_check: bool,
}

impl Options<'_> {
    fn run<T>(&mut self, phase: Phase, work: impl FnOnce() -> T) -> Result<T, ProveError> {
        if self.cancel.is_some_and(|flag| flag.load(Ordering::Relaxed)) {
            return Err(ProveError::Cancelled);
        }
        let start = Instant::now();
        let result = work();
        if let Some(report) = &mut self.progress {
            report(phase, start.elapsed());
        }
        Ok(result)
    }
}

/// Proves that `wires = (1, inputs…, witness…)` satisfies the circuit of `key`.
///
/// # Errors
/// [`ProveError`]: a wrong number of values, the first broken row, a cancellation, or a key whose proof does not verify.
pub fn prove(
    key: &ProvingKey,
    wires: &[Fr],
    blinding: Blinding,
    mut options: Options<'_>,
) -> Result<Proof, ProveError> {
    require_assignment(&key.matrices, wires)?;
    let Blinding { r, s } = blinding;
    let quotient = options.run(Phase::WitnessMap, || quotient(key, wires))??;
    let a = options.run(Phase::A, || key.delta_g1 * r + key.vk.alpha + answer(&key.a, wires))?;
    let b1 = options.run(Phase::B1, || {
        key.delta_g1 * s + key.beta_g1 + sum_of_products(&key.b_g1, &gather(&key.b_g2.wires, wires))
    })?;
    let b = options.run(Phase::B2, || key.vk.delta * s + key.vk.beta + answer(&key.b_g2, wires))?;
    let l = options.run(Phase::L, || answer(&key.l, wires))?;
    let h = options.run(Phase::H, || sum_of_products(&key.h, &quotient))?;
    let c = l + h + a * s + b1 * r - key.delta_g1 * (r * s);
    let proof = Proof { a: a.into_affine(), b: b.into_affine(), c: c.into_affine() };
    if options.skip_check {
        return Ok(proof);
    }
    let inputs = &wires[1..=key.matrices.n_inputs];
    let checked = options.run(Phase::Check, || verify(&key.vk, inputs, &proof))?;
    checked.map(|()| proof).map_err(|_| ProveError::SelfCheckFailed)
}

fn require_assignment(matrices: &Matrices, wires: &[Fr]) -> Result<(), ProveError> {
    if wires.len() != matrices.wires() {
        return Err(ProveError::WrongLength { expected: matrices.wires(), found: wires.len() });
    }
    if !wires[0].is_one() {
        return Err(ProveError::ConstantNotOne);
    }
    Ok(())
}

/// The numerator of the quotient on the coset: the constant denominator stands in the key.
fn quotient(key: &ProvingKey, wires: &[Fr]) -> Result<Vec<Fr>, ProveError> {
    let (mut a, mut b, mut c) = row_values(key, wires)?;
    [&mut a, &mut b, &mut c].into_par_iter().for_each(|values| key.domain.to_coset(values));
    (&mut a, b, c).into_par_iter().for_each(|(a, b, c)| *a = *a * b - c);
    Ok(a)
}

type RowValues = (Vec<Fr>, Vec<Fr>, Vec<Fr>);

/// Values of the three parts of each row, padded to the domain; the first row that does not hold is an error.
fn row_values(key: &ProvingKey, wires: &[Fr]) -> Result<RowValues, ProveError> {
    let Matrices { a, b, c, n_inputs, .. } = &key.matrices;
    let rows = a.rows();
    let [mut left, mut right, mut product] = [(); 3].map(|()| vec![Fr::zero(); key.domain.size()]);
    let broken = (&mut left[..rows], &mut right[..rows], &mut product[..rows])
        .into_par_iter()
        .enumerate()
        .filter_map(|(row, (left, right, product))| {
            *left = a.dot(row, wires);
            *right = b.dot(row, wires);
            *product = *left * *right;
            (c.dot(row, wires) != *product).then_some(row)
        })
        .min();
    if let Some(row) = broken {
        return Err(ProveError::Unsatisfied { row });
    }
    left[rows..=rows + n_inputs].copy_from_slice(&wires[..=*n_inputs]);
    Ok((left, right, product))
}

fn gather(places: &[u32], wires: &[Fr]) -> Vec<Fr> {
    places.iter().map(|wire| wires[*wire as usize]).collect()
}

fn answer<C: SWCurveConfig<ScalarField = Fr>>(query: &Query<Affine<C>>, wires: &[Fr]) -> Projective<C> {
    sum_of_products(&query.points, &gather(&query.wires, wires))
}

impl Proof {
    /// Refuses elements that are not of their group. The identity is one of the group; the equation deals with it.
    ///
    /// # Errors
    /// [`VerifyError::BadPoint`], naming the element.
    pub fn require_points(&self) -> Result<(), VerifyError> {
        let demands = [('A', is_point(&self.a)), ('B', is_point(&self.b)), ('C', is_point(&self.c))];
        match demands.iter().find(|(_, holds)| !holds) {
            Some((element, _)) => Err(VerifyError::BadPoint { element: *element }),
            None => Ok(()),
        }
    }
}

pub(crate) fn is_point<C: SWCurveConfig>(point: &Affine<C>) -> bool {
    point.is_on_curve() && point.is_in_correct_subgroup_assuming_on_curve()
}

/// Checks `e(A, B) = e(α, β) · e(IC(inputs), γ) · e(C, δ)`.
///
/// # Errors
/// [`VerifyError`]: a wrong number of inputs, an element that is no point, or the equation does not hold.
pub fn verify(key: &VerifyingKey, inputs: &[Fr], proof: &Proof) -> Result<(), VerifyError> {
    verify_product(&[Claim { key, inputs, proof }], &[1])
}

/// A statement and its proof.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// Key of the circuit.
    pub key: &'a VerifyingKey,
    /// Its public inputs.
    pub inputs: &'a [Fr],
    /// The proof.
    pub proof: &'a Proof,
}

/// Checks many proofs in one product of pairings: N for the proofs and three for each different key, so N + 7 for N proofs of
/// one key and one proof of another. Proof i counts `weights[i]` times; were all proofs but one sound, the other would still
/// pass with probability 2⁻¹²⁸ at most if the weights are drawn after everything in the claims is fixed. One weight may be 1.
///
/// # Errors
/// [`VerifyError`] of the first claim that is malformed, of the weights, or [`VerifyError::Rejected`] if any proof fails.
pub fn verify_product(claims: &[Claim<'_>], weights: &[u128]) -> Result<(), VerifyError> {
    require_weights(claims.len(), weights)?;
    claims.iter().try_for_each(require_claim)?;
    let mut sums: Vec<KeySum<'_>> = Vec::new();
    let mut pairs: Vec<(G1Affine, G2Affine)> = Vec::with_capacity(claims.len() + 6);
    for (claim, weight) in claims.iter().zip(weights) {
        let weight = Fr::from(*weight);
        pairs.push(((claim.proof.a * weight).into_affine(), claim.proof.b));
        match sums.iter_mut().find(|sum| sum.key == claim.key) {
            Some(sum) => sum.add(claim, weight),
            None => sums.push(KeySum::of(claim, weight)),
        }
    }
    pairs.extend(sums.iter().flat_map(KeySum::pairs));
    let (left, right): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    if Bn254::multi_pairing(left, right).is_zero() { Ok(()) } else { Err(VerifyError::Rejected) }
}

fn require_weights(proofs: usize, weights: &[u128]) -> Result<(), VerifyError> {
    let zero_at = weights.iter().position(|weight| *weight == 0);
    if proofs == 0 || proofs != weights.len() || zero_at.is_some() {
        return Err(VerifyError::BadWeights { proofs, weights: weights.len(), zero_at });
    }
    Ok(())
}

fn require_claim(claim: &Claim<'_>) -> Result<(), VerifyError> {
    if claim.inputs.len() != claim.key.n_inputs() || claim.key.ic.is_empty() {
        return Err(VerifyError::WrongInputCount { expected: claim.key.n_inputs(), found: claim.inputs.len() });
    }
    claim.proof.require_points()
}

/// What the proofs of one key add up to.
struct KeySum<'a> {
    key: &'a VerifyingKey,
    weight: Fr,
    inputs: Vec<Fr>,
    c: G1Projective,
}

impl<'a> KeySum<'a> {
    fn of(claim: &Claim<'a>, weight: Fr) -> Self {
        let inputs = vec![Fr::zero(); claim.inputs.len()];
        let mut sum = Self { key: claim.key, weight: Fr::zero(), inputs, c: G1Projective::zero() };
        sum.add(claim, weight);
        sum
    }

    fn add(&mut self, claim: &Claim<'a>, weight: Fr) {
        self.weight += weight;
        self.inputs.iter_mut().zip(claim.inputs).for_each(|(sum, input)| *sum += weight * input);
        self.c += claim.proof.c * weight;
    }

    fn pairs(&self) -> [(G1Affine, G2Affine); 3] {
        let inputs = self.key.ic[0] * self.weight + sum_of_products(&self.key.ic[1..], &self.inputs);
        let negated = |point: G1Projective| point.neg().into_affine();
        [
            (negated(self.key.alpha * self.weight), self.key.beta),
            (negated(inputs), self.key.gamma),
            (negated(self.c), self.key.delta),
        ]
    }
}
