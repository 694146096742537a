//! Points, signatures and numbers: one encoding each, and only the signature that was made verifies.

use num_bigint::BigUint;
use tacit_core::babyjub::{BASE8, Point, SUBGROUP_ORDER};
use tacit_core::eddsa::{self, Signature, SigningKey};
use tacit_core::error::CoreError;
use tacit_core::field::{self, F, from_u64};

use super::{says_why, seed};
use crate::input::{Input, edited};
use crate::material::element;

pub(super) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    match input.below(6) {
        0 => packed_point(&input.bytes()),
        1 => packed_signature(&input.bytes()),
        2 => edited_signature(&mut input),
        3 => any_signature(&mut input),
        4 => number(input.rest()),
        _ => element_bytes(&input.bytes()),
    }
}

fn packed_point(packed: &[u8; 32]) {
    match Point::unpack(packed) {
        Ok(point) => {
            assert!(point.is_on_curve(), "a point off the curve was unpacked");
            assert_eq!(point.pack(), *packed, "a point has two packed forms");
            point_round_trips(&point);
        }
        Err(CoreError::PointEncoding { packed: named, reason }) => {
            assert!(named == field::hex(packed) && !reason.is_empty());
        }
        Err(other) => panic!("not an error of packed points: {other}"),
    }
}

fn point_round_trips(point: &Point) {
    assert_eq!(Point::new(point.x, point.y).as_ref(), Ok(point));
    if let Some(montgomery) = point.to_montgomery() {
        assert!(montgomery.is_on_curve(), "the Montgomery form is off its curve");
        assert_eq!(montgomery.to_edwards().as_ref(), Some(point));
    }
    assert_eq!(point.is_of_low_order(), point.times_cofactor() == Point::IDENTITY);
}

fn packed_signature(packed: &[u8; 64]) {
    match Signature::unpack(packed) {
        Ok(signature) => {
            assert!(signature.s < SUBGROUP_ORDER, "S is not below the order of the group");
            assert_eq!(signature.pack(), *packed, "a signature has two packed forms");
        }
        Err(error) => says_why(&error),
    }
}

fn signer() -> SigningKey {
    SigningKey::from_seed(&[3; 32])
}

/// Whatever is done to a signature or its message, it verifies no more.
fn edited_signature(input: &mut Input<'_>) {
    let (key, message) = (signer(), from_u64(11));
    let signature = key.sign(message).pack();
    let changed = message + from_u64(input.byte().into());
    let edited = edited(&signature, input);
    let Ok(packed) = <[u8; 64]>::try_from(edited) else { return };
    let Ok(read) = Signature::unpack(&packed) else { return };
    let holds = eddsa::verify(&key.public_key(), changed, &read);
    assert_eq!(holds, packed == signature && changed == message, "another signature or message verifies");
}

/// Any numbers in place of key and signature: no panic, and what verifies satisfies the equation of the protocol.
fn any_signature(input: &mut Input<'_>) {
    let mut coordinate = || element(input.bytes());
    let (key, r8, message) =
        (Point { x: coordinate(), y: coordinate() }, Point { x: coordinate(), y: coordinate() }, coordinate());
    let s = field::integer_from_le_bytes(&input.bytes());
    if !eddsa::verify(&key, message, &Signature { r8, s }) {
        return;
    }
    assert!(key.is_on_curve() && r8.is_on_curve() && !key.is_of_low_order() && s < SUBGROUP_ORDER);
    let challenge = field::to_le_bytes(&eddsa::challenge(&r8, &key, message));
    let multiple = key.times_cofactor().times(&field::integer_from_le_bytes(&challenge));
    assert_eq!(BASE8.times(&s), r8.add(&multiple), "the equation of the signature does not hold");
}

/// Text of numbers: what is read prints as it was written, but for leading zeros of hexadecimal.
fn number(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match field::parse_integer(text) {
        Ok(integer) => {
            let number = BigUint::from(integer);
            let printed = match text.strip_prefix("0x") {
                Some(digits) => format!("0x{number:0>width$x}", width = digits.len()),
                None => number.to_string(),
            };
            assert_eq!(printed, text.to_ascii_lowercase(), "a number was read that prints differently");
            assert_eq!(field::parse(text).is_ok(), number < BigUint::from(<F as ark_ff::PrimeField>::MODULUS));
        }
        Err(error) => {
            says_why(&error);
            assert!(field::parse(text).is_err(), "an element that is no integer");
        }
    }
}

fn element_bytes(bytes: &[u8; 32]) {
    let reversed: Vec<u8> = bytes.iter().rev().copied().collect();
    match field::from_be_bytes(bytes) {
        Ok(value) => {
            assert_eq!(field::to_be_bytes(&value), *bytes);
            assert_eq!(field::to_le_bytes(&value).as_slice(), reversed);
            assert_eq!(field::parse(&field::to_hex(&value)), Ok(value));
            assert_eq!(field::parse(&field::to_decimal(&value)), Ok(value));
        }
        Err(error) => says_why(&error),
    }
}

pub(super) fn seeds() -> Vec<(String, Vec<u8>)> {
    let key = signer().public_key();
    let signature = signer().sign(from_u64(11));
    let torsion = Point { x: F::from(0u64), y: -F::from(1u64) };
    let plain = [key.x, key.y, signature.r8.x, signature.r8.y, from_u64(11)].map(|value| field::to_be_bytes(&value));
    let plain = [plain.as_flattened(), &field::integer_to_le_bytes(&signature.s)].concat();
    let modulus = BigUint::from(<F as ark_ff::PrimeField>::MODULUS);
    vec![
        seed("point", 0, &key.pack()),
        seed("base point", 0, &BASE8.pack()),
        seed("identity", 0, &Point::IDENTITY.pack()),
        seed("point of order two", 0, &torsion.pack()),
        seed("y too large", 0, &[0x7f; 32]),
        seed("signature", 1, &signature.pack()),
        seed("S too large", 1, &[&signature.r8.pack()[..], &[0xff; 32]].concat()),
        seed("signature unedited", 2, &[]),
        seed("signature of another message", 2, &[1]),
        seed("signature with a bit flipped", 2, &[0, 1, 40, 0, 3]),
        seed("coordinates of a signature", 3, &plain),
        seed("decimal", 4, b"1234567890"),
        seed("hexadecimal", 4, b"0x00ff"),
        seed("the field's order", 4, modulus.to_string().as_bytes()),
        seed("the field's order in hexadecimal", 4, format!("{modulus:#x}").as_bytes()),
        seed("leading zero", 4, b"007"),
        seed("element", 5, &[5; 32]),
        seed("element too large", 5, &[0xff; 32]),
    ]
}
