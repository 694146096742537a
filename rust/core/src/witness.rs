//! A cleared batch cut into segments: what each segment circuit is given.
//!
//! A segment holds T touches; the last one is filled up with padding touches, which prove nothing and change nothing. A segment's roots
//! and indices are those the chain of segments links by.

use crate::account::Holder;
use crate::babyjub;
use crate::batch::{ClearedBatch, ClearedTouch, Touch};
use crate::field::F;
use crate::params::Params;
use crate::poseidon;

/// A touch of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentTouch {
    /// False of padding.
    pub live: bool,
    /// What was sealed.
    pub touch: Touch,
    /// What clearing made of it.
    pub cleared: ClearedTouch,
}

impl SegmentTouch {
    /// A padding touch. Its holder's key is a point of the curve that nobody signs with here.
    #[must_use]
    pub fn padding(params: &Params) -> Self {
        let holder = Holder { key: babyjub::BASE8, viewing_key: F::from(0u64), subaccount: 0 };
        let touch = Touch { index: 0, holder, deposit: 0, exit: None, orders: Vec::new() };
        Self { live: false, touch, cleared: ClearedTouch::padding(params) }
    }
}

/// One segment of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its number, from 0.
    pub number: usize,
    /// Number of touches, padding included, in the segments before it: `a` of its first touch.
    pub first_touch: usize,
    /// Root before its first touch.
    pub root_in: F,
    /// Root after its last touch.
    pub root_out: F,
    /// Least index its first touch may have.
    pub next_index_in: u32,
    /// Least index a touch after it may have.
    pub next_index_out: u32,
    /// T touches.
    pub touches: Vec<SegmentTouch>,
}

impl Segment {
    /// The segment's data words.
    #[must_use]
    pub fn words(&self) -> Vec<F> {
        self.touches.iter().flat_map(|touch| touch.cleared.words.iter().copied()).collect()
    }
}

/// Cuts a batch into its N segments.
#[must_use]
pub fn segment_inputs(cleared: &ClearedBatch) -> Vec<Segment> {
    (0..cleared.segments()).map(|number| segment(cleared, number)).collect()
}

/// Segment `number` of a batch.
///
/// # Panics
/// If the batch has no such segment.
#[must_use]
pub fn segment(cleared: &ClearedBatch, number: usize) -> Segment {
    let size = cleared.params.touches;
    let first_touch = number * size;
    let end = (first_touch + size).min(cleared.touches.len());
    let live = cleared.sealed.touches[first_touch..end].iter().zip(&cleared.touches[first_touch..end]);
    let mut touches: Vec<SegmentTouch> = live
        .map(|(touch, cleared)| SegmentTouch { live: true, touch: touch.clone(), cleared: cleared.clone() })
        .collect();
    touches.resize_with(size, || SegmentTouch::padding(&cleared.params));
    Segment {
        number,
        first_touch,
        root_in: root_before(cleared, first_touch),
        root_out: root_before(cleared, end),
        next_index_in: next_index(cleared, first_touch),
        next_index_out: next_index(cleared, end),
        touches,
    }
}

/// The root just before a touch; after the last touch, the end root.
fn root_before(cleared: &ClearedBatch, touch: usize) -> F {
    let top = cleared.touches.get(touch).and_then(|touch| touch.path.last());
    top.map_or(cleared.end_root, |children| poseidon::hash(children))
}

/// The least index that a touch may have after those before `touch`.
fn next_index(cleared: &ClearedBatch, touch: usize) -> u32 {
    let before = touch.checked_sub(1).map(|last| cleared.sealed.touches[last].index);
    before.map_or(0, |index| index + 1)
}
