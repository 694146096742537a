//! What makes a transcript true: checked from it, the circuit and the file of powers, and nothing else.
//!
//! The contributions: each proves its secrets at its place and continues the one before. Then the points: those that circuit and
//! powers give, divided by what δ and γ have become. No transform in a group is needed for this: with random r, `Σ r_w p_w` over a
//! list must be one combination of the powers, whose coefficients are those of a polynomial with values `Σ r_w a_{i,w}` at the rows.
//! A list with one wrong point passes with probability 2⁻²⁵⁴; what is divided by δ or γ is compared by a pairing with δ or γ. So
//! it is enough to look at the points after the last contribution: what they were in between does not matter.

use ark_bn254::{Fr, G1Affine, G1Projective, G2Affine};
use ark_ec::short_weierstrass::{Affine, Projective, SWCurveConfig};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{UniformRand, Zero};
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
use ark_std::rand::{CryptoRng, RngCore};

use crate::ceremony::beacon;
use crate::ceremony::contribution::{Accumulated, Source};
use crate::ceremony::error::CeremonyError;
use crate::ceremony::ptau::{Powers, same_product};
use crate::ceremony::queries::{Places, Points, domain_of, halved_powers};
use crate::ceremony::transcript::Transcript;
use crate::ceremony::watch::Watch;
use crate::error::Error;
use crate::fingerprint::{Fingerprint, to_hex};
use crate::matrices::{Matrices, SparseMatrix};
use crate::msm::sum_of_products;

impl Transcript {
    /// Checks all of it. `rng` must be one that no author of the transcript could foresee.
    ///
    /// # Errors
    /// [`Error::Ceremony`] with the first fault.
    pub fn verify(
        &self,
        matrices: &Matrices,
        powers: &Powers,
        rng: &mut (impl RngCore + CryptoRng),
        watch: &Watch<'_>,
    ) -> Result<(), Error> {
        self.require_circuit(Fingerprint::of(matrices))?;
        if self.subject.powers != powers.hash {
            let (expected, found) = (to_hex(&self.subject.powers), to_hex(&powers.hash));
            return Err(CeremonyError::WrongPowers { expected, found }.into());
        }
        watch.phase("contributions", || self.verify_records())??;
        let check = Check::new(matrices, powers, rng)?;
        watch.phase("points", || check.points(&self.points, &self.accumulated()))??;
        Ok(())
    }

    /// Checks the contributions: what can be said without circuit and powers.
    ///
    /// # Errors
    /// The first fault.
    pub fn verify_records(&self) -> Result<(), CeremonyError> {
        let chains = self.chains();
        let mut before = Accumulated::start();
        for (at, (record, chain)) in self.records.iter().zip(&chains).enumerate() {
            let contribution = at + 1;
            let previous = at.checked_sub(1).map(|at| &self.records[at].source);
            if matches!(previous, Some(Source::Beacon { .. })) {
                return Err(CeremonyError::AfterBeacon { contribution });
            }
            record.verify(contribution, chain, &before)?;
            beacon::verify(record, contribution, chain, &before)?;
            before = Accumulated::after(record);
        }
        Ok(())
    }

    /// Refuses a transcript of another circuit.
    ///
    /// # Errors
    /// [`CeremonyError::WrongCircuit`].
    pub fn require_circuit(&self, expected: Fingerprint) -> Result<(), CeremonyError> {
        let (circuit, found) = (self.subject.circuit.clone(), self.subject.fingerprint);
        if expected == found { Ok(()) } else { Err(CeremonyError::WrongCircuit { circuit, expected, found }) }
    }

    /// Refuses a ceremony whose keys nobody should use yet.
    ///
    /// # Errors
    /// [`CeremonyError::NotOver`].
    pub fn require_over(&self) -> Result<(), CeremonyError> {
        match self.records.len() {
            _ if !self.is_over() => Err(CeremonyError::NotOver { missing: "it lacks its beacon" }),
            1 => Err(CeremonyError::NotOver { missing: "it has no contribution but the beacon, which anybody knows" }),
            _ => Ok(()),
        }
    }
}

/// Random factors for one circuit, and what they make of its rows.
struct Check<'a> {
    matrices: &'a Matrices,
    powers: &'a Powers,
    domain: Radix2EvaluationDomain<Fr>,
    places: Places,
    /// A factor for each wire.
    wires: Vec<Fr>,
    /// A factor for each point of the quotient.
    quotient: Vec<Fr>,
}

impl<'a> Check<'a> {
    fn new(matrices: &'a Matrices, powers: &'a Powers, rng: &mut (impl RngCore + CryptoRng)) -> Result<Self, Error> {
        let domain = domain_of(matrices).map_err(CeremonyError::from)?;
        let mut factors = |count: usize| (0..count).map(|_| Fr::rand(rng)).collect();
        let (wires, quotient) = (factors(matrices.wires()), factors(domain.size()));
        Ok(Self { matrices, powers, domain, places: Places::of(matrices), wires, quotient })
    }

    fn points(&self, points: &Points, now: &Accumulated) -> Result<(), CeremonyError> {
        self.require_counts(points)?;
        let (g1, g2) = (G1Affine::generator(), G2Affine::generator());
        let all = |_| true;
        let (left, right) = (self.left(all), self.right(all));
        let inputs = 1 + self.matrices.n_inputs;
        let (of_inputs, of_witness) = (self.combined(|wire| wire < inputs), self.combined(|wire| wire >= inputs));
        let tau = &self.powers.tau_g1[..self.domain.size()];
        let demands = [
            ("alpha", points.alpha_g1 == self.powers.alpha_g1[0]),
            ("beta", points.beta_g1 == self.powers.beta_g1[0]),
            ("beta in G2", points.beta_g2 == self.powers.beta_g2),
            ("a", self.sum(&points.a, &self.places.a) == sum_of_products(tau, &left)),
            ("b in G1", self.sum(&points.b_g1, &self.places.b) == sum_of_products(tau, &right)),
            ("b in G2", self.sum(&points.b_g2, &self.places.b) == sum_of_products(&self.powers.tau_g2, &right)),
            ("ic", same_product((self.inputs_sum(&points.ic), now.gamma_g2), (of_inputs, g2))),
            ("l", same_product((self.sum(&points.l, &self.places.l).into_affine(), now.delta_g2), (of_witness, g2))),
            ("h", same_product((self.quotient_sum(&points.h), now.delta_g2), (self.quotient_of_powers(), g2))),
            // Both halves of δ are in the key; that they are halves of one is a matter of the contributions.
            ("delta", same_product((now.delta_g1, g2), (g1, now.delta_g2))),
        ];
        demands.iter().try_for_each(|&(query, holds)| holds.then_some(()).ok_or(CeremonyError::WrongQuery { query }))
    }

    fn require_counts(&self, points: &Points) -> Result<(), CeremonyError> {
        let counts = [
            ("a", points.a.len(), self.places.a.len()),
            ("b in G1", points.b_g1.len(), self.places.b.len()),
            ("b in G2", points.b_g2.len(), self.places.b.len()),
            ("ic", points.ic.len(), 1 + self.matrices.n_inputs),
            ("l", points.l.len(), self.places.l.len()),
            ("h", points.h.len(), self.domain.size()),
        ];
        match counts.iter().find(|(_, found, expected)| found != expected) {
            Some(&(query, ..)) => Err(CeremonyError::WrongQuery { query }),
            None => Ok(()),
        }
    }

    fn sum<C: SWCurveConfig<ScalarField = Fr>>(&self, points: &[Affine<C>], places: &[u32]) -> Projective<C> {
        let factors: Vec<Fr> = places.iter().map(|wire| self.wires[*wire as usize]).collect();
        sum_of_products(points, &factors)
    }

    fn inputs_sum(&self, ic: &[G1Affine]) -> G1Affine {
        sum_of_products(ic, &self.wires[..ic.len()]).into_affine()
    }

    fn quotient_sum(&self, h: &[G1Affine]) -> G1Affine {
        sum_of_products(h, &self.quotient).into_affine()
    }

    /// Coefficients of the random combination of the left polynomials of some wires.
    fn left(&self, taken: impl Fn(usize) -> bool) -> Vec<Fr> {
        let mut values = self.row_values(&self.matrices.a, &taken);
        for wire in (0..=self.matrices.n_inputs).filter(|wire| taken(*wire)) {
            values[self.matrices.rows() + wire] += self.wires[wire];
        }
        self.domain.ifft(&values)
    }

    fn right(&self, taken: impl Fn(usize) -> bool) -> Vec<Fr> {
        self.domain.ifft(&self.row_values(&self.matrices.b, &taken))
    }

    /// The combination of `β a + α b + c` of some wires, from the powers.
    fn combined(&self, taken: impl Fn(usize) -> bool + Copy) -> G1Affine {
        let product = self.domain.ifft(&self.row_values(&self.matrices.c, &taken));
        let sum: G1Projective = sum_of_products(&self.powers.beta_g1, &self.left(taken))
            + sum_of_products(&self.powers.alpha_g1, &self.right(taken))
            + sum_of_products(&self.powers.tau_g1[..self.domain.size()], &product);
        sum.into_affine()
    }

    fn row_values(&self, matrix: &SparseMatrix, taken: &impl Fn(usize) -> bool) -> Vec<Fr> {
        let mut values = vec![Fr::zero(); self.domain.size()];
        for (row, value) in values.iter_mut().enumerate().take(matrix.rows()) {
            let terms = matrix.row(row).filter(|(_, wire)| taken(*wire as usize));
            *value = terms.map(|(coefficient, wire)| coefficient * self.wires[wire as usize]).sum();
        }
        values
    }

    /// The combination of the quotient's points before any contribution, from the powers: a transform of the factors is one of the
    /// points.
    fn quotient_of_powers(&self) -> G1Affine {
        let size = self.domain.size();
        let transformed = self.domain.ifft(&self.quotient);
        let low: Vec<Fr> =
            transformed.iter().zip(halved_powers(&self.domain)).map(|(value, half)| *value * half).collect();
        let high: Vec<Fr> = low[..size - 1].iter().map(|value| -*value).collect();
        let tau = &self.powers.tau_g1;
        (sum_of_products(&tau[..size], &low) + sum_of_products(&tau[size..], &high)).into_affine()
    }
}
