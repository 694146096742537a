//! One encoding a thing, where fuzzing found a second: what was written otherwise is refused, even if it means the same.

mod scene;

use scene::{Scene, domain, holder_of, order, withdrawal};
use tacit_core::account::{Holder, Leaf};
use tacit_core::batch::{Outcome, Reason, State};
use tacit_core::field::{F, from_u64, pow2};
use tacit_core::json;
use tacit_core::order::{Order, Side};
use tacit_core::params::Params;
use tacit_core::poseidon;
use tacit_core::seal::{TAG_IV, TAG_PAD, TouchNumbers, decrypt_touch, outcome_words};

const PARAMS: Params = Params::DEV;
const INDEX: u32 = 1;

fn three_accounts() -> State {
    let mut scene = Scene::new(PARAMS);
    scene.account(1, 5, &[]);
    scene.account(2, 6, &[]);
    scene.state()
}

#[test]
fn a_stored_state_lists_its_accounts_by_increasing_index() {
    let state = three_accounts();
    let bytes = state.to_bytes();
    let (head, leaves) = bytes.split_at(47);
    let (zero, rest) = leaves.split_at(leaves.len() / 3);
    let swapped = [head, rest, zero].concat();
    let refusal = State::from_bytes(&PARAMS, &swapped).expect_err("account 0 comes last").to_string();
    assert!(refusal.contains("account 0 follows account 2"), "{refusal}");
}

#[test]
fn a_state_file_lists_its_accounts_by_increasing_index() {
    let text = json::write_state(&three_accounts());
    let document: serde_json::Value = serde_json::from_str(&text).expect("it was written");
    let mut swapped = document.clone();
    swapped["leaves"].as_array_mut().expect("a list").swap(1, 2);
    assert!(json::read_state(&document.to_string()).is_ok());
    let refusal = json::read_state(&swapped.to_string()).expect_err("account 1 comes last").to_string();
    assert!(refusal.contains("account 1 follows account 2"), "{refusal}");
}

#[test]
fn elements_and_addresses_have_no_capital_digits() {
    let read = |text: &str| serde_json::from_str::<Order>(text).is_ok();
    let order = Order { salt: from_u64(0xabc), ..order(1, 5, Side::Buy, 1, 1) };
    let text = serde_json::to_string(&order).expect("an order is JSON");
    assert!(read(&text) && !read(&text.replace("abc\"", "aBc\"")));
    let text = serde_json::to_string(&withdrawal(9, 1)).expect("an order is JSON");
    assert!(text.contains("0x0a0a") && read(&text) && !read(&text.replace("0x0a0a", "0x0A0a")));
}

/// Data words of a touch that encrypt any words, under the leaf hash that a reader will look for.
fn sealed(holder: &Holder, leaf: &Leaf, plain: &[F]) -> Vec<F> {
    let iv = poseidon::sponge(TAG_IV, &[&[holder.viewing_key, domain()], plain].concat());
    let pads = poseidon::sponge_squeeze(TAG_PAD, &[holder.viewing_key, domain(), from_u64(INDEX.into()), iv]);
    let hash = Leaf { salt: pads[7], ..leaf.clone() }.hash(&PARAMS);
    let numbers = TouchNumbers { index: INDEX, exit: false, opens: false, amount: 0, paid: 0 };
    let mut words = vec![numbers.word(), F::from(0u64), hash, F::from(0u64), F::from(0u64), iv];
    words.extend(plain.iter().zip(pads).map(|(word, pad)| *word + pad));
    words
}

#[test]
fn words_that_their_leaf_and_outcomes_do_not_account_for_are_not_read() {
    let (holder, scene) = (holder_of(INDEX), Scene::new(PARAMS));
    let leaf = Leaf { owner: holder.owner(), cash: 7, ..scene.leaves[&0].clone() };
    let outcomes = [Outcome { fill: 3, reason: Reason::None }; 2];
    let mut plain = vec![leaf.state_word(INDEX)];
    plain.extend(leaf.position_words(&PARAMS));
    plain.extend(outcome_words(&outcomes, &PARAMS));
    let read = |plain: &[F]| decrypt_touch(&sealed(&holder, &leaf, plain), &holder, &PARAMS, domain(), INDEX);
    assert!(read(&plain).is_ok_and(|(_, told)| told == outcomes));
    // Another index in the state word, lots in an empty place, an outcome where there is no order.
    for (word, bit) in [(0, 188 + 3), (1, 27), (2, 36 * 2)] {
        let mut lie = plain.clone();
        lie[word] += pow2(bit);
        assert!(read(&lie).is_err(), "bit {bit} of word {word} is read as nothing");
    }
}
