//! Orders: what an owner signs, word for word.
//!
//! The encoding of section 4 of `docs/protocol.md`. An order's ranges are checked by [`Order::check`]; the packing relies on them.

use ark_ff::PrimeField;
use serde::{Deserialize, Serialize};

use crate::eddsa;
use crate::field::{F, from_u64, pow2};
use crate::poseidon;
use crate::units::{MAX_FEE_RATE_END, NONCE_SLOTS, PRICE_END, is_instrument};

/// Tag of an order's hash.
pub const TAG_ORDER: u64 = 2;

/// The direction of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Receives contracts, pays premium.
    Buy,
    /// Gives contracts, receives premium.
    Sell,
}

impl Side {
    /// 1 for a buy, 0 for a sell.
    #[must_use]
    pub const fn bit(self) -> u64 {
        match self {
            Self::Buy => 1,
            Self::Sell => 0,
        }
    }

    /// +1 for a buy, −1 for a sell.
    #[must_use]
    pub const fn sign(self) -> i64 {
        match self {
            Self::Buy => 1,
            Self::Sell => -1,
        }
    }

    /// Whether the order buys.
    #[must_use]
    pub const fn is_buy(self) -> bool {
        matches!(self, Self::Buy)
    }
}

/// What an order asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// To buy or sell an instrument.
    Trade,
    /// To pay `quantity · limit` token units to the recipient.
    Withdraw,
    /// To raise the nonce epoch and do nothing else.
    Cancel,
}

impl Kind {
    /// The number the encoding has for the kind.
    #[must_use]
    pub const fn code(self) -> u64 {
        match self {
            Self::Trade => 0,
            Self::Withdraw => 1,
            Self::Cancel => 2,
        }
    }
}

/// One order, as its owner signs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    /// Account index: the leaf's position.
    pub account: u32,
    /// Instrument id; 0 unless the order is a trade.
    pub instrument: u32,
    /// Side; a withdrawal's is buy.
    pub side: Side,
    /// Lots.
    #[serde(with = "crate::json::decimal")]
    pub quantity: u32,
    /// Limit in price units a contract.
    #[serde(with = "crate::json::decimal")]
    pub limit: u64,
    /// Highest fee rate the owner accepts, in basis points of the premium.
    pub max_fee_rate: u16,
    /// Nonce epoch.
    pub epoch: u32,
    /// Nonce slot, 0 … 63.
    pub slot: u8,
    /// First batch the order may be in.
    pub first_batch: u32,
    /// Last batch the order may be in.
    pub last_batch: u32,
    /// Whether it stays good when a batch after its first became void.
    pub survives_void: bool,
    /// Kind.
    pub kind: Kind,
    /// Address a withdrawal goes to; zero unless the order is one.
    #[serde(with = "crate::json::address")]
    pub recipient: [u8; 20],
    /// Random field element that hides the order behind its hash.
    #[serde(with = "crate::json::element")]
    pub salt: F,
}

impl Order {
    /// The word `fields`: every number of the order at its offset.
    #[must_use]
    pub fn fields(&self) -> F {
        let parts = [
            (u64::from(self.account), 0),
            (u64::from(self.instrument), 21),
            (self.side.bit(), 48),
            (u64::from(self.quantity), 49),
            (self.limit, 81),
            (u64::from(self.max_fee_rate), 123),
            (u64::from(self.epoch), 137),
            (u64::from(self.slot), 169),
            (u64::from(self.first_batch), 175),
            (u64::from(self.last_batch), 207),
            (u64::from(self.survives_void), 239),
            (self.kind.code(), 240),
        ];
        parts.into_iter().map(|(part, offset)| from_u64(part) * pow2(offset)).sum()
    }

    /// The recipient as a number below 2¹⁶⁰.
    #[must_use]
    pub fn recipient_field(&self) -> F {
        F::from_be_bytes_mod_order(&self.recipient)
    }

    /// The hash `o` that the owner signs.
    #[must_use]
    pub fn hash(&self, domain: F) -> F {
        let tagged = self.recipient_field() + from_u64(TAG_ORDER) * pow2(160);
        poseidon::hash(&[domain, self.fields(), tagged, self.salt])
    }

    /// Token units a withdrawal of this order pays.
    #[must_use]
    pub fn withdrawal_amount(&self) -> u128 {
        u128::from(self.quantity) * u128::from(self.limit)
    }

    /// Checks every field against its range and kind, whatever the state.
    ///
    /// # Errors
    /// What is wrong, in words that carry no content of the order.
    pub fn check(&self) -> Result<(), &'static str> {
        let trade = self.kind == Kind::Trade;
        let withdraw = self.kind == Kind::Withdraw;
        let rules = [
            (trade == (self.instrument != 0), "an instrument must stand in trades and nowhere else"),
            (!trade || is_instrument(self.instrument), "the instrument is not below 2^27"),
            (self.limit < PRICE_END, "the limit is not below 2^42"),
            (self.max_fee_rate < MAX_FEE_RATE_END, "the highest fee rate is not below 2^14"),
            (self.slot < NONCE_SLOTS, "the nonce slot is not below 64"),
            (self.quantity > 0, "the quantity is zero"),
            (!withdraw || self.side.is_buy(), "a withdrawal's side is not buy"),
            (withdraw || self.recipient == [0; 20], "a recipient stands in an order that is no withdrawal"),
        ];
        rules.into_iter().find(|(holds, _)| !holds).map_or(Ok(()), |(_, what)| Err(what))
    }
}

/// An order in a seal: signed and in its place of the queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedOrder {
    /// What was signed.
    pub order: Order,
    /// The owner's signature of its hash.
    #[serde(with = "crate::json::signature")]
    pub signature: eddsa::Signature,
    /// Sequence number, from 1.
    pub sequence: u32,
}
