//! Every circuit that keys are made for, by the name that its files have.

use tacit_core::params::Params;

use crate::matrices::Matrices;
use crate::{escape, exit, settlement};

/// A circuit.
#[derive(Clone, Copy, Debug)]
pub struct Circuit {
    /// Its name in files.
    pub name: &'static str,
    /// Its rows for a parameter set.
    pub matrices: fn(&Params) -> Matrices,
}

/// All of them.
pub const CIRCUITS: [Circuit; 4] = [
    Circuit { name: "segment", matrices: |params| settlement::matrices(params).0 },
    Circuit { name: "closing", matrices: |params| settlement::matrices(params).1 },
    Circuit { name: "exit", matrices: |_| exit::shape().into_parts().0 },
    Circuit { name: "escape", matrices: |params| escape::shape(params).into_parts().0 },
];

/// The circuit of a name.
#[must_use]
pub fn by_name(name: &str) -> Option<Circuit> {
    CIRCUITS.into_iter().find(|circuit| circuit.name == name)
}
