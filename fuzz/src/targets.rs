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
    /// The longest input that is worth trying, in bytes.
    pub longest: usize,
    /// What is done with an input.
    pub body: Body,
    /// Inputs to start from, by name: valid things of each kind, and scripts that reach deep.
    pub seeds: fn() -> Vec<(String, Vec<u8>)>,
}

/// All targets.
pub const TARGETS: [Target; 8] = [
    Target { name: "clearing", longest: 512, body: clearing::run, seeds: clearing::seeds },
    Target { name: "keys", longest: 8_192, body: keys::run, seeds: keys::seeds },
    Target { name: "points", longest: 512, body: points::run, seeds: points::seeds },
    Target { name: "proofs", longest: 512, body: proofs::run, seeds: proofs::seeds },
    Target { name: "reading", longest: 512, body: reading::run, seeds: reading::seeds },
    Target { name: "records", longest: 8_192, body: records::run, seeds: records::seeds },
    Target { name: "settlements", longest: 512, body: settlements::run, seeds: settlements::seeds },
    Target { name: "stored", longest: 2_048, body: stored::run, seeds: stored::seeds },
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
