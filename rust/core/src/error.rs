//! The one error of this crate: every failure that input can cause, with the value at fault and what to do about it.
//!
//! No message carries a secret, a signature or the content of an order. What only a bug in the caller can cause
//! (a Poseidon input of a length that no protocol rule has) is a documented panic instead.

use thiserror::Error;

use crate::batch::BatchError;

/// Why an operation of the core refused its input.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CoreError {
    /// Text that is neither a decimal number nor `0x` and hexadecimal digits.
    #[error(
        "`{text}` is not a field element: write decimal digits without leading zeros, or 0x and 1 to 64 hexadecimal digits"
    )]
    FieldSyntax {
        /// The text, shortened to its first 80 characters.
        text: String,
    },
    /// A number that is not below the order of the field, and so would be a second encoding of a smaller one.
    #[error("{value} is not below the order of the BN254 scalar field; reduce it, or check where it was computed")]
    FieldOutOfRange {
        /// The number, in hexadecimal with `0x`.
        value: String,
    },
    /// 32 bytes that are not the packed form of a Baby Jubjub point.
    #[error("{packed} is not a packed Baby Jubjub point: {reason}")]
    PointEncoding {
        /// The bytes, in hexadecimal.
        packed: String,
        /// Which rule the bytes break.
        reason: &'static str,
    },
    /// Coordinates that do not satisfy the curve equation.
    #[error("({x}, {y}) is not on Baby Jubjub (168700 x² + y² = 1 + 168696 x² y²)")]
    PointNotOnCurve {
        /// First coordinate, decimal.
        x: String,
        /// Second coordinate, decimal.
        y: String,
    },
    /// The second half of a packed signature is not a scalar.
    #[error("the scalar S of the signature is not below the order of the Baby Jubjub subgroup; sign the message again")]
    SignatureScalar,
    /// A tree deeper than the index type and the protocol allow.
    #[error("a state tree of depth {depth} does not exist: choose a depth from 1 to {max}")]
    TreeDepth {
        /// The depth asked for.
        depth: u8,
        /// The greatest depth.
        max: u8,
    },
    /// A leaf position outside the tree.
    #[error("leaf index {index} is outside a tree of {capacity} leaves")]
    LeafIndex {
        /// The position asked for.
        index: u32,
        /// Number of leaves of the tree.
        capacity: u32,
    },
    /// One batched update names the same leaf twice.
    #[error("leaf index {index} stands twice in one update; give each leaf one new value")]
    DuplicateLeaf {
        /// The position named twice.
        index: u32,
    },
    /// A stored state tree that was not written by this version, or was damaged.
    #[error("the stored state tree is unusable: {reason}; restore it from a good copy or rebuild it from chain data")]
    TreeEncoding {
        /// What is wrong, with the position or value.
        reason: String,
    },
    /// A batch, a table, stored state or a file of one, refused.
    #[error(transparent)]
    Batch(#[from] BatchError),
}
