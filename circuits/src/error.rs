//! What can go wrong with keys and proofs, each with the offending value and what to do about it.
//!
//! No variant carries a witness value: an error may be printed anywhere.

use std::fmt;
use std::path::PathBuf;

use crate::ceremony::CeremonyError;
use crate::fingerprint::Fingerprint;

/// Every failure of this crate that a caller can meet.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A key that must not be used.
    Key(KeyError),
    /// A proof that could not be made.
    Prove(ProveError),
    /// A proof that does not hold, or was not even looked at.
    Verify(VerifyError),
    /// Powers, a transcript or keys of a ceremony that must not be used.
    Ceremony(CeremonyError),
    /// A file that could not be read or written.
    File {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Why a key, its file or its manifest is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// The bytes are not what the format says.
    Malformed {
        /// Where, in words.
        part: &'static str,
        /// What is wrong there.
        reason: String,
    },
    /// Not a point of the curve, or of the right subgroup.
    BadPoint {
        /// Which element of the key.
        part: &'static str,
        /// Its number, where there are several.
        index: usize,
    },
    /// The identity or the generator where a random point must stand.
    TrivialPoint {
        /// Which element of the key.
        part: &'static str,
        /// Its number, where there are several.
        index: usize,
    },
    /// Two of `beta`, `gamma` and `delta` are the same point up to sign: anybody could prove anything.
    SamePoint {
        /// The first of them.
        first: &'static str,
        /// The second.
        second: &'static str,
    },
    /// Two public inputs share their point up to sign: one could be traded for the other.
    InputsNotIndependent {
        /// The earlier input, from 1.
        first: usize,
        /// The later input, from 1.
        second: usize,
    },
    /// The proving key's two halves, or its counts, do not belong together.
    Inconsistent {
        /// Which part.
        part: &'static str,
    },
    /// A key of another circuit.
    WrongCircuit {
        /// What the circuit at hand has.
        expected: Fingerprint,
        /// What the key was made for.
        found: Fingerprint,
    },
    /// A file that is not the one its manifest describes.
    WrongHash {
        /// Its name.
        file: String,
        /// SHA-256 in the manifest, hexadecimal.
        expected: String,
        /// SHA-256 of the file, hexadecimal.
        found: String,
    },
    /// A circuit that does not fit the curve's largest evaluation domain.
    TooLarge {
        /// Its rows.
        rows: usize,
    },
    /// A circuit other than the pinned one.
    NotPinned {
        /// Name of the circuit.
        circuit: String,
        /// What differs, as `what: pinned …, found …`.
        difference: String,
    },
}

/// Why no proof was made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProveError {
    /// The assignment has the wrong number of wires.
    WrongLength {
        /// Wires of the circuit.
        expected: usize,
        /// Values given.
        found: usize,
    },
    /// Wire 0 is not one.
    ConstantNotOne,
    /// The assignment breaks a row.
    Unsatisfied {
        /// The first that it breaks, from 0.
        row: usize,
    },
    /// The caller asked to stop.
    Cancelled,
    /// The finished proof does not verify under its own key: the key is damaged.
    SelfCheckFailed,
}

/// Why a proof is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum VerifyError {
    /// The wrong number of public inputs.
    WrongInputCount {
        /// What the key has.
        expected: usize,
        /// What was given.
        found: usize,
    },
    /// A word that is not below the modulus of its field.
    NotCanonical {
        /// Which word, from 0.
        word: usize,
    },
    /// A proof element that is no point of its group.
    BadPoint {
        /// `A`, `B` or `C`.
        element: char,
    },
    /// Weights of a product that do not fit its proofs: their number differs, or one is zero.
    BadWeights {
        /// Number of proofs.
        proofs: usize,
        /// Number of weights.
        weights: usize,
        /// Position of a zero weight.
        zero_at: Option<usize>,
    },
    /// The pairing equation does not hold.
    Rejected,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(error) => error.fmt(f),
            Self::Prove(error) => error.fmt(f),
            Self::Verify(error) => error.fmt(f),
            Self::Ceremony(error) => error.fmt(f),
            Self::File { path, source } => write!(f, "{}: {source}", path.display()),
        }
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { part, reason } => write!(f, "malformed key, {part}: {reason}"),
            Self::BadPoint { part, index } => write!(f, "key element {part}[{index}] is not a point of its group"),
            Self::TrivialPoint { part, index } => {
                write!(f, "key element {part}[{index}] is the identity or the generator: the set-up is broken")
            }
            Self::SamePoint { first, second } => {
                write!(
                    f,
                    "{first} and {second} are one point up to sign: under such a key false statements can be proven"
                )
            }
            Self::InputsNotIndependent { first, second } => {
                write!(f, "public inputs {first} and {second} share a point: one could be traded for the other")
            }
            Self::Inconsistent { part } => write!(f, "the parts of the proving key do not belong together: {part}"),
            Self::WrongCircuit { expected, found } => {
                write!(
                    f,
                    "key of another circuit: it has fingerprint {found}, this circuit {expected}; run setup again"
                )
            }
            Self::WrongHash { file, expected, found } => {
                write!(
                    f,
                    "{file} is not the file of its manifest: SHA-256 {found}, manifest says {expected}; run setup again"
                )
            }
            Self::TooLarge { rows } => write!(f, "{rows} rows are more than the curve's largest domain holds"),
            Self::NotPinned { circuit, difference } => {
                write!(f, "circuit {circuit} is not the pinned one: {difference}")
            }
        }
    }
}

impl fmt::Display for ProveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongLength { expected, found } => {
                write!(f, "the assignment has {found} values, the circuit {expected} wires")
            }
            Self::ConstantNotOne => f.write_str("wire 0 of the assignment must be 1"),
            Self::Unsatisfied { row } => write!(f, "the assignment breaks row {row} of the circuit: no proof was made"),
            Self::Cancelled => f.write_str("proving was cancelled"),
            Self::SelfCheckFailed => {
                f.write_str("the proof does not verify under its own key: the proving key is damaged")
            }
        }
    }
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongInputCount { expected, found } => {
                write!(f, "{found} public inputs given, the key wants {expected}")
            }
            Self::NotCanonical { word } => write!(f, "word {word} is not below the modulus of its field"),
            Self::BadPoint { element } => write!(f, "proof element {element} is not a point of its group"),
            Self::BadWeights { proofs, weights, zero_at: None } => {
                write!(f, "{weights} weights for {proofs} proofs: there must be one for each")
            }
            Self::BadWeights { zero_at: Some(at), .. } => {
                write!(f, "weight {at} is zero: its proof would not be checked")
            }
            Self::Rejected => f.write_str("the proof does not hold for these public inputs"),
        }
    }
}

impl std::error::Error for KeyError {}
impl std::error::Error for ProveError {}
impl std::error::Error for VerifyError {}
impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File { source, .. } => Some(source),
            Self::Key(_) | Self::Prove(_) | Self::Verify(_) | Self::Ceremony(_) => None,
        }
    }
}

impl From<KeyError> for Error {
    fn from(error: KeyError) -> Self {
        Self::Key(error)
    }
}

impl From<ProveError> for Error {
    fn from(error: ProveError) -> Self {
        Self::Prove(error)
    }
}

impl From<CeremonyError> for Error {
    fn from(error: CeremonyError) -> Self {
        Self::Ceremony(error)
    }
}

impl From<VerifyError> for Error {
    fn from(error: VerifyError) -> Self {
        Self::Verify(error)
    }
}
