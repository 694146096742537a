//! Parts of the work that begins a ceremony, kept on disk while it goes on: at 2²⁰ rows it takes an hour, and a killed run goes on with
//! the parts that it lacks.
//!
//! A part is taken for what it is named, of this circuit and these powers, and whole; it is not trusted to be right:
//! [`crate::ceremony::begin`] checks the finished points, and removes the parts if they are not.

use std::fs;
use std::path::PathBuf;

use ark_bn254::{G1Affine, G2Affine};
use sha2::{Digest, Sha256};

use crate::ceremony::folder::{Folder, at, publish};
use crate::ceremony::transcript::Subject;
use crate::ceremony::watch::Watch;
use crate::error::Error;
use crate::evm::{Word, g1_point, g1_words, g2_curve_point, g2_words};

const TAG: &[u8] = b"tacit ceremony part 1\0";

type Write<P, const N: usize> = fn(&P) -> [Word; N];
type Read<P, const N: usize> = fn(&[Word; N]) -> Option<P>;

/// Where the parts are kept, if they are.
#[derive(Clone, Debug)]
pub struct Parts(Option<PathBuf>);

/// The parts of one circuit and file of powers.
pub(crate) struct OfSubject {
    folder: Option<PathBuf>,
    subject: Vec<u8>,
}

impl Parts {
    /// Nothing is kept.
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }

    /// In a folder beside the transcripts.
    #[must_use]
    pub fn beside(transcripts: &Folder) -> Self {
        Self(Some(transcripts.path().join("parts")))
    }

    /// Removes what is kept, once the transcript stands or the parts are wrong. What cannot be removed does no harm but take space.
    pub fn remove(&self) {
        if let Some(folder) = &self.0 {
            let _ = fs::remove_dir_all(folder);
        }
    }

    pub(crate) fn of(&self, subject: &Subject) -> OfSubject {
        OfSubject { folder: self.0.clone(), subject: subject.encode() }
    }
}

impl OfSubject {
    /// Lists of points in G1 of these lengths: those kept under this name, or made and kept.
    pub(crate) fn g1(
        &self,
        name: &'static str,
        lengths: &[usize],
        watch: &Watch<'_>,
        make: impl FnOnce() -> Vec<Vec<G1Affine>>,
    ) -> Result<Vec<Vec<G1Affine>>, Error> {
        self.kept(name, lengths, watch, (g1_words, g1_point), make)
    }

    /// The same in G2.
    pub(crate) fn g2(
        &self,
        name: &'static str,
        lengths: &[usize],
        watch: &Watch<'_>,
        make: impl FnOnce() -> Vec<Vec<G2Affine>>,
    ) -> Result<Vec<Vec<G2Affine>>, Error> {
        self.kept(name, lengths, watch, (g2_words, g2_curve_point), make)
    }

    fn kept<P, const N: usize>(
        &self,
        name: &'static str,
        lengths: &[usize],
        watch: &Watch<'_>,
        (write, read): (Write<P, N>, Read<P, N>),
        make: impl FnOnce() -> Vec<Vec<P>>,
    ) -> Result<Vec<Vec<P>>, Error> {
        let Some(folder) = &self.folder else { return watch.phase(name, make) };
        let path = folder.join(format!("{}.part", name.replace(' ', "-")));
        let found = fs::read(&path).ok().and_then(|bytes| decode(&self.content(name, bytes)?, lengths, read));
        if let Some(found) = found {
            return Ok(found);
        }
        let made = watch.phase(name, make)?;
        fs::create_dir_all(folder).map_err(at(folder))?;
        // A part of another circuit or powers, or one that was cut off.
        let _ = fs::remove_file(&path);
        let content = encode(&made, write);
        publish(folder, &path, &[self.seal(name, &content).as_slice(), &content].concat())?;
        Ok(made)
    }

    /// What stands before a part's content: a hash of what it is of, and of it.
    fn seal(&self, name: &str, content: &[u8]) -> [u8; 32] {
        let hash = Sha256::new().chain_update(TAG).chain_update(&self.subject).chain_update(name.as_bytes());
        hash.chain_update(content).finalize().into()
    }

    fn content(&self, name: &str, mut bytes: Vec<u8>) -> Option<Vec<u8>> {
        let content = bytes.split_off(bytes.len().min(32));
        (bytes == self.seal(name, &content)).then_some(content)
    }
}

fn encode<P, const N: usize>(lists: &[Vec<P>], write: Write<P, N>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for point in lists.iter().flatten() {
        bytes.extend_from_slice(write(point).as_flattened());
    }
    bytes
}

/// Lists of these lengths; `None` for anything else.
fn decode<P, const N: usize>(bytes: &[u8], lengths: &[usize], read: Read<P, N>) -> Option<Vec<Vec<P>>> {
    let mut points = bytes.chunks_exact(32 * N).map(|bytes| {
        let mut words = [[0; 32]; N];
        words.as_flattened_mut().copy_from_slice(bytes);
        read(&words)
    });
    let lists: Option<Vec<Vec<P>>> = lengths.iter().map(|length| points.by_ref().take(*length).collect()).collect();
    let whole = bytes.len() == lengths.iter().sum::<usize>() * 32 * N;
    lists.filter(|_| whole)
}
