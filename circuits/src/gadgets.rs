//! The parts that both circuits are made of.
//!
//! Each gadget has a plain function beside it, here or in `tacit-core`, that computes the same value outside a circuit; the
//! tests compare the two. A gadget's rows bear the names of its checks, so that a refused witness says what refused it.

pub mod eddsa;
pub mod lookup;
pub mod merkle;
pub mod pad;
pub mod poseidon;
pub mod range;
pub mod transcript;
