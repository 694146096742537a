//! The test of uniqueness, as all test programs share it.

#[path = "../uniqueness/mod.rs"]
mod library;

pub use library::{exact::undetermined, free_wires};
