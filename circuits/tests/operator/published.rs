//! Attack 25: public data that is not what was proven, word by word.

use tacit_circuits::builder::PRODUCT;
use tacit_circuits::settlement::Settlement;
use tacit_core::data::OPEN_WORDS;
use tacit_core::field::{F, from_u64, pow2};

use crate::pretence::{Valid, products};
use crate::support::Attack;
use crate::support::Circuit::Segment;
use crate::support::scene::Dice;
use crate::{Mutator, tried};

pub const MUTATORS: &[Mutator] = &[
    tried(
        25,
        'a',
        "an account index that is not the touched one's",
        &["contract", "open value", "index out"],
        |v, _| {
            let last = v.cleared.touches.len() - 1;
            (last > 0).then(|| sent(v, last, 0, F::from(1u8)))
        },
    )
    .because("the seal holds the index; where it is the last of its segment the next one starts behind it"),
    tried(25, 'b', "a deposit or request that is not the touch's", &["contract", "open value"], |v, dice| {
        let touch = v.draw_touch(dice, |_, _| true)?;
        Some(sent(v, touch, 0, pow2(24)))
    })
    .because("the contract's queues hold the amount"),
    tried(25, 'c', "another amount paid out", &["open value"], |v, dice| {
        let touch = v.draw_touch(dice, |_, _| true)?;
        Some(sent(v, touch, 0, from_u64(1 + dice.below(1_000_000)) * pow2(88)))
    }),
    tried(25, 'd', "another touch hash", &["contract", "open value"], |v, dice| changed(v, dice, 1))
        .because("the seal holds it"),
    tried(25, 'e', "another new leaf", &["open value"], |v, dice| changed(v, dice, 2)),
    tried(25, 'f', "another owner", &["contract", "open value"], |v, dice| changed(v, dice, 3))
        .because("the contract knows the owner of each account that it lets open"),
    tried(25, 'g', "another recipient", &["open value"], |v, dice| {
        let touch = v.draw_touch(dice, |_, _| true)?;
        let word = v.cleared.touches[touch].words[4];
        Some(sent(v, touch, 4, from_u64(1 + dice.below(1_000)) - word))
    }),
    tried(25, 'h', "another v", &["encrypted value"], |v, dice| changed(v, dice, 5)),
    tried(25, 'i', "another ciphertext of the state", &["encrypted value"], |v, dice| changed(v, dice, 6)),
    tried(25, 'j', "another ciphertext of positions", &["encrypted value"], |v, dice| changed(v, dice, 7)),
    tried(25, 'k', "another ciphertext of outcomes", &["encrypted value"], |v, dice| changed(v, dice, 8)),
    tried(25, 'l', "ciphertexts of two accounts exchanged", &["encrypted value"], |v, dice| {
        let (a, b) = (v.draw_touch(dice, |_, t| t.new.is_some())?, v.draw_touch(dice, |_, t| t.new.is_some())?);
        let size = v.cleared.params.words_per_touch();
        (a != b).then(|| v.attacked().sent(move |s| (5..size).for_each(|i| s.words.swap(a * size + i, b * size + i))))
    }),
    tried(25, 'm', "open words in padding", &["open value"], |v, dice| {
        in_padding(v, 2 + dice.below(OPEN_WORDS as u64 - 2) as usize)
    }),
    tried(25, 'n', "another clearing price", &["data value"], |v, dice| {
        let rows = v.cleared.auctions.len() as u64;
        let row = dice.below(rows.max(1));
        (rows > 0).then(|| closing_word(v, row as usize, pow2(27)))
    }),
    tried(25, 'o', "a trade called none, or none a trade", &["data value"], |v, dice| {
        let rows = v.cleared.auctions.len() as u64;
        let row = dice.below(rows.max(1)) as usize;
        let traded = v.cleared.auctions.get(row)?.volume > 0;
        Some(closing_word(v, row, if traded { -pow2(69) } else { pow2(69) }))
    }),
    tried(25, 'p', "another settlement value", &["contract", "data value"], |v, dice| {
        let rows = v.cleared.sealed.settled.len() as u64;
        let row = dice.below(rows.max(1)) as usize;
        (rows > 0).then(|| closing_word(v, v.cleared.params.rows + row, pow2(27)))
    })
    .because("the contract knows the value"),
    tried(25, 'q', "another root after a segment", &["root out"], |v, dice| {
        let j = v.cleared.segments() - 1;
        let by = from_u64(1 + dice.below(9));
        Some(v.attacked().sent(move |s| s.segments[j].root += by))
    }),
    tried(25, 'r', "another digest than the segment's", &["tau"], |v, dice| {
        let j = dice.below(v.cleared.segments() as u64) as usize;
        Some(v.attacked().sent(move |s| s.segments[j].tau += F::from(1u8)))
    }),
    tried(25, 's', "another auction root", &["auction root"], |v, _| {
        Some(v.attacked().sent(|s| s.closing.auction_root += F::from(1u8)))
    }),
    tried(25, 't', "a word proven that is not what the account's leaf gives", &[PRODUCT], |v, dice| {
        let touch = v.draw_touch(dice, |_, t| t.new.is_some())?;
        let touches = v.cleared.params.touches;
        let wires = gated_words(v, touch);
        let word = wires[dice.below(wires.len() as u64) as usize];
        Some(v.attacked().lie(Segment(touch / touches), PRODUCT, word, |word| word + F::from(1u8)))
    }),
    tried(25, 'u', "encrypted words in padding", &["encrypted value"], |v, dice| {
        let encrypted = v.cleared.params.words_per_touch() - OPEN_WORDS;
        in_padding(v, OPEN_WORDS + dice.below(encrypted as u64) as usize)
    }),
];

/// A word of the first touch of padding is sent as 1.
fn in_padding(v: &Valid, word: usize) -> Option<Attack> {
    let touch = v.cleared.touches.len();
    (!touch.is_multiple_of(v.cleared.params.touches)).then(|| sent(v, touch, word, F::from(1u8)))
}

/// A data word of a touch is sent as another.
fn sent(v: &Valid, touch: usize, word: usize, by: F) -> Attack {
    let at = touch * v.cleared.params.words_per_touch() + word;
    v.attacked().sent(move |s: &mut Settlement| s.words[at] += by)
}

/// A word of any touch is sent as another.
fn changed(v: &Valid, dice: &mut Dice, word: usize) -> Option<Attack> {
    let touch = v.draw_touch(dice, |_, t| word < 5 || t.new.is_some())?;
    Some(sent(v, touch, word, from_u64(1 + dice.below(1_000))))
}

/// A closing word is sent as another.
fn closing_word(v: &Valid, word: usize, by: F) -> Attack {
    let at = v.cleared.segments() * v.cleared.params.words_per_segment() + word;
    v.attacked().sent(move |s: &mut Settlement| s.words[at] += by)
}

/// The gates of v and of the ciphertexts in a touch: the last of the products in its scope that are not the two values'.
fn gated_words(v: &Valid, touch: usize) -> Vec<usize> {
    let params = &v.cleared.params;
    let (gates, words) = (4 + params.plain_words(), params.words_per_touch());
    let all = products("public words");
    // The first open and the first encrypted word of a segment are not multiplied by the point: the value before is the constant 0.
    let start = match touch % params.touches {
        0 => 0,
        at => at * (gates + words) - 2,
    };
    all[start + 3..start + gates].to_vec()
}
