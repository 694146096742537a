//! The plain twin of what the challenges are drawn from, and of the sums they are used in.
//!
//! Section 7 and 8 of `docs/protocol.md`: elements of both transcripts, auction root, closing words, challenges, data value, and the running
//! sums of a segment, so that circuits have something simple to be compared with.

use ark_ff::AdditiveGroup;

use crate::batch::AuctionRow;
use crate::field::{F, from_u64, pow2};
use crate::params::Params;
use crate::risk::{RiskTable, SettledRow};

/// The public words of the closing proof: a risk row, then a settled row at a time; 0 where unused.
#[must_use]
pub fn closing_words(risk: &RiskTable, settled: &[SettledRow], auctions: &[AuctionRow], params: &Params) -> Vec<F> {
    let open = risk.rows.iter().zip(auctions).map(|(row, auction)| {
        let traded = u64::from(auction.volume > 0);
        from_u64(u64::from(row.instrument)) + from_u64(traded * auction.price) * pow2(27) + from_u64(traded) * pow2(69)
    });
    let closed = settled.iter().map(|row| from_u64(u64::from(row.instrument)) + from_u64(row.value) * pow2(27));
    let mut words: Vec<F> = open.collect();
    words.resize(params.rows, F::ZERO);
    words.extend(closed);
    words.resize(params.closing_words(), F::ZERO);
    words
}
