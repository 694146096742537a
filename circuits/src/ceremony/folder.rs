//! The files of a ceremony: `NNNN.transcript` in a folder of the circuit, numbered by their contributions.
//!
//! Each file is whole: the transcript so far. A step reads the last one and writes the next, complete and synced under a temporary
//! name, then renamed; killed at any moment it leaves the files that were there, and is simply run again. Earlier files
//! can be removed, or kept: [`Folder::require_continuous`] tells whether they continue each other.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::ceremony::error::CeremonyError;
use crate::ceremony::transcript::Transcript;
use crate::error::Error;

const ENDING: &str = ".transcript";

/// The folder of a circuit's ceremony.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder(PathBuf);

/// A transcript read from a file.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Where it is.
    pub path: PathBuf,
    /// SHA-256 of the file.
    pub hash: [u8; 32],
    /// What it says.
    pub transcript: Transcript,
}

impl Folder {
    /// That of a circuit below the folder of all ceremonies.
    #[must_use]
    pub fn of(all: &Path, params: &str, circuit: &str) -> Self {
        Self(all.join(params).join(circuit))
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Numbers of the transcripts in it, increasing.
    ///
    /// # Errors
    /// [`Error::File`] if the folder is there and cannot be read.
    pub fn numbers(&self) -> Result<Vec<usize>, Error> {
        let entries = match fs::read_dir(&self.0) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(at(&self.0))?,
        };
        let mut numbers = Vec::new();
        for entry in entries {
            let name = entry.map_err(at(&self.0))?.file_name();
            numbers.extend(name.to_str().and_then(number_of));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// The last transcript.
    ///
    /// # Errors
    /// [`CeremonyError::NotBegun`] if there is none, [`Error::File`] if it cannot be read, [`CeremonyError`] of its first fault in
    /// form, and [`CeremonyError::NotContinuous`] if its name has another number than its contributions.
    pub fn last(&self) -> Result<Stored, Error> {
        let folder = || CeremonyError::NotBegun { folder: self.0.display().to_string() };
        let number = self.numbers()?.pop().ok_or_else(folder)?;
        let path = self.file(number);
        let bytes = fs::read(&path).map_err(at(&path))?;
        let transcript = Transcript::decode(&bytes)?;
        require_number(number, transcript.records.len())?;
        Ok(Stored { path, hash: Sha256::digest(&bytes).into(), transcript })
    }

    /// Writes the next transcript.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be written, or is there already: somebody else has contributed meanwhile.
    pub fn add(&self, transcript: &Transcript) -> Result<Stored, Error> {
        fs::create_dir_all(&self.0).map_err(at(&self.0))?;
        let path = self.file(transcript.records.len());
        let bytes = transcript.encode();
        publish(&self.0, &path, &bytes)?;
        Ok(Stored { path, hash: Sha256::digest(&bytes).into(), transcript: transcript.clone() })
    }

    /// Checks that every earlier transcript that is still there is a beginning of `last`.
    ///
    /// # Errors
    /// [`CeremonyError::NotContinuous`] naming the first file where that fails, and all of reading.
    pub fn require_continuous(&self, last: &Transcript) -> Result<(), Error> {
        for number in self.numbers()?.into_iter().filter(|number| *number < last.records.len()) {
            let path = self.file(number);
            let (subject, records) = Transcript::decode_head(&fs::read(&path).map_err(at(&path))?)?;
            require_number(number, records.len())?;
            let reason = if subject != last.subject {
                "it is of another ceremony"
            } else if records != last.records[..number] {
                "its contributions are not those with which it begins"
            } else {
                continue;
            };
            let file = self.file(last.records.len());
            return Err(not_continuous(&file, format!("compared with {}: {reason}", name_of(number))).into());
        }
        Ok(())
    }

    fn file(&self, number: usize) -> PathBuf {
        self.0.join(name_of(number))
    }
}

fn name_of(number: usize) -> String {
    format!("{number:04}{ENDING}")
}

fn number_of(name: &str) -> Option<usize> {
    let number = name.strip_suffix(ENDING)?.parse().ok()?;
    (name_of(number) == name).then_some(number)
}

fn require_number(number: usize, contributions: usize) -> Result<(), CeremonyError> {
    if number == contributions {
        return Ok(());
    }
    Err(not_continuous(Path::new(&name_of(number)), format!("it has {contributions} contributions")))
}

fn not_continuous(file: &Path, reason: String) -> CeremonyError {
    CeremonyError::NotContinuous { file: file.display().to_string(), reason }
}

/// Writes a file of a folder so that it is there whole or not at all; one that is there already is an error.
pub(crate) fn publish(folder: &Path, target: &Path, bytes: &[u8]) -> Result<(), Error> {
    let temporary = folder.join(format!(".{}.tmp", std::process::id()));
    let write = || {
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        // A second name, not a new one: that fails where the target is there, and a transcript is never replaced.
        fs::hard_link(&temporary, target)
    };
    let done = write();
    // The file has its own name by now, or is of no use.
    let _ = fs::remove_file(&temporary);
    done.map_err(at(target))?;
    File::open(folder).and_then(|dir| dir.sync_all()).map_err(at(folder))
}

pub(crate) fn at(path: &Path) -> impl Fn(io::Error) -> Error + '_ {
    move |source| Error::File { path: path.to_owned(), source }
}
