//! The last contribution: of a public event that nobody could foresee when the one before it was made.
//!
//! Its secrets follow from the value alone, so everybody can make it anew, and the check is that doing so gives the same record.
//! Hashing the value many times keeps even who sees it first, or can turn it down, from trying many before the others know it.

use sha2::{Digest, Sha256};

use crate::ceremony::contribution::{Accumulated, Chain, Record, Secrets, Source};
use crate::ceremony::error::CeremonyError;

/// Number of iterations: 2 to one of these. Below, the delay is none; above, a transcript could keep its readers busy for hours.
pub const EXPONENTS: std::ops::RangeInclusive<u8> = 10..=32;
/// Bytes of a value.
pub const VALUE_BYTES: std::ops::RangeInclusive<usize> = 16..=128;

pub(crate) fn require_range(value: &[u8], exponent: u8) -> Result<(), CeremonyError> {
    let refuse = |reason: String| Err(CeremonyError::BeaconRange { reason });
    if !VALUE_BYTES.contains(&value.len()) {
        return refuse(format!("its value has {} bytes, it must have 16 to 128", value.len()));
    }
    if !EXPONENTS.contains(&exponent) {
        return refuse(format!("2^{exponent} iterations, it must be 2^10 to 2^32"));
    }
    Ok(())
}

/// What everybody gets from the beacon's value: SHA-256 of it, 2^exponent times.
pub(crate) fn secrets(value: &[u8], exponent: u8) -> Secrets {
    let mut state: [u8; 32] = Sha256::digest(value).into();
    for _ in 1..1u64 << exponent {
        state = Sha256::digest(state).into();
    }
    Secrets::expand(&state)
}

/// Checks that a record is what its beacon gives.
pub(crate) fn verify(
    record: &Record,
    contribution: usize,
    chain: &Chain,
    before: &Accumulated,
) -> Result<(), CeremonyError> {
    let Source::Beacon { value, exponent } = &record.source else { return Ok(()) };
    require_range(value, *exponent)?;
    let expected = Record::make(record.source.clone(), &secrets(value, *exponent), chain, before);
    if &expected == record { Ok(()) } else { Err(CeremonyError::WrongBeacon { contribution }) }
}
