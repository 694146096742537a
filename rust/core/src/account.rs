//! Account leaves: what the state holds of an account, packed into words and hashed.
//!
//! The encoding of section 3 of `docs/protocol.md`, and its inverse for the words an owner reads from the chain. The packing relies
//! on the ranges of [`Leaf::check`], which clearing keeps for every leaf it makes.

use ark_ff::{BigInteger, PrimeField};
use serde::{Deserialize, Serialize};

use crate::babyjub::Point;
use crate::batch::BatchError;
use crate::field::{F, from_i128, from_u64, pow2};
use crate::params::{POSITIONS_A_WORD, Params};
use crate::poseidon;
use crate::units::{CASH_BOUND, POSITION_BOUND, is_cash, is_instrument, is_position};

/// Tag of a leaf.
pub const TAG_LEAF: u64 = 1;

const CASH_BITS: u32 = 92;
const EPOCH_BITS: u32 = 32;
const STATE_INDEX_OFFSET: u32 = 188;
const STATE_UPDATES_OFFSET: u32 = 209;
const ID_BITS: u32 = 27;
const POSITION_BITS: u32 = 63;

/// Who an account belongs to: the opening of its owner word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holder {
    /// The Baby Jubjub key that signs.
    #[serde(with = "crate::json::point")]
    pub key: Point,
    /// The viewing key: what it is encrypted under. Known to owner and operator.
    #[serde(with = "crate::json::element")]
    pub viewing_key: F,
    /// The subaccount's number.
    pub subaccount: u32,
}

impl Holder {
    /// The owner word of the account's leaf.
    #[must_use]
    pub fn owner(&self) -> F {
        poseidon::hash(&[self.key.x, self.key.y, self.viewing_key, from_u64(u64::from(self.subaccount))])
    }
}

/// A position: net lots of one instrument, never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// Instrument id.
    pub instrument: u32,
    /// Lots, negative if short.
    #[serde(with = "crate::json::decimal")]
    pub quantity: i64,
}

/// The contents of a leaf that exists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leaf {
    /// Owner word, see [`Holder::owner`].
    #[serde(with = "crate::json::element")]
    pub owner: F,
    /// Cash in units of 10⁻¹⁴ quote.
    #[serde(with = "crate::json::decimal")]
    pub cash: i128,
    /// Nonce epoch.
    pub epoch: u32,
    /// Slots of the epoch that are used up, slot i at bit i.
    #[serde(with = "crate::json::decimal")]
    pub bitmap: u64,
    /// Live touches so far.
    pub updates: u32,
    /// Salt, derived by the rule of [`crate::seal`].
    #[serde(with = "crate::json::element")]
    pub salt: F,
    /// Positions, ids strictly increasing, no empties.
    pub positions: Vec<Position>,
}

impl Leaf {
    /// All words: owner, state, updates, salt, positions.
    #[must_use]
    pub fn words(&self, params: &Params) -> Vec<F> {
        let mut words = vec![self.owner, self.cash_word(), from_u64(u64::from(self.updates)), self.salt];
        words.extend(self.position_words(params));
        words
    }

    /// The leaf's value in the state tree.
    #[must_use]
    pub fn hash(&self, params: &Params) -> F {
        poseidon::sponge(TAG_LEAF, &self.words(params))
    }

    /// `w₁`: cash, epoch and bitmap.
    #[must_use]
    pub fn cash_word(&self) -> F {
        from_i128(self.cash + CASH_BOUND)
            + from_u64(u64::from(self.epoch)) * pow2(CASH_BITS)
            + from_u64(self.bitmap) * pow2(CASH_BITS + EPOCH_BITS)
    }

    /// `state*`: `w₁` with index and updates above it, as it is published encrypted.
    #[must_use]
    pub fn state_word(&self, index: u32) -> F {
        self.cash_word()
            + from_u64(u64::from(index)) * pow2(STATE_INDEX_OFFSET)
            + from_u64(u64::from(self.updates)) * pow2(STATE_UPDATES_OFFSET)
    }

    /// The words `w₄ …` that hold the positions, empties first.
    #[must_use]
    pub fn position_words(&self, params: &Params) -> Vec<F> {
        let slots = self.slots(params);
        slots.chunks(POSITIONS_A_WORD).map(|chunk| packed(chunk.iter().map(slot_word), POSITION_BITS)).collect()
    }

    /// The P places of the leaf: empties `(0, 0)` first, then the positions.
    #[must_use]
    pub fn slots(&self, params: &Params) -> Vec<Position> {
        let empties = params.positions.saturating_sub(self.positions.len());
        let empty = Position { instrument: 0, quantity: 0 };
        std::iter::repeat_n(empty, empties).chain(self.positions.iter().copied()).collect()
    }

    /// Checks every range and the order of the positions.
    ///
    /// # Errors
    /// [`BatchError::Leaf`] naming the account and what is wrong.
    pub fn check(&self, index: u32, params: &Params) -> Result<(), BatchError> {
        let ids = self.positions.iter().map(|position| position.instrument);
        let rules = [
            (is_cash(self.cash), "its cash is outside −2^91 … 2^91 − 1"),
            (self.positions.len() <= params.positions, "it holds more positions than a leaf has places for"),
            (self.positions.iter().all(|p| is_position(p.quantity)), "a position is 0 or outside −2^35 … 2^35 − 1"),
            (ids.clone().all(is_instrument), "a position's instrument is not an id"),
            (
                ids.clone().zip(ids.skip(1)).all(|(a, b)| a < b),
                "its positions are not in the order of strictly increasing ids",
            ),
        ];
        let broken = rules.into_iter().find(|(holds, _)| !holds);
        broken.map_or(Ok(()), |(_, what)| Err(BatchError::Leaf { index, what }))
    }
}

/// Numbers of a state word, read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StateNumbers {
    pub cash: i128,
    pub epoch: u32,
    pub bitmap: u64,
    pub index: u32,
    pub updates: u32,
}

/// The numbers of `state*`, or `None` where bits stand beyond the last of them.
pub(crate) fn read_state_word(word: F) -> Option<StateNumbers> {
    let part = bit_reader(word, STATE_UPDATES_OFFSET + 32)?;
    Some(StateNumbers {
        cash: i128::try_from(part(0, CASH_BITS)).ok()? - CASH_BOUND,
        epoch: u32::try_from(part(CASH_BITS, EPOCH_BITS)).ok()?,
        bitmap: u64::try_from(part(CASH_BITS + EPOCH_BITS, 64)).ok()?,
        index: u32::try_from(part(STATE_INDEX_OFFSET, 21)).ok()?,
        updates: u32::try_from(part(STATE_UPDATES_OFFSET, 32)).ok()?,
    })
}

/// The places of one position word, empties included, or `None` where bits stand beyond the last of them.
pub(crate) fn read_position_word(word: F) -> Option<Vec<Position>> {
    let part = bit_reader(word, POSITION_BITS * 4)?;
    let place = |i: u32| {
        let instrument = u32::try_from(part(POSITION_BITS * i, ID_BITS)).ok()?;
        let shifted = i64::try_from(part(POSITION_BITS * i + ID_BITS, POSITION_BITS - ID_BITS)).ok()?;
        Some(Position { instrument, quantity: shifted - POSITION_BOUND })
    };
    (0..4).map(place).collect()
}

/// Reads bit ranges of at most 128 bits out of an element that has no bit at `end` or above.
pub(crate) fn bit_reader(word: F, end: u32) -> Option<impl Fn(u32, u32) -> u128> {
    let integer = word.into_bigint();
    (integer.num_bits() <= end).then_some(move |offset: u32, bits: u32| {
        (0..bits).filter(|i| integer.get_bit((offset + i) as usize)).fold(0, |number, i| number | 1 << i)
    })
}

fn slot_word(position: &Position) -> F {
    let shifted = from_i128(i128::from(position.quantity) + i128::from(POSITION_BOUND));
    from_u64(u64::from(position.instrument)) + shifted * pow2(ID_BITS)
}

/// Parts packed least significant first, `bits` apart.
pub(crate) fn packed(parts: impl DoubleEndedIterator<Item = F>, bits: u32) -> F {
    let shift = pow2(bits);
    parts.rev().fold(F::from(0u64), |word, part| word * shift + part)
}
