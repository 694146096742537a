//! Poseidon, sponge, transcript and pads.

use std::collections::BTreeSet;

use tacit_circuits::builder::{Builder, Lc, PRODUCT};
use tacit_circuits::gadgets::transcript::{PlainTranscript, Transcript};
use tacit_circuits::gadgets::{pad, poseidon};
use tacit_core::field::{self, F};
use tacit_core::poseidon as plain;

use crate::{checked, external, rows_of, some, values, violated, witnesses};

fn somes(n: usize) -> Vec<F> {
    (0..n as u64).map(some).collect()
}

#[test]
fn every_external_hash_is_computed() {
    let file = external("poseidon_bn254.json");
    for vector in file["vectors"].as_array().unwrap() {
        let (inputs, digest) = hash_vector(vector);
        let (hash, refused) = checked(|b| {
            let inputs = witnesses(b, &inputs);
            poseidon::hash(b, &inputs)
        });
        assert!(refused.is_empty());
        assert_eq!(hash.value(), digest, "{}", vector["name"]);
    }
}

#[test]
fn no_external_hash_is_that_of_other_inputs() {
    // Each digest is claimed of the inputs of the next vector of as many: the circuit has no witness for it.
    let file = external("poseidon_bn254.json");
    let vectors: Vec<(Vec<F>, F)> = file["vectors"].as_array().unwrap().iter().map(hash_vector).collect();
    let claims = vectors.iter().zip(&vectors[1..]).filter(|((one, _), (other, _))| one.len() == other.len());
    let mut refusals = 0;
    for ((_, digest), (inputs, _)) in claims {
        let refused = violated(|b| {
            let inputs = witnesses(b, inputs);
            let claimed = witnesses(b, &[*digest]);
            let hash = poseidon::hash(b, &inputs);
            b.equal("digest", &hash, &claimed[0]);
        });
        assert_eq!(refused, BTreeSet::from(["digest"]));
        refusals += 1;
    }
    assert!(refusals > 50, "only {refusals} vectors have a next one of as many inputs");
}

fn hash_vector(vector: &serde_json::Value) -> (Vec<F>, F) {
    let number = |value: &serde_json::Value| field::parse(value.as_str().unwrap()).unwrap();
    (vector["inputs"].as_array().unwrap().iter().map(number).collect(), number(&vector["out"]))
}

#[test]
fn every_external_permutation_is_computed_and_no_element_of_it_is_another() {
    let file = external("poseidon_bn254_fullstate.json");
    let number = |value: &serde_json::Value| field::parse(value.as_str().unwrap()).unwrap();
    let numbers = |value: &serde_json::Value| value.as_array().unwrap().iter().map(number).collect::<Vec<F>>();
    let vectors = file["vectors"].as_array().unwrap();
    assert_eq!(vectors.len(), 32);
    for vector in vectors {
        let state = [vec![number(&vector["initState"])], numbers(&vector["inputs"])].concat();
        let expected = numbers(&vector["outState"]);
        for wrong in std::iter::once(None).chain((0..state.len()).map(Some)) {
            let names = violated(|b| {
                let state = witnesses(b, &state);
                for (at, (out, expected)) in poseidon::permute(b, &state).iter().zip(&expected).enumerate() {
                    let by = F::from(u64::from(wrong == Some(at)));
                    let claimed = witnesses(b, &[*expected + by]);
                    b.equal("state", out, &claimed[0]);
                }
            });
            assert_eq!(names.is_empty(), wrong.is_none(), "width {}", state.len());
        }
    }
}

#[test]
fn the_permutation_is_its_plain_twin_at_every_width() {
    for width in plain::MIN_WIDTH..=plain::MAX_WIDTH {
        let mut expected = somes(width);
        let (state, refused) = checked(|b| {
            let state = witnesses(b, &somes(width));
            poseidon::permute(b, &state)
        });
        plain::permute(&mut expected);
        assert!(refused.is_empty());
        assert_eq!(values(&state), expected);
    }
}

#[test]
fn the_sponge_is_its_plain_twin_at_every_length() {
    for length in 0..=25 {
        let inputs = somes(length);
        let (rate, refused) = checked(|b| {
            let inputs = witnesses(b, &inputs);
            poseidon::sponge_squeeze(b, 9, &inputs)
        });
        assert!(refused.is_empty());
        assert_eq!(values(&rate), plain::sponge_squeeze(9, &inputs));
    }
}

#[test]
fn constant_inputs_are_folded_and_change_no_value() {
    let build = |constants: usize| {
        move |b: &mut Builder| {
            let mut inputs: Vec<Lc> = somes(constants).into_iter().map(Lc::constant).collect();
            inputs.extend(witnesses(b, &somes(4)[constants..]));
            poseidon::hash(b, &inputs)
        }
    };
    for constants in 0..=4 {
        assert_eq!(checked(build(constants)).0.value(), plain::hash(&somes(4)));
    }
    assert_eq!(rows_of(build(1)), rows_of(build(0)) - 3);
    assert_eq!(rows_of(build(4)), 0, "the hash of constants is a constant");
}

#[test]
fn a_combination_is_hashed_like_its_value() {
    let (hash, refused) = checked(|b| {
        let given = witnesses(b, &somes(3));
        poseidon::hash(b, &[&given[0] + &given[1], given[2].scale(some(7)).add_constant(some(8))])
    });
    assert!(refused.is_empty());
    assert_eq!(hash.value(), plain::hash(&[some(0) + some(1), some(2) * some(7) + some(8)]));
}

#[test]
fn no_product_inside_a_hash_can_be_replaced() {
    let inputs = somes(2);
    let rows = rows_of(|b| {
        let inputs = witnesses(b, &inputs);
        poseidon::hash(b, &inputs)
    });
    for product in 0..rows {
        let refused = violated(|b| {
            b.override_witness(PRODUCT, product, |honest| honest + F::from(1u8));
            let inputs = witnesses(b, &inputs);
            poseidon::hash(b, &inputs)
        });
        assert_eq!(refused, BTreeSet::from([PRODUCT]));
    }
}

#[test]
fn rows_of_hashes_are_as_stated() {
    let hash = |n: usize| {
        rows_of(|b| {
            let inputs = witnesses(b, &somes(n));
            poseidon::hash(b, &inputs)
        })
    };
    let sponge = |n: usize| {
        rows_of(|b| {
            let inputs = witnesses(b, &somes(n));
            poseidon::sponge(b, 1, &inputs)
        })
    };
    assert_eq!([hash(8), hash(5), hash(4)], [402, 321, 297]);
    assert_eq!([sponge(8), sponge(9), sponge(16), sponge(17)], [402, 807, 807, 1212]);
}

#[test]
fn a_transcript_is_the_sponge_over_its_elements() {
    for length in 0..=20 {
        let elements = somes(length);
        let (digest, refused) = checked(|b| {
            let given = witnesses(b, &elements);
            let mut transcript = Transcript::new(9, length);
            given.iter().for_each(|element| transcript.absorb(b, element));
            assert_eq!(transcript.missing(), 0);
            transcript.digest(b)
        });
        let mut twin = PlainTranscript::default();
        elements.iter().for_each(|element| twin.absorb(*element));
        assert!(refused.is_empty());
        assert_eq!(digest.value(), twin.digest(9));
        assert_eq!(twin.len(), length);
    }
}

#[test]
#[should_panic(expected = "lacks elements")]
fn a_transcript_with_an_element_missing_has_no_digest() {
    let mut b = Builder::rows();
    let _ = Transcript::new(9, 1).digest(&mut b);
}

#[test]
fn pads_are_their_plain_twin_and_eight_cost_one_permutation() {
    let build = |b: &mut Builder| {
        let given = witnesses(b, &somes(4));
        pad::stream(b, &given[0], &given[1], &given[2], &given[3], 2)
    };
    let (pads, refused) = checked(build);
    assert!(refused.is_empty());
    let expected = pad::stream_plain(some(0), some(1), some(2), some(3), 2);
    assert_eq!(values(&pads), expected);
    let second = plain::sponge_squeeze(6, &[some(0), some(1), some(2), some(3) + F::from(1u8)]);
    assert_eq!(expected[8..], second);
    assert_eq!(rows_of(build), 2 * (402 - 3 * 4), "the four unused elements of the rate start as constants");
}
