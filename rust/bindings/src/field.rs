//! Field elements and other large numbers: Python integers (or their decimal and `0x` text) on one side, core types on the other.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt, PyString};

use tacit_core::field::{self, F, Integer};

use crate::error::{Failure, FieldError, raise};

/// An element of the BN254 scalar field, 0 … p − 1. What is not below p is refused, never reduced.
#[derive(Clone, Copy)]
pub struct Field(pub F);

impl<'py> FromPyObject<'_, 'py> for Field {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        let Number(number) = object.extract()?;
        Ok(Self(field::from_integer(number).map_err(Failure::from)?))
    }
}

impl<'py> IntoPyObject<'py> for Field {
    type Target = PyInt;
    type Output = Bound<'py, PyInt>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Self::Output> {
        integer(py, &field::to_le_bytes(&self.0))
    }
}

/// A number from 0 to 2²⁵⁶ − 1.
#[derive(Clone, Copy)]
pub struct Number(pub Integer);

impl<'py> FromPyObject<'_, 'py> for Number {
    type Error = PyErr;

    fn extract(object: Borrowed<'_, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(text) = object.cast::<PyString>() {
            return Ok(Self(field::parse_integer(text.to_cow()?.as_ref()).map_err(Failure::from)?));
        }
        let bytes =
            object.call_method0("__index__").map_err(|_| no_integer())?.call_method1("to_bytes", (32, "little"));
        let bytes = bytes.map_err(|_| out_of_range(&object))?;
        Ok(Self(field::integer_from_le_bytes(&bytes.extract::<[u8; 32]>()?)))
    }
}

impl<'py> IntoPyObject<'py> for Number {
    type Target = PyInt;
    type Output = Bound<'py, PyInt>;
    type Error = PyErr;

    fn into_pyobject(self, py: Python<'py>) -> PyResult<Self::Output> {
        integer(py, &field::integer_to_le_bytes(&self.0))
    }
}

fn integer<'py>(py: Python<'py>, bytes: &[u8; 32]) -> PyResult<Bound<'py, PyInt>> {
    let number = py.get_type::<PyInt>().call_method1("from_bytes", (PyBytes::new(py, bytes), "little"))?;
    Ok(number.cast_into()?)
}

fn no_integer() -> PyErr {
    PyTypeError::new_err("a field element is an integer, or its decimal or 0x text")
}

fn out_of_range(object: &Bound<'_, PyAny>) -> Failure {
    let number: String = object.to_string().chars().take(80).collect();
    raise::<FieldError>(format!("{number} does not lie from 0 to 2^256 − 1"), vec![("value", number.into())])
}
