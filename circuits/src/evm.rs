//! Points and proofs as the EVM's precompiles read them: 32-byte big-endian words, of a point of G2 the imaginary part first,
//! the identity as zeros. Key files use the same words.
//!
//! Nothing has two encodings: a word must be below the modulus of its field, and a point read here lies on its curve and in
//! its subgroup.

use ark_bn254::{Fq, Fq2, Fr, G1Affine, G2Affine};
use ark_ff::{BigInt, PrimeField};

use crate::error::VerifyError;
use crate::keys::VerifyingKey;
use crate::proof::{Proof, is_point};

/// One word of the EVM.
pub type Word = [u8; 32];

/// The word of a field element.
#[must_use]
pub fn word<F: PrimeField<BigInt = BigInt<4>>>(value: &F) -> Word {
    let mut bytes = [0; 32];
    for (part, limb) in bytes.rchunks_exact_mut(8).zip(value.into_bigint().0) {
        part.copy_from_slice(&limb.to_be_bytes());
    }
    bytes
}

/// The field element of a word; `None` if it is not below the modulus.
#[must_use]
pub fn element<F: PrimeField<BigInt = BigInt<4>>>(word: &Word) -> Option<F> {
    let mut limbs = [0; 4];
    for (limb, part) in limbs.iter_mut().zip(word.rchunks_exact(8)) {
        *limb = u64::from_be_bytes(part.try_into().expect("chunks of eight"));
    }
    F::from_bigint(BigInt(limbs))
}

/// x, y.
#[must_use]
pub fn g1_words(point: &G1Affine) -> [Word; 2] {
    [word(&point.x), word(&point.y)]
}

/// x imaginary, x real, y imaginary, y real.
#[must_use]
pub fn g2_words(point: &G2Affine) -> [Word; 4] {
    [word(&point.x.c1), word(&point.x.c0), word(&point.y.c1), word(&point.y.c0)]
}

/// The point of the curve that two words stand for, if they do.
#[must_use]
pub fn g1_point(words: &[Word; 2]) -> Option<G1Affine> {
    let point = G1Affine::new_unchecked(element::<Fq>(&words[0])?, element(&words[1])?);
    is_point(&point).then_some(point)
}

/// The point of the twist, not necessarily of its subgroup, that four words stand for, if they do.
#[must_use]
pub fn g2_curve_point(words: &[Word; 4]) -> Option<G2Affine> {
    let x = Fq2::new(element(&words[1])?, element(&words[0])?);
    let y = Fq2::new(element(&words[3])?, element(&words[2])?);
    let point = G2Affine::new_unchecked(x, y);
    point.is_on_curve().then_some(point)
}

/// The point of the subgroup that four words stand for, if they do.
#[must_use]
pub fn g2_point(words: &[Word; 4]) -> Option<G2Affine> {
    g2_curve_point(words).filter(is_point)
}

/// The field elements of public input words.
///
/// # Errors
/// [`VerifyError::NotCanonical`], naming the first word that is not below the modulus.
pub fn inputs(words: &[Word]) -> Result<Vec<Fr>, VerifyError> {
    let read = |(at, word)| element(word).ok_or(VerifyError::NotCanonical { word: at });
    words.iter().enumerate().map(read).collect()
}

impl Proof {
    /// The eight words of calldata: A, B, C.
    #[must_use]
    pub fn to_words(&self) -> [Word; 8] {
        let ([ax, ay], [cx, cy]) = (g1_words(&self.a), g1_words(&self.c));
        let [xi, xr, yi, yr] = g2_words(&self.b);
        [ax, ay, xi, xr, yi, yr, cx, cy]
    }

    /// Reads what [`Proof::to_words`] wrote.
    ///
    /// # Errors
    /// [`VerifyError::NotCanonical`] for a word that is too large, [`VerifyError::BadPoint`] for an element off its group.
    pub fn from_words(words: &[Word; 8]) -> Result<Self, VerifyError> {
        if let Some(word) = words.iter().position(|word| element::<Fq>(word).is_none()) {
            return Err(VerifyError::NotCanonical { word });
        }
        let [ax, ay, xi, xr, yi, yr, cx, cy] = *words;
        let bad = |element| VerifyError::BadPoint { element };
        Ok(Self {
            a: g1_point(&[ax, ay]).ok_or(bad('A'))?,
            b: g2_point(&[xi, xr, yi, yr]).ok_or(bad('B'))?,
            c: g1_point(&[cx, cy]).ok_or(bad('C'))?,
        })
    }
}

/// The words of a verifying key, for a contract's source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyingKeyWords {
    /// α.
    pub alpha: [Word; 2],
    /// β.
    pub beta: [Word; 4],
    /// γ.
    pub gamma: [Word; 4],
    /// δ.
    pub delta: [Word; 4],
    /// The constant's point, then one for each public input.
    pub ic: Vec<[Word; 2]>,
}

impl VerifyingKey {
    /// Its words.
    #[must_use]
    pub fn to_words(&self) -> VerifyingKeyWords {
        VerifyingKeyWords {
            alpha: g1_words(&self.alpha),
            beta: g2_words(&self.beta),
            gamma: g2_words(&self.gamma),
            delta: g2_words(&self.delta),
            ic: self.ic.iter().map(g1_words).collect(),
        }
    }
}
