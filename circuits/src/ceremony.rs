//! The set-up of the circuits' keys by many, of whom one must be honest: the second phase, after powers of τ that others have made.
//!
//! [`begin`] makes a key from circuit and powers for δ = γ = 1; every participant multiplies δ and γ by secrets that it forgets and
//! proves to have known ([`contribute`]); a public random value ends it ([`end`]); the result is a key as any other. Nobody can
//! forge proofs under it unless all participants kept their secrets, or somebody kept τ, α or β of the first phase. γ is not left
//! at 1, as is usual: the key lint refuses a γ of known logarithm.
//!
//! `docs/ceremony.md` says how to run one. What is guaranteed of powers, contributions, points and files stands in the module of each.

mod beacon;
mod check;
mod contribution;
mod error;
mod finish;
mod folder;
mod parts;
mod ptau;
mod queries;
#[cfg(test)]
mod tests;
mod transcript;
mod watch;

use ark_std::rand::{CryptoRng, RngCore};
use std::path::Path;

pub use beacon::{EXPONENTS, VALUE_BYTES};
pub use contribution::{Accumulated, Chain, Link, Record, Secrets, Source};
pub use error::CeremonyError;
pub use folder::{Folder, Stored};
pub use parts::Parts;
pub use ptau::Powers;
pub use queries::Points;
pub use transcript::{Subject, Transcript};
pub use watch::Watch;

use crate::error::Error;
use crate::fingerprint::{Fingerprint, to_hex};
use crate::keyfile::{self, Manifest, Origin};
use crate::matrices::Matrices;

/// The transcript before any contribution, checked as any other. An earlier run that was killed may have left `parts` of the work.
///
/// # Errors
/// [`CeremonyError::Key`] for a circuit without a domain, [`CeremonyError::WrongQuery`] for powers made to fit it or parts that are not
/// of it; these are then removed.
pub fn begin(
    names: (&str, &str),
    matrices: &Matrices,
    powers: &Powers,
    parts: &Parts,
    rng: &mut (impl RngCore + CryptoRng),
    watch: &Watch<'_>,
) -> Result<Transcript, Error> {
    let (params, circuit) = (names.0.to_owned(), names.1.to_owned());
    let subject = Subject { params, circuit, fingerprint: Fingerprint::of(matrices), powers: powers.hash };
    let points = queries::initial(matrices, powers, &parts.of(&subject), watch)?;
    let transcript = Transcript { subject, records: Vec::new(), points };
    transcript.verify(matrices, powers, rng, watch).inspect_err(|_| parts.remove())?;
    Ok(transcript)
}

/// Adds a participant's contribution; returns the hash by which it finds it again in the finished transcript.
///
/// # Errors
/// [`CeremonyError::NameRange`], [`CeremonyError::AfterBeacon`], [`CeremonyError::TrivialContribution`].
pub fn contribute(transcript: &mut Transcript, name: &str, secrets: &Secrets) -> Result<Chain, CeremonyError> {
    transcript.contribute(Source::Participant { name: name.to_owned() }, secrets)
}

/// Ends the ceremony with the contribution of a public value, hashed 2^exponent times.
///
/// # Errors
/// [`CeremonyError::BeaconRange`], [`CeremonyError::AfterBeacon`].
pub fn end(transcript: &mut Transcript, value: &[u8], exponent: u8) -> Result<Chain, CeremonyError> {
    beacon::require_range(value, exponent)?;
    let source = Source::Beacon { value: value.to_vec(), exponent };
    transcript.contribute(source, &beacon::secrets(value, exponent))
}

/// Refuses a transcript without the contribution that has this hash.
///
/// # Errors
/// [`CeremonyError::LeftOut`].
pub fn require_contribution(transcript: &Transcript, hash: &Chain) -> Result<(), CeremonyError> {
    match transcript.chains()[1..].contains(hash) {
        true => Ok(()),
        false => Err(CeremonyError::LeftOut { hash: to_hex(hash) }),
    }
}

/// Checks a ceremony that is over and writes its keys and their manifest into a folder.
///
/// # Errors
/// All of [`Transcript::verify`], [`Transcript::keys`] and [`keyfile::save`].
pub fn finalize(
    stored: &Stored,
    matrices: Matrices,
    powers: &Powers,
    dir: &Path,
    rng: &mut (impl RngCore + CryptoRng),
    watch: &Watch<'_>,
) -> Result<Manifest, Error> {
    let transcript = &stored.transcript;
    transcript.require_over()?;
    transcript.verify(&matrices, powers, rng, watch)?;
    let key = transcript.keys(matrices)?;
    let Subject { circuit, params, .. } = &transcript.subject;
    watch.phase("files", || keyfile::save(dir, circuit, params, &key, Origin::Ceremony { transcript: stored.hash }))?
}
