//! Keys as bytes and as files.
//!
//! `<dir>/<circuit>.pk` and `.vk` hold the keys, `<circuit>.json` the manifest: the circuit's fingerprint, where the randomness is
//! from, and the SHA-256 of both. A key is loaded only if its file has the manifest's hash and its circuit the expected
//! fingerprint; then the verifying half is checked in full and every other point for lying on its curve.
//! Files are replaced by renaming complete, synced ones, the manifest last: a full disk leaves the old set, and a kill
//! between two renames leaves a set that loading refuses by its hashes.
//! Numbers in files are little-endian, points are the words of [`crate::evm`].

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Error, KeyError};
use crate::evm::{Word, g1_point, g1_words, g2_curve_point, g2_point, g2_words};
use crate::fingerprint::{Fingerprint, from_hex, to_hex};
use crate::keys::{ProvingKey, Query, VerifyingKey, domain_of, require_same};
use crate::matrices::Matrices;
use ark_bn254::{G1Affine, G2Affine};

const PROVING_MAGIC: &[u8; 16] = b"tacit proving 1\n";
const VERIFYING_MAGIC: &[u8; 16] = b"tacit verify  1\n";
/// Version of the manifest's form.
const SCHEMA: u32 = 1;

/// Where the randomness of a key is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Origin {
    /// One machine made it and could have kept it: good for a local chain only.
    Development,
    /// A ceremony.
    Ceremony {
        /// SHA-256 of its transcript.
        transcript: [u8; 32],
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Development => f.write_str("development, INSECURE"),
            Self::Ceremony { transcript } => write!(f, "ceremony {}", to_hex(transcript)),
        }
    }
}

impl From<Origin> for String {
    fn from(origin: Origin) -> Self {
        origin.to_string()
    }
}

impl TryFrom<String> for Origin {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text == Self::Development.to_string() {
            return Ok(Self::Development);
        }
        let transcript = text.strip_prefix("ceremony ").and_then(from_hex);
        transcript.map(|transcript| Self::Ceremony { transcript }).ok_or_else(|| format!("unknown origin {text:?}"))
    }
}

/// What a manifest says of one file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileEntry {
    /// Name, in the manifest's folder.
    pub file: String,
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256, hexadecimal.
    pub sha256: String,
}

/// The manifest of a circuit's keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of this form: 1.
    pub schema: u32,
    /// Name of the circuit.
    pub circuit: String,
    /// Name of the parameter set.
    pub params: String,
    /// The circuit's fingerprint.
    pub fingerprint: Fingerprint,
    /// Its rows.
    pub constraints: usize,
    /// Its wires.
    pub wires: usize,
    /// Its public inputs.
    pub inputs: usize,
    /// Where the randomness is from.
    pub origin: Origin,
    /// The proving key's file.
    pub proving_key: FileEntry,
    /// The verifying key's file.
    pub verifying_key: FileEntry,
    /// Version of the program that wrote the keys.
    pub tool_version: String,
}

impl Manifest {
    /// Reads the text of a manifest.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] if it is not of the form that [`Manifest::to_json`] writes.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let manifest: Self = serde_json::from_str(text).map_err(|error| malformed("manifest", error.to_string()))?;
        if manifest.schema != SCHEMA {
            return Err(malformed("manifest", format!("schema {}, this program reads {SCHEMA}", manifest.schema)));
        }
        Ok(manifest)
    }

    /// Its text, ending with a newline.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("strings and numbers are JSON") + "\n"
    }
}

fn malformed(part: &'static str, reason: impl Into<String>) -> KeyError {
    KeyError::Malformed { part, reason: reason.into() }
}

// ---- bytes ----

/// The file form of a verifying key.
#[must_use]
pub fn verifying_key_bytes(key: &VerifyingKey) -> Vec<u8> {
    let mut bytes = VERIFYING_MAGIC.to_vec();
    put_verifying_key(&mut bytes, key);
    bytes
}

/// Reads and lints what [`verifying_key_bytes`] wrote.
///
/// # Errors
/// [`KeyError`] of the first fault.
pub fn parse_verifying_key(bytes: &[u8]) -> Result<VerifyingKey, KeyError> {
    let mut rest = Rest(bytes);
    rest.magic(VERIFYING_MAGIC)?;
    let key = rest.verifying_key()?;
    rest.end()?;
    key.lint()?;
    Ok(key)
}

/// The file form of a proving key.
#[must_use]
pub fn proving_key_bytes(key: &ProvingKey) -> Vec<u8> {
    let mut bytes = PROVING_MAGIC.to_vec();
    put_verifying_key(&mut bytes, &key.vk);
    put_g1(&mut bytes, &[key.beta_g1, key.delta_g1]);
    key.matrices.encode(&mut |part| bytes.extend_from_slice(part));
    put_wires(&mut bytes, &key.a.wires);
    put_g1(&mut bytes, &key.a.points);
    put_wires(&mut bytes, &key.b_g2.wires);
    put_g1(&mut bytes, &key.b_g1);
    put_g2(&mut bytes, &key.b_g2.points);
    put_wires(&mut bytes, &key.l.wires);
    put_g1(&mut bytes, &key.l.points);
    put_g1(&mut bytes, &key.h);
    bytes
}

/// Reads and lints what [`proving_key_bytes`] wrote. The fingerprint is computed anew from the matrices.
///
/// # Errors
/// [`KeyError`] of the first fault.
pub fn parse_proving_key(bytes: &[u8]) -> Result<ProvingKey, KeyError> {
    let mut rest = Rest(bytes);
    rest.magic(PROVING_MAGIC)?;
    let vk = rest.verifying_key()?;
    let [beta_g1, delta_g1] = [rest.g1("beta", 1)?[0], rest.g1("delta", 1)?[0]];
    let matrices = Matrices::decode(&mut |part: &mut [u8]| {
        part.copy_from_slice(rest.take("matrices", part.len())?);
        Ok(())
    })?;
    require_same(Fingerprint::of(&matrices), vk.fingerprint)?;
    // A number of inputs costs no bytes, but a domain of their size does: `h` has a point for each of its points.
    rest.require("h", matrices.domain_size(), 64)?;
    let domain = domain_of(&matrices)?;
    let a_wires = rest.wires("a")?;
    let a = Query { points: rest.g1("a", a_wires.len())?, wires: a_wires };
    let b_wires = rest.wires("b")?;
    let b_g1 = rest.g1("b in G1", b_wires.len())?;
    let b_g2 = Query { points: rest.g2("b in G2", b_wires.len())?, wires: b_wires };
    let l_wires = rest.wires("l")?;
    let l = Query { points: rest.g1("l", l_wires.len())?, wires: l_wires };
    let h = rest.g1("h", domain.size())?;
    rest.end()?;
    let key = ProvingKey { vk, beta_g1, delta_g1, matrices, a, b_g1, b_g2, l, h, domain };
    key.lint()?;
    Ok(key)
}

fn put_verifying_key(bytes: &mut Vec<u8>, key: &VerifyingKey) {
    bytes.extend_from_slice(&key.fingerprint.0);
    put_g1(bytes, &[key.alpha]);
    put_g2(bytes, &[key.beta, key.gamma, key.delta]);
    bytes.extend_from_slice(&(key.ic.len() as u64).to_le_bytes());
    put_g1(bytes, &key.ic);
}

fn put_wires(bytes: &mut Vec<u8>, wires: &[u32]) {
    bytes.extend_from_slice(&(wires.len() as u64).to_le_bytes());
    wires.iter().for_each(|wire| bytes.extend_from_slice(&wire.to_le_bytes()));
}

fn put_g1(bytes: &mut Vec<u8>, points: &[G1Affine]) {
    points.iter().for_each(|point| bytes.extend_from_slice(g1_words(point).as_flattened()));
}

fn put_g2(bytes: &mut Vec<u8>, points: &[G2Affine]) {
    points.iter().for_each(|point| bytes.extend_from_slice(g2_words(point).as_flattened()));
}

/// What is still to be read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, part: &'static str, count: usize) -> Result<&'a [u8], KeyError> {
        let (head, tail) = self.0.split_at_checked(count).ok_or_else(|| malformed(part, "the file ends too early"))?;
        self.0 = tail;
        Ok(head)
    }

    /// Refuses a count of parts, `each` so many bytes, that are more than what is left.
    fn require(&self, part: &'static str, count: usize, each: usize) -> Result<(), KeyError> {
        let early = || malformed(part, "the file ends too early");
        (sized(part, count, each)? <= self.0.len()).then_some(()).ok_or_else(early)
    }

    fn magic(&mut self, expected: &[u8; 16]) -> Result<(), KeyError> {
        if self.take("first line", expected.len())? == expected {
            return Ok(());
        }
        let expected = String::from_utf8_lossy(expected);
        Err(malformed("first line", format!("expected {:?}", expected.trim_end())))
    }

    fn end(&self) -> Result<(), KeyError> {
        if self.0.is_empty() { Ok(()) } else { Err(malformed("end", format!("{} bytes too many", self.0.len()))) }
    }

    fn count(&mut self, part: &'static str) -> Result<usize, KeyError> {
        let bytes = self.take(part, 8)?.try_into().expect("eight bytes");
        usize::try_from(u64::from_le_bytes(bytes)).map_err(|_| malformed(part, "the count is too large"))
    }

    fn wires(&mut self, part: &'static str) -> Result<Vec<u32>, KeyError> {
        let count = self.count(part)?;
        let bytes = self.take(part, sized(part, count, 4)?)?;
        Ok(bytes.chunks_exact(4).map(|part| u32::from_le_bytes(part.try_into().expect("chunks of four"))).collect())
    }

    fn verifying_key(&mut self) -> Result<VerifyingKey, KeyError> {
        let fingerprint = Fingerprint(self.take("fingerprint", 32)?.try_into().expect("32 bytes"));
        let alpha = self.g1("alpha", 1)?[0];
        let [beta, gamma, delta] = [self.checked_g2("beta")?, self.checked_g2("gamma")?, self.checked_g2("delta")?];
        let count = self.count("ic")?;
        let ic = self.g1("ic", count)?;
        Ok(VerifyingKey { alpha, beta, gamma, delta, ic, fingerprint })
    }

    fn g1(&mut self, part: &'static str, count: usize) -> Result<Vec<G1Affine>, KeyError> {
        self.points(part, count, g1_point)
    }

    fn g2(&mut self, part: &'static str, count: usize) -> Result<Vec<G2Affine>, KeyError> {
        self.points(part, count, g2_curve_point)
    }

    fn checked_g2(&mut self, part: &'static str) -> Result<G2Affine, KeyError> {
        Ok(self.points(part, 1, g2_point)?[0])
    }

    fn points<P: Send, const N: usize>(
        &mut self,
        part: &'static str,
        count: usize,
        read: impl Fn(&[Word; N]) -> Option<P> + Sync,
    ) -> Result<Vec<P>, KeyError> {
        let bytes = self.take(part, sized(part, count, 32 * N)?)?;
        let point = |(index, bytes): (usize, &[u8])| {
            let mut words = [[0; 32]; N];
            words.as_flattened_mut().copy_from_slice(bytes);
            read(&words).ok_or(KeyError::BadPoint { part, index })
        };
        bytes.par_chunks_exact(32 * N).enumerate().map(point).collect()
    }
}

fn sized(part: &'static str, count: usize, each: usize) -> Result<usize, KeyError> {
    count.checked_mul(each).ok_or_else(|| malformed(part, "the count is too large"))
}

// ---- files ----

/// Writes both keys and their manifest into `dir`, made if it is missing. `circuit` and `params` are names as in file names.
///
/// # Errors
/// [`Error::File`] if anything could not be written; the files that were there stay.
pub fn save(dir: &Path, circuit: &str, params: &str, key: &ProvingKey, origin: Origin) -> Result<Manifest, Error> {
    fs::create_dir_all(dir).map_err(at(dir))?;
    let (proving_key, pk) = Staged::write(dir, format!("{circuit}.pk"), &proving_key_bytes(key))?;
    let (verifying_key, vk) = Staged::write(dir, format!("{circuit}.vk"), &verifying_key_bytes(&key.vk))?;
    let manifest = Manifest {
        schema: SCHEMA,
        circuit: circuit.to_owned(),
        params: params.to_owned(),
        fingerprint: key.vk.fingerprint,
        constraints: key.matrices.rows(),
        wires: key.matrices.wires(),
        inputs: key.matrices.n_inputs,
        origin,
        proving_key,
        verifying_key,
        tool_version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let (_, json) = Staged::write(dir, format!("{circuit}.json"), manifest.to_json().as_bytes())?;
    for staged in [pk, vk, json] {
        staged.publish()?;
    }
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(at(dir))?;
    Ok(manifest)
}

/// The manifest of `circuit` in `dir`.
///
/// # Errors
/// [`Error::File`] if it cannot be read, [`Error::Key`] if it is malformed or speaks of another circuit.
pub fn load_manifest(dir: &Path, circuit: &str) -> Result<Manifest, Error> {
    let path = dir.join(format!("{circuit}.json"));
    let manifest = Manifest::parse(&fs::read_to_string(&path).map_err(at(&path))?)?;
    if manifest.circuit != circuit {
        return Err(malformed("manifest", format!("it is of circuit {:?}, not {circuit:?}", manifest.circuit)).into());
    }
    Ok(manifest)
}

/// The verifying key of `circuit` in `dir`, of the circuit with fingerprint `expected` if one is given.
///
/// # Errors
/// [`Error::File`] if a file cannot be read, [`Error::Key`] if one is damaged, of another circuit or unsafe to use.
pub fn load_verifying_key(dir: &Path, circuit: &str, expected: Option<Fingerprint>) -> Result<VerifyingKey, Error> {
    let manifest = load_manifest(dir, circuit)?;
    require_same(expected.unwrap_or(manifest.fingerprint), manifest.fingerprint)?;
    let key = load(dir, &manifest.verifying_key, parse_verifying_key)?;
    require_same(manifest.fingerprint, key.fingerprint)?;
    Ok(key)
}

/// The proving key of `circuit` in `dir`, of the circuit with fingerprint `expected` if one is given.
///
/// # Errors
/// As [`load_verifying_key`].
pub fn load_proving_key(dir: &Path, circuit: &str, expected: Option<Fingerprint>) -> Result<ProvingKey, Error> {
    let manifest = load_manifest(dir, circuit)?;
    require_same(expected.unwrap_or(manifest.fingerprint), manifest.fingerprint)?;
    let key = load(dir, &manifest.proving_key, parse_proving_key)?;
    require_same(manifest.fingerprint, key.vk.fingerprint)?;
    Ok(key)
}

/// Reads a file; its hash is computed beside the parsing, and decides first.
fn load<K: Send>(dir: &Path, entry: &FileEntry, parse: fn(&[u8]) -> Result<K, KeyError>) -> Result<K, Error> {
    if Path::new(&entry.file).file_name() != Some(entry.file.as_ref()) {
        return Err(malformed("manifest", format!("{:?} is not a plain file name", entry.file)).into());
    }
    let path = dir.join(&entry.file);
    let bytes = fs::read(&path).map_err(at(&path))?;
    let (found, key) = rayon::join(|| to_hex(&Sha256::digest(&bytes)), || parse(&bytes));
    if found != entry.sha256 {
        return Err(KeyError::WrongHash { file: entry.file.clone(), expected: entry.sha256.clone(), found }.into());
    }
    Ok(key?)
}

fn at(path: &Path) -> impl Fn(io::Error) -> Error + '_ {
    move |source| Error::File { path: path.to_owned(), source }
}

/// A complete file under a temporary name, removed unless published.
struct Staged {
    temporary: PathBuf,
    target: PathBuf,
}

impl Staged {
    fn write(dir: &Path, name: String, bytes: &[u8]) -> Result<(FileEntry, Self), Error> {
        let temporary = dir.join(format!(".{name}.{}.tmp", std::process::id()));
        let staged = Self { target: dir.join(&name), temporary };
        let write = || {
            let mut file = File::create(&staged.temporary)?;
            file.write_all(bytes)?;
            file.sync_all()
        };
        write().map_err(at(&staged.target))?;
        Ok((FileEntry { file: name, bytes: bytes.len() as u64, sha256: to_hex(&Sha256::digest(bytes)) }, staged))
    }

    fn publish(self) -> Result<(), Error> {
        fs::rename(&self.temporary, &self.target).map_err(at(&self.target))
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        // After publishing there is nothing under this name; otherwise a leftover does no harm but take space.
        let _ = fs::remove_file(&self.temporary);
    }
}
