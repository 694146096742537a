//! Proving and verifying keys of Groth16 over BN254: their making, and what must be true of one before it is used.
//!
//! The quadratic programme is the usual one, with a row for the constant and for each input added to the circuit's (so the
//! input polynomials are independent) and the quotient committed in the Lagrange basis of a coset (see [`crate::domain`]).
//! A proving key holds the circuit's matrices, so a proof needs no synthesis. Queries leave out wires whose point is the
//! identity. [`VerifyingKey::lint`] is to pass before a key is used for anything; reading one from a file includes it.

use std::collections::BTreeMap;
use std::fmt;

use ark_bn254::{Bn254, Fr, G1Affine, G1Projective, G2Affine, G2Projective};
use ark_ec::pairing::Pairing;
use ark_ec::short_weierstrass::{Affine, SWCurveConfig};
use ark_ec::{AffineRepr, CurveGroup, PrimeGroup};
use ark_ff::{FftField, Field, One, UniformRand, Zero};
use ark_std::rand::{CryptoRng, RngCore};
use rayon::prelude::*;

use crate::domain::Domain;
use crate::error::KeyError;
use crate::fingerprint::Fingerprint;
use crate::fixed_base::FixedBase;
use crate::matrices::{Matrices, SparseMatrix};
use crate::proof::is_point;

/// What a verifier holds: about 1 kB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyingKey {
    /// α in G1.
    pub alpha: G1Affine,
    /// β in G2.
    pub beta: G2Affine,
    /// γ in G2.
    pub gamma: G2Affine,
    /// δ in G2.
    pub delta: G2Affine,
    /// Points of the constant and of each public input, in this order.
    pub ic: Vec<G1Affine>,
    /// The circuit that it is a key of.
    pub fingerprint: Fingerprint,
}

/// Points of some wires, for the sum `Σ z_wire · point`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query<P> {
    /// Strictly increasing wire numbers.
    pub wires: Vec<u32>,
    /// The point of each.
    pub points: Vec<P>,
}

/// What a prover holds. At 2¹⁸ rows about 100 MB.
#[derive(Clone)]
pub struct ProvingKey {
    /// The other half.
    pub vk: VerifyingKey,
    /// β in G1.
    pub beta_g1: G1Affine,
    /// δ in G1.
    pub delta_g1: G1Affine,
    /// The rows.
    pub matrices: Matrices,
    /// Left polynomials at τ.
    pub a: Query<G1Affine>,
    /// Right polynomials at τ, in G1; of the same wires as `b_g2`.
    pub b_g1: Vec<G1Affine>,
    /// Right polynomials at τ, in G2.
    pub b_g2: Query<G2Affine>,
    /// `(β a + α b + c) / δ` of the witness wires.
    pub l: Query<G1Affine>,
    /// The coset's Lagrange polynomials times the vanishing polynomial's quotient by −2δ.
    pub h: Vec<G1Affine>,
    /// Roots of unity.
    pub(crate) domain: Domain,
}

/// Makes keys for a circuit with fresh randomness, which it forgets (without wiping memory: a real set-up is a ceremony).
///
/// # Errors
/// [`KeyError::TooLarge`] if the circuit has no evaluation domain.
pub fn setup(matrices: Matrices, rng: &mut (impl RngCore + CryptoRng)) -> Result<(ProvingKey, VerifyingKey), KeyError> {
    setup_from(matrices, &Secrets::draw(rng))
}

/// Makes keys for a circuit from secrets that are to be forgotten.
///
/// # Errors
/// [`KeyError::TooLarge`] if the circuit has no evaluation domain.
pub fn setup_from(matrices: Matrices, secrets: &Secrets) -> Result<(ProvingKey, VerifyingKey), KeyError> {
    let domain = domain_of(&matrices)?;
    let key = generate(matrices, domain, secrets);
    let vk = key.vk.clone();
    Ok((key, vk))
}

pub(crate) fn domain_of(matrices: &Matrices) -> Result<Domain, KeyError> {
    Domain::new(matrices.domain_size()).ok_or(KeyError::TooLarge { rows: matrices.rows() })
}

/// What nobody may know. γ and δ are of one circuit's keys; α, β and τ may be behind those of several, as they are where a ceremony
/// starts from one file of powers.
pub struct Secrets {
    alpha: Fr,
    beta: Fr,
    gamma: Fr,
    delta: Fr,
    tau: Fr,
}

impl Secrets {
    /// Fresh ones.
    pub fn draw(rng: &mut (impl RngCore + CryptoRng)) -> Self {
        loop {
            let [alpha, beta, gamma, delta, tau] = [(); 5].map(|()| Fr::rand(rng));
            let drawn = Self { alpha, beta, gamma, delta, tau };
            // Another draw has a probability of 2⁻²²⁵.
            if drawn.usable() {
                return drawn;
            }
        }
    }

    /// The same with another γ and δ: for keys of another circuit.
    #[must_use]
    pub fn renewed(&self, rng: &mut (impl RngCore + CryptoRng)) -> Self {
        loop {
            let [gamma, delta] = [(); 2].map(|()| Fr::rand(rng));
            let drawn = Self { gamma, delta, ..*self };
            if drawn.usable() {
                return drawn;
            }
        }
    }

    /// No secret is 0, γ is not δ, and τ is a point of no domain and of no coset: these are roots of unity of powers of two.
    fn usable(&self) -> bool {
        let Self { alpha, beta, gamma, delta, tau } = self;
        [alpha, beta, gamma, delta, tau].iter().all(|secret| !secret.is_zero())
            && gamma != delta
            && tau.pow([1 << Fr::TWO_ADICITY]) != Fr::one()
    }
}

fn generate(matrices: Matrices, domain: Domain, secrets: &Secrets) -> ProvingKey {
    let inverse = |value: Fr| value.inverse().expect("it is not 0");
    let rows = domain.lagrange_at(secrets.tau).expect("τ is no point of the domain");
    let (a, b, c) = polynomials(&matrices, &rows);
    let combined: Vec<Fr> =
        (&a, &b, &c).into_par_iter().map(|(a, b, c)| secrets.beta * a + secrets.alpha * b + c).collect();
    let (inputs, witness) = combined.split_at(1 + matrices.n_inputs);
    let (gamma_inverse, delta_inverse) = (inverse(secrets.gamma), inverse(secrets.delta));
    let ic: Vec<Fr> = inputs.iter().map(|value| *value * gamma_inverse).collect();
    let l: Vec<Fr> = witness.iter().map(|value| *value * delta_inverse).collect();
    let factor = -domain.vanishing_at(secrets.tau) * delta_inverse * inverse(Fr::from(2u64));
    let coset = domain.coset_lagrange_at(secrets.tau).expect("τ is no point of the coset");
    let h: Vec<Fr> = coset.into_par_iter().map(|value| value * factor).collect();

    let g1 = FixedBase::new(G1Projective::generator(), 4 * a.len());
    let g2 = FixedBase::new(G2Projective::generator(), a.len());
    let vk = VerifyingKey {
        alpha: (G1Projective::generator() * secrets.alpha).into_affine(),
        beta: (G2Projective::generator() * secrets.beta).into_affine(),
        gamma: (G2Projective::generator() * secrets.gamma).into_affine(),
        delta: (G2Projective::generator() * secrets.delta).into_affine(),
        ic: g1.multiples(&ic),
        fingerprint: Fingerprint::of(&matrices),
    };
    let (b_wires, b_values) = non_zero(&b, 0);
    let points = |(wires, values): (Vec<u32>, Vec<Fr>)| Query { wires, points: g1.multiples(&values) };
    ProvingKey {
        vk,
        beta_g1: (G1Projective::generator() * secrets.beta).into_affine(),
        delta_g1: (G1Projective::generator() * secrets.delta).into_affine(),
        a: points(non_zero(&a, 0)),
        b_g1: g1.multiples(&b_values),
        b_g2: Query { wires: b_wires, points: g2.multiples(&b_values) },
        l: points(non_zero(&l, 1 + matrices.n_inputs)),
        h: g1.multiples(&h),
        matrices,
        domain,
    }
}

/// The three polynomials of every wire at τ, given the values of the rows' Lagrange polynomials there.
fn polynomials(matrices: &Matrices, rows: &[Fr]) -> (Vec<Fr>, Vec<Fr>, Vec<Fr>) {
    let of = |matrix: &SparseMatrix| {
        let mut values = vec![Fr::zero(); matrices.wires()];
        for (row, factor) in rows.iter().enumerate().take(matrix.rows()) {
            matrix.row(row).for_each(|(k, wire)| values[wire as usize] += k * factor);
        }
        values
    };
    let mut a = of(&matrices.a);
    for (value, factor) in a.iter_mut().take(1 + matrices.n_inputs).zip(&rows[matrices.rows()..]) {
        *value += factor;
    }
    (a, of(&matrices.b), of(&matrices.c))
}

fn non_zero(values: &[Fr], first_wire: usize) -> (Vec<u32>, Vec<Fr>) {
    let wires = u32::try_from(first_wire).expect("wires are numbered by 32 bits")..;
    wires.zip(values).filter(|(_, value)| !value.is_zero()).map(|(wire, value)| (wire, *value)).unzip()
}

impl VerifyingKey {
    /// Number of public inputs.
    #[must_use]
    pub fn n_inputs(&self) -> usize {
        self.ic.len().saturating_sub(1)
    }

    /// Refuses a key under which false statements could be proven, or that no sound set-up makes: points off the curve or outside
    /// the subgroup, the identity or a generator in place of a random point, two of `beta`, `gamma` and `delta` the same up to sign
    /// (under `gamma = delta` the proof `A = α, B = β, C = −IC(x)` holds for every x), inputs that share a point. `docs/prover.md`
    /// says what each rule prevents.
    ///
    /// # Errors
    /// The [`KeyError`] of the first fault found.
    pub fn lint(&self) -> Result<(), KeyError> {
        require_random("alpha", 0, &self.alpha)?;
        let of_g2 = [("beta", &self.beta), ("gamma", &self.gamma), ("delta", &self.delta)];
        for (at, (second, point)) in of_g2.into_iter().enumerate() {
            require_random(second, 0, point)?;
            if let Some((first, _)) = of_g2[..at].iter().find(|(_, other)| other.x == point.x) {
                return Err(KeyError::SamePoint { first, second });
            }
        }
        if self.ic.is_empty() {
            return Err(KeyError::Malformed { part: "ic", reason: "there is no point for the constant".to_owned() });
        }
        self.ic.iter().enumerate().try_for_each(|(index, point)| require_random("ic", index, point))?;
        self.require_independent_inputs()
    }

    fn require_independent_inputs(&self) -> Result<(), KeyError> {
        let mut seen = BTreeMap::new();
        for (second, point) in self.ic.iter().enumerate().skip(1) {
            if let Some(first) = seen.insert(point.x, second) {
                return Err(KeyError::InputsNotIndependent { first, second });
            }
        }
        Ok(())
    }
}

impl ProvingKey {
    /// Refuses a proving key whose parts do not fit each other. Points of the queries are known to lie on the curve when
    /// they come from a file; that they are the right ones shows in the self-check of each proof.
    ///
    /// # Errors
    /// The [`KeyError`] of the first fault found.
    pub fn lint(&self) -> Result<(), KeyError> {
        self.vk.lint()?;
        let matches = |g1: G1Affine, g2: G2Affine| {
            !g1.is_zero() && Bn254::pairing(g1, G2Affine::generator()) == Bn254::pairing(G1Affine::generator(), g2)
        };
        let (inputs, wires) = (self.matrices.n_inputs, self.matrices.wires());
        let ordered = |list: &[u32], first: usize| {
            list.windows(2).all(|pair| pair[0] < pair[1])
                && list.first().is_none_or(|wire| *wire as usize >= first)
                && list.last().is_none_or(|wire| (*wire as usize) < wires)
        };
        let demands = [
            ("number of inputs", self.vk.n_inputs() == inputs),
            ("beta", matches(self.beta_g1, self.vk.beta)),
            ("delta", matches(self.delta_g1, self.vk.delta)),
            ("wires of a", ordered(&self.a.wires, 0) && self.a.wires.len() == self.a.points.len()),
            ("wires of b", ordered(&self.b_g2.wires, 0) && self.b_g2.wires.len() == self.b_g2.points.len()),
            ("points of b", self.b_g1.len() == self.b_g2.points.len()),
            ("wires of l", ordered(&self.l.wires, 1 + inputs) && self.l.wires.len() == self.l.points.len()),
            ("points of h", self.h.len() == self.domain.size()),
        ];
        match demands.iter().find(|(_, holds)| !holds) {
            Some((part, _)) => Err(KeyError::Inconsistent { part }),
            None => Ok(()),
        }
    }

    /// Refuses a key of another circuit.
    ///
    /// # Errors
    /// [`KeyError::WrongCircuit`], naming both fingerprints.
    pub fn require_circuit(&self, expected: Fingerprint) -> Result<(), KeyError> {
        require_same(expected, self.vk.fingerprint)
    }

    /// Bytes that the key holds in memory.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let g1 = self.a.points.len() + self.b_g1.len() + self.l.points.len() + self.h.len();
        let numbers = self.a.wires.len() + self.b_g2.wires.len() + self.l.wires.len();
        64 * g1 + 128 * self.b_g2.points.len() + 4 * numbers + self.matrices.bytes() + 96 * self.domain.size()
    }
}

impl fmt::Debug for ProvingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProvingKey of circuit {}, {} rows", self.vk.fingerprint, self.matrices.rows())
    }
}

pub(crate) fn require_same(expected: Fingerprint, found: Fingerprint) -> Result<(), KeyError> {
    if expected == found { Ok(()) } else { Err(KeyError::WrongCircuit { expected, found }) }
}

/// A point of the subgroup that is neither the identity nor the generator nor its negative.
fn require_random<C: SWCurveConfig>(part: &'static str, index: usize, point: &Affine<C>) -> Result<(), KeyError> {
    if point.is_zero() || point.x == C::GENERATOR.x {
        return Err(KeyError::TrivialPoint { part, index });
    }
    if !is_point(point) {
        return Err(KeyError::BadPoint { part, index });
    }
    Ok(())
}
