//! The key-stream that hides an account's words on chain: `S₈(6; k, domain, index, v + b)` for the blocks b = 0, 1, …
//!
//! One permutation gives eight pads. `v` is itself a hash of all words that are hidden, so a repeated batch with
//! other content never meets the same pad (docs/protocol.md, section 3). Who adds the pads to words, and which pad
//! becomes the leaf's salt, is left to the touch.

use tacit_core::field::{F, from_u64};
use tacit_core::poseidon;

use crate::builder::{Builder, Lc};
use crate::gadgets::poseidon as rows;

/// Tag of the pads.
const TAG_PAD: u64 = 6;

/// `8 · blocks` pads, 402 rows a block.
pub fn stream(b: &mut Builder, viewing_key: &Lc, domain: &Lc, index: &Lc, v: &Lc, blocks: usize) -> Vec<Lc> {
    (0..blocks as u64)
        .flat_map(|block| {
            let inputs = [viewing_key.clone(), domain.clone(), index.clone(), v.add_constant(from_u64(block))];
            rows::sponge_squeeze(b, TAG_PAD, &inputs)
        })
        .collect()
}

/// Plain twin of [`stream`].
#[must_use]
pub fn stream_plain(viewing_key: F, domain: F, index: F, v: F, blocks: usize) -> Vec<F> {
    (0..blocks as u64)
        .flat_map(|block| poseidon::sponge_squeeze(TAG_PAD, &[viewing_key, domain, index, v + from_u64(block)]))
        .collect()
}
