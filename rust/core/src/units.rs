//! Numbers with a unit, and the ranges of section 2 of `docs/protocol.md`.
//!
//! One place knows how many bits a price, a quantity, cash or an id has. The newtypes are the face of functions that are used on
//! their own (clearing plain arrays); records that mirror an encoding hold the plain integer their field names.

use crate::batch::BatchError;

/// A price, scenario value, settlement value or short minimum is below this.
pub const PRICE_END: u64 = 1 << 42;
/// Ids are below this; it is also the sentinel above all of them.
pub const TOP: u32 = 1 << 27;
/// A position's magnitude is at most this (the negative one) and below it (the positive one).
pub const POSITION_BOUND: i64 = 1 << 35;
/// Cash lies in `−CASH_BOUND .. CASH_BOUND`.
pub const CASH_BOUND: i128 = 1 << 91;
/// Cash units of one unit of value (price unit × lot): basis points of one.
pub const CASH_A_VALUE: i128 = 10_000;
/// Cash units of one token unit.
pub const CASH_A_TOKEN: i128 = 100_000_000;
/// Units of value of one token unit.
pub const VALUE_A_TOKEN: i128 = 10_000;
/// Claims of margin lie in `−CLAIM_BOUND .. CLAIM_BOUND`.
pub const CLAIM_BOUND: i128 = 1 << 82;
/// Fee rates of a batch are below this.
pub const FEE_RATE_END: u16 = 10_000;
/// The highest fee rate of an order is below this.
pub const MAX_FEE_RATE_END: u16 = 1 << 14;
/// Slots of a nonce epoch.
pub const NONCE_SLOTS: u8 = 64;
/// Times are below this.
pub const TIME_END: u64 = 1 << 40;

/// A price or value of one contract, in 10⁻⁶ of the quote currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Price(u64);

impl Price {
    /// A price of `units` millionths of the quote currency.
    ///
    /// # Errors
    /// [`BatchError::Range`] from 2⁴² on.
    pub fn new(units: u64) -> Result<Self, BatchError> {
        within(units < PRICE_END, "price", units, "0 … 2^42 − 1").map(|()| Self(units))
    }

    /// Millionths of the quote currency.
    #[must_use]
    pub const fn units(self) -> u64 {
        self.0
    }
}

/// A number of lots of an order, 10⁻⁴ contract each, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quantity(u32);

impl Quantity {
    /// A quantity of `lots`.
    ///
    /// # Errors
    /// [`BatchError::Range`] for none.
    pub fn new(lots: u32) -> Result<Self, BatchError> {
        within(lots > 0, "quantity", lots, "1 … 2^32 − 1").map(|()| Self(lots))
    }

    /// Lots.
    #[must_use]
    pub const fn lots(self) -> u32 {
        self.0
    }
}

/// The id of an instrument, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstrumentId(u32);

impl InstrumentId {
    /// The instrument of an id.
    ///
    /// # Errors
    /// [`BatchError::Range`] for 0 and from 2²⁷ on.
    pub fn new(id: u32) -> Result<Self, BatchError> {
        within(is_instrument(id), "instrument id", id, "1 … 2^27 − 1").map(|()| Self(id))
    }

    /// The id.
    #[must_use]
    pub const fn id(self) -> u32 {
        self.0
    }
}

/// The place of an order in the batch's queue, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(u32);

impl Sequence {
    /// The place `number`.
    ///
    /// # Errors
    /// [`BatchError::Range`] for 0.
    pub fn new(number: u32) -> Result<Self, BatchError> {
        within(number > 0, "sequence number", number, "1 … 2^32 − 1").map(|()| Self(number))
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// Whether an amount of cash is in range.
#[must_use]
pub const fn is_cash(units: i128) -> bool {
    -CASH_BOUND <= units && units < CASH_BOUND
}

/// Whether a number is an instrument's id.
#[must_use]
pub const fn is_instrument(id: u32) -> bool {
    id > 0 && id < TOP
}

/// Whether a number of lots can be a position.
#[must_use]
pub const fn is_position(lots: i64) -> bool {
    lots != 0 && -POSITION_BOUND <= lots && lots < POSITION_BOUND
}

fn within(
    holds: bool,
    what: &'static str,
    value: impl std::fmt::Display,
    range: &'static str,
) -> Result<(), BatchError> {
    if holds { Ok(()) } else { Err(BatchError::Range { what, value: value.to_string(), range }) }
}
