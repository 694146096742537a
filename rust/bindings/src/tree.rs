//! The tree of leaf hashes alone, for whoever knows what was published and no account behind it.

use pyo3::prelude::*;
use pyo3::types::PyBytes;

use tacit_core::params::Params;
use tacit_core::tree::StateTree;

use crate::error::Failure;
use crate::field::Field;
use crate::interrupt;

/// Leaf hashes under one root. Never changes: new leaves give a new one, which shares with this one what is equal.
#[pyclass(frozen, module = "prover._native")]
pub struct Tree(StateTree);

#[pymethods]
impl Tree {
    /// The tree of a parameter set without a leaf.
    #[staticmethod]
    fn empty(params: &str) -> Result<Self, Failure> {
        let depth = u8::try_from(Params::by_name(params)?.depth).expect("the depth of a parameter set is a few levels");
        Ok(Self(StateTree::new(depth)?))
    }

    /// The tree of `to_bytes`.
    #[staticmethod]
    fn from_bytes(py: Python<'_>, raw: Vec<u8>) -> Result<Self, Failure> {
        interrupt::run(py, None, None, move |_| StateTree::from_bytes(&raw).map(Self))
    }

    /// The form on disk.
    fn to_bytes<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        let bytes = py.detach(|| self.0.to_bytes());
        PyBytes::new(py, &bytes)
    }

    /// Number of levels.
    #[getter]
    fn depth(&self) -> u8 {
        self.0.depth()
    }

    /// Root of the tree.
    #[getter]
    fn root(&self) -> Field {
        Field(self.0.root())
    }

    /// The tree with these leaves, in any order; 0 empties one.
    fn updated(&self, py: Python<'_>, leaves: Vec<(u32, Field)>) -> Result<Self, Failure> {
        let mut tree = self.0.clone();
        interrupt::run(py, None, None, move |_| {
            let changes: Vec<_> = leaves.into_iter().map(|(index, leaf)| (index, leaf.0)).collect();
            tree.update(&changes).map(|()| Self(tree))
        })
    }

    /// The leaf at an index, 0 where it is empty.
    fn leaf(&self, index: u32) -> Result<Field, Failure> {
        Ok(Field(self.0.get(index)?))
    }

    /// The leaves that are not empty, by increasing index.
    fn leaves(&self) -> Vec<(u32, Field)> {
        self.0.leaves().into_iter().map(|(index, leaf)| (index, Field(leaf))).collect()
    }

    /// The children of every node on the way from a leaf to the root, the leaf's own level first.
    fn path(&self, index: u32) -> Result<Vec<Vec<Field>>, Failure> {
        let path = self.0.path(index)?;
        Ok(path.into_iter().map(|children| children.map(Field).into()).collect())
    }
}
