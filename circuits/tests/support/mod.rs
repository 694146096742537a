//! An operator who cheats: witnesses tampered with, everything downstream recomputed as an attacker would, down to the contract's checks.
//!
//! [`Attack`] starts from a cleared batch. What the circuits derive (roots, digests, sums, data words) is taken from the tampered
//! witnesses, challenges are drawn from them in the protocol's order, group sums, counts and multiplicities are recomputed from what
//! the segments now claim. So what still refuses the batch is the check that the attack meets, and [`Verdict`] names it.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, reason = "a test stops where its own data are wrong")]

pub mod owners;
pub mod record;
#[path = "../../../rust/core/tests/scene/mod.rs"]
pub mod scene;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use record::Unit;

use ark_ff::{AdditiveGroup, Field};
use tacit_circuits::builder::{Builder, PRODUCT, RowFilter};
use tacit_circuits::fingerprint::Fingerprint;
use tacit_circuits::gadgets::range::BIT;
use tacit_circuits::keys::VerifyingKey;
use tacit_circuits::matrices::Matrices;
use tacit_circuits::settlement::{
    self, Expected, LockedDeposit, Plan, Queues, SegmentPart, Settlement, SettlementError, VerifyingKeys,
};
use tacit_circuits::statement::{
    CLOSING_INPUTS, ClosingPrivate, ClosingPublic, SEGMENT_INPUTS, SaltedSums, SegmentPrivate, SegmentPublic,
};
use tacit_circuits::witness::{self, ClosingSalts};
use tacit_circuits::{closing, segment};
use tacit_core::account::Leaf;
use tacit_core::batch::ClearedBatch;
use tacit_core::data::{OPEN_WORDS, SegmentData};
use tacit_core::field::{F, from_i128, from_u64, pow2};
use tacit_core::order::{Kind, Side};
use tacit_core::params::Params;
use tacit_core::seal::{seal_leaf, seal_root};
use tacit_core::transcript::{Challenges, Sums, second_hash, theta_power};
use tacit_core::tree::StateTree;

/// Queue ends of attacked batches.
pub const QUEUES: Queues = Queues { deposit_end: 0, exit_end: 0 };
/// Salts of attacked batches.
pub const SEED: [u8; 32] = [77; 32];

/// Which circuit a lie is told to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Circuit {
    /// Segment, from 0.
    Segment(usize),
    /// The closing circuit.
    Closing,
}

/// What replaces an honest value, once the challenges are as given.
type Replace = Arc<dyn Fn(F, &Challenges) -> F + Send + Sync>;

#[derive(Clone)]
struct Lie {
    circuit: Circuit,
    label: &'static str,
    occurrence: usize,
    replace: Replace,
    /// Told only when all challenges are known.
    late: bool,
}

type EditClosing = Box<dyn Fn(&mut ClosingPrivate)>;
type EditSettlement = Box<dyn Fn(&mut Settlement)>;
type EditExpected = Box<dyn Fn(&mut Expected)>;

/// A batch under attack.
pub struct Attack {
    /// The honest batch.
    pub cleared: ClearedBatch,
    /// The segments' witnesses, to be tampered with.
    pub segments: Vec<SegmentPrivate>,
    /// The sums that the first segment starts from.
    pub start: SaltedSums,
    /// The state tree that the batch starts from.
    pub tree: StateTree,
    /// From a touch on, another state tree than what the touches before left: what its path and all later ones are taken from.
    pub forks: BTreeMap<usize, StateTree>,
    /// Touches whose paths stay as they were tampered with.
    pub own_paths: BTreeSet<usize>,
    /// The segments' honest witnesses, as text, and the same without paths.
    honest_segments: Vec<[String; 2]>,
    /// Of each segment whose paths were taken from the tree that the touches before left, with the old leaves in it: roots before and
    /// after it.
    followed: Vec<Option<(F, F)>>,
    /// Roots do not matter yet.
    rootless: bool,
    /// What segments without a lie were found to derive when roots did not matter, with their words.
    derived: Vec<Option<(SegmentPublic, Vec<F>)>>,
    /// What is sent, but for what follows from the witnesses.
    pub honest: Settlement,
    salts: ClosingSalts,
    lies: Vec<Lie>,
    closing: Vec<EditClosing>,
    late_closing: Vec<EditClosing>,
    settlement: Vec<EditSettlement>,
    trusted: Vec<EditExpected>,
    resealed: bool,
    /// Whether the verdict is to hold all wires, for proofs to be made of them.
    pub proving: bool,
}

/// What refuses an attack.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Violated checks of each segment.
    pub segments: Vec<BTreeSet<&'static str>>,
    /// Violated checks of the closing circuit.
    pub closing: BTreeSet<&'static str>,
    /// Public inputs that the circuits derive otherwise than the contract.
    pub links: BTreeSet<&'static str>,
    /// What the contract says of the settlement before it looks at proofs.
    pub contract: Option<SettlementError>,
    /// Rows of both circuits that refuse, by check and place.
    pub refused: BTreeSet<Unit>,
    /// The settlement as sent, without proofs.
    pub settlement: Settlement,
    /// What the contract holds.
    pub trusted: Expected,
    /// Wires of each segment, then of the closing circuit, if they were asked for.
    pub wires: Vec<Vec<F>>,
}

impl Verdict {
    /// All that refuses, by name; a refusal by the contract as "contract".
    pub fn reasons(&self) -> BTreeSet<&'static str> {
        let mut all: BTreeSet<&'static str> = self.segments.iter().flatten().copied().collect();
        all.extend(&self.closing);
        all.extend(self.others());
        all
    }

    /// What refuses outside the circuits.
    fn others(&self) -> BTreeSet<&'static str> {
        self.links.iter().copied().chain(self.contract.as_ref().map(|_| "contract")).collect()
    }

    /// Insists that exactly these checks, inputs or the contract refuse.
    #[track_caller]
    pub fn refused_by(&self, names: &[&'static str]) {
        let expected: BTreeSet<&'static str> = names.iter().copied().collect();
        assert_eq!(self.reasons(), expected, "contract: {:?}", self.contract);
    }

    /// Insists that nothing refuses.
    #[track_caller]
    pub fn accepted(&self) {
        self.refused_by(&[]);
    }
}

impl Attack {
    /// The honest batch, to be tampered with.
    pub fn on(scene: &scene::Scene) -> Self {
        Self::of(scene.clear(), tree_of(scene))
    }

    /// The honest batch, cleared on the leaves of a tree.
    pub fn of(cleared: ClearedBatch, tree: StateTree) -> Self {
        let plan = Plan::new(&cleared, QUEUES, [9; 20], SEED);
        let salts = ClosingSalts { rho: plan.closing.1.rho, auction: plan.closing.1.auction_salt };
        let segments: Vec<SegmentPrivate> = plan.segments.into_iter().map(|(_, private)| private).collect();
        Self {
            cleared,
            tree,
            forks: BTreeMap::new(),
            own_paths: BTreeSet::new(),
            start: SaltedSums::START,
            honest_segments: segments.iter().map(|private| [format!("{private:?}"), pathless(private)]).collect(),
            followed: vec![None; segments.len()],
            rootless: false,
            derived: vec![None; segments.len()],
            segments,
            honest: plan.settlement,
            salts,
            lies: Vec::new(),
            closing: Vec::new(),
            late_closing: Vec::new(),
            settlement: Vec::new(),
            trusted: Vec::new(),
            resealed: false,
            proving: false,
        }
    }

    /// Tampers with the witness of a touch, by its place in the batch.
    pub fn touch(mut self, touch: usize, edit: impl FnOnce(&mut tacit_circuits::statement::TouchWitness)) -> Self {
        let size = self.cleared.params.touches;
        edit(&mut self.segments[touch / size].touches[touch % size]);
        self
    }

    /// Tampers with the closing witness, after group sums and counts were recomputed from the segments.
    pub fn closing(mut self, edit: impl Fn(&mut ClosingPrivate) + 'static) -> Self {
        self.closing.push(Box::new(edit));
        self
    }

    /// As `closing`, but only after β is known.
    pub fn late_closing(mut self, edit: impl Fn(&mut ClosingPrivate) + 'static) -> Self {
        self.late_closing.push(Box::new(edit));
        self
    }

    /// Changes what is sent, before challenges are drawn.
    pub fn sent(mut self, edit: impl Fn(&mut Settlement) + 'static) -> Self {
        self.settlement.push(Box::new(edit));
        self
    }

    /// The contract holds something else.
    pub fn trusting(mut self, edit: impl Fn(&mut Expected) + 'static) -> Self {
        self.trusted.push(Box::new(edit));
        self
    }

    /// The operator sealed what the tampered witnesses say, not the honest batch.
    pub fn resealed(mut self) -> Self {
        self.resealed = true;
        self
    }

    /// Answers the `group`-th comparison of `n` bits under a check of a segment by `claim`, though the contrary is true.
    pub fn claim(self, segment: usize, check: &'static str, group: usize, n: u32, claim: bool) -> Self {
        let by = if claim { -pow2(n - 1) } else { pow2(n - 1) };
        let ordinal = segment_bits()[check][group * (n as usize - 1)];
        self.lie(Circuit::Segment(segment), BIT, ordinal, move |honest| honest + by)
    }

    /// Replaces a witness value of a circuit.
    pub fn lie(
        mut self,
        circuit: Circuit,
        label: &'static str,
        occurrence: usize,
        replace: impl Fn(F) -> F + Send + Sync + 'static,
    ) -> Self {
        let replace: Replace = Arc::new(move |honest, _| replace(honest));
        self.lies.push(Lie { circuit, label, occurrence, replace, late: false });
        self
    }

    /// Replaces a witness value by one that depends on the challenges drawn before it is bound.
    pub fn lie_to(
        mut self,
        circuit: Circuit,
        label: &'static str,
        occurrence: usize,
        replace: impl Fn(F, &Challenges) -> F + Send + Sync + 'static,
    ) -> Self {
        self.lies.push(Lie { circuit, label, occurrence, replace: Arc::new(replace), late: false });
        self
    }

    /// Replaces a witness value once all challenges are known: what a value bound too late would allow.
    pub fn late_lie(
        mut self,
        circuit: Circuit,
        label: &'static str,
        occurrence: usize,
        replace: impl Fn(F, &Challenges) -> F + Send + Sync + 'static,
    ) -> Self {
        self.lies.push(Lie { circuit, label, occurrence, replace: Arc::new(replace), late: true });
        self
    }

    /// Proves what can be proven.
    pub fn run(mut self) -> Verdict {
        let mut settlement = self.honest.clone();
        // What a segment is told beside paths decides its words; only then the paths are known that lead to the leaves in them.
        self.rootless = true;
        self.derived = self.bind_first(&mut settlement);
        self.rootless = false;
        let follows = settlement.words != self.honest.words || !self.forks.is_empty();
        if follows {
            self.follow_leaves(&settlement);
        }
        let same_root = |(ours, honest): (&SegmentPart, &SegmentPart)| ours.root == honest.root;
        if follows || !settlement.segments.iter().zip(&self.honest.segments).all(same_root) {
            self.bind_first(&mut settlement);
        }
        if self.resealed {
            let size = self.cleared.params.words_per_touch();
            let words = settlement.words.chunks(size);
            let leaves: Vec<[u8; 32]> =
                settlement.touches().iter().zip(words).map(|(t, w)| seal_leaf(t.index, w[1])).collect();
            settlement.seal_root = seal_root(&leaves);
        }
        self.settlement.iter().for_each(|edit| edit(&mut settlement));
        let first = settlement.header().first_hash();
        let challenges = Challenges::of_first_hash(&first);
        let shown = self.closing_public(&settlement, &Challenges { beta: dummy().beta, ..challenges });
        settlement.closing.tau = shown.tau;
        let challenges = challenges.with_second_hash(&second_hash(&first, settlement.closing.tau));
        self.prove(settlement, &challenges)
    }

    /// Everything that the first hash is taken of, as the tampered witnesses have it. Returns what segments without a lie derive.
    fn bind_first(&self, settlement: &mut Settlement) -> Vec<Option<(SegmentPublic, Vec<F>)>> {
        let mut all = Vec::new();
        let mut kept = Vec::new();
        let mut previous: Option<SegmentPublic> = None;
        for j in 0..self.segments.len() {
            let public = self.segment_public(settlement, j, previous.as_ref(), &dummy());
            let (derived, words) = if let Some(honest) = self.untouched(j, &public) {
                (honest, self.honest.segment_words(j).to_vec())
            } else if let Some(known) = self.known(j, &public) {
                known
            } else {
                let b = self.build_segment(j, &public, &self.segments[j], &dummy(), false);
                let derived = segment::public(&b);
                (derived, segment_words(&b, &shape(&self.cleared.params), &derived))
            };
            settlement.segments[j].root = derived.root_out;
            settlement.segments[j].tau = derived.tau;
            all.extend(&words);
            kept.push((!self.lied_to(j)).then_some((derived, words)));
            previous = Some(derived);
        }
        let b = self.build_closing(settlement, &dummy(), SaltedSums::START, false);
        let derived = closing::public(&b);
        settlement.closing.auction_root = derived.auction_root;
        all.extend(derived_words(&b, &shape(&self.cleared.params).closing_words, derived.data_value));
        settlement.words = all;
        kept
    }

    fn lied_to(&self, j: usize) -> bool {
        self.lies.iter().any(|lie| lie.circuit == Circuit::Segment(j))
    }

    /// What a segment without a lie derived before paths were known, with the roots that they lead from and to: nothing else depends on
    /// paths.
    fn known(&self, j: usize, public: &SegmentPublic) -> Option<(SegmentPublic, Vec<F>)> {
        let ((derived, words), (before, after)) = (self.derived[j].clone()?, self.followed[j]?);
        let same = before == public.root_in && derived.index_in == public.index_in;
        same.then_some((SegmentPublic { root_in: before, root_out: after, ..derived }, words))
    }

    /// What segment `j` derives, if nothing about it is a lie: then the core knows (`batches.rs` compares both).
    fn untouched(&self, j: usize, public: &SegmentPublic) -> Option<SegmentPublic> {
        let c = Challenges { y: public.y, theta: public.theta, gamma: public.gamma, z: public.z, beta: public.beta };
        let mut honest = self.honest.statements(&c).0[j];
        if j == 0 {
            // What is sent as the start need not be what the batch was cleared on.
            honest.root_in = self.cleared.start_root;
        }
        let same = (public.domain, public.context, public.index_in) == (honest.domain, honest.context, honest.index_in);
        if !same || self.lied_to(j) {
            return None;
        }
        let [whole, without_paths] = &self.honest_segments[j];
        if public.root_in == honest.root_in && format!("{:?}", self.segments[j]) == *whole {
            return Some(honest);
        }
        if pathless(&self.segments[j]) != *without_paths {
            return None;
        }
        if self.rootless {
            return Some(SegmentPublic { root_in: public.root_in, root_out: F::ZERO, ..honest });
        }
        let (before, after) = self.followed[j]?;
        (before == public.root_in).then_some(SegmentPublic { root_in: before, root_out: after, ..honest })
    }

    /// Takes the paths of all live touches from the tree as the new leaves leave it.
    fn follow_leaves(&mut self, settlement: &Settlement) {
        let (size, params) = (self.cleared.params.words_per_touch(), self.cleared.params);
        let mut sound = settlement.start_root == self.tree.root();
        let mut before = F::ZERO;
        let touches = self.segments.iter_mut().flat_map(|s| &mut s.touches);
        for (at, (touch, words)) in touches.zip(settlement.words.chunks(size)).enumerate() {
            if let Some(tree) = self.forks.remove(&at) {
                sound = at == 0 && tree.root() == settlement.start_root;
                self.tree = tree;
            }
            if at % params.touches == 0 {
                before = self.tree.root();
            }
            if touch.live {
                sound &= !self.own_paths.contains(&at);
                if !self.own_paths.contains(&at) {
                    touch.path = self.tree.path(touch.index).unwrap();
                }
                // A path is updated by the difference of the leaves: where the old one is not the tree's, the sum is neither.
                let old = touch
                    .old
                    .clone()
                    .map_or(F::ZERO, |leaf| Leaf { owner: touch.holder.owner(), ..leaf }.hash(&params));
                let held = self.tree.get(touch.index).unwrap();
                sound &= held == old;
                self.tree.set(touch.index, held + words[2] - old).unwrap();
            }
            if (at + 1) % params.touches == 0 {
                self.followed[at / params.touches] = sound.then(|| (before, self.tree.root()));
            }
        }
    }

    fn segment_public(
        &self,
        s: &Settlement,
        j: usize,
        previous: Option<&SegmentPublic>,
        c: &Challenges,
    ) -> SegmentPublic {
        let size = self.cleared.params.touches;
        SegmentPublic {
            domain: s.context.domain,
            context: s.context.word(),
            root_in: previous.map_or(s.start_root, |p| p.root_out),
            root_out: F::ZERO,
            theta_in: theta_power(j * size, c.theta),
            theta_out: F::ZERO,
            index_in: previous.map_or(F::ZERO, |p| p.index_out),
            index_out: F::ZERO,
            sums_in: F::ZERO,
            sums_out: F::ZERO,
            tau: F::ZERO,
            y: c.y,
            theta: c.theta,
            gamma: c.gamma,
            beta: c.beta,
            z: c.z,
            open_value: F::ZERO,
            encrypted_value: F::ZERO,
        }
    }

    fn tell(&self, b: &mut Builder, circuit: Circuit, c: &Challenges, last: bool) {
        for lie in self.lies.iter().filter(|lie| lie.circuit == circuit && (last || !lie.late)) {
            let (replace, challenges) = (Arc::clone(&lie.replace), *c);
            b.override_witness(lie.label, lie.occurrence, move |honest| replace(honest, &challenges));
        }
    }

    fn build_segment(
        &self,
        j: usize,
        public: &SegmentPublic,
        private: &SegmentPrivate,
        c: &Challenges,
        last: bool,
    ) -> Builder {
        let mut b = Builder::assignment();
        self.tell(&mut b, Circuit::Segment(j), c, last);
        segment::synthesize(&mut b, &self.cleared.params, public, private);
        for lie in self.lies.iter().filter(|lie| lie.circuit == Circuit::Segment(j) && (last || !lie.late)) {
            assert!(b.occurrences(lie.label) > lie.occurrence, "there is no `{}` number {}", lie.label, lie.occurrence);
        }
        b
    }

    fn build_closing(&self, s: &Settlement, c: &Challenges, sums: SaltedSums, last: bool) -> Builder {
        let public = ClosingPublic {
            domain: s.context.domain,
            context: s.context.word(),
            risk_root: F::ZERO,
            auction_root: F::ZERO,
            tau: F::ZERO,
            y: c.y,
            theta: c.theta,
            gamma: c.gamma,
            beta: c.beta,
            z: c.z,
            data_value: F::ZERO,
            sums: F::ZERO,
            product: F::ZERO,
        };
        let mut private = self.closing_private(c.theta);
        private.sums = sums;
        self.closing.iter().for_each(|edit| edit(&mut private));
        if last {
            self.late_closing.iter().for_each(|edit| edit(&mut private));
        }
        let mut b = Builder::assignment();
        self.tell(&mut b, Circuit::Closing, c, last);
        closing::synthesize(&mut b, &self.cleared.params, &public, &private);
        b
    }

    fn closing_public(&self, s: &Settlement, c: &Challenges) -> ClosingPublic {
        closing::public(&self.build_closing(s, c, SaltedSums::START, false))
    }

    /// The closing witness with group sums, multiplicities, counts and volumes of what the segments claim.
    fn closing_private(&self, theta: F) -> ClosingPrivate {
        let mut private = witness::closing(&self.cleared, theta, self.salts);
        recount(&mut private, &self.segments, &self.cleared, theta);
        private
    }

    /// The proofs, sums run through, and what refuses them.
    fn prove(&self, mut settlement: Settlement, c: &Challenges) -> Verdict {
        let mut derived = Vec::new();
        let mut violated = Vec::new();
        let mut refused = BTreeSet::new();
        let mut wires = Vec::new();
        let mut sums = self.start;
        for j in 0..self.segments.len() {
            let public = self.segment_public(&settlement, j, derived.last(), c);
            if let Some(honest) = self.untouched(j, &public).filter(|_| !self.proving) {
                let before = sums.commitment();
                sums.sums = sums.sums.after(&self.cleared, &tacit_core::witness::segment(&self.cleared, j), c);
                sums.salt = self.segments[j].salt_out;
                settlement.segments[j].sums = sums.commitment();
                derived.push(SegmentPublic { sums_in: before, sums_out: sums.commitment(), ..honest });
                violated.push(BTreeSet::new());
                continue;
            }
            let private = SegmentPrivate { sums_in: sums, ..self.segments[j].clone() };
            let b = self.build_segment(j, &public, &private, c, true);
            sums = sums_out(&self.cleared.params, &b);
            settlement.segments[j].sums = sums.commitment();
            derived.push(segment::public(&b));
            violated.push(b.violated_checks());
            refused.extend(record::units("segment", b.violations()));
            wires.extend(self.proving.then(|| b.into_assignment()));
        }
        let b = self.build_closing(&settlement, c, sums, true);
        let (planned, planned_closing) = settlement.statements(c);
        let mut links = BTreeSet::new();
        for (derived, planned) in derived.iter().zip(&planned) {
            links.extend(differing(&derived.to_array(), &planned.to_array(), &SEGMENT_INPUTS));
        }
        links.extend(differing(&closing::public(&b).to_array(), &planned_closing.to_array(), &CLOSING_INPUTS));
        let mut trusted = expected(&self.cleared);
        self.trusted.iter().for_each(|edit| edit(&mut trusted));
        if self.resealed {
            trusted.seal_root = settlement.seal_root;
        }
        let contract = match settlement::verify(&settlement, &no_keys(self.cleared.params), &trusted) {
            Err(SettlementError::Malformed(what)) if what == "a proof is missing" => None,
            other => Some(other.expect_err("there are no proofs")),
        };
        refused.extend(record::units("closing", b.violations()));
        let closing = b.violated_checks();
        wires.extend(self.proving.then(|| b.into_assignment()));
        let verdict = Verdict { segments: violated, closing, links, contract, refused, settlement, trusted, wires };
        record::refusal(&verdict.refused, &verdict.others());
        verdict
    }
}

/// The state tree of a scene's leaves.
pub fn tree_of(scene: &scene::Scene) -> StateTree {
    let mut tree = StateTree::new(scene.params.depth as u8).unwrap();
    scene.leaves.iter().for_each(|(index, leaf)| tree.set(*index, leaf.hash(&scene.params)).unwrap());
    tree
}

/// Recomputes what the closing circuit is told of the segments.
fn recount(private: &mut ClosingPrivate, segments: &[SegmentPrivate], cleared: &ClearedBatch, theta: F) {
    for row in &mut private.risk {
        (row.group_long, row.group_short, row.count, row.volume, row.multiplicity) = (F::ZERO, F::ZERO, 0, 0, 0);
    }
    for row in &mut private.settled {
        (row.group_long, row.group_short, row.multiplicity) = (F::ZERO, F::ZERO, 0);
    }
    private.sentinel_multiplicity = 0;
    let mut power = F::ONE;
    for (at, touch) in segments.iter().flat_map(|s| &s.touches).enumerate() {
        let held = touch.old.iter().flat_map(|leaf| leaf.slots(&cleared.params));
        for (position, expired) in held.zip(&touch.expired) {
            let term = power * from_i128(position.quantity.into());
            let groups = if *expired {
                let row = private.settled.iter_mut().find(|x| x.row.instrument == position.instrument);
                row.map(|x| (&mut x.group_long, &mut x.group_short))
            } else {
                let row = private.risk.iter_mut().find(|x| x.row.instrument == position.instrument);
                row.map(|x| (&mut x.group_long, &mut x.group_short))
            };
            if let Some((long, short)) = groups {
                *(if position.quantity < 0 { short } else { long }) += term;
            }
        }
        power *= theta;
        for (slot, order) in touch.orders.iter().enumerate() {
            let o = &order.sealed.order;
            if let Some(row) =
                private.settled.iter_mut().find(|x| order.row.settled && x.row.instrument == order.row.id)
            {
                row.multiplicity += 1;
            } else if let Some(row) = private.risk.iter_mut().find(|x| x.row.instrument == order.row.id) {
                row.multiplicity += 1;
            } else {
                private.sentinel_multiplicity += 1;
            }
            let admitted = cleared.touches.get(at).and_then(|t| t.orders.get(slot)).is_some_and(|x| x.admitted);
            let Some(row) = private.risk.iter_mut().find(|x| x.row.instrument == o.instrument) else { continue };
            if admitted && o.kind == Kind::Trade {
                let buys = o.side == Side::Buy;
                row.volume += if buys { u64::from(order.fill) } else { 0 };
                let rest = o.quantity - order.fill.min(o.quantity);
                let part = if buys == order.row.above_mark { rest } else { order.fill };
                row.count += if o.limit == order.row.price { u64::from(part) } else { 0 };
            }
        }
    }
}

/// A segment's witness as text, without its paths.
fn pathless(private: &SegmentPrivate) -> String {
    let mut private = private.clone();
    private.touches.iter_mut().for_each(|touch| touch.path.clear());
    format!("{private:?}")
}

fn differing(derived: &[F], planned: &[F], names: &[&'static str]) -> Vec<&'static str> {
    derived.iter().zip(planned).zip(names).filter(|((d, p), _)| d != p).map(|(_, name)| *name).collect()
}

/// Challenges that nobody drew, for runs whose challenges do not matter.
pub fn dummy() -> Challenges {
    let [y, theta, gamma, z, beta] = [11u64, 12, 13, 14, 15].map(|i| tacit_core::poseidon::hash(&[from_u64(i)]));
    Challenges { y, theta, gamma, z, beta }
}

/// The sums that a segment ends in: the seven wires after its salt.
fn sums_out(params: &Params, b: &Builder) -> SaltedSums {
    let at = shape(params).salt;
    let wires = &b.values()[at + 1..at + 8];
    let sums = Sums {
        margin: wires[0],
        positions: wires[1],
        trades: wires[2],
        lookups: wires[3],
        fees: wires[4],
        product: wires[5],
    };
    SaltedSums { sums, salt: wires[6] }
}

/// Where wires stand that the attacker reads.
#[derive(Clone)]
struct Shape {
    /// The salt of a segment's sums.
    salt: usize,
    /// Products of the segment's open value: the value of all open words before, times z.
    open_words: Vec<usize>,
    /// Products of its encrypted value.
    encrypted_words: Vec<usize>,
    /// The same of the closing circuit.
    closing_words: Vec<usize>,
}

fn shape(params: &Params) -> Shape {
    static KNOWN: Mutex<BTreeMap<&'static str, Shape>> = Mutex::new(BTreeMap::new());
    let find = || {
        let (segment, closing) = settlement::shapes(params);
        let is_salt = |wire: &usize| segment.label(*wire).is_some_and(|(label, _)| label == "sums salt");
        let (gated, words) = (4 + params.plain_words(), params.words_per_touch());
        let products = public_products(&segment);
        // The first word of each value is not multiplied by the point: the value before it is the constant 0.
        let first = gated + words - 2;
        let (mut open_words, mut encrypted_words) = (Vec::new(), Vec::new());
        for (touch, missing) in
            [(&products[..first], 1)].into_iter().chain(products[first..].chunks(gated + words).map(|touch| (touch, 0)))
        {
            let (open, encrypted) = touch[gated..].split_at(OPEN_WORDS - missing);
            open_words.extend(open);
            encrypted_words.extend(encrypted);
        }
        let closing = public_products(&closing);
        let closing_words = closing[closing.len() + 1 - params.closing_words()..].to_vec();
        Shape { salt: (1..segment.values().len()).find(is_salt).unwrap(), open_words, encrypted_words, closing_words }
    };
    KNOWN.lock().unwrap().entry(params.name).or_insert_with(find).clone()
}

/// Wires of the products in the scope of the data words.
fn public_products(b: &Builder) -> Vec<usize> {
    let wires = 1..b.values().len();
    wires.filter(|wire| b.label(*wire) == Some((PRODUCT, "public words"))).collect()
}

/// The words of a segment, touch by touch, from the products of its two values.
fn segment_words(b: &Builder, shape: &Shape, derived: &SegmentPublic) -> Vec<F> {
    let open = derived_words(b, &shape.open_words, derived.open_value);
    let encrypted = derived_words(b, &shape.encrypted_words, derived.encrypted_value);
    SegmentData { open, encrypted }.words()
}

/// The words behind a data value, from its products: each is z times the value of the words before.
fn derived_words(b: &Builder, products: &[usize], value: F) -> Vec<F> {
    let z = dummy().z.inverse().unwrap();
    let products: Vec<F> = products.iter().map(|wire| b.values()[*wire]).collect();
    let values = products.iter().map(|product| *product * z).chain([value]);
    let before = [F::ZERO].into_iter().chain(products.iter().copied());
    values.zip(before).map(|(value, before)| value - before).collect()
}

/// Keys that verify nothing, for checks that come before proofs.
fn no_keys(params: Params) -> VerifyingKeys {
    let key = VerifyingKey {
        alpha: ark_bn254::G1Affine::identity(),
        beta: ark_bn254::G2Affine::identity(),
        gamma: ark_bn254::G2Affine::identity(),
        delta: ark_bn254::G2Affine::identity(),
        ic: Vec::new(),
        fingerprint: Fingerprint([0; 32]),
    };
    VerifyingKeys { params, segment: key.clone(), closing: key }
}

/// What a contract would hold that sealed this batch.
pub fn expected(cleared: &ClearedBatch) -> Expected {
    let sealed = &cleared.sealed;
    let deposits = sealed.touches.iter().filter(|t| t.deposit > 0);
    let exits = sealed.touches.iter().filter_map(|t| t.exit.map(|amount| (t.index, amount)));
    Expected {
        context: cleared.context,
        start_root: cleared.start_root,
        seal_root: cleared.seal_root,
        active_orders: cleared.active_orders,
        queues: QUEUES,
        risk_root: cleared.risk_root,
        deposits: deposits.map(|t| (t.index, LockedDeposit { amount: t.deposit, owner: t.holder.owner() })).collect(),
        exits: exits.collect(),
        settled: sealed.settled.iter().map(|row| (row.instrument, row.value)).collect(),
    }
}

/// A batch in which most things happen. Segments of `dev` hold accounts (0, 1), (2, 3), (4, 5), (6, padding).
///
/// Account 0 is the fund; 1 holds a long, an expired and a short position, buys 10 and sells 20; 2 sells 10 as the cut and withdraws;
/// 3 is opened by a deposit, sells 10 behind the cut and buys 20; 4 exits; 5 does not exist but orders; 6 cancels, and orders in a
/// settled instrument. Instrument 10 clears above its mark, 20 below.
pub fn market() -> scene::Scene {
    use scene::{QUOTE, order};
    let mut s = scene::Scene::new(Params::DEV);
    s.row(10, 1_000_000).short_minimum = 50_000;
    s.row(20, 2_000_000).short_minimum = 10_000;
    s.row(30, 7_000_000);
    s.settle(15, 300_000);
    s.settle(40, 1_250_000);
    s.account(1, 1_000 * QUOTE, &[(10, 100), (15, 500), (20, -300)]);
    s.account(2, 2_000 * QUOTE + 5_000, &[(30, 40)]);
    s.account(4, 50 * QUOTE, &[(40, -9)]);
    s.account(6, 3 * QUOTE, &[]).bitmap = 5;
    s.plans.entry(3).or_default().deposit = 1_000_000_000;
    s.plans.entry(4).or_default().exit = Some(7_000_000);
    s.order(order(1, 10, Side::Buy, 1_000, 1_050_000));
    s.order(scene_slot(order(1, 20, Side::Sell, 200, 900_000), 1));
    s.order(order(2, 10, Side::Sell, 1_200, 1_020_000));
    s.order(scene_slot(scene::withdrawal(2, 5_000_000), 9));
    s.order(order(3, 10, Side::Sell, 300, 1_020_000));
    s.order(scene_slot(order(3, 20, Side::Buy, 200, 1_100_000), 63));
    s.order(order(5, 10, Side::Buy, 10, 1_000_000));
    s.order(scene::cancel(6, 4));
    s.order(tacit_core::order::Order { epoch: 4, ..order(6, 15, Side::Sell, 3, 300_000) });
    s
}

/// The order under another nonce slot.
pub fn scene_slot(order: tacit_core::order::Order, slot: u8) -> tacit_core::order::Order {
    tacit_core::order::Order { slot, ..order }
}

/// As [`bits_of`] for the segment circuit of `dev`.
pub fn segment_bits() -> &'static BTreeMap<&'static str, Vec<usize>> {
    static BITS: std::sync::OnceLock<BTreeMap<&'static str, Vec<usize>>> = std::sync::OnceLock::new();
    BITS.get_or_init(|| bits_of(&settlement::shapes(&Params::DEV).0))
}

/// Where the bits of a check's decompositions stand among all wires labelled "bit", in the order of rows.
pub fn bits_of(shape: &Builder) -> BTreeMap<&'static str, Vec<usize>> {
    let mut ordinal = BTreeMap::new();
    for wire in 1..shape.values().len() {
        if shape.label(wire).is_some_and(|(label, _)| label == BIT) {
            ordinal.insert(wire as u32, ordinal.len());
        }
    }
    let matrices = shape.matrices(&RowFilter::default());
    let mut found: BTreeMap<&'static str, Vec<usize>> = BTreeMap::new();
    for row in 0..matrices.rows() {
        let (check, _) = shape.row_name(row).unwrap();
        let terms: Vec<_> = matrices.a.row(row).collect();
        if let ([(_, a)], [(_, b)]) = (terms.as_slice(), matrices.b.row(row).collect::<Vec<_>>().as_slice())
            && let (true, Some(at)) = (a == b, ordinal.get(a))
        {
            found.entry(check).or_default().push(*at);
        }
    }
    found
}

/// The rows of a circuit with the names of their checks: what a proof is made for, whatever the witness.
pub struct Rows {
    matrices: Matrices,
    units: Vec<Unit>,
}

impl Rows {
    /// Of a circuit built in rows mode.
    pub fn of(circuit: &'static str, shape: &Builder) -> Self {
        let matrices = shape.matrices(&RowFilter::default());
        let unit = |row| Unit { circuit, check: shape.row_name(row).unwrap().0, place: shape.row_place(row).unwrap() };
        let units = (0..matrices.rows()).map(unit).collect();
        Self { matrices, units }
    }

    /// Checks of all rows that the wires break. The caller insists on them.
    pub fn broken(&self, wires: &[F]) -> BTreeSet<&'static str> {
        self.broken_units(wires).iter().map(|unit| unit.check).collect()
    }

    /// The same by check and place.
    pub fn broken_units(&self, wires: &[F]) -> BTreeSet<Unit> {
        let m = &self.matrices;
        let broken = (0..m.rows()).filter(|row| m.a.dot(*row, wires) * m.b.dot(*row, wires) != m.c.dot(*row, wires));
        let units: BTreeSet<Unit> = broken.map(|row| self.units[row].clone()).collect();
        record::refusal(&units, &BTreeSet::new());
        units
    }

    /// The same once the public input `index` is another.
    pub fn broken_by_input(&self, b: &Builder, index: usize) -> BTreeSet<&'static str> {
        let mut wires = b.values().to_vec();
        wires[index + 1] += F::ONE;
        self.broken(&wires)
    }
}

/// Rows of both circuits of `dev`: (segment, closing).
pub fn dev_rows() -> &'static (Rows, Rows) {
    static ROWS: std::sync::OnceLock<(Rows, Rows)> = std::sync::OnceLock::new();
    ROWS.get_or_init(|| {
        let (segment, closing) = settlement::shapes(&Params::DEV);
        (Rows::of("segment", &segment), Rows::of("closing", &closing))
    })
}

/// A random batch in which much is traded: wealthy accounts, few instruments, limits on a coarse grid around the marks so that orders tie,
/// and now and then a withdrawal, a deposit, an exit, an expired position.
pub fn busy(params: Params, seed: u64) -> scene::Scene {
    use scene::{Dice, QUOTE, order};
    let mut dice = Dice(seed ^ 0xb5);
    let mut s = scene::Scene::new(params);
    s.context.fee_rate = dice.pick(&[0, 1, 5, 300]);
    (s.context.num, s.context.den) = dice.pick(&[(5, 4), (1, 1), (2, 1), (5, 3)]);
    let open: Vec<u32> = (0..1 + dice.below(3) as u32).map(|i| 10 * (i + 1)).collect();
    for id in &open {
        s.row(*id, 1_000_000 + dice.below(1_000)).short_minimum = dice.below(50_000);
    }
    s.settle(15, dice.below(2_000_000));
    for index in 1..=3 * params.touches as u32 {
        // An odd number of lots is never 0.
        let mut held: Vec<(u32, i64)> =
            vec![(10, 2 * dice.below(900) as i64 - 899), (15, 2 * dice.below(900) as i64 - 899)];
        held.retain(|_| dice.once_in(2));
        s.account(index, (100 + i128::from(dice.below(100_000))) * QUOTE, &held);
        if dice.once_in(9) {
            s.plans.get_mut(&index).unwrap().exit = Some(dice.below(1_000_000_000));
            continue;
        }
        if dice.once_in(6) {
            s.plans.get_mut(&index).unwrap().deposit = 1 + dice.below(1_000_000);
        }
        for slot in 0..params.orders as u8 {
            let side = if dice.once_in(2) { Side::Buy } else { Side::Sell };
            let (id, lots) = (dice.pick(&open), 1 + dice.below(1_000) as u32);
            // Four steps to either side of the mark, and a drift that moves most books off it.
            let steps = dice.below(9) + seed % 5;
            let limit = s.risk[&id].mark + 1_000 * steps - 6_000;
            s.order(scene_slot(order(index, id, side, lots, limit), slot));
        }
    }
    s
}
