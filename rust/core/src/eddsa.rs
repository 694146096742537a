//! EdDSA-Poseidon on Baby Jubjub exactly as circomlib, circomlibjs and zk-kit compute it, so that existing wallets can sign.
//!
//! A signature (R8, S) of message M under key A holds where `S·B8 = R8 + 8·h·A` with `h = H_5(R8.x, R8.y, A.x, A.y, M)` and
//! S < l. Beyond that relation, [`verify`] refuses keys and nonce points off the curve and keys of low order, whose signatures
//! would hold for any message. It accepts exactly what the circuit accepts.

use ark_ed_on_bn254::Fr as Scalar;
use ark_ff::PrimeField;

use crate::babyjub::{Point, SUBGROUP_ORDER, base8_times};
use crate::blake512::blake512;
use crate::error::CoreError;
use crate::field::{self, F, Integer};
use crate::poseidon;

/// A signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    /// The nonce point R8.
    pub r8: Point,
    /// The scalar S, below the subgroup order in a valid signature.
    pub s: Integer,
}

/// A key pair, expanded from its 32-byte seed. Printing it shows the public part only.
#[derive(Clone)]
pub struct SigningKey {
    /// The secret scalar before the division by 8, mod l.
    scalar: Scalar,
    /// The second half of the expanded seed, which nonces are derived from.
    nonce_seed: [u8; 32],
    public_key: Point,
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey").field("public_key", &self.public_key).finish_non_exhaustive()
    }
}

impl SigningKey {
    /// The key pair of a seed: BLAKE-512, pruned as in RFC 8032; the public key is `(s >> 3)·B8`.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        let (mut secret, nonce_seed) = halves(&blake512(seed));
        secret[0] &= 0xf8;
        secret[31] = secret[31] & 0x7f | 0x40;
        let eighth = field::integer_from_le_bytes(&secret) >> 3;
        Self { scalar: Scalar::from_le_bytes_mod_order(&secret), nonce_seed, public_key: base8_times(&eighth).affine() }
    }

    /// The public key A.
    #[must_use]
    pub fn public_key(&self) -> Point {
        self.public_key
    }

    /// The signature of a message, the same for the same message.
    #[must_use]
    pub fn sign(&self, message: F) -> Signature {
        let nonce_input = [self.nonce_seed, field::to_le_bytes(&message)].concat();
        let nonce = Scalar::from_le_bytes_mod_order(&blake512(&nonce_input));
        let r8 = base8_times(&nonce.into_bigint()).affine();
        let h = challenge(&r8, &self.public_key, message);
        let s = nonce + Scalar::from_le_bytes_mod_order(&field::to_le_bytes(&h)) * self.scalar;
        Signature { r8, s: s.into_bigint() }
    }
}

/// The public key of a seed.
#[must_use]
pub fn public_key(seed: &[u8; 32]) -> Point {
    SigningKey::from_seed(seed).public_key()
}

/// The signature of a message under the key of a seed.
#[must_use]
pub fn sign(seed: &[u8; 32], message: F) -> Signature {
    SigningKey::from_seed(seed).sign(message)
}

/// `h = H_5(R8.x, R8.y, A.x, A.y, M)`.
#[must_use]
pub fn challenge(r8: &Point, public_key: &Point, message: F) -> F {
    poseidon::hash(&[r8.x, r8.y, public_key.x, public_key.y, message])
}

/// Whether the signature holds; every malformed or degenerate input is simply false.
#[must_use]
pub fn verify(public_key: &Point, message: F, signature: &Signature) -> bool {
    let Signature { r8, s } = signature;
    if *s >= SUBGROUP_ORDER || !public_key.is_on_curve() || !r8.is_on_curve() {
        return false;
    }
    let key8 = public_key.projective().times_cofactor();
    if key8.is_identity() {
        return false;
    }
    let h = challenge(r8, public_key, message).into_bigint();
    base8_times(s).add(&key8.negated().times(&h)).is_point(r8)
}

impl Signature {
    /// circomlib's 64 bytes: R8 packed, then S least significant byte first.
    #[must_use]
    pub fn pack(&self) -> [u8; 64] {
        let mut packed = [0; 64];
        packed[..32].copy_from_slice(&self.r8.pack());
        packed[32..].copy_from_slice(&field::integer_to_le_bytes(&self.s));
        packed
    }

    /// The signature of circomlib's 64 bytes; exactly one encoding a signature is accepted.
    ///
    /// # Errors
    /// [`CoreError::PointEncoding`] where R8 is not a packed point, [`CoreError::SignatureScalar`] where S ≥ l.
    pub fn unpack(packed: &[u8; 64]) -> Result<Self, CoreError> {
        let (point, scalar) = halves(packed);
        let signature = Self { r8: Point::unpack(&point)?, s: field::integer_from_le_bytes(&scalar) };
        if signature.s < SUBGROUP_ORDER { Ok(signature) } else { Err(CoreError::SignatureScalar) }
    }
}

fn halves(bytes: &[u8; 64]) -> ([u8; 32], [u8; 32]) {
    let (mut first, mut second) = ([0; 32], [0; 32]);
    first.copy_from_slice(&bytes[..32]);
    second.copy_from_slice(&bytes[32..]);
    (first, second)
}
