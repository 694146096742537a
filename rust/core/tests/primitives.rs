//! The primitives against vectors that other implementations computed (`tests/vectors/external`), and at their edges.

use std::path::Path;

use serde_json::Value;
use tacit_core::error::CoreError;
use tacit_core::field::{self, F};
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
