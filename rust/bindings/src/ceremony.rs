//! The set-up by many: each step of one circuit's ceremony, on its folder, with what it found as JSON.
//!
//! Randomness is drawn here from the operating system, so that a contribution's secrets never pass through the interpreter.

use std::path::{Path, PathBuf};

use ark_std::rand::SeedableRng;
use ark_std::rand::rngs::StdRng;
use pyo3::prelude::*;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use tacit_circuits::catalogue::{self, CIRCUITS};
use tacit_circuits::ceremony::{self, CeremonyError, Folder, Parts, Powers, Secrets, Source, Stored, Watch};
use tacit_circuits::error::Error;
use tacit_circuits::fingerprint::{from_hex, to_hex};
use tacit_circuits::matrices::Matrices;
use tacit_core::params::Params;

use crate::error::Failure;
use crate::interrupt::{self, Line};

/// What can go wrong: a fault, or a parameter set that there is none of.
type Outcome<T> = Result<T, Error>;

/// Names of the circuits that keys are made for.
#[pyfunction]
pub fn ceremony_circuits() -> Vec<&'static str> {
    CIRCUITS.iter().map(|circuit| circuit.name).collect()
}

/// A circuit's ceremony in the folder of all.
#[derive(Clone)]
struct Place {
    params: Params,
    circuit: catalogue::Circuit,
    folder: Folder,
}

impl Place {
    fn of(all: &Path, params: &str, circuit: &str) -> Result<Self, Failure> {
        let params = Params::by_name(params)?;
        let choices = ceremony_circuits().join(", ");
        let unknown = || Error::from(CeremonyError::UnknownCircuit { name: circuit.to_owned(), choices });
        let circuit = catalogue::by_name(circuit).ok_or_else(unknown)?;
        Ok(Self { params, circuit, folder: Folder::of(all, params.name, circuit.name) })
    }

    fn matrices(&self, watch: &Watch<'_>) -> Outcome<Matrices> {
        watch.phase("circuit", || (self.circuit.matrices)(&self.params))
    }

    /// The last transcript; one that was put into another circuit's folder is refused.
    fn last(&self, watch: &Watch<'_>) -> Outcome<Stored> {
        let stored = watch.phase("transcript", || self.folder.last())??;
        let subject = &stored.transcript.subject;
        if (subject.params.as_str(), subject.circuit.as_str()) != (self.params.name, self.circuit.name) {
            let file = stored.path.display().to_string();
            let reason = format!("it is of circuit {} of {}", subject.circuit, subject.params);
            return Err(CeremonyError::NotContinuous { file, reason }.into());
        }
        Ok(stored)
    }
}

/// Runs a step beside the interpreter.
fn step<T: Send + 'static>(
    py: Python<'_>,
    progress: Option<&Bound<'_, PyAny>>,
    work: impl FnOnce(&Watch<'_>) -> Outcome<T> + Send + 'static,
) -> Result<T, Failure> {
    interrupt::run(py, None, progress, move |line: &Line<Outcome<T>>| {
        work(&Watch { report: &|phase, took| line.report(phase, took), stop: line.stop() })
    })
}

fn random() -> Zeroizing<[u8; 32]> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(bytes.as_mut_slice()).expect("without the system's randomness nothing may go on");
    bytes
}

fn rng() -> StdRng {
    StdRng::from_seed(*random())
}

/// What a transcript says, for people and programs.
fn summary(stored: &Stored) -> String {
    let transcript = &stored.transcript;
    let chains = transcript.chains();
    let contributions: Vec<Value> = transcript.records.iter().zip(&chains[1..]).map(entry).collect();
    let subject = &transcript.subject;
    json!({
        "params": subject.params,
        "circuit": subject.circuit,
        "fingerprint": subject.fingerprint.to_string(),
        "powers": to_hex(&subject.powers),
        "file": stored.path.display().to_string(),
        "sha256": to_hex(&stored.hash),
        "contributions": contributions,
        "over": transcript.is_over(),
    })
    .to_string()
}

fn entry((record, chain): (&ceremony::Record, &[u8; 32])) -> Value {
    match &record.source {
        Source::Participant { name } => json!({"name": name, "hash": to_hex(chain), "beacon": null}),
        Source::Beacon { value, exponent } => {
            let beacon = json!({"value": to_hex(value), "exponent": exponent});
            json!({"name": null, "hash": to_hex(chain), "beacon": beacon})
        }
    }
}

/// Begins the ceremony of a circuit, with the powers of a file; one that was begun with them is left as it is.
#[pyfunction]
#[pyo3(signature = (directory, params, circuit, powers, progress=None))]
pub fn ceremony_init(
    py: Python<'_>,
    directory: PathBuf,
    params: &str,
    circuit: &str,
    powers: PathBuf,
    progress: Option<&Bound<'_, PyAny>>,
) -> Result<String, Failure> {
    let place = Place::of(&directory, params, circuit)?;
    step(py, progress, move |watch| {
        let matrices = place.matrices(watch)?;
        let powers = Powers::read(&powers, matrices.domain_size(), &mut rng(), watch)?;
        if !place.folder.numbers()?.is_empty() {
            let stored = place.last(watch)?;
            stored.transcript.verify(&matrices, &powers, &mut rng(), watch)?;
            return Ok(summary(&stored));
        }
        let (names, parts) = ((place.params.name, place.circuit.name), Parts::beside(&place.folder));
        let transcript = ceremony::begin(names, &matrices, &powers, &parts, &mut rng(), watch)?;
        let stored = watch.phase("file", || place.folder.add(&transcript))??;
        parts.remove();
        Ok(summary(&stored))
    })
}

/// Adds a contribution of the system's randomness and a text, either of which suffices.
#[pyfunction]
#[pyo3(signature = (directory, params, circuit, name, text, progress=None))]
pub fn ceremony_contribute(
    py: Python<'_>,
    directory: PathBuf,
    params: &str,
    circuit: &str,
    name: String,
    text: Vec<u8>,
    progress: Option<&Bound<'_, PyAny>>,
) -> Result<String, Failure> {
    let place = Place::of(&directory, params, circuit)?;
    let text = Zeroizing::new(text);
    step(py, progress, move |watch| {
        let mut transcript = place.last(watch)?.transcript;
        watch.phase("contributions", || transcript.verify_records())??;
        let secrets = Secrets::of_participant(&random(), &text);
        watch.phase("contribution", || ceremony::contribute(&mut transcript, &name, &secrets))??;
        watch.phase("file", || place.folder.add(&transcript))?.map(|stored| summary(&stored))
    })
}

/// Ends the ceremony with a public value.
#[pyfunction]
#[pyo3(signature = (directory, params, circuit, value, exponent, progress=None))]
pub fn ceremony_beacon(
    py: Python<'_>,
    directory: PathBuf,
    params: &str,
    circuit: &str,
    value: Vec<u8>,
    exponent: u8,
    progress: Option<&Bound<'_, PyAny>>,
) -> Result<String, Failure> {
    let place = Place::of(&directory, params, circuit)?;
    step(py, progress, move |watch| {
        let mut transcript = place.last(watch)?.transcript;
        watch.phase("contributions", || transcript.verify_records())??;
        watch.phase("beacon", || ceremony::end(&mut transcript, &value, exponent))??;
        watch.phase("file", || place.folder.add(&transcript))?.map(|stored| summary(&stored))
    })
}

/// What the last transcript says, unchecked but for its form.
#[pyfunction]
pub fn ceremony_state(py: Python<'_>, directory: PathBuf, params: &str, circuit: &str) -> Result<String, Failure> {
    let place = Place::of(&directory, params, circuit)?;
    step(py, None, move |watch| place.last(watch).map(|stored| summary(&stored)))
}

/// Checks the last transcript from it, the circuit and the file of powers, that the earlier ones lead to it, and that it has the
/// contributions whose hashes are given.
#[pyfunction]
#[pyo3(signature = (directory, params, circuit, powers, contained, progress=None))]
pub fn ceremony_verify(
    py: Python<'_>,
    directory: PathBuf,
    params: &str,
    circuit: &str,
    powers: PathBuf,
    contained: Vec<String>,
    progress: Option<&Bound<'_, PyAny>>,
) -> Result<String, Failure> {
    let place = Place::of(&directory, params, circuit)?;
    step(py, progress, move |watch| {
        let matrices = place.matrices(watch)?;
        let powers = Powers::read(&powers, matrices.domain_size(), &mut rng(), watch)?;
        let stored = place.last(watch)?;
        stored.transcript.verify(&matrices, &powers, &mut rng(), watch)?;
        place.folder.require_continuous(&stored.transcript)?;
        for hash in contained {
            let left_out = || CeremonyError::LeftOut { hash: hash.clone() };
            ceremony::require_contribution(&stored.transcript, &from_hex(&hash).ok_or_else(left_out)?)?;
        }
        Ok(summary(&stored))
    })
}

/// Checks a ceremony that is over and writes its keys.
#[pyfunction]
#[pyo3(signature = (directory, params, circuit, powers, keys, progress=None))]
pub fn ceremony_finalize(
    py: Python<'_>,
    directory: PathBuf,
    params: &str,
    circuit: &str,
    powers: PathBuf,
    keys: PathBuf,
    progress: Option<&Bound<'_, PyAny>>,
) -> Result<String, Failure> {
    let place = Place::of(&directory, params, circuit)?;
    step(py, progress, move |watch| {
        let stored = place.last(watch)?;
        stored.transcript.require_over()?;
        let matrices = place.matrices(watch)?;
        let powers = Powers::read(&powers, matrices.domain_size(), &mut rng(), watch)?;
        place.folder.require_continuous(&stored.transcript)?;
        ceremony::finalize(&stored, matrices, &powers, &keys, &mut rng(), watch)?;
        Ok(summary(&stored))
    })
}

/// Checks that the keys of a folder are those of the last transcript.
#[pyfunction]
#[pyo3(signature = (directory, params, circuit, keys, progress=None))]
pub fn ceremony_lint(
    py: Python<'_>,
    directory: PathBuf,
    params: &str,
    circuit: &str,
    keys: PathBuf,
    progress: Option<&Bound<'_, PyAny>>,
) -> Result<String, Failure> {
    let place = Place::of(&directory, params, circuit)?;
    step(py, progress, move |watch| {
        let stored = place.last(watch)?;
        let matrices = place.matrices(watch)?;
        watch.phase("keys", || stored.transcript.lint_keys(stored.hash, matrices, &keys))??;
        Ok(summary(&stored))
    })
}
