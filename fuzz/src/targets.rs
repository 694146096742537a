//! The targets by name. A new reader of what others wrote gets a target here, or a place in one.

mod clearing;
mod keys;
mod points;
mod proofs;
mod reading;
mod records;
mod settlements;
mod stored;

/// What is done with an input; it panics where a promise is broken.
pub type Body = fn(&[u8]);

/// One target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name: the folder of its corpus, and what `make fuzz` calls it.
    pub name: &'static str,
    /// What is done with an input.
    pub body: Body,
    /// Inputs to start from, by name: valid things of each kind, and scripts that reach deep.
    pub seeds: fn() -> Vec<(String, Vec<u8>)>,
}

/// All targets.
pub const TARGETS: [Target; 8] = [
    Target { name: "clearing", body: clearing::run, seeds: clearing::seeds },
    Target { name: "keys", body: keys::run, seeds: keys::seeds },
    Target { name: "points", body: points::run, seeds: points::seeds },
    Target { name: "proofs", body: proofs::run, seeds: proofs::seeds },
    Target { name: "reading", body: reading::run, seeds: reading::seeds },
    Target { name: "records", body: records::run, seeds: records::seeds },
    Target { name: "settlements", body: settlements::run, seeds: settlements::seeds },
    Target { name: "stored", body: stored::run, seeds: stored::seeds },
];

/// The target of a name.
#[must_use]
pub fn target(name: &str) -> Option<Target> {
    TARGETS.into_iter().find(|target| target.name == name)
}

/// Insists that a refusal says something.
pub(crate) fn says_why(error: &impl std::fmt::Display) {
    assert!(error.to_string().len() >= 10, "a refusal without a reason: {error}");
}

/// A seed: the first byte chooses, the rest is read.
pub(crate) fn seed(name: &str, choice: u8, rest: &[u8]) -> (String, Vec<u8>) {
    (name.to_owned(), [&[choice], rest].concat())
}
