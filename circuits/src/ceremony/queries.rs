//! The points of a key before any contribution, δ = γ = 1: what circuit and powers alone determine.
//!
//! The Lagrange polynomials of the rows at τ come from the powers by an inverse transform in the group, once for each of τ, ατ, βτ in
//! G1 and τ in G2; a wire's point is their sum with its coefficients. The quotient's points are those of the odd 2n-th roots among the
//! Lagrange polynomials of all 2n of them: on the even ones an honest numerator vanishes. They would take powers up to 2n − 1, of
//! which a file of the usual size lacks the last; its coefficient in a numerator of degree 2n − 2 is zero, so its point is left out.
//! Which wires have a point is read off the circuit. [`crate::ceremony::check`] verifies all this without a transform in a group.

use std::ops::Neg;

use ark_bn254::{Fr, G1Affine, G1Projective, G2Affine};
use ark_ec::short_weierstrass::{Affine, Projective, SWCurveConfig};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{FftField, Field, One, Zero};
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
use rayon::prelude::*;
use zeroize::Zeroizing;

use crate::ceremony::contribution::Secrets;
use crate::ceremony::error::CeremonyError;
use crate::ceremony::parts::OfSubject;
use crate::ceremony::ptau::Powers;
use crate::ceremony::watch::Watch;
use crate::error::{Error, KeyError};
use crate::matrices::{Matrices, SparseMatrix};
use crate::msm::sum_of_products;

/// The points of a key, in the order of [`Places`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Points {
    /// α in G1.
    pub alpha_g1: G1Affine,
    /// β in G1.
    pub beta_g1: G1Affine,
    /// β in G2.
    pub beta_g2: G2Affine,
    /// Left polynomials.
    pub a: Vec<G1Affine>,
    /// Right polynomials in G1.
    pub b_g1: Vec<G1Affine>,
    /// Right polynomials in G2.
    pub b_g2: Vec<G2Affine>,
    /// Of the constant and the inputs, divided by γ.
    pub ic: Vec<G1Affine>,
    /// Of the witness wires, divided by δ.
    pub l: Vec<G1Affine>,
    /// Of the quotient, divided by δ.
    pub h: Vec<G1Affine>,
}

impl Points {
    /// Divides by the factors of a contribution: the points of inputs by that of γ, of the witness and the quotient by that of δ.
    pub(crate) fn scale_by_inverses(&mut self, secrets: &Secrets) {
        let inverse = |factor: &Fr| Zeroizing::new(factor.inverse().expect("a contribution of zero is not recorded"));
        let (by_gamma, by_delta) = (inverse(&secrets.gamma), inverse(&secrets.delta));
        for (points, factor) in [(&mut self.ic, &by_gamma), (&mut self.l, &by_delta), (&mut self.h, &by_delta)] {
            let multiples: Vec<G1Projective> = points.par_iter().map(|point| *point * **factor).collect();
            *points = Projective::normalize_batch(&multiples);
        }
    }
}

/// Which wires have points: those that a row names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Places {
    pub(crate) a: Vec<u32>,
    pub(crate) b: Vec<u32>,
    pub(crate) l: Vec<u32>,
}

impl Places {
    pub(crate) fn of(matrices: &Matrices) -> Self {
        let inputs = 1 + matrices.n_inputs;
        let (mut a, b, c) = (named(&matrices.a, matrices), named(&matrices.b, matrices), named(&matrices.c, matrices));
        let any: Vec<bool> =
            (0..matrices.wires()).map(|wire| wire >= inputs && (a[wire] || b[wire] || c[wire])).collect();
        // Every input has a row of its own besides.
        a[..inputs].fill(true);
        Self { a: numbers(&a), b: numbers(&b), l: numbers(&any) }
    }
}

fn named(matrix: &SparseMatrix, matrices: &Matrices) -> Vec<bool> {
    let mut named = vec![false; matrices.wires()];
    (0..matrix.rows()).flat_map(|row| matrix.row(row)).for_each(|(_, wire)| named[wire as usize] = true);
    named
}

fn numbers(named: &[bool]) -> Vec<u32> {
    (0..).zip(named).filter(|(_, named)| **named).map(|(wire, _)| wire).collect()
}

/// The evaluation domain of a circuit.
pub(crate) fn domain_of(matrices: &Matrices) -> Result<Radix2EvaluationDomain<Fr>, KeyError> {
    let too_large = KeyError::TooLarge { rows: matrices.rows() };
    // Its coset must be there, too: twice as many roots.
    let fits = Fr::get_root_of_unity(2 * matrices.domain_size() as u64).is_some();
    Radix2EvaluationDomain::new(matrices.domain_size()).filter(|_| fits).ok_or(too_large)
}

/// A root of unity of twice the domain's order, whose odd powers are the quotient's points.
pub(crate) fn shift_of(domain: &Radix2EvaluationDomain<Fr>) -> Fr {
    Fr::get_root_of_unity(2 * domain.size).expect("looked at when the domain was made")
}

/// The points of a circuit for δ = γ = 1. What `parts` has of them is taken, what is made is put there: who calls checks the result.
pub(crate) fn initial(
    matrices: &Matrices,
    powers: &Powers,
    parts: &OfSubject,
    watch: &Watch<'_>,
) -> Result<Points, Error> {
    let domain = domain_of(matrices)?;
    let stages = Stages { matrices, powers, domain: &domain };
    let wires = matrices.wires();
    let mut lists = parts.g1("rows of tau", &[wires; 3], watch, || stages.of_tau())?.into_iter();
    let [a, b_g1, mut combined] = [(); 3].map(|()| lists.next().expect("three lists, as asked for"));
    combined = added(&combined, &parts.g1("rows of alpha", &[wires], watch, || vec![stages.of_alpha()])?[0]);
    combined = added(&combined, &parts.g1("rows of beta", &[wires], watch, || vec![stages.of_beta()])?[0]);
    let b_g2 = parts.g2("rows of tau in G2", &[wires], watch, || vec![stages.of_tau_in_g2()])?.remove(0);
    let h = parts.g1("quotient", &[domain.size()], watch, || vec![quotient(&domain, &powers.tau_g1)])?.remove(0);
    let (inputs, places) = (1 + matrices.n_inputs, Places::of(matrices));
    Ok(Points {
        alpha_g1: powers.alpha_g1[0],
        beta_g1: powers.beta_g1[0],
        beta_g2: powers.beta_g2,
        a: chosen("a", &a, &places.a)?,
        b_g1: chosen("b in G1", &b_g1, &places.b)?,
        b_g2: chosen("b in G2", &b_g2, &places.b)?,
        ic: complete("ic", combined.iter().take(inputs).copied().collect())?,
        l: chosen("l", &combined, &places.l)?,
        h: complete("h", h)?,
    })
}

/// The work that takes long, in parts that can be kept.
struct Stages<'a> {
    matrices: &'a Matrices,
    powers: &'a Powers,
    domain: &'a Radix2EvaluationDomain<Fr>,
}

impl Stages<'_> {
    /// Left, right and product polynomials of every wire.
    fn of_tau(&self) -> Vec<Vec<G1Affine>> {
        let rows = lagrange(self.domain, &self.powers.tau_g1[..self.domain.size()]);
        vec![self.left(&rows), self.columns(&self.matrices.b, &rows), self.columns(&self.matrices.c, &rows)]
    }

    /// α times the right polynomials.
    fn of_alpha(&self) -> Vec<G1Affine> {
        self.columns(&self.matrices.b, &lagrange(self.domain, &self.powers.alpha_g1))
    }

    /// β times the left polynomials.
    fn of_beta(&self) -> Vec<G1Affine> {
        self.left(&lagrange(self.domain, &self.powers.beta_g1))
    }

    fn of_tau_in_g2(&self) -> Vec<G2Affine> {
        self.columns(&self.matrices.b, &lagrange(self.domain, &self.powers.tau_g2))
    }

    fn left(&self, rows: &[G1Affine]) -> Vec<G1Affine> {
        let mut sums = column_sums(&self.matrices.a, self.matrices.wires(), rows);
        let inputs = sums.iter_mut().take(1 + self.matrices.n_inputs);
        inputs.zip(&rows[self.matrices.rows()..]).for_each(|(sum, row)| *sum += row);
        Projective::normalize_batch(&sums)
    }

    fn columns<C: SWCurveConfig<ScalarField = Fr>>(&self, matrix: &SparseMatrix, rows: &[Affine<C>]) -> Vec<Affine<C>> {
        Projective::normalize_batch(&column_sums(matrix, self.matrices.wires(), rows))
    }
}

fn added(left: &[G1Affine], right: &[G1Affine]) -> Vec<G1Affine> {
    let sums: Vec<G1Projective> = left.par_iter().zip(right).map(|(left, right)| *left + right).collect();
    Projective::normalize_batch(&sums)
}

/// The Lagrange polynomials of the domain at τ.
fn lagrange<C: SWCurveConfig<ScalarField = Fr>>(
    domain: &Radix2EvaluationDomain<Fr>,
    powers: &[Affine<C>],
) -> Vec<Affine<C>> {
    let mut points: Vec<Projective<C>> = powers.par_iter().map(|point| Projective::from(*point)).collect();
    domain.ifft_in_place(&mut points);
    Projective::normalize_batch(&points)
}

/// The points of the quotient: with ω the root of order 2n, `(ω⁻ᵏ (τᵏ − τⁿ⁺ᵏ) / 2)` for k < n, τ²ⁿ⁻¹ counted as zero, transformed.
fn quotient(domain: &Radix2EvaluationDomain<Fr>, tau: &[G1Affine]) -> Vec<G1Affine> {
    let size = domain.size();
    let factors = halved_powers(domain);
    let term = |(at, factor): (usize, &Fr)| {
        let low = tau[at].into();
        let difference: G1Projective = tau.get(size + at).map_or(low, |high| low - high);
        difference * factor
    };
    let mut points: Vec<G1Projective> = factors.par_iter().enumerate().map(term).collect();
    domain.ifft_in_place(&mut points);
    Projective::normalize_batch(&points)
}

/// `ω⁻ᵏ / 2` for k < n, with ω the root of order 2n.
pub(crate) fn halved_powers(domain: &Radix2EvaluationDomain<Fr>) -> Vec<Fr> {
    let inverse = shift_of(domain).inverse().expect("a root of unity is not zero");
    let half = Fr::from(2u64).inverse().expect("the characteristic is not 2");
    std::iter::successors(Some(half), |power| Some(*power * inverse)).take(domain.size()).collect()
}

/// The sum of the rows' points for each wire, with its coefficients.
fn column_sums<C: SWCurveConfig<ScalarField = Fr>>(
    matrix: &SparseMatrix,
    wires: usize,
    rows: &[Affine<C>],
) -> Vec<Projective<C>> {
    let mut entries: Vec<Vec<(Fr, u32)>> = vec![Vec::new(); wires];
    for row in 0..matrix.rows() {
        for (coefficient, wire) in matrix.row(row) {
            entries[wire as usize].push((coefficient, u32::try_from(row).expect("rows are numbered by 32 bits")));
        }
    }
    entries.par_iter().map(|column| column_sum(column, rows)).collect()
}

fn column_sum<C: SWCurveConfig<ScalarField = Fr>>(column: &[(Fr, u32)], rows: &[Affine<C>]) -> Projective<C> {
    let mut sum = Projective::zero();
    let (mut points, mut scalars) = (Vec::new(), Vec::new());
    for (coefficient, row) in column {
        let point = rows[*row as usize];
        if coefficient.is_one() {
            sum += point;
        } else if coefficient.neg().is_one() {
            sum -= point;
        } else {
            points.push(point);
            scalars.push(*coefficient);
        }
    }
    sum + sum_of_products(&points, &scalars)
}

fn chosen<C: SWCurveConfig>(
    query: &'static str,
    points: &[Affine<C>],
    places: &[u32],
) -> Result<Vec<Affine<C>>, CeremonyError> {
    complete(query, places.iter().map(|wire| points[*wire as usize]).collect())
}

/// A point that is the identity though the circuit gives it coefficients: powers that were made to fit the circuit.
fn complete<C: SWCurveConfig>(query: &'static str, points: Vec<Affine<C>>) -> Result<Vec<Affine<C>>, CeremonyError> {
    if points.iter().any(AffineRepr::is_zero) { Err(CeremonyError::WrongQuery { query }) } else { Ok(points) }
}
