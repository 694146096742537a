//! The transcript: what a ceremony is about, its contributions, and the points of the key after them; and its one form as bytes.
//!
//! Each contribution is hashed into the next. A transcript has one encoding: counts, points and texts in one order, numbers
//! little-endian, points as in [`crate::evm`], nothing after the end. Reading checks form and points; whether it is true is left to
//! [`crate::ceremony::check`].

use ark_bn254::{G1Affine, G2Affine};
use ark_ec::AffineRepr;
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::ceremony::contribution::{Accumulated, Chain, Link, Record, Secrets, Source};
use crate::ceremony::error::CeremonyError;
use crate::ceremony::queries::Points;
use crate::evm::{Word, g1_point, g1_words, g2_point, g2_words};
use crate::fingerprint::Fingerprint;

const MAGIC: &[u8; 16] = b"tacit ceremony1\n";
const TAG_START: &[u8] = b"tacit ceremony start 1\0";
/// More contributions than this nobody checks.
const MOST_RECORDS: usize = 1 << 16;

/// What a ceremony is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Name of the parameter set.
    pub params: String,
    /// Name of the circuit.
    pub circuit: String,
    /// The circuit's fingerprint.
    pub fingerprint: Fingerprint,
    /// SHA-256 of the file of powers.
    pub powers: [u8; 32],
}

/// A ceremony so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transcript {
    /// What it is about.
    pub subject: Subject,
    /// Contributions in order.
    pub records: Vec<Record>,
    /// The key's points after them.
    pub points: Points,
}

impl Subject {
    /// Its bytes in a transcript.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for name in [&self.params, &self.circuit] {
            bytes.push(u8::try_from(name.len()).expect("names of parameter sets and circuits are short"));
            bytes.extend_from_slice(name.as_bytes());
        }
        bytes.extend_from_slice(&self.fingerprint.0);
        bytes.extend_from_slice(&self.powers);
        bytes
    }

    /// The hash that the first contribution continues.
    fn chain(&self) -> Chain {
        Sha256::new().chain_update(TAG_START).chain_update(self.encode()).finalize().into()
    }
}

impl Transcript {
    /// δ and γ as they stand.
    #[must_use]
    pub fn accumulated(&self) -> Accumulated {
        self.records.last().map_or_else(Accumulated::start, Accumulated::after)
    }

    /// The transcript's hash before the first contribution and after each.
    #[must_use]
    pub fn chains(&self) -> Vec<Chain> {
        let mut chains = vec![self.subject.chain()];
        for record in &self.records {
            chains.push(record.chain(&chains[chains.len() - 1]));
        }
        chains
    }

    /// Whether a beacon has ended it.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.records.last(), Some(Record { source: Source::Beacon { .. }, .. }))
    }

    /// Adds a contribution and returns the transcript's hash after it.
    pub(crate) fn contribute(&mut self, source: Source, secrets: &Secrets) -> Result<Chain, CeremonyError> {
        source.require_range()?;
        let chains = self.chains();
        let (number, chain, before) = (chains.len(), &chains[chains.len() - 1], self.accumulated());
        if self.is_over() {
            return Err(CeremonyError::AfterBeacon { contribution: number });
        }
        let record = Record::make(source, secrets, chain, &before);
        // Also what a source of randomness gone wrong would give is not recorded.
        record.verify(number, chain, &before)?;
        self.points.scale_by_inverses(secrets);
        self.records.push(record);
        Ok(self.records[number - 1].chain(chain))
    }

    /// Its bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(self.subject.encode());
        bytes.extend((self.records.len() as u64).to_le_bytes());
        for record in &self.records {
            bytes.extend(record.source.encode());
            bytes.extend(record.delta.encode());
            bytes.extend(record.gamma.encode());
        }
        let Points { alpha_g1, beta_g1, beta_g2, a, b_g1, b_g2, ic, l, h } = &self.points;
        for point in [alpha_g1, beta_g1] {
            bytes.extend_from_slice(g1_words(point).as_flattened());
        }
        bytes.extend_from_slice(g2_words(beta_g2).as_flattened());
        for list in [a, b_g1, ic, l, h] {
            put(&mut bytes, list, g1_words);
        }
        put(&mut bytes, b_g2, g2_words);
        bytes
    }

    /// Reads what [`Transcript::encode`] wrote.
    ///
    /// # Errors
    /// [`CeremonyError`] of the first fault in form, or the first bad point.
    pub fn decode(bytes: &[u8]) -> Result<Self, CeremonyError> {
        let mut rest = Rest(bytes);
        let (subject, records) = rest.head()?;
        let [alpha_g1, beta_g1] = [rest.g1("alpha")?, rest.g1("beta")?];
        let beta_g2 = rest.g2("beta in G2")?;
        let a = rest.list("a", g1_point)?;
        let b_g1 = rest.list("b in G1", g1_point)?;
        let ic = rest.list("ic", g1_point)?;
        let l = rest.list("l", g1_point)?;
        let h = rest.list("h", g1_point)?;
        let b_g2 = rest.list("b in G2", g2_point)?;
        match rest.0.len() {
            0 => {
                let points = Points { alpha_g1, beta_g1, beta_g2, a, b_g1, b_g2, ic, l, h };
                Ok(Self { subject, records, points })
            }
            bytes => Err(CeremonyError::TrailingBytes { bytes }),
        }
    }

    /// Reads subject and contributions only, of a transcript that later ones have replaced.
    ///
    /// # Errors
    /// As [`Transcript::decode`].
    pub fn decode_head(bytes: &[u8]) -> Result<(Subject, Vec<Record>), CeremonyError> {
        Rest(bytes).head()
    }
}

fn put<P, const N: usize>(bytes: &mut Vec<u8>, points: &[P], words: impl Fn(&P) -> [Word; N]) {
    bytes.extend((points.len() as u64).to_le_bytes());
    points.iter().for_each(|point| bytes.extend_from_slice(words(point).as_flattened()));
}

fn format(part: &'static str, reason: impl Into<String>) -> CeremonyError {
    CeremonyError::Format { part, reason: reason.into() }
}

/// What is still to be read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, part: &'static str, count: usize) -> Result<&'a [u8], CeremonyError> {
        let (head, tail) = self.0.split_at_checked(count).ok_or(CeremonyError::Truncated { part })?;
        self.0 = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self, part: &'static str) -> Result<[u8; N], CeremonyError> {
        Ok(self.take(part, N)?.try_into().expect("as many as were taken"))
    }

    fn count(&mut self, part: &'static str) -> Result<usize, CeremonyError> {
        usize::try_from(u64::from_le_bytes(self.array(part)?)).map_err(|_| format(part, "the count is too large"))
    }

    fn short(&mut self, part: &'static str) -> Result<&'a [u8], CeremonyError> {
        let [length] = self.array(part)?;
        self.take(part, length.into())
    }

    fn text(&mut self, part: &'static str) -> Result<String, CeremonyError> {
        String::from_utf8(self.short(part)?.to_vec()).map_err(|_| format(part, "it is not UTF-8"))
    }

    fn head(&mut self) -> Result<(Subject, Vec<Record>), CeremonyError> {
        if &self.array::<16>("first line")? != MAGIC {
            return Err(format("first line", format!("expected {:?}", String::from_utf8_lossy(MAGIC).trim_end())));
        }
        let (params, circuit) = (self.text("parameter set")?, self.text("circuit")?);
        let (fingerprint, powers) = (Fingerprint(self.array("fingerprint")?), self.array("hash of the powers")?);
        let count = self.count("contributions")?;
        if count > MOST_RECORDS {
            return Err(format("contributions", format!("{count} of them")));
        }
        let records = (0..count).map(|_| self.record()).collect::<Result<_, _>>()?;
        Ok((Subject { params, circuit, fingerprint, powers }, records))
    }

    fn record(&mut self) -> Result<Record, CeremonyError> {
        let source = match self.array("kind of contribution")? {
            [0] => Source::Participant { name: self.text("name")? },
            [1] => {
                let value = self.short("beacon")?.to_vec();
                let [exponent] = self.array("beacon")?;
                Source::Beacon { value, exponent }
            }
            [other] => return Err(format("kind of contribution", format!("there is no kind {other}"))),
        };
        source.require_range()?;
        Ok(Record { source, delta: self.link("delta")?, gamma: self.link("gamma")? })
    }

    fn link(&mut self, part: &'static str) -> Result<Link, CeremonyError> {
        let (g1, g2) = (self.g1(part)?, self.g2(part)?);
        Ok(Link { g1, g2, s: self.g1(part)?, sx: self.g1(part)?, xr: self.g2(part)? })
    }

    fn g1(&mut self, part: &'static str) -> Result<G1Affine, CeremonyError> {
        Ok(self.points(part, 1, g1_point)?[0])
    }

    fn g2(&mut self, part: &'static str) -> Result<G2Affine, CeremonyError> {
        Ok(self.points(part, 1, g2_point)?[0])
    }

    fn list<P: AffineRepr, const N: usize>(
        &mut self,
        part: &'static str,
        read: impl Fn(&[Word; N]) -> Option<P> + Sync,
    ) -> Result<Vec<P>, CeremonyError> {
        let count = self.count(part)?;
        self.points(part, count, read)
    }

    /// Points of the group, none of them the identity.
    fn points<P: AffineRepr, const N: usize>(
        &mut self,
        part: &'static str,
        count: usize,
        read: impl Fn(&[Word; N]) -> Option<P> + Sync,
    ) -> Result<Vec<P>, CeremonyError> {
        let size = count.checked_mul(32 * N).ok_or_else(|| format(part, "the count is too large"))?;
        let point = |(index, bytes): (usize, &[u8])| {
            let mut words = [[0; 32]; N];
            words.as_flattened_mut().copy_from_slice(bytes);
            read(&words).filter(|point| !point.is_zero()).ok_or(CeremonyError::BadPoint { part, index })
        };
        self.take(part, size)?.par_chunks_exact(32 * N).enumerate().map(point).collect()
    }
}
