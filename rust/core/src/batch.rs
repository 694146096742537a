//! A sealed batch and what clearing makes of it.
//!
//! Types first: what a seal commits to ([`SealedBatch`]) and everything that circuits, files and owners need of the result
//! ([`ClearedBatch`]). [`clear`] goes from one to the other; it is a function of the sealed data and the state alone, and leaves the state as
//! it was if the batch is refused.

use ark_ff::AdditiveGroup;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::account::{Holder, Leaf};
pub use crate::auction::AuctionRow;
pub use crate::clearing::clear;
use crate::field::{F, from_u64, pow2};
use crate::order::SealedOrder;
use crate::params::{ARITY, Params};
use crate::risk::{LookupRow, RiskTable, SettledRow, Table};
pub use crate::state::State;
use crate::units::{FEE_RATE_END, TIME_END};

/// Why a batch, a table or a reading is refused. No message carries the content of an order.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BatchError {
    /// No parameter set has the name.
    #[error("there is no parameter set `{name}`: choose dev, standard or large")]
    UnknownParams {
        /// The name, shortened.
        name: String,
    },
    /// A number outside its range.
    #[error("{what} {value} is outside {range}")]
    Range {
        /// What the number is.
        what: &'static str,
        /// The number.
        value: String,
        /// What it must be in.
        range: &'static str,
    },
    /// The batch as a whole is malformed.
    #[error("the batch is malformed: {what}")]
    Malformed {
        /// What is wrong, with the values.
        what: String,
    },
    /// A touch is statically wrong: the sealer's fault.
    #[error(
        "touch {touch} (account {index}) is statically wrong: {what}; such a batch cannot be proven, it must not be sealed"
    )]
    Touch {
        /// Position of the touch in the batch, from 0.
        touch: usize,
        /// Account index.
        index: u32,
        /// What is wrong.
        what: &'static str,
    },
    /// An order is statically wrong: the sealer's fault.
    #[error(
        "order {slot} of touch {touch} (account {index}) is statically wrong: {what}; such a batch cannot be proven, it must not be sealed"
    )]
    Order {
        /// Position of the touch in the batch, from 0.
        touch: usize,
        /// Account index.
        index: u32,
        /// Place of the order in the touch, from 0.
        slot: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// A risk table or the settled rows are too many for the parameter set.
    #[error("{rows} {kind} rows are too many: the parameter set has room for {most}; use a larger one")]
    TooManyRows {
        /// Risk or settled.
        kind: &'static str,
        /// Rows given.
        rows: usize,
        /// Rows there is room for.
        most: usize,
    },
    /// A row of the risk table is malformed.
    #[error("row {at} of the risk table (instrument {instrument}) is malformed: {what}")]
    RiskTable {
        /// Position of the row, from 0.
        at: usize,
        /// Its id.
        instrument: u32,
        /// What is wrong.
        what: &'static str,
    },
    /// A settled row is malformed.
    #[error("settled row {at} (instrument {instrument}) is malformed: {what}")]
    SettledRow {
        /// Position of the row, from 0.
        at: usize,
        /// Its id.
        instrument: u32,
        /// What is wrong.
        what: &'static str,
    },
    /// An account holds an instrument that nothing in the batch values.
    #[error(
        "account {index} holds instrument {instrument}, which neither the risk table nor a settled row values: add its settled row"
    )]
    UnvaluedPosition {
        /// Account index.
        index: u32,
        /// Instrument id.
        instrument: u32,
    },
    /// A number of an account would leave its range.
    #[error("account {index} cannot be settled: {what}")]
    Leaf {
        /// Account index.
        index: u32,
        /// What is out of range.
        what: &'static str,
    },
    /// An order of a stand-alone auction names an instrument without a mark, or marks are not in order.
    #[error("the auction has no use for instrument {instrument}: {what}")]
    Auction {
        /// Instrument id.
        instrument: u32,
        /// What is wrong.
        what: &'static str,
    },
    /// Chain data of an account could not be read.
    #[error("the data of account {index} cannot be read: {what}")]
    Reading {
        /// Account index.
        index: u32,
        /// Why.
        what: &'static str,
    },
    /// Stored state that this version did not write, or that was damaged.
    #[error("the stored state is unusable: {what}; restore it from a good copy or rebuild it from chain data")]
    StoredState {
        /// What is wrong.
        what: String,
    },
    /// A file that is not of its documented format.
    #[error("{path}: {what}; docs/formats.md describes the format")]
    Format {
        /// Where in the file.
        path: String,
        /// What is wrong.
        what: String,
    },
}

/// What the seal and the contract fix for a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Context {
    /// Domain of the contract on its chain.
    #[serde(with = "crate::json::element")]
    pub domain: F,
    /// Batch number, from 1.
    pub batch: u32,
    /// Number of the last void batch, 0 if none was.
    pub last_void: u32,
    /// Time of the seal, in seconds.
    pub time: u64,
    /// Fee rate, in basis points of the premium.
    pub fee_rate: u16,
    /// Numerator of the initial margin ratio.
    pub num: u8,
    /// Its denominator.
    pub den: u8,
}

impl Context {
    /// The context as one public input.
    #[must_use]
    pub fn word(&self) -> F {
        let parts = [
            (u64::from(self.batch), 0),
            (u64::from(self.last_void), 32),
            (self.time, 64),
            (u64::from(self.fee_rate), 104),
            (u64::from(self.num), 118),
            (u64::from(self.den), 121),
        ];
        parts.into_iter().map(|(part, offset)| from_u64(part) * pow2(offset)).sum()
    }

    /// Checks every number against its range.
    ///
    /// # Errors
    /// [`BatchError::Range`] for the first that is outside.
    pub fn check(&self) -> Result<(), BatchError> {
        let ratio = format!("{}/{}", self.num, self.den);
        let ratio_holds = (1..=4).contains(&self.den) && (self.den..=5).contains(&self.num);
        let rules = [
            (self.batch > 0, "batch number", self.batch.to_string(), "1 … 2^32 − 1"),
            (self.last_void < self.batch, "last void batch", self.last_void.to_string(), "0 … batch number − 1"),
            (self.time < TIME_END, "time", self.time.to_string(), "0 … 2^40 − 1"),
            (self.fee_rate < FEE_RATE_END, "fee rate", self.fee_rate.to_string(), "0 … 9,999"),
            (ratio_holds, "initial margin ratio", ratio, "den ≤ num ≤ 5, 1 ≤ den ≤ 4"),
        ];
        let broken = rules.into_iter().find(|(holds, ..)| !holds);
        broken.map_or(Ok(()), |(_, what, value, range)| Err(BatchError::Range { what, value, range }))
    }
}

/// One account in a batch, with what the seal holds for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Touch {
    /// Account index.
    pub index: u32,
    /// Opening of the account's owner word.
    pub holder: Holder,
    /// Sum of the account's locked deposits, in token units; 0 is no deposit.
    #[serde(with = "crate::json::decimal")]
    pub deposit: u64,
    /// Token units an exit asks for; none if the touch is no exit.
    #[serde(with = "crate::json::optional_decimal")]
    pub exit: Option<u64>,
    /// Active orders, in increasing sequence number.
    pub orders: Vec<SealedOrder>,
}

/// A batch as sealed, with the tables that value it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedBatch {
    /// Context.
    pub context: Context,
    /// Risk table of the epoch.
    pub risk: RiskTable,
    /// Settled rows the batch's accounts need.
    pub settled: Vec<SettledRow>,
    /// Touches, indices strictly increasing, leaf 0 first.
    pub touches: Vec<Touch>,
}

impl SealedBatch {
    /// n: number of active orders.
    #[must_use]
    pub fn active_orders(&self) -> usize {
        self.touches.iter().map(|touch| touch.orders.len()).sum()
    }

    /// Both kinds of rows as one sorted list.
    #[must_use]
    pub fn table(&self) -> Table<'_> {
        Table::new(&self.risk, &self.settled)
    }
}

/// Why an order came to nothing. The first that applies, in the order of the codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Reason {
    /// Admitted, filled or not.
    None = 0,
    /// There is no such account and no deposit opens it.
    NoAccount = 1,
    /// Outside its batch window.
    Window = 2,
    /// Nonce used or outdated.
    Nonce = 3,
    /// Neither an open nor a settled instrument.
    UnknownInstrument = 4,
    /// The instrument is settled.
    SettledInstrument = 5,
    /// The batch's fee rate is above what the order accepts.
    FeeRate = 6,
    /// The account has no place for another position.
    TooManyPositions = 7,
    /// Account and orders together are beyond the range margin is computed in.
    OutOfRange = 8,
    /// The withdrawal is not covered by cash.
    NotCovered = 9,
    /// Initial margin.
    Margin = 10,
}

impl Reason {
    /// All reasons, by code.
    pub const ALL: [Self; 11] = [
        Self::None,
        Self::NoAccount,
        Self::Window,
        Self::Nonce,
        Self::UnknownInstrument,
        Self::SettledInstrument,
        Self::FeeRate,
        Self::TooManyPositions,
        Self::OutOfRange,
        Self::NotCovered,
        Self::Margin,
    ];

    /// The number of the reason in outcome words.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The reason of a code.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }
}

/// What became of an order, as its owner reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Lots filled; 0 of a withdrawal, made or not.
    pub fill: u32,
    /// Why it came to nothing, or none.
    pub reason: Reason,
}

/// An order after clearing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClearedOrder {
    /// The row it was looked up in.
    pub row: LookupRow,
    /// First reason that refused it.
    pub reason: Reason,
    /// Trades and withdrawals only: passed the tests 1 to 9, so that test 10 (margin) was about it.
    pub survived: bool,
    /// Survived margin too; false for cancels.
    pub admitted: bool,
    /// Lots filled.
    pub fill: u32,
}

impl ClearedOrder {
    /// The part of the order's result that is published, encrypted.
    #[must_use]
    pub const fn outcome(&self) -> Outcome {
        Outcome { fill: self.fill, reason: self.reason }
    }
}

/// A touch after clearing: everything that proving it, publishing it and explaining it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClearedTouch {
    /// The leaf before; none if it was empty.
    pub old: Option<Leaf>,
    /// The leaf after; none if the account does not exist.
    pub new: Option<Leaf>,
    /// Siblings and the leaf itself against the root just before this touch, leaf level first.
    pub path: Vec<[F; ARITY]>,
    /// For each of the P places of the old leaf (empties first): whether the position expired in this touch.
    pub expired: Vec<bool>,
    /// Cash after expiry and deposit, before orders and fees, in cash units.
    pub cash: i128,
    /// Nonce epoch of the leaf after; 0 if the account does not exist.
    pub epoch: u32,
    /// C_0 … C_{S−1}, C_mark, in den-ths of a unit of value.
    pub claims: Vec<i128>,
    /// D_0 … D_{S−1}, D_mark, in den-ths of a unit of value.
    pub losses: Vec<i128>,
    /// Σ q·mark over unexpired positions, in units of value.
    pub x_mark: i128,
    /// E: Σ q·value over expired positions, in units of value.
    pub expiry_value: i128,
    /// R: short minimum of the unexpired short positions, in units of value.
    pub short_requirement: i128,
    /// Token units that margin was tested with: the surviving withdrawal's, or the exit's.
    pub withdrawal: u128,
    /// Token units paid out.
    pub paid: u128,
    /// Whether margin held for the surviving orders or the exit.
    pub admitted: bool,
    /// Fees of the batch credited here, in cash units: leaf 0 only.
    pub fee_credit: i128,
    /// Recipient of a withdrawal made, else 0.
    pub recipient: F,
    /// The active orders.
    pub orders: Vec<ClearedOrder>,
    /// `v`; 0 if the account does not exist.
    pub iv: F,
    /// Ciphertexts; 0 if the account does not exist.
    pub cipher: Vec<F>,
    /// Data words.
    pub words: Vec<F>,
    /// `L`.
    pub touch_hash: F,
}

impl ClearedTouch {
    /// A padding touch: it touches nothing, holds nothing and publishes zeros.
    #[must_use]
    pub fn padding(params: &Params) -> Self {
        Self {
            old: None,
            new: None,
            path: vec![[F::ZERO; ARITY]; params.depth],
            expired: vec![false; params.positions],
            cash: 0,
            epoch: 0,
            claims: vec![0; params.scenarios + 1],
            losses: vec![0; params.scenarios + 1],
            x_mark: 0,
            expiry_value: 0,
            short_requirement: 0,
            withdrawal: 0,
            paid: 0,
            admitted: true,
            fee_credit: 0,
            recipient: F::ZERO,
            orders: Vec::new(),
            iv: F::ZERO,
            cipher: vec![F::ZERO; params.plain_words()],
            words: vec![F::ZERO; params.words_per_touch()],
            touch_hash: F::ZERO,
        }
    }
}

/// A batch after clearing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClearedBatch {
    /// Parameter set.
    pub params: Params,
    /// Context.
    pub context: Context,
    /// What was sealed.
    pub sealed: SealedBatch,
    /// Touches, in order, without padding.
    pub touches: Vec<ClearedTouch>,
    /// One auction a risk row.
    pub auctions: Vec<AuctionRow>,
    /// Root of the state before.
    pub start_root: F,
    /// Root of the state after.
    pub end_root: F,
    /// n.
    pub active_orders: u32,
    /// Root of the seal's tree.
    pub seal_root: [u8; 32],
    /// Root of the risk rows.
    pub risk_root: F,
    /// Public words of the closing proof.
    pub closing_words: Vec<F>,
}

impl ClearedBatch {
    /// Number N of segments that prove the batch.
    #[must_use]
    pub fn segments(&self) -> usize {
        self.params.segments(self.touches.len())
    }

    /// Both kinds of rows as one sorted list.
    #[must_use]
    pub fn table(&self) -> Table<'_> {
        self.sealed.table()
    }
}
