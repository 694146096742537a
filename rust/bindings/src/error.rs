//! Errors of the Rust crates as exceptions of `prover.errors`: one conversion, with the message and the offending values.
//!
//! The classes are defined in Python, so that one tree holds all of them; here stands which class a failure belongs to.

use pyo3::prelude::*;
use pyo3::{PyErrArguments, PyTypeInfo, import_exception};

use tacit_circuits::ceremony::CeremonyError as CeremonyFault;
use tacit_circuits::error::{Error as CircuitError, KeyError, ProveError, VerifyError};
use tacit_circuits::fingerprint::Fingerprint;
use tacit_circuits::settlement::SettlementError as Refusal;
use tacit_core::batch::BatchError as CoreBatchError;
use tacit_core::error::CoreError;
use tacit_core::exit::OwnerError as OwnerRefusal;

import_exception!(prover.errors, AuctionError);
import_exception!(prover.errors, BatchError);
import_exception!(prover.errors, CancelledError);
import_exception!(prover.errors, CeremonyError);
import_exception!(prover.errors, FieldError);
import_exception!(prover.errors, FileError);
import_exception!(prover.errors, InternalError);
import_exception!(prover.errors, KeyFileError);
import_exception!(prover.errors, OwnerError);
import_exception!(prover.errors, ParamsError);
import_exception!(prover.errors, PointError);
import_exception!(prover.errors, ProvingError);
import_exception!(prover.errors, ReadingError);
import_exception!(prover.errors, RiskTableError);
import_exception!(prover.errors, SettlementError);
import_exception!(prover.errors, StateError);
import_exception!(prover.errors, VerificationError);
import_exception!(prover.errors, WrongCircuitError);

/// A failure on its way to Python.
pub struct Failure(PyErr);

impl From<Failure> for PyErr {
    fn from(failure: Failure) -> Self {
        failure.0
    }
}

impl From<PyErr> for Failure {
    fn from(error: PyErr) -> Self {
        Self(error)
    }
}

/// An offending value.
#[derive(IntoPyObject)]
pub enum Value {
    /// A number.
    Int(i128),
    /// Anything else.
    Text(String),
}

macro_rules! value_of {
    ($variant:ident: $($source:ty),*) => {
        $(impl From<$source> for Value {
            fn from(value: $source) -> Self {
                Self::$variant(value.into())
            }
        })*
    };
}

value_of!(Int: u8, u32, u64, i128);
value_of!(Text: String, &'static str, char);

impl From<Fingerprint> for Value {
    fn from(value: Fingerprint) -> Self {
        Self::Text(value.to_string())
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Self::Int(value as i128)
    }
}

/// What an exception of the tree is made of: its message and its values.
struct Arguments(String, Vec<(&'static str, Value)>);

impl PyErrArguments for Arguments {
    fn arguments(self, py: Python<'_>) -> Py<PyAny> {
        let values: std::collections::BTreeMap<_, _> = self.1.into_iter().collect();
        let arguments = (self.0, values).into_pyobject(py);
        arguments.map_or_else(|error| error.value(py).clone().into_any().unbind(), |tuple| tuple.into_any().unbind())
    }
}

/// An exception of a class.
pub fn raise<C: PyTypeInfo>(message: impl Into<String>, values: Vec<(&'static str, Value)>) -> Failure {
    Failure(PyErr::new::<C, _>(Arguments(message.into(), values)))
}

/// One line a variant: its fields and its class; a variant added later is raised as the last class, with its message.
macro_rules! conversion {
    ($error:ident { $($variant:ident { $($field:ident),* } => $class:ident,)* $(+ $own:ident,)* _ => $rest:ident }) => {
        impl From<$error> for Failure {
            #[allow(unreachable_patterns)] // the rest is empty for as long as the list is complete
            fn from(error: $error) -> Self {
                let message = error.to_string();
                match error {
                    $($error::$variant { $($field),* } => raise::<$class>(message, vec![$((stringify!($field), $field.into())),*]),)*
                    $($error::$own(inner) => inner.into(),)*
                    _ => raise::<$rest>(message, Vec::new()),
                }
            }
        }
    };
}

conversion!(CoreError {
    FieldSyntax { text } => FieldError,
    FieldOutOfRange { value } => FieldError,
    PointEncoding { packed, reason } => PointError,
    PointNotOnCurve { x, y } => PointError,
    SignatureScalar {} => PointError,
    TreeDepth { depth, max } => StateError,
    LeafIndex { index, capacity } => StateError,
    DuplicateLeaf { index } => StateError,
    TreeEncoding { reason } => StateError,
    + Batch,
    _ => BatchError
});

conversion!(CoreBatchError {
    UnknownParams { name } => ParamsError,
    Range { what, value, range } => BatchError,
    Malformed { what } => BatchError,
    Touch { touch, index, what } => BatchError,
    Order { touch, index, slot, what } => BatchError,
    TooManyRows { kind, rows, most } => BatchError,
    RiskTable { at, instrument, what } => RiskTableError,
    SettledRow { at, instrument, what } => BatchError,
    UnvaluedPosition { index, instrument } => BatchError,
    Leaf { index, what } => StateError,
    Auction { instrument, what } => AuctionError,
    Reading { index, what } => ReadingError,
    StoredState { what } => StateError,
    Format { path, what } => BatchError,
    _ => BatchError
});

conversion!(OwnerRefusal {
    Index { index, end } => OwnerError,
    NotTheOwner { index } => OwnerError,
    Signature { index } => OwnerError,
    Path { index } => OwnerError,
    Unvalued { index, instrument } => OwnerError,
    ValuedTwice { index, instrument } => OwnerError,
    SettlementValue { instrument, value } => OwnerError,
    + Batch,
    _ => OwnerError
});

conversion!(ProveError {
    WrongLength { expected, found } => ProvingError,
    Unsatisfied { row } => ProvingError,
    Cancelled {} => CancelledError,
    _ => ProvingError
});

conversion!(VerifyError {
    WrongInputCount { expected, found } => VerificationError,
    NotCanonical { word } => VerificationError,
    BadPoint { element } => VerificationError,
    _ => VerificationError
});

conversion!(KeyError {
    Malformed { part, reason } => KeyFileError,
    BadPoint { part, index } => KeyFileError,
    TrivialPoint { part, index } => KeyFileError,
    SamePoint { first, second } => KeyFileError,
    InputsNotIndependent { first, second } => KeyFileError,
    Inconsistent { part } => KeyFileError,
    WrongCircuit { expected, found } => WrongCircuitError,
    WrongHash { file, expected, found } => KeyFileError,
    TooLarge { rows } => KeyFileError,
    NotPinned { circuit, difference } => WrongCircuitError,
    _ => KeyFileError
});

conversion!(Refusal {
    Mismatch { what, found, expected } => VerificationError,
    Proof {} => VerificationError,
    Derived { circuit, input } => ProvingError,
    Unsatisfied { circuit, check, scope } => ProvingError,
    _ => SettlementError
});

impl From<CeremonyFault> for Failure {
    fn from(error: CeremonyFault) -> Self {
        raise::<CeremonyError>(error.to_string(), vec![("fault", error.name().into())])
    }
}

impl From<CircuitError> for Failure {
    fn from(error: CircuitError) -> Self {
        match error {
            CircuitError::Key(error) => error.into(),
            CircuitError::Prove(error) => error.into(),
            CircuitError::Verify(error) => error.into(),
            CircuitError::Ceremony(error) => error.into(),
            CircuitError::File { ref path, .. } => {
                raise::<FileError>(error.to_string(), vec![("path", path.display().to_string().into())])
            }
            other => raise::<InternalError>(other.to_string(), Vec::new()),
        }
    }
}
