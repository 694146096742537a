//! Keys of a parameter set's segment and closing circuit: made, kept in files, told apart, exported.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use ark_std::rand::SeedableRng;
use ark_std::rand::rngs::StdRng;
use pyo3::prelude::*;

use tacit_circuits::error::{Error, KeyError};
use tacit_circuits::fingerprint::Fingerprint;
use tacit_circuits::keyfile::{self, Origin};
use tacit_circuits::keys::{self, ProvingKey, Secrets};
use tacit_circuits::settlement::{self, VerifyingKeys as Verifying};
use tacit_circuits::{builder::Builder, escape, exit, snarkjs, solidity};
use tacit_core::params::Params;

use crate::error::Failure;
use crate::interrupt;
use crate::owner;

/// Names of the circuits in files.
const SEGMENT: &str = "segment";
const CLOSING: &str = "closing";

/// Proving keys of both circuits.
#[pyclass(frozen, module = "prover._native")]
#[derive(Clone)]
pub struct ProvingKeys {
    params: Params,
    /// Of the segment circuit.
    pub segment: Arc<ProvingKey>,
    /// Of the closing circuit.
    pub closing: Arc<ProvingKey>,
}

/// Verifying keys of both circuits.
#[pyclass(frozen, module = "prover._native")]
pub struct VerifyingKeys(pub Arc<Verifying>);

/// Makes keys from 32 bytes of randomness, which must then be forgotten. Both have one α, β and τ, as keys of a ceremony have: so a
/// settlement on a local chain is checked, and costs, as on a real one.
#[pyfunction]
#[pyo3(signature = (params, seed, progress=None))]
pub fn setup(
    py: Python<'_>,
    params: &str,
    seed: [u8; 32],
    progress: Option<&Bound<'_, PyAny>>,
) -> Result<ProvingKeys, Failure> {
    let params = Params::by_name(params)?;
    interrupt::run(py, None, progress, move |line| {
        let mut rng = StdRng::from_seed(seed);
        let (segment, closing) = line.timed("circuits", || settlement::matrices(&params));
        let secrets = Secrets::draw(&mut rng);
        let segment = line.timed(SEGMENT, || keys::setup_from(segment, &secrets))?.0;
        let closing = line.timed(CLOSING, || keys::setup_from(closing, &secrets.renewed(&mut rng)))?.0;
        Ok::<_, KeyError>(ProvingKeys { params, segment: Arc::new(segment), closing: Arc::new(closing) })
    })
}

#[pymethods]
impl ProvingKeys {
    /// Writes both keys and their manifests, marked as made for development.
    fn save(&self, py: Python<'_>, directory: PathBuf) -> Result<(), Failure> {
        let keys = self.clone();
        interrupt::run(py, None, None, move |_| {
            keyfile::save(&directory, SEGMENT, keys.params.name, &keys.segment, Origin::Development)?;
            keyfile::save(&directory, CLOSING, keys.params.name, &keys.closing, Origin::Development).map(drop)
        })
    }

    /// The keys of a folder; keys of another circuit than this program's are refused.
    #[staticmethod]
    fn load(py: Python<'_>, directory: PathBuf, params: &str) -> Result<Self, Failure> {
        let params = Params::by_name(params)?;
        interrupt::run(py, None, None, move |_| {
            let [segment, closing] = fingerprints(&params);
            let segment = Arc::new(keyfile::load_proving_key(&directory, SEGMENT, Some(segment))?);
            let closing = Arc::new(keyfile::load_proving_key(&directory, CLOSING, Some(closing))?);
            Ok::<_, Error>(Self { params, segment, closing })
        })
    }

    /// The verifying halves.
    fn verifying(&self) -> VerifyingKeys {
        let (segment, closing) = (self.segment.vk.clone(), self.closing.vk.clone());
        VerifyingKeys(Arc::new(Verifying { params: self.params, segment, closing }))
    }
}

#[pymethods]
impl VerifyingKeys {
    /// The keys of a folder; keys of another circuit than this program's are refused.
    #[staticmethod]
    fn load(py: Python<'_>, directory: PathBuf, params: &str) -> Result<Self, Failure> {
        let params = Params::by_name(params)?;
        interrupt::run(py, None, None, move |_| {
            let [segment, closing] = fingerprints(&params);
            let segment = keyfile::load_verifying_key(&directory, SEGMENT, Some(segment))?;
            let closing = keyfile::load_verifying_key(&directory, CLOSING, Some(closing))?;
            Ok::<_, Error>(Self(Arc::new(Verifying { params, segment, closing })))
        })
    }

    /// Source of the verifier contract.
    fn solidity(&self, development: bool) -> Result<String, Failure> {
        let Verifying { params, segment, closing } = self.0.as_ref();
        Ok(solidity::verifier_solidity(params, segment, closing, development)?)
    }

    /// Both keys as snarkjs reads them: JSON of the segment circuit's and of the closing circuit's.
    fn snarkjs(&self) -> (String, String) {
        (snarkjs::verifying_key(&self.0.segment).to_string(), snarkjs::verifying_key(&self.0.closing).to_string())
    }
}

/// The manifest of a circuit's keys in a folder, checked: JSON.
#[pyfunction]
pub fn manifest(directory: PathBuf, circuit: &str) -> Result<String, Failure> {
    Ok(keyfile::load_manifest(&directory, circuit)?.to_json())
}

/// Fingerprints of this program's circuits: segment, closing, exit, escape.
#[pyfunction]
pub fn circuit_fingerprints(py: Python<'_>, params: &str) -> Result<[String; 4], Failure> {
    let params = Params::by_name(params)?;
    interrupt::run(py, None, None, move |_| {
        let ([segment, closing], [exit, escape]) = (fingerprints(&params), owner::fingerprints(&params));
        Ok::<_, KeyError>([segment, closing, exit, escape].map(|fingerprint| fingerprint.to_string()))
    })
}

/// Synthesised once a process and parameter set.
fn fingerprints(params: &Params) -> [Fingerprint; 2] {
    static KNOWN: Mutex<Vec<(&'static str, [Fingerprint; 2])>> = Mutex::new(Vec::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, found)) = known.iter().find(|(name, _)| *name == params.name) {
        return *found;
    }
    let (segment, closing) = settlement::matrices(params);
    let found = [Fingerprint::of(&segment), Fingerprint::of(&closing)];
    known.push((params.name, found));
    found
}

/// Rows of the circuits by scope: segment, closing, exit, escape.
#[pyfunction]
pub fn circuit_counts(py: Python<'_>, params: &str) -> Result<[Vec<(String, usize)>; 4], Failure> {
    let params = Params::by_name(params)?;
    interrupt::run(py, None, None, move |_| {
        let (segment, closing) = settlement::shapes(&params);
        let builders = [segment, closing, exit::shape(), escape::shape(&params)];
        Ok::<_, KeyError>(builders.map(|builder: Builder| builder.counts().into_iter().collect()))
    })
}
