//! What each circuit states and what it keeps to itself.
//!
//! `SegmentPublic` and `ClosingPublic` list the public inputs in the order that every language uses (docs/protocol.md,
//! section 7), `ExitPublic` and `EscapePublic` those of the circuits by which an owner acts alone (section 13). The private halves
//! hold what the operator, or the owner, knows; nothing in them is trusted by the circuits.

use ark_ff::AdditiveGroup;
use tacit_core::account::{Holder, Leaf};
use tacit_core::batch::Context;
use tacit_core::eddsa::Signature;
use tacit_core::escape::SETTLED_A_WORD;
use tacit_core::field::F;
use tacit_core::order::SealedOrder;
use tacit_core::params::Params;
use tacit_core::risk::{RiskRow, SettledRow};
use tacit_core::transcript::{OrderRow, Sums};

/// The running sums that a chain of segments carries, with the salt that hides them in their commitment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SaltedSums {
    /// The sums.
    pub sums: Sums,
    /// Hides them.
    pub salt: F,
}

impl SaltedSums {
    /// What the first segment starts from: nothing summed, product one, salt zero.
    pub const START: Self = Self { sums: Sums::START, salt: F::ZERO };

    /// The values in the order in which they are hashed.
    pub fn to_array(self) -> [F; 7] {
        let Sums { margin, positions, trades, lookups, fees, product } = self.sums;
        [margin, positions, trades, lookups, fees, product, self.salt]
    }

    /// `H_7` of the sums: the public commitment.
    pub fn commitment(self) -> F {
        self.sums.commitment(self.salt)
    }
}

/// Public inputs of a segment, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentPublic {
    /// Chain and contract.
    pub domain: F,
    /// Batch, last void batch, time, fee rate, margin ratio in one word.
    pub context: F,
    /// State root before.
    pub root_in: F,
    /// State root after.
    pub root_out: F,
    /// `θ^a` for the first touch.
    pub theta_in: F,
    /// `θ^a` after the last touch.
    pub theta_out: F,
    /// Least account index the first touch may have.
    pub index_in: F,
    /// One more than the last live index.
    pub index_out: F,
    /// Commitment to the sums before.
    pub sums_in: F,
    /// Commitment to the sums after.
    pub sums_out: F,
    /// Digest of everything that must be fixed before the challenges.
    pub tau: F,
    /// Challenge y.
    pub y: F,
    /// Challenge θ.
    pub theta: F,
    /// Challenge γ.
    pub gamma: F,
    /// Challenge β.
    pub beta: F,
    /// Data point z.
    pub z: F,
    /// The segment's open words evaluated at z.
    pub open_value: F,
    /// Its encrypted words evaluated at z, by themselves.
    pub encrypted_value: F,
}

/// Names of the public inputs of a segment, in order.
pub const SEGMENT_INPUTS: [&str; 18] = [
    "domain",
    "context",
    "root in",
    "root out",
    "theta in",
    "theta out",
    "index in",
    "index out",
    "sums in",
    "sums out",
    "tau",
    "y",
    "theta",
    "gamma",
    "beta",
    "z",
    "open value",
    "encrypted value",
];

impl SegmentPublic {
    /// The values in the order of the public inputs.
    pub fn to_array(&self) -> [F; 18] {
        [
            self.domain,
            self.context,
            self.root_in,
            self.root_out,
            self.theta_in,
            self.theta_out,
            self.index_in,
            self.index_out,
            self.sums_in,
            self.sums_out,
            self.tau,
            self.y,
            self.theta,
            self.gamma,
            self.beta,
            self.z,
            self.open_value,
            self.encrypted_value,
        ]
    }

    /// The inverse of `to_array`.
    pub fn from_array(v: [F; 18]) -> Self {
        Self {
            domain: v[0],
            context: v[1],
            root_in: v[2],
            root_out: v[3],
            theta_in: v[4],
            theta_out: v[5],
            index_in: v[6],
            index_out: v[7],
            sums_in: v[8],
            sums_out: v[9],
            tau: v[10],
            y: v[11],
            theta: v[12],
            gamma: v[13],
            beta: v[14],
            z: v[15],
            open_value: v[16],
            encrypted_value: v[17],
        }
    }
}

/// Public inputs of the closing circuit, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClosingPublic {
    /// Chain and contract.
    pub domain: F,
    /// As in a segment.
    pub context: F,
    /// Root of the epoch's risk table.
    pub risk_root: F,
    /// Salted hash of clearing prices, cuts, settled rows.
    pub auction_root: F,
    /// Digest of what must be fixed before β.
    pub tau: F,
    /// Challenge y.
    pub y: F,
    /// Challenge θ.
    pub theta: F,
    /// Challenge γ.
    pub gamma: F,
    /// Challenge β.
    pub beta: F,
    /// Data point z.
    pub z: F,
    /// The closing words evaluated at z.
    pub data_value: F,
    /// Commitment to the last segment's sums.
    pub sums: F,
    /// Product of `γ − s` over all active orders.
    pub product: F,
}

/// Names of the public inputs of the closing circuit, in order.
pub const CLOSING_INPUTS: [&str; 13] = [
    "domain",
    "context",
    "risk root",
    "auction root",
    "tau",
    "y",
    "theta",
    "gamma",
    "beta",
    "z",
    "data value",
    "sums",
    "sequence product",
];

impl ClosingPublic {
    /// The values in the order of the public inputs.
    pub fn to_array(&self) -> [F; 13] {
        [
            self.domain,
            self.context,
            self.risk_root,
            self.auction_root,
            self.tau,
            self.y,
            self.theta,
            self.gamma,
            self.beta,
            self.z,
            self.data_value,
            self.sums,
            self.product,
        ]
    }

    /// The inverse of `to_array`.
    pub fn from_array(v: [F; 13]) -> Self {
        Self {
            domain: v[0],
            context: v[1],
            risk_root: v[2],
            auction_root: v[3],
            tau: v[4],
            y: v[5],
            theta: v[6],
            gamma: v[7],
            beta: v[8],
            z: v[9],
            data_value: v[10],
            sums: v[11],
            product: v[12],
        }
    }
}

/// One order slot of a touch.
#[derive(Clone, Debug)]
pub struct OrderWitness {
    /// Whether the slot holds an order.
    pub active: bool,
    /// The order; all zero in an inactive slot.
    pub sealed: SealedOrder,
    /// The row it looks up.
    pub row: OrderRow,
    /// Lots filled.
    pub fill: u32,
}

/// One touch with everything the circuit is told about it.
#[derive(Clone, Debug)]
pub struct TouchWitness {
    /// False for padding.
    pub live: bool,
    /// Account index.
    pub index: u32,
    /// Key, viewing key and subaccount; any valid ones where the account does not exist.
    pub holder: Holder,
    /// The leaf before; `None` if empty.
    pub old: Option<Leaf>,
    /// The leaf after; `None` if the account does not exist.
    pub new: Option<Leaf>,
    /// Which of the old leaf's P slots (empties first) are in settled rows.
    pub expired: Vec<bool>,
    /// Siblings, leaf level first.
    pub path: Vec<[F; 8]>,
    /// Whether this touch answers an exit request.
    pub exit: bool,
    /// Deposit, or the amount requested by an exit, token units.
    pub amount: u64,
    /// What an exit may pay, token units.
    pub exit_payment: u64,
    /// Fees credited (leaf 0 only), cash units.
    pub credit: i128,
    /// Nonce epoch after the touch's orders raised it.
    pub epoch: u32,
    /// `Σ q·V_s` over unexpired positions, a scenario at a time.
    pub scenario_values: Vec<i128>,
    /// `Σ q·mark` over unexpired positions.
    pub mark_value: i128,
    /// `Σ q·value` over expired positions.
    pub expiry_value: i128,
    /// `Σ −q·minimum` over unexpired shorts.
    pub short_requirement: i128,
    /// Exactly O slots.
    pub orders: Vec<OrderWitness>,
}

/// Everything a segment is told.
#[derive(Clone, Debug)]
pub struct SegmentPrivate {
    /// The batch's context.
    pub context: Context,
    /// Exactly T touches.
    pub touches: Vec<TouchWitness>,
    /// Opening of the sums before.
    pub sums_in: SaltedSums,
    /// Salt of the sums after.
    pub salt_out: F,
    /// Salt of the transcript.
    pub rho: F,
}

/// A risk row with what the auction made of it; `None` rows of a table are unused.
#[derive(Clone, Debug)]
pub struct RiskRowWitness {
    /// The epoch's row.
    pub row: RiskRow,
    /// Clearing price, price units.
    pub price: u64,
    /// Cut.
    pub cut: u64,
    /// Whether the cut's side is buy.
    pub cut_is_buy: bool,
    /// The least id above in the union of both row kinds.
    pub next: u32,
    /// At-price count of the price rule.
    pub count: u64,
    /// Lots bought.
    pub volume: u64,
    /// `Σ θ^a q` over long positions.
    pub group_long: F,
    /// `Σ θ^a q` over short positions.
    pub group_short: F,
    /// Order slots that look this row up.
    pub multiplicity: u64,
}

/// A settled row.
#[derive(Clone, Debug)]
pub struct SettledRowWitness {
    /// Id and settlement value.
    pub row: SettledRow,
    /// The least id above in the union of both row kinds.
    pub next: u32,
    /// `Σ θ^a q` over long positions.
    pub group_long: F,
    /// `Σ θ^a q` over short positions.
    pub group_short: F,
    /// Order slots that look this row up.
    pub multiplicity: u64,
}

/// Everything the closing circuit is told.
#[derive(Clone, Debug)]
pub struct ClosingPrivate {
    /// The batch's context.
    pub context: Context,
    /// At most M used risk rows, in order of the risk tree.
    pub risk: Vec<RiskRowWitness>,
    /// At most K used settled rows.
    pub settled: Vec<SettledRowWitness>,
    /// The least id of all rows, `TOP` if there is none.
    pub first: u32,
    /// Order slots that look up the sentinel.
    pub sentinel_multiplicity: u64,
    /// Salt of the auction root.
    pub auction_salt: F,
    /// Salt of the transcript.
    pub rho: F,
    /// Opening of the last segment's sums.
    pub sums: SaltedSums,
}

/// Public inputs of an exit request, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExitPublic {
    /// Chain and contract.
    pub domain: F,
    /// Owner word of the account.
    pub owner: F,
    /// Account index.
    pub index: F,
    /// Who is paid.
    pub recipient: F,
    /// At most so many token units.
    pub amount: F,
    /// How many requests of the account came before.
    pub number: F,
}

/// Names of the public inputs of an exit request, in order.
pub const EXIT_INPUTS: [&str; 6] = ["domain", "owner", "index", "recipient", "amount", "number"];

impl ExitPublic {
    /// The values in the order of the public inputs.
    pub fn to_array(&self) -> [F; 6] {
        [self.domain, self.owner, self.index, self.recipient, self.amount, self.number]
    }

    /// The inverse of `to_array`.
    pub fn from_array(v: [F; 6]) -> Self {
        Self { domain: v[0], owner: v[1], index: v[2], recipient: v[3], amount: v[4], number: v[5] }
    }
}

/// What the owner keeps to itself of an exit request.
#[derive(Clone, Debug)]
pub struct ExitPrivate {
    /// Key, viewing key and subaccount.
    pub holder: Holder,
    /// Of the request's message.
    pub signature: Signature,
}

/// Public inputs of an escape, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EscapePublic {
    /// Chain and contract.
    pub domain: F,
    /// State root.
    pub root: F,
    /// Root of the epoch's risk table.
    pub risk_root: F,
    /// Account index.
    pub index: F,
    /// Who is paid.
    pub recipient: F,
    /// What the account is worth, token units.
    pub equity: F,
    /// Words of settled positions, three places each.
    pub settled: Vec<F>,
}

/// Names of the first public inputs of an escape, in order.
pub const ESCAPE_INPUTS: [&str; 6] = ["domain", "root", "risk root", "index", "recipient", "equity"];
/// Name of each public input of an escape after those.
pub const ESCAPE_SETTLED: &str = "settled positions";

impl EscapePublic {
    /// Names of all public inputs under a parameter set, in order.
    pub fn names(p: &Params) -> Vec<&'static str> {
        let words = p.positions.div_ceil(SETTLED_A_WORD);
        ESCAPE_INPUTS.into_iter().chain(std::iter::repeat_n(ESCAPE_SETTLED, words)).collect()
    }

    /// The values in the order of the public inputs.
    pub fn to_vec(&self) -> Vec<F> {
        let mut values = vec![self.domain, self.root, self.risk_root, self.index, self.recipient, self.equity];
        values.extend(&self.settled);
        values
    }

    /// The inverse of `to_vec`.
    ///
    /// # Panics
    /// If there are fewer than six values.
    pub fn from_slice(v: &[F]) -> Self {
        let settled = v[ESCAPE_INPUTS.len()..].to_vec();
        Self { domain: v[0], root: v[1], risk_root: v[2], index: v[3], recipient: v[4], equity: v[5], settled }
    }
}

/// What values one place of the leaf that leaves.
#[derive(Clone, Debug)]
pub struct PlaceWitness {
    /// Whether a row of the risk table values it.
    pub listed: bool,
    /// The row; where none values the place, one that stands nowhere: the place's id and value, all else 0.
    pub row: RiskRow,
    /// Its place in the table.
    pub place: usize,
    /// Children of the nodes above it, leaf level first.
    pub path: Vec<[F; 8]>,
}

/// Everything an escape is told.
#[derive(Clone, Debug)]
pub struct EscapePrivate {
    /// Key, viewing key and subaccount.
    pub holder: Holder,
    /// Of the escape's message.
    pub signature: Signature,
    /// The leaf.
    pub leaf: Leaf,
    /// Children of the nodes above it, leaf level first.
    pub path: Vec<[F; 8]>,
    /// Exactly P places, empties first.
    pub places: Vec<PlaceWitness>,
}
