//! The field all statements of tacit are about, and the few encodings of its elements that cross a border.
//!
//! Every encoding here is canonical: a number at or above the order p is refused, never reduced, so that no value has
//! two encodings. Signed numbers enter as `v mod p` (−1 is p − 1); ranges are the business of whoever packs them.

use ark_ff::{AdditiveGroup, BigInt, BigInteger, Field, PrimeField};
use num_bigint::BigUint;

use crate::error::CoreError;

/// An element of the BN254 scalar field, of order
/// p = 21888242871839275222246405745257275088548364400416034343698204186575808495617.
pub type F = ark_bn254::Fr;

/// An integer below 2²⁵⁶, as four 64-bit limbs, least significant first.
pub type Integer = BigInt<4>;

/// A decimal number below 2²⁵⁶ has at most this many digits.
const MAX_DECIMAL_DIGITS: usize = 78;

/// The field element of an unsigned 64-bit number.
#[must_use]
pub fn from_u64(value: u64) -> F {
    F::from(value)
}

/// The field element of an unsigned 128-bit number.
#[must_use]
pub fn from_u128(value: u128) -> F {
    F::from(value)
}

/// The field element of a signed number: `value mod p`, so that sums of signed values are exact in the field.
#[must_use]
pub fn from_i128(value: i128) -> F {
    let magnitude = F::from(value.unsigned_abs());
    if value < 0 { -magnitude } else { magnitude }
}

/// 2ⁿ mod p.
#[must_use]
pub fn pow2(n: u32) -> F {
    (0..n).fold(F::ONE, |power, _| power.double())
}

/// The element as a number below 2¹²⁸, or `None` where it is larger.
#[must_use]
pub fn to_u128(value: &F) -> Option<u128> {
    let [low, high, above @ ..] = value.into_bigint().0;
    (above == [0, 0]).then(|| u128::from(high) << 64 | u128::from(low))
}

/// The element as a signed number of magnitude below 2¹²⁷: the inverse of [`from_i128`], or `None` where none is near.
#[must_use]
pub fn to_i128(value: &F) -> Option<i128> {
    let positive = to_u128(value).and_then(|v| i128::try_from(v).ok());
    positive.or_else(|| to_u128(&-*value).and_then(|v| i128::try_from(v).ok()).map(|v| -v))
}

/// The element as 32 bytes, most significant first.
#[must_use]
pub fn to_be_bytes(value: &F) -> [u8; 32] {
    let mut bytes = to_le_bytes(value);
    bytes.reverse();
    bytes
}

/// The element as 32 bytes, least significant first.
#[must_use]
pub fn to_le_bytes(value: &F) -> [u8; 32] {
    integer_to_le_bytes(&value.into_bigint())
}

/// The element of 32 bytes, most significant first.
///
/// # Errors
/// [`CoreError::FieldOutOfRange`] where the number is not below p.
pub fn from_be_bytes(bytes: &[u8; 32]) -> Result<F, CoreError> {
    let mut reversed = *bytes;
    reversed.reverse();
    from_le_bytes(&reversed)
}

/// The element of 32 bytes, least significant first.
///
/// # Errors
/// [`CoreError::FieldOutOfRange`] where the number is not below p.
pub fn from_le_bytes(bytes: &[u8; 32]) -> Result<F, CoreError> {
    from_integer(integer_from_le_bytes(bytes))
}

/// The element of an integer.
///
/// # Errors
/// [`CoreError::FieldOutOfRange`] where the number is not below p.
pub fn from_integer(value: Integer) -> Result<F, CoreError> {
    F::from_bigint(value).ok_or_else(|| CoreError::FieldOutOfRange { value: format!("{:#x}", BigUint::from(value)) })
}

/// The bytes of an integer, least significant first.
#[must_use]
pub fn integer_to_le_bytes(value: &Integer) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (chunk, limb) in bytes.chunks_exact_mut(8).zip(value.0) {
        chunk.copy_from_slice(&limb.to_le_bytes());
    }
    bytes
}

/// The integer of 32 bytes, least significant first; every input is one.
pub fn integer_from_le_bytes(bytes: &[u8; 32]) -> Integer {
    let mut limbs = [0; 4];
    for (limb, chunk) in limbs.iter_mut().zip(bytes.chunks_exact(8)) {
        *limb = chunk.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
    }
    BigInt(limbs)
}

/// An integer below 2²⁵⁶ from decimal digits, or from `0x` and 1 to 64 hexadecimal digits.
///
/// # Errors
/// [`CoreError::FieldSyntax`] for any other text, leading zeros of a decimal number included, and for larger numbers.
pub fn parse_integer(text: &str) -> Result<Integer, CoreError> {
    let syntax = || CoreError::FieldSyntax { text: text.chars().take(80).collect() };
    let number = match text.strip_prefix("0x") {
        Some(digits) => hexadecimal(digits),
        None => decimal(text),
    };
    number.and_then(|number| BigInt::try_from(number).ok()).ok_or_else(syntax)
}

fn hexadecimal(digits: &str) -> Option<BigUint> {
    let well_formed = (1..=64).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit());
    well_formed.then(|| BigUint::parse_bytes(digits.as_bytes(), 16)).flatten()
}

fn decimal(digits: &str) -> Option<BigUint> {
    let canonical = digits == "0" || !digits.starts_with('0');
    let well_formed = (1..=MAX_DECIMAL_DIGITS).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    (canonical && well_formed).then(|| BigUint::parse_bytes(digits.as_bytes(), 10)).flatten()
}

/// A field element from decimal digits, or from `0x` and 1 to 64 hexadecimal digits.
///
/// # Errors
/// [`CoreError::FieldSyntax`] for any other text, [`CoreError::FieldOutOfRange`] where the number is not below p.
pub fn parse(text: &str) -> Result<F, CoreError> {
    from_integer(parse_integer(text)?)
}

/// The element in decimal digits.
#[must_use]
pub fn to_decimal(value: &F) -> String {
    value.into_bigint().to_string()
}

/// The element as `0x` and 64 hexadecimal digits.
#[must_use]
pub fn to_hex(value: &F) -> String {
    format!("0x{}", hex(&to_be_bytes(value)))
}

/// Bytes as lower-case hexadecimal digits, without prefix.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bits of an integer, least significant first, 256 of them.
#[must_use]
pub fn bits(value: &Integer) -> Vec<bool> {
    value.to_bits_le()
}
