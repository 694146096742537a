//! Leaving a frozen vault: what an account is worth at the marks of an epoch, and what its owner signs to be paid it.
//!
//! [`Escape::statement`] is the escape circuit in plain code (section 13 of `docs/protocol.md`): it checks that the leaf stands under a
//! root, that its owner signed, and values each position exactly once, by a row of the risk table or by a settlement value, which
//! it publishes. That root and table are the vault's, that an unlisted instrument has the value said, and that an account escapes once,
//! is for the contract to check.

use std::collections::BTreeMap;

use crate::account::{Holder, Leaf, Position, packed};
use crate::eddsa::Signature;
use crate::exit::{OwnerError, address, require_signed};
use crate::field::{F, from_u64, pow2};
use crate::params::Params;
use crate::poseidon;
use crate::risk::RiskTable;
use crate::tree::{Children, root_of_path};
use crate::units::{CASH_A_TOKEN, CASH_A_VALUE, PRICE_END};

/// Tag of an escape.
pub const TAG_ESCAPE: u64 = 14;
/// Settled positions in one public word.
pub const SETTLED_A_WORD: usize = 3;
/// Bits of a settled position in its word.
pub const SETTLED_BITS: u32 = 69;

/// What the owner signs: `S(14; domain, index, recipient)`.
#[must_use]
pub fn message(domain: F, index: u32, recipient: &[u8; 20]) -> F {
    poseidon::sponge(TAG_ESCAPE, &[domain, from_u64(index.into()), address(recipient)])
}

/// Where the value of a position is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The place holds no position.
    Empty,
    /// The mark of the row at this place of the risk table.
    Listed(usize),
    /// A settlement value.
    Settled,
}

/// One of the P places of a leaf with the value of a contract of its instrument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Valuation {
    /// Id and lots, both 0 in an empty place.
    pub position: Position,
    /// Price units a contract, 0 in an empty place.
    pub value: u64,
    /// Where the value is from.
    pub source: Source,
}

impl Valuation {
    /// What is published of the place: `id + 2²⁷·value` of a settled instrument, else 0.
    #[must_use]
    pub fn settled_word(&self) -> F {
        match self.source {
            Source::Settled => from_u64(self.position.instrument.into()) + from_u64(self.value) * pow2(27),
            Source::Empty | Source::Listed(_) => F::from(0u64),
        }
    }
}

/// Values the P places of a leaf, empties first: each position by its row or by its settlement value (price units by id).
///
/// # Errors
/// `Unvalued`, `ValuedTwice`, `SettlementValue`, each naming the instrument.
pub fn valuations(
    leaf: &Leaf,
    index: u32,
    params: &Params,
    risk: &RiskTable,
    settled: &BTreeMap<u32, u64>,
) -> Result<Vec<Valuation>, OwnerError> {
    leaf.slots(params).into_iter().map(|position| valuation(position, index, risk, settled)).collect()
}

fn valuation(
    position: Position,
    index: u32,
    risk: &RiskTable,
    settled: &BTreeMap<u32, u64>,
) -> Result<Valuation, OwnerError> {
    let instrument = position.instrument;
    if instrument == 0 {
        return Ok(Valuation { position, value: 0, source: Source::Empty });
    }
    match (risk.find(instrument), settled.get(&instrument)) {
        (Some(_), Some(_)) => Err(OwnerError::ValuedTwice { index, instrument }),
        (None, None) => Err(OwnerError::Unvalued { index, instrument }),
        (Some(at), None) => Ok(Valuation { position, value: risk.rows[at].mark, source: Source::Listed(at) }),
        (None, Some(&value)) if value < PRICE_END => Ok(Valuation { position, value, source: Source::Settled }),
        (None, Some(&value)) => Err(OwnerError::SettlementValue { instrument, value }),
    }
}

/// What cash and positions are worth together, in cash units: `cash + 10⁴·Σ q·value`.
#[must_use]
pub fn worth(cash: i128, valuations: &[Valuation]) -> i128 {
    let held = valuations.iter().map(|place| i128::from(place.position.quantity) * i128::from(place.value));
    cash + CASH_A_VALUE * held.sum::<i128>()
}

/// Whole token units of a worth in cash units: nothing of a debt, and never more than 64 bits hold.
#[must_use]
pub fn equity(worth: i128) -> u64 {
    u64::try_from(worth.max(0) / CASH_A_TOKEN).unwrap_or(u64::MAX)
}

/// The public words of settled positions: three places each, 69 bits apart.
#[must_use]
pub fn settled_words(valuations: &[Valuation]) -> Vec<F> {
    let word = |places: &[Valuation]| packed(places.iter().map(Valuation::settled_word), SETTLED_BITS);
    valuations.chunks(SETTLED_A_WORD).map(word).collect()
}

/// What an escape proves, as the contract checks it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Chain and contract.
    pub domain: F,
    /// Root of the state.
    pub root: F,
    /// Root of the epoch's risk table.
    pub risk_root: F,
    /// The account.
    pub index: u32,
    /// Who is paid.
    pub recipient: [u8; 20],
    /// Token units that the account is worth.
    pub equity: u64,
    /// Three places of the leaf a word.
    pub settled: Vec<F>,
}

/// An account that leaves, with everything its owner knows.
#[derive(Clone, Debug)]
pub struct Escape {
    /// Chain and contract.
    pub domain: F,
    /// The account.
    pub index: u32,
    /// Who is to be paid.
    pub recipient: [u8; 20],
    /// The opening of the leaf's owner.
    pub holder: Holder,
    /// Of [`message`].
    pub signature: Signature,
    /// The account's leaf.
    pub leaf: Leaf,
    /// Children of the nodes above it, leaf level first.
    pub path: Vec<Children>,
    /// The epoch's risk table.
    pub risk: RiskTable,
    /// Settlement values, price units a contract, by id; those of instruments that the leaf does not hold do not matter.
    pub settled: BTreeMap<u32, u64>,
}

impl Escape {
    /// Values of the leaf's places.
    ///
    /// # Errors
    /// As [`valuations`].
    pub fn valuations(&self, params: &Params) -> Result<Vec<Valuation>, OwnerError> {
        valuations(&self.leaf, self.index, params, &self.risk, &self.settled)
    }

    /// Checks everything the circuit checks and returns what it proves.
    ///
    /// # Errors
    /// [`OwnerError`]: the first of index, leaf, table, owner, signature, path, positions that is wrong.
    pub fn statement(&self, params: &Params) -> Result<Statement, OwnerError> {
        let Self { domain, index, recipient, .. } = *self;
        let end = params.capacity();
        if index >= end {
            return Err(OwnerError::Index { index, end });
        }
        self.leaf.check(index, params)?;
        self.risk.validate(params)?;
        let message = message(domain, index, &recipient);
        require_signed(index, self.leaf.owner, &self.holder, message, &self.signature)?;
        let leaf = self.leaf.hash(params);
        let root = (self.path.len() == params.depth).then(|| root_of_path(index, leaf, &self.path)).flatten();
        let root = root.ok_or(OwnerError::Path { index })?;
        let valuations = self.valuations(params)?;
        let equity = equity(worth(self.leaf.cash, &valuations));
        let (risk_root, settled) = (self.risk.root(params), settled_words(&valuations));
        Ok(Statement { domain, root, risk_root, index, recipient, equity, settled })
    }
}
