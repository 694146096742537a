//! Why a file of powers, a transcript or a set of keys is refused. One variant for each kind of fault, so that a participant can
//! say what happened; [`CeremonyError::name`] is stable, for programs.

use thiserror::Error;

use crate::error::KeyError;
use crate::fingerprint::Fingerprint;

/// A fault, with the offending value. `contribution` counts from 1, as in file names.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CeremonyError {
    /// The file of powers is not of the format.
    #[error("the file of powers is malformed, {part}: {reason}")]
    PowersFormat {
        /// Where.
        part: &'static str,
        /// What is wrong there.
        reason: String,
    },
    /// A point of the file that is none of its group, or the identity.
    #[error("point {index} of {part} in the file of powers is no point of its group, or the identity")]
    PowersPoint {
        /// Which list.
        part: &'static str,
        /// Which point, from 0.
        index: usize,
    },
    /// A list that is not a start followed by its multiples by powers of the one τ.
    #[error("{part} in the file of powers is not a list of powers of the τ that its other lists have")]
    PowersChain {
        /// Which list.
        part: &'static str,
    },
    /// A secret of the powers that anybody knows: 0, 1, −1, or of τ a root of unity of the domain.
    #[error("the file of powers has a {secret} that anybody knows: nobody has contributed to it")]
    PowersTrivial {
        /// `tau`, `alpha` or `beta`.
        secret: &'static str,
    },
    /// A file for smaller circuits.
    #[error("the file holds 2^{found} powers, the circuit needs 2^{needed}: take a larger file")]
    TooFewPowers {
        /// Base-2 logarithm of what is needed.
        needed: u32,
        /// And of what there is.
        found: u32,
    },
    /// The transcript was begun with another file of powers.
    #[error("the transcript was begun with the powers of SHA-256 {expected}, this file has {found}")]
    WrongPowers {
        /// SHA-256 in the transcript, hexadecimal.
        expected: String,
        /// SHA-256 of the file.
        found: String,
    },
    /// The transcript is of another circuit, or of another version of this one.
    #[error("transcript of another circuit: it has fingerprint {found}, {circuit} of this program {expected}")]
    WrongCircuit {
        /// Name of the circuit at hand.
        circuit: String,
        /// Its fingerprint.
        expected: Fingerprint,
        /// That of the transcript.
        found: Fingerprint,
    },
    /// The transcript is not of the format.
    #[error("the transcript is malformed, {part}: {reason}")]
    Format {
        /// Where.
        part: &'static str,
        /// What is wrong there.
        reason: String,
    },
    /// The transcript ends before it is complete.
    #[error("the transcript is cut off within {part}")]
    Truncated {
        /// Where.
        part: &'static str,
    },
    /// The transcript goes on after its end.
    #[error("{bytes} bytes follow the end of the transcript")]
    TrailingBytes {
        /// How many.
        bytes: usize,
    },
    /// A point of the transcript off its curve or outside its subgroup, the identity, or not below the modulus.
    #[error("point {index} of {part} in the transcript is no point of its group, or the identity")]
    BadPoint {
        /// Which list.
        part: &'static str,
        /// Which point, from 0.
        index: usize,
    },
    /// A contribution that multiplies by 0, 1 or −1.
    #[error("contribution {contribution} multiplies {secret} by 0, 1 or −1: it adds nothing")]
    TrivialContribution {
        /// Which one.
        contribution: usize,
        /// `delta` or `gamma`.
        secret: &'static str,
    },
    /// The proof of knowledge is not of this place in this transcript: forged, replayed, or the transcript before it was changed.
    #[error("contribution {contribution} does not prove that it knew its {secret} at this place of this transcript")]
    NotProven {
        /// Which one.
        contribution: usize,
        /// `delta` or `gamma`.
        secret: &'static str,
    },
    /// The new value is not the one before times the proven secret.
    #[error("contribution {contribution} does not continue the {secret} of the one before it")]
    NotContinued {
        /// Which one.
        contribution: usize,
        /// `delta` or `gamma`.
        secret: &'static str,
    },
    /// The new value differs between the two groups.
    #[error("contribution {contribution} has two different values of {secret} in G1 and G2")]
    GroupsDiffer {
        /// Which one.
        contribution: usize,
        /// `delta` or `gamma`.
        secret: &'static str,
    },
    /// A beacon whose contribution is not the one that its value gives.
    #[error("contribution {contribution} is not what its beacon gives")]
    WrongBeacon {
        /// Which one.
        contribution: usize,
    },
    /// A contribution after the beacon: its author knew the beacon.
    #[error("contribution {contribution} follows the beacon, which must be the last")]
    AfterBeacon {
        /// Which one.
        contribution: usize,
    },
    /// A beacon's value or its number of iterations out of range.
    #[error("the beacon is refused: {reason}")]
    BeaconRange {
        /// What is wrong.
        reason: String,
    },
    /// A participant's name that cannot be recorded.
    #[error("the participant's name is refused: {reason}")]
    NameRange {
        /// What is wrong.
        reason: String,
    },
    /// Points of the key that circuit, powers and contributions do not give.
    #[error("the points of {query} are not those that circuit, powers and contributions give")]
    WrongQuery {
        /// Which list.
        query: &'static str,
    },
    /// A ceremony that is not over: finished keys need at least one contribution and then a beacon.
    #[error("the ceremony is not over: {missing}")]
    NotOver {
        /// What is missing.
        missing: &'static str,
    },
    /// Files of a folder that do not continue each other.
    #[error("{file} does not continue the file before it: {reason}")]
    NotContinuous {
        /// Which file.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// A contribution that somebody knows to have been made is not in the transcript.
    #[error("no contribution of the transcript has the hash {hash}: it was left out, or is of another ceremony")]
    LeftOut {
        /// The hash that was looked for, hexadecimal.
        hash: String,
    },
    /// A folder without a transcript.
    #[error("there is no transcript in {folder}: begin with init")]
    NotBegun {
        /// Which one.
        folder: String,
    },
    /// Key files, or their manifest, that are not those of the transcript.
    #[error("the keys are not those of the transcript: {part} differs")]
    KeysDiffer {
        /// What differs.
        part: &'static str,
    },
    /// A circuit that there is none of.
    #[error("there is no circuit {name:?}: choose {choices}")]
    UnknownCircuit {
        /// Given.
        name: String,
        /// What there is.
        choices: String,
    },
    /// A key that the lint refuses.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl CeremonyError {
    /// A stable name of the kind of fault.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::PowersFormat { .. } => "POWERS_FORMAT",
            Self::PowersPoint { .. } => "POWERS_POINT",
            Self::PowersChain { .. } => "POWERS_CHAIN",
            Self::PowersTrivial { .. } => "POWERS_TRIVIAL",
            Self::TooFewPowers { .. } => "TOO_FEW_POWERS",
            Self::WrongPowers { .. } => "WRONG_POWERS",
            Self::WrongCircuit { .. } => "WRONG_CIRCUIT",
            Self::Format { .. } => "FORMAT",
            Self::Truncated { .. } => "TRUNCATED",
            Self::TrailingBytes { .. } => "TRAILING_BYTES",
            Self::BadPoint { .. } => "BAD_POINT",
            Self::TrivialContribution { .. } => "TRIVIAL_CONTRIBUTION",
            Self::NotProven { .. } => "NOT_PROVEN",
            Self::NotContinued { .. } => "NOT_CONTINUED",
            Self::GroupsDiffer { .. } => "GROUPS_DIFFER",
            Self::WrongBeacon { .. } => "WRONG_BEACON",
            Self::AfterBeacon { .. } => "AFTER_BEACON",
            Self::BeaconRange { .. } => "BEACON_RANGE",
            Self::NameRange { .. } => "NAME_RANGE",
            Self::WrongQuery { .. } => "WRONG_QUERY",
            Self::NotOver { .. } => "NOT_OVER",
            Self::NotContinuous { .. } => "NOT_CONTINUOUS",
            Self::LeftOut { .. } => "LEFT_OUT",
            Self::NotBegun { .. } => "NOT_BEGUN",
            Self::KeysDiffer { .. } => "KEYS_DIFFER",
            Self::UnknownCircuit { .. } => "UNKNOWN_CIRCUIT",
            Self::Key(_) => "KEY",
        }
    }
}
