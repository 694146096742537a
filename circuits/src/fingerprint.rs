//! The identity of a circuit: a hash of its rows, and the pinned values it is compared with.
//!
//! Two systems have one fingerprint exactly when they have the same counts and the same canonical rows (up to a collision
//! of SHA-256). Keys carry it, so a key of another circuit is refused before anything is computed with it; the pins in
//! `fingerprints/` make a change of a circuit visible in review.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::KeyError;
use crate::matrices::Matrices;

/// First bytes of everything hashed here: no other use of SHA-256 in the project starts with them.
const DOMAIN: &[u8] = b"tacit circuit fingerprint v1\0";

/// SHA-256 of a circuit's counts and rows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint(pub [u8; 32]);

impl Fingerprint {
    /// The fingerprint of a constraint system.
    #[must_use]
    pub fn of(matrices: &Matrices) -> Self {
        let mut hash = Sha256::new();
        hash.update(DOMAIN);
        matrices.encode(&mut |bytes| hash.update(bytes));
        Self(hash.finalize().into())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_hex(&self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> Self {
        fingerprint.to_string()
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        from_hex(&text).map(Self).ok_or_else(|| format!("{text:?} is not 64 hexadecimal digits"))
    }
}

/// Lower-case hexadecimal of `bytes`.
#[must_use]
pub fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The 32 bytes that 64 lower-case hexadecimal digits stand for.
#[must_use]
pub fn from_hex(text: &str) -> Option<[u8; 32]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; 32];
    let text = text.as_bytes();
    if text.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = 16 * digit(pair[0])? + digit(pair[1])?;
    }
    Some(bytes)
}

/// What a review pins of one circuit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// Rows.
    pub constraints: usize,
    /// Wires, the constant among them.
    pub wires: usize,
    /// Hash of all rows.
    pub fingerprint: Fingerprint,
}

impl Pin {
    /// What would be pinned of `matrices`.
    #[must_use]
    pub fn of(matrices: &Matrices) -> Self {
        Self { constraints: matrices.rows(), wires: matrices.wires(), fingerprint: Fingerprint::of(matrices) }
    }

    fn difference(&self, found: &Self) -> Option<String> {
        let mut differences = Vec::new();
        let mut note = |what: &str, pinned: String, found: String| {
            if pinned != found {
                differences.push(format!("{what}: pinned {pinned}, found {found}"));
            }
        };
        note("constraints", self.constraints.to_string(), found.constraints.to_string());
        note("wires", self.wires.to_string(), found.wires.to_string());
        note("fingerprint", self.fingerprint.to_string(), found.fingerprint.to_string());
        (!differences.is_empty()).then(|| differences.join("; "))
    }
}

/// The pinned circuits of one parameter set: `fingerprints/<params>.json`, by name of the circuit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pins(pub BTreeMap<String, Pin>);

impl Pins {
    /// Reads the text of a pin file.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] if it is not of the form that [`Pins::to_json`] writes.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        serde_json::from_str(text).map_err(|error| KeyError::Malformed { part: "pin file", reason: error.to_string() })
    }

    /// The text of a pin file, ending with a newline.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("maps of strings and numbers are JSON") + "\n"
    }

    /// Compares a circuit with its pin.
    ///
    /// # Errors
    /// [`KeyError::NotPinned`], naming what differs, or saying that there is no pin of this name.
    pub fn compare(&self, circuit: &str, found: &Pin) -> Result<(), KeyError> {
        let difference = match self.0.get(circuit) {
            None => Some("no pin of this name".to_owned()),
            Some(pin) => pin.difference(found),
        };
        difference.map_or(Ok(()), |difference| Err(KeyError::NotPinned { circuit: circuit.to_owned(), difference }))
    }
}
