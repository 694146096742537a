//! Fuzz targets: what tacit does with bytes that others chose.
//!
//! A target is a plain function of bytes that panics where a promise is broken, so that the corpora are replayed by an ordinary test
//! and the engine is nothing but a loop around it. The promises: what is read writes back as the same bytes (one encoding, nothing
//! to malleate), what is refused says why, memory is bounded by the input, nothing but the original verifies, and core and circuits agree
//! on every batch. `make fuzz` runs the targets; `cargo test -p tacit-fuzz` replays what they have found so far.

#[path = "../../rust/core/tests/scene/mod.rs"]
mod scene;

pub mod input;
pub mod material;
pub mod targets;

pub use targets::{TARGETS, Target, target};
