//! Exit requests: what an owner signs so that the contract queues a request for an account's free cash.
//!
//! The contract knows an account's owner word and nothing of the key behind it; a proof of the exit circuit shows that who knows the
//! opening of that word signed exactly this request. [`ExitRequest::check`] is that statement in plain code (section 13 of
//! `docs/protocol.md`). That a request is taken once and served by a batch is the contract's part.

use ark_ff::PrimeField;
use thiserror::Error;

use crate::account::Holder;
use crate::batch::BatchError;
use crate::eddsa::{self, Signature};
use crate::field::{F, from_u64};
use crate::poseidon;

/// Tag of an exit request.
pub const TAG_EXIT: u64 = 13;
/// Bits of an account index in a request, whatever the depth of the tree.
pub const INDEX_BITS: u32 = 21;

/// Why a statement that an owner makes alone cannot be proven.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum OwnerError {
    /// An index that no account has.
    #[error("there is no account {index}: indices are below {end}")]
    Index {
        /// The index.
        index: u32,
        /// The first that is too large.
        end: u32,
    },
    /// The holder is somebody else's opening.
    #[error("the holder is not the owner of account {index}: key, viewing key or subaccount is another's")]
    NotTheOwner {
        /// The account.
        index: u32,
    },
    /// The signature is of another statement or key.
    #[error(
        "the signature does not hold for this statement about account {index}: sign exactly its message, under the account's key"
    )]
    Signature {
        /// The account.
        index: u32,
    },
    /// The path does not lead from the leaf at the index.
    #[error("the leaf does not stand at account {index} in the path given: take both from the same state")]
    Path {
        /// The account.
        index: u32,
    },
    /// Neither the risk table nor a settlement value says what a position is worth.
    #[error(
        "account {index} holds instrument {instrument}, which has neither a row in the risk table nor a settlement value"
    )]
    Unvalued {
        /// The account.
        index: u32,
        /// The instrument.
        instrument: u32,
    },
    /// A settlement value for an instrument that the risk table lists: one of them is not of the epoch.
    #[error(
        "instrument {instrument} of account {index} has a row in the risk table and a settlement value too: an epoch has one of them"
    )]
    ValuedTwice {
        /// The account.
        index: u32,
        /// The instrument.
        instrument: u32,
    },
    /// A settlement value out of range.
    #[error("the settlement value {value} of instrument {instrument} is not below 2^42")]
    SettlementValue {
        /// The instrument.
        instrument: u32,
        /// The value, price units.
        value: u64,
    },
    /// A leaf or a table that is not one.
    #[error(transparent)]
    Batch(#[from] BatchError),
}

/// A request for an account's free cash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExitRequest {
    /// Chain and contract.
    pub domain: F,
    /// The account.
    pub index: u32,
    /// Who is paid.
    pub recipient: [u8; 20],
    /// At most so many token units.
    pub amount: u64,
    /// How many requests of the account the contract took before.
    pub number: u32,
}

impl ExitRequest {
    /// What the owner signs: `S(13; domain, index, recipient, amount, number)`.
    #[must_use]
    pub fn message(&self) -> F {
        poseidon::sponge(
            TAG_EXIT,
            &[
                self.domain,
                from_u64(self.index.into()),
                address(&self.recipient),
                from_u64(self.amount),
                from_u64(self.number.into()),
            ],
        )
    }

    /// Checks that the holder opens `owner` and signed this request.
    ///
    /// # Errors
    /// `Index`, `NotTheOwner`, `Signature`.
    pub fn check(&self, owner: F, holder: &Holder, signature: &Signature) -> Result<(), OwnerError> {
        let (index, end) = (self.index, 1 << INDEX_BITS);
        if index >= end {
            return Err(OwnerError::Index { index, end });
        }
        require_signed(index, owner, holder, self.message(), signature)
    }
}

/// An address as an element of the field.
#[must_use]
pub fn address(bytes: &[u8; 20]) -> F {
    F::from_be_bytes_mod_order(bytes)
}

/// The holder opens the owner word and signed the message.
pub(crate) fn require_signed(
    index: u32,
    owner: F,
    holder: &Holder,
    message: F,
    signature: &Signature,
) -> Result<(), OwnerError> {
    if holder.owner() != owner {
        return Err(OwnerError::NotTheOwner { index });
    }
    if !eddsa::verify(&holder.key, message, signature) {
        return Err(OwnerError::Signature { index });
    }
    Ok(())
}
