//! The identities of section 7 on cleared batches: what the segments sum up is what the closing proof compares it with.

mod scene;

use ark_ff::AdditiveGroup;
use scene::{Scene, domain, order, random};
use tacit_core::batch::ClearedBatch;
use tacit_core::data::{SegmentData, words_hash};
use tacit_core::field::{F, from_u64};
use tacit_core::order::Side;
use tacit_core::params::Params;
use tacit_core::poseidon;
use tacit_core::transcript::{
    Challenges, ClosingParts, Header, SegmentDigest, Sums, auction_root, closing_digest, closing_elements,
    closing_sums, second_hash, segment_digest, segment_elements, successor_sums,
};
use tacit_core::witness::segment_inputs;

fn challenges(cleared: &ClearedBatch) -> Challenges {
    let segments = segment_inputs(cleared);
    let digests = segments.iter().map(|segment| SegmentDigest {
        root: segment.root_out,
        next_index: segment.next_index_out,
        transcript: segment_digest(from_u64(99), &segment_elements(cleared, segment)),
        data_hash: SegmentData::of(&segment.words(), &cleared.params).hash(),
    });
    let header = Header {
        domain: cleared.context.domain,
        context: cleared.context.word(),
        active_orders: cleared.active_orders,
        seal_root: cleared.seal_root,
        deposit_end: 0,
        exit_end: 0,
        start_root: cleared.start_root,
        segments: digests.collect(),
        risk_root: cleared.risk_root,
        auction_root: auction_root(cleared, from_u64(5)),
        closing_hash: words_hash(&cleared.closing_words),
        beneficiary: [1; 20],
    };
    let first = header.first_hash();
    let early = Challenges::of_first_hash(&first);
    let closing = closing_digest(from_u64(77), &closing_elements(cleared, early.theta));
    early.with_second_hash(&second_hash(&first, closing))
}

fn summed(cleared: &ClearedBatch, challenges: &Challenges) -> Sums {
    segment_inputs(cleared).iter().fold(Sums::START, |sums, segment| sums.after(cleared, segment, challenges))
}

fn assert_identities(cleared: &ClearedBatch) {
    let challenges = challenges(cleared);
    let parts = ClosingParts::new(cleared, challenges.theta);
    assert_eq!(summed(cleared, &challenges), closing_sums(cleared, &parts, &challenges));
    let (left, right) = successor_sums(cleared, challenges.beta);
    assert_eq!(left, right);
}

#[test]
fn identities_hold_in_random_batches() {
    for seed in 0..60 {
        assert_identities(&random(Params::DEV, seed).clear());
    }
    for seed in 0..6 {
        assert_identities(&random(Params::STANDARD, seed).clear());
    }
}

#[test]
fn a_changed_claim_breaks_the_margin_identity_only() {
    let mut cleared = random(Params::DEV, 3).clear();
    let challenges = challenges(&cleared);
    cleared.touches[0].claims[1] += 1;
    let parts = ClosingParts::new(&cleared, challenges.theta);
    let (left, right) = (summed(&cleared, &challenges), closing_sums(&cleared, &parts, &challenges));
    assert_ne!(left.margin, right.margin);
    assert_eq!(Sums { margin: right.margin, ..left }, right);
}

#[test]
fn a_changed_fill_breaks_the_identity_of_trades() {
    let mut scene = Scene::new(Params::DEV);
    scene.row(5, 1_000_000);
    scene.account(1, scene::QUOTE * 1_000, &[]);
    scene.account(2, scene::QUOTE * 1_000, &[]);
    scene.order(order(1, 5, Side::Buy, 10, 1_000_000));
    scene.order(order(2, 5, Side::Sell, 10, 1_000_000));
    let mut cleared = scene.clear();
    let challenges = challenges(&cleared);
    cleared.touches[1].orders[0].fill = 9;
    let parts = ClosingParts::new(&cleared, challenges.theta);
    assert_ne!(summed(&cleared, &challenges).trades, closing_sums(&cleared, &parts, &challenges).trades);
}

#[test]
fn segments_link_by_root_and_index() {
    let cleared = random(Params::DEV, 11).clear();
    let segments = segment_inputs(&cleared);
    assert_eq!(segments[0].root_in, cleared.start_root);
    assert_eq!(segments[0].next_index_in, 0);
    for pair in segments.windows(2) {
        assert_eq!(pair[0].root_out, pair[1].root_in);
        assert_eq!(pair[0].next_index_out, pair[1].next_index_in);
    }
    assert_eq!(segments.last().map(|segment| segment.root_out), Some(cleared.end_root));
    assert!(segments.iter().all(|segment| segment.touches.len() == cleared.params.touches));
    let live = segments.iter().flat_map(|segment| &segment.touches).filter(|touch| touch.live).count();
    assert_eq!(live, cleared.touches.len());
}

#[test]
fn padding_absorbs_the_sentinel_zeros_and_offset_claims() {
    let mut scene = Scene::new(Params::DEV);
    scene.row(5, 1_000);
    let cleared = scene.clear();
    let segments = segment_inputs(&cleared);
    let elements = segment_elements(&cleared, &segments[0]);
    let padding = &elements[elements.len() / 2..];
    let sentinel = from_u64(5 << 36);
    let offset = from_u64(2).pow_of(82);
    let triple = offset * (F::from(1u64) + from_u64(2).pow_of(84) + from_u64(2).pow_of(168));
    let pair = offset * (F::from(1u64) + from_u64(2).pow_of(84));
    let zero = F::ZERO;
    // Two order places of row word and one W word, touch word, L, leaf, recipient, u_0, X, E, R, five claims.
    let expected = [sentinel, zero, sentinel, zero, zero, zero, zero, zero, zero, zero, zero, zero, triple, pair];
    assert_eq!(padding, expected);
}

trait Power {
    fn pow_of(self, exponent: u64) -> F;
}

impl Power for F {
    fn pow_of(self, exponent: u64) -> F {
        (0..exponent).fold(F::from(1u64), |power, _| power * self)
    }
}

#[test]
fn first_sums_have_the_constant_commitment() {
    let zeros = [F::ZERO; 7];
    let mut inputs = zeros;
    inputs[5] = F::from(1u64);
    assert_eq!(Sums::START.commitment(F::ZERO), poseidon::hash(&inputs));
    assert_ne!(domain(), F::ZERO);
}
