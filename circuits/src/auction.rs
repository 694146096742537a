//! The fill rules of the call auction for one order, and what it adds to the sums that clear an instrument.
//!
//! An order is filled in full at a strictly better limit, not at all at a worse one; at the clearing price by side and sequence number against
//! the cut. That buys equal sells, and that the price is the feasible one nearest the mark, is the closing circuit's part.

use tacit_core::field::{F, pow2};

use crate::builder::{Builder, Lc};
use crate::gadgets::{lookup, range};
use crate::order::{LOT_BITS, OrderVars, PRICE_BITS, RowVars};

/// Offset of the keys of at-price counts.
pub const COUNT_KEY: u32 = 34;
/// Offset of the keys of buy volumes.
pub const VOLUME_KEY: u32 = 35;

/// An executed trade.
pub struct Fill {
    /// Lots filled.
    pub fill: Lc,
    /// Signed lots, buys positive.
    pub signed: Lc,
    /// Cash paid for the premium, cash units / 10⁴ (negative for sells).
    pub premium: Lc,
    /// Fee, cash units.
    pub fee: Lc,
    /// 1 if nothing was filled.
    pub unfilled: Lc,
    /// `±fill/(β − id)`.
    pub net_term: Lc,
    /// Terms of count and buy volume.
    pub other_terms: Lc,
}

/// How an order stands at the clearing price: 1 if filled in full, 1 if it is the cut.
fn entitlement(b: &mut Builder, o: &OrderVars, row: &RowVars, executed: &Lc) -> (Lc, Lc, Lc) {
    let distance = &o.limit - &row.price;
    let at_price = b.is_zero("limit at the clearing price", &distance);
    let better = b.mul(&o.sign, &distance);
    let not_worse = range::is_non_negative(b, "limit no worse than the clearing price", &better, PRICE_BITS + 2);
    let strictly_better = &not_worse - &at_price;
    let ahead = &row.cut - &o.sequence;
    let is_cut = b.is_zero("order is the cut", &ahead);
    let not_behind = range::is_non_negative(b, "sequence against the cut", &ahead, 34);
    let before = &not_behind - &is_cut;
    let both = b.mul(&row.cut_side, &o.side);
    let same_side = &(&row.cut_side.not() - &o.side) + &both.scale(F::from(2u64));
    let first = b.mul(&same_side, &before);
    let full_at_price = &same_side.not() + &first;
    let cut_here = b.mul(&same_side, &is_cut);
    let full = b.mul(&at_price, &full_at_price);
    let partial = b.mul(&at_price, &cut_here);
    let full = b.mul(&(&strictly_better + &full), executed);
    let partial = b.mul(&partial, executed);
    (full, partial, at_price)
}

/// Fills one order and adds up what it owes.
pub fn fill(b: &mut Builder, o: &OrderVars, row: &RowVars, lots: u32, executed: &Lc, rate: &Lc, beta: &Lc) -> Fill {
    let (full, partial, at_price) = entitlement(b, o, row, executed);
    let fill = range::ranged(b, "fill", F::from(lots), LOT_BITS);
    let rest = &o.quantity - &fill;
    range::bits(b, "fill within quantity", &rest, LOT_BITS);
    b.enforce("filled in full", &full, &rest, &Lc::zero());
    b.enforce("not filled", &(&full.not() - &partial), &fill, &Lc::zero());
    let premium = b.mul(&fill, &row.price);
    let fee = b.mul(&premium, rate);
    let premium = b.mul(&o.sign, &premium);
    let bought = b.mul(&o.side, &fill);
    let signed = &bought.scale(F::from(2u64)) - &fill;
    let net_term = lookup::term(b, "net fill", &signed, beta, &o.instrument);
    let count = at_price_count(b, o, row, &fill, &rest, &at_price, executed);
    let count_term = lookup::term(b, "at-price count", &count, beta, &o.instrument.add_constant(pow2(COUNT_KEY)));
    let volume_term = lookup::term(b, "buy volume", &bought, beta, &o.instrument.add_constant(pow2(VOLUME_KEY)));
    let unfilled = b.is_zero("unfilled", &fill);
    Fill { fill, signed, premium, fee, unfilled, net_term, other_terms: &count_term + &volume_term }
}

/// `limit = p*` and executed: what is unfilled on the side that the price moved towards, what is filled on the other.
fn at_price_count(
    b: &mut Builder,
    o: &OrderVars,
    row: &RowVars,
    fill: &Lc,
    rest: &Lc,
    at_price: &Lc,
    executed: &Lc,
) -> Lc {
    let both = b.mul(&o.side, &row.direction);
    let differ = &(&o.side + &row.direction) - &both.scale(F::from(2u64));
    let counted = b.select(&differ, fill, rest);
    let here = b.mul(at_price, executed);
    b.mul(&here, &counted)
}
