//! What an owner reads of chain data, against an operator who knows the viewing key and encrypts what he likes.
//!
//! The harness seals any words the way the protocol says, with the leaf hash that the reader will look for. Accepted must mean: these words are
//! the one sealing of exactly the leaf and the outcomes that were read, and the leaf is one that a state can hold.

use ark_ff::{AdditiveGroup, PrimeField};
use num_bigint::BigUint;
use tacit_core::account::{Holder, Leaf, Position};
use tacit_core::batch::{Outcome, Reason};
use tacit_core::field::{F, from_u64, pow2};
use tacit_core::params::Params;
use tacit_core::poseidon;
use tacit_core::seal::{self, TouchNumbers, decrypt_touch, outcome_words, seal_touch};
use tacit_core::units::{CASH_BOUND, POSITION_BOUND};

use super::{says_why, seed};
use crate::input::Input;
use crate::material::element;
use crate::scene::{domain, holder_of};

const INDEX: u32 = 5;

pub(super) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    match input.below(4) {
        0 => touch_word(element(input.bytes())),
        1 => raw_words(&mut input),
        choice => sealed_words(if choice == 2 { &Params::DEV } else { &Params::STANDARD }, &mut input),
    }
}

fn touch_word(word: F) {
    if let Some(numbers) = TouchNumbers::read(word) {
        assert_eq!(numbers.word(), word, "a touch has two index words");
    }
}

/// Words of nobody: refused, whatever they are.
fn raw_words(input: &mut Input<'_>) {
    let count = input.below(20);
    let words: Vec<F> = (0..count).map(|_| element(input.bytes())).collect();
    let refusal = decrypt_touch(&words, &holder_of(INDEX), &Params::DEV, domain(), INDEX);
    says_why(&refusal.expect_err("words that nobody sealed were opened"));
}

fn sealed_words(params: &Params, input: &mut Input<'_>) {
    let holder = holder_of(INDEX);
    let mut plain = honest_plain(params, &holder, input);
    while !input.is_empty() {
        let at = input.below(plain.len());
        match input.below(3) {
            0 => plain[at] += pow2(u32::from(input.byte())),
            1 => plain[at] -= pow2(u32::from(input.byte())),
            _ => plain[at] = element(input.bytes()),
        }
    }
    let words = sealed(params, &holder, &plain);
    match decrypt_touch(&words, &holder, params, domain(), INDEX) {
        Ok((leaf, outcomes)) => {
            assert_eq!(leaf.check(INDEX, params), Ok(()), "the leaf read is none that a state can hold");
            assert_eq!(outcomes.len(), params.orders);
            let again = seal_touch(&holder, INDEX, &leaf, &outcome_words(&outcomes, params), params, domain());
            assert_eq!(
                (again.iv, &again.cipher[..], again.salt),
                (words[5], &words[6..], leaf.salt),
                "read as another"
            );
        }
        Err(error) => says_why(&error),
    }
}

/// The words of a leaf in range, all of it chosen.
fn honest_plain(params: &Params, holder: &Holder, input: &mut Input<'_>) -> Vec<F> {
    let positions = (0..input.below(params.positions + 1)).map(|at| Position {
        instrument: 1 + 10 * at as u32 + u32::from(input.byte() % 10),
        quantity: input.pick(&[1, -1, 1_000, POSITION_BOUND - 1, -POSITION_BOUND]),
    });
    let positions = positions.collect();
    let leaf = Leaf {
        owner: holder.owner(),
        cash: input.pick(&[0, 1, -1, CASH_BOUND - 1, -CASH_BOUND]),
        epoch: input.word(),
        bitmap: input.long(),
        updates: input.word(),
        salt: F::ZERO,
        positions,
    };
    let outcome = |input: &mut Input<'_>| {
        let reason = Reason::from_code(input.byte() % 11).expect("eleven reasons");
        Outcome { fill: input.word(), reason }
    };
    let outcomes: Vec<Outcome> = (0..params.orders).map(|_| outcome(input)).collect();
    let mut plain = vec![leaf.state_word(INDEX)];
    plain.extend(leaf.position_words(params));
    plain.extend(outcome_words(&outcomes, params));
    plain
}

/// The data words of a touch with this plain text, as section 3 of the protocol seals it.
fn sealed(params: &Params, holder: &Holder, plain: &[F]) -> Vec<F> {
    let (key, domain) = (holder.viewing_key, domain());
    let iv = poseidon::sponge(seal::TAG_IV, &[&[key, domain], plain].concat());
    let block = |b: usize| {
        let inputs = [key, domain, from_u64(INDEX.into()), iv + from_u64(b as u64)];
        poseidon::sponge_squeeze(seal::TAG_PAD, &inputs)
    };
    let pads: Vec<F> = (0..params.pad_blocks()).flat_map(block).collect();
    let leaf = told_leaf(params, holder, plain, pads[pads.len() - 1]).map_or(F::from(1u64), |leaf| leaf.hash(params));
    let numbers = TouchNumbers { index: INDEX, exit: false, opens: false, amount: 0, paid: 0 };
    let mut words = vec![numbers.word(), F::ZERO, leaf, F::ZERO, F::ZERO, iv];
    words.extend(plain.iter().zip(&pads).map(|(word, pad)| *word + pad));
    words
}

/// The leaf that a credulous reader would take the words for.
fn told_leaf(params: &Params, holder: &Holder, plain: &[F], salt: F) -> Option<Leaf> {
    let place = |word: F, at: u32| {
        Some(Position {
            instrument: u32::try_from(part(word, 63 * at, 27)).ok()?,
            quantity: i64::try_from(part(word, 63 * at + 27, 36)).ok()? - POSITION_BOUND,
        })
    };
    let words = &plain[1..1 + params.position_words()];
    let places = words.iter().flat_map(|word| (0..4).map(move |at| place(*word, at)));
    let positions: Vec<Position> = places.collect::<Option<_>>()?;
    Some(Leaf {
        owner: holder.owner(),
        cash: part(plain[0], 0, 92).cast_signed() - CASH_BOUND,
        epoch: u32::try_from(part(plain[0], 92, 32)).ok()?,
        bitmap: u64::try_from(part(plain[0], 124, 64)).ok()?,
        updates: u32::try_from(part(plain[0], 209, 32)).ok()?,
        salt,
        positions: positions.into_iter().filter(|position| position.instrument != 0).collect(),
    })
}

fn part(word: F, offset: u32, bits: u32) -> u128 {
    let number: BigUint = word.into_bigint().into();
    u128::try_from((number >> offset) & ((BigUint::from(1u8) << bits) - 1u8)).expect("at most 128 bits")
}

pub(super) fn seeds() -> Vec<(String, Vec<u8>)> {
    let numbers = TouchNumbers { index: 7, exit: true, opens: false, amount: 9, paid: 1 << 70 };
    let honest =
        [3, 1, 0, 2, 1, 3, 2, 1, 7, 0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 10, 5, 0, 0, 0, 2, 6, 0, 0, 0];
    let lie = |at: u8, kind: u8, bit: u8| [&honest[..], &[at, kind, bit]].concat();
    vec![
        seed("touch word", 0, &tacit_core::field::to_be_bytes(&numbers.word())),
        seed("words of nobody", 1, &[12]),
        seed("honest, dev", 2, &honest),
        seed("honest, standard", 3, &honest),
        seed("full leaf", 2, &[4, 0, 3, 0, 4, 0, 3, 0, 4, 3]),
        seed("another index", 2, &lie(0, 0, 188)),
        seed("bits above the state", 2, &lie(0, 0, 250)),
        seed("an empty place with lots", 2, &lie(1, 0, 30)),
        seed("an outcome without an order", 2, &lie(2, 0, 80)),
        seed("a reason without a name", 2, &lie(2, 0, 35)),
    ]
}
