//! The first phase: powers of τ from a `.ptau` file, the binary format of snarkjs and of the public ceremonies.
//!
//! Guaranteed of what [`Powers::read`] returns: every point of the five lists of the file is one of its group and not the
//! identity, the lists are powers of one τ (those of α and β times it) from the generators on, none of the three secrets is one that
//! anybody knows at sight, and there are enough of them. Not shown, and not to be shown from any file: that nobody kept τ, α or β.
//! That rests on the public ceremony that made the file; its section of contributions and all others are covered by the file's hash
//! only, which the transcript records, to be compared with the published one.
//!
//! A file is read once, in pieces: it may be larger than memory. Of a file for larger circuits only the powers needed are kept,
//! but all are checked.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use ark_bn254::{Bn254, Fq, Fq2, Fr, G1Affine, G2Affine, g1, g2};
use ark_ec::pairing::Pairing;
use ark_ec::short_weierstrass::{Affine, Projective, SWCurveConfig};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{BigInt, Field, One, PrimeField, UniformRand, Zero};
use ark_std::rand::{CryptoRng, RngCore};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

use crate::ceremony::error::CeremonyError;
use crate::ceremony::watch::Watch;
use crate::error::Error;
use crate::msm::sum_of_products;
use crate::proof::is_point;

/// Points read and checked at a time.
const PIECE: usize = 1 << 16;
/// More than the curve's largest domain needs there is no use for.
const MOST_POWERS: u32 = 28;

/// Sections of the file.
const HEADER: u32 = 1;
const TAU_G1: u32 = 2;
const TAU_G2: u32 = 3;
const ALPHA_G1: u32 = 4;
const BETA_G1: u32 = 5;
const BETA_G2: u32 = 6;

/// The powers that a circuit of some domain needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Powers {
    /// SHA-256 of the whole file.
    pub hash: [u8; 32],
    /// τ⁰ … τ²ⁿ⁻² in G1, for a domain of n points.
    pub tau_g1: Vec<G1Affine>,
    /// τ⁰ … τⁿ⁻¹ in G2.
    pub tau_g2: Vec<G2Affine>,
    /// α τ⁰ … α τⁿ⁻¹ in G1.
    pub alpha_g1: Vec<G1Affine>,
    /// β τ⁰ … β τⁿ⁻¹ in G1.
    pub beta_g1: Vec<G1Affine>,
    /// β in G2.
    pub beta_g2: G2Affine,
}

impl Powers {
    /// Reads and checks a file, for a domain of `size` points (a power of two). `rng` must be one that the file's author could not
    /// foresee: the lists are checked by random combinations of all their points.
    ///
    /// # Errors
    /// [`Error::File`] if it cannot be read, [`Error::Ceremony`] with the first fault.
    pub fn read(
        path: &Path,
        size: usize,
        rng: &mut (impl RngCore + CryptoRng),
        watch: &Watch<'_>,
    ) -> Result<Self, Error> {
        let file = File::open(path).map_err(|source| Error::File { path: path.to_owned(), source })?;
        let mut source = Source { path: path.to_owned(), inner: BufReader::new(file), hash: Sha256::new() };
        let mut lists = Lists::new(size, rng);
        let sections = source.start()?;
        for at in 0..sections {
            source.section(at, &mut lists, watch)?;
        }
        watch.phase("powers", || lists.finish(source.end()?))?
    }

    /// Points of the domain that they were read for.
    #[must_use]
    pub fn size(&self) -> usize {
        self.tau_g2.len()
    }
}

fn format(part: &'static str, reason: impl Into<String>) -> CeremonyError {
    CeremonyError::PowersFormat { part, reason: reason.into() }
}

/// The file, hashed as it is read.
struct Source {
    path: PathBuf,
    inner: BufReader<File>,
    hash: Sha256,
}

impl Source {
    fn fill(&mut self, part: &'static str, buffer: &mut [u8]) -> Result<(), Error> {
        self.inner.read_exact(buffer).map_err(|source| match source.kind() {
            ErrorKind::UnexpectedEof => format(part, "the file ends too early").into(),
            _ => Error::File { path: self.path.clone(), source },
        })?;
        self.hash.update(buffer);
        Ok(())
    }

    fn u32(&mut self, part: &'static str) -> Result<u32, Error> {
        let mut bytes = [0; 4];
        self.fill(part, &mut bytes)?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn u64(&mut self, part: &'static str) -> Result<u64, Error> {
        let mut bytes = [0; 8];
        self.fill(part, &mut bytes)?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// The file's first words; the number of its sections.
    fn start(&mut self) -> Result<u32, Error> {
        let mut magic = [0; 4];
        self.fill("first bytes", &mut magic)?;
        if &magic != b"ptau" {
            return Err(format("first bytes", "expected \"ptau\"").into());
        }
        match self.u32("version")? {
            1 => self.u32("number of sections"),
            version => Err(format("version", format!("{version}, this program reads 1")).into()),
        }
    }

    fn section(&mut self, at: u32, lists: &mut Lists, watch: &Watch<'_>) -> Result<(), Error> {
        let (kind, bytes) = (self.u32("section")?, self.u64("section")?);
        if (at == 0) != (kind == HEADER) {
            return Err(format("header", "it must be the first section, and there must be one").into());
        }
        if kind == HEADER {
            return self.header(bytes, lists);
        }
        match kind {
            TAU_G1 => watch.phase("tau in G1", || lists.tau_g1.read(self, lists.powers, bytes))?,
            TAU_G2 => watch.phase("tau in G2", || lists.tau_g2.read(self, lists.powers, bytes))?,
            ALPHA_G1 => watch.phase("alpha in G1", || lists.alpha_g1.read(self, lists.powers, bytes))?,
            BETA_G1 => watch.phase("beta in G1", || lists.beta_g1.read(self, lists.powers, bytes))?,
            BETA_G2 => lists.beta_g2.read(self, lists.powers, bytes),
            _ => watch.phase("rest of the file", || self.skip(bytes))?,
        }
    }

    fn header(&mut self, bytes: u64, lists: &mut Lists) -> Result<(), Error> {
        let part = "header";
        let width = self.u32(part)?;
        let mut modulus = [0; 32];
        if width != 32 || bytes != 44 {
            return Err(format(part, format!("{width} bytes an element; BN254 has 32")).into());
        }
        self.fill(part, &mut modulus)?;
        if limbs(&modulus) != Fq::MODULUS {
            return Err(format(part, "the field is not that of BN254").into());
        }
        let (power, ceremony) = (self.u32(part)?, self.u32(part)?);
        if !(1..=MOST_POWERS).contains(&power) || ceremony < power {
            return Err(format(part, format!("2^{power} powers of a ceremony of 2^{ceremony}")).into());
        }
        let needed = lists.size.trailing_zeros();
        if power < needed {
            return Err(CeremonyError::TooFewPowers { needed, found: power }.into());
        }
        lists.powers = power;
        Ok(())
    }

    fn skip(&mut self, bytes: u64) -> Result<(), Error> {
        let mut buffer = vec![0; 1 << 16];
        let mut left = bytes;
        while left > 0 {
            let piece = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            self.fill("section", &mut buffer[..piece])?;
            left -= piece as u64;
        }
        Ok(())
    }

    /// Refuses bytes after the last section; the hash of the file.
    fn end(mut self) -> Result<[u8; 32], Error> {
        let mut byte = [0];
        match self.inner.read(&mut byte) {
            Ok(0) => Ok(self.hash.finalize().into()),
            Ok(_) => Err(format("end", "bytes follow the last section").into()),
            Err(source) => Err(Error::File { path: self.path, source }),
        }
    }
}

/// The five lists on their way in.
struct Lists {
    size: usize,
    /// Base-2 logarithm of the file's number of powers, once its header is read.
    powers: u32,
    tau_g1: List<g1::Config>,
    tau_g2: List<g2::Config>,
    alpha_g1: List<g1::Config>,
    beta_g1: List<g1::Config>,
    beta_g2: List<g2::Config>,
}

impl Lists {
    fn new(size: usize, rng: &mut (impl RngCore + CryptoRng)) -> Self {
        let once = |power: u32| 1 << power;
        let mut ratio = || Fr::rand(rng);
        Self {
            size,
            powers: 0,
            tau_g1: List::new("tau in G1", |power| (2 << power) - 1, 2 * size - 1, ratio()),
            tau_g2: List::new("tau in G2", once, size, ratio()),
            alpha_g1: List::new("alpha in G1", once, size, ratio()),
            beta_g1: List::new("beta in G1", once, size, ratio()),
            beta_g2: List::new("beta in G2", |_| 1, 1, ratio()),
        }
    }

    fn finish(self, hash: [u8; 32]) -> Result<Powers, Error> {
        for (part, found) in [
            ("tau in G1", self.tau_g1.kept.len()),
            ("tau in G2", self.tau_g2.kept.len()),
            ("alpha in G1", self.alpha_g1.kept.len()),
            ("beta in G1", self.beta_g1.kept.len()),
            ("beta in G2", self.beta_g2.kept.len()),
        ] {
            if found == 0 {
                return Err(format(part, "there is no such section").into());
            }
        }
        self.require_known_start()?;
        self.require_powers()?;
        let powers = Powers {
            hash,
            tau_g1: self.tau_g1.kept,
            tau_g2: self.tau_g2.kept,
            alpha_g1: self.alpha_g1.kept,
            beta_g1: self.beta_g1.kept,
            beta_g2: self.beta_g2.kept[0],
        };
        require_unknown(&powers)?;
        Ok(powers)
    }

    /// The lists of τ begin with the generators, those of β with one β.
    fn require_known_start(&self) -> Result<(), CeremonyError> {
        let (beta_g1, beta_g2) = (self.beta_g1.kept[0], self.beta_g2.kept[0]);
        let starts = [
            ("tau in G1", self.tau_g1.kept[0] == G1Affine::generator()),
            ("tau in G2", self.tau_g2.kept[0] == G2Affine::generator()),
            ("beta in G2", same_product((beta_g1, G2Affine::generator()), (G1Affine::generator(), beta_g2))),
        ];
        starts.iter().try_for_each(|&(part, holds)| holds.then_some(()).ok_or(CeremonyError::PowersChain { part }))
    }

    /// Each point is τ times the one before it, with the τ of the second point of G1 and of G2.
    fn require_powers(&self) -> Result<(), CeremonyError> {
        let (tau_g1, tau_g2) = (self.tau_g1.kept[1], self.tau_g2.kept[1]);
        let in_g1 = |list: &List<g1::Config>| {
            let (low, high) = list.combinations();
            same_product((high, G2Affine::generator()), (low, tau_g2))
        };
        let (low, high) = self.tau_g2.combinations();
        let chains = [
            ("tau in G1", in_g1(&self.tau_g1)),
            ("tau in G2", same_product((G1Affine::generator(), high), (tau_g1, low))),
            ("alpha in G1", in_g1(&self.alpha_g1)),
            ("beta in G1", in_g1(&self.beta_g1)),
        ];
        chains.iter().try_for_each(|&(part, holds)| holds.then_some(()).ok_or(CeremonyError::PowersChain { part }))
    }
}

/// Refuses secrets that are read off their points.
fn require_unknown(powers: &Powers) -> Result<(), CeremonyError> {
    let one = G1Affine::generator().x;
    // With τⁿ = ±1 τ is a point of the domain or of its coset.
    let secrets = [("tau", powers.tau_g1[powers.size()]), ("alpha", powers.alpha_g1[0]), ("beta", powers.beta_g1[0])];
    match secrets.iter().find(|(_, point)| point.x == one) {
        Some(&(secret, _)) => Err(CeremonyError::PowersTrivial { secret }),
        None => Ok(()),
    }
}

/// Whether the pairings of two pairs are the same.
pub(crate) fn same_product(left: (G1Affine, G2Affine), right: (G1Affine, G2Affine)) -> bool {
    Bn254::multi_pairing([left.0, -right.0], [left.1, right.1]).is_zero()
}

/// A list of points: its beginning, and the sum of all, each times the next power of a random ratio.
struct List<C: SWCurveConfig> {
    part: &'static str,
    /// How many there are in a file of so many powers.
    expected: fn(u32) -> usize,
    keep: usize,
    ratio: Fr,
    /// The power of `ratio` for the next point.
    factor: Fr,
    sum: Projective<C>,
    kept: Vec<Affine<C>>,
    /// The last point, times its power.
    last: Projective<C>,
}

impl<C: Stored> List<C> {
    fn new(part: &'static str, expected: fn(u32) -> usize, keep: usize, ratio: Fr) -> Self {
        let (sum, last) = (Projective::zero(), Projective::zero());
        Self { part, expected, keep, ratio, factor: Fr::one(), sum, kept: Vec::new(), last }
    }

    fn read(&mut self, source: &mut Source, powers: u32, bytes: u64) -> Result<(), Error> {
        let count = (self.expected)(powers);
        if !self.kept.is_empty() {
            return Err(format(self.part, "there are two such sections").into());
        }
        if bytes != (count * C::BYTES) as u64 {
            return Err(format(self.part, format!("{bytes} bytes for {count} points")).into());
        }
        let mut buffer = vec![0; PIECE.min(count) * C::BYTES];
        let mut first = 0;
        while first < count {
            let piece = &mut buffer[..PIECE.min(count - first) * C::BYTES];
            source.fill(self.part, piece)?;
            self.take(first, piece)?;
            first += piece.len() / C::BYTES;
        }
        Ok(())
    }

    fn take(&mut self, first: usize, bytes: &[u8]) -> Result<(), CeremonyError> {
        let part = self.part;
        let point = |(at, bytes): (usize, &[u8])| {
            let point = C::read(bytes).filter(|point| !point.is_zero() && is_point(point));
            point.ok_or(CeremonyError::PowersPoint { part, index: first + at })
        };
        let points: Result<Vec<Affine<C>>, _> = bytes.par_chunks_exact(C::BYTES).enumerate().map(point).collect();
        let points = points?;
        let scalars: Vec<Fr> =
            points.iter().scan(&mut self.factor, |factor, _| Some(step(factor, self.ratio))).collect();
        self.sum += sum_of_products(&points, &scalars);
        if let (Some(point), Some(scalar)) = (points.last(), scalars.last()) {
            self.last = *point * *scalar;
        }
        self.kept.extend(&points[..points.len().min(self.keep - self.kept.len())]);
        Ok(())
    }

    /// With random r: `Σ rⁱ pᵢ` over all points but the last, and `Σ rⁱ pᵢ₊₁`. The second is τ times the first for a list of
    /// powers; for another it is with probability 2⁻²²⁵ at most.
    fn combinations(&self) -> (Affine<C>, Affine<C>) {
        let ratio = self.ratio.inverse().unwrap_or_else(Fr::zero);
        let low = self.sum - self.last;
        let high = (self.sum - self.kept[0]) * ratio;
        (low.into_affine(), high.into_affine())
    }
}

/// The factor, which is then multiplied by the ratio.
fn step(factor: &mut Fr, ratio: Fr) -> Fr {
    let current = *factor;
    *factor *= ratio;
    current
}

/// A curve whose points the file has: coordinates of 32 bytes, little-endian, in Montgomery form.
trait Stored: SWCurveConfig<ScalarField = Fr> {
    /// Bytes of a point.
    const BYTES: usize;
    /// The coordinates, if they are below the modulus; where they lie is left to the caller.
    fn read(bytes: &[u8]) -> Option<Affine<Self>>;
}

impl Stored for g1::Config {
    const BYTES: usize = 64;

    fn read(bytes: &[u8]) -> Option<Affine<Self>> {
        Some(Affine::new_unchecked(coordinate(&bytes[..32])?, coordinate(&bytes[32..])?))
    }
}

impl Stored for g2::Config {
    const BYTES: usize = 128;

    fn read(bytes: &[u8]) -> Option<Affine<Self>> {
        let pair = |at: usize| Some(Fq2::new(coordinate(&bytes[at..at + 32])?, coordinate(&bytes[at + 32..at + 64])?));
        Some(Affine::new_unchecked(pair(0)?, pair(64)?))
    }
}

fn coordinate(bytes: &[u8]) -> Option<Fq> {
    static INVERSE: LazyLock<Fq> =
        LazyLock::new(|| Fq::from(2u64).pow([256]).inverse().expect("a power of two is not zero in the field"));
    Fq::from_bigint(limbs(bytes)).map(|value| value * *INVERSE)
}

fn limbs(bytes: &[u8]) -> BigInt<4> {
    let mut limbs = [0; 4];
    for (limb, part) in limbs.iter_mut().zip(bytes.chunks_exact(8)) {
        *limb = u64::from_le_bytes(part.try_into().expect("chunks of eight"));
    }
    BigInt(limbs)
}
