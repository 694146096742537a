//! Positions over a batch: what expires into cash, and what fills leave of the rest, one entry an instrument.
//!
//! Sections 6 (expiry) and 7 (netting) of `docs/protocol.md`, in plain integers.

use std::collections::BTreeMap;

use crate::account::Position;
use crate::batch::BatchError;
use crate::risk::{RiskRow, Table, Valuation};

/// A position in an open instrument, beside the row that values it.
#[derive(Clone, Copy, Debug)]
pub struct OpenPosition<'a> {
    /// The position.
    pub position: Position,
    /// The instrument's row.
    pub row: &'a RiskRow,
}

/// Positions apart: those that go on and the value of those that expired.
#[derive(Clone, Debug, Default)]
pub struct Expiry<'a> {
    /// Unexpired positions, ids strictly increasing.
    pub open: Vec<OpenPosition<'a>>,
    /// For each position given: whether it expired.
    pub expired: Vec<bool>,
    /// E: Σ q·value over the expired ones, in units of value.
    pub value: i128,
}

/// Parts the positions of an account into open ones and the value of those whose instrument is settled.
///
/// # Errors
/// [`BatchError::UnvaluedPosition`] for a position that no row of the table values.
pub fn expire<'a>(index: u32, positions: &[Position], table: &Table<'a>) -> Result<Expiry<'a>, BatchError> {
    let mut expiry = Expiry::default();
    for &position in positions {
        let unvalued = BatchError::UnvaluedPosition { index, instrument: position.instrument };
        let valuation = table.valuation(position.instrument).ok_or(unvalued)?;
        expiry.expired.push(matches!(valuation, Valuation::Settled(_)));
        match valuation {
            Valuation::Open(row) => expiry.open.push(OpenPosition { position, row }),
            Valuation::Settled(value) => expiry.value += i128::from(position.quantity) * i128::from(value),
        }
    }
    Ok(expiry)
}

/// Net positions after changes of `(instrument, lots)`: ids strictly increasing, none of 0 lots.
#[must_use]
pub fn net(
    positions: impl IntoIterator<Item = Position>,
    changes: impl IntoIterator<Item = (u32, i64)>,
) -> Vec<Position> {
    let held = positions.into_iter().map(|position| (position.instrument, position.quantity));
    let mut net = BTreeMap::new();
    for (instrument, lots) in held.chain(changes) {
        *net.entry(instrument).or_insert(0) += lots;
    }
    net.retain(|_, lots| *lots != 0);
    net.into_iter().map(|(instrument, quantity)| Position { instrument, quantity }).collect()
}
