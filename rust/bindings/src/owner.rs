//! What the owner of an account proves alone: an exit request, an escape; and the keys of these two circuits.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use ark_std::rand::SeedableRng;
use ark_std::rand::rngs::StdRng;
use pyo3::prelude::*;

use tacit_circuits::error::{Error, KeyError};
use tacit_circuits::fingerprint::Fingerprint;
use tacit_circuits::keyfile::{self, Origin};
use tacit_circuits::keys::{self, ProvingKey, VerifyingKey};
use tacit_circuits::statement::{EscapePrivate, EscapePublic, ExitPrivate};
use tacit_circuits::{escape, exit, proof, snarkjs, solidity};
use tacit_core::account::{Holder, Leaf};
use tacit_core::babyjub::Point;
use tacit_core::eddsa::Signature;
use tacit_core::escape::{self as core_escape, Escape};
use tacit_core::exit::ExitRequest;
use tacit_core::field::F;
use tacit_core::json;
use tacit_core::params::Params;

use crate::batch::record;
use crate::error::{Failure, ParamsError, raise};
use crate::field::{Field, Number};
use crate::interrupt::{self, Cancellation};
use crate::settlement::{Fixed, Words, fields, proof_of, prove};

/// Names of the circuits in files.
pub const EXIT: &str = "exit";
/// The same.
pub const ESCAPE: &str = "escape";

/// R8 and S.
type SignatureParts = ((Field, Field), Number);

fn signature_of(((x, y), s): SignatureParts) -> Signature {
    Signature { r8: Point { x: x.0, y: y.0 }, s: s.0 }
}

/// Fingerprints of this program's exit and escape circuit.
pub fn fingerprints(params: &Params) -> [Fingerprint; 2] {
    [exit::shape(), escape::shape(params)].map(|shape| Fingerprint::of(&shape.into_parts().0))
}

// ---- keys ----

/// Proving keys of the exit and the escape circuit.
#[pyclass(frozen, module = "prover._native")]
#[derive(Clone)]
pub struct AccountProvingKeys {
    params: Params,
    exit: Arc<ProvingKey>,
    escape: Arc<ProvingKey>,
}

/// Verifying keys of the exit and the escape circuit.
#[pyclass(frozen, module = "prover._native")]
pub struct AccountVerifyingKeys {
    params: Params,
    exit: VerifyingKey,
    escape: VerifyingKey,
}

/// Makes keys of the exit and the escape circuit from 32 bytes of randomness, which must then be forgotten.
#[pyfunction]
#[pyo3(signature = (params, seed, progress=None))]
pub fn setup_account(
    py: Python<'_>,
    params: &str,
    seed: [u8; 32],
    progress: Option<&Bound<'_, PyAny>>,
) -> Result<AccountProvingKeys, Failure> {
    let params = Params::by_name(params)?;
    interrupt::run(py, None, progress, move |line| {
        let mut rng = StdRng::from_seed(seed);
        let exit = line.timed(EXIT, || keys::setup(exit::shape().into_parts().0, &mut rng))?.0;
        let escape = line.timed(ESCAPE, || keys::setup(escape::shape(&params).into_parts().0, &mut rng))?.0;
        Ok::<_, KeyError>(AccountProvingKeys { params, exit: Arc::new(exit), escape: Arc::new(escape) })
    })
}

#[pymethods]
impl AccountProvingKeys {
    /// Writes both keys and their manifests, marked as made for development.
    fn save(&self, py: Python<'_>, directory: PathBuf) -> Result<(), Failure> {
        let keys = self.clone();
        interrupt::run(py, None, None, move |_| {
            keyfile::save(&directory, EXIT, keys.params.name, &keys.exit, Origin::Development)?;
            keyfile::save(&directory, ESCAPE, keys.params.name, &keys.escape, Origin::Development).map(drop)
        })
    }

    /// The keys of a folder; keys of another circuit than this program's are refused.
    #[staticmethod]
    fn load(py: Python<'_>, directory: PathBuf, params: &str) -> Result<Self, Failure> {
        let params = Params::by_name(params)?;
        interrupt::run(py, None, None, move |_| {
            let [exit, escape] = fingerprints(&params);
            let exit = Arc::new(keyfile::load_proving_key(&directory, EXIT, Some(exit))?);
            let escape = Arc::new(keyfile::load_proving_key(&directory, ESCAPE, Some(escape))?);
            Ok::<_, Error>(Self { params, exit, escape })
        })
    }

    /// The verifying halves.
    fn verifying(&self) -> AccountVerifyingKeys {
        let (exit, escape) = (self.exit.vk.clone(), self.escape.vk.clone());
        AccountVerifyingKeys { params: self.params, exit, escape }
    }
}

#[pymethods]
impl AccountVerifyingKeys {
    /// The keys of a folder; keys of another circuit than this program's are refused.
    #[staticmethod]
    fn load(py: Python<'_>, directory: PathBuf, params: &str) -> Result<Self, Failure> {
        let params = Params::by_name(params)?;
        interrupt::run(py, None, None, move |_| {
            let [exit, escape] = fingerprints(&params);
            let exit = keyfile::load_verifying_key(&directory, EXIT, Some(exit))?;
            let escape = keyfile::load_verifying_key(&directory, ESCAPE, Some(escape))?;
            Ok::<_, Error>(Self { params, exit, escape })
        })
    }

    /// Source of the contract that verifies owners' proofs.
    fn solidity(&self, development: bool) -> Result<String, Failure> {
        Ok(solidity::account_verifier_solidity(&self.params, &self.exit, &self.escape, development)?)
    }

    /// Both keys as snarkjs reads them: JSON of the exit circuit's and of the escape circuit's.
    fn snarkjs(&self) -> (String, String) {
        (snarkjs::verifying_key(&self.exit).to_string(), snarkjs::verifying_key(&self.escape).to_string())
    }

    /// Checks a proof of the exit circuit for its public inputs.
    fn verify_exit(&self, inputs: Vec<Field>, proof: Words) -> Result<(), Failure> {
        verify(&self.exit, inputs, proof)
    }

    /// Checks a proof of the escape circuit for its public inputs.
    fn verify_escape(&self, inputs: Vec<Field>, proof: Words) -> Result<(), Failure> {
        verify(&self.escape, inputs, proof)
    }
}

fn verify(key: &VerifyingKey, inputs: Vec<Field>, words: Words) -> Result<(), Failure> {
    let inputs: Vec<F> = inputs.into_iter().map(|input| input.0).collect();
    Ok(proof::verify(key, &inputs, &proof_of(words)?)?)
}

// ---- exit ----

/// `prover.exit.ExitRequest`.
#[derive(FromPyObject)]
pub struct ExitParts {
    domain: Field,
    index: u32,
    address: Fixed<20>,
    amount: u64,
    number: u32,
}

impl From<ExitParts> for ExitRequest {
    fn from(parts: ExitParts) -> Self {
        let ExitParts { domain, index, address, amount, number } = parts;
        Self { domain: domain.0, index, recipient: address.bytes(), amount, number }
    }
}

/// What the owner signs to ask for cash.
#[pyfunction]
pub fn exit_message(request: ExitParts) -> Field {
    Field(ExitRequest::from(request).message())
}

/// Proves an exit request: its public inputs and the proof. `seed` blinds the proof and must be fresh.
#[pyfunction]
#[pyo3(signature = (request, holder, signature, keys, seed, cancellation=None, progress=None))]
#[allow(clippy::too_many_arguments)] // one argument a thing that a proof is made of
pub fn prove_exit(
    py: Python<'_>,
    request: ExitParts,
    holder: &str,
    signature: SignatureParts,
    keys: &AccountProvingKeys,
    seed: [u8; 32],
    cancellation: Option<&Cancellation>,
    progress: Option<&Bound<'_, PyAny>>,
) -> Result<(Vec<Field>, Words), Failure> {
    let (request, holder) = (ExitRequest::from(request), record::<Holder>("the holder", holder)?);
    let (owner, signature) = (holder.owner(), signature_of(signature));
    request.check(owner, &holder, &signature)?;
    let public = exit::statement(&request, owner);
    let private = ExitPrivate { holder, signature };
    let words = prove(py, move || exit::assignment(&public, &private), &keys.exit, seed, cancellation, progress)?;
    Ok((fields(&public.to_array()), words))
}

// ---- escape ----

/// `prover.escape._Told`.
#[derive(FromPyObject)]
pub struct EscapeParts {
    params: String,
    domain: Field,
    index: u32,
    address: Fixed<20>,
    holder: String,
    signature: SignatureParts,
    leaf: String,
    path: Vec<[Field; 8]>,
    risk: String,
    settled: BTreeMap<u32, u64>,
}

impl EscapeParts {
    fn read(self) -> Result<(Params, Escape), Failure> {
        let params = Params::by_name(&self.params)?;
        let (table_params, risk) = json::read_risk(&self.risk)?;
        if table_params != params {
            let message = format!("the risk table is of parameter set {}, not {}", table_params.name, params.name);
            return Err(raise::<ParamsError>(message, vec![("params", table_params.name.into())]));
        }
        let escape = Escape {
            domain: self.domain.0,
            index: self.index,
            recipient: self.address.bytes(),
            holder: record::<Holder>("the holder", &self.holder)?,
            signature: signature_of(self.signature),
            leaf: record::<Leaf>("the leaf", &self.leaf)?,
            path: self.path.into_iter().map(|children| children.map(|child| child.0)).collect(),
            risk,
            settled: self.settled,
        };
        Ok((params, escape))
    }

    fn witness(self) -> Result<(Params, EscapePublic, EscapePrivate), Failure> {
        let (params, escape) = self.read()?;
        let (public, private) = escape::witness(&params, &escape)?;
        Ok((params, public, private))
    }
}

/// What the owner signs to leave.
#[pyfunction]
pub fn escape_message(domain: Field, index: u32, address: Fixed<20>) -> Field {
    Field(core_escape::message(domain.0, index, &address.bytes()))
}

/// Public inputs of an escape, checked as the circuit checks it.
#[pyfunction]
pub fn escape_inputs(escape: EscapeParts) -> Result<Vec<Field>, Failure> {
    Ok(fields(&escape.witness()?.1.to_vec()))
}

/// Proves an escape: its public inputs and the proof. `seed` blinds the proof and must be fresh.
#[pyfunction]
#[pyo3(signature = (escape, keys, seed, cancellation=None, progress=None))]
pub fn prove_escape(
    py: Python<'_>,
    escape: EscapeParts,
    keys: &AccountProvingKeys,
    seed: [u8; 32],
    cancellation: Option<&Cancellation>,
    progress: Option<&Bound<'_, PyAny>>,
) -> Result<(Vec<Field>, Words), Failure> {
    let (params, public, private) = escape.witness()?;
    if params != keys.params {
        let message = format!("the escape is of parameter set {}, the keys are of {}", params.name, keys.params.name);
        return Err(raise::<ParamsError>(message, vec![("params", params.name.into())]));
    }
    let inputs = fields(&public.to_vec());
    let assignment = move || escape::assignment(&params, &public, &private);
    Ok((inputs, prove(py, assignment, &keys.escape, seed, cancellation, progress)?))
}
