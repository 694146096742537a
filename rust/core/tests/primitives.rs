//! The primitives against vectors that other implementations computed (`tests/vectors/external`), and at their edges.

use std::path::Path;

use ark_ed_on_bn254::Fr as Scalar;
use ark_ff::PrimeField;
use serde_json::Value;
use tacit_core::babyjub::{self, Point};
use tacit_core::eddsa::{self, Signature, SigningKey};
use tacit_core::error::CoreError;
use tacit_core::field::{self, F, Integer};
use tacit_core::keccak::{keccak256, keccak256_of};
use tacit_core::poseidon;

fn external(name: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/external");
    let text = std::fs::read_to_string(folder.join(name)).expect("the external vectors are in the repository");
    serde_json::from_str(&text).expect("the external vectors are JSON")
}

fn cases<'a>(vectors: &'a Value, key: &str) -> &'a [Value] {
    vectors[key].as_array().expect("a list of cases")
}

fn element(value: &Value) -> F {
    field::parse(value.as_str().expect("a number as text")).expect("an element of the field")
}

fn elements(value: &Value) -> Vec<F> {
    value.as_array().expect("a list of numbers").iter().map(element).collect()
}

fn integer(value: &Value) -> Integer {
    field::parse_integer(value.as_str().expect("a number as text")).expect("an integer below 2²⁵⁶")
}

fn point(value: &Value) -> Point {
    let coordinates = elements(value);
    Point { x: coordinates[0], y: coordinates[1] }
}

fn bytes<const N: usize>(value: &Value) -> [u8; N] {
    let text = value.as_str().expect("bytes as hexadecimal digits");
    let byte = |i: usize| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).expect("hexadecimal digits");
    assert_eq!(text.len(), 2 * N);
    std::array::from_fn(byte)
}

mod field_elements {
    use super::*;

    const ORDER: &str = "21888242871839275222246405745257275088548364400416034343698204186575808495617";
    const ORDER_HEX: &str = "0x30644e72e131a029b85045b68181585d2833e84879b9709143e1f593f0000001";

    #[test]
    fn the_order_and_above_are_refused_in_every_encoding() {
        for text in [ORDER, ORDER_HEX, &format!("0x{}", "f".repeat(64))] {
            assert!(matches!(field::parse(text), Err(CoreError::FieldOutOfRange { .. })), "{text}");
        }
        let mut bytes = field::to_be_bytes(&-F::from(1_u64));
        assert_eq!(field::from_be_bytes(&bytes), Ok(-F::from(1_u64)));
        bytes[31] += 1;
        assert!(matches!(field::from_be_bytes(&bytes), Err(CoreError::FieldOutOfRange { .. })));
    }

    #[test]
    fn text_that_is_no_number_is_refused() {
        let too_large = format!("1{}", "0".repeat(78));
        let too_long = format!("0x{}", "0".repeat(65));
        for text in ["", "0x", "00", "01", "+1", "-1", " 1", "1_0", "12a", "0xg", "０", &too_long, &too_large] {
            assert!(matches!(field::parse(text), Err(CoreError::FieldSyntax { .. })), "{text}");
        }
    }

    #[test]
    fn decimal_hexadecimal_and_bytes_are_inverse_to_each_other() {
        for value in [F::from(0_u64), F::from(255_u64), field::pow2(200), -F::from(1_u64)] {
            assert_eq!(field::parse(&field::to_decimal(&value)), Ok(value));
            assert_eq!(field::parse(&field::to_hex(&value)), Ok(value));
            assert_eq!(field::from_be_bytes(&field::to_be_bytes(&value)), Ok(value));
            assert_eq!(field::from_le_bytes(&field::to_le_bytes(&value)), Ok(value));
        }
        assert_eq!(field::to_hex(&F::from(10_u64)), format!("0x{}a", "0".repeat(63)));
    }

    #[test]
    fn signed_numbers_add_up_in_the_field() {
        assert_eq!(field::from_i128(-5) + field::from_i128(7), F::from(2_u64));
        assert_eq!(field::from_i128(i128::MIN), -field::pow2(127));
        for value in [0, 1, -1, i128::MAX, -i128::MAX] {
            assert_eq!(field::to_i128(&field::from_i128(value)), Some(value));
        }
        assert_eq!(field::to_i128(&field::pow2(130)), None);
    }

    #[test]
    fn powers_of_two_and_wide_numbers() {
        assert_eq!(field::pow2(0), F::from(1_u64));
        assert_eq!(field::pow2(64), field::from_u128(1 << 64));
        assert_eq!(field::to_u128(&field::from_u128(u128::MAX)), Some(u128::MAX));
        assert_eq!(field::to_u128(&field::pow2(128)), None);
    }
}

mod poseidon_hash {
    use super::*;

    #[test]
    fn agrees_with_circomlib_on_every_vector() {
        let vectors = external("poseidon_bn254.json");
        for case in cases(&vectors, "vectors") {
            assert_eq!(poseidon::hash(&elements(&case["inputs"])), element(&case["out"]), "{}", case["name"]);
        }
    }

    #[test]
    fn agrees_with_circomlib_on_the_whole_state() {
        let vectors = external("poseidon_bn254_fullstate.json");
        for case in cases(&vectors, "vectors") {
            let mut state = vec![element(&case["initState"])];
            state.extend(elements(&case["inputs"]));
            poseidon::permute(&mut state);
            assert_eq!(state, elements(&case["outState"]));
        }
    }
}

mod sponge {
    use super::*;

    fn numbers(count: usize) -> Vec<F> {
        (1..=count as u64).map(F::from).collect()
    }

    /// The definition, block by block, on the bare permutation.
    fn expected(tag: u64, inputs: &[F]) -> Vec<F> {
        let mut state = vec![F::from(0_u64); 9];
        state[0] = F::from(tag) * field::pow2(64) + F::from(inputs.len() as u64);
        let mut padded = inputs.to_vec();
        padded.resize(inputs.len().div_ceil(8).max(1) * 8, F::from(0_u64));
        for block in padded.chunks(8) {
            (0..8).for_each(|i| state[1 + i] += block[i]);
            poseidon::permute(&mut state);
        }
        state[1..].to_vec()
    }

    #[test]
    fn is_the_defined_sequence_of_permutations() {
        for count in [0, 1, 7, 8, 9, 16, 17, 40] {
            let inputs = numbers(count);
            assert_eq!(poseidon::sponge_squeeze(3, &inputs).to_vec(), expected(3, &inputs), "{count} inputs");
            assert_eq!(poseidon::sponge(3, &inputs), expected(3, &inputs)[0]);
        }
    }

    #[test]
    fn tag_and_length_separate_inputs_that_pad_alike() {
        let mut longer = numbers(3);
        longer.push(F::from(0_u64));
        assert_ne!(poseidon::sponge(1, &numbers(3)), poseidon::sponge(1, &longer));
        assert_ne!(poseidon::sponge(1, &numbers(3)), poseidon::sponge(2, &numbers(3)));
        assert_ne!(poseidon::sponge(1, &[]), poseidon::sponge(1, &[F::from(0_u64)]));
    }
}

#[test]
fn keccak_is_the_one_of_the_chain() {
    let empty = "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470";
    let transfer = "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef";
    assert_eq!(field::hex(&keccak256(b"")), empty);
    assert_eq!(field::hex(&keccak256(b"Transfer(address,address,uint256)")), transfer);
    let parts: [&[u8]; 3] = [b"Transfer(", b"", b"address,address,uint256)"];
    assert_eq!(field::hex(&keccak256_of(&parts)), transfer);
}

mod curve {
    use super::*;

    /// The eight points whose order divides 8; (0, −1) has order 2.
    fn torsion() -> Vec<Point> {
        let order_8 = babyjub::GENERATOR.times(&babyjub::SUBGROUP_ORDER);
        (0..8_u64).map(|k| order_8.times(&Integer::from(k))).collect()
    }

    #[test]
    fn constants_are_those_of_the_standard() {
        let standard = external("babyjub_eip2494_params.json");
        let twisted = &standard["twisted_edwards"];
        assert_eq!(babyjub::A, element(&twisted["a"]));
        assert_eq!(babyjub::D, element(&twisted["d"]));
        assert_eq!(babyjub::GENERATOR, point(&twisted["Generator"]));
        assert_eq!(babyjub::BASE8, point(&twisted["Base8"]));
        assert_eq!(babyjub::SUBGROUP_ORDER, integer(&standard["subgroup_l"]));
        assert_eq!(babyjub::GENERATOR.times_cofactor(), babyjub::BASE8);
    }

    #[test]
    fn multiples_and_packed_forms_agree_with_circomlib() {
        let vectors = external("babyjub.json");
        for case in cases(&vectors, "scalar_mul_base8") {
            let (k, expected) = (integer(&case["k"]), point(&case["P"]));
            assert_eq!(babyjub::BASE8.times(&k), expected);
            assert_eq!(babyjub::base8_times(&k).affine(), expected);
            assert_eq!(expected.pack(), bytes::<32>(&case["packed"]));
            assert_eq!(Point::unpack(&expected.pack()), Ok(expected));
        }
    }

    #[test]
    fn sums_and_shared_secrets_agree_with_circomlib() {
        let vectors = external("babyjub.json");
        for case in cases(&vectors, "add") {
            assert_eq!(point(&case["a"]).add(&point(&case["b"])), point(&case["sum"]));
        }
        for case in cases(&vectors, "ecdh") {
            assert_eq!(babyjub::BASE8.times(&integer(&case["a"])), point(&case["A"]));
            assert_eq!(point(&case["B"]).times(&integer(&case["a"])), point(&case["shared"]));
            assert_eq!(point(&case["A"]).times(&integer(&case["b"])), point(&case["shared"]));
        }
    }

    #[test]
    fn addition_holds_for_every_pair_of_special_points() {
        let mut points = torsion();
        points.extend([babyjub::BASE8, babyjub::GENERATOR, babyjub::BASE8.negated()]);
        for a in &points {
            assert_eq!(a.add(&Point::IDENTITY), *a);
            assert_eq!(a.add(&a.negated()), Point::IDENTITY);
            assert_eq!(a.add(a), a.double());
            assert!(points.iter().all(|b| a.add(b).is_on_curve() && a.add(b) == b.add(a)));
        }
    }

    #[test]
    fn subgroup_and_low_order_are_told_apart() {
        let torsion = torsion();
        assert!(torsion.iter().all(Point::is_of_low_order));
        assert_eq!(torsion.iter().filter(|point| point.is_in_subgroup()).count(), 1, "the neutral element only");
        assert!(babyjub::BASE8.is_in_subgroup() && !babyjub::BASE8.is_of_low_order());
        assert!(!babyjub::GENERATOR.is_in_subgroup() && !babyjub::GENERATOR.is_of_low_order());
        assert!(!Point { x: F::from(1_u64), y: F::from(1_u64) }.is_in_subgroup());
    }

    #[test]
    fn coordinates_off_the_curve_are_refused() {
        let refused = Point::new(F::from(1_u64), F::from(2_u64));
        assert!(matches!(refused, Err(CoreError::PointNotOnCurve { .. })), "{refused:?}");
        assert_eq!(Point::new(babyjub::BASE8.x, babyjub::BASE8.y), Ok(babyjub::BASE8));
    }

    #[test]
    fn each_point_has_one_packed_form() {
        for special in torsion().into_iter().chain([babyjub::BASE8, babyjub::BASE8.negated()]) {
            assert_eq!(Point::unpack(&special.pack()), Ok(special));
        }
        let mut order = field::to_le_bytes(&-F::from(1_u64));
        order[0] += 1;
        let mut signed_identity = Point::IDENTITY.pack();
        signed_identity[31] |= 0x80;
        let no_point = (2_u64..).map(|y| field::to_le_bytes(&F::from(y)));
        let no_point = no_point.into_iter().find(|packed| Point::unpack(packed).is_err()).expect("half of all y");
        for (packed, expected) in
            [(order, "order of the field"), (signed_identity, "sign"), (no_point, "no point"), ([0xff; 32], "order")]
        {
            let error = Point::unpack(&packed).expect_err("not a packed point").to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn montgomery_form_is_inverse_to_the_edwards_form() {
        for k in 1_u64..20 {
            let point = babyjub::GENERATOR.times(&Integer::from(k));
            let montgomery = point.to_montgomery().expect("x is not 0");
            assert!(montgomery.is_on_curve());
            assert_eq!(montgomery.to_edwards(), Some(point));
        }
        assert_eq!(Point::IDENTITY.to_montgomery(), None);
        assert_eq!(Point { x: F::from(0_u64), y: -F::from(1_u64) }.to_montgomery(), None);
    }

    #[test]
    fn hashed_points_are_distinct_members_of_the_subgroup() {
        let points: Vec<Point> = (0..20).map(|index| babyjub::hash_to_curve("tacit.test", index)).collect();
        for (i, point) in points.iter().enumerate() {
            assert!(point.is_in_subgroup() && *point != Point::IDENTITY);
            assert!(!points[..i].contains(point));
        }
        assert_ne!(babyjub::hash_to_curve("tacit.test", 0), babyjub::hash_to_curve("tacit.other", 0));
    }
}

mod signatures {
    use super::*;

    fn some_key() -> SigningKey {
        SigningKey::from_seed(&[7; 32])
    }

    fn order_2() -> Point {
        Point { x: F::from(0_u64), y: -F::from(1_u64) }
    }

    #[test]
    fn keys_and_signatures_agree_with_circomlib_and_zk_kit() {
        let vectors = external("eddsa_poseidon_babyjub.json");
        for case in cases(&vectors, "vectors") {
            let (key, message) = (SigningKey::from_seed(&bytes(&case["prv"])), element(&case["msg"]));
            let expected = Signature { r8: point(&case["R8"]), s: integer(&case["S"]) };
            assert_eq!(key.public_key(), point(&case["A"]), "{}", case["name"]);
            assert_eq!(key.public_key().pack(), bytes::<32>(&case["A_packed"]));
            assert_eq!(key.sign(message), expected, "{}", case["name"]);
            assert_eq!(expected.pack(), bytes::<64>(&case["sig_packed"]));
            assert_eq!(Signature::unpack(&expected.pack()), Ok(expected));
            assert!(eddsa::verify(&key.public_key(), message, &expected));
        }
    }

    #[test]
    fn every_negative_vector_is_refused() {
        let vectors = external("eddsa_poseidon_babyjub.json");
        assert_eq!(cases(&vectors, "negative").len(), 25);
        for case in cases(&vectors, "negative") {
            let signature = Signature { r8: point(&case["R8"]), s: integer(&case["S"]) };
            assert!(!eddsa::verify(&point(&case["A"]), element(&case["msg"]), &signature), "{}", case["kind"]);
        }
    }

    #[test]
    fn a_key_of_low_order_signs_nothing() {
        // With 8·A neutral, S·B8 = R8 would hold for every message.
        let low = babyjub::GENERATOR.times(&babyjub::SUBGROUP_ORDER);
        let forged = Signature { r8: babyjub::BASE8.times(&Integer::from(5_u64)), s: Integer::from(5_u64) };
        for k in 0_u64..8 {
            let key = low.times(&Integer::from(k));
            assert!(!eddsa::verify(&key, F::from(1_u64), &forged), "multiple {k} of a point of order 8");
        }
    }

    #[test]
    fn a_nonce_point_with_torsion_is_refused() {
        let (key, message) = (some_key(), F::from(9_u64));
        let signature = key.sign(message);
        let shifted = Signature { r8: signature.r8.add(&order_2()), ..signature };
        assert!(!eddsa::verify(&key.public_key(), message, &shifted));
    }

    /// The relation multiplies A by 8, so a torsion part of a key is accepted as circomlib accepts it: as another key of the same
    /// holder, for h binds A as it is written.
    #[test]
    fn a_torsion_part_makes_another_key_of_the_same_holder() {
        let (secret, nonce, message) = (Scalar::from(123_456_789_u64), Scalar::from(987_654_321_u64), F::from(9_u64));
        let key = babyjub::BASE8.times(&secret.into_bigint());
        let r8 = babyjub::BASE8.times(&nonce.into_bigint());
        let shifted = key.add(&order_2());
        let signature_under = |key: &Point| {
            let h = field::to_le_bytes(&eddsa::challenge(&r8, key, message));
            let s = nonce + Scalar::from(8_u64) * Scalar::from_le_bytes_mod_order(&h) * secret;
            Signature { r8, s: s.into_bigint() }
        };
        for signer in [&key, &shifted] {
            for verifier in [&key, &shifted] {
                assert_eq!(eddsa::verify(verifier, message, &signature_under(signer)), signer == verifier);
            }
        }
    }

    #[test]
    fn the_neutral_nonce_point_follows_the_relation() {
        let key = some_key();
        let zero = Signature { r8: Point::IDENTITY, s: Integer::from(0_u64) };
        assert!(!eddsa::verify(&key.public_key(), F::from(9_u64), &zero));
    }

    #[test]
    fn points_off_the_curve_are_refused() {
        let (key, message) = (some_key(), F::from(9_u64));
        let signature = key.sign(message);
        let off = Point { x: signature.r8.x + F::from(1_u64), y: signature.r8.y };
        assert!(!eddsa::verify(&key.public_key(), message, &Signature { r8: off, ..signature }));
        let off = Point { x: F::from(1_u64), y: F::from(1_u64) };
        assert!(!eddsa::verify(&off, message, &signature));
        let origin = Point { x: F::from(0_u64), y: F::from(0_u64) };
        assert!(!eddsa::verify(&origin, message, &signature));
    }

    #[test]
    fn a_scalar_at_or_above_the_order_has_no_packed_form() {
        let mut packed = some_key().sign(F::from(9_u64)).pack();
        packed[32..].copy_from_slice(&field::integer_to_le_bytes(&babyjub::SUBGROUP_ORDER));
        assert_eq!(Signature::unpack(&packed), Err(CoreError::SignatureScalar));
    }

    #[test]
    fn every_flipped_bit_of_a_packed_signature_is_refused() {
        let (key, message) = (some_key(), F::from(1234_u64));
        let packed = key.sign(message).pack();
        for bit in 0..512 {
            let mut changed = packed;
            changed[bit / 8] ^= 1 << (bit % 8);
            let accepted = Signature::unpack(&changed).is_ok_and(|sig| eddsa::verify(&key.public_key(), message, &sig));
            assert!(!accepted, "bit {bit}");
        }
    }

    #[test]
    fn printing_a_key_shows_no_secret() {
        let shown = format!("{:?}", some_key());
        assert!(shown.contains("public_key") && !shown.contains("scalar") && !shown.contains("nonce"), "{shown}");
    }
}
