//! Proving a cleared batch, and checking what comes out.
//!
//! A settlement crosses as an object with the attributes of `prover.settlement.Settlement`, and back as a dictionary of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use ark_std::rand::SeedableRng;
use ark_std::rand::rngs::StdRng;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use tacit_circuits::keys::ProvingKey;
use tacit_circuits::proof::{self, Blinding, Options};
use tacit_circuits::settlement::{self as circuits, LockedDeposit, Queues, SettlementError as Refusal};
use tacit_circuits::{error::Error, snarkjs};
use tacit_core::batch::Context;
use tacit_core::field::F;
use tacit_core::params::Params;

use crate::batch::Cleared;
use crate::error::{Failure, SettlementError, raise};
use crate::field::{Field, Number};
use crate::interrupt::{self, Cancellation};
use crate::keys::{ProvingKeys, VerifyingKeys};

/// Eight words of a proof: A.x, A.y, B.x imaginary, B.x real, B.y imaginary, B.y real, C.x, C.y.
pub(crate) type Words = [Number; 8];

/// Bytes of a fixed number.
pub struct Fixed<const N: usize>([u8; N]);

impl<const N: usize> Fixed<N> {
    /// The bytes.
    pub const fn bytes(&self) -> [u8; N] {
        self.0
    }
}

impl<'py, const N: usize> FromPyObject<'_, 'py> for Fixed<N> {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let object = object.cast::<PyBytes>()?;
        let bytes = object.as_bytes();
        let wrong = || {
            raise::<SettlementError>(
                format!("{N} bytes expected, {} given", bytes.len()),
                vec![("bytes", bytes.len().into())],
            )
        };
        Ok(Self(bytes.try_into().map_err(|_| wrong())?))
    }
}

/// `prover.batch.Context`.
#[derive(FromPyObject)]
struct ContextParts {
    domain: Field,
    batch: u32,
    last_void: u32,
    time: u64,
    fee_rate: u16,
    num: u8,
    den: u8,
}

impl From<ContextParts> for Context {
    fn from(parts: ContextParts) -> Self {
        let ContextParts { domain, batch, last_void, time, fee_rate, num, den } = parts;
        Self { domain: domain.0, batch, last_void, time, fee_rate, num, den }
    }
}

/// `prover.settlement.SegmentPart`.
#[derive(FromPyObject, IntoPyObject)]
struct SegmentParts {
    root: Field,
    sums: Field,
    tau: Field,
    proof: Option<Words>,
}

impl SegmentParts {
    fn unproven(part: &circuits::SegmentPart) -> Self {
        Self { root: Field(part.root), sums: Field(part.sums), tau: Field(part.tau), proof: None }
    }
}

/// `prover.settlement.ClosingPart`.
#[derive(FromPyObject, IntoPyObject)]
struct ClosingParts {
    auction_root: Field,
    tau: Field,
    proof: Option<Words>,
}

/// `prover.settlement.Settlement`.
#[derive(FromPyObject)]
pub struct SettlementParts {
    params: String,
    context: ContextParts,
    start_root: Field,
    seal_root: Fixed<32>,
    active_orders: u32,
    deposit_end: u64,
    exit_end: u64,
    risk_root: Field,
    segments: Vec<SegmentParts>,
    closing: ClosingParts,
    words: Vec<Field>,
    beneficiary: Fixed<20>,
}

/// `prover.settlement.Expected`.
#[derive(FromPyObject)]
pub struct ExpectedParts {
    context: ContextParts,
    start_root: Field,
    seal_root: Fixed<32>,
    active_orders: u32,
    deposit_end: u64,
    exit_end: u64,
    risk_root: Field,
    deposits: BTreeMap<u32, (u64, Field)>,
    exits: BTreeMap<u32, u64>,
    settled: BTreeMap<u32, u64>,
}

fn words_of(proof: &proof::Proof) -> Words {
    proof.to_words().map(|mut word| {
        word.reverse();
        Number(tacit_core::field::integer_from_le_bytes(&word))
    })
}

pub(crate) fn proof_of(words: Words) -> Result<proof::Proof, Failure> {
    let words = words.map(|number| {
        let mut word = tacit_core::field::integer_to_le_bytes(&number.0);
        word.reverse();
        word
    });
    Ok(proof::Proof::from_words(&words)?)
}

fn segment_part(parts: SegmentParts) -> Result<circuits::SegmentPart, Failure> {
    let SegmentParts { root, sums, tau, proof } = parts;
    Ok(circuits::SegmentPart { root: root.0, sums: sums.0, tau: tau.0, proof: proof.map(proof_of).transpose()? })
}

fn closing_part(parts: ClosingParts) -> Result<circuits::ClosingPart, Failure> {
    let ClosingParts { auction_root, tau, proof } = parts;
    Ok(circuits::ClosingPart { auction_root: auction_root.0, tau: tau.0, proof: proof.map(proof_of).transpose()? })
}

impl TryFrom<SettlementParts> for circuits::Settlement {
    type Error = Failure;

    #[rustfmt::skip] // one line a field
    fn try_from(parts: SettlementParts) -> Result<Self, Failure> {
        let (start_root, risk_root) = (parts.start_root.0, parts.risk_root.0);
        let queues = Queues { deposit_end: parts.deposit_end, exit_end: parts.exit_end };
        let (seal_root, beneficiary) = (parts.seal_root.0, parts.beneficiary.0);
        let segments = parts.segments.into_iter().map(segment_part).collect::<Result<_, _>>()?;
        let (closing, words) = (closing_part(parts.closing)?, parts.words.into_iter().map(|word| word.0).collect());
        let (params, context, active_orders) = (Params::by_name(&parts.params)?, parts.context.into(), parts.active_orders);
        Ok(Self { params, context, start_root, seal_root, active_orders, queues, risk_root, segments, closing, words, beneficiary })
    }
}

impl From<ExpectedParts> for circuits::Expected {
    #[rustfmt::skip] // one line a field
    fn from(parts: ExpectedParts) -> Self {
        let deposit = |(index, (amount, owner)): (u32, (u64, Field))| (index, LockedDeposit { amount, owner: owner.0 });
        let queues = Queues { deposit_end: parts.deposit_end, exit_end: parts.exit_end };
        let (start_root, risk_root, seal_root) = (parts.start_root.0, parts.risk_root.0, parts.seal_root.0);
        let (context, active_orders) = (parts.context.into(), parts.active_orders);
        let deposits = parts.deposits.into_iter().map(deposit).collect();
        let (exits, settled) = (parts.exits, parts.settled);
        Self { context, start_root, seal_root, active_orders, queues, risk_root, deposits, exits, settled }
    }
}

/// Statements and witnesses of a batch's proofs.
#[pyclass(frozen, module = "prover._native")]
pub struct Plan(Arc<circuits::Plan>);

/// What a plan fixes of the settlement, proofs not yet made; the rest stands in the cleared batch.
#[derive(IntoPyObject)]
pub struct Planned {
    segments: Vec<SegmentParts>,
    closing: ClosingParts,
    words: Vec<Field>,
}

#[pymethods]
impl Plan {
    /// Draws the challenges. Same batch, same seed: same plan. The seed must be secret.
    #[new]
    fn new(
        py: Python<'_>,
        cleared: &Cleared,
        deposit_end: u64,
        exit_end: u64,
        beneficiary: Fixed<20>,
        seed: [u8; 32],
    ) -> Result<Self, Failure> {
        let (batch, queues) = (cleared.batch.clone(), Queues { deposit_end, exit_end });
        interrupt::run(py, None, None, move |_| {
            Ok::<_, Refusal>(Self(Arc::new(circuits::Plan::new(&batch, queues, beneficiary.0, seed))))
        })
    }

    /// The settlement's parts.
    #[getter]
    fn planned(&self) -> Planned {
        let circuits::Settlement { segments, closing, words, .. } = &self.0.settlement;
        let (auction_root, tau) = (Field(closing.auction_root), Field(closing.tau));
        Planned {
            segments: segments.iter().map(SegmentParts::unproven).collect(),
            closing: ClosingParts { auction_root, tau, proof: None },
            words: fields(words),
        }
    }

    /// Proves a segment, from 0; `seed` blinds the proof and must be fresh.
    #[pyo3(signature = (number, keys, seed, cancellation=None, progress=None))]
    fn prove_segment(
        &self,
        py: Python<'_>,
        number: usize,
        keys: &ProvingKeys,
        seed: [u8; 32],
        cancellation: Option<&Cancellation>,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> Result<Words, Failure> {
        let plan = Arc::clone(&self.0);
        let assignment = move || plan.segment_assignment(number);
        prove(py, assignment, &keys.segment, seed, cancellation, progress)
    }

    /// Makes the closing proof.
    #[pyo3(signature = (keys, seed, cancellation=None, progress=None))]
    fn prove_closing(
        &self,
        py: Python<'_>,
        keys: &ProvingKeys,
        seed: [u8; 32],
        cancellation: Option<&Cancellation>,
        progress: Option<&Bound<'_, PyAny>>,
    ) -> Result<Words, Failure> {
        let plan = Arc::clone(&self.0);
        prove(py, move || plan.closing_assignment(), &keys.closing, seed, cancellation, progress)
    }

    /// Whether a proof made earlier is one of a segment, or with no number of the closing circuit.
    #[pyo3(signature = (number, keys, words))]
    fn holds(&self, py: Python<'_>, number: Option<usize>, keys: &VerifyingKeys, words: Words) -> bool {
        let Ok(proof) = proof_of(words) else { return false };
        py.detach(|| match number {
            Some(number) => proof::verify(&keys.0.segment, &self.0.segments[number].0.to_array(), &proof).is_ok(),
            None => proof::verify(&keys.0.closing, &self.0.closing.0.to_array(), &proof).is_ok(),
        })
    }
}

/// Why a proof was not made.
enum Unmade {
    Refused(Refusal),
    Failed(Error),
}

impl From<Unmade> for Failure {
    fn from(unmade: Unmade) -> Self {
        match unmade {
            Unmade::Refused(refusal) => refusal.into(),
            Unmade::Failed(error) => error.into(),
        }
    }
}

pub(crate) fn prove(
    py: Python<'_>,
    assignment: impl FnOnce() -> Result<Vec<F>, Refusal> + Send + 'static,
    key: &Arc<ProvingKey>,
    seed: [u8; 32],
    cancellation: Option<&Cancellation>,
    progress: Option<&Bound<'_, PyAny>>,
) -> Result<Words, Failure> {
    let key = Arc::clone(key);
    interrupt::run(py, cancellation, progress, move |line| {
        let wires = line.timed("witness", assignment).map_err(Unmade::Refused)?;
        let mut report = |phase: proof::Phase, took| line.report(phase.name(), took);
        let options = Options { progress: Some(&mut report), cancel: Some(line.stop()), skip_check: false };
        let proof = proof::prove(&key, &wires, Blinding::draw(&mut StdRng::from_seed(seed)), options);
        proof.map(|proof| words_of(&proof)).map_err(|error| Unmade::Failed(error.into()))
    })
}

/// Checks a settlement against what the caller trusts; returns the root after it.
#[pyfunction]
pub fn verify(
    py: Python<'_>,
    settlement: SettlementParts,
    keys: &VerifyingKeys,
    expected: ExpectedParts,
) -> Result<Field, Failure> {
    let (settlement, expected, keys) =
        (circuits::Settlement::try_from(settlement)?, expected.into(), Arc::clone(&keys.0));
    interrupt::run(py, None, None, move |_| circuits::verify(&settlement, &keys, &expected).map(Field))
}

/// Public inputs of every proof as the contract derives them: one list a segment, then the closing proof's.
#[pyfunction]
pub fn public_inputs(settlement: SettlementParts) -> Result<Vec<Vec<Field>>, Failure> {
    let settlement = circuits::Settlement::try_from(settlement)?;
    let (segments, closing) = settlement.statements(&settlement.challenges().0);
    let inputs = segments.iter().map(|public| fields(&public.to_array()));
    Ok(inputs.chain([fields(&closing.to_array())]).collect())
}

/// `prover.settlement.Digest`: what a settlement and its public data are called by.
#[derive(IntoPyObject)]
pub struct Digest {
    r1: [u8; 32],
    next_indices: Vec<u32>,
    data_hashes: Vec<[u8; 32]>,
    closing_hash: [u8; 32],
    data_hash: [u8; 32],
}

/// r₁ of a settlement, and what it is hashed of beside what the settlement says.
#[pyfunction]
pub fn settlement_digest(settlement: SettlementParts) -> Result<Digest, Failure> {
    let header = circuits::Settlement::try_from(settlement)?.header();
    Ok(Digest {
        r1: header.first_hash(),
        next_indices: header.segments.iter().map(|segment| segment.next_index).collect(),
        data_hashes: header.segments.iter().map(|segment| segment.data_hash).collect(),
        closing_hash: header.closing_hash,
        data_hash: header.data_hash(),
    })
}

/// A proof and its public inputs as snarkjs reads them: JSON.
#[pyfunction]
pub fn snarkjs_proof(words: Words, inputs: Vec<Field>) -> Result<(String, String), Failure> {
    let inputs: Vec<F> = inputs.into_iter().map(|input| input.0).collect();
    Ok((snarkjs::proof(&proof_of(words)?).to_string(), snarkjs::public_inputs(&inputs).to_string()))
}

pub(crate) fn fields(values: &[F]) -> Vec<Field> {
    values.iter().copied().map(Field).collect()
}
