//! The risk table of an epoch and the settled rows of a batch: what a contract is worth, now and in every scenario.
//!
//! Encodings of section 6 of `docs/protocol.md`: row hash and risk root. [`Table`] joins both kinds of rows into the one sorted list
//! that orders look their instrument up in, sentinel included.

use ark_ff::AdditiveGroup;
use serde::{Deserialize, Serialize};

use crate::account::packed;
use crate::batch::{BatchError, Context};
use crate::field::{F, from_u64, pow2};
use crate::params::{ARITY, Params, VALUES_A_WORD};
use crate::poseidon;
use crate::tree::Children;
use crate::units::{PRICE_END, TOP, is_instrument};

/// Tag of a risk row.
pub const TAG_RISK_ROW: u64 = 7;

/// What the epoch says of one open instrument. Prices are in price units a contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskRow {
    /// Instrument id.
    pub instrument: u32,
    /// Mark price.
    #[serde(with = "crate::json::decimal")]
    pub mark: u64,
    /// What a short contract is charged at least.
    #[serde(with = "crate::json::decimal")]
    pub short_minimum: u64,
    /// One opaque word that the row commits to.
    #[serde(with = "crate::json::element")]
    pub greeks: F,
    /// Value of one contract in each scenario.
    #[serde(with = "crate::json::decimals")]
    pub values: Vec<u64>,
}

impl RiskRow {
    /// The row's value in the tree of risk rows.
    #[must_use]
    pub fn hash(&self, params: &Params) -> F {
        poseidon::sponge(TAG_RISK_ROW, &self.words(params))
    }

    /// What is hashed: the word of the row, the Greeks, the packed scenario values.
    #[must_use]
    pub fn words(&self, params: &Params) -> Vec<F> {
        let head = from_u64(u64::from(self.instrument))
            + from_u64(self.mark) * pow2(27)
            + from_u64(self.short_minimum) * pow2(69);
        let values = self.values[..params.scenarios].chunks(VALUES_A_WORD);
        [head, self.greeks]
            .into_iter()
            .chain(values.map(|chunk| packed(chunk.iter().copied().map(from_u64), 42)))
            .collect()
    }

    fn check(&self, params: &Params) -> Result<(), &'static str> {
        let rules = [
            (is_instrument(self.instrument), "its id is not in 1 … 2^27 − 1"),
            (self.mark < PRICE_END, "its mark is not below 2^42"),
            (self.short_minimum < PRICE_END, "its short minimum is not below 2^42"),
            (self.values.len() == params.scenarios, "it does not have one value a scenario"),
            (self.values.iter().all(|value| *value < PRICE_END), "a scenario value is not below 2^42"),
        ];
        rules.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, what)| Err(what))
    }
}

/// The risk table of an epoch: rows of open instruments, ids strictly increasing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskTable {
    /// The rows.
    pub rows: Vec<RiskRow>,
}

impl RiskTable {
    /// The arity-8 Merkle root over the rows from position 0, unused positions 0.
    #[must_use]
    pub fn root(&self, params: &Params) -> F {
        let mut level = self.leaves(params);
        while level.len() > 1 {
            level = parents(&level);
        }
        level[0]
    }

    /// The children of the nodes above a place, leaf level first.
    ///
    /// # Panics
    /// Where the place is outside the tree.
    #[must_use]
    pub fn path(&self, place: usize, params: &Params) -> Vec<Children> {
        let mut level = self.leaves(params);
        let mut path = Vec::with_capacity(params.risk_levels());
        let mut at = place;
        while level.len() > 1 {
            let first = at - at % ARITY;
            path.push(std::array::from_fn(|child| level[first + child]));
            level = parents(&level);
            at /= ARITY;
        }
        path
    }

    fn leaves(&self, params: &Params) -> Vec<F> {
        let mut leaves: Vec<F> = self.rows.iter().map(|row| row.hash(params)).collect();
        leaves.resize(ARITY.pow(u32::try_from(params.risk_levels()).expect("a few levels")), F::ZERO);
        leaves
    }

    /// Checks number, order and ranges of the rows.
    ///
    /// # Errors
    /// [`BatchError::RiskTable`] naming the position of the row and what is wrong.
    pub fn validate(&self, params: &Params) -> Result<(), BatchError> {
        if self.rows.len() > params.rows {
            return Err(BatchError::TooManyRows { kind: "risk", rows: self.rows.len(), most: params.rows });
        }
        let mut last = 0;
        for (at, row) in self.rows.iter().enumerate() {
            let refused = |what| BatchError::RiskTable { at, instrument: row.instrument, what };
            row.check(params).map_err(refused)?;
            if row.instrument <= last {
                return Err(refused("its id is not above its predecessor's"));
            }
            last = row.instrument;
        }
        Ok(())
    }

    /// The place of an instrument's row.
    #[must_use]
    pub fn find(&self, instrument: u32) -> Option<usize> {
        self.rows.binary_search_by_key(&instrument, |row| row.instrument).ok()
    }
}

/// The level of a tree above a whole one.
fn parents(level: &[F]) -> Vec<F> {
    level.chunks(ARITY).map(poseidon::hash).collect()
}

/// An instrument that has a settlement value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettledRow {
    /// Instrument id.
    pub instrument: u32,
    /// Settlement value in price units a contract.
    #[serde(with = "crate::json::decimal")]
    pub value: u64,
}

/// Checks number, order and ranges of settled rows, and that none has an id of the risk table.
///
/// # Errors
/// [`BatchError::SettledRow`] naming the position of the row and what is wrong.
pub fn validate_settled(settled: &[SettledRow], risk: &RiskTable, params: &Params) -> Result<(), BatchError> {
    if settled.len() > params.settled {
        return Err(BatchError::TooManyRows { kind: "settled", rows: settled.len(), most: params.settled });
    }
    let mut last = 0;
    for (at, row) in settled.iter().enumerate() {
        let rules = [
            (is_instrument(row.instrument), "its id is not in 1 … 2^27 − 1"),
            (row.value < PRICE_END, "its value is not below 2^42"),
            (row.instrument > last, "its id is not above its predecessor's"),
            (risk.find(row.instrument).is_none(), "its id stands in the risk table too"),
        ];
        if let Some((_, what)) = rules.into_iter().find(|(holds, _)| !holds) {
            return Err(BatchError::SettledRow { at, instrument: row.instrument, what });
        }
        last = row.instrument;
    }
    Ok(())
}

/// Where an order's instrument is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LookupRow {
    /// The row of id 0, below all others.
    Sentinel,
    /// A row of the risk table.
    Risk(usize),
    /// A settled row.
    Settled(usize),
}

/// Both kinds of rows as one list in the order of ids, with each row's successor.
#[derive(Clone, Debug)]
pub struct Table<'a> {
    risk: &'a RiskTable,
    settled: &'a [SettledRow],
    sorted: Vec<(u32, LookupRow)>,
}

impl<'a> Table<'a> {
    /// The union of validated rows.
    #[must_use]
    pub fn new(risk: &'a RiskTable, settled: &'a [SettledRow]) -> Self {
        let open = risk.rows.iter().enumerate().map(|(i, row)| (row.instrument, LookupRow::Risk(i)));
        let closed = settled.iter().enumerate().map(|(i, row)| (row.instrument, LookupRow::Settled(i)));
        let mut sorted: Vec<_> = std::iter::once((0, LookupRow::Sentinel)).chain(open).chain(closed).collect();
        sorted.sort_unstable_by_key(|&(id, _)| id);
        Self { risk, settled, sorted }
    }

    /// The row with the id or, if there is none, the one with the greatest id below it.
    #[must_use]
    pub fn look_up(&self, instrument: u32) -> LookupRow {
        self.sorted[self.place(instrument)].1
    }

    /// The least id above the row's, `TOP` if there is none.
    #[must_use]
    pub fn next(&self, row: LookupRow) -> u32 {
        self.sorted.get(self.place(self.id(row)) + 1).map_or(TOP, |&(id, _)| id)
    }

    /// The id of a row; 0 of the sentinel.
    #[must_use]
    pub fn id(&self, row: LookupRow) -> u32 {
        match row {
            LookupRow::Sentinel => 0,
            LookupRow::Risk(at) => self.risk.rows[at].instrument,
            LookupRow::Settled(at) => self.settled[at].instrument,
        }
    }

    /// What values an instrument: its own row, or `None` where it has none.
    #[must_use]
    pub fn valuation(&self, instrument: u32) -> Option<Valuation<'a>> {
        match self.sorted[self.place(instrument)] {
            (id, LookupRow::Risk(at)) if id == instrument => Some(Valuation::Open(&self.risk.rows[at])),
            (id, LookupRow::Settled(at)) if id == instrument => Some(Valuation::Settled(self.settled[at].value)),
            _ => None,
        }
    }

    /// The risk row of an instrument, or `None` if it is not open.
    #[must_use]
    pub fn open_row(&self, instrument: u32) -> Option<&'a RiskRow> {
        self.risk.find(instrument).map(|at| &self.risk.rows[at])
    }

    fn place(&self, instrument: u32) -> usize {
        // The sentinel's id 0 is at most every id, so at least one row is counted.
        self.sorted.partition_point(|&(id, _)| id <= instrument) - 1
    }
}

/// What values a position.
#[derive(Clone, Copy, Debug)]
pub enum Valuation<'a> {
    /// The instrument is open.
    Open(&'a RiskRow),
    /// The instrument has this settlement value.
    Settled(u64),
}

/// What an order's loss in each scenario is measured by: `W_s = num·V_s − (num − den)·mark`, then `W_mark = den·mark`.
#[must_use]
pub fn weighted_values(row: &RiskRow, context: &Context) -> Vec<i128> {
    let (num, den, mark) = (i128::from(context.num), i128::from(context.den), i128::from(row.mark));
    let weighted = row.values.iter().map(|value| num * i128::from(*value) - (num - den) * mark);
    weighted.chain([den * mark]).collect()
}
