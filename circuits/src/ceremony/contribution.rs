//! One contribution: δ and γ each times a secret that its author forgets, with a proof that the author knew it.
//!
//! The proof is that of Bowe, Gabizon and Miers (2017). With R a point of G2 that is hashed from everything before it, so that
//! nobody knows its logarithm and it is of this place in this transcript only: `x · R`, and `s · G1`, `s x · G1` for a fresh s. Who
//! can make these knows x. A contribution can then be neither copied from another place, circuit or ceremony nor made from another's
//! without its secret. The name, and a beacon's value, are hashed into R with the rest.
//! Secrets are expanded from a seed of 32 bytes, and wiped when dropped as far as the language lets them be.

use ark_bn254::{Fq, Fq2, Fr, G1Affine, G2Affine};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::PrimeField;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::ceremony::error::CeremonyError;
use crate::ceremony::ptau::same_product;
use crate::evm::{g1_words, g2_words};

const TAG_CHAIN: &[u8] = b"tacit ceremony chain 1\0";
const TAG_CHALLENGE: &[u8] = b"tacit ceremony challenge 1\0";
const TAG_POINT: &[u8] = b"tacit ceremony point 1\0";
const TAG_SECRET: &[u8] = b"tacit ceremony secret 1\0";
const TAG_SEED: &[u8] = b"tacit ceremony seed 1\0";
/// Most bytes of a name.
const LONGEST_NAME: usize = 64;

/// Hash of a transcript up to a record.
pub type Chain = [u8; 32];

/// Whose randomness it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A participant's.
    Participant {
        /// As it wants to be called: at most 64 bytes, nothing that moves a terminal's cursor.
        name: String,
    },
    /// Everybody's: the value of a public event that nobody could foresee, hashed 2^exponent times.
    Beacon {
        /// The value.
        value: Vec<u8>,
        /// How often it is hashed: 2 to this.
        exponent: u8,
    },
}

/// One secret's part of a contribution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// δ or γ after the contribution, in G1.
    pub g1: G1Affine,
    /// The same in G2.
    pub g2: G2Affine,
    /// `s · G1`.
    pub s: G1Affine,
    /// `s x · G1`.
    pub sx: G1Affine,
    /// `x · R`.
    pub xr: G2Affine,
}

/// A contribution as the transcript has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Whose it is.
    pub source: Source,
    /// Its part for δ.
    pub delta: Link,
    /// Its part for γ.
    pub gamma: Link,
}

/// δ and γ as they stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accumulated {
    /// δ in G1.
    pub delta_g1: G1Affine,
    /// δ in G2.
    pub delta_g2: G2Affine,
    /// γ in G1.
    pub gamma_g1: G1Affine,
    /// γ in G2.
    pub gamma_g2: G2Affine,
}

impl Accumulated {
    /// Before any contribution.
    #[must_use]
    pub fn start() -> Self {
        let (g1, g2) = (G1Affine::generator(), G2Affine::generator());
        Self { delta_g1: g1, delta_g2: g2, gamma_g1: g1, gamma_g2: g2 }
    }

    /// After a contribution.
    #[must_use]
    pub fn after(record: &Record) -> Self {
        let (delta, gamma) = (&record.delta, &record.gamma);
        Self { delta_g1: delta.g1, delta_g2: delta.g2, gamma_g1: gamma.g1, gamma_g2: gamma.g2 }
    }
}

/// What a contribution is made of. Has no form to print it in.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Secrets {
    /// Factor of δ.
    pub(crate) delta: Fr,
    /// Factor of γ.
    pub(crate) gamma: Fr,
    /// s of the proof for δ.
    pub(crate) delta_blinding: Fr,
    /// s of the proof for γ.
    pub(crate) gamma_blinding: Fr,
}

impl Secrets {
    /// A participant's: from 32 bytes of the operating system's randomness and whatever text it adds. Either alone suffices.
    #[must_use]
    pub fn of_participant(random: &[u8; 32], text: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update(TAG_SEED);
        hash.update(random);
        hash.update(text);
        let seed = Zeroizing::new(<[u8; 32]>::from(hash.finalize()));
        Self::expand(&seed)
    }

    /// Expanded from a seed, each from 64 bytes of it.
    #[must_use]
    pub fn expand(seed: &[u8; 32]) -> Self {
        let secret = |label: u8| {
            let mut wide = Zeroizing::new([0; 64]);
            for (half, part) in wide.chunks_exact_mut(32).enumerate() {
                let hash = Sha256::new().chain_update(TAG_SECRET).chain_update([label, half as u8]).chain_update(seed);
                part.copy_from_slice(&hash.finalize());
            }
            Fr::from_le_bytes_mod_order(wide.as_slice())
        };
        Self { delta: secret(0), gamma: secret(1), delta_blinding: secret(2), gamma_blinding: secret(3) }
    }
}

impl Source {
    /// Refuses what cannot be recorded.
    ///
    /// # Errors
    /// [`CeremonyError::NameRange`], [`CeremonyError::BeaconRange`].
    pub fn require_range(&self) -> Result<(), CeremonyError> {
        match self {
            Self::Participant { name } => require_name(name),
            Self::Beacon { value, exponent } => super::beacon::require_range(value, *exponent),
        }
    }

    /// Its bytes in a transcript, which no other source has.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let (kind, text, exponent): (u8, &[u8], &[u8]) = match self {
            Self::Participant { name } => (0, name.as_bytes(), &[]),
            Self::Beacon { value, exponent } => (1, value, std::slice::from_ref(exponent)),
        };
        let length = u8::try_from(text.len()).expect("names and values are short: looked at before they are recorded");
        [&[kind, length], text, exponent].concat()
    }
}

fn require_name(name: &str) -> Result<(), CeremonyError> {
    let refuse = |reason: &str| Err(CeremonyError::NameRange { reason: reason.to_owned() });
    if name.is_empty() || name.len() > LONGEST_NAME {
        return refuse("it must have 1 to 64 bytes");
    }
    if name.chars().any(char::is_control) {
        return refuse("it has control characters");
    }
    Ok(())
}

impl Record {
    /// A contribution with these secrets to a transcript with this hash that stands at `before`.
    #[must_use]
    pub(crate) fn make(source: Source, secrets: &Secrets, chain: &Chain, before: &Accumulated) -> Self {
        let (of_delta, of_gamma) = ((before.delta_g1, before.delta_g2), (before.gamma_g1, before.gamma_g2));
        let delta = Link::make("delta", secrets.delta, secrets.delta_blinding, &source, chain, of_delta);
        let gamma = Link::make("gamma", secrets.gamma, secrets.gamma_blinding, &source, chain, of_gamma);
        Self { source, delta, gamma }
    }

    /// Checks all but what a beacon must be. `contribution` is its number, from 1.
    pub(crate) fn verify(&self, contribution: usize, chain: &Chain, before: &Accumulated) -> Result<(), CeremonyError> {
        self.source.require_range()?;
        self.delta.verify("delta", contribution, &self.source, chain, before.delta_g1)?;
        self.gamma.verify("gamma", contribution, &self.source, chain, before.gamma_g1)
    }

    /// The transcript's hash after this record.
    #[must_use]
    pub(crate) fn chain(&self, before: &Chain) -> Chain {
        let mut hash = Sha256::new().chain_update(TAG_CHAIN).chain_update(before).chain_update(self.source.encode());
        for link in [&self.delta, &self.gamma] {
            hash.update(link.encode());
        }
        hash.finalize().into()
    }
}

impl Link {
    fn make(
        secret: &'static str,
        x: Fr,
        s: Fr,
        source: &Source,
        chain: &Chain,
        (before_g1, before_g2): (G1Affine, G2Affine),
    ) -> Self {
        let base = (G1Affine::generator() * s).into_affine();
        let mut link = Self {
            g1: (before_g1 * x).into_affine(),
            g2: (before_g2 * x).into_affine(),
            s: base,
            sx: (base * x).into_affine(),
            xr: G2Affine::identity(),
        };
        link.xr = (link.challenge(secret, source, chain) * x).into_affine();
        link
    }

    fn verify(
        &self,
        secret: &'static str,
        contribution: usize,
        source: &Source,
        chain: &Chain,
        before: G1Affine,
    ) -> Result<(), CeremonyError> {
        let challenge = self.challenge(secret, source, chain);
        if self.s.is_zero() || self.sx.is_zero() || !same_product((self.s, self.xr), (self.sx, challenge)) {
            return Err(CeremonyError::NotProven { contribution, secret });
        }
        if !same_product((before, self.xr), (self.g1, challenge)) {
            return Err(CeremonyError::NotContinued { contribution, secret });
        }
        if !same_product((self.g1, G2Affine::generator()), (G1Affine::generator(), self.g2)) {
            return Err(CeremonyError::GroupsDiffer { contribution, secret });
        }
        if self.g1.is_zero() || self.g1.x == before.x {
            return Err(CeremonyError::TrivialContribution { contribution, secret });
        }
        Ok(())
    }

    /// R: a point of the transcript before, of who contributes, and of all of the link but `x · R`.
    pub(crate) fn challenge(&self, secret: &str, source: &Source, chain: &Chain) -> G2Affine {
        let mut hash = Sha256::new().chain_update(TAG_CHALLENGE).chain_update(chain).chain_update(source.encode());
        hash.update(secret.as_bytes());
        for point in [self.g1, self.s, self.sx] {
            hash.update(g1_words(&point).as_flattened());
        }
        hash.update(g2_words(&self.g2).as_flattened());
        hash_to_g2(&hash.finalize().into())
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let [g1, s, sx] = [&self.g1, &self.s, &self.sx].map(g1_words);
        let [g2, xr] = [&self.g2, &self.xr].map(g2_words);
        [g1.as_flattened(), g2.as_flattened(), s.as_flattened(), sx.as_flattened(), xr.as_flattened()].concat()
    }
}

/// A point of the subgroup whose logarithm nobody knows: the first x hashed from the seed that is a point's, times the cofactor.
fn hash_to_g2(seed: &[u8; 32]) -> G2Affine {
    (0u32..)
        .find_map(|attempt| {
            let part = |label: u8| -> [u8; 32] {
                let hash = Sha256::new().chain_update(TAG_POINT).chain_update(seed);
                hash.chain_update(attempt.to_le_bytes()).chain_update([label]).finalize().into()
            };
            let coordinate = |label: u8| Fq::from_le_bytes_mod_order(&[part(label), part(label + 1)].concat());
            let x = Fq2::new(coordinate(0), coordinate(2));
            let point = G2Affine::get_point_from_x_unchecked(x, part(4)[0] & 1 == 1)?;
            Some(point.clear_cofactor()).filter(|point| !point.is_zero())
        })
        .expect("every other x is a point's")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::is_point;

    #[test]
    fn a_challenge_is_a_point_of_the_subgroup_and_another_one_for_another_seed() {
        let points: Vec<G2Affine> = (0..20).map(|seed| hash_to_g2(&[seed; 32])).collect();
        assert!(points.iter().all(|point| is_point(point) && !point.is_zero()));
        assert!((1..20).all(|at| !points[..at].contains(&points[at])));
    }

    #[test]
    fn seeds_and_texts_give_other_secrets() {
        let all = [
            Secrets::of_participant(&[1; 32], b""),
            Secrets::of_participant(&[2; 32], b""),
            Secrets::of_participant(&[1; 32], b"dice: 3 1 6"),
            Secrets::expand(&[1; 32]),
        ];
        let mut values: Vec<Fr> =
            all.iter().flat_map(|each| [each.delta, each.gamma, each.delta_blinding, each.gamma_blinding]).collect();
        values.sort();
        values.dedup();
        assert_eq!(values.len(), 16);
    }
}
