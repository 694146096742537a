//! The call auction: one price an instrument, from sealed orders and the mark, and who trades how much at it.
//!
//! Section 5 of `docs/protocol.md`. The price is the feasible one nearest to the mark; at it strictly better limits fill in full, and on one
//! side the smaller sequence numbers first. [`clear_orders`] needs nothing but orders and marks, and takes O(n log n).

use crate::batch::BatchError;
use crate::order::Side;
use crate::units::{InstrumentId, PRICE_END, Price, Quantity, Sequence};

/// An order as the auction sees it: admitted, and of an instrument with a mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuctionOrder {
    /// What it trades.
    pub instrument: InstrumentId,
    /// Its side.
    pub side: Side,
    /// Lots it wants at most.
    pub quantity: Quantity,
    /// The worst price it accepts.
    pub limit: Price,
    /// Its place in the queue, unlike any other's.
    pub sequence: Sequence,
}

/// The mark of an instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Instrument.
    pub instrument: InstrumentId,
    /// Mark price.
    pub price: Price,
}

/// The auction of one instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuctionRow {
    /// p*, in price units.
    pub price: u64,
    /// Sequence number of the first order at p*, on the side of the cut, that is not filled in full; n + 1 if there is none.
    pub cut: u32,
    /// Side of the cut; buy if there is none.
    pub cut_side: Side,
    /// Lots that buyers receive and sellers give.
    pub volume: u64,
    /// Over orders with limit p*: lots that prove the price to be the nearest to the mark.
    pub count: u64,
}

/// The auctions of a set of instruments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clearing {
    /// One a mark, in the marks' order.
    pub rows: Vec<AuctionRow>,
    /// Lots filled, one an order, in the orders' order.
    pub fills: Vec<u32>,
}

/// Clears all instruments at once. `active_orders` is n, the number of orders the sequence numbers are out of: an auction without a cut says n + 1.
///
/// # Errors
/// [`BatchError::Auction`] if the marks' ids are not strictly increasing or an order's instrument has no mark;
/// [`BatchError::Range`] if n + 1 has no 32 bits or an order's sequence number is above n.
pub fn clear_orders(marks: &[Mark], orders: &[AuctionOrder], active_orders: u32) -> Result<Clearing, BatchError> {
    let no_cut = active_orders.checked_add(1).ok_or(range("number of orders", active_orders, "0 … 2^32 − 2"))?;
    check_marks(marks)?;
    let mut entries = orders
        .iter()
        .enumerate()
        .map(|(at, order)| Entry::new(at, order, marks, no_cut))
        .collect::<Result<Vec<_>, _>>()?;
    entries.sort_unstable_by_key(|entry| (entry.row, entry.limit, entry.sequence));

    let mut fills = vec![0; orders.len()];
    let mut rest = entries.as_slice();
    let mut rows = Vec::with_capacity(marks.len());
    for (row, mark) in marks.iter().enumerate() {
        let (book, later) = rest.split_at(rest.partition_point(|entry| entry.row <= row));
        rest = later;
        rows.push(clear_book(book, mark.price.units(), no_cut, &mut fills));
    }
    Ok(Clearing { rows, fills })
}

/// An order in the book of its instrument.
#[derive(Clone, Copy)]
struct Entry {
    row: usize,
    limit: u64,
    sequence: u32,
    buy: bool,
    quantity: u32,
    at: usize,
}

impl Entry {
    fn new(at: usize, order: &AuctionOrder, marks: &[Mark], no_cut: u32) -> Result<Self, BatchError> {
        let found = marks.binary_search_by_key(&order.instrument, |mark| mark.instrument);
        let unmarked =
            |_| BatchError::Auction { instrument: order.instrument.id(), what: "an order's instrument has no mark" };
        let sequence = order.sequence.number();
        if sequence >= no_cut {
            return Err(range("sequence number", sequence, "1 … number of orders"));
        }
        Ok(Self {
            row: found.map_err(unmarked)?,
            limit: order.limit.units(),
            sequence,
            buy: order.side.is_buy(),
            quantity: order.quantity.lots(),
            at,
        })
    }

    fn lots(&self) -> u64 {
        u64::from(self.quantity)
    }
}

fn check_marks(marks: &[Mark]) -> Result<(), BatchError> {
    let unordered = marks.windows(2).find(|pair| pair[0].instrument >= pair[1].instrument);
    let refused = |pair: &[Mark]| BatchError::Auction {
        instrument: pair[1].instrument.id(),
        what: "the marks are not in the order of strictly increasing ids",
    };
    unordered.map_or(Ok(()), |pair| Err(refused(pair)))
}

fn range(what: &'static str, value: u32, range: &'static str) -> BatchError {
    BatchError::Range { what, value: value.to_string(), range }
}

/// Clears one book, in the order of limits, then sequence numbers.
fn clear_book(book: &[Entry], mark: u64, no_cut: u32, fills: &mut [u32]) -> AuctionRow {
    let (lowest, highest) = feasible_prices(book);
    let price = mark.clamp(lowest, highest);
    let below = book.partition_point(|entry| entry.limit < price);
    let above = book.partition_point(|entry| entry.limit <= price);
    let at_price = &book[below..above];

    let better_buys = lots(&book[above..], true);
    let better_sells = lots(&book[..below], false);
    let demand = better_buys + lots(at_price, true);
    let supply = better_sells + lots(at_price, false);
    let volume = demand.min(supply);

    book[above..].iter().filter(|entry| entry.buy).for_each(|entry| fills[entry.at] = entry.quantity);
    book[..below].iter().filter(|entry| !entry.buy).for_each(|entry| fills[entry.at] = entry.quantity);
    let buy_cut = fill_in_sequence(at_price, true, volume - better_buys, fills);
    let sell_cut = fill_in_sequence(at_price, false, volume - better_sells, fills);

    let (cut_side, cut) = if supply > demand { (Side::Sell, sell_cut) } else { (Side::Buy, buy_cut) };
    let count = at_price.iter().map(|entry| count_part(entry, fills[entry.at], price > mark)).sum();
    AuctionRow { price, cut: cut.unwrap_or(no_cut), cut_side, volume, count }
}

/// Fills the entries of one side, smaller sequence numbers first, until the lots are used up; the first not filled in full.
fn fill_in_sequence(at_price: &[Entry], buy: bool, mut lots: u64, fills: &mut [u32]) -> Option<u32> {
    let mut cut = None;
    for entry in at_price.iter().filter(|entry| entry.buy == buy) {
        let fill = u32::try_from(lots.min(entry.lots())).expect("at most the order's quantity");
        fills[entry.at] = fill;
        lots -= u64::from(fill);
        if fill < entry.quantity {
            cut = cut.or(Some(entry.sequence));
        }
    }
    cut
}

/// What an order at the price adds to the count that proves the price rule.
#[must_use]
pub(crate) fn count_of(side: Side, quantity: u32, fill: u32, above_mark: bool) -> u32 {
    if side.is_buy() == above_mark { quantity - fill } else { fill }
}

fn count_part(entry: &Entry, fill: u32, above_mark: bool) -> u64 {
    let side = if entry.buy { Side::Buy } else { Side::Sell };
    u64::from(count_of(side, entry.quantity, fill, above_mark))
}

fn lots(entries: &[Entry], buy: bool) -> u64 {
    entries.iter().filter(|entry| entry.buy == buy).map(Entry::lots).sum()
}

/// The least and the greatest p with `D(p + 1) ≤ S(p)` and `S(p − 1) ≤ D(p)`, for entries in the order of limits.
///
/// The first holds from some price on and can begin to hold at 0 or at a limit only; the second holds up to some price and can
/// cease to hold after a limit only. Prices are 0 … 2⁴² − 1.
fn feasible_prices(book: &[Entry]) -> (u64, u64) {
    let mut demand_above = lots(book, true);
    let mut supply = 0;
    let mut lowest = (demand_above == 0).then_some(0);
    let mut highest = 0;
    for group in book.chunk_by(|a, b| a.limit == b.limit) {
        let limit = group[0].limit;
        // Here supply = S(limit − 1) and demand_above = D(limit).
        if supply <= demand_above {
            highest = limit;
        }
        supply += lots(group, false);
        demand_above -= lots(group, true);
        // Now supply = S(limit) and demand_above = D(limit + 1).
        if demand_above <= supply {
            lowest = lowest.or(Some(limit));
        }
    }
    // Beyond the last limit there is no demand, so the second condition goes on exactly where there is no supply either.
    if supply == 0 {
        highest = PRICE_END - 1;
    }
    (lowest.expect("beyond the last limit there is no demand"), highest)
}
