//! Sections 7 and 8: what is hashed and evaluated of public data, wherever the encrypted words are kept.

use ark_ff::PrimeField;
use proptest::prelude::*;
use tacit_core::data::{OPEN_WORDS, SegmentData, data_value, words_hash};
use tacit_core::field::{F, to_be_bytes};
use tacit_core::keccak::{keccak256, keccak256_of};
use tacit_core::params::Params;

/// Words of a segment, and a point to evaluate them at.
fn drawn(params: &Params, seed: u64) -> (Vec<F>, F) {
    let draw = |at: u64| F::from_be_bytes_mod_order(&keccak256_of(&[&seed.to_be_bytes(), &at.to_be_bytes()]));
    ((1..=params.words_per_segment() as u64).map(draw).collect(), draw(0))
}

fn segments() -> impl Strategy<Value = (Params, Vec<F>, F)> {
    (prop::sample::select(&Params::ALL), any::<u64>()).prop_map(|(params, seed)| {
        let (words, z) = drawn(&params, seed);
        (params, words, z)
    })
}

proptest! {
    #[test]
    fn open_and_encrypted_words_are_all_words((params, words, _) in segments()) {
        let data = SegmentData::of(&words, &params);
        prop_assert_eq!(data.open.len(), OPEN_WORDS * params.touches);
        prop_assert_eq!(&data.open[OPEN_WORDS..2 * OPEN_WORDS], &words[params.words_per_touch()..][..OPEN_WORDS]);
        prop_assert_eq!(data.words(), words);
    }

    #[test]
    fn each_value_is_of_its_words_alone_as_they_stand_in_calldata((params, words, z) in segments()) {
        let data = SegmentData::of(&words, &params);
        let (mut open, mut encrypted) = (Vec::new(), Vec::new());
        for (at, word) in words.iter().enumerate() {
            (if at % params.words_per_touch() < 5 { &mut open } else { &mut encrypted }).push(*word);
        }
        prop_assert_eq!(data.open_value(z), data_value(&open, z));
        prop_assert_eq!(data.encrypted_value(z), data_value(&encrypted, z));
    }

    #[test]
    fn no_encrypted_word_moves_the_open_value((params, words, z) in segments(), at in any::<prop::sample::Index>()) {
        let at = at.index(words.len());
        let mut other = words.clone();
        other[at] += F::from(1u8);
        let (before, after) = (SegmentData::of(&words, &params), SegmentData::of(&other, &params));
        let open = at % params.words_per_touch() < 5;
        prop_assert_eq!(before.open_value(z) == after.open_value(z), !open);
        prop_assert_eq!(before.encrypted_value(z) == after.encrypted_value(z), open);
    }

    #[test]
    fn the_hash_of_a_segment_is_of_its_open_words_and_one_hash_of_the_others((params, words, _) in segments()) {
        let (mut open, mut encrypted) = (Vec::new(), Vec::new());
        for (at, word) in words.iter().enumerate() {
            let part = if at % params.words_per_touch() < 5 { &mut open } else { &mut encrypted };
            part.extend(to_be_bytes(word));
        }
        open.extend(keccak256(&encrypted));
        prop_assert_eq!(SegmentData::of(&words, &params).hash(), keccak256(&open));
    }
}

#[test]
fn every_word_of_a_segment_changes_its_hash() {
    let (words, _) = drawn(&Params::DEV, 1);
    let hash = SegmentData::of(&words, &Params::DEV).hash();
    for at in 0..words.len() {
        let mut other = words.clone();
        other[at] += F::from(1u8);
        assert_ne!(SegmentData::of(&other, &Params::DEV).hash(), hash, "word {at}");
    }
}

#[test]
fn no_words_are_hashed_like_none() {
    assert_eq!(words_hash(&[]), keccak256(&[]));
    assert!(SegmentData::of(&[], &Params::DEV).words().is_empty());
}
