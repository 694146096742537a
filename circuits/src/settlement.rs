//! A batch's settlement: what is proven in which order, what is sent, and the check of all of it without a chain.
//!
//! [`Plan`] draws the challenges (every segment's digest first, then the closing's, as docs/protocol.md, section 7, orders) and holds the
//! statement and witness of each proof, so that proofs can be made anywhere and in any order. [`Settlement`] is what comes out: public
//! data, links and proofs. [`verify`] does what the contract does (section 9) against what the caller trusts.

use std::collections::BTreeMap;

use ark_ff::{AdditiveGroup, UniformRand};
use ark_std::rand::rngs::StdRng;
use ark_std::rand::{RngCore, SeedableRng};
use tacit_core::batch::{ClearedBatch, Context};
use tacit_core::data::{SegmentData, data_value, words_hash};
use tacit_core::field::{F, from_u64, hex, pow2, to_hex};
use tacit_core::keccak::keccak256_of;
use tacit_core::params::Params;
use tacit_core::seal::{TouchNumbers, seal_leaf, seal_root};
use tacit_core::transcript::{
    Challenges, Header, SegmentDigest, auction_root, closing_digest, closing_elements, second_hash, segment_digest,
    segment_elements, theta_power,
};
use tacit_core::witness::{Segment, segment_inputs};

use crate::builder::Builder;
use crate::closing;
use crate::evm;
use crate::keys::VerifyingKey;
use crate::matrices::Matrices;
use crate::proof::{self, Proof};
use crate::segment;
use crate::statement::{
    CLOSING_INPUTS, ClosingPrivate, ClosingPublic, SEGMENT_INPUTS, SaltedSums, SegmentPrivate, SegmentPublic,
};
use crate::witness::{self, ClosingSalts, SegmentSalts};

/// Why a settlement is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettlementError {
    /// The settlement's shape is not one of its parameter set.
    #[error("malformed settlement: {0}")]
    Malformed(String),
    /// A value differs from what the caller trusts.
    #[error("{what} of the settlement is {found}, expected {expected}")]
    Mismatch {
        /// Which value.
        what: &'static str,
        /// As found.
        found: String,
        /// As trusted.
        expected: String,
    },
    /// The proofs do not hold for the public data.
    #[error("the proofs do not verify for this public data")]
    Proof,
    /// A circuit derived another value than the plan: a bug, or a corrupt batch.
    #[error("{circuit} derives another {input} than planned: the witness is not that of the batch")]
    Derived {
        /// Which circuit.
        circuit: String,
        /// Which public input.
        input: &'static str,
    },
    /// A witness breaks a check.
    #[error("{circuit} refuses the witness: check `{check}` in `{scope}`")]
    Unsatisfied {
        /// Which circuit.
        circuit: String,
        /// Check that failed first.
        check: &'static str,
        /// Where.
        scope: String,
    },
}

/// The part of a seal that the batch does not imply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queues {
    /// End of the locked deposits.
    pub deposit_end: u64,
    /// End of the locked exit requests.
    pub exit_end: u64,
}

/// Statements and witnesses of all proofs of a batch.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Parameter set.
    pub params: Params,
    /// Context.
    pub context: Context,
    /// One a segment.
    pub segments: Vec<(SegmentPublic, SegmentPrivate)>,
    /// The closing proof's.
    pub closing: (ClosingPublic, ClosingPrivate),
    /// The settlement without its proofs.
    pub settlement: Settlement,
}

/// What a segment contributes to a settlement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentPart {
    /// Root after it.
    pub root: F,
    /// Commitment to the sums after it.
    pub sums: F,
    /// τ_j.
    pub tau: F,
    /// Its proof, once made.
    pub proof: Option<Proof>,
}

/// What the closing circuit contributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosingPart {
    /// Auction root.
    pub auction_root: F,
    /// τ_G.
    pub tau: F,
    /// Its proof, once made.
    pub proof: Option<Proof>,
}

/// Everything that is sent to the contract, and what the batch was sealed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// Parameter set.
    pub params: Params,
    /// Context.
    pub context: Context,
    /// Root before the batch.
    pub start_root: F,
    /// Root of the seal's tree.
    pub seal_root: [u8; 32],
    /// n.
    pub active_orders: u32,
    /// Queue ends of the seal.
    pub queues: Queues,
    /// Root of the epoch's risk table.
    pub risk_root: F,
    /// One a segment.
    pub segments: Vec<SegmentPart>,
    /// The closing proof.
    pub closing: ClosingPart,
    /// All data words: segments in order, then the closing words.
    pub words: Vec<F>,
    /// Who receives the reward.
    pub beneficiary: [u8; 20],
}

/// Randomness of a settlement, drawn from one seed so that an interrupted run goes on with the same.
struct Salts {
    segments: Vec<SegmentSalts>,
    closing: ClosingSalts,
}

impl Salts {
    fn draw(seed: [u8; 32], segments: usize) -> Self {
        let mut rng = StdRng::from_seed(seed);
        let mut draw = || F::rand(&mut rng);
        let closing = ClosingSalts { rho: draw(), auction: draw() };
        Self { segments: (0..segments).map(|_| SegmentSalts { rho: draw(), sums: draw() }).collect(), closing }
    }
}

impl Plan {
    /// Draws the challenges of a cleared batch and lays out its proofs. `seed` must be fresh and secret: it salts digests and sums.
    #[must_use]
    pub fn new(cleared: &ClearedBatch, queues: Queues, beneficiary: [u8; 20], seed: [u8; 32]) -> Self {
        let cut = segment_inputs(cleared);
        let salts = Salts::draw(seed, cut.len());
        let mut settlement = unproven(cleared, &cut, &salts, queues, beneficiary);
        let first = settlement.header().first_hash();
        let challenges = Challenges::of_first_hash(&first);
        settlement.closing.tau = closing_digest(salts.closing.rho, &closing_elements(cleared, challenges.theta));
        let challenges = challenges.with_second_hash(&second_hash(&first, settlement.closing.tau));
        let segments = segment_plans(cleared, &cut, &salts, &challenges, &mut settlement);
        let mut private = witness::closing(cleared, challenges.theta, salts.closing);
        private.sums = segments.last().map_or(SaltedSums::START, |last| last.2);
        let statements = settlement.statements(&challenges);
        let segments =
            segments.into_iter().zip(statements.0).map(|((_, private, _), public)| (public, private)).collect();
        Self {
            params: cleared.params,
            context: cleared.context,
            segments,
            closing: (statements.1, private),
            settlement,
        }
    }

    /// Builds segment `j` (from 0): the assignment to prove. Checks that it satisfies every row and derives the planned outputs.
    ///
    /// # Errors
    /// `Unsatisfied`, `Derived`: see there.
    pub fn segment_assignment(&self, j: usize) -> Result<Vec<F>, SettlementError> {
        let (public, private) = &self.segments[j];
        let mut b = Builder::assignment();
        segment::synthesize(&mut b, &self.params, public, private);
        let derived = segment::public(&b).to_array();
        finished(b, &format!("segment {}", j + 1), &derived, &public.to_array(), &SEGMENT_INPUTS)
    }

    /// Builds the closing assignment; as `segment_assignment`.
    ///
    /// # Errors
    /// `Unsatisfied`, `Derived`: see there.
    pub fn closing_assignment(&self) -> Result<Vec<F>, SettlementError> {
        let (public, private) = &self.closing;
        let mut b = Builder::assignment();
        closing::synthesize(&mut b, &self.params, public, private);
        let derived = closing::public(&b).to_array();
        finished(b, "the closing circuit", &derived, &public.to_array(), &CLOSING_INPUTS)
    }
}

/// The assignment, if it satisfies all rows and its public inputs are the planned ones.
pub(crate) fn finished(
    b: Builder,
    circuit: &str,
    derived: &[F],
    planned: &[F],
    names: &[&'static str],
) -> Result<Vec<F>, SettlementError> {
    if let Some(violation) = b.violations().first() {
        return Err(SettlementError::Unsatisfied {
            circuit: circuit.into(),
            check: violation.check,
            scope: violation.scope.clone(),
        });
    }
    match derived.iter().zip(planned).position(|(d, p)| d != p) {
        Some(i) => Err(SettlementError::Derived { circuit: circuit.into(), input: names[i] }),
        None => Ok(b.into_assignment()),
    }
}

fn unproven(
    cleared: &ClearedBatch,
    cut: &[Segment],
    salts: &Salts,
    queues: Queues,
    beneficiary: [u8; 20],
) -> Settlement {
    let segments = cut.iter().zip(&salts.segments).map(|(segment, salts)| SegmentPart {
        root: segment.root_out,
        sums: F::ZERO,
        tau: segment_digest(salts.rho, &segment_elements(cleared, segment)),
        proof: None,
    });
    let mut words: Vec<F> = cut.iter().flat_map(Segment::words).collect();
    words.extend(&cleared.closing_words);
    Settlement {
        params: cleared.params,
        context: cleared.context,
        start_root: cleared.start_root,
        seal_root: cleared.seal_root,
        active_orders: cleared.active_orders,
        queues,
        risk_root: cleared.risk_root,
        segments: segments.collect(),
        closing: ClosingPart { auction_root: auction_root(cleared, salts.closing.auction), tau: F::ZERO, proof: None },
        words,
        beneficiary,
    }
}

type SegmentPlan = (SaltedSums, SegmentPrivate, SaltedSums);

/// Runs the sums through the segments and writes their commitments into the settlement.
fn segment_plans(
    cleared: &ClearedBatch,
    cut: &[Segment],
    salts: &Salts,
    challenges: &Challenges,
    settlement: &mut Settlement,
) -> Vec<SegmentPlan> {
    let mut before = SaltedSums::START;
    let mut plans = Vec::with_capacity(cut.len());
    for ((part, segment), salts) in settlement.segments.iter_mut().zip(cut).zip(&salts.segments) {
        let mut private = witness::segment(cleared, segment, *salts);
        private.sums_in = before;
        let after = SaltedSums { sums: before.sums.after(cleared, segment, challenges), salt: salts.sums };
        part.sums = after.commitment();
        plans.push((before, private, after));
        before = after;
    }
    plans
}

impl Settlement {
    /// Number of live touches, counted from the words.
    #[must_use]
    pub fn touches(&self) -> Vec<TouchNumbers> {
        let size = self.params.words_per_touch();
        let count = self.segments.len() * self.params.touches;
        (0..count).filter_map(|i| self.words.get(i * size).and_then(|word| TouchNumbers::read(*word))).collect()
    }

    /// The words of segment `j`, from 0.
    #[must_use]
    pub fn segment_words(&self, j: usize) -> &[F] {
        let size = self.params.words_per_segment();
        &self.words[j * size..(j + 1) * size]
    }

    /// The words of segment `j`, from 0, open and encrypted ones apart: what its data hash is of.
    #[must_use]
    pub fn segment_data(&self, j: usize) -> SegmentData {
        SegmentData::of(self.segment_words(j), &self.params)
    }

    /// The closing words.
    #[must_use]
    pub fn closing_words(&self) -> &[F] {
        &self.words[self.segments.len() * self.params.words_per_segment()..]
    }

    /// Next index after each segment: one more than its last live index, or its predecessor's.
    fn next_indices(&self) -> Vec<u32> {
        let size = self.params.words_per_touch();
        let mut next = 0;
        (0..self.segments.len())
            .map(|j| {
                let words = self.segment_words(j);
                for word in words.iter().step_by(size) {
                    next = TouchNumbers::read(*word).map_or(next, |numbers| numbers.index + 1);
                }
                next
            })
            .collect()
    }

    /// What r₁ is drawn from.
    #[must_use]
    pub fn header(&self) -> Header {
        let digests = self.segments.iter().zip(self.next_indices()).enumerate();
        Header {
            domain: self.context.domain,
            context: self.context.word(),
            active_orders: self.active_orders,
            seal_root: self.seal_root,
            deposit_end: self.queues.deposit_end,
            exit_end: self.queues.exit_end,
            start_root: self.start_root,
            segments: digests
                .map(|(j, (part, next_index))| SegmentDigest {
                    root: part.root,
                    next_index,
                    transcript: part.tau,
                    data_hash: self.segment_data(j).hash(),
                })
                .collect(),
            risk_root: self.risk_root,
            auction_root: self.closing.auction_root,
            closing_hash: words_hash(self.closing_words()),
            beneficiary: self.beneficiary,
        }
    }

    /// The challenges that the contract derives, with r₂.
    #[must_use]
    pub fn challenges(&self) -> (Challenges, [u8; 32]) {
        let first = self.header().first_hash();
        let second = second_hash(&first, self.closing.tau);
        (Challenges::of_first_hash(&first).with_second_hash(&second), second)
    }

    /// The public inputs of every proof, as the contract derives them.
    #[must_use]
    pub fn statements(&self, c: &Challenges) -> (Vec<SegmentPublic>, ClosingPublic) {
        let context = self.context.word();
        let mut previous = (self.start_root, 0, SaltedSums::START.commitment());
        let mut segments = Vec::with_capacity(self.segments.len());
        for ((j, part), next) in self.segments.iter().enumerate().zip(self.next_indices()) {
            let data = self.segment_data(j);
            segments.push(SegmentPublic {
                domain: self.context.domain,
                context,
                root_in: previous.0,
                root_out: part.root,
                theta_in: theta_power(j * self.params.touches, c.theta),
                theta_out: theta_power((j + 1) * self.params.touches, c.theta),
                index_in: from_u64(previous.1),
                index_out: from_u64(next.into()),
                sums_in: previous.2,
                sums_out: part.sums,
                tau: part.tau,
                y: c.y,
                theta: c.theta,
                gamma: c.gamma,
                beta: c.beta,
                z: c.z,
                open_value: data.open_value(c.z),
                encrypted_value: data.encrypted_value(c.z),
            });
            previous = (part.root, next.into(), part.sums);
        }
        let closing = ClosingPublic {
            domain: self.context.domain,
            context,
            risk_root: self.risk_root,
            auction_root: self.closing.auction_root,
            tau: self.closing.tau,
            y: c.y,
            theta: c.theta,
            gamma: c.gamma,
            beta: c.beta,
            z: c.z,
            data_value: data_value(self.closing_words(), c.z),
            sums: previous.2,
            product: (1..=self.active_orders).map(|s| c.gamma - from_u64(s.into())).product(),
        };
        (segments, closing)
    }

    /// Root after the batch.
    #[must_use]
    pub fn end_root(&self) -> F {
        self.segments.last().map_or(self.start_root, |part| part.root)
    }
}

/// A deposit that the contract locked for an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockedDeposit {
    /// Sum of the account's locked entries, token units.
    pub amount: u64,
    /// The owner that the contract recorded.
    pub owner: F,
}

/// What the caller trusts. An account or id that is missing from a map has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Domain, batch, last void batch, time, fee rate, margin ratio.
    pub context: Context,
    /// Root before the batch.
    pub start_root: F,
    /// Root of the seal's tree.
    pub seal_root: [u8; 32],
    /// Active orders of the seal.
    pub active_orders: u32,
    /// Queue ends of the seal.
    pub queues: Queues,
    /// Root of the epoch's risk table.
    pub risk_root: F,
    /// Locked deposits by account.
    pub deposits: BTreeMap<u32, LockedDeposit>,
    /// Requested exits by account, token units.
    pub exits: BTreeMap<u32, u64>,
    /// Settlement values by id, price units.
    pub settled: BTreeMap<u32, u64>,
}

/// Verifying keys of both circuits of a parameter set.
#[derive(Clone, Debug)]
pub struct VerifyingKeys {
    /// Parameter set.
    pub params: Params,
    /// Segment circuit.
    pub segment: VerifyingKey,
    /// Closing circuit.
    pub closing: VerifyingKey,
}

/// Checks a settlement against what the caller trusts, as the contract does. Returns the root after the batch.
///
/// # Errors
/// `Malformed`, `Mismatch`, `Proof`: see there.
pub fn verify(s: &Settlement, keys: &VerifyingKeys, expected: &Expected) -> Result<F, SettlementError> {
    check_shape(s, keys)?;
    check_trusted(s, expected)?;
    check_touches(s, expected)?;
    check_settled(s, expected)?;
    let (challenges, second) = s.challenges();
    let (segments, closing) = s.statements(&challenges);
    let inputs: Vec<Vec<F>> = segments.iter().map(|public| public.to_array().to_vec()).collect();
    let closing_inputs = closing.to_array().to_vec();
    let proofs: Option<Vec<Proof>> = s.segments.iter().map(|part| part.proof).chain([s.closing.proof]).collect();
    let proofs = proofs.ok_or_else(|| SettlementError::Malformed("a proof is missing".into()))?;
    let mut claims: Vec<proof::Claim<'_>> =
        inputs.iter().zip(&proofs).map(|(inputs, proof)| proof::Claim { key: &keys.segment, inputs, proof }).collect();
    claims.push(proof::Claim { key: &keys.closing, inputs: &closing_inputs, proof: &proofs[proofs.len() - 1] });
    let weights = weights(&second, &claims);
    proof::verify_product(&claims, &weights).map_err(|_| SettlementError::Proof)?;
    Ok(s.end_root())
}

/// 128-bit weights hashed from r₂, every proof and every input.
fn weights(second: &[u8; 32], claims: &[proof::Claim<'_>]) -> Vec<u128> {
    let mut bytes = second.to_vec();
    for claim in claims {
        bytes.extend(claim.proof.to_words().iter().flatten());
        bytes.extend(claim.inputs.iter().flat_map(evm::word));
    }
    let seed = keccak256_of(&[&bytes]);
    (0..claims.len() as u64)
        .map(|i| {
            let hash = keccak256_of(&[&seed, &i.to_be_bytes()]);
            let mut low = [0; 16];
            low.copy_from_slice(&hash[16..]);
            u128::from_be_bytes(low)
        })
        .collect()
}

fn check_shape(s: &Settlement, keys: &VerifyingKeys) -> Result<(), SettlementError> {
    let malformed = |what: String| Err(SettlementError::Malformed(what));
    if s.params != keys.params {
        return malformed(format!("it is of parameter set {}, the keys are of {}", s.params.name, keys.params.name));
    }
    let expected = s.segments.len() * s.params.words_per_segment() + s.params.closing_words();
    if s.words.len() != expected || s.segments.is_empty() {
        return malformed(format!(
            "{} segments have {expected} data words, it has {}",
            s.segments.len(),
            s.words.len()
        ));
    }
    let touches = s.touches();
    if s.segments.len() != touches.len().div_ceil(s.params.touches) {
        return malformed(format!("{} touches do not fill {} segments", touches.len(), s.segments.len()));
    }
    let size = s.params.words_per_touch();
    let live = s.words.iter().step_by(size).take(touches.len()).all(|word| TouchNumbers::read(*word).is_some());
    if !live || touches[0].index != 0 {
        return malformed("its live touches do not stand first, beginning with leaf 0".into());
    }
    // More cannot be true, and the product over them is as long as a liar likes.
    let most = touches.len() * s.params.orders;
    if s.active_orders as usize > most {
        return malformed(format!("{} orders are more than {} touches hold", s.active_orders, touches.len()));
    }
    Ok(())
}

fn compare<T: PartialEq + std::fmt::Display>(
    what: &'static str,
    found: &T,
    expected: &T,
) -> Result<(), SettlementError> {
    if found == expected {
        return Ok(());
    }
    Err(SettlementError::Mismatch { what, found: found.to_string(), expected: expected.to_string() })
}

fn check_trusted(s: &Settlement, e: &Expected) -> Result<(), SettlementError> {
    let (found, expected) = (&s.context, &e.context);
    compare("domain", &to_hex(&found.domain), &to_hex(&expected.domain))?;
    compare("batch number", &found.batch, &expected.batch)?;
    compare("last void batch", &found.last_void, &expected.last_void)?;
    compare("time", &found.time, &expected.time)?;
    compare("fee rate", &found.fee_rate, &expected.fee_rate)?;
    compare("numerator of the margin ratio", &found.num, &expected.num)?;
    compare("denominator of the margin ratio", &found.den, &expected.den)?;
    compare("start root", &to_hex(&s.start_root), &to_hex(&e.start_root))?;
    compare("seal root", &hash(&s.seal_root), &hash(&e.seal_root))?;
    compare("number of orders", &s.active_orders, &e.active_orders)?;
    compare("end of the deposit queue", &s.queues.deposit_end, &e.queues.deposit_end)?;
    compare("end of the exit queue", &s.queues.exit_end, &e.queues.exit_end)?;
    compare("risk root", &to_hex(&s.risk_root), &to_hex(&e.risk_root))
}

fn hash(bytes: &[u8]) -> String {
    format!("0x{}", hex(bytes))
}

/// An exit request in words.
fn request(amount: Option<u64>) -> String {
    amount.map_or_else(|| "none".into(), |amount| amount.to_string())
}

/// The seal's root over the published touches; deposits, exits and owners as locked.
fn check_touches(s: &Settlement, e: &Expected) -> Result<(), SettlementError> {
    let touches = s.touches();
    let size = s.params.words_per_touch();
    let words: Vec<&[F]> = s.words.chunks(size).take(touches.len()).collect();
    let leaves: Vec<[u8; 32]> =
        touches.iter().zip(&words).map(|(touch, words)| seal_leaf(touch.index, words[1])).collect();
    compare("root of the sealed touches", &hash(&seal_root(&leaves)), &hash(&e.seal_root))?;
    let address_end = pow2(160);
    for (touch, words) in touches.iter().zip(&words) {
        let deposit = if touch.exit { 0 } else { touch.amount };
        compare("deposit of an account", &deposit, &e.deposits.get(&touch.index).map_or(0, |d| d.amount))?;
        let exit = touch.exit.then_some(touch.amount);
        compare("exit request of an account", &request(exit), &request(e.exits.get(&touch.index).copied()))?;
        let owner = if touch.opens { e.deposits.get(&touch.index).map_or(F::ZERO, |d| d.owner) } else { F::ZERO };
        compare("owner of an opened account", &to_hex(&words[3]), &to_hex(&owner))?;
        if words[4] >= address_end {
            return Err(SettlementError::Malformed("a recipient is no address".into()));
        }
    }
    let served = |index: &u32| touches.iter().any(|touch| touch.index == *index);
    match e.deposits.keys().chain(e.exits.keys()).find(|index| !served(index)) {
        Some(index) => {
            Err(SettlementError::Malformed(format!("the locked entries of account {index} are not consumed")))
        }
        None => Ok(()),
    }
}

/// Settled rows carry the trusted values.
fn check_settled(s: &Settlement, e: &Expected) -> Result<(), SettlementError> {
    for word in s.closing_words()[s.params.rows..].iter().filter(|word| **word != F::ZERO) {
        let found = e.settled.iter().any(|(id, value)| from_u64((*id).into()) + from_u64(*value) * pow2(27) == *word);
        if !found {
            return Err(SettlementError::Malformed("a settled row is not one of the trusted settlement values".into()));
        }
    }
    Ok(())
}

/// Matrices of both circuits of a parameter set: (segment, closing).
#[must_use]
pub fn matrices(p: &Params) -> (Matrices, Matrices) {
    let (segment, closing) = shapes(p);
    (segment.into_parts().0, closing.into_parts().0)
}

/// Both circuits in rows mode, with blank witnesses: for set-up, counting and fingerprints.
#[must_use]
pub fn shapes(p: &Params) -> (Builder, Builder) {
    let private = witness::blank_segment(p);
    let mut public = [F::ZERO; SEGMENT_INPUTS.len()];
    public[1] = private.context.word();
    let mut b = Builder::rows();
    segment::synthesize(&mut b, p, &SegmentPublic::from_array(public), &private);
    let private = witness::blank_closing();
    let mut public = [F::ZERO; CLOSING_INPUTS.len()];
    public[1] = private.context.word();
    let mut c = Builder::rows();
    closing::synthesize(&mut c, p, &ClosingPublic::from_array(public), &private);
    (b, c)
}

/// A fresh seed for `Plan::new` from a source of randomness.
pub fn draw_seed(rng: &mut impl RngCore) -> [u8; 32] {
    let mut seed = [0; 32];
    rng.fill_bytes(&mut seed);
    seed
}
